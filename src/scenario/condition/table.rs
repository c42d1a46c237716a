//! A fact's literals and which of them a value makes true, worked out beforehand.
//!
//! Values fall into classes that no atom tells apart; each class has a row of bits, one for every literal. A request
//! copies one row. What depends on the inside of a text (prefixes, patterns) is set bit by bit on top.

use super::breaks::Breaks;
use super::formula::{Literal, Test};
use crate::facts::value::Value;
use ahash::AHashMap;
use std::borrow::Cow;
use std::sync::Arc;

/// Atoms whose literals share rows. Rows grow with the square of this.
pub(super) const GROUP: usize = 128;

/// Whether a test's answer depends on the value's class alone.
pub(super) fn is_classed(test: &Test) -> bool {
    match test {
        Test::Known | Test::Truth | Test::In(_) => true,
        Test::Compare(_, literal) => !matches!(literal, Literal::String(_)),
        _ => false,
    }
}

/// Words that the literals of `atoms` take.
pub(super) fn words(atoms: usize) -> usize {
    (atoms * 2).div_ceil(64)
}

/// A row table for atoms that are classed.
#[derive(Debug)]
pub(super) struct Classes {
    words: usize,
    rows: Vec<u64>,
    breaks: Breaks,
    texts: AHashMap<Arc<str>, u32>,
}

/// Rows that every table has; then come whole numbers, doubles and texts.
const MISSING: usize = 0;
const FALSE: usize = 1;
const TRUE: usize = 2;
const LIST: usize = 3;
const NAN: usize = 4;
const OTHER_TEXT: usize = 5;
const INTS: usize = 6;

impl Classes {
    pub(super) fn new(tests: &[&Test]) -> Self {
        let breaks = Breaks::of(tests.iter().copied());
        let mut made = Self { words: words(tests.len()), rows: Vec::new(), breaks, texts: AHashMap::new() };
        let named = || {
            tests.iter().flat_map(|test| match test {
                Test::In(literals) => literals.iter(),
                _ => [].iter(),
            })
        };
        let known = named().filter_map(|literal| match literal {
            Literal::String(text) => Some(text),
            _ => None,
        });
        // Longer than every text that is named, so equal to none.
        let longest = known.clone().map(|text| text.len()).max().unwrap_or(0);
        let other = "x".repeat(longest + 1);
        made.push(tests, None);
        made.push(tests, Some(&Value::Bool(false)));
        made.push(tests, Some(&Value::Bool(true)));
        made.push(tests, Some(&Value::Strings(Vec::new())));
        made.push(tests, Some(&Value::Double(f64::NAN)));
        made.push(tests, Some(&Value::String(Cow::Owned(other))));
        let Breaks { ints, doubles } = made.breaks.clone();
        for int in ints {
            made.push(tests, Some(&Value::Int(int)));
        }
        for double in doubles {
            made.push(tests, Some(&Value::Double(double)));
        }
        for text in known {
            if !made.texts.contains_key(text) {
                let row = made.push(tests, Some(&Value::String(Cow::Borrowed(text))));
                made.texts.insert(text.clone(), row);
            }
        }
        made.rows.shrink_to_fit();
        made
    }

    fn push(&mut self, tests: &[&Test], value: Option<&Value<'_>>) -> u32 {
        let row = self.rows.len() / self.words.max(1);
        let start = self.rows.len();
        self.rows.resize(start + self.words, 0);
        if let Some(row) = self.rows.get_mut(start..) {
            for (index, test) in tests.iter().enumerate() {
                if let Some(truth) = test.holds(value) {
                    set(row, index, truth);
                }
            }
        }
        row as u32
    }

    /// Copies the row of a value.
    pub(super) fn fill(&self, value: Option<&Value<'_>>, bits: &mut [u64]) {
        let row = match value {
            None => MISSING,
            Some(Value::Bool(false)) => FALSE,
            Some(Value::Bool(true)) => TRUE,
            Some(Value::Strings(_)) => LIST,
            Some(Value::Int(int)) => INTS + class(&self.breaks.ints, |start| start <= int),
            Some(Value::Double(double)) if double.is_nan() => NAN,
            Some(Value::Double(double)) => {
                INTS + self.breaks.ints.len() + class(&self.breaks.doubles, |start| start <= double)
            }
            Some(Value::String(text)) => self.texts.get(text.as_ref()).map_or(OTHER_TEXT, |row| *row as usize),
        };
        if let Some(row) = self.rows.get(row * self.words..(row + 1) * self.words) {
            bits.copy_from_slice(row);
        }
    }
}

/// Number of the interval that a value is in; the first begins below every value.
fn class<T>(starts: &[T], reached: impl Fn(&T) -> bool) -> usize {
    starts.partition_point(reached).saturating_sub(1)
}

