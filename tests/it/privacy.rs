//! The visitor decides, and it is honoured on the wire before anything is stored.

use crate::support::browser::{Browser, Screen};
use crate::support::client::fetch;
use crate::support::{Gateway, Origin, Rules, Visitor, eventually, inserting};
use rusqlite::Connection;

const HTML: &str = "<!doctype html><html lang=ja><head><meta name=viewport content=\"width=device-width\"><title>店</title></head><body><main>いらっしゃいませ</main></body></html>";
const OPT_IN: &str = "[privacy]\nmode = \"opt-in\"\npolicy = \"/about/privacy\"\n";

/// A shop whose `known` scenario needs a history, and `plain` does not.
fn shop(more: &str) -> (Origin, Rules, Gateway) {
    let origin = Origin::page("", HTML);
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin.address(), more);
    rules.scenario("known", &inserting("visitor.visits >= 1", "<p>known</p>"));
    rules.scenario("plain", &inserting("true", "<p>plain</p>"));
    let gateway = Gateway::serve(rules.path());
    (origin, rules, gateway)
}

/// Rows of every table that holds something of visitors.
fn stored(gateway: &Gateway) -> Vec<(&'static str, i64)> {
    let database = Connection::open(gateway.data().join("noren.db")).unwrap();
    ["profiles", "events", "orders"]
        .map(|table| {
            (table, database.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap())
        })
        .to_vec()
}

fn choose(visitor: &mut Visitor, gateway: &Gateway, what: &str) -> u16 {
    let request = visitor.request("/gw/privacy");
    let request = request
        .method("POST")
        .header("Origin", "http://shop.example")
        .header("Referer", "http://shop.example/item?a=1")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("do={what}"));
    let response = fetch(gateway.address(), &request);
    assert_eq!(response.header("location"), Some("/item?a=1"));
    visitor.keep(&response);
    response.status
}

#[test]
fn opt_in_site_stores_nothing_and_sets_no_cookie_before_consent() {
    let (_origin, _rules, gateway) = shop(OPT_IN);
    let mut visitor = Visitor::default();
    for path in ["/", "/item", "/"] {
        let page = visitor.visit(gateway.address(), path);
        assert_eq!((page.count("plain/a"), page.count("known/a"), page.count("data-gw=\"consent\"")), (1, 0, 1));
        assert_eq!(page.all("set-cookie"), Vec::<&str>::new());
    }
    // What a later visitor leaves is there: so whatever the first one had left would be there, too.
    let mut other = Visitor::default();
    assert_eq!(choose(&mut other, &gateway, "allow"), 303);
    assert_eq!(other.cookie_names(), ["nrn-consent"], "the consent's own cookie and no other");
    let page = other.visit(gateway.address(), "/");
    assert_eq!((page.count("known/a"), page.count("data-gw=\"consent\"")), (1, 0));
    assert_eq!(other.cookie_names(), ["nrn", "nrn-consent"]);
    eventually("the one who allowed it is stored", || {
        (stored(&gateway) == [("profiles", 1), ("events", 3), ("orders", 0)]).then_some(())
    });
}

