//! What hangs on the page's own content is decided when its place passes.

use super::*;
use crate::catalogue::Lesson;
use crate::commerce::{Content, Product};
use crate::facts::attributes::find;
use crate::facts::value::Value;
use crate::scenario::condition::Checked;

/// Shows a text at a place; the product's name, if the text is empty. If it is `panics`, it does once the product is known.
#[derive(Debug)]
struct Shows {
    at: &'static str,
    text: &'static str,
    styled: bool,
}

impl Action for Shows {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn needs_content(&self) -> bool {
        self.text.is_empty() || self.text == "panics"
    }

    fn lower(&self, cx: &Lowering<'_>) -> Result<Lowered, ActionError> {
        let said = find("product.name").and_then(|name| cx.facts.fact(name, None));
        assert!(said.is_none() || self.text != "panics", "the action panics");
        let text = match &said {
            Some(Value::String(name)) if self.text.is_empty() => name,
            _ => self.text,
        };
        let target = Target::First(Selector::parse(self.at).unwrap());
        let edit = Edit { target, position: Position::Before, html: Bytes::from(format!("<b>{text}</b>")) };
        Ok(Lowered { edits: vec![edit], needs_style: self.styled, ..Lowered::default() })
    }
}

/// A shop's product: where its price is told, and what it is.
fn page(price_in: &str, price: u32) -> String {
    let told = format!(
        "<script type=\"application/ld+json\">{{\"@type\":\"Product\",\"sku\":\"7\",\"name\":\"cup\",\
         \"offers\":{{\"price\":\"{price}\",\"priceCurrency\":\"JPY\"}}}}</script>"
    );
    let here = |place: &str| if place == price_in { told.as_str() } else { "" };
    format!(
        "<!doctype html><html><head><title>t</title>{}</head><body><header>h</header><main>m</main>{}<footer>f</footer></body></html>",
        here("head"),
        here("body")
    )
}

/// `undecided` hangs on the price.
fn scenario(id: &'static str, priority: i32, undecided: bool, at: &'static str) -> (Scenario, Checked) {
    let show = Shows { at, text: id, styled: id == "styled" };
    let variant = Variant { name: "a".into(), weight: 1, actions: vec![Box::new(show)] };
    let scenario = Scenario {
        id: id.into(),
        name: String::new(),
        priority,
        slot: Some("top".into()),
        schedule: Schedule::default(),
        caps: Caps { per_visitor: Some(100), ..Caps::default() },
        variants: vec![variant],
        goal: None,
    };
    let when = if undecided { "product.price >= 10000.0" } else { "true" };
    (scenario, check(when, &Scope::default()).unwrap())
}

struct Case {
    shop: Shop,
    profile: LiveProfile,
}

impl Case {
    fn new(scenarios: Vec<(Scenario, Checked)>) -> Self {
        let profile = LiveProfile::default();
        let store = Arc::new(TestStore(Loading::Works, profile.clone()));
        Self { shop: Shop::open(RuleSet::build(scenarios), Vec::new(), store, Settings::default()), profile }
    }

    /// What is shown, in the page's order; and whose deliveries were counted.
    async fn shown(&mut self, html: &str) -> (Vec<String>, Vec<String>) {
        *self.profile.lock().unwrap() = crate::store::profile::Profile::default();
        let mut bodies = Vec::new();
        for cut in [html.len(), 1, 7, 100] {
            self.shop.cut = cut;
            *self.profile.lock().unwrap() = crate::store::profile::Profile::default();
            bodies.push(self.shop.serve(&[], &[], html).await.body);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "it does not hang on the pieces");
        let shown = bodies[0].split("<b>").skip(1).filter_map(|rest| rest.split("</b>").next());
        let counted = self.profile.lock().unwrap().scenarios.keys().cloned().collect();
        (shown.map(str::to_owned).collect(), counted)
    }
}

fn told(names: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut sorted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    sorted.sort();
    (names.iter().map(|name| (*name).to_owned()).collect(), sorted)
}

#[tokio::test]
async fn condition_on_the_page_is_decided_when_its_place_passes() {
    let mut case = Case::new(vec![scenario("late", 0, true, "footer")]);
    assert_eq!(case.shown(&page("head", 12_000)).await, told(&["late"]));
    assert_eq!(case.shown(&page("body", 12_000)).await, told(&["late"]));
    assert_eq!(case.shown(&page("head", 9_000)).await, told(&[]), "what is not shown is not counted");
    assert_eq!(case.shown(&page("", 0)).await, told(&[]), "what is not known by then is missing");
    let mut early = Case::new(vec![scenario("early", 0, true, "header")]);
    assert_eq!(early.shown(&page("body", 12_000)).await, told(&[]), "it is said behind the place");
    assert_eq!(early.shop.failures("parser_limit"), 0);
}

