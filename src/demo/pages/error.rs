//! Pages for what went wrong.

use super::super::catalogue;
use super::super::page::{Page, cards};
use super::super::request::Visit;
use super::super::shop::Shop;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::context;

/// No such address.
pub(in super::super) async fn missing(State(shop): State<Shop>, visit: Visit) -> Response {
    page(&shop, &visit, StatusCode::NOT_FOUND)
}

/// The page of a status.
pub(in super::super) fn page(shop: &Shop, visit: &Visit, status: StatusCode) -> Response {
    let lang = visit.lang;
    let (title, text) = match status {
        StatusCode::NOT_FOUND => (
            lang.pick("お探しのページが見つかりません", "We could not find that page"),
            lang.pick(
                "ページが移動したか、商品の取り扱いが終わったのかもしれません。よろしければ、人気の品をご覧ください。",
                "It may have moved, or the item is no longer made. Perhaps one of our favourites will do?",
            ),
        ),
        StatusCode::FORBIDDEN => (
            lang.pick("この操作は受け付けられません", "We cannot accept this"),
            lang.pick(
                "ほかのサイトから送られた操作のようです。お手数ですが、店内のページからもう一度お試しください。",
                "It seems to have been sent from another site. Please try again from a page of this shop.",
            ),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            lang.pick("送信された内容が長すぎます", "That was too long"),
            lang.pick("内容を短くして、もう一度お試しください。", "Please shorten it and try again."),
        ),
        _ => (
            lang.pick("ご入力の内容を読み取れませんでした", "We could not read that"),
            lang.pick("お手数ですが、前のページに戻ってもう一度お試しください。", "Please go back and try again."),
        ),
    };
    let favourites = cards(shop, lang, catalogue::ranking().take(4), false);
    Page::new(shop, visit, title)
        .status(status)
        .render("error.html", context! { code => status.as_u16(), title, text, favourites })
}
