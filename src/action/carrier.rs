//! An edit as an inert template, for pages on which only the runtime can carry it out.

use super::escape;
use crate::transform::{Edit, Position, Target};
use bytes::Bytes;

/// Writes an edit as a `<template>` that says where its content goes: the runtime reads it, and no framework minds it.
#[must_use]
pub fn carrier(edit: &Edit, prefix: &str) -> Bytes {
    let how = match edit.position {
        Position::Before => "before",
        Position::After => "after",
        Position::Prepend => "prepend",
        Position::Append => "append",
        Position::Replace => "replace",
        Position::Remove => "remove",
    };
    let (selector, all) = match &edit.target {
        Target::Head => ("head", false),
        Target::First(selector) => (selector.as_str(), false),
        Target::All(selector) => (selector.as_str(), true),
    };
    let mut html = format!("<template data-{prefix}=\"carrier\" data-{prefix}-how=\"{how}\" data-{prefix}-at=\"");
    escape::value(&mut html, selector);
    html.push('"');
    if all {
        html.push_str(" data-");
        html.push_str(prefix);
        html.push_str("-all");
    }
    html.push('>');
    let mut bytes = html.into_bytes();
    bytes.extend_from_slice(&edit.html);
    bytes.extend_from_slice(b"</template>");
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::Selector;

    #[test]
    fn carrier_says_where_and_how_and_stays_within_its_attribute() {
        let selector = Selector::parse("a[title=\"\u{3042}\"] > b").unwrap();
        let edit = Edit {
            target: Target::All(selector),
            position: Position::Before,
            html: Bytes::from_static(b"<p data-gw=\"s/a\">x</p>"),
        };
        assert_eq!(
            carrier(&edit, "gw"),
            "<template data-gw=\"carrier\" data-gw-how=\"before\" data-gw-at=\"a[title=&quot;&#x3042;&quot;] &gt; b\" \
             data-gw-all><p data-gw=\"s/a\">x</p></template>"
        );
    }
}