#[tokio::test]
async fn what_the_page_says_behind_the_place_is_taken_from_earlier_views_of_it() {
    let mut case = Case::new(vec![scenario("early", 0, true, "header")]);
    let product = Product { id: "7".into(), price: Some(12_000.0), ..Product::default() };
    let content = Content { product: Some(product), ..Content::default() };
    let page_of = Lesson {
        content: &content,
        host: "shop.example",
        page: Some(("/", "")),
        personal: false,
        most: 10,
        at: SystemClock.now(),
    };
    case.shop.gateway.catalogues.of(&SiteId::new("shop")).learn(&page_of);
    assert_eq!(case.shown(&page("body", 12_000)).await, told(&["early"]));
    assert_eq!(case.shown(&page("head", 9_000)).await, told(&[]), "the page itself knows better");
}

#[tokio::test]
async fn first_place_to_pass_while_its_condition_holds_takes_the_slot() {
    let dear = page("head", 12_000);
    let cheap = page("head", 9_000);
    for (better, worse, dear_shows, cheap_shows) in [
        (("late", true, "footer"), ("sure", false, "header"), "sure", "sure"),
        (("late", true, "header"), ("sure", false, "footer"), "late", "sure"),
        (("late", true, "main"), ("sure", false, "main"), "late", "sure"),
        (("late", true, "footer"), ("later", true, "main"), "later", ""),
        (("late", true, "main"), ("later", true, "main"), "late", ""),
        (("sure", false, "footer"), ("late", true, "header"), "sure", "sure"),
    ] {
        let of = |(id, undecided, at), priority| scenario(id, priority, undecided, at);
        let mut case = Case::new(vec![of(better, 2), of(worse, 1)]);
        let wanted = |shows: &'static str| told(&[shows].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>());
        assert_eq!(case.shown(&dear).await, wanted(dear_shows), "{better:?} {worse:?}");
        assert_eq!(case.shown(&cheap).await, wanted(cheap_shows), "{better:?} {worse:?}");
    }
}

#[tokio::test]
async fn control_arm_counts_where_its_sibling_would_have_been_shown() {
    let (mut test, condition) = scenario("test", 2, true, "main");
    test.variants[0].weight = 0;
    test.variants.push(Variant { name: "control".into(), weight: 1, actions: Vec::new() });
    let mut case = Case::new(vec![(test, condition), scenario("sure", 1, false, "footer")]);
    for (html, shows, counted) in [
        (page("head", 12_000), "", "test"),
        (page("head", 9_000), "sure", "sure"),
        (page("body", 12_000), "sure", "sure"),
        (page("head", 12_000).replace("main>", "div>"), "sure", "sure"),
    ] {
        let (shown, counts) = case.shown(&html).await;
        assert_eq!((shown.concat().as_str(), counts.concat().as_str()), (shows, counted), "{html}");
    }
    case.shop.cut = 10;
    let html = page("head", 12_000);
    assert_eq!(case.shop.serve(&[], &[], &html).await.body, html, "it takes the slot, and shows nothing");
}

#[tokio::test]
async fn texts_about_the_page_are_drawn_when_it_has_spoken() {
    let (mut names, condition) = scenario("names", 0, false, "footer");
    names.variants[0].actions = vec![Box::new(Shows { at: "footer", text: "", styled: false })];
    let mut case = Case::new(vec![(names, condition)]);
    assert_eq!(case.shown(&page("head", 1)).await, (vec!["cup".to_owned()], vec!["names".to_owned()]));
}

#[tokio::test]
async fn what_an_undecided_arm_may_need_is_in_the_head() {
    let mut case = Case::new(vec![scenario("styled", 0, true, "footer")]);
    for (price, is_shown) in [(12_000, true), (9_000, false)] {
        case.shop.cut = 50;
        let served = case.shop.serve(&[], &[], &page("body", price)).await;
        assert!(
            served.body.contains("rel=\"stylesheet\"") || served.body.contains("rel=stylesheet"),
            "{}",
            served.body
        );
        assert_eq!(served.body.contains("<b>styled</b>"), is_shown);
        assert!(served.edits.new_length);
    }
}

#[tokio::test]
async fn late_decision_that_panics_costs_its_own_scenario_and_is_named() {
    let (mut bad, good) = (scenario("panics", 2, true, "footer"), scenario("late", 1, true, "main"));
    bad.0.slot = None;
    let mut case = Case::new(vec![bad, good]);
    assert_eq!(case.shown(&page("head", 12_000)).await, told(&["late"]));
    assert_eq!(
        (case.shop.failures("panic"), case.shop.named()),
        (4, vec!["shop panic panics".to_owned()]),
        "once a page"
    );
    assert_eq!(case.shown(&page("head", 9_000)).await, told(&[]));
    assert_eq!(case.shop.failures("panic"), 4, "where it does not hold, nothing is made of it");
}
