//! Sites that name no platform, and are found out to be built with one.

use crate::support::origin::page;
use crate::support::{Gateway, Origin, Request, Rules, eventually};
use std::path::Path;

/// A shop whose every page is a saved one of a platform, named by its path.
fn shop(platform: &'static str) -> Origin {
    Origin::new(move |request, wire| {
        let name = request.target.rsplit(['/', '=']).next().unwrap().to_owned();
        let file = format!("tests/fixtures/platforms/{platform}/{name}.html");
        wire.send(page("", std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()));
    })
}

/// Sites and what they turn out to be built with, with addresses of two pages of products.
const SITES: [(&str, &str, [&str; 2]); 2] = [
    ("mugs", "evershop", ["/kitchen/product", "/kitchen/product-sold-out"]),
    ("cups", "ec-cube-2", ["/products/detail.php?product_id=product", "/products/detail.php?x=1&product_id=product"]),
];

#[test]
fn each_shop_is_read_by_the_preset_of_what_its_first_pages_show() {
    let rules = Rules::new();
    let shops = SITES.map(|(site, platform, _)| (site, shop(platform)));
    let write = |site: &str, origin: &Origin, more: &str| {
        rules.site(site, &format!("{site}.example"), origin.address(), &format!("platform = 'auto'\n{more}"));
    };
    for (site, origin) in &shops {
        write(site, origin, "");
    }
    let gateway = Gateway::serve(rules.path());
    let visit = |site: &str, path: &str| {
        let response = gateway.fetch(&Request::page(path).host(&format!("{site}.example")));
        assert_eq!(response.status, 200);
    };
    let read = |site: &str| gateway.count("noren_facts_read_total", &format!("fact=\"product\",site=\"{site}\""));
    let told = |site: &str| {
        let log = gateway.log();
        log.lines().filter(|line| line.contains("this shop is built with") && line.contains(site)).count()
    };

    for (site, platform, [first, _]) in SITES {
        visit(site, first);
        let found = || gateway.count("noren_platform", &format!("platform=\"{platform}\",site=\"{site}\"")) == 1;
        eventually("the platform is found", || found().then_some(()));
        // The page by which it was found was read without it, and so is read once more.
        visit(site, first);
        eventually("the product is read", || (read(site) == 1).then_some(()));
        assert_eq!(told(site), 1, "{}", gateway.log());
    }
    assert!(gateway.log().contains("eContext"), "the reason is told: {}", gateway.log());

    // New rules begin with what is known, without a page being looked at.
    for (site, origin) in &shops {
        write(site, origin, "currency = 'USD'\n");
    }
    let generation = || gateway.count("noren_reloads", "result=\"taken\"");
    eventually("the new rules are taken", || (generation() >= 4).then_some(()));
    for (site, _, [_, second]) in SITES {
        visit(site, second);
        eventually("the product is read at once", || (read(site) == 2).then_some(()));
        assert_eq!(told(site), 1, "{}", gateway.log());
    }
}

#[test]
fn platform_that_is_named_wins_over_what_pages_show() {
    let rules = Rules::new();
    let origin = shop("evershop");
    rules.site("shop", "shop.example", origin.address(), "platform = 'generic'");
    let gateway = Gateway::serve(rules.path());
    for path in ["/kitchen/product", "/kitchen/product-sold-out", "/cart", "/kitchen/product"] {
        assert_eq!(gateway.fetch(&Request::page(path)).status, 200);
    }
    eventually("pages are counted", || (gateway.count("noren_responses_total", "") >= 4).then_some(()));
    assert_eq!(gateway.count("noren_platform", ""), 0);
    assert_eq!(gateway.count("noren_facts_read_total", "fact=\"product\""), 0);
}
