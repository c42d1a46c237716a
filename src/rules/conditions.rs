//! Hands conditions to their checker, and shows its problems where they stand in the files.

use super::segments::Segment;
use crate::config::diagnostic::{Problem, Problems};
use crate::config::reader::Placed;
use crate::config::text_map::TextMap;
use crate::scenario::condition::{self, Checked, ConditionProblem, Scope};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A condition's text, and where it stands.
#[derive(Debug)]
pub(super) struct Text {
    file: PathBuf,
    source: Arc<str>,
    pub(super) value: String,
    span: std::ops::Range<usize>,
}

impl Text {
    pub(super) fn new(file: &Path, source: &Arc<str>, text: Placed<String>) -> Self {
        Self { file: file.to_owned(), source: source.clone(), value: text.value, span: text.span }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    fn report(&self, found: &[ConditionProblem], problems: &mut Problems) {
        let literal = self.source.get(self.span.clone()).unwrap_or_default();
        let map = TextMap::new(literal);
        for problem in found {
            // `when = true` is no string: the whole of it is the place.
            let part =
                if literal.starts_with(['"', '\'']) { map.locate(problem.span.clone()) } else { 0..literal.len() };
            problems.0.push(Problem {
                severity: problem.severity,
                code: problem.code,
                file: self.file.clone(),
                span: self.span.start + part.start..self.span.start + part.end,
                message: problem.message.clone(),
                help: problem.help.clone(),
            });
        }
    }
}

/// Checks the conditions of one site.
pub(super) struct Checker {
    scope: Scope,
}

impl Checker {
    /// A refused segment counts as one that always holds.
    pub(super) fn new(segments: &[Segment], refused: Vec<String>, scenario_ids: BTreeSet<String>) -> Self {
        let refused = refused.into_iter().map(|name| (name, "true".to_owned()));
        let segments = segments
            .iter()
            .map(|segment| (segment.name.value.clone(), segment.when.value.clone()))
            .chain(refused)
            .collect();
        Self { scope: Scope { segments, scenario_ids } }
    }

    pub(super) fn check(&self, text: &Text, problems: &mut Problems) -> Option<Checked> {
        match condition::check(&text.value, &self.scope) {
            Ok(checked) => {
                text.report(checked.warnings(), problems);
                Some(checked)
            }
            Err(found) => {
                text.report(&found, problems);
                None
            }
        }
    }
}

/// Checks the segments themselves, and warns of those that no condition uses.
pub(super) fn check_segments<'a>(
    checker: &Checker,
    segments: &'a [Segment],
    conditions: impl Iterator<Item = &'a Text>,
    problems: &mut Problems,
) {
    let mut used = BTreeSet::new();
    for text in conditions.chain(segments.iter().map(|segment| &segment.when)) {
        names_used(&text.value, &mut used);
    }
    for segment in segments {
        let _ = checker.check(&segment.when, problems);
        if !used.contains(segment.name.value.as_str()) {
            problems.warning(
                "unused-segment",
                &segment.when.file,
                segment.name.span.clone(),
                format!("no condition uses the segment `{}`", segment.name.value),
                Some(format!("use it as `segment.{}`, or remove it", segment.name.value)),
            );
        }
    }
}

/// Collects NAME of every `segment.NAME`.
fn names_used<'a>(text: &'a str, used: &mut BTreeSet<&'a str>) {
    for (at, _) in text.match_indices("segment") {
        let after = text.get(at + "segment".len()..).unwrap_or_default().trim_start();
        if let Some(name) = after.strip_prefix('.') {
            let name = name.trim_start();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            used.insert(name.get(..end).unwrap_or_default());
        }
    }
}
