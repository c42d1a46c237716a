//! One product.

use super::super::catalogue::{Category, Product};
use super::super::locale::Lang;
use super::super::page::{Page, card, cards};
use super::super::request::Visit;
use super::super::shop::Shop;
use super::error;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::context;
use serde_json::json;

/// Shows it, with what stands beside it on its shelf.
pub(in super::super) async fn show(State(shop): State<Shop>, visit: Visit) -> Response {
    let slug = visit.path.trim_start_matches("/product/");
    let Some((category, product)) = Product::find(slug) else {
        return error::page(&shop, &visit, StatusCode::NOT_FOUND);
    };
    let lang = visit.lang;
    let beside = category.products.iter().filter(|other| other.slug != slug).take(4);
    let context = context! {
        product => card(product, lang),
        story => product.story.get(lang),
        maker => product.maker.get(lang),
        size => product.size.get(lang),
        points => product.price / 100,
        most => product.stock.min(10),
        category => context! { name => category.name.get(lang), url => format!("/category/{}", category.slug) },
        beside => cards(&shop, lang, beside, false),
    };
    Page::new(&shop, &visit, product.name.get(lang))
        .description(product.lead.get(lang))
        .picture(product.picture_path())
        .json_ld(describe(product, category, lang, &visit.base))
        .render("product.html", context)
}

/// The product for machines: schema.org.
fn describe(product: &Product, category: &Category, lang: Lang, base: &str) -> serde_json::Value {
    let url = format!("{base}/product/{}", product.slug);
    json!({
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "Product",
                "sku": product.slug,
                "name": product.name.get(lang),
                "description": product.story.get(lang),
                "image": format!("{base}{}", product.picture_path()),
                "category": category.name.get(lang),
                "brand": { "@type": "Brand", "name": product.maker.get(lang) },
                "offers": {
                    "@type": "Offer",
                    "url": url,
                    "price": product.price,
                    "priceCurrency": "JPY",
                    "itemCondition": "https://schema.org/NewCondition",
                    "availability": if product.stock > 0 { "https://schema.org/InStock" } else { "https://schema.org/OutOfStock" },
                },
            },
            {
                "@type": "BreadcrumbList",
                "itemListElement": [
                    { "@type": "ListItem", "position": 1, "name": lang.pick("ホーム", "Home"), "item": format!("{base}/") },
                    { "@type": "ListItem", "position": 2, "name": category.name.get(lang), "item": format!("{base}/category/{}", category.slug) },
                    { "@type": "ListItem", "position": 3, "name": product.name.get(lang), "item": url },
                ],
            },
        ],
    })
}
