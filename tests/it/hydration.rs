//! Shops whose own script takes over what the server has rendered: React and Vue, which tolerate nothing where they do not expect it.

use crate::support::browser::{Browser, Screen};
use crate::support::shop::{ReactShop, VueShop};
use crate::support::{Gateway, Origin, Rules, eventually};
use serde_json::Value;
use std::net::SocketAddr;

const HOST: &str = "shop.example";

fn rules_for(shop: SocketAddr, site: &str) -> Rules {
    let rules = Rules::new();
    rules.site("shop", HOST, shop, site);
    let scenario = |variant: &str| {
        format!("name = 'a test'\nwhen = 'true'\n[caps]\nstop_after = ['click']\n[[variant]]\n{variant}")
    };
    rules.scenario(
        "banner",
        &scenario("[variant.banner]\ntitle = 'Free shipping today'\ntext = 'On all orders from ¥3,000'\n"),
    );
    rules
}

/// The framework has taken the page over without a word, and its buttons work.
async fn assert_hydrated(browser: &Browser, what: &str) {
    browser.until("window.hydrated").await;
    browser.eval("void document.querySelector('li button').click()").await;
    browser.until("document.querySelector('li button').textContent == 'In the cart: 1'").await;
    if what.contains("streamed") {
        browser.until("document.querySelector('main #reviews') && !document.querySelector('#waiting')").await;
    }
    assert_eq!(browser.eval("window.hydrationErrors").await, Value::Null, "{what}");
    assert_eq!(browser.console_errors().await, Vec::<String>::new(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn react_takes_over_its_part_of_a_page_beside_a_banner() {
    for version in [18, 19] {
        let shop = ReactShop::start(version);
        let gateway = Gateway::serve(rules_for(shop.address(), "").path());
        let browser = Browser::open(HOST, gateway.address()).await;
        browser.screen(Screen::Desktop).await;
        for page in ["root", "root-streamed?id=1"] {
            browser.goto(&format!("http://{HOST}/{page}")).await;
            assert_hydrated(&browser, &format!("React {version}, /{page}")).await;
            browser.until_shown("body > [data-gw='banner/a']:first-child").await;
            browser.screenshots(&format!("react-{version}-{}", page.split('?').next().unwrap())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vue_takes_over_its_part_of_a_page_beside_a_banner() {
    let shop = VueShop::start();
    let note = "name = 'note'\nwhen = 'true'\n[[variant]]\n[variant.html]\nhtml = '<p>Made by hand</p>'\nplace = { at = 'main', position = 'prepend' }\n";
    // Beside Vue's part in the page itself; and within it, but after Vue.
    for (site, within) in [("", false), ("deliver_by = 'script'\n", true)] {
        let rules = rules_for(shop.address(), site);
        if within {
            rules.scenario("note", note);
        }
        let gateway = Gateway::serve(rules.path());
        let browser = Browser::open(HOST, gateway.address()).await;
        browser.screen(Screen::Desktop).await;
        browser.goto(&format!("http://{HOST}/root")).await;
        assert_hydrated(&browser, &format!("Vue, {site}")).await;
        browser.until_shown("body > [data-gw='banner/a']:first-child").await;
        if within {
            browser.until_shown("main > [data-gw='note/a']:first-child").await;
        }
        browser.screenshots(if within { "vue-within" } else { "vue" }).await;
        // The shop draws its main part anew.
        browser.eval("void document.querySelector('#about').click()").await;
        browser.until("document.querySelector('main').textContent.includes('We are a small shop')").await;
        browser.until_shown("body > [data-gw='banner/a']:first-child").await;
        assert_eq!(browser.eval("window.hydrationErrors").await, Value::Null);
        assert_eq!(browser.console_errors().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_after_react_stays_wherever_it_is_put() {
    for version in [18, 19] {
        let shop = ReactShop::start(version);
        let rules = rules_for(shop.address(), "deliver_by = 'script'\n");
        for (name, variant) in [
            ("note", "[variant.html]\nhtml = '<p>Made by hand</p>'\nplace = { at = 'main', position = 'prepend' }\n"),
            (
                "each",
                "[variant.html]\nhtml = '<small>New</small>'\nplace = { at = 'li > h2', position = 'after', all = true }\n",
            ),
            ("title", "[variant.html]\nhtml = '<b>A shop for you</b>'\nplace = { at = 'h1', position = 'replace' }\n"),
            ("popup", "[variant.popup]\ntitle = 'Stay a while'\ntext = 'There is more to see.'\n"),
        ] {
            rules.scenario(name, &format!("name = '{name}'\nwhen = 'true'\n[[variant]]\n{variant}"));
        }
        let gateway = Gateway::serve(rules.path());
        let browser = Browser::open(HOST, gateway.address()).await;
        browser.screen(Screen::Desktop).await;
        for page in ["document", "document-streamed?id=1", "root", "root-streamed?id=2"] {
            let what = format!("React {version}, /{page}");
            browser.goto(&format!("http://{HOST}/{page}")).await;
            assert_hydrated(&browser, &what).await;
            browser.until_shown("dialog[data-gw='popup/a']:modal").await;
            browser.screenshots(&format!("react-{version}-{}-popup", page.split('?').next().unwrap())).await;
            browser.press('\u{e00c}').await;
            browser.until_hidden("dialog").await;
            browser.until_shown("body > [data-gw='banner/a']:first-child").await;
            browser.until_shown("main > [data-gw='note/a']:first-child").await;
            browser.until_shown("header > [data-gw='title/a']").await;
            assert!(!browser.shows("h1").await, "{what}: replaced");
            assert_eq!(
                browser.eval("document.querySelectorAll(\"li > h2 + [data-gw='each/a']\").length").await,
                4,
                "{what}"
            );
            browser.screenshots(&format!("react-{version}-{}", page.split('?').next().unwrap())).await;
            // It was seen, and nothing is told to be gone.
            browser
                .until("performance.getEntriesByType('resource').some(entry => entry.initiatorType == 'beacon')")
                .await;
            // The shop draws its main part anew.
            browser.eval("void document.querySelector('#about').click()").await;
            browser.until("document.querySelector('main').textContent.includes('We are a small shop')").await;
            browser.until_shown("main > [data-gw='note/a']:first-child").await;
            assert_eq!(browser.console_errors().await, Vec::<String>::new(), "{what}");
            // Closed by the visitor, it does not come back.
            browser.eval("void document.querySelector('body > details summary').click()").await;
            browser.until_hidden("[data-gw='banner/a']").await;
        }
        assert_eq!(gateway.count("noren_insertions_gone_total", ""), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_throw_out_what_was_inserted_are_learnt_by_kind() {
    let shop = ReactShop::start(18);
    let rules = rules_for(shop.address(), "[pages]\nproduct = '/document'\ncategory = '/root'\n");
    rules.scenario(
        "note",
        "name = 'note'\nwhen = 'true'\n[[variant]]\n[variant.html]\nhtml = '<p>Made by hand</p>'\nplace = { at = 'main', position = 'prepend' }\n",
    );
    let gateway = Gateway::serve(rules.path());
    let browser = Browser::open(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    let lost = || gateway.count("noren_insertions_gone_total", "site=\"shop\"");
    // React throws out what stands in its part of the page: all of it here, the note alone there.
    for (page, banner_stays) in [("document", false), ("root", true)] {
        for _ in 0..3 {
            let before = lost();
            browser.goto(&format!("http://{HOST}/{page}")).await;
            assert_eq!(browser.eval("document.querySelectorAll('template').length").await, 0, "{page}: not learnt yet");
            browser.until("window.hydrationErrors").await;
            eventually("the loss is reported", || (lost() > before).then_some(()));
            let shown = (browser.shows("[data-gw='banner/a']").await, browser.shows("[data-gw='note/a']").await);
            assert_eq!(shown, (banner_stays, false), "{page}");
            browser.forget_cookies().await;
        }
        browser.console_errors().await;
        browser.goto(&format!("http://{HOST}/{page}")).await;
        assert_hydrated(&browser, page).await;
        browser.until_shown("body > [data-gw='banner/a']:first-child").await;
        browser.until_shown("main > [data-gw='note/a']:first-child").await;
    }
    assert_eq!(gateway.log().matches("throws out").count(), 2, "said once a kind of page");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_nothing_takes_over_is_served_either_way() {
    let shop =
        Origin::page("", "<!DOCTYPE html><html><head><title>Shop</title></head><body><h1>Shop</h1></body></html>");
    for (site, late) in [("", false), ("deliver_by = 'script'\n", true)] {
        let rules = rules_for(shop.address(), site);
        rules.scenario("nowhere", "name = 'nowhere'\nwhen = 'true'\n[[variant]]\n[variant.html]\nhtml = '<p>x</p>'\nplace = { at = '#nowhere' }\n");
        let gateway = Gateway::serve(rules.path());
        let browser = Browser::open(HOST, gateway.address()).await;
        browser.screen(Screen::Desktop).await;
        browser.goto(&format!("http://{HOST}/")).await;
        browser.until_shown("body > [data-gw='banner/a']:first-child").await;
        // The banner is seen. What found no place was never delivered: that it is not there is no loss.
        let told = "performance.getEntriesByName('http://shop.example/gw/e').length";
        browser.until(&format!("{told} == {}", if late { 1 } else { 2 })).await;
        let insertions = || gateway.count("noren_insertions_total", "");
        eventually("the delivery is counted", || (insertions() == if late { 2 } else { 1 }).then_some(()));
        assert_eq!(gateway.count("noren_insertions_gone_total", ""), 0);
        assert_eq!(browser.console_errors().await, Vec::<String>::new());
    }
}
