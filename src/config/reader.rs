//! Reads spanned TOML tables field by field, so that every problem is reported with its place.
//!
//! serde stops at the first error and loses spans in tagged and flattened types; this reader does neither.

use super::diagnostic::Problems;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
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
}

impl<'p, 'i> Table<'p, 'i> {
    /// Reads a file's root table.
    #[must_use]
    pub fn root(table: &'i Spanned<DeTable<'i>>, file: &'p Path, problems: &'p RefCell<Problems>) -> Self {
        Self { inner: table.get_ref(), span: 0..0, file, problems, known: Vec::new() }
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

    fn raw(&mut self, key: &'static str) -> Option<&'i Spanned<DeValue<'i>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.inner.get(key)
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

    fn mistyped(&self, key: &str, want: &str, found: &Spanned<DeValue<'_>>) {
        self.error(
            "wrong-type",
            found.span(),
            format!("`{key}` must be {want}, not {}", article(found.get_ref().type_str())),
            None,
        );
    }

    /// A text.
    pub fn string(&mut self, key: &'static str) -> Option<Placed<String>> {
        let value = self.raw(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Placed { value: text.to_owned(), span: value.span() }),
            None => {
                self.mistyped(key, "a text in quotes", value);
                None
            }
        }
    }

    /// A text that must be there.
    pub fn required_string(&mut self, key: &'static str) -> Option<Placed<String>> {
        if self.has(key) {
            return self.string(key);
        }
        self.missing(key, "a text in quotes");
        None
    }

    /// Reports that a key is missing.
    pub fn missing(&self, key: &str, want: &str) {
        self.error(
            "missing-key",
            self.span(),
            format!("`{key}` is missing"),
            Some(format!("add `{key} = …` ({want})")),
        );
    }

    /// A truth value.
    pub fn bool(&mut self, key: &'static str) -> Option<Placed<bool>> {
        let value = self.raw(key)?;
        match value.get_ref().as_bool() {
            Some(found) => Some(Placed { value: found, span: value.span() }),
            None => {
                self.mistyped(key, "true or false", value);
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn integer(&mut self, key: &'static str, bounds: std::ops::RangeInclusive<i64>) -> Option<Placed<i64>> {
        let value = self.raw(key)?;
        let number = value.get_ref().as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
        let Some(number) = number else {
            self.mistyped(key, "a whole number", value);
            return None;
        };
        if !bounds.contains(&number) {
            self.error(
                "out-of-range",
                value.span(),
                format!("`{key}` is {number}, which is out of range"),
                Some(format!("give a number from {} to {}", bounds.start(), bounds.end())),
            );
            return None;
        }
        Some(Placed { value: number, span: value.span() })
    }

    /// A number, whole or not.
    pub fn number(&mut self, key: &'static str) -> Option<Placed<f64>> {
        let value = self.raw(key)?;
        let inner = value.get_ref();
        let number = inner
            .as_float()
            .and_then(|n| n.as_str().parse().ok())
            .or_else(|| inner.as_integer().and_then(|n| n.as_str().parse().ok()));
        if number.is_none() {
            self.mistyped(key, "a number", value);
        }
        Some(Placed { value: number?, span: value.span() })
    }

    /// One of a closed set of words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<Placed<T>> {
        let text = self.string(key)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text.value) {
            return Some(Placed { value: *value, span: text.span });
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let help = suggest(&text.value, words.iter().copied()).map_or_else(
            || format!("one of: {}", words.join(", ")),
            |best| format!("did you mean `{best}`? One of: {}", words.join(", ")),
        );
        self.error("unknown-word", text.span, format!("`{}` is no {key}", text.value), Some(help));
        None
    }

    /// A span of time: `90s`, `30m`, `12h`, `7d`.
    pub fn duration(&mut self, key: &'static str) -> Option<Placed<Duration>> {
        let text = self.string(key)?;
        match parse_duration(&text.value) {
            Some(value) => Some(Placed { value, span: text.span }),
            None => {
                self.error(
                    "bad-duration",
                    text.span,
                    format!("`{}` is no span of time", text.value),
                    Some("write a number and a unit: \"500ms\", \"90s\", \"30m\", \"12h\", \"7d\"".into()),
                );
                None
            }
        }
    }

    /// A list of texts; a single text counts as a list of one.
    pub fn strings(&mut self, key: &'static str) -> Option<Placed<Vec<Placed<String>>>> {
        let value = self.raw(key)?;
        if let Some(text) = value.get_ref().as_str() {
            let one = Placed { value: text.to_owned(), span: value.span() };
            return Some(Placed { value: vec![one], span: value.span() });
        }
        let Some(array) = value.get_ref().as_array() else {
            self.mistyped(key, "a list of texts", value);
            return None;
        };
        let mut texts = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed { value: text.to_owned(), span: item.span() }),
                None => self.mistyped(key, "a list of texts", item),
            }
        }
        Some(Placed { value: texts, span: value.span() })
    }

