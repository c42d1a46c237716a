//! A real shop that React renders on the server and takes over in the browser (EverShop), behind the gateway: what is known after a
//! visit against what stood on its pages, and what becomes of insertions.

use crate::learning::{known, orders, read, same_fields, views};
use crate::support::browser::{Browser, Screen};
use crate::support::shop::EverShop;
use crate::support::{Gateway, Rules, eventually};
use serde_json::{Value, json};

const HOST: &str = "shop.example";
const SITE: &str = "platform = 'evershop'\ncurrency = 'USD'\n";
const BANNER: &str = "name = 'banner'\nwhen = 'true'\n\
    [[variant]]\n[variant.banner]\ntitle = 'Free shipping today'\ntext = 'On all orders from $30'\n";
/// React has taken over what the server sent.
const HYDRATED: &str =
    "Object.keys(document.querySelector('.mini-cart-icon') ?? {}).some(key => key.startsWith('__reactProps'))";

/// What stood on the pages.
#[derive(Debug, Default)]
struct Seen {
    product: Value,
    search: Value,
    cart: Value,
    order: Value,
}

/// What the console complained of, but for what the shop itself lacks: its icon, and services on other hosts.
async fn complaints(browser: &Browser) -> Vec<String> {
    let mut errors = browser.console_errors().await;
    errors.retain(|error| !error.contains("/favicon.ico") && !error.contains("js.stripe.com"));
    errors
}

/// Clicks the element that an expression finds, once there is one.
async fn click(browser: &Browser, element: &str) {
    browser.until(element).await;
    browser.eval(&format!("void {element}.click()")).await;
}

/// The button that says something.
fn button(text: &str) -> String {
    format!("[...document.querySelectorAll('button')].find(one => one.textContent == '{text}')")
}

/// Chooses from one of the lists of the address's form.
async fn choose(browser: &Browser, field: &str, text: &str) {
    let list = format!("document.getElementById('field-shippingAddress.{field}')");
    click(browser, &list).await;
    let option = format!(
        "[...document.querySelectorAll('[role=option]')].find(one => one.checkVisibility() && one.textContent.includes('{text}'))"
    );
    browser.until(&option).await;
    browser.eval(&format!("void {option}.setAttribute('data-chosen', '{field}')")).await;
    browser.click(&format!("[data-chosen='{field}']")).await;
    browser.until(&format!("{list}.textContent.includes('{text}')")).await;
}