#[test]
fn visitor_sees_downloads_and_erases_what_is_kept_and_refuses() {
    let (origin, _rules, gateway) = shop("");
    let mut visitor = Visitor::default();
    for path in ["/", "/item"] {
        assert_eq!(visitor.visit(gateway.address(), path).count("known/a"), 1);
    }
    let data = visitor.visit(gateway.address(), "/gw/privacy/data");
    assert!(data.header("content-disposition").unwrap().contains("my-data.json"));
    let data: serde_json::Value = serde_json::from_str(&data.text()).unwrap();
    assert_eq!(data["data"]["kept"]["profile"]["pageviews"], 2, "{data:#}");
    let events = data["data"]["kept"]["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["path"] == "/item").count(), 1, "{data:#}");
    let page = visitor.visit(gateway.address(), "/gw/privacy");
    assert!(page.has(data["data"]["visitor"].as_str().unwrap()), "the number to ask the shop with");

    assert_eq!(choose(&mut visitor, &gateway, "refuse"), 303);
    assert_eq!(stored(&gateway), [("profiles", 0), ("events", 0), ("orders", 0)]);
    assert_eq!(visitor.cookie_header(), "nrn-consent=a0p0");
    let page = visitor.visit(gateway.address(), "/");
    assert_eq!((page.count("plain/a"), page.count("known/a")), (1, 0));
    assert_eq!(page.all("set-cookie"), Vec::<&str>::new());
    assert_eq!(origin.last().header("cookie"), None, "the shop hears nothing of the choice");
    assert_eq!(stored(&gateway), [("profiles", 0), ("events", 0), ("orders", 0)]);
}

#[test]
fn visitor_who_asks_the_shop_is_forgotten_while_it_serves() {
    let (_origin, _rules, gateway) = shop("");
    let mut visitor = Visitor::default();
    for _ in 0..3 {
        visitor.visit(gateway.address(), "/");
    }
    let data: serde_json::Value =
        serde_json::from_str(&visitor.visit(gateway.address(), "/gw/privacy/data").text()).unwrap();
    let number = data["data"]["visitor"].as_str().unwrap();
    let forgotten = std::process::Command::new(env!("CARGO_BIN_EXE_noren"))
        .args(["forget", "--site", "shop", "--visitor", number, "--data"])
        .arg(gateway.data())
        .output()
        .unwrap();
    let said = String::from_utf8(forgotten.stdout).unwrap();
    assert!(forgotten.status.success() && said.starts_with("Erased 1 profile and "), "{said}");
    eventually("they are new, though they kept their cookie", || {
        visitor.visit(gateway.address(), "/");
        let text = visitor.visit(gateway.address(), "/gw/privacy/data").text();
        let data: serde_json::Value = serde_json::from_str(&text).unwrap();
        (data["data"]["kept"]["profile"]["pageviews"] == 1).then_some(())
    });
}

#[test]
fn browsers_signal_is_a_refusal_and_takes_the_cookie_away() {
    let (_origin, _rules, gateway) = shop("");
    let mut visitor = Visitor::default();
    assert_eq!(visitor.visit(gateway.address(), "/").count("known/a"), 1);
    for signal in ["Sec-GPC", "DNT"] {
        let page = fetch(gateway.address(), &visitor.request("/").header(signal, "1"));
        assert_eq!((page.count("plain/a"), page.count("known/a")), (1, 0), "{signal}");
        let taken = page.all("set-cookie");
        assert!(taken.len() == 1 && taken[0].starts_with("nrn=; ") && taken[0].contains("Max-Age=0"), "{taken:?}");
    }
}

#[test]
fn nobody_elses_page_can_choose_for_the_visitor() {
    let (_origin, _rules, gateway) = shop("");
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/");
    let post = visitor.request("/gw/privacy").method("POST").body("do=erase".to_owned());
    for foreign in [post.clone(), post.clone().header("Origin", "https://evil.example"), post.header("Origin", "null")]
    {
        assert_eq!(fetch(gateway.address(), &foreign).status, 403);
    }
    assert_eq!(visitor.visit(gateway.address(), "/gw/privacy/data").header("access-control-allow-origin"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn visitor_is_asked_without_a_script_and_answers() {
    let (_origin, _rules, gateway) = shop(OPT_IN);
    let browser = Browser::open("shop.example", gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    browser.goto("http://shop.example/item").await;
    browser.until_shown("[data-gw=consent]").await;
    browser.screenshots("consent-asked").await;
    browser.follow("[data-gw=consent] button[value=allow]").await;
    browser.until("location.pathname == '/item' && !document.querySelector('[data-gw=consent]')").await;
    browser.until("document.querySelector(\"[data-gw='known/a']\")").await;
    browser.goto("http://shop.example/gw/privacy").await;
    browser.until_shown("button[value=refuse]").await;
    browser.screenshots("privacy-page").await;
    browser.follow("button[value=refuse]").await;
    browser.until("document.querySelector('button[value=allow]:not([hidden])')").await;
    browser.screenshots("privacy-refused").await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
}
