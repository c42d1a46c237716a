//! What the browser gets from us: one style sheet and one script a site, named by their content so that they are kept for ever.
//!
//! Decides nothing: the markup says when and what, by its `data-PREFIX-*` attributes.

use crate::action::Accent;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A file that a page links to.
#[derive(Clone)]
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

/// A site's files, made when its rules are loaded.
#[derive(Clone)]
pub struct Files {
    prefix: String,
    style: Asset,
    runtime: Asset,
    /// Both links without a nonce: the usual case.
    links: [Bytes; 4],
}

impl std::fmt::Debug for Asset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asset({})", self.content_type)
    }
}

/// Nonces that a page's Content-Security-Policy wants on our elements.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nonces<'a> {
    /// For the script.
    pub script: Option<&'a str>,
    /// For the style sheet.
    pub style: Option<&'a str>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl Files {
    /// Makes a site's files.
    #[must_use]
    pub fn new(prefix: &str, accents: impl IntoIterator<Item = Accent>) -> Self {
        let mut files = Self {
            prefix: prefix.to_owned(),
            style: stylesheet(prefix, accents),
            runtime: runtime(prefix),
            links: Default::default(),
        };
        files.links = [(false, false), (true, false), (false, true), (true, true)]
            .map(|(s, r)| files.write(s, r, "", Nonces::default()));
        files
    }

    /// The file of a name below the site's path.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.runtime].into_iter().find(|file| file.name == name)
    }

    /// The elements that load what a page needs; empty if it needs nothing. The runtime is told which `arms` it should find.
    #[must_use]
    pub fn links(&self, style: bool, runtime: bool, arms: &str, nonces: Nonces<'_>) -> Bytes {
        if nonces.script.is_some() || nonces.style.is_some() || !arms.is_empty() {
            return self.write(style, runtime, arms, nonces);
        }
        self.links.get(usize::from(style) + 2 * usize::from(runtime)).cloned().unwrap_or_default()
    }

    fn write(&self, style: bool, runtime: bool, arms: &str, nonces: Nonces<'_>) -> Bytes {
        let prefix = &self.prefix;
        // A nonce came out of a header by its grammar (base64 characters only), so it needs no escaping.
        let nonce = |nonce: Option<&str>| nonce.map_or_else(String::new, |nonce| format!(" nonce=\"{nonce}\""));
        let mut html = String::new();
        if style {
            let (name, nonce) = (&self.style.name, nonce(nonces.style));
            let _ = write!(html, "<link rel=\"stylesheet\" href=\"/{prefix}/{name}\" data-{prefix}=\"style\"{nonce}>");
        }
        if runtime {
            let (name, nonce) = (&self.runtime.name, nonce(nonces.script));
            let _ = write!(html, "<script defer src=\"/{prefix}/{name}\" data-{prefix}=\"runtime\"");
            if !arms.is_empty() {
                // Names of files and of variants by their grammar, so they need no escaping.
                let _ = write!(html, " data-{prefix}-arms=\"{arms}\"");
            }
            let _ = write!(html, "{nonce}></script>");
        }
        Bytes::from(html)
    }
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
