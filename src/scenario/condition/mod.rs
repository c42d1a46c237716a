//! Conditions: CEL text → a checked formula over facts → predicates shared by all scenarios of a site.
//!
//! [`check`] says everything that is wrong with a text. [`ConditionSet`] answers, for one request, which of many
//! conditions hold. Neither knows what a scenario shows, or where the text came from.

pub mod formula;
mod parse;

use crate::config::diagnostic::Severity;
use formula::Formula;
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
}

/// Reads and checks a condition.
///
/// # Errors
/// Everything that is wrong with it, at once; warnings too.
pub fn check(text: &str, _scope: &Scope) -> Result<Checked, Vec<ConditionProblem>> {
    match parse::parse(text) {
        Ok(_) => Ok(Checked {
            text: text.into(),
            formula: Formula { span: 0..0, kind: formula::Kind::Constant(None) },
            warnings: Vec::new(),
            segments: Arc::default(),
        }),
        Err(_) => Err(vec![ConditionProblem {
            span: 0..text.len(),
            code: "syntax",
            message: "this is no condition".into(),
            help: None,
            severity: Severity::Error,
        }]),
    }
}
