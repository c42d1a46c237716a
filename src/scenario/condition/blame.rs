//! Says by which of its parts a condition does not hold. For `explain`: it reads the text again, with places.

use super::formula::{FactRef, Formula, Kind};
use super::lower::Lowering;
use super::{Scope, Source, parse};
use crate::facts::FactSource;
use std::ops::Range;

/// A part of a condition that stood in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) struct Blamed {
    /// Place in the condition's text.
    pub(in crate::scenario) span: Range<usize>,
    /// The part as written; a segment is blamed by its name.
    pub(in crate::scenario) text: String,
    /// What it said; `None` if a fact was not known, or of a type that it cannot ask.
    pub(in crate::scenario) answer: Option<bool>,
    /// The facts that it asks.
    pub(in crate::scenario) facts: Vec<FactRef>,
}

impl Source {
    /// The least parts because of which the condition does not hold; empty if it holds.
    pub(in crate::scenario) fn blame(&self, source: &dyn FactSource) -> Vec<Blamed> {
        let scope = Scope { segments: (*self.segments).clone(), ..Scope::default() };
        // The parser that knows places refuses a few texts that the fast one takes, such as a line break within quotes.
        let (parsed, placed) = match parse::parse_with_places(&self.text) {
            Ok(parsed) => (parsed, true),
            Err(_) => match parse::parse(&self.text) {
                Ok(parsed) => (parsed, false),
                Err(_) => return Vec::new(),
            },
        };
        let Ok(formula) = Lowering::again(&scope).condition(&parsed, &self.text) else { return Vec::new() };
        let mut blamed = Vec::new();
        self.collect(&formula, true, source, &mut blamed);
        if !placed && !blamed.is_empty() {
            let facts = blamed.into_iter().flat_map(|part| part.facts).collect();
            let answer = formula.evaluate(source);
            return vec![Blamed { span: 0..self.text.len(), text: self.text.to_string(), answer, facts }];
        }
        blamed
    }

    fn collect(&self, formula: &Formula, wanted: bool, source: &dyn FactSource, blamed: &mut Vec<Blamed>) {
        let answer = formula.evaluate(source);
        if answer == Some(wanted) {
            return;
        }
        let facts = match &formula.kind {
            Kind::Not(inner) => return self.collect(inner, !wanted, source, blamed),
            Kind::And(parts) | Kind::Or(parts) => {
                return parts.iter().for_each(|part| self.collect(part, wanted, source, blamed));
            }
            Kind::Atom(atom) => vec![atom.fact.clone()],
            Kind::Opaque(opaque) => opaque.facts.iter().map(|part| part.fact.clone()).collect(),
            Kind::Constant(_) => Vec::new(),
        };
        let span = formula.span.clone();
        let text = self.text.get(span.clone()).unwrap_or_default().to_owned();
        let part = Blamed { span, text, answer, facts };
        if !blamed.contains(&part) {
            blamed.push(part);
        }
    }
}
