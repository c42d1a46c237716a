//! Login, logout and my page.

use super::super::customers::{CUSTOMERS, Customer, PASSWORD};
use super::super::locale::Text;
use super::super::page::{Page, see_other};
use super::super::request::{Post, Visit};
use super::super::session::Notice;
use super::super::shop::Shop;
use super::cart::lines;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::context;

/// Shows the login form.
pub(in super::super) async fn login(State(shop): State<Shop>, visit: Visit) -> Response {
    if visit.peek(|session| session.customer.is_some()) {
        return see_other(&visit, "/account");
    }
    form(&shop, &visit, "", false)
}

/// Logs in. The session gets a new id, and keeps its cart.
pub(in super::super) async fn submit(State(shop): State<Shop>, mut post: Post) -> Response {
    let email = post.form.get("email").to_owned();
    let Some(customer) = Customer::authenticate(&email, post.form.get("password")) else {
        return form(&shop, &post.visit, &email, true);
    };
    let old = post.session(&shop);
    let handle = shop.sessions.renew(&old, shop.random.as_ref());
    {
        let mut session = handle.lock();
        session.customer = Some(customer);
        session.notice =
            Some(Notice { text: Text::new("ログインしました。", "You are logged in."), bad: false });
    }
    post.visit.session = Some(handle);
    see_other(&post.visit, "/account")
}

/// Logs out, and forgets cart and orders.
pub(in super::super) async fn logout(State(shop): State<Shop>, mut post: Post) -> Response {
    let old = post.session(&shop);
    *old.lock() = super::super::session::Session::default();
    post.visit.session = Some(shop.sessions.renew(&old, shop.random.as_ref()));
    see_other(&post.visit, "/")
}

/// Shows my page.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let lang = visit.lang;
    if visit.peek(|session| session.customer.is_none()) {
        return see_other(&visit, "/login");
    }
    let orders: Vec<_> = visit
        .peek(|session| session.orders.clone())
        .into_iter()
        .rev()
        .map(|order| {
            context! { number => order.number, date => order.date, lines => lines(&order.cart, lang), totals => order.totals.value() }
        })
        .collect();
    Page::new(&shop, &visit, lang.pick("マイページ", "My page")).render("account.html", context! { orders })
}

fn form(shop: &Shop, visit: &Visit, email: &str, failed: bool) -> Response {
    let lang = visit.lang;
    let samples: Vec<_> = CUSTOMERS
        .iter()
        .map(|sample| context! { email => sample.email, name => sample.name.get(lang), note => sample.note.get(lang) })
        .collect();
    let status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Page::new(shop, visit, lang.pick("ログイン", "Log in"))
        .status(status)
        .render("login.html", context! { email, failed, samples, password => PASSWORD })
}
