//! One shelf.

use super::super::catalogue::{Category, Product};
use super::super::page::{Page, cards};
use super::super::request::Visit;
use super::super::shop::Shop;
use super::error;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::context;

/// Shows it, in the order that `?sort=` asks for.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let slug = visit.path.trim_start_matches("/category/");
    let Some(category) = Category::find(slug) else { return error::page(&shop, &visit, StatusCode::NOT_FOUND) };
    let lang = visit.lang;
    let mut products: Vec<&Product> = category.products.iter().collect();
    let sort = match visit.query.get("sort") {
        "low" => {
            products.sort_by_key(|product| product.price);
            "low"
        }
        "high" => {
            products.sort_by_key(|product| std::cmp::Reverse(product.price));
            "high"
        }
        _ => "",
    };
    let context = context! {
        slug,
        name => category.name.get(lang),
        lead => category.lead.get(lang),
        count => products.len(),
        sort,
        cards => cards(&shop, lang, products.into_iter(), false),
    };
    Page::new(&shop, &visit, category.name.get(lang))
        .description(category.lead.get(lang))
        .render("category.html", context)
}
