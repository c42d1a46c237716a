//! What the browser gets from us: one style sheet and one script a site, named by their content so that they are kept for ever.
//!
//! Decides nothing: the markup says when and what, by its `data-PREFIX-*` attributes.

use crate::action::Accent;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A file that a page links to.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its name below the site's path, made of its content: `/PREFIX/NAME`. Serve it as immutable.
    pub name: String,
    /// Media type.
    pub content_type: &'static str,
    /// The file, pure ASCII.
    pub bytes: Bytes,
    /// A strong validator, in quotes.
    pub etag: String,
}

/// The style sheet of a site, with the accents that its actions use.
#[must_use]
pub fn stylesheet(prefix: &str, accents: impl IntoIterator<Item = Accent>) -> Asset {
    let mut css = include_str!(concat!(env!("OUT_DIR"), "/style.css")).replace(PLACEHOLDER, prefix);
    let (paper, night) = (Accent::PAPER, Accent::NIGHT);
    let mut accents: BTreeSet<Accent> = accents.into_iter().collect();
    accents.insert(Accent::DEFAULT);
    for accent in accents {
        let hex = accent.hex();
        let _ = write!(
            css,
            ".{prefix}-{hex}{{--{prefix}-a:#{hex};--{prefix}-on:#{};--{prefix}-il:#{};--{prefix}-id:#{}}}",
            accent.text_on_it().hex(),
            accent.readable_on(paper).hex(),
            accent.readable_on(night).hex(),
        );
    }
    asset(css, "css", "text/css; charset=utf-8")
}

/// The client runtime of a site.
#[must_use]
pub fn runtime(prefix: &str) -> Asset {
    let script = include_str!(concat!(env!("OUT_DIR"), "/runtime.js")).replace(PLACEHOLDER, prefix);
    asset(script, "js", "text/javascript; charset=utf-8")
}

/// Stands for the prefix in the sources.
const PLACEHOLDER: &str = "NOREN";

fn asset(text: String, extension: &str, content_type: &'static str) -> Asset {
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    Asset {
        name: format!("{hash:016x}.{extension}"),
        content_type,
        bytes: Bytes::from(text),
        etag: format!("\"{hash:016x}\""),
    }
}

#[cfg(test)]
mod tests;
