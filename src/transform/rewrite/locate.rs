//! Attaches handlers to the parser and turns what they see into splices.
//!
//! Decides where exactly an edit goes: first match, raw-text elements, templates, tags that are left out, the end of the
//! body. Does not touch the page's bytes.

use super::splice::{Rank, Splice, Splices, What};
use super::{BailOut, Scan, Stopped};
use crate::transform::charset::Markup;
use crate::transform::selector::Selector;
use crate::transform::{Edit, Position, Target};
use bytes::Bytes;
use lol_html::errors::RewritingError;
use lol_html::html_content::EndTag;
use lol_html::send::{Element, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, HandlerResult, MemorySettings, OutputSink};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

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

static LANDMARKS: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("html, head, body").ok());
static TEMPLATE: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("template").ok());
static FOREIGN: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("template, svg, math").ok());
static CHILDREN: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("html > *").ok());
static EVERYTHING: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("*").ok());

/// Builds the parser for the given edits; `None` when there is nothing to find.
pub(super) fn scan(edits: Vec<Edit>, markup: &Markup, memory: usize, marks: &Shared) -> Option<Box<dyn Scan>> {
    let encoding = AsciiCompatibleEncoding::new(markup.encoding)?;
    if lock(marks).is_finished() {
        return None;
    }
    let wants = |kind| lock(marks).edits.iter().any(|slot| slot.kind == kind && slot.state != State::Done);
    let inert = if wants(Kind::BodyEnd) { &FOREIGN } else { &TEMPLATE };
    let implied = (wants(Kind::Head) && !markup.head_tag) || wants(Kind::BodyStart);
    // Selectors are borrowed by the settings while the parser is built.
    let mut settings = Settings::new_send();
    settings = attach(settings, own(&LANDMARKS), marks, landmark);
    settings = attach(settings, own(inert), marks, enter_inert);
    if implied {
        let wide = if markup.html_tag { &CHILDREN } else { &EVERYTHING };
        settings = attach(settings, own(wide), marks, |marks, element| {
            lock(marks).implied(&element.tag_name(), element.source_location().bytes())
        });
    }
    for (index, edit) in edits.iter().enumerate() {
        if lock(marks).edits.get(index).is_none_or(|slot| slot.state == State::Done) {
            continue;
        }
        let (Target::First(selector) | Target::All(selector)) = &edit.target else { continue };
        if !matches!(edit.position, Position::Before | Position::Prepend) {
            settings = attach(settings, selector.children(), marks, move |marks, element| {
                lock(marks).child(index, &element.tag_name(), element.source_location().bytes())
            });
        }
        settings =
            attach(settings, Some(selector.compiled()), marks, move |marks, element| matched(marks, index, element));
    }
    let settings = settings
        .with_encoding(encoding)
        .with_strict(false)
        .with_adjust_charset_on_meta_tag(false)
        .with_enable_esi_tags(false)
        .with_memory_settings(
            MemorySettings::new().with_preallocated_parsing_buffer_size(0).with_max_allowed_memory_usage(memory),
        );
    Some(Box::new(Parser { inner: HtmlRewriter::new(settings, Progress(marks.clone())), marks: marks.clone() }))
}

fn own(selector: &'static LazyLock<Option<Selector>>) -> Option<&'static lol_html::Selector> {
    selector.as_ref().map(Selector::compiled)
}

fn attach<'s>(
    settings: Settings<'static, 's>,
    selector: Option<&'s lol_html::Selector>,
    marks: &Shared,
    handler: impl Fn(&Shared, &mut Element<'_, '_>) -> HandlerResult + Send + 'static,
) -> Settings<'static, 's> {
    let Some(selector) = selector else { return settings };
    let marks = marks.clone();
    let handlers =
        ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| handler(&marks, element));
    settings.append_element_content_handler((Cow::Borrowed(selector), handlers))
}

/// `<html>`, `<head>` or `<body>` has passed.
fn landmark(marks: &Shared, element: &mut Element<'_, '_>) -> HandlerResult {
    let name = element.tag_name();
    if name == "html" && element.attributes().iter().any(|attribute| is_amp(&attribute.name())) {
        return Err(lock(marks).stop_with(Stopped::Failed(BailOut::Amp)));
    }
    lock(marks).landmark(&name, element.source_location().bytes())?;
    if let Some(ends) = element.end_tag_handlers() {
        let marks = marks.clone();
        ends.push(Box::new(move |end: &mut EndTag<'_>| {
            lock(&marks).landmark_ended(&name, &end.name(), end.source_location().bytes())
        }));
    }
    Ok(())
}

/// A template, svg or math element begins.
fn enter_inert(marks: &Shared, element: &mut Element<'_, '_>) -> HandlerResult {
    let name = element.tag_name();
    let Some(ends) = element.end_tag_handlers() else { return Ok(()) };
    *lock(marks).depth(&name) += 1;
    let marks = marks.clone();
    ends.push(Box::new(move |end: &mut EndTag<'_>| {
        // An end tag of another name does not end a template: what follows is taken to be still inside.
        if end.name() == name {
            let mut marks = lock(&marks);
            let depth = marks.depth(&name);
            *depth = depth.saturating_sub(1);
        }
        Ok(())
    }));
    Ok(())
}

