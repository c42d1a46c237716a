//! One source of a field: a selector, or a table that says more.

use crate::config::reader::{Placed, Table};
use crate::transform::Selector;
use crate::transform::extract::{At, Part, Place, Slot, Source};
use regex::{Regex, RegexBuilder};
use toml::Spanned;
use toml::de::DeValue;

/// Most alternatives of one field.
const MOST: usize = 32;
/// What a compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// How a source is read.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::rules) struct Reading {
    /// Presence counts.
    pub(super) is_mark: bool,
    /// It looks inside of a row.
    pub(super) in_row: bool,
}

impl Reading {
    pub(in crate::rules) fn mark() -> Self {
        Self { is_mark: true, in_row: false }
    }

    /// Reads all sources of a key.
    pub(super) fn all(self, table: &mut Table<'_, '_>, key: &'static str, slot: &Slot, part: &mut Part) {
        if let Some(value) = table.raw(key) {
            self.each(table, key, value, |source| part.sources.push((slot.clone(), source)));
        }
    }

    /// Reads the sources in a value: one, or a list of alternatives.
    pub(in crate::rules) fn each<'i>(
        self,
        table: &Table<'_, 'i>,
        key: &str,
        value: &'i Spanned<DeValue<'i>>,
        mut put: impl FnMut(Source),
    ) {
        let Some(list) = value.get_ref().as_array() else {
            if let Some(source) = self.one(table, key, value) {
                put(source);
            }
            return;
        };
        if list.len() > MOST {
            let help = Some(format!("write at most {MOST}; a selector may have several, separated by commas"));
            table.error("out-of-range", value.span(), format!("`{key}` has {} alternatives", list.len()), help);
            return;
        }
        list.iter().filter_map(|item| self.one(table, key, item)).for_each(put);
    }

    fn one<'i>(self, table: &Table<'_, 'i>, key: &str, value: &'i Spanned<DeValue<'i>>) -> Option<Source> {
        if let Some(text) = value.get_ref().as_str() {
            let at = selector(table, &Placed { value: text.to_owned(), span: value.span() })?;
            if is_script(&at) {
                script_without_pattern(table, value.span());
                return None;
            }
            let from = if self.is_mark { Place::Element(At::Selector(at)) } else { Place::Text(At::Selector(at)) };
            return Some(Source { from, pattern: None });
        }
        let Some(inner) = value.get_ref().as_table() else {
            table.mistyped(
                key,
                ("a selector, or a table that says where it comes from", "{ at = \"…\", attr = \"…\" }"),
                value,
            );
            return None;
        };
        let mut inner = table.child(inner, value.span());
        let source = self.table(&mut inner, key);
        inner.finish();
        source
    }

    /// Reads a table; the caller finishes it, since it may know of more keys.
    pub(in crate::rules) fn table(self, table: &mut Table<'_, '_>, key: &str) -> Option<Source> {
        let given: Vec<&str> = ["at", "url", "query"].into_iter().filter(|name| table.has(name)).collect();
        let (at, attr) = (table.string("at"), table.string("attr"));
        let (url, query, pattern) = (table.string("url"), table.string("query"), table.string("match"));
        let pattern = match pattern {
            Some(text) => Some(regex(table, &text)?),
            None => None,
        };
        let from = match (given.as_slice(), at, url, query) {
            (["at"], Some(text), ..) => {
                let at = selector(table, &text)?;
                if is_script(&at) && pattern.is_none() && attr.is_none() && !self.is_mark {
                    script_without_pattern(table, text.span);
                    return None;
                }
                self.element(table, At::Selector(at), attr, pattern.is_some())?
            }
            (["url"], _, Some(text), _) if !self.in_row && attr.is_none() && pattern.is_none() => {
                return Some(Source { from: Place::Url, pattern: Some(regex(table, &text)?) });
            }
            (["query"], _, _, Some(text)) if !self.in_row && attr.is_none() => Place::Query(text.value.into()),
            ([], ..) if self.in_row => self.element(table, At::Row, attr, pattern.is_some())?,
            // A value of another type was reported already.
            ([_], None, None, None) => return None,
            (given, ..) => {
                let help = if self.in_row {
                    "within a row: `at` a selector or nothing, with `attr` or without"
                } else {
                    "give exactly one of `at` (with `attr` or without), `query`, and `url` with its pattern"
                };
                let found = if given.is_empty() { "nothing".to_owned() } else { given.join(" and ") };
                table.error("bad-source", table.span(), format!("`{key}` comes from {found}"), Some(help.to_owned()));
                return None;
            }
        };
        Some(Source { from, pattern })
    }

    fn element(self, table: &Table<'_, '_>, at: At, attr: Option<Placed<String>>, has_pattern: bool) -> Option<Place> {
        let Some(attr) = attr else {
            let is_bare = self.is_mark && !has_pattern;
            return Some(if is_bare { Place::Element(at) } else { Place::Text(at) });
        };
        let sound = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'<>/=".contains(c);
        if attr.value.is_empty() || !attr.value.chars().all(sound) {
            let help = Some("write the name alone: `attr = \"href\"`".to_owned());
            table.error("bad-attribute", attr.span, format!("`{}` is no name of an attribute", attr.value), help);
            return None;
        }
        Some(Place::Attribute(at, attr.value.to_ascii_lowercase().into()))
    }
}

/// Reads a selector.
pub(in crate::rules) fn selector(table: &Table<'_, '_>, text: &Placed<String>) -> Option<Selector> {
    Selector::parse(&text.value)
        .inspect_err(|error| table.error("bad-selector", text.span.clone(), error.to_string(), error.help.clone()))
        .ok()
}

/// Reads a pattern.
pub(in crate::rules) fn regex(table: &Table<'_, '_>, text: &Placed<String>) -> Option<Regex> {
    match RegexBuilder::new(&text.value).size_limit(PATTERN_SIZE).build() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            table.error("invalid-regex", text.span.clone(), format!("`{}` is no pattern: {reason}", text.value), None);
            None
        }
    }
}

fn is_script(selector: &Selector) -> bool {
    let last = selector.as_str().rsplit([' ', '>', ',']).next().unwrap_or_default();
    last == "script" || last.starts_with("script[") || last.starts_with("script:") || last.starts_with("script.")
}

fn script_without_pattern(table: &Table<'_, '_>, span: std::ops::Range<usize>) {
    let help = Some("say which part of it: `{ at = \"script\", match = \"product_id: *([0-9]+)\" }`".to_owned());
    table.error("bad-source", span, "a whole script is no value", help);
}
