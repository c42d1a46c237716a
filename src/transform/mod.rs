//! Rewrites a page as it streams past. lol_html is named in this module alone.
//!
//! Decides whether a response can be rewritten and carries out edits; it does not know why an edit is made.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use std::sync::Arc;

/// A CSS selector, checked when the rules are loaded.
#[derive(Debug, Clone)]
pub struct Selector {
    text: Arc<str>,
}

/// A selector that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be used as a selector: {reason}")]
pub struct InvalidSelector {
    /// As written.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Selector {
    /// Checks a selector.
    ///
    /// # Errors
    /// When it is no selector, or one that cannot be matched while a page streams past.
    pub fn parse(text: &str) -> Result<Self, InvalidSelector> {
        match text.parse::<lol_html::Selector>() {
            Ok(_) => Ok(Self { text: Arc::from(text) }),
            Err(error) => Err(InvalidSelector { text: text.into(), reason: error.to_string(), help: None }),
        }
    }
}

/// Where an edit goes, relative to the element that its target names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// Before the element.
    Before,
    /// After the element.
    After,
    /// Inside, before its first child.
    Prepend,
    /// Inside, after its last child.
    Append,
    /// Instead of the element.
    Replace,
    /// The element goes away.
    Remove,
}

/// Which element an edit is about.
#[derive(Debug, Clone)]
pub enum Target {
    /// The start of `<head>`: for our stylesheet and loader. Where the page has no `<head>` tag, before `<body>`'s content.
    Head,
    /// The first element that a selector matches.
    First(Selector),
    /// Every element that a selector matches.
    All(Selector),
}

/// One change of a page.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Which element.
    pub target: Target,
    /// Where.
    pub position: Position,
    /// Markup, pure ASCII so that it is right in every charset that we rewrite. Empty for [`Position::Remove`].
    pub html: Bytes,
}

/// Limits of one rewrite.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that the parser may hold back.
    pub parser_memory: usize,
    /// Bytes that a page may decode to.
    pub decoded_bytes: u64,
    /// Ratio of decoded to coded bytes above which a body counts as a bomb.
    pub decoded_ratio: u32,
}

/// What is known of a response before its body.
#[derive(Debug)]
pub struct ResponseView<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's headers.
    pub request: &'a HeaderMap,
    /// The response's status.
    pub status: StatusCode,
    /// The response's headers.
    pub headers: &'a HeaderMap,
}
