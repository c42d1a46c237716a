//! A real shop that nobody here wrote, behind the gateway and without it, in a real browser.

use crate::support::browser::{Browser, Screen};
use crate::support::shop::Oscar;
use crate::support::{Gateway, Rules};
use std::collections::BTreeSet;
use std::time::Duration;

const HOST: &str = "shop.example";

/// What a person sees on the way from the list of products to the order.
#[derive(Debug, Default, PartialEq)]
struct Journey {
    /// Address, title and words of every page, what the gateway put there aside.
    pages: Vec<[String; 3]>,
    /// What the console complained of, each thing once: how often depends on when it is asked.
    console_errors: BTreeSet<String>,
}

impl Journey {
    async fn note(&mut self, browser: &Browser) {
        let page = browser
            .eval(
                "(() => {
                    const body = document.body.cloneNode(true);
                    for (const other of body.querySelectorAll('[data-gw], script, style')) other.remove();
                    return [location.href, document.title, body.textContent.replace(/\\s+/g, ' ')];
                })()",
            )
            .await;
        self.pages.push(serde_json::from_value(page).unwrap());
        self.console_errors.extend(browser.console_errors().await);
    }

    fn order_number(&self) -> &str {
        let words = &self.pages.last().unwrap()[2];
        let number = words.split("order number is ").nth(1).unwrap_or_else(|| panic!("no order: {words}"));
        number.split('.').next().unwrap().split(' ').next().unwrap()
    }
}

/// Browses, adds to the cart, logs in and orders. `on_category` does what is to be done on the category's page.
async fn buy(browser: &Browser, on_category: impl AsyncFnOnce()) -> Journey {
    let mut journey = Journey::default();
    browser.goto(&format!("http://{HOST}/catalogue/")).await;
    journey.note(browser).await;
    browser.follow(".side_categories a[href*='fiction']").await;
    on_category().await;
    journey.note(browser).await;
    browser.follow(".product_pod h3 a").await;
    journey.note(browser).await;
    browser.follow("#add_to_basket_form button[type=submit]").await;
    journey.note(browser).await;
    browser.goto(&format!("http://{HOST}/basket/")).await;
    journey.note(browser).await;
    browser.goto(&format!("http://{HOST}/accounts/login/")).await;
    browser.fill("[name=login-username]", "carla@shop.example").await;
    browser.fill("[name=login-password]", "carla-buys-books").await;
    browser.follow("[name=login_submit]").await;
    journey.note(browser).await;
    browser.goto(&format!("http://{HOST}/checkout/")).await;
    for (field, value) in [
        ("first_name", "Carla"),
        ("last_name", "Customer"),
        ("line1", "1 High St"),
        ("line4", "London"),
        ("postcode", "N1 9RT"),
    ] {
        browser.fill(&format!("#new_shipping_address [name={field}]"), value).await;
    }
    browser.follow("#new_shipping_address button[type=submit]").await;
    journey.note(browser).await;
    browser.goto(&format!("http://{HOST}/checkout/preview/")).await;
    journey.note(browser).await;
    browser.follow("#place-order").await;
    journey.note(browser).await;
    assert_eq!(journey.pages.last().unwrap()[0], format!("http://{HOST}/checkout/thank-you/"));
    journey
}

fn rules_for(shop: &Oscar) -> Rules {
    let rules = Rules::shop(shop.address());
    let banner = |text: &str| format!("[[variant]]\n[variant.banner]\ntext = '{text}'\n");
    let when = |condition: &str| format!("name = 'a test'\nwhen = '''{condition}'''\nslot = 'top'\n");
    rules.scenario("welcome", &(when("visitor.visits <= 1") + &banner("Welcome! Here is what others read this week.")));
    rules.scenario("again", &(when("visitor.visits >= 2") + &banner("Good to see you again.")));
    let popup = "name = 'a test'\nwhen = '''page.path.startsWith('/catalogue/category/')'''\n[caps]\nper_visitor = 1\n[[variant]]\n\
        [variant.popup]\ntitle = 'A free bookmark'\ntext = 'With every book ordered today.'\n\
        button = { label = 'See the basket', href = '/basket/' }\n";
    rules.scenario("popup", popup);
    rules
}

#[tokio::test(flavor = "multi_thread")]
async fn real_shop_works_as_without_the_gateway_and_visitors_are_served() {
    let direct = {
        let shop = Oscar::start(HOST);
        let browser = Browser::open(HOST, shop.address()).await;
        browser.screen(Screen::Desktop).await;
        buy(&browser, async || ()).await
    };
    assert_eq!(direct.order_number().parse::<u32>().map(|number| number > 100_000), Ok(true));

    let shop = Oscar::start(HOST);
    let rules = rules_for(&shop);
    let mut gateway = Gateway::serve(rules.path());
    let browser = Browser::open(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;

    // The first page of a first visit.
    browser.goto(&format!("http://{HOST}/catalogue/")).await;
    browser.until_shown("[data-gw^='welcome/']").await;
    assert!(!browser.shows("[data-gw^='again/']").await);
    browser.screenshots("oscar-welcome").await;

    // On the way to the order a popup opens, and the keyboard closes it.
    let journey = buy(&browser, async || {
        browser.until_shown("[data-gw^='popup/']").await;
        browser.screenshots("oscar-popup").await;
        let focused_within = "document.activeElement.closest(\"[data-gw^='popup/']\")";
        browser.until(focused_within).await;
        browser.press('\u{e00c}').await;
        browser.until_hidden("[data-gw^='popup/']").await;
    })
    .await;
    browser.screenshots("oscar-thank-you").await;
    for (through, bare) in journey.pages.iter().zip(&direct.pages) {
        assert_eq!(through, bare);
    }
    assert_eq!(journey, direct);

    // An hour later the same browser comes again.
    gateway.restart_later(Duration::from_secs(3_600));
    browser.goto(&format!("http://{HOST}/catalogue/")).await;
    browser.until_shown("[data-gw^='again/']").await;
    assert!(!browser.shows("[data-gw^='welcome/']").await);
    browser.screenshots("oscar-again").await;
    browser.follow(".side_categories a[href*='fiction']").await;
    assert!(!browser.shows("[data-gw^='popup/']").await, "shown to this visitor before");
}
