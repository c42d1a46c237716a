//! Conditions: CEL text → a checked formula over facts → predicates shared by all scenarios of a site.
//!
//! [`check()`] says everything that is wrong with a text. [`ConditionSet`] answers, for one request, which of many
//! conditions hold. Neither knows what a scenario shows, or where the text came from.

mod blame;
mod breaks;
mod check;
pub mod formula;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod lower;
mod names;
mod normal;
mod opaque;
mod parse;
mod possible;
mod set;
mod syntax;
mod table;

use crate::config::diagnostic::Severity;
use check::Checker;
use formula::Formula;
use lower::{Lowering, NotLowered};
use parse::Parsed;
pub use set::{ConditionSet, ConditionSetBuilder, Judged, Scratch};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What a condition may refer to besides attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Segments of the site: name → condition.
    pub segments: BTreeMap<String, String>,
    /// Scenarios of the site, for `seen("…")` and its kin.
    pub scenario_ids: BTreeSet<String>,
}

/// Something wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionProblem {
    /// Byte range in the condition's text.
    pub span: Range<usize>,
    /// Stable code such as `unknown-attribute`.
    pub code: &'static str,
    /// What is wrong: one line, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// How grave.
    pub severity: Severity,
}

/// A condition without errors.
#[derive(Debug, Clone)]
pub struct Checked {
    text: Arc<str>,
    formula: Formula,
    warnings: Vec<ConditionProblem>,
    /// The segments that it uses, directly or through others: enough to check it again for `explain`.
    segments: Arc<BTreeMap<String, String>>,
}

impl Checked {
    /// What is suspicious, but not wrong.
    #[must_use]
    pub fn warnings(&self) -> &[ConditionProblem] {
        &self.warnings
    }

    /// The text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the page's own content has a say in it: it may be undecided while the page streams.
    #[must_use]
    pub fn needs_content(&self) -> bool {
        normal::literals(&self.formula).iter().any(|literal| match literal.leaf {
            normal::Leaf::Atom(atom) => atom.fact.is_of_content(),
            normal::Leaf::Opaque(opaque) => opaque.facts.iter().any(|part| part.fact.is_of_content()),
        })
    }

    /// Lets go of the formula, which is large, and keeps what it was made from.
    pub(super) fn into_source(self) -> Source {
        Source { text: self.text, segments: self.segments }
    }
}

/// The texts of a condition that was checked: enough to say later why it did not hold.
#[derive(Debug)]
pub(super) struct Source {
    text: Arc<str>,
    segments: Arc<BTreeMap<String, String>>,
}

impl Source {
    pub(super) fn text(&self) -> Arc<str> {
        self.text.clone()
    }
}

/// Reads and checks a condition.
///
/// # Errors
/// Everything that is wrong with it, at once; warnings too.
pub fn check(text: &str, scope: &Scope) -> Result<Checked, Vec<ConditionProblem>> {
    let parsed = parse::parse(text).map_err(|unreadable| syntax::explain(text, unreadable))?;
    let (checked, problems) = analyse(text, &parsed, scope);
    if problems.is_empty() {
        return checked.ok_or_else(Vec::new);
    }
    // There is something to say, so it is worth knowing where.
    let parsed = parse::parse_with_places(text).map_err(|unreadable| syntax::explain(text, unreadable))?;
    let (checked, problems) = analyse(text, &parsed, scope);
    match checked {
        Some(checked) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            Ok(Checked { warnings: problems, ..checked })
        }
        _ => Err(problems),
    }
}

/// Checks and lowers; without errors there is always a result.
fn analyse(text: &str, parsed: &Parsed, scope: &Scope) -> (Option<Checked>, Vec<ConditionProblem>) {
    let mut checker = Checker::new(text, parsed, scope);
    checker.condition();
    let Checker { problems, segments, .. } = checker;
    if !problems.is_empty() {
        return (None, problems);
    }
    let mut lowering = Lowering::new(scope);
    match lowering.condition(parsed, text) {
        Ok(formula) => {
            let problems = possible::problems(text, &formula);
            let segments = Arc::new(lowering.used);
            (Some(Checked { text: text.into(), formula, warnings: Vec::new(), segments }), problems)
        }
        Err(reason) => (None, vec![not_lowered(text, reason, &segments)]),
    }
}

fn not_lowered(text: &str, reason: NotLowered, segments: &[(String, Range<usize>)]) -> ConditionProblem {
    let place = |name: &str| {
        let found = segments.iter().find(|(segment, _)| segment == name).or(segments.first());
        found.map_or(0..text.len(), |(_, span)| span.clone())
    };
    let (span, code, message, help) = match reason {
        NotLowered::Cycle(path) => {
            let start = path.first().map(String::as_str).unwrap_or_default();
            let way = path.iter().map(|name| format!("segment.{name}")).collect::<Vec<_>>().join(" → ");
            (place(start), "segment-cycle", format!("segments use each other in a circle: {way}"), None)
        }
        NotLowered::BadSegment(name) => {
            (place(&name), "bad-segment", format!("`segment.{name}` has problems of its own"), None)
        }
        NotLowered::TooComplex => {
            let help = Some("split the scenario, or simplify its segments".to_owned());
            (0..text.len(), "too-complex", "this condition is too large once its segments are put in".to_owned(), help)
        }
    };
    ConditionProblem { span, code, message, help, severity: Severity::Error }
}

#[cfg(test)]
mod tests;
