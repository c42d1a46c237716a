use super::*;
use crate::commerce::Search;
use crate::store::profile::shopping::{MAX_ORDERS, favourite, last_viewed, typical_price};

const DAY: i64 = 86_400;

fn said(at: i64, kind: &'static str) -> Said<'static> {
    Said { at, kind, shared: false, currency: "JPY" }
}

fn product(id: &str, category: &[&str], price: f64) -> Content {
    let category = category.iter().map(ToString::to_string).collect();
    let product = Product { id: id.into(), category, price: Some(price), ..Product::default() };
    Content { product: Some(product), ..Content::default() }
}

fn cart(lines: &[(&str, u32)]) -> Content {
    let line = |(id, quantity): &(&str, u32)| Line {
        id: (*id).into(),
        name: Some(format!("name of {id}")),
        price: Some(100.0),
        quantity: *quantity,
    };
    let cart = Cart { lines: lines.iter().map(line).collect(), ..Cart::default() };
    Content { cart: Some(cart), ..Content::default() }
}

fn badge(items: u32) -> Content {
    Content { cart: Some(Cart { items: Some(items), ..Cart::default() }), ..Content::default() }
}

fn order(id: &str, value: f64) -> Content {
    Content { order: Some(Order { id: id.into(), value: Some(value), ..Order::default() }), ..Content::default() }
}

fn member(logged_in: bool, fields: &[(&str, &str)]) -> Content {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Content { member: Some(Member { logged_in: Some(logged_in), id: None, fields }), ..Content::default() }
}

/// Events in short: `+2 A` and `-1 A` for the cart, their names for all else.
fn told(events: &[What]) -> Vec<String> {
    let tell = |what: &What| match what {
        What::AddToCart(line) => format!("+{} {}", line.quantity, line.id),
        What::RemoveFromCart(line) => format!("-{} {}", line.quantity, line.id),
        other => other.name().to_owned(),
    };
    events.iter().map(tell).collect()
}

#[test]
fn what_changes_between_two_carts_came_in_or_left() {
    let mut profile = Profile::default();
    let mut show = |at, content: &Content| told(&profile.learn(content, &said(at, "cart")));
    assert_eq!(show(1, &cart(&[])), [""; 0]);
    assert_eq!(show(2, &cart(&[("A", 1), ("B", 2)])), ["+1 A", "+2 B"]);
    assert_eq!(show(3, &cart(&[("B", 2), ("A", 1)])), [""; 0], "the order of lines is no change");
    assert_eq!(show(4, &cart(&[("A", 3), ("C", 1)])), ["-2 B", "+2 A", "+1 C"]);
    assert_eq!(show(5, &badge(4)), [""; 0]);
    assert_eq!(show(6, &badge(2)), [""; 0], "as many lines as the badge says");
    assert_eq!(show(7, &cart(&[("A", 1), ("A", 2), ("C", 1)])), [""; 0], "a product may have two lines");
    let seen = profile.shop.cart.clone().unwrap();
    assert_eq!((seen.items, seen.value, seen.changed), (4, Some(400.0), 4));
    assert_eq!(told(&profile.learn(&badge(9), &said(8, "home"))), [""; 0], "nobody knows what it was");
    assert_eq!(profile.shop.cart.as_ref().unwrap().changed, 8);
    assert_eq!(told(&profile.learn(&cart(&[("A", 3), ("C", 6)]), &said(9, "cart"))), ["+5 C"]);
    assert_eq!(told(&profile.learn(&badge(0), &said(10, "home"))), ["-3 A", "-6 C"]);
}

#[test]
fn an_order_is_taken_once_and_empties_the_cart_without_a_word() {
    let mut profile = Profile::default();
    profile.learn(&cart(&[("A", 1)]), &said(1, "cart"));
    assert_eq!(told(&profile.learn(&Content::default(), &said(2, "checkout"))), ["begin_checkout"]);
    // The page of thanks still shows the cart, and is loaded again, later with an empty one.
    let thanks = Content { cart: cart(&[("A", 1)]).cart, ..order("N-1", 900.0) };
    assert_eq!(told(&profile.learn(&thanks, &said(3, "thankyou"))), ["purchase"]);
    assert_eq!(told(&profile.learn(&thanks, &said(4, "thankyou"))), [""; 0]);
    let thanks = Content { cart: cart(&[]).cart, ..order("N-1", 900.0) };
    assert_eq!(told(&profile.learn(&thanks, &said(5, "thankyou"))), [""; 0]);
    assert_eq!(told(&profile.learn(&cart(&[]), &said(6, "home"))), [""; 0]);
    assert_eq!((profile.orders, profile.spent, profile.last_order), (1, 900.0, Some(3)));
    for n in 0..40 {
        profile.learn(&order(&format!("M-{n}"), 100.0), &said(10 + n * 7 * DAY, "thankyou"));
    }
    assert_eq!((profile.orders, profile.spent, profile.shop.orders.len()), (41, 4900.0, MAX_ORDERS));
    assert_eq!(profile.shop.purchase_cycle(), Some(7.0));
}

#[test]
fn money_of_another_currency_is_not_added_up() {
    let mut profile = Profile::default();
    let mut foreign = order("N-1", 900.0);
    foreign.order.as_mut().unwrap().currency = Some("USD".into());
    assert_eq!(told(&profile.learn(&foreign, &said(1, "thankyou"))), ["purchase"]);
    assert_eq!((profile.orders, profile.spent), (1, 0.0));
    let mut foreign = product("A", &[], 900.0);
    foreign.product.as_mut().unwrap().currency = Some("USD".into());
    profile.learn(&foreign, &said(1, "product"));
    assert_eq!(profile.shop.prices, []);
}

#[test]
fn the_till_is_entered_once_until_goods_are_looked_at_again() {
    let mut profile = Profile::default();
    let kinds = ["cart", "checkout", "checkout", "account", "checkout", "product", "checkout", "thankyou", "checkout"];
    let entered: Vec<bool> =
        kinds.iter().map(|kind| !profile.learn(&Content::default(), &said(1, kind)).is_empty()).collect();
    assert_eq!(entered, [false, true, false, false, false, false, true, false, true]);
    let mut profile = Profile::default();
    let by_itself = Content { kind: Some("checkout".into()), ..Content::default() };
    assert_eq!(told(&profile.learn(&by_itself, &said(1, "other"))), ["begin_checkout"]);
}

#[test]
fn views_make_likings_that_fade() {
    let mut profile = Profile::default();
    for n in 0..6 {
        profile.learn(&product(&format!("tea-{n}"), &["飲み物", "茶"], 1200.0), &said(n, "product"));
    }
    let later = 60 * DAY;
    for n in 0..3 {
        profile.learn(&product(&format!("mug-{n}"), &["食器", "湯呑み"], 3000.0), &said(later + n, "product"));
    }
    let shop = &profile.shop;
    assert_eq!(favourite(&shop.categories, later).unwrap().name, "湯呑み", "six views are one and a half by now");
    assert_eq!(favourite(&shop.categories, 5).unwrap().name, "茶");
    assert_eq!(favourite(&shop.prices, later).unwrap().name, "2000-4999");
    let typical = typical_price(&shop.prices, later).unwrap();
    assert!((2500.0..3000.0).contains(&typical), "{typical}");
    assert_eq!(last_viewed(&shop.categories, "飲み物"), Some(5));
    assert_eq!(shop.product_seen("mug-2"), Some(later + 2));
    assert_eq!(shop.product_seen("mug-9"), None);
}

#[test]
fn price_bands_have_no_gaps() {
    for (price, band) in [
        (0.0, None),
        (0.01, Some("0.01")),
        (0.5, Some("0.5-0.99")),
        (1.0, Some("1")),
        (3.0, Some("2-4")),
        (999.99, Some("500-999")),
        (1000.0, Some("1000-1999")),
        (4999.0, Some("2000-4999")),
        (5000.0, Some("5000-9999")),
        (f64::NAN, None),
        (1e300, None),
    ] {
        assert_eq!(price_band(price).as_deref(), band, "{price}");
    }
}

#[test]
fn who_was_seen_logged_out_logs_in_and_names_are_not_kept() {
    let mut profile = Profile::default();
    assert_eq!(told(&profile.learn(&member(true, &[("rank", "gold")]), &said(1, "home"))), [""; 0], "it was before");
    assert_eq!(told(&profile.learn(&member(false, &[]), &said(2, "home"))), [""; 0]);
    let again = member(true, &[("rank", "platinum"), ("name", "田中")]);
    assert_eq!(told(&profile.learn(&again, &said(3, "home"))), ["login"]);
    assert_eq!(profile.member.fields, [("rank".to_owned(), "platinum".to_owned())].into());
}

#[test]
fn what_a_form_told_is_not_told_again_by_the_cart() {
    let line = |id: &str, quantity| Line { id: id.into(), quantity, price: Some(100.0), ..Line::default() };
    let mut profile = Profile::default();
    profile.learn(&cart(&[("A", 1)]), &said(1, "cart"));
    for (id, quantity) in [("A", 2), ("variant-7", 1)] {
        assert!(profile.did(What::AddToCart(line(id, quantity)), 2).is_some());
    }
    let seen = profile.shop.cart.as_ref().unwrap();
    assert_eq!((seen.items, seen.value, seen.contains("variant-7"), seen.changed), (4, Some(400.0), true, 2));
    assert_eq!(told(&profile.learn(&badge(4), &said(3, "product"))), [""; 0]);
    // The cart names the variant otherwise, and another tab has put something in.
    let shown = cart(&[("A", 3), ("SKU-7", 1), ("B", 1)]);
    assert_eq!(told(&profile.learn(&shown, &said(4, "cart"))), ["+1 B"]);
    assert!(profile.did(What::RemoveFromCart(line("A", 3)), 5).is_some());
    assert!(!profile.shop.cart.as_ref().unwrap().contains("A"));
    assert_eq!(told(&profile.learn(&cart(&[("SKU-7", 1), ("B", 1)]), &said(6, "cart"))), [""; 0]);
    assert_eq!(told(&profile.learn(&cart(&[("SKU-7", 1)]), &said(7, "cart"))), ["-1 B"]);
}

#[test]
fn what_a_form_and_its_page_both_tell_happened_once() {
    let mut profile = Profile::default();
    assert!(profile.did(What::BeginCheckout { value: None }, 1).is_some());
    assert_eq!(told(&profile.learn(&Content::default(), &said(2, "checkout"))), [""; 0]);
    profile.learn(&member(false, &[]), &said(3, "account"));
    assert!(profile.did(What::Login, 4).is_some());
    assert_eq!(told(&profile.learn(&member(true, &[]), &said(5, "account"))), [""; 0]);
    let search = Search { term: "茶".into(), results: None };
    assert!(profile.did(What::Search(search.clone()), 6).is_some());
    let page = Content { search: Some(search), ..Content::default() };
    assert_eq!(told(&profile.learn(&page, &said(7, "search"))), [""; 0]);
    assert_eq!(told(&profile.learn(&page, &said(7 + 1801, "search"))), ["search"]);
}

#[test]
fn a_search_is_an_event() {
    let search = Search { term: "湯呑み".into(), results: Some(3) };
    let content = Content { search: Some(search), ..Content::default() };
    assert_eq!(told(&Profile::default().learn(&content, &said(1, "search"))), ["search"]);
}

/// Whatever a shop says, and however often, a profile stays small.
#[test]
fn nothing_makes_a_profile_large() {
    let long = |n: i64| format!("{n}{}", "長".repeat(300));
    let mut profile = Profile::default();
    for n in 0..400 {
        let lines = (0..100).map(|line| Line { id: long(line + n), price: Some(0.1), quantity: 1, ..Line::default() });
        let content = Content {
            product: Some(Product {
                id: long(n),
                category: (0..9).map(|level| long(n * 10 + level)).collect(),
                brand: Some(long(n)),
                price: Some(1.5_f64.powi(n as i32 % 50)),
                ..Product::default()
            }),
            cart: Some(Cart { lines: lines.collect(), ..Cart::default() }),
            member: Some(Member {
                fields: (0..99).map(|f| (format!("attr.{f}"), long(n))).collect(),
                ..Member::default()
            }),
            ..Content::default()
        };
        for what in profile.learn(&content, &said(n * DAY / 2, "product")) {
            profile.shop.count(what.name(), n / 2);
        }
        for event in crate::store::profile::shopping::COUNTED {
            profile.shop.count(event, n / 2);
        }
        profile.learn(&order(&long(n), 1.0), &said(n, "thankyou"));
    }
    let cart = Content { cart: cart(&[]).cart, ..Content::default() };
    profile.learn(&cart, &said(0, "cart"));
    let bytes = serde_json::to_vec(&profile).unwrap().len();
    assert!(bytes < 48 << 10, "{bytes} bytes");
}

/// One who comes every other day for three months, and looks at ten products each time.
#[test]
fn a_keen_customers_profile_is_a_few_kilobytes() {
    let mut profile = Profile::default();
    let plain = serde_json::to_vec(&profile).unwrap().len();
    for visit in 0..45_i64 {
        let at = 1_790_000_000 + visit * 2 * DAY;
        for view in 0..10 {
            let n = (visit * 7 + view * 3) % 120;
            let category = format!("カテゴリー{}", n % 12);
            let mut content = product(&format!("SKU-{n:05}"), &["レディース", &category], 1000.0 + 300.0 * n as f64);
            content.product.as_mut().unwrap().brand = Some(format!("brand-{}", n % 8));
            for what in profile.learn(&content, &said(at + view * 60, "product")) {
                profile.shop.count(what.name(), at / DAY);
            }
            profile.shop.count("page_view", at / DAY);
        }
        profile.learn(&cart(&[("SKU-00001", 1), ("SKU-00002", 2), ("SKU-00003", 1)]), &said(at + 700, "cart"));
        if visit % 9 == 8 {
            profile.learn(&order(&format!("N-{visit}"), 8000.0), &said(at + 800, "thankyou"));
        }
    }
    let bytes = serde_json::to_vec(&profile).unwrap().len() - plain;
    assert!(bytes < 6 << 10, "{bytes} bytes");
}
