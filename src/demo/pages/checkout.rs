//! Checkout and thank-you.

use super::super::locale::{Lang, Text};
use super::super::page::{Page, see_other};
use super::super::request::{Fields, Post, Visit};
use super::super::shop::Shop;
use super::cart::lines;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::{Value, context};

/// What is wrong with a form: field and words, in the order of the form.
type Wrong = Vec<(&'static str, &'static str)>;

/// Letters of order numbers: none that is mistaken for another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";

/// Ways to pay.
static PAYMENTS: &[(&str, Text)] = &[
    ("card", Text::new("クレジットカード", "Credit card")),
    ("convenience", Text::new("コンビニ払い", "Convenience store")),
    ("cash", Text::new("代金引換", "Cash on delivery")),
];

/// Shows the form.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    if visit.peek(|session| session.cart.is_empty()) {
        return see_other(&visit, "/cart");
    }
    form(&shop, &visit, None, &Wrong::new())
}

/// Takes the order, or shows the form again with what is wrong in it.
pub(in super::super) async fn submit(State(shop): State<Shop>, mut post: Post) -> Response {
    let handle = post.session(&shop);
    if handle.lock().cart.is_empty() {
        return see_other(&post.visit, "/cart");
    }
    let wrong = check(&post.form, post.visit.lang);
    if !wrong.is_empty() {
        return form(&shop, &post.visit, Some(&post.form), &wrong);
    }
    let today = shop.clock.now().in_tz("Asia/Tokyo").map_or_else(|_| String::new(), |now| now.date().to_string());
    let mut random = [0; 6];
    shop.random.fill(&mut random);
    let tail: String = random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect();
    let number = format!("N{}-{tail}", today.replace('-', "").get(2..).unwrap_or_default());
    handle.lock().order(number, today, post.form.get("email").to_owned());
    see_other(&post.visit, "/thank-you")
}

/// Thanks for the latest order.
pub(in super::super) async fn thanks(State(shop): State<Shop>, visit: Visit) -> Response {
    let lang = visit.lang;
    let Some(order) = visit.peek(|session| session.orders.last().cloned()) else { return see_other(&visit, "/cart") };
    let context = context! {
        number => order.number,
        email => order.email,
        lines => lines(&order.cart, lang),
        totals => order.totals.value(),
    };
    Page::new(&shop, &visit, lang.pick("ご注文ありがとうございました", "Thank you for your order"))
        .render("thanks.html", context)
}

fn form(shop: &Shop, visit: &Visit, filled: Option<&Fields>, wrong: &Wrong) -> Response {
    let lang = visit.lang;
    let (cart, customer) = visit.peek(|session| (session.cart.clone(), session.customer));
    let field = |name: &'static str, suggested: &str| {
        let value = filled.map_or(suggested, |filled| filled.get(name));
        let error = wrong.iter().find(|(field, _)| *field == name).map(|(_, text)| *text);
        (name, context! { value, error })
    };
    let fields = [
        field("name", customer.map_or("", |customer| customer.name.get(lang))),
        field("email", customer.map_or("", |customer| customer.email)),
        field("postcode", ""),
        field("address", ""),
        field("payment", "card"),
        field("note", ""),
    ];
    let payments: Vec<Value> =
        PAYMENTS.iter().map(|(value, name)| context! { value => *value, name => name.get(lang) }).collect();
    let context = context! {
        lines => lines(&cart, lang),
        totals => cart.totals(customer).value(),
        coupon => cart.coupon.map(|coupon| coupon.name.get(lang)),
        fields => Value::from_pairs(fields),
        wrong => wrong.iter().map(|(name, text)| context! { name => *name, text => *text }).collect::<Vec<_>>(),
        payments,
    };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Page::new(shop, visit, lang.pick("ご注文手続き", "Checkout")).status(status).render("checkout.html", context)
}

/// What is wrong, by field.
fn check(form: &Fields, lang: Lang) -> Wrong {
    let mut wrong = Wrong::new();
    let mut demand = |field: &'static str, fine: bool, ja: &'static str, en: &'static str| {
        if !fine {
            wrong.push((field, lang.pick(ja, en)));
        }
    };
    let fits = |text: &str, most: usize| !text.is_empty() && text.chars().count() <= most;
    demand(
        "name",
        fits(form.get("name"), 60),
        "お名前をご入力ください（60文字まで）。",
        "Please enter your name (up to 60 characters).",
    );
    demand(
        "email",
        is_email(form.get("email")),
        "メールアドレスをご確認ください。",
        "Please check your e-mail address.",
    );
    demand(
        "postcode",
        is_postcode(form.get("postcode")),
        "郵便番号は7桁の数字でご入力ください。",
        "Please enter a postcode of 7 digits.",
    );
    demand(
        "address",
        fits(form.get("address"), 200),
        "ご住所をご入力ください（200文字まで）。",
        "Please enter your address (up to 200 characters).",
    );
    let payment = form.get("payment");
    demand(
        "payment",
        PAYMENTS.iter().any(|(value, _)| *value == payment),
        "お支払い方法をお選びください。",
        "Please choose how to pay.",
    );
    demand(
        "note",
        form.get("note").chars().count() <= 400,
        "ご要望は400文字までにお願いします。",
        "Please keep your note below 400 characters.",
    );
    wrong
}

fn is_email(text: &str) -> bool {
    text.len() <= 254
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !domain.contains('@')
        })
}

/// Seven digits, with or without a hyphen, as wide as an input method makes them.
fn is_postcode(text: &str) -> bool {
    let digits = text.chars().filter(|c| !matches!(c, '-' | '－' | 'ー' | '〒' | ' '));
    digits.clone().count() == 7 && digits.into_iter().all(|c| c.is_ascii_digit() || ('０'..='９').contains(&c))
}
