//! Pictures of the goods, drawn in code: the demo needs neither files nor a network to look like a shop.
//!
//! Each product names one drawing. The same product always gives the same bytes.

#![expect(clippy::unreadable_literal, reason = "colours are written as the web writes them: 0xRRGGBB")]
#![expect(clippy::many_single_char_names, reason = "x, y, w, h and r are the names of geometry")]

mod canvas;
pub(super) mod ceramics;
pub(super) mod stationery;
pub(super) mod storefront;
pub(super) mod sweets;
pub(super) mod tea;
pub(super) mod textiles;
pub(super) mod wood;

pub(super) use canvas::Canvas;
use canvas::{Pattern, hex, mix};

/// A drawing: puts one product on an empty canvas.
pub(super) type Drawing = fn(&mut Canvas);

/// Draws a product as an SVG document.
pub(super) fn draw(drawing: Drawing, title: &str) -> String {
    let mut canvas = Canvas::default();
    drawing(&mut canvas);
    canvas.finish(title)
}
