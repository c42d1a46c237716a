//! What is known after a visit to a real shop, against what stood on its pages.
//!
//! The pages are read by the browser, with selectors of this test's own; what is known is read from the store.

use crate::support::browser::{Browser, Screen};
use crate::support::shop::Oscar;
use crate::support::{Gateway, Rules, eventually};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

const HOST: &str = "shop.example";
const PLATFORM: &str = "platform = 'django-oscar'\ncurrency = 'GBP'\n";

/// What stood on the pages.
#[derive(Debug, Default)]
struct Seen {
    /// Of the product's page.
    product: Value,
    /// Of the page of search results.
    search: Value,
    /// Of the cart's page.
    cart: Value,
    /// Of the page after the order.
    order: Value,
}

/// Reads a page in the browser: texts as numbers where they are amounts.
pub(crate) async fn read(browser: &Browser, expression: &str) -> Value {
    let helpers = "const text = (s, of = document) => of.querySelector(s)?.textContent.replace(/\\s+/g, ' ').trim();
        const amount = (s, of) => Number((text(s, of) ?? '').replace(/[^0-9.]/g, ''));";
    browser.eval(&format!("(() => {{ {helpers} return {expression}; }})()")).await
}

/// Searches, looks at a product, puts it into the cart, logs in, orders, and reloads the page after the order three times.
async fn buy(browser: &Browser) -> Seen {
    let mut seen = Seen::default();
    browser.goto(&format!("http://{HOST}/search/?q=handbook")).await;
    let results = "{ search_term: new URLSearchParams(location.search).get('q'), \
        number_of_results: Number(text('.page-header ~ form strong')) }";
    seen.search = read(browser, results).await;
    browser.goto(&format!("http://{HOST}/catalogue/")).await;
    browser.follow(".side_categories a[href*='cooking']").await;
    browser.follow(".product_pod h3 a").await;
    let product = "{ item_id: location.pathname.match(/_(\\d+)\\/$/)[1], item_name: text('.product_main h1'), \
        price: amount('.product_main .price_color'), \
        categories: [...document.querySelectorAll('.breadcrumb li a')].slice(1).map(a => a.textContent.trim()) }";
    seen.product = read(browser, product).await;
    browser.follow("#add_to_basket_form button[type=submit]").await;
    browser.goto(&format!("http://{HOST}/basket/")).await;
    let cart = "{ value: amount('#basket_totals h3.price_color'), \
        items: [...document.querySelectorAll('#basket_formset .basket-items')].map(row => ({ \
            item_id: row.querySelector('h3 a').href.match(/_(\\d+)\\/$/)[1], item_name: text('h3 a', row), \
            quantity: Number(row.querySelector('input[name$=-quantity]').value) })) }";
    seen.cart = read(browser, cart).await;
    browser.goto(&format!("http://{HOST}/accounts/login/")).await;
    browser.fill("[name=login-username]", "carla@shop.example").await;
    browser.fill("[name=login-password]", "carla-buys-books").await;
    browser.follow("[name=login_submit]").await;
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
    browser.goto(&format!("http://{HOST}/checkout/preview/")).await;
    browser.follow("#place-order").await;
    let order = "{ transaction_id: text('p.lead strong'), value: amount('#basket_totals h3.price_color') }";
    seen.order = read(browser, order).await;
    for _ in 0..3 {
        browser.goto(&format!("http://{HOST}/checkout/thank-you/")).await;
        assert_eq!(read(browser, order).await, seen.order, "the shop shows the order again");
    }
    seen
}

/// What happened by the store: the parameters of each event of a kind, in order.
pub(crate) fn known(gateway: &Gateway, kind: &str) -> Vec<Value> {
    let file = gateway.data().join("noren.db");
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut query = store.prepare("SELECT parameters FROM events WHERE kind = ? ORDER BY at, rowid").unwrap();
    let rows = query.query_map([kind], |row| row.get::<_, Option<String>>(0)).unwrap();
    rows.map(|text| text.unwrap().map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())).collect()
}

pub(crate) fn orders(gateway: &Gateway) -> Vec<(String, Option<f64>)> {
    let file = gateway.data().join("noren.db");
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut query = store.prepare("SELECT id, value FROM orders").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// How many page views are written of a path.
pub(crate) fn views(gateway: &Gateway, path: &str) -> i64 {
    let file = gateway.data().join("noren.db");
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = "SELECT count(*) FROM events WHERE kind = 'page_view' AND path = ?";
    store.query_row(count, [path], |row| row.get(0)).unwrap()
}

/// The fields of one value that another names.
pub(crate) fn same_fields(of: &Value, like: &Value) -> Value {
    like.as_object().unwrap().keys().map(|key| (key.clone(), of[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_a_real_shops_pages_is_known_and_its_order_counts_once() {
    let shop = Oscar::start(HOST);
    let rules = Rules::new();
    rules.site("shop", HOST, shop.address(), PLATFORM);
    let mut gateway = Gateway::serve(rules.path());
    let browser = Browser::open(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    let seen = buy(&browser).await;

    // A gateway that begins anew knows of the order, too.
    eventually("all is written", || (views(&gateway, "/checkout/thank-you/") == 4).then_some(()));
    gateway.kill();
    gateway.start_again();
    browser.goto(&format!("http://{HOST}/checkout/thank-you/")).await;
    eventually("the last page is written", || (views(&gateway, "/checkout/thank-you/") == 5).then_some(()));

    let line = &seen.cart["items"][0];
    let item = |value: &Value| value["items"][0].clone();
    let [viewed, added, searched, bought] =
        ["view_item", "add_to_cart", "search", "purchase"].map(|kind| known(&gateway, kind));
    eprintln!("{:<12} {:<90} known", "", "on the page");
    for (what, page, known) in [
        ("product", &seen.product, &viewed),
        ("search", &seen.search, &searched),
        ("cart", &seen.cart, &added),
        ("order", &seen.order, &bought),
    ] {
        eprintln!("{what:<12} {:<90} {}", page.to_string(), Value::from(known.clone()));
    }

    // The shop shows the product again once it is in the cart.
    assert_eq!(viewed.len(), 2, "{viewed:?}");
    assert_eq!(viewed[0], viewed[1], "what was read of late is known the second time");
    let product = item(&viewed[0]);
    assert_eq!(product["item_id"], seen.product["item_id"]);
    assert_eq!(product["item_name"], seen.product["item_name"]);
    assert_eq!(product["price"], seen.product["price"]);
    assert_eq!(json!([product["item_category"], product["item_category2"]]), seen.product["categories"]);

    assert_eq!(searched, std::slice::from_ref(&seen.search));

    assert_eq!(added.len(), 1, "{added:?}");
    assert_eq!(item(&added[0])["item_id"], line["item_id"]);
    assert_eq!(item(&added[0])["quantity"], line["quantity"]);

    assert_eq!(known(&gateway, "login").len(), 1);

    assert_eq!(bought.len(), 1, "{bought:?}");
    assert_eq!(same_fields(&bought[0], &seen.order), seen.order);
    assert_eq!(same_fields(&item(&bought[0]), line), *line);
    let order = (seen.order["transaction_id"].as_str().unwrap().to_owned(), seen.order["value"].as_f64());
    assert_eq!(orders(&gateway), [order]);
}
