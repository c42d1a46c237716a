//! Decides where exactly an edit goes: first match, raw-text elements, templates, tags that are left out, the end of the body.
//!
//! Is told of tags by the parser's handlers, and keeps the splices that follow from them. Does not touch the page's bytes.

use super::Stopped;
use super::splice::{Rank, Splice, Splices, What};
use crate::transform::charset::{Markup, WINDOW};
use crate::transform::{Edit, Position, Target};
use bytes::Bytes;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Marks that the handlers leave for the rewriter.
pub(super) type Shared = Arc<Mutex<Marks>>;

/// What was found so far.
pub(super) struct Marks {
    splices: Splices,
    /// Input that the parser has let go of.
    position: usize,
    edits: Vec<Slot>,
    /// Elements whose end is waited for, in the order in which they began.
    open: Vec<Open>,
    begun: u32,
    /// A doctype, html, head or body was seen: this is no fragment.
    document: bool,
    head: Head,
    /// Head edits wait for the `<meta>` that names the charset, lest they push it to where browsers do not look.
    behind_meta: bool,
    body_seen: bool,
    /// Open templates: what they hold is not on the page.
    templates: u32,
    /// Open svg and math elements, counted where the end of the body is looked for.
    foreign: u32,
    /// Set by the handler that stops the parser.
    stop: Option<Stopped>,
}

/// One edit and how far it has come.
struct Slot {
    kind: Kind,
    position: Position,
    html: Bytes,
    state: State,
}

/// An element whose end an edit waits for.
struct Open {
    id: u32,
    edit: usize,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Head,
    First,
    All,
    /// The start of the body, which may have no tag.
    BodyStart,
    /// The end of the body, which may have no tag.
    BodyEnd,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Its element is open and its end is waited for.
    Open,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Unseen,
    Open,
    Closed,
}

impl Marks {
    pub(super) fn shared(edits: &[Edit], markup: &Markup) -> Shared {
        let edits: Vec<_> = edits.iter().map(|edit| Slot::new(edit, markup)).collect();
        let head: usize = edits.iter().filter(|slot| slot.kind == Kind::Head).map(|slot| slot.html.len()).sum();
        Arc::new(Mutex::new(Self {
            splices: Splices::default(),
            position: 0,
            edits,
            open: Vec::new(),
            begun: 0,
            document: markup.doctype,
            head: Head::Unseen,
            behind_meta: head > 0 && markup.meta_end.is_some_and(|end| end + head > WINDOW),
            body_seen: false,
            templates: 0,
            foreign: 0,
            stop: None,
        }))
    }

