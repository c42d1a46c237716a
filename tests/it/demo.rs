//! `noren demo`, as a newcomer meets it.

use crate::support::Gateway;
use crate::support::browser::{Browser, Screen};

const HOST: &str = "demo.example";

#[tokio::test(flavor = "multi_thread")]
async fn newcomer_to_the_demo_is_greeted_known_again_and_offered_a_coupon() {
    let gateway = Gateway::demo();
    let browser = Browser::open(HOST, gateway.address()).await;
    let home = format!("http://{HOST}/");
    browser.screen(Screen::Desktop).await;

    browser.goto(&home).await;
    browser.until_shown("[data-gw^='welcome-ranking/']").await;
    assert!(!browser.shows("[data-gw^='repeat-visitor/']").await);
    browser.screenshots("demo-first-visit").await;

    browser.goto(&home).await;
    browser.until_shown("[data-gw^='repeat-visitor/']").await;
    assert!(!browser.shows("[data-gw^='welcome-ranking/']").await);
    browser.screenshots("demo-again").await;

    // About to leave a product: the mouse goes out at the top.
    browser.follow("a[href*='/product/']").await;
    browser.until("document.querySelector(\"[data-gw^='leaving/'], [data-gw^='late-night/']\")").await;
    if !browser.shows("[data-gw^='late-night/']").await {
        browser.until("(document.dispatchEvent(new MouseEvent('mouseout', { clientY: -1 })), document.querySelector('dialog:modal'))").await;
    }
    browser.until_shown("dialog[open]").await;
    browser.screenshots("demo-popup").await;
    browser.press('\u{e00c}').await;
    browser.until_hidden("dialog[open]").await;

    assert_eq!(browser.console_errors().await, Vec::<String>::new());
}
