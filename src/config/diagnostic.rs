//! A problem in a file that a person wrote: place, what is wrong, and what to do.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// How grave a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is used all the same.
    Warning,
    /// The file is refused.
    Error,
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How grave.
    pub severity: Severity,
    /// Stable code such as `unknown-attribute`, for tests and tools.
    pub code: &'static str,
    /// The file, relative to the rules folder.
    pub file: PathBuf,
    /// Byte range in the file.
    pub span: Range<usize>,
    /// What is wrong: one line, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// All problems found so far.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds an error.
    pub fn error(
        &mut self,
        code: &'static str,
        file: &Path,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.0.push(Problem {
            severity: Severity::Error,
            code,
            file: file.to_owned(),
            span,
            message: one_line(&message.into()),
            help,
        });
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        code: &'static str,
        file: &Path,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.0.push(Problem {
            severity: Severity::Warning,
            code,
            file: file.to_owned(),
            span,
            message: one_line(&message.into()),
            help,
        });
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|p| p.severity == Severity::Error)
    }

    /// How many are errors, and how many warnings.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.0.iter().filter(|p| p.severity == Severity::Error).count();
        (errors, self.0.len() - errors)
    }

    /// Takes over another's problems.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Puts them in the order in which a person goes through them: by file, then by place.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| (&a.file, a.span.start, a.severity).cmp(&(&b.file, b.span.start, b.severity)));
        self.0.dedup();
    }
}

/// Other people's words (a parser's, a selector engine's) come with line breaks and full stops.
fn one_line(message: &str) -> String {
    message.trim_end_matches(['.', '\n']).replace('\n', "; ")
}
