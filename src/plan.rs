//! The edits for one response: the output of the decision, the input of the rewriter.

use crate::event::Arm;
use crate::transform::Edit;
use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;

/// What is to be done to one page.
#[derive(Debug, Default)]
pub struct Plan {
    /// Edits in the order of the decision.
    pub edits: Vec<PlannedEdit>,
    /// The page needs our stylesheet.
    pub needs_style: bool,
    /// The page needs the client runtime.
    pub needs_runtime: bool,
    /// Origins that inserted markup loads from (a chat service), for the Content-Security-Policy.
    pub csp_sources: Vec<Box<str>>,
    /// The arms that the edits stand for.
    pub arms: SmallVec<[Arm; 4]>,
}

/// An edit and the arm it is delivered for.
#[derive(Debug, Clone)]
pub struct PlannedEdit {
    /// The edit.
    pub edit: Edit,
    /// Index into [`Plan::arms`]; `None` for our stylesheet and loader.
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