/// Searches, looks at a product, puts it into the cart, registers, orders, and reloads the page after the order three times.
async fn buy(browser: &Browser) -> Seen {
    let mut seen = Seen::default();
    browser.goto(&format!("http://{HOST}/")).await;
    browser.goto(&format!("http://{HOST}/search?keyword=thermos")).await;
    let results = "{ search_term: document.querySelector('main input[name=keyword]').value, \
        number_of_results: parseInt(text('.search-name')) }";
    seen.search = read(browser, results).await;

    browser.goto(&format!("http://{HOST}/accessories")).await;
    browser.follow(".product__list__link").await;
    let product = "{ item_id: text('.product__single__attributes dd'), item_name: text('.product__single__name'), \
        price: amount('.product__single__price span'), \
        categories: [...document.querySelectorAll('[data-slot=breadcrumb-link]')].slice(1).map(a => a.textContent) }";
    seen.product = read(browser, product).await;
    browser.until(HYDRATED).await;
    let colour = seen.product["item_name"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    click(browser, &button(&colour)).await;
    browser.until("document.querySelector('.variant-option-list .selected')").await;
    click(browser, &button("Add to cart")).await;
    browser.until("document.querySelector('.mini-cart-icon').ariaLabel == 'Shopping cart with 1 items'").await;

    browser.goto(&format!("http://{HOST}/cart")).await;
    let cart = "{ value: amount('.cart__total__summary > div'), \
        items: [...document.querySelectorAll('.cart__item')].map(row => ({ \
            item_id: text('.text-muted-foreground', row).replace('SKU ', ''), item_name: text('a', row), \
            quantity: Number(text('span.w-8', row)) })) }";
    seen.cart = read(browser, cart).await;

    browser.goto(&format!("http://{HOST}/account/register")).await;
    browser.until(HYDRATED).await;
    browser.fill("[name=full_name]", "Carla Customer").await;
    browser.fill("#registerForm [name=email]", "carla@shop.example").await;
    browser.fill("#registerForm [name=password]", "carla-buys-cups-1").await;
    click(browser, "document.querySelector('#registerForm .form-submit-button button')").await;
    browser.until("document.querySelector(\".customer-icon a[href$='/account']\")").await;

    browser.goto(&format!("http://{HOST}/checkout")).await;
    browser.until("document.querySelector('[name=\"shippingAddress.full_name\"]')").await;
    browser.until(HYDRATED).await;
    for (field, value) in
        [("full_name", "Carla Customer"), ("telephone", "555123456"), ("address_1", "1 High St"), ("city", "Austin")]
    {
        browser.fill(&format!("[name='shippingAddress.{field}']"), value).await;
    }
    choose(browser, "country", "United States").await;
    choose(browser, "province", "Texas").await;
    browser.fill("[name='shippingAddress.postcode']", "73301").await;
    click(browser, "document.querySelector('[id^=shipping-method-]')").await;
    browser.until("document.querySelector('[name=shippingMethod]').value").await;
    click(browser, "document.getElementById('payment-method-cod')").await;
    click(browser, &button("Place Order")).await;
    browser
        .until("document.querySelector('.checkout-success-customer-info p span') && document.readyState == 'complete'")
        .await;
    let order = "{ transaction_id: text('.checkout-success-customer-info p span').replace('#', ''), \
        value: amount('.order__total__summary .grand-total > div:nth-child(2)') }";
    seen.order = read(browser, order).await;
    let thanks = browser.eval("location.href").await.as_str().unwrap().to_owned();
    for _ in 0..3 {
        browser.goto(&thanks).await;
        assert_eq!(read(browser, order).await, seen.order, "the shop shows the order again");
    }
    // Whole dollars come as whole numbers.
    for (page, field) in [(&mut seen.product, "price"), (&mut seen.cart, "value"), (&mut seen.order, "value")] {
        page[field] = page[field].as_f64().into();
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_the_pages_of_a_shop_in_react_is_known_and_its_order_counts_once() {
    let shop = EverShop::start(HOST);
    let rules = Rules::new();
    rules.site("shop", HOST, shop.address(), SITE);
    // Where something may be inserted, the shop is never asked whether its page has changed: a reload is a page view.
    rules.scenario("banner", BANNER);
    let mut gateway = Gateway::serve(rules.path());
    let browser = Browser::open(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    let seen = buy(&browser).await;
    let thanks = browser.eval("location.pathname").await.as_str().unwrap().to_owned();

    // A gateway that begins anew knows of the order, too.
    eventually("all is written", || (views(&gateway, &thanks) == 4).then_some(()));
    for (fact, least) in [("cart", 2), ("member", 5), ("listed", 1)] {
        let labels = format!("fact=\"{fact}\"");
        assert!(gateway.count("noren_facts_read_total", &labels) >= least, "{}", gateway.metrics());
    }
    gateway.kill();
    gateway.start_again();
    browser.goto(&format!("http://{HOST}{thanks}")).await;
    eventually("the last page is written", || (views(&gateway, &thanks) == 5).then_some(()));

    let line = &seen.cart["items"][0];
    let item = |value: &Value| value["items"][0].clone();
    let [viewed, added, searched, bought] =
        ["view_item", "add_to_cart", "search", "purchase"].map(|kind| known(&gateway, kind));
    eprintln!("{:<12} {:<110} known", "", "on the page");
    for (what, page, known) in [
        ("product", &seen.product, &viewed),
        ("search", &seen.search, &searched),
        ("cart", &seen.cart, &added),
        ("order", &seen.order, &bought),
    ] {
        eprintln!("{what:<12} {:<110} {}", page.to_string(), Value::from(known.clone()));
    }

    assert_eq!(viewed.len(), 1, "{viewed:?}");
    let product = item(&viewed[0]);
    assert_eq!(product["item_id"], seen.product["item_id"]);
    assert_eq!(product["item_name"], seen.product["item_name"]);
    assert_eq!(product["price"], seen.product["price"]);
    assert_eq!(json!([product["item_category"]]), seen.product["categories"]);

    assert_eq!(searched, std::slice::from_ref(&seen.search));

    assert_eq!(added.len(), 1, "by the form, by the shop's own API, and by the page of the cart: {added:?}");
    assert_eq!(item(&added[0])["item_id"], line["item_id"]);
    assert_eq!(item(&added[0])["quantity"], line["quantity"]);
    assert!(known(&gateway, "remove_from_cart").is_empty(), "an order empties the cart, and takes nothing out of it");

    assert_eq!(known(&gateway, "login").len(), 1);

    assert_eq!(bought.len(), 1, "{bought:?}");
    assert_eq!(same_fields(&bought[0], &seen.order), seen.order);
    // The page after the order names its lines, without their SKU.
    let by_name = json!({ "item_name": line["item_name"], "quantity": line["quantity"] });
    assert_eq!(same_fields(&item(&bought[0]), &by_name), by_name);
    let order = (seen.order["transaction_id"].as_str().unwrap().to_owned(), seen.order["value"].as_f64());
    assert_eq!(orders(&gateway), [order]);
}

#[tokio::test(flavor = "multi_thread")]
async fn insertions_stay_on_the_pages_of_a_shop_in_react() {
    let shop = EverShop::start(HOST);
    for (delivery, places) in [("auto", "body"), ("script", "body and main")] {
        let rules = Rules::new();
        rules.site("shop", HOST, shop.address(), &format!("{SITE}deliver_by = '{delivery}'\n"));
        rules.scenario("banner", BANNER);
        if places != "body" {
            rules.scenario(
                "note",
                "name = 'note'\nwhen = 'page.path.startsWith(\"/accessories/\")'\n[[variant]]\n[variant.html]\nhtml = '<p>Made by hand</p>'\nplace = { at = '.product__detail', position = 'prepend' }\n",
            );
        }
        let gateway = Gateway::serve(rules.path());
        let browser = Browser::open(HOST, gateway.address()).await;
        browser.screen(Screen::Desktop).await;
        for (name, path) in
            [("home", "/"), ("category", "/accessories"), ("product", "/accessories/ceramic-coffee-cup-white")]
        {
            browser.goto(&format!("http://{HOST}{path}")).await;
            browser.until(HYDRATED).await;
            browser.until_shown("body > [data-gw='banner/a']").await;
            if name == "product" && places != "body" {
                browser.until_shown(".product__detail > [data-gw='note/a']:first-child").await;
            }
            assert_eq!(complaints(&browser).await, Vec::<String>::new(), "{delivery}: {name}");
            browser.screenshots(&format!("evershop-{delivery}-{name}")).await;
        }
        // The shop's script works on: it fetches what was chosen, and draws it.
        click(&browser, &button("White")).await;
        browser.until("document.querySelector('.variant-option-list .selected')").await;
        browser.until_shown("body > [data-gw='banner/a']").await;
        assert_eq!(complaints(&browser).await, Vec::<String>::new(), "{delivery}");
        assert_eq!(gateway.count("noren_insertions_gone_total", ""), 0, "{delivery}");
    }
}
