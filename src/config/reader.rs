//! Reads spanned TOML tables field by field, so that every problem is reported with its place.
//!
//! serde stops at the first error and loses spans in tagged and flattened types; this reader does neither.

mod values;
mod words;

pub use values::TextPair;
pub use words::{format_duration, parse_duration, suggest};

use super::diagnostic::Problems;
use super::settings::Section;
use super::text_map::TextMap;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Byte range in the file.
    pub span: Range<usize>,
}

/// A table under reading: remembers which keys were asked for, so that the others can be reported.
pub struct Table<'p, 'i> {
    inner: &'i DeTable<'i>,
    span: Range<usize>,
    file: &'p Path,
    /// Where problems go.
    problems: &'p RefCell<Problems>,
    known: Vec<&'static str>,
    /// Keys that were reported already.
    settled: Vec<String>,
    /// What is documented to stand here, if it is documented.
    section: Option<&'static Section>,
    /// The file's text, if places inside its strings can be told.
    source: Option<&'p str>,
}

impl<'p, 'i> Table<'p, 'i> {
    /// Reads a file's root table.
    #[must_use]
    pub fn root(table: &'i Spanned<DeTable<'i>>, file: &'p Path, problems: &'p RefCell<Problems>) -> Self {
        Self {
            inner: table.get_ref(),
            span: 0..0,
            file,
            problems,
            known: Vec::new(),
            settled: Vec::new(),
            section: None,
            source: None,
        }
    }

    /// With the file's text, so that [`Table::inside`] can tell places inside strings.
    #[must_use]
    pub fn with_source(mut self, source: &'p str) -> Self {
        self.source = Some(source);
        self
    }

    /// Holds the reading to its documentation: see [`Section`].
    #[must_use]
    pub fn documented(mut self, section: &'static Section) -> Self {
        self.section = Some(section);
        self
    }

    /// The file's path, relative to the rules folder.
    #[must_use]
    pub fn file(&self) -> &'p Path {
        self.file
    }

    /// The table's own place: its header.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Adds an error.
    pub fn error(&self, code: &'static str, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.borrow_mut().error(code, self.file, span, message, help);
    }

    /// Adds a warning.
    pub fn warning(&self, code: &'static str, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.borrow_mut().warning(code, self.file, span, message, help);
    }

    /// The place in the file of a part of a text: `literal` is the text's own place, `part` a byte range in its value.
    #[must_use]
    pub fn inside(&self, literal: &Range<usize>, part: Range<usize>) -> Range<usize> {
        let Some(text) = self.source.and_then(|source| source.get(literal.clone())) else { return literal.clone() };
        let part = TextMap::new(text).locate(part);
        literal.start + part.start..literal.start + part.end
    }

    /// A key's value, whatever its type.
    pub fn raw(&mut self, key: &'static str) -> Option<&'i Spanned<DeValue<'i>>> {
        debug_assert!(
            self.section.is_none_or(|section| section.settings.iter().any(|setting| setting.name == key)),
            "`{key}` is read, but not documented"
        );
        self.allow(key);
        self.inner.get(key)
    }

    /// Makes a key known, whoever reads it.
    pub fn allow(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// Takes note that an unknown key was reported already, with better words than [`Table::finish`] has.
    pub fn settle(&mut self, key: &str) {
        self.settled.push(key.to_owned());
    }

    /// Whether the key is there; it then counts as known.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.raw(key).is_some()
    }

    /// The place of a key's value.
    pub fn span_of(&mut self, key: &'static str) -> Option<Range<usize>> {
        self.raw(key).map(Spanned::span)
    }

    /// The keys of the table in the order of the file, with their places. Does not make them known.
    pub fn keys(&self) -> impl Iterator<Item = (&'i str, Range<usize>)> + use<'i> {
        self.inner.iter().map(|(key, _)| (key.get_ref().as_ref(), key.span()))
    }

    /// Reports a value of another type than wanted: the type in words, and how a value of it is written.
    pub fn mistyped(&self, key: &str, (want, example): (&str, &str), found: &Spanned<DeValue<'_>>) {
        self.error(
            "wrong-type",
            found.span(),
            format!("`{key}` must be {want}, not {}", words::article(found.get_ref().type_str())),
            Some(format!("write `{key} = {example}`")),
        );
    }

    /// A table within this one.
    pub fn table(&mut self, key: &'static str) -> Option<Table<'p, 'i>> {
        let value = self.raw(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(self.child(table, value.span())),
            None => {
                self.mistyped(key, ("a table", "{ … }"), value);
                None
            }
        }
    }

    /// All tables of an array of tables: `[[variant]]`.
    pub fn tables(&mut self, key: &'static str) -> Vec<Table<'p, 'i>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.error(
                "wrong-type",
                value.span(),
                format!("`{key}` must be a list of tables, not {}", words::article(value.get_ref().type_str())),
                Some(format!("write `[[{key}]]` with double brackets")),
            );
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref().as_table() {
                Some(table) => tables.push(self.child(table, item.span())),
                None => self.mistyped(key, ("a list of tables", "[{ … }]"), item),
            }
        }
        tables
    }

    /// All tables within this one, by name, in the order of the file; each name counts as known.
    /// For tables whose keys are names that the merchant chose.
    #[must_use]
    pub fn entries(&self) -> Vec<(Placed<String>, &'i Spanned<DeValue<'i>>)> {
        self.inner
            .iter()
            .map(|(key, value)| (Placed { value: key.get_ref().to_string(), span: key.span() }, value))
            .collect()
    }

    /// A reader for a table that [`Table::entries`] gave.
    #[must_use]
    pub fn child(&self, table: &'i DeTable<'i>, span: Range<usize>) -> Table<'p, 'i> {
        Table { inner: table, span, known: Vec::new(), settled: Vec::new(), section: None, ..*self }
    }

    /// Whether a key is there under a name that is nearly its own. [`Table::finish`] reports that one, which says it all.
    fn misspelt(&self, key: &str) -> bool {
        let Some(section) = self.section else { return false };
        let documented = |found: &str| section.settings.iter().any(|setting| setting.name == found);
        self.keys().any(|(found, _)| !documented(found) && suggest(found, [key].into_iter()).is_some())
    }

    /// Ends the reading: every key that nobody asked for is an error, with a suggestion.
    pub fn finish(self) {
        debug_assert!(
            self.section
                .is_none_or(|section| section.settings.iter().all(|setting| self.known.contains(&setting.name))),
            "something in {:?} is documented, but not read: {:?}",
            self.section,
            self.known
        );
        for (key, span) in self.keys() {
            if self.known.contains(&key) || self.settled.iter().any(|settled| settled == key) {
                continue;
            }
            let known = self.known.join(", ");
            let help = suggest(key, self.known.iter().copied()).map_or_else(
                || format!("known here: {known}"),
                |best| format!("did you mean `{best}`? Known here: {known}"),
            );
            self.error("unknown-key", span, format!("unknown key `{key}`"), Some(help));
        }
    }
}
