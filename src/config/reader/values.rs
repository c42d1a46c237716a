//! The types of values that a table may be asked for.

use super::words::{format_size, parse_size};
use super::{Placed, Table, format_duration, parse_duration, suggest};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A name and a text of a table of texts.
pub type TextPair = (Placed<String>, Placed<String>);

/// A type in words, and how a value of it is written.
type Wanted = (&'static str, &'static str);

const TEXT: Wanted = ("a text in quotes", "\"…\"");
const BOOL: Wanted = ("true or false", "true");
const INTEGER: Wanted = ("a whole number", "10");
const NUMBER: Wanted = ("a number", "1.5");
const SIZE: Wanted = ("a size: a number of bytes, or a text", "\"64KiB\"");
const DURATION: Wanted = ("a span of time", "\"30s\"");
const TEXTS: Wanted = ("a list of texts", "[\"…\", \"…\"]");
const TEXT_TABLE: Wanted = ("a table of texts", "{ ja = \"…\", en = \"…\" }");
const DATETIME: Wanted = ("a date and time", "2026-11-20T00:00:00+09:00");

impl Table<'_, '_> {
    /// A text.
    pub fn string(&mut self, key: &'static str) -> Option<Placed<String>> {
        let value = self.raw(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Placed { value: text.to_owned(), span: value.span() }),
            None => {
                self.mistyped(key, TEXT, value);
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

    /// Reports that a key is missing. `want` says in words what it is, or gives an example.
    pub fn missing(&self, key: &str, want: &str) {
        if self.misspelt(key) {
            return;
        }
        self.error("missing-key", self.span(), format!("`{key}` is missing"), Some(format!("add `{key} = …`: {want}")));
    }

    /// A truth value.
    pub fn bool(&mut self, key: &'static str) -> Option<Placed<bool>> {
        let value = self.raw(key)?;
        match value.get_ref().as_bool() {
            Some(found) => Some(Placed { value: found, span: value.span() }),
            None => {
                self.mistyped(key, BOOL, value);
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn integer(&mut self, key: &'static str, bounds: RangeInclusive<i64>) -> Option<Placed<i64>> {
        let value = self.raw(key)?;
        let number = value.get_ref().as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
        let Some(number) = number else {
            self.mistyped(key, INTEGER, value);
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
            self.mistyped(key, NUMBER, value);
        }
        Some(Placed { value: number?, span: value.span() })
    }

    /// A share: `"5%"` is 500 hundredths of a percent.
    pub fn percentage(&mut self, key: &'static str) -> Option<Placed<u32>> {
        let text = self.string(key)?;
        let percent = text.value.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
            Some(percent) => Some(Placed { value: (percent * 100.0).round() as u32, span: text.span }),
            None => {
                self.error(
                    "bad-percentage",
                    text.span,
                    format!("`{}` is no percentage", text.value),
                    Some(format!("write a number from 0 to 100 with its sign: `{key} = \"5%\"`")),
                );
                None
            }
        }
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
        let value = self.raw(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.mistyped(key, DURATION, value);
            return None;
        };
        let text = Placed { value: text.to_owned(), span: value.span() };
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

    /// A number of bytes within bounds: `4096` or `"64KiB"`.
    pub fn size(&mut self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<Placed<u64>> {
        let value = self.raw(key)?;
        let inner = value.get_ref();
        let bytes = inner
            .as_str()
            .and_then(parse_size)
            .or_else(|| inner.as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok()));
        let Some(bytes) = bytes else {
            match inner.as_str() {
                Some(text) => {
                    let help = "write a number and a unit: \"512B\", \"64KiB\", \"1MiB\", \"2GiB\"".to_owned();
                    self.error("bad-size", value.span(), format!("`{text}` is no size"), Some(help));
                }
                None => self.mistyped(key, SIZE, value),
            }
            return None;
        };
        if !bounds.contains(&bytes) {
            self.error(
                "out-of-range",
                value.span(),
                format!("`{key}` is {bytes} bytes, which is out of range"),
                Some(format!("give a size from {} to {}", format_size(*bounds.start()), format_size(*bounds.end()))),
            );
            return None;
        }
        Some(Placed { value: bytes, span: value.span() })
    }

    /// A span of time within bounds.
    pub fn duration_within(&mut self, key: &'static str, bounds: RangeInclusive<Duration>) -> Option<Placed<Duration>> {
        let found = self.duration(key)?;
        if bounds.contains(&found.value) {
            return Some(found);
        }
        self.error(
            "out-of-range",
            found.span,
            format!("`{key}` is {}, which is out of range", format_duration(found.value)),
            Some(format!(
                "give a span from {} to {}",
                format_duration(*bounds.start()),
                format_duration(*bounds.end())
            )),
        );
        None
    }

    /// A list of texts; a single text counts as a list of one.
    pub fn strings(&mut self, key: &'static str) -> Option<Placed<Vec<Placed<String>>>> {
        let value = self.raw(key)?;
        if let Some(text) = value.get_ref().as_str() {
            let one = Placed { value: text.to_owned(), span: value.span() };
            return Some(Placed { value: vec![one], span: value.span() });
        }
        let Some(array) = value.get_ref().as_array() else {
            self.mistyped(key, TEXTS, value);
            return None;
        };
        let mut texts = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed { value: text.to_owned(), span: item.span() }),
                None => self.mistyped(key, TEXTS, item),
            }
        }
        Some(Placed { value: texts, span: value.span() })
    }

    /// All pairs of a table of texts, in the order of the file: `text = { ja = "…", en = "…" }`.
    pub fn string_map(&mut self, key: &'static str) -> Option<Placed<Vec<TextPair>>> {
        let value = self.raw(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.mistyped(key, TEXT_TABLE, value);
            return None;
        };
        let mut pairs = Vec::new();
        for (name, item) in table {
            match item.get_ref().as_str() {
                Some(text) => pairs.push((
                    Placed { value: name.get_ref().to_string(), span: name.span() },
                    Placed { value: text.to_owned(), span: item.span() },
                )),
                None => self.mistyped(name.get_ref(), TEXT, item),
            }
        }
        Some(Placed { value: pairs, span: value.span() })
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
        self.mistyped(key, DATETIME, value);
        None
    }
}
