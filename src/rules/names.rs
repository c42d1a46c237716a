//! Names that are used in markers, stores, metrics and paths: plain ASCII, so that they need no escaping anywhere.

use crate::config::reader::{Placed, Table};

/// Longest name.
const MAX: usize = 64;

/// Whether a text is a name: ASCII letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether a text can be written as `segment.NAME` in a condition.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() <= MAX
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What [`is_name`] asks for, in words.
pub(super) const RULE: &str =
    "use letters a-z, digits, `-`, `_` and `.`, at most 64 of them, beginning with a letter or digit";

/// Reports a setting that is no name.
pub(super) fn checked(table: &Table<'_, '_>, what: &str, text: Placed<String>) -> Option<Placed<String>> {
    if is_name(&text.value) {
        return Some(text);
    }
    table.error(
        "bad-name",
        text.span,
        format!("`{}` cannot be the name of a {what}", text.value),
        Some(RULE.to_owned()),
    );
    None
}
