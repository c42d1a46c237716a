//! Search.

use super::super::catalogue;
use super::super::page::{Page, cards};
use super::super::request::Visit;
use super::super::shop::Shop;
use axum::extract::State;
use axum::response::Response;
use minijinja::context;

/// Longest search in characters.
const LONGEST: usize = 80;

/// Shows what fits, or the favourites if nothing does.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let lang = visit.lang;
    let term: String = visit.query.get("q").chars().take(LONGEST).collect();
    let found = catalogue::search(&term);
    let title = if term.is_empty() {
        lang.pick("商品をさがす", "Search").to_owned()
    } else {
        format!("{}{}", lang.pick("検索：", "Search: "), term)
    };
    let context = context! {
        term,
        count => found.len(),
        cards => cards(&shop, lang, found.into_iter(), false),
        favourites => cards(&shop, lang, catalogue::ranking().take(4), false),
    };
    Page::new(&shop, &visit, title).render("search.html", context)
}
