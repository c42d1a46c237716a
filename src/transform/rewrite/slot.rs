//! One edit of a page: what its place is, and how far it has come.

use crate::transform::charset::Markup;
use crate::transform::{Edit, Position, Target};
use bytes::Bytes;

/// One edit and how far it has come.
pub(super) struct Slot {
    pub(super) kind: Kind,
    pub(super) position: Position,
    pub(super) html: Bytes,
    pub(super) fate: Fate,
    pub(super) state: State,
}

/// Whether it is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Made,
    /// To be decided when its place passes: the first of them, if there are several.
    Deferred,
    Refused,
}

/// What its place is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Head,
    First,
    All,
    /// The start of the body, which may have no tag.
    BodyStart,
    /// The end of the body, which may have no tag.
    BodyEnd,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    /// Its element is open and its end is waited for.
    Open,
    Done,
}

impl Slot {
    pub(super) fn new(edit: &Edit, deferred: bool, markup: &Markup) -> Self {
        let (kind, state) = match &edit.target {
            Target::Head => (Kind::Head, State::Waiting),
            Target::First(selector) | Target::All(selector) if selector.is_body() => match edit.position {
                Position::Before | Position::Prepend => (Kind::BodyStart, State::Waiting),
                Position::Append | Position::After => (Kind::BodyEnd, State::Waiting),
                Position::Replace | Position::Remove => (Kind::First, State::Done),
            },
            Target::First(_) => (Kind::First, State::Waiting),
            Target::All(_) => (Kind::All, State::Waiting),
        };
        // What is not ASCII would be garbage in the page's charset.
        let fits = edit.html.is_ascii() || markup.encoding == encoding_rs::UTF_8;
        let fate = if deferred { Fate::Deferred } else { Fate::Made };
        let state = if fits { state } else { State::Done };
        Self { kind, position: edit.position, html: edit.html.clone(), fate, state }
    }

    pub(super) fn waits_for_match(&self) -> bool {
        matches!(self.kind, Kind::First | Kind::All) && self.state == State::Waiting
    }
}
