//! The built-in demo shop: an ordinary origin.
//!
//! *Norendō* sells Japanese crafts, in Japanese and English, from pages rendered on the server. It keeps its own
//! sessions and knows nothing of the gateway in front of it: what holds for it holds for any shop.
//!
//! ```text
//! request ─► compress ─► route ─► Visit / Post (language, session, CSRF) ─► pages/* ─► Page ─► templates
//! ```
//!
//! To whoever stands before it, it tells who is logged in by headers of its pages, as a real shop can be taught to:
//! `x-shop-customer-member` (`true` or `false`, always), and for members `x-shop-customer-id`, `-name` (percent-encoded, since
//! headers are ASCII), `-rank`, `-gender`, `-age` and `-points`.

mod assets;
mod cart;
mod catalogue;
mod compress;
mod coupons;
mod customers;
mod locale;
mod page;
mod pages;
mod picture;
mod request;
mod rules;
mod session;
mod shop;
#[cfg(test)]
mod tests;

pub use rules::embedded_rules;

use crate::clock::Clock;
use crate::ids::Random;
use axum::Router;
use axum::routing::{get, post};
use shop::Shop;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves the shop until `stop` completes; requests under way are finished.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(random, clock)).with_graceful_shutdown(stop).await
}

/// The shop as a service.
fn router(random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route("/", get(pages::home::show))
        .route("/category/{slug}", get(pages::category::show))
        .route("/product/{slug}", get(pages::product::show))
        .route("/search", get(pages::search::show))
        .route("/cart", get(pages::cart::show))
        .route("/cart/add", post(pages::cart::add))
        .route("/cart/update", post(pages::cart::update))
        .route("/cart/coupon", post(pages::cart::coupon))
        .route("/checkout", get(pages::checkout::show).post(pages::checkout::submit))
        .route("/thank-you", get(pages::checkout::thanks))
        .route("/login", get(pages::account::login).post(pages::account::submit))
        .route("/logout", post(pages::account::logout))
        .route("/account", get(pages::account::show))
        .route("/help", get(pages::help::show))
        .route("/chat", get(pages::help::chat))
        .route("/assets/{*path}", get(assets::show))
        .route("/favicon.ico", get(assets::favicon))
        .route("/robots.txt", get(assets::robots))
        .fallback(pages::error::missing)
        .layer(axum::middleware::from_fn(compress::gzip))
        .with_state(Shop::open(random, clock))
}