/// An edit's selector has matched.
fn matched(marks: &Shared, edit: usize, element: &mut Element<'_, '_>) -> HandlerResult {
    let name = element.tag_name();
    let tag = element.source_location().bytes();
    let has_end = element.can_have_content();
    if lock(marks).matched(edit, &name, tag, has_end)?
        && let Some(ends) = element.end_tag_handlers()
    {
        let id = lock(marks).begin(edit, name);
        let marks = marks.clone();
        ends.push(Box::new(move |end: &mut EndTag<'_>| {
            lock(&marks).ended(id, &end.name(), end.source_location().bytes())
        }));
    }
    Ok(())
}

impl Marks {
    pub(super) fn shared(edits: &[Edit], markup: &Markup) -> Shared {
        let edits = edits.iter().map(|edit| Slot::new(edit, markup)).collect();
        Arc::new(Mutex::new(Self {
            splices: Splices::default(),
            position: 0,
            edits,
            open: Vec::new(),
            begun: 0,
            document: markup.doctype,
            head: Head::Unseen,
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

    fn is_finished(&self) -> bool {
        self.edits.iter().all(|slot| slot.state == State::Done)
    }

    fn stop_with(&mut self, stop: Stopped) -> Box<dyn std::error::Error + Send + Sync> {
        self.stop = Some(stop);
        Box::new(Halt)
    }

    /// Stops the parser when nothing is left to find.
    fn go_on(&mut self) -> HandlerResult {
        if self.is_finished() { Err(self.stop_with(Stopped::Done)) } else { Ok(()) }
    }

    fn depth(&mut self, name: &str) -> &mut u32 {
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

    fn landmark(&mut self, name: &str, tag: Range<usize>) -> HandlerResult {
        if self.templates > 0 {
            return Ok(());
        }
        self.document = true;
        let behind = (tag.start, Rank::Behind);
        match name {
            "head" => {
                self.head = Head::Open;
                self.place(Kind::Head, State::Waiting, tag.end, behind, |_| true);
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

    fn landmark_ended(&mut self, name: &str, end_name: &str, tag: Range<usize>) -> HandlerResult {
        if name == "head" {
            self.head = Head::Closed;
        } else if name == end_name && self.templates == 0 && self.foreign == 0 {
            self.place(Kind::BodyEnd, State::Waiting, tag.start, (tag.start, Rank::Outside), |_| true);
        }
        self.go_on()
    }

    /// An element that may be the first of a head or body whose tag was left out.
    fn implied(&mut self, name: &str, tag: Range<usize>) -> HandlerResult {
        if !self.document || self.templates > 0 || self.body_seen || matches!(name, "html" | "head" | "body") {
            return Ok(());
        }
        let outside = (tag.start, Rank::Outside);
        if self.head == Head::Unseen {
            self.place(Kind::Head, State::Waiting, tag.start, outside, |_| true);
        }
        if self.head != Head::Open && !belongs_to_head(name) {
            self.place(Kind::BodyStart, State::Waiting, tag.start, outside, |_| true);
        }
        self.go_on()
    }

    /// Places what can be placed at a start tag. Whether the edit waits for the element's end tag.
    fn matched(
        &mut self,
        edit: usize,
        name: &str,
        tag: Range<usize>,
        has_end: bool,
    ) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
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
    fn begin(&mut self, edit: usize, name: String) -> u32 {
        self.begun += 1;
        self.open.push(Open { id: self.begun, edit, name });
        self.begun
    }

    /// A child of an element that an edit's selector matches: it may be one that ends the element, as `<li>` ends `<li>`.
    fn child(&mut self, edit: usize, name: &str, tag: Range<usize>) -> HandlerResult {
        let Some(at) = self.open.iter().rposition(|open| open.edit == edit) else { return Ok(()) };
        if self.open.get(at).is_none_or(|open| !ends_before(&open.name, name)) {
            return Ok(());
        }
        self.open.remove(at);
        self.end(edit, false, &tag)
    }

    /// An element has ended: by its own end tag, or by that of an element around it.
    fn ended(&mut self, id: u32, end_name: &str, tag: Range<usize>) -> HandlerResult {
        let Some(at) = self.open.iter().position(|open| open.id == id) else { return Ok(()) };
        let open = self.open.remove(at);
        self.end(open.edit, open.name == end_name, &tag)
    }

    fn end(&mut self, edit: usize, own: bool, tag: &Range<usize>) -> HandlerResult {
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

/// lol_html behind [`Scan`].
struct Parser {
    inner: HtmlRewriter<'static, Progress>,
    marks: Shared,
}

impl Scan for Parser {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.inner.write(bytes).map_err(|error| stopped(&self.marks, &error))
    }

    fn end(self: Box<Self>) -> Result<(), Stopped> {
        self.inner.end().map_err(|error| stopped(&self.marks, &error))
    }
}

fn stopped(marks: &Shared, error: &RewritingError) -> Stopped {
    lock(marks).stop.unwrap_or(Stopped::Failed(match error {
        RewritingError::MemoryLimitExceeded(_) => BailOut::ParserLimit,
        _ => BailOut::ParserFailed,
    }))
}

/// Counts what the parser lets go of; the bytes themselves are not needed.
pub(super) struct Progress(pub(super) Shared);

impl OutputSink for Progress {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        lock(&self.0).position += chunk.len();
    }
}

/// The error by which a handler stops the parser.
#[derive(Debug, thiserror::Error)]
#[error("nothing is left to find")]
struct Halt;

fn is_amp(attribute: &str) -> bool {
    let name = attribute.strip_prefix('\u{26a1}').or_else(|| attribute.strip_prefix("amp"));
    name.is_some_and(|rest| matches!(rest, "" | "\u{fe0f}" | "4email" | "4ads"))
}

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
