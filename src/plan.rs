//! The edits for one response: the output of the decision, the input of the rewriter.

use crate::transform::Edit;
use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;

/// What is to be done to one page.
#[derive(Debug, Default)]
pub struct Plan {
    /// Edits in the order of the decision.
    pub edits: Vec<PlannedEdit>,
    /// What each arm needs, in the order of the decision.
    pub arms: SmallVec<[Needs; 4]>,
    /// The shop's own script takes over the document: all edits are carried out by the runtime, after it.
    pub late: bool,
    /// One of the edits, of no arm, asks whether the visitor may be remembered.
    pub asks: bool,
}

impl Plan {
    /// Whether anything needs our stylesheet.
    #[must_use]
    pub fn needs_style(&self) -> bool {
        self.asks || self.arms.iter().any(|needs| needs.style)
    }

    /// Whether anything needs or wants the client runtime.
    #[must_use]
    pub fn needs_runtime(&self) -> bool {
        self.arms.iter().any(|needs| needs.runtime > Runtime::Unused)
    }
}

/// What the elements of an arm need besides themselves.
#[derive(Debug, Default)]
pub struct Needs {
    /// Our stylesheet.
    pub style: bool,
    /// The client runtime.
    pub runtime: Runtime,
    /// The runtime must be able to load a script.
    pub loads_scripts: bool,
    /// What they load, for the Content-Security-Policy: `img-src https://cdn.example`.
    pub sources: Vec<Box<str>>,
}

/// How much the client runtime matters to an arm.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// Not at all.
    #[default]
    Unused,
    /// It would report views, clicks and dismissals.
    Wanted,
    /// Nothing works without it.
    Needed,
}

/// An edit and the arm it is delivered for.
#[derive(Debug, Clone)]
pub struct PlannedEdit {
    /// The edit.
    pub edit: Edit,
    /// Index into [`Plan::arms`]; `None` for our stylesheet, our loader, and our question.
    pub arm: Option<usize>,
}

/// Changes to a head, carried out in order: removals, then replacements, then additions.
#[derive(Debug, Default, Clone)]
pub struct HeaderEdits {
    /// Names to remove.
    pub remove: SmallVec<[HeaderName; 8]>,
    /// Names to set, all earlier values being dropped.
    pub set: SmallVec<[(HeaderName, HeaderValue); 8]>,
    /// Values to add.
    pub append: SmallVec<[(HeaderName, HeaderValue); 2]>,
}
