//! Rewrites a page as it streams past. lol_html is named in this module alone.
//!
//! Decides whether a response can be rewritten and carries out edits; it does not know why an edit is made.
//!
//! [`eligible`] looks at the heads and gives a [`Page`] or the reason why the response passes. [`Transform`] then takes the
//! body: decoded, looked at, rewritten until the last edit is done, encoded; each chunk leaves before the next one comes.

mod aside;
mod charset;
mod codec;
pub mod csp;
mod edit;
mod eligibility;
pub mod extract;
mod fit;
#[cfg(test)]
mod fixtures;
mod footprint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod hazards;
mod late;
#[cfg(any(test, feature = "fuzzing"))]
mod oracle;
mod outline;
mod pipeline;
mod rewrite;
mod selector;
#[cfg(test)]
mod testing;

pub use aside::Aside;
pub use codec::{CodecError, Coding, OutCoding};
pub use edit::{Edit, Position, Target};
pub use eligibility::{
    Page, ResponseView, Skip, accept_encoding_for_origin, choose_coding, eligible, is_document_request,
};
pub use fit::can_stand;
pub use footprint::{GROWTH, declared_window, footprint};
pub use late::Late;
pub use pipeline::{Transform, TransformError};
pub use rewrite::BailOut;
pub use selector::{InvalidSelector, Selector};

/// Limits of one rewrite.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that the parser may hold back.
    pub parser_memory: usize,
    /// Decoded bytes of a page that are read; what follows is passed on.
    pub decoded_bytes: u64,
    /// Ratio of decoded to coded bytes above which a body counts as a bomb.
    pub decoded_ratio: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parser_memory: 64 * 1024, decoded_bytes: 256 * 1024 * 1024, decoded_ratio: 200 }
    }
}
