//! The cart.

use super::super::cart::{Cart, FREE_SHIPPING_FROM, MOST};
use super::super::catalogue::{self, Product};
use super::super::coupons::{Coupon, Refusal};
use super::super::locale::{Lang, Text};
use super::super::page::{Page, card, cards, see_other};
use super::super::request::{Post, Visit};
use super::super::session::Notice;
use super::super::shop::Shop;
use super::error;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::{Value, context};

/// Shows it.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let lang = visit.lang;
    let (cart, customer) = visit.peek(|session| (session.cart.clone(), session.customer));
    let totals = cart.totals(customer);
    let context = context! {
        lines => lines(&cart, lang),
        free_from => FREE_SHIPPING_FROM,
        reached => (totals.subtotal * 100 / FREE_SHIPPING_FROM).min(100),
        coupon => cart.coupon.map(|coupon| context! {
            code => coupon.code,
            name => coupon.name.get(lang),
            refusal => cart.refusal(customer).map(|refusal| explain(refusal, lang)),
        }),
        totals => totals.value(),
        favourites => cards(&shop, lang, catalogue::ranking().take(4), false),
    };
    Page::new(&shop, &visit, lang.pick("カート", "Cart")).render("cart.html", context)
}

/// Puts something in.
pub(in super::super) async fn add(State(shop): State<Shop>, mut post: Post) -> Response {
    let Some((_, product)) = Product::find(post.form.get("product")) else {
        return error::page(&shop, &post.visit, StatusCode::NOT_FOUND);
    };
    let Some(quantity) = quantity(post.form.get("quantity")) else {
        return error::page(&shop, &post.visit, StatusCode::BAD_REQUEST);
    };
    let handle = post.session(&shop);
    let mut session = handle.lock();
    let came = session.cart.add(product, quantity);
    let text = if came == 0 {
        Text::new("これ以上はお入れできません。在庫をご確認ください。", "No more of these: we have run out of stock.")
    } else {
        Text::new("カートに入れました。", "Added to your cart.")
    };
    session.notice = Some(Notice { text, bad: came == 0 });
    drop(session);
    see_other(&post.visit, "/cart")
}

/// Sets quantities (`quantity-SLUG`), or takes one thing out (`remove`).
pub(in super::super) async fn update(State(shop): State<Shop>, mut post: Post) -> Response {
    let removed = post.form.get("remove").to_owned();
    let mut wanted = Vec::new();
    for (name, value) in post.form.iter() {
        let Some(slug) = name.strip_prefix("quantity-") else { continue };
        match (Product::find(slug), quantity(value.trim())) {
            (Some((_, product)), Some(count)) => wanted.push((product, if slug == removed { 0 } else { count })),
            _ => return error::page(&shop, &post.visit, StatusCode::BAD_REQUEST),
        }
    }
    let handle = post.session(&shop);
    let mut session = handle.lock();
    for (product, count) in wanted {
        session.cart.set(product, count);
    }
    session.notice =
        Some(Notice { text: Text::new("カートを更新しました。", "Your cart is up to date."), bad: false });
    drop(session);
    see_other(&post.visit, "/cart")
}

/// Enters a coupon's code, or with none lays the coupon down.
pub(in super::super) async fn coupon(State(shop): State<Shop>, mut post: Post) -> Response {
    let code = post.form.get("code").to_owned();
    let coupon = Coupon::find(&code);
    let (text, bad) = match (code.is_empty(), coupon) {
        (true, _) => (Text::new("クーポンを外しました。", "Coupon removed."), false),
        (false, Some(_)) => (Text::new("クーポンを適用しました。", "Coupon entered."), false),
        (false, None) => (Text::new("このクーポンコードは見つかりません。", "We do not know this coupon code."), true),
    };
    let handle = post.session(&shop);
    let mut session = handle.lock();
    if !bad {
        session.cart.coupon = coupon;
    }
    session.notice = Some(Notice { text, bad });
    drop(session);
    see_other(&post.visit, "/cart")
}

/// A cart's lines, as templates need them.
pub(super) fn lines(cart: &Cart, lang: Lang) -> Vec<Value> {
    cart.lines
        .iter()
        .map(|line| {
            context! {
                product => card(line.product, lang),
                quantity => line.quantity,
                most => line.product.stock.min(MOST),
                sum => line.sum(),
            }
        })
        .collect()
}

fn explain(refusal: Refusal, lang: Lang) -> String {
    match (refusal, lang) {
        (Refusal::TooLittle(from), Lang::Ja) => format!("{}以上のお買い上げでご利用いただけます。", lang.yen(from)),
        (Refusal::TooLittle(from), Lang::En) => format!("Valid for orders of {} and more.", lang.yen(from)),
        (Refusal::Rank, _) => lang
            .pick("金のれん会員さま限定です。ログインしてご利用ください。", "For gold members: please log in.")
            .into(),
    }
}

fn quantity(text: &str) -> Option<u32> {
    if text.is_empty() { Some(1) } else { text.parse().ok().filter(|count| *count <= 999) }
}
