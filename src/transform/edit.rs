//! What is to be changed on a page, as data.

use super::selector::Selector;
use bytes::Bytes;

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
    /// Where. Without meaning for [`Target::Head`].
    pub position: Position,
    /// Markup, pure ASCII so that it is right in every charset that we rewrite. Empty for [`Position::Remove`].
    pub html: Bytes,
}
