//! Fuzz targets: bodies in every coding, and pages of any bytes under any edits.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

mod codecs;
mod rewrite;

pub use codecs::codecs;
pub use rewrite::rewrite;
