//! A panic of our own, wherever it strikes: the page goes on, it is counted and named, and the next request is answered right.

use super::*;
use crate::facts::pattern::PathPattern;
use crate::site::taps::{Api, Asked, Taps};

const PRODUCT: &str = "<!doctype html><html><head><title>T</title><meta property=\"og:type\" content=\"product\"></head><body>\
    <script type=\"application/ld+json\">{\"@type\":\"Product\",\"sku\":\"S1\",\"offers\":{\"price\":5}}</script><p>x</p></body></html>";

fn inserted() -> String {
    PRODUCT.replace("<body>", "<body><b>good</b>")
}

#[tokio::test]
async fn panic_at_any_reading_of_the_clock_costs_one_insertion_at_most() {
    for known in [false, true] {
        let (mut struck, mut learning) = (0, 0);
        for nth in 1.. {
            let shop = Shop::new(&[("good", Act::Inserts("<b>good</b>"))], Loading::Works);
            let request: Vec<_> = known.then(|| (COOKIE, shop.cookie())).into_iter().collect();
            shop.clock.break_at(nth);
            let served = shop.serve(&request, &[], PRODUCT).await;
            if !shop.clock.has_broken() {
                break;
            }
            struck += 1;
            let wanted = if served.edits.new_length { inserted() } else { PRODUCT.to_owned() };
            assert_eq!(served.body, wanted, "reading {nth}");
            assert_eq!(shop.failures("panic") + shop.failures("extract"), 1, "reading {nth}");
            assert!(matches!(&shop.named()[..], [one] if one.starts_with("shop ")), "{:?}", shop.named());
            if shop.log().contains("learning from the page panicked") {
                learning += 1;
                assert!(shop.gateway.recorder.stats().queued >= 2, "what was delivered is recorded all the same");
            }
            assert_eq!(shop.serve(&request, &[], PRODUCT).await.body, inserted(), "the next page, after reading {nth}");
        }
        assert!(struck >= 6 && learning >= 1, "{struck} places, {learning} of them while learning");
    }
}

// In a release build nothing overflows: then the age is 0.
#[cfg(debug_assertions)]
#[tokio::test]
async fn condition_that_panics_leaves_the_page_to_the_shop() {
    let profile = LiveProfile::default();
    let store = Arc::new(TestStore(Loading::Works, profile.clone()));
    let scenario = Scenario {
        id: "aged".into(),
        name: String::new(),
        priority: 0,
        slot: None,
        schedule: Schedule::default(),
        caps: Caps::default(),
        variants: vec![Variant { name: "a".into(), weight: 1, actions: vec![Box::new(Act::Inserts("<b>aged</b>"))] }],
        goal: None,
    };
    let rules = RuleSet::build(vec![(scenario, check("visitor.first_seen_days >= 0", &Scope::default()).unwrap())]);
    let shop = Shop::open(rules, Vec::new(), store, Settings::default());
    let broken = crate::store::profile::Profile { first_seen: i64::MIN, visits: 1, ..Default::default() };
    for _ in 0..2 {
        *profile.lock().unwrap() = broken.clone();
        let served = shop.page_of_known_visitor().await;
        assert!(served.is_untouched(), "{served:?}");
    }
    assert_eq!((shop.failures("panic"), shop.named()), (2, vec!["shop panic -".to_owned()]));
    assert_eq!(profile.lock().unwrap().pageviews, 1, "the page was viewed all the same");
    *profile.lock().unwrap() = crate::store::profile::Profile::default();
    assert!(shop.page_of_known_visitor().await.body.contains("aged"));
}

#[tokio::test]
async fn reader_that_panics_within_a_page_ends_alone() {
    for acts in [&[][..], &[("good", Act::Inserts("<b>good</b>"))]] {
        let mut shop = Shop::new(acts, Loading::Works);
        shop.cut = 60;
        shop.within = Some(|exchange| {
            let aside = exchange.reading.as_mut().and_then(|reading| reading.aside.as_mut());
            match (aside, &mut exchange.transform) {
                (Some(reader), _) => reader.get_mut().unwrap().extractor().panics(),
                (None, Some(transform)) => transform.get_mut().unwrap().extractor().unwrap().panics(),
                (None, None) => panic!("the page is not read"),
            }
        });
        let wanted = if acts.is_empty() { PRODUCT.to_owned() } else { inserted() };
        assert_eq!(shop.serve(&[], &[], PRODUCT).await.body, wanted);
        assert_eq!((shop.failures("extract"), shop.named()), (1, vec!["shop extract -".to_owned()]));
        let read = shop.gateway.metrics.facts_read.with_label_values(&["shop", "product"]);
        assert_eq!(read.get(), 0, "half of what it says is not believed");
        shop.within = None;
        assert_eq!((shop.serve(&[], &[], PRODUCT).await.body, read.get()), (wanted, 1));
    }
}

#[tokio::test]
async fn tap_that_panics_within_an_answer_ends_alone() {
    let asked = Asked { paths: vec![PathPattern::parse("/").unwrap()], ..Asked::default() };
    let taps = Taps { apis: vec![Api { asked, ..Api::default() }], ..Taps::default() };
    let acts = [("good", Act::Inserts("<b>good</b>"))];
    let mut shop = Shop::reading_along(&acts, Loading::Works, taps);
    shop.cut = 60;
    shop.within = Some(|exchange| {
        let heard = exchange.listen::<()>(|_| panic!("the tap panics"));
        assert!(heard.is_none(), "somebody listened");
    });
    assert_eq!(shop.serve(&[], &[], PRODUCT).await.body, inserted());
    assert_eq!((shop.failures("panic"), shop.named()), (1, vec!["shop panic -".to_owned()]));
    shop.within = None;
    assert_eq!((shop.serve(&[], &[], PRODUCT).await.body, shop.failures("panic")), (inserted(), 1));
}