    pub(super) fn splices(&mut self) -> &mut Splices {
        &mut self.splices
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Counts input that the parser has let go of.
    pub(super) fn let_go(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// How a handler stopped the parser, if one did.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.stop
    }

    pub(super) fn looks_for_body_end(&self) -> bool {
        self.wants(Kind::BodyEnd)
    }

    /// Whether a head or body may have to be found whose tag is left out.
    pub(super) fn looks_for_implied(&self, markup: &Markup) -> bool {
        (self.wants(Kind::Head) && !markup.head_tag) || self.wants(Kind::BodyStart)
    }

    pub(super) fn is_done(&self, edit: usize) -> bool {
        self.edits.get(edit).is_none_or(|slot| slot.state == State::Done)
    }

    fn wants(&self, kind: Kind) -> bool {
        self.edits.iter().any(|slot| slot.kind == kind && slot.state == State::Waiting)
    }

    /// Whether edits were given up because this is no document.
    pub(super) fn fragment(&self) -> bool {
        !self.document && !self.is_finished()
    }

    /// Places what belongs to the end of the page where no end tag came.
    pub(super) fn end_of_document(&mut self, end: usize) {
        if !self.document {
            return;
        }
        self.place(Kind::First, State::Open, end, (end, Rank::Behind), |position| position == Position::Append);
        self.place(Kind::BodyEnd, State::Waiting, end, (end, Rank::Behind), |_| true);
    }

    pub(super) fn is_finished(&self) -> bool {
        self.edits.iter().all(|slot| slot.state == State::Done)
    }

    pub(super) fn stop_with(&mut self, stop: Stopped) -> Halt {
        self.stop = Some(stop);
        Halt
    }

    /// Stops the parser when nothing is left to find.
    fn go_on(&mut self) -> Result<(), Halt> {
        if self.is_finished() { Err(self.stop_with(Stopped::Done)) } else { Ok(()) }
    }

    pub(super) fn depth(&mut self, name: &str) -> &mut u32 {
        if name == "template" { &mut self.templates } else { &mut self.foreign }
    }

    /// Inserts all edits of a kind and state, in their order.
    fn place(&mut self, kind: Kind, state: State, at: usize, order: (usize, Rank), only: impl Fn(Position) -> bool) {
        for (edit, slot) in self.edits.iter_mut().enumerate() {
            if slot.kind == kind && slot.state == state && only(slot.position) {
                slot.state = State::Done;
                self.splices.add(Splice { at, order, edit, what: What::Insert(slot.html.clone()) });
            }
        }
    }

    pub(super) fn landmark(&mut self, name: &str, tag: Range<usize>) -> Result<(), Halt> {
        if self.templates > 0 {
            return Ok(());
        }
        self.document = true;
        let behind = (tag.start, Rank::Behind);
        match name {
            "head" => {
                self.head = Head::Open;
                if !self.behind_meta {
                    self.place(Kind::Head, State::Waiting, tag.end, behind, |_| true);
                }
            }
            "body" => {
                self.body_seen = true;
                self.place(Kind::Head, State::Waiting, tag.end, behind, |_| true);
                self.place(Kind::BodyStart, State::Waiting, tag.end, behind, |_| true);
            }
            _ => {}
        }
        self.go_on()
    }

    pub(super) fn landmark_ended(&mut self, name: &str, end_name: &str, tag: Range<usize>) -> Result<(), Halt> {
        if name == "head" {
            self.head = Head::Closed;
            self.place(Kind::Head, State::Waiting, tag.start, (tag.start, Rank::Outside), |_| true);
        } else if name == end_name && self.templates == 0 && self.foreign == 0 {
            self.place(Kind::BodyEnd, State::Waiting, tag.start, (tag.start, Rank::Outside), |_| true);
        }
        self.go_on()
    }

    pub(super) fn looks_for_meta(&self) -> bool {
        self.behind_meta
    }

    /// The `<meta>` that names the charset.
    pub(super) fn charset_named(&mut self, tag: Range<usize>) -> Result<(), Halt> {
        if self.document && self.templates == 0 {
            self.place(Kind::Head, State::Waiting, tag.end, (tag.start, Rank::Behind), |_| true);
        }
        self.go_on()
    }

    /// An element that may be the first of a head or body whose tag was left out.
    pub(super) fn implied(&mut self, name: &str, tag: Range<usize>) -> Result<(), Halt> {
        if !self.document || self.templates > 0 || self.body_seen || matches!(name, "html" | "head" | "body") {
            return Ok(());
        }
        let outside = (tag.start, Rank::Outside);
        if self.head == Head::Unseen && !self.behind_meta {
            self.place(Kind::Head, State::Waiting, tag.start, outside, |_| true);
        }
        if self.head != Head::Open && !belongs_to_head(name) {
            self.place(Kind::BodyStart, State::Waiting, tag.start, outside, |_| true);
        }
        self.go_on()
    }

    /// Places what can be placed at a start tag. Whether the edit waits for the element's end tag.
    pub(super) fn matched(&mut self, edit: usize, name: &str, tag: Range<usize>, has_end: bool) -> Result<bool, Halt> {
        let Some(slot) = self.edits.get_mut(edit) else { return Ok(false) };
        if !self.document || self.templates > 0 || slot.state != State::Waiting {
            return Ok(false);
        }
        let insert = |at, rank| Splice { at, order: (tag.start, rank), edit, what: What::Insert(slot.html.clone()) };
        let cut = |at, what| Splice { at, order: (tag.start, Rank::Cut), edit, what };
        let mut next = State::Done;
        match (name, slot.position) {
            // Nothing can stand around these three, and the page is lost without them.
            ("body", Position::Before | Position::Prepend) => self.splices.add(insert(tag.end, Rank::Behind)),
            ("body" | "html", Position::Append | Position::After) => {
                slot.kind = Kind::BodyEnd;
                return Ok(false);
            }
            ("body" | "html", _)
            | ("head", Position::Before | Position::After | Position::Replace | Position::Remove) => {}
            // Markup would be text there.
            (_, Position::Prepend | Position::Append) if !has_end || is_raw_text(name) => return Ok(false),
            (_, Position::Before) => self.splices.add(insert(tag.start, Rank::Outside)),
            (_, Position::Prepend) => self.splices.add(insert(tag.end, Rank::Behind)),
            (_, Position::After) if !has_end => self.splices.add(insert(tag.end, Rank::Behind)),
            (_, Position::After | Position::Append) => next = State::Open,
            (_, position @ (Position::Replace | Position::Remove)) => {
                if position == Position::Replace {
                    self.splices.add(insert(tag.start, Rank::Outside));
                }
                self.splices.add(cut(tag.start, What::Cut));
                if has_end {
                    next = State::Open;
                } else {
                    self.splices.add(cut(tag.end, What::Resume));
                }
            }
        }
        if slot.kind == Kind::All {
            return Ok(next == State::Open);
        }
        slot.state = next;
        if next == State::Open {
            return Ok(true);
        }
        self.go_on().map(|()| false)
    }

    /// An element whose end is waited for has begun.
    pub(super) fn begin(&mut self, edit: usize, name: String) -> u32 {
        self.begun += 1;
        self.open.push(Open { id: self.begun, edit, name });
        self.begun
    }

    /// A child of an element that an edit's selector matches: it may be one that ends the element, as `<li>` ends `<li>`.
    pub(super) fn child(&mut self, edit: usize, name: &str, tag: Range<usize>) -> Result<(), Halt> {
        let Some(at) = self.open.iter().rposition(|open| open.edit == edit) else { return Ok(()) };
        if self.open.get(at).is_none_or(|open| !ends_before(&open.name, name)) {
            return Ok(());
        }
        self.open.remove(at);
        self.end(edit, false, &tag)
    }

    /// An element has ended: by its own end tag, or by that of an element around it.
    pub(super) fn ended(&mut self, id: u32, end_name: &str, tag: Range<usize>) -> Result<(), Halt> {
        let Some(at) = self.open.iter().position(|open| open.id == id) else { return Ok(()) };
        let open = self.open.remove(at);
        self.end(open.edit, open.name == end_name, &tag)
    }

    fn end(&mut self, edit: usize, own: bool, tag: &Range<usize>) -> Result<(), Halt> {
        let Some(slot) = self.edits.get_mut(edit) else { return Ok(()) };
        let what = match slot.position {
            Position::Append | Position::After => What::Insert(slot.html.clone()),
            _ => What::Resume,
        };
        let (at, rank) = match slot.position {
            _ if !own => (tag.start, Rank::Outside),
            Position::Append => (tag.start, Rank::Outside),
            Position::After => (tag.end, Rank::Behind),
            _ => (tag.end, Rank::Cut),
        };
        self.splices.add(Splice { at, order: (tag.start, rank), edit, what });
        if slot.kind == Kind::First {
            slot.state = State::Done;
        }
        self.go_on()
    }
}

impl Slot {
    fn new(edit: &Edit, markup: &Markup) -> Self {
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
        Self { kind, position: edit.position, html: edit.html.clone(), state: if fits { state } else { State::Done } }
    }
}

/// Locks the marks. They are data only: a panic elsewhere leaves them whole.
pub(super) fn lock(marks: &Shared) -> MutexGuard<'_, Marks> {
    marks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error by which a handler stops the parser.
#[derive(Debug, thiserror::Error)]
#[error("nothing is left to find")]
pub(super) struct Halt;

fn is_raw_text(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "textarea"
            | "title"
            | "iframe"
            | "noscript"
            | "noembed"
            | "noframes"
            | "xmp"
            | "plaintext"
    )
}

fn belongs_to_head(name: &str) -> bool {
    matches!(
        name,
        "title" | "meta" | "link" | "script" | "style" | "base" | "noscript" | "template" | "basefont" | "bgsound"
    )
}

/// Whether a start tag directly inside of an element ends that element, whose own end tag may be left out.
fn ends_before(open: &str, child: &str) -> bool {
    match open {
        "li" => child == "li",
        "dt" | "dd" => matches!(child, "dt" | "dd"),
        "option" => matches!(child, "option" | "optgroup"),
        "optgroup" => child == "optgroup",
        "td" | "th" => matches!(child, "td" | "th" | "tr" | "tbody" | "thead" | "tfoot"),
        "tr" => matches!(child, "tr" | "tbody" | "thead" | "tfoot"),
        "tbody" | "thead" | "tfoot" => matches!(child, "tbody" | "thead" | "tfoot"),
        "rt" | "rp" => matches!(child, "rt" | "rp"),
        "p" => PARAGRAPH_ENDS.contains(&child),
        _ => false,
    }
}

const PARAGRAPH_ENDS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "li",
    "listing",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "plaintext",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
    "xmp",
];
