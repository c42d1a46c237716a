//! Fuzz targets: bodies in every coding, changed within it, and pages of any bytes under any edits.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

mod codecs;
mod rewrite;
mod splice;

pub use codecs::codecs;
pub use rewrite::rewrite;
pub use splice::splice;