/// Makes an atom of a row true or false: of its two literals, one holds.
fn set(row: &mut [u64], index: usize, truth: bool) {
    let bit = index * 2;
    let pair = if truth { 0b01 } else { 0b10 };
    if let Some(word) = row.get_mut(bit / 64) {
        *word = (*word & !(0b11 << (bit % 64))) | (pair << (bit % 64));
    }
}

/// Atoms that look into a text, or into a list.
#[derive(Debug)]
pub(super) struct Patterns {
    words: usize,
    /// All atoms that ask a text, false.
    text: Vec<u64>,
    /// All atoms that ask a list, false.
    list: Vec<u64>,
    prefixes: Prefixes,
    regexes: Vec<(regex::RegexSet, Vec<usize>)>,
    /// The rest, one after another.
    others: Vec<(Test, usize)>,
    members: AHashMap<Arc<str>, usize>,
}

impl Patterns {
    pub(super) fn new(tests: &[&Test]) -> Self {
        let words = words(tests.len());
        let (mut text, mut list) = (vec![0; words], vec![0; words]);
        let (mut prefixes, mut regexes) = (Vec::new(), Vec::new());
        let (mut others, mut members) = (Vec::new(), AHashMap::new());
        for (index, test) in tests.iter().enumerate() {
            set(if let Test::Lists(_) = test { &mut list } else { &mut text }, index, false);
            match test {
                Test::StartsWith(prefix) => prefixes.push((prefix.clone(), index)),
                Test::Matches(pattern) => regexes.push((pattern, index)),
                Test::Lists(Literal::String(member)) => {
                    members.insert(member.clone(), index);
                }
                // A list of texts holds nothing else.
                Test::Lists(_) => {}
                other => others.push(((*other).clone(), index)),
            }
        }
        let mut sets = Vec::new();
        match regex::RegexSet::new(regexes.iter().map(|(pattern, _)| &*pattern.text)) {
            Ok(_) if regexes.is_empty() => {}
            Ok(set) => sets.push((set, regexes.iter().map(|(_, index)| *index).collect())),
            // Together they are too large: one by one they are not.
            Err(_) => others.extend(regexes.iter().map(|(pattern, index)| (Test::Matches((*pattern).clone()), *index))),
        }
        Self { words, text, list, prefixes: Prefixes::new(prefixes), regexes: sets, others, members }
    }

    /// Sets the literals of a value.
    pub(super) fn fill(&self, value: Option<&Value<'_>>, bits: &mut [u64]) {
        debug_assert_eq!(bits.len(), self.words);
        match value {
            Some(Value::String(text)) => {
                bits.copy_from_slice(&self.text);
                self.prefixes.each(text, |index| set(bits, index, true));
                for (regexes, indexes) in &self.regexes {
                    for index in &regexes.matches(text) {
                        if let Some(index) = indexes.get(index) {
                            set(bits, *index, true);
                        }
                    }
                }
                for (test, index) in &self.others {
                    if test.holds(value) == Some(true) {
                        set(bits, *index, true);
                    }
                }
            }
            Some(Value::Strings(items)) => {
                bits.copy_from_slice(&self.list);
                if !self.members.is_empty() {
                    for item in items {
                        if let Some(index) = self.members.get(item.as_ref()) {
                            set(bits, *index, true);
                        }
                    }
                }
            }
            _ => bits.fill(0),
        }
    }
}

/// Sorted prefixes, each with the longest other prefix of itself.
#[derive(Debug, Default)]
struct Prefixes(Vec<Prefix>);

#[derive(Debug)]
struct Prefix {
    text: Arc<str>,
    index: usize,
    parent: Option<u32>,
}

impl Prefixes {
    fn new(mut texts: Vec<(Arc<str>, usize)>) -> Self {
        texts.sort();
        let mut sorted: Vec<Prefix> = Vec::with_capacity(texts.len());
        for (text, index) in texts {
            let mut parent = sorted.len().checked_sub(1);
            while let Some(candidate) = parent.and_then(|at| sorted.get(at)) {
                if text.starts_with(&*candidate.text) {
                    break;
                }
                parent = candidate.parent.map(|at| at as usize);
            }
            sorted.push(Prefix { text, index, parent: parent.map(|at| at as u32) });
        }
        Self(sorted)
    }

    /// Calls `f` with every prefix of a text. All of them are the last prefix not after the text, or its ancestors.
    fn each(&self, text: &str, mut f: impl FnMut(usize)) {
        let mut next = self.0.partition_point(|prefix| *prefix.text <= *text).checked_sub(1);
        let mut inside = false;
        while let Some(prefix) = next.and_then(|at| self.0.get(at)) {
            inside = inside || text.starts_with(&*prefix.text);
            if inside {
                f(prefix.index);
            }
            next = prefix.parent.map(|at| at as usize);
        }
    }
}
