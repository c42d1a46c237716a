//! What never changes while the shop is open: stylesheet and pictures, with validators.

use super::pages::error;
use super::request::Visit;
use super::shop::Shop;
use super::{catalogue, picture};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::SystemTime;

const STYLE: &str = include_str!("templates/style.css");

/// All static pieces, by path.
pub(super) struct Assets {
    pieces: BTreeMap<String, Piece>,
    style_url: String,
    drawn: SystemTime,
}

struct Piece {
    media_type: &'static str,
    text: bytes::Bytes,
    etag: HeaderValue,
}

impl Assets {
    /// Draws them all.
    pub(super) fn draw(now: Timestamp) -> Self {
        let mut pieces = BTreeMap::new();
        let mut add = |path: String, media_type, text: String| {
            pieces.insert(path, Piece::new(media_type, text));
        };
        for (_, product) in catalogue::all() {
            add(product.picture_path(), "image/svg+xml", picture::draw(product.drawing, product.name.en));
        }
        add("/assets/storefront.svg".into(), "image/svg+xml", picture::storefront::draw());
        add("/assets/favicon.svg".into(), "image/svg+xml", picture::storefront::crest());
        add("/assets/style.css".into(), "text/css; charset=utf-8", STYLE.to_owned());
        let style_url = format!("/assets/style.css?v={:08x}", xxhash_rust::xxh3::xxh3_64(STYLE.as_bytes()) as u32);
        Self { pieces, style_url, drawn: now.into() }
    }

    /// The stylesheet's address; another content has another one.
    pub(super) fn style_url(&self) -> &str {
        &self.style_url
    }
}

impl Piece {
    fn new(media_type: &'static str, text: String) -> Self {
        // Weak: the same tag goes with the plain and the compressed form.
        let etag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(text.as_bytes()));
        let etag = HeaderValue::try_from(etag).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""));
        Self { media_type, text: text.into(), etag }
    }
}

/// Serves one piece.
pub(super) async fn show(State(shop): State<Shop>, visit: Visit, headers: HeaderMap) -> Response {
    match shop.assets.pieces.get(&visit.path) {
        Some(piece) => serve(piece, shop.assets.drawn, &headers),
        None => error::page(&shop, &visit, StatusCode::NOT_FOUND),
    }
}

/// Serves the icon to those who ask for it unbidden.
pub(super) async fn favicon(State(shop): State<Shop>, visit: Visit, headers: HeaderMap) -> Response {
    match shop.assets.pieces.get("/assets/favicon.svg") {
        Some(piece) => serve(piece, shop.assets.drawn, &headers),
        None => error::page(&shop, &visit, StatusCode::NOT_FOUND),
    }
}

/// Tells robots where they need not go.
pub(super) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /cart\nDisallow: /checkout\nDisallow: /account\nDisallow: /login\n"
}

fn serve(piece: &Piece, drawn: SystemTime, headers: &HeaderMap) -> Response {
    let fresh = is_fresh(&piece.etag, drawn, headers);
    let mut response = Response::new(if fresh { Body::empty() } else { Body::from(piece.text.clone()) });
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(piece.media_type));
    out.insert(ETAG, piece.etag.clone());
    out.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(drawn)) {
        out.insert(LAST_MODIFIED, date);
    }
    response
}

/// Whether the client's copy is still good. A tag, where one is sent, outranks a date.
fn is_fresh(etag: &HeaderValue, drawn: SystemTime, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    if let Some(tags) = headers.get(IF_NONE_MATCH).and_then(text) {
        let own = text(etag).unwrap_or_default();
        return tags
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == own.trim_start_matches("W/"));
    }
    let since = headers.get(IF_MODIFIED_SINCE).and_then(text).and_then(|date| httpdate::parse_http_date(&date).ok());
    let second = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    since.is_some_and(|since| second(since) >= second(drawn))
}
