//! The front page.

use super::super::catalogue::{self, CATEGORIES, Product};
use super::super::page::{Page, cards};
use super::super::request::Visit;
use super::super::shop::Shop;
use axum::extract::State;
use axum::response::Response;
use minijinja::context;

/// The season's choice.
const SEASON: &[&str] = &[
    "iga-donabe",
    "kuki-hojicha",
    "chestnut-yokan",
    "sashiko-zabuton",
    "kyo-sensu",
    "kokeshi-haru",
    "nerikiri-four",
    "bud-vase",
];

/// Shows it.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let lang = visit.lang;
    let season = SEASON.iter().filter_map(|slug| Product::find(slug)).map(|(_, product)| product);
    let shelves: Vec<_> = CATEGORIES
        .iter()
        .map(|category| {
            context! {
                name => category.name.get(lang),
                lead => category.lead.get(lang),
                url => format!("/category/{}", category.slug),
                picture => category.products.first().map(Product::picture_path),
            }
        })
        .collect();
    let context = context! {
        shelves,
        season => cards(&shop, lang, season, false),
        ranking => cards(&shop, lang, catalogue::ranking(), true),
    };
    let organisation = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "Store",
        "name": lang.pick("暖簾堂", "Norendō"),
        "url": format!("{}/", visit.base),
        "currenciesAccepted": "JPY",
        "potentialAction": {
            "@type": "SearchAction",
            "target": format!("{}/search?q={{search_term}}", visit.base),
            "query-input": "required name=search_term",
        },
    });
    Page::new(&shop, &visit, lang.pick("日本の手しごと、暮らしの道具", "Japanese crafts for everyday life"))
        .picture("/assets/storefront.svg".into())
        .json_ld(organisation)
        .render("home.html", context)
}