    /// All pairs of a table of texts, in the order of the file: `text = { ja = "…", en = "…" }`.
    pub fn string_map(&mut self, key: &'static str) -> Option<Placed<Vec<(Placed<String>, Placed<String>)>>> {
        let value = self.raw(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.mistyped(key, "a table of texts", value);
            return None;
        };
        let mut pairs = Vec::new();
        for (name, item) in table {
            match item.get_ref().as_str() {
                Some(text) => pairs.push((
                    Placed { value: name.get_ref().to_string(), span: name.span() },
                    Placed { value: text.to_owned(), span: item.span() },
                )),
                None => self.mistyped(name.get_ref(), "a text in quotes", item),
            }
        }
        Some(Placed { value: pairs, span: value.span() })
    }

    /// A table within this one.
    pub fn table(&mut self, key: &'static str) -> Option<Table<'p, 'i>> {
        let value = self.raw(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(self.child(table, value.span())),
            None => {
                self.mistyped(key, "a table", value);
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
                format!("`{key}` must be a list of tables, not {}", article(value.get_ref().type_str())),
                Some(format!("write `[[{key}]]` with double brackets")),
            );
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref().as_table() {
                Some(table) => tables.push(self.child(table, item.span())),
                None => self.mistyped(key, "a table", item),
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
        Table { inner: table, span, file: self.file, problems: self.problems, known: Vec::new() }
    }

    /// A date-time in RFC 3339, or a local date or date-time without offset, as written.
    pub fn datetime(&mut self, key: &'static str) -> Option<Placed<String>> {
        let value = self.raw(key)?;
        if let Some(found) = value.get_ref().as_datetime() {
            return Some(Placed { value: found.to_string(), span: value.span() });
        }
        if let Some(text) = value.get_ref().as_str() {
            return Some(Placed { value: text.to_owned(), span: value.span() });
        }
        self.mistyped(key, "a date and time such as 2026-11-20T00:00:00+09:00", value);
        None
    }

    /// Ends the reading: every key that nobody asked for is an error, with a suggestion.
    pub fn finish(self) {
        for (key, span) in self.keys() {
            if self.known.contains(&key) {
                continue;
            }
            let help = suggest(key, self.known.iter().copied()).map_or_else(
                || format!("known here: {}", self.known.join(", ")),
                |best| format!("did you mean `{best}`?"),
            );
            self.error("unknown-key", span, format!("unknown key `{key}`"), Some(help));
        }
    }
}

/// The nearest of some known words, if one is near enough to be meant.
#[must_use]
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(nearness, _)| *nearness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Reads `500ms`, `90s`, `30m`, `12h`, `7d`, `2w`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

fn article(ty: &str) -> String {
    match ty {
        "integer" | "array" => format!("an {ty}"),
        _ => format!("a {ty}"),
    }
}
