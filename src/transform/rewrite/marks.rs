//! Decides where exactly an edit goes: first match, templates, tags that are left out, the end of the body; and that it goes
//! nowhere where it would change more than its place.
//!
//! Is shown every tag that may matter, and keeps the splices that follow. Does not touch the page's bytes.

use super::policy::Policy;
use super::slot::{Fate, Kind, Slot, State};
use super::splice::{Rank, Splice, Splices, What};
use super::{BailOut, Match};
use crate::transform::charset::{Markup, WINDOW};
use crate::transform::late::Along;
use crate::transform::outline::{Mode, Raw, Tag, Tree, name};
use crate::transform::{Edit, Position};
use bytes::Bytes;
use std::collections::VecDeque;

/// What was found so far.
pub(super) struct Marks {
    splices: Splices,
    edits: Vec<Slot>,
    /// Tags that selectors match and that are not read yet.
    matches: VecDeque<Match>,
    /// Elements whose end is waited for, in the order in which they began.
    open: Vec<Open>,
    /// A doctype, html, head or body was seen: this is no fragment.
    document: bool,
    /// Head edits wait for the `<meta>` that names the charset, lest they push it to where browsers do not look.
    behind_meta: bool,
    policy: Policy,
    /// Reads the page, and then says which of the deferred edits are made. Lent for as long as the page is read.
    pub(super) along: Option<Box<Along>>,
    /// Why the page is given up, or an edit was.
    given_up: Option<BailOut>,
}

/// An element whose end an edit waits for.
struct Open {
    edit: usize,
    element: (usize, u64),
    name: name::Name,
    /// How things stood before it, where it is cut out.
    cut: Option<Box<Tree>>,
}

impl Marks {
    pub(super) fn new(edits: &[Edit], deferred: &[bool], markup: &Markup) -> Self {
        let policy = Policy::of(edits);
        let deferred = deferred.iter().copied().chain(std::iter::repeat(false));
        let edits: Vec<_> = edits.iter().zip(deferred).map(|(edit, late)| Slot::new(edit, late, markup)).collect();
        let head: usize = edits.iter().filter(|slot| slot.kind == Kind::Head).map(|slot| slot.html.len()).sum();
        Self {
            splices: Splices::default(),
            edits,
            matches: VecDeque::new(),
            open: Vec::new(),
            document: markup.doctype,
            behind_meta: head > 0 && markup.meta_end.is_some_and(|end| end + head > WINDOW),
            policy,
            along: None,
            given_up: None,
        }
    }

    pub(super) fn splices(&mut self) -> &mut Splices {
        &mut self.splices
    }

    pub(super) fn given_up(&self) -> Option<BailOut> {
        self.given_up
    }

    pub(super) fn is_finished(&self) -> bool {
        self.edits.iter().all(|slot| slot.state == State::Done)
    }

    pub(super) fn waits_for_match_of(&self, edit: usize) -> bool {
        self.edits.get(edit).is_some_and(Slot::waits_for_match)
    }

    pub(super) fn waits_for_matches(&self) -> bool {
        self.edits.iter().any(Slot::waits_for_match)
    }

    pub(super) fn waits_for_body(&self) -> bool {
        self.wants(Kind::Head) || self.wants(Kind::BodyStart)
    }

    /// Takes what a parser has found ahead.
    pub(super) fn found(&mut self, matches: Vec<Match>) {
        self.matches.extend(matches);
    }

    /// No further matches will come.
    pub(super) fn find_no_more(&mut self) {
        for slot in self.edits.iter_mut().filter(|slot| slot.waits_for_match()) {
            slot.state = State::Done;
        }
    }

    /// The page's doctype has passed.
    pub(super) fn is_document(&mut self) {
        self.document = true;
    }

    /// Whether it must be known how things stood before this tag.
    pub(super) fn watches(&mut self, tag: &Tag<'_>, before: &Tree) -> bool {
        // What the parser took for a tag and the outline did not is none.
        while self.matches.front().is_some_and(|found| found.at < tag.start) {
            self.matches.pop_front();
        }
        let ends_page = tag.is_end && matches!(tag.name, name::BODY | name::HTML);
        !self.open.is_empty()
            || self.matches.front().is_some_and(|found| found.at == tag.start)
            || before.is_before_body()
            || ends_page
    }

    /// What is decided next knows what the page says up to there.
    pub(super) fn hear(&mut self, input: &[u8], offset: usize, end: usize) {
        if let Some(along) = &mut self.along
            && self.edits.iter().any(|slot| slot.fate == Fate::Deferred)
        {
            along.read_to(input, offset, end);
        }
    }

    /// Whether an edit is made, now that its place passes.
    fn is_made(&mut self, edit: usize) -> bool {
        let Some(slot) = self.edits.get_mut(edit) else { return false };
        if slot.fate == Fate::Deferred {
            match self.along.as_mut().and_then(|along| along.resolve(edit)) {
                Some(html) => (slot.html, slot.fate) = (html, Fate::Made),
                None => (slot.state, slot.fate) = (State::Done, Fate::Refused),
            }
        }
        slot.fate == Fate::Made
    }

    /// A tag has passed.
    pub(super) fn passed(&mut self, tag: &Tag<'_>, raw: Option<Raw>, before: &mut Tree, after: &Tree) {
        if !tag.is_end && matches!(tag.name, name::HTML | name::HEAD | name::BODY) && after.is_on_page() {
            self.document = true;
            if tag.name == name::HTML && tag.attributes.iter().any(|(name, _)| is_amp(name)) {
                self.give_all_up(BailOut::Amp);
            }
        }
        if self.document {
            if before.mode() == Mode::InHead && !self.policy.allows_behind(tag) {
                self.give_all_up(BailOut::Policy);
            }
            self.beginning(tag, before, after);
            self.ends(tag, before, after);
            self.end_of_body(tag, before, after);
        }
        while let Some(found) = self.matches.front().copied().filter(|found| found.at == tag.start) {
            self.matches.pop_front();
            if self.document && before.is_on_page() && after.has_made(tag.name) {
                self.matched(found.edit, tag, raw, before, after);
            }
        }
    }

    /// Places what belongs to the start of the head and of the body.
    fn beginning(&mut self, tag: &Tag<'_>, before: &mut Tree, after: &Tree) {
        let (heads, bodies) = (self.wants(Kind::Head), self.wants(Kind::BodyStart));
        let began = before.mode();
        if !before.is_before_body() || !(heads || bodies) {
            return;
        }
        let opens = |name| !tag.is_end && tag.name == name && after.has_made(name);
        // A frameset page may have something for those who see no frames first: that is no body yet.
        let has_body = after.has_body()
            && (!after.takes_frameset()
                || (after.has_made(tag.name) && !matches!(tag.name, name::NOSCRIPT | name::SCRIPT)));
        if heads {
            let over = !after.is_before_body();
            let begins = before.is_before_head() && !after.is_before_head();
            if opens(name::HEAD) && !self.behind_meta {
                self.place(Kind::Head, |marks, edit| marks.put_behind(edit, tag, after));
            } else if names_charset(tag) && self.behind_meta && began == Mode::InHead {
                self.place(Kind::Head, |marks, edit| marks.put_behind(edit, tag, after));
            } else if opens(name::BODY) {
                self.place(Kind::Head, |marks, edit| marks.put_behind(edit, tag, after));
            } else if over
                || (began == Mode::InHead && after.mode() == Mode::AfterHead)
                || (begins && !self.behind_meta)
            {
                self.place(Kind::Head, |marks, edit| marks.put_before(edit, tag, before, after));
            }
        }
        if bodies && opens(name::BODY) {
            self.place(Kind::BodyStart, |marks, edit| marks.put_behind(edit, tag, after));
        } else if bodies && has_body {
            self.place(Kind::BodyStart, |marks, edit| marks.put_before(edit, tag, before, after));
        }
    }

    /// Text has made the body.
    pub(super) fn body_implied(&mut self, at: usize, before: &mut Tree, after: &Tree, then: impl Fn(&mut Tree)) {
        if !self.document || !after.has_body() {
            return;
        }
        for kind in [Kind::Head, Kind::BodyStart] {
            self.place(kind, |marks, edit| {
                let Some(with) = before.stands_before(&marks.html(edit), after, &then) else { return false };
                *before = with;
                marks.insert(edit, at, (at, Rank::Outside));
                true
            });
        }
    }

    /// Places what waits for the end of an element that has ended.
    fn ends(&mut self, tag: &Tag<'_>, before: &mut Tree, after: &Tree) {
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            if after.holds(open.element) {
                at += 1;
                continue;
            }
            let open = self.open.remove(at);
            let own = tag.is_end && tag.name == open.name;
            if !self.is_made(open.edit) {
                continue;
            }
            let Some(slot) = self.edits.get_mut(open.edit) else { continue };
            if slot.kind == Kind::First {
                slot.state = State::Done;
            }
            let position = slot.position;
            if let Some(mut cut) = open.cut {
                let end = if own { tag.end } else { tag.start };
                let what = What::Resume;
                self.splices.add(Splice { at: end, order: (tag.start, Rank::Cut), edit: open.edit, what });
                if !own {
                    cut.take(tag);
                }
                // Something of it was left open, and goes on behind it.
                if !cut.agrees_with(after) || cut.strays() != after.strays() {
                    self.misfit();
                }
            } else if own && position == Position::After {
                self.put_behind(open.edit, tag, after);
            } else {
                self.put_before(open.edit, tag, before, after);
            }
        }
    }

    fn end_of_body(&mut self, tag: &Tag<'_>, before: &mut Tree, after: &Tree) {
        let ended = matches!(after.mode(), Mode::AfterBody | Mode::AfterAfterBody);
        if !tag.is_end || !matches!(tag.name, name::BODY | name::HTML) || before.mode() != Mode::InBody || !ended {
            return;
        }
        for edit in 0..self.edits.len() {
            if self.is_waiting(edit, Kind::BodyEnd)
                && self.is_made(edit)
                && let Some(with) = self.fits_before(edit, tag, before, after)
            {
                // Otherwise there may be a place further down.
                *before = with;
                self.insert(edit, tag.start, (tag.start, Rank::Outside));
                self.finish(edit);
            }
        }
    }

    /// The page is over. `tree`: how it stands, if markup would be markup here.
    pub(super) fn ended(&mut self, end: usize, tree: Option<&Tree>) {
        if !self.document {
            self.given_up = self.given_up.or((!self.is_finished()).then_some(BailOut::Fragment));
            return;
        }
        if self.open.iter().filter_map(|open| open.cut.as_ref()).any(|cut| Some(cut.strays()) != tree.map(Tree::strays))
        {
            self.misfit();
        }
        let mut tree = tree.cloned();
        for edit in 0..self.edits.len() {
            let appends = self.edits.get(edit).is_some_and(|slot| {
                slot.kind == Kind::First && slot.state == State::Open && slot.position == Position::Append
            });
            if !(appends || self.is_waiting(edit, Kind::BodyEnd)) || !self.is_made(edit) {
                continue;
            }
            // Nothing follows that it could hurt.
            tree = match tree.as_ref().and_then(|tree| tree.with(&self.html(edit))) {
                Some(with) => {
                    self.insert(edit, end, (end, Rank::Behind));
                    Some(with)
                }
                None => {
                    self.misfit();
                    tree
                }
            };
            self.finish(edit);
        }
    }

    /// An edit's selector has matched.
    fn matched(&mut self, edit: usize, tag: &Tag<'_>, raw: Option<Raw>, before: &mut Tree, after: &Tree) {
        let Some(slot) = self.edits.get_mut(edit).filter(|slot| slot.waits_for_match()) else { return };
        let opened = after.opened();
        let position = slot.position;
        match (tag.name, position) {
            // Nothing can stand around these three, and the page is lost without them.
            (name::BODY | name::HTML, Position::Append | Position::After) => {
                slot.kind = Kind::BodyEnd;
                return;
            }
            (name::BODY, Position::Before) => return self.settle(edit, |marks| marks.put_behind(edit, tag, after)),
            (name::BODY | name::HTML, Position::Prepend) | (name::HEAD, Position::Prepend | Position::Append) => {}
            (name::HTML | name::HEAD | name::BODY, _) => return self.finish(edit),
            // Markup would be text there.
            (_, Position::Prepend | Position::Append) if opened.is_none() || raw.is_some() => return,
            _ => {}
        }
        match position {
            Position::Before => self.settle(edit, |marks| marks.put_before(edit, tag, before, after)),
            Position::Prepend => self.settle(edit, |marks| marks.put_behind(edit, tag, after)),
            Position::After | Position::Append => match opened {
                Some(element) => self.wait_for_end(edit, Open { edit, element, name: tag.name, cut: None }),
                None => self.settle(edit, |marks| marks.put_behind(edit, tag, after)),
            },
            Position::Replace | Position::Remove => self.cut(edit, tag, before, after),
        }
    }

    /// Begins to cut out an element, if nothing goes with it that is not its own.
    fn cut(&mut self, edit: usize, tag: &Tag<'_>, before: &Tree, after: &Tree) {
        if !self.is_made(edit) {
            return;
        }
        let opened = after.opened();
        let alone = if opened.is_some() { after.only_adds_to(before) } else { after.agrees_with(before) };
        let replaces = self.edits.get(edit).is_some_and(|slot| slot.position == Position::Replace);
        let html = if replaces { self.html(edit) } else { Bytes::new() };
        if !alone || !(html.is_empty() || before.stands(&html)) {
            return self.settle(edit, |_| false);
        }
        if !html.is_empty() {
            self.insert(edit, tag.start, (tag.start, Rank::Outside));
        }
        let splice = |at, what| Splice { at, order: (tag.start, Rank::Cut), edit, what };
        self.splices.add(splice(tag.start, What::Cut));
        match opened {
            Some(element) => {
                let cut = Some(Box::new(before.clone()));
                self.wait_for_end(edit, Open { edit, element, name: tag.name, cut });
            }
            None => {
                self.splices.add(splice(tag.end, What::Resume));
                self.settle(edit, |_| true);
            }
        }
    }

    fn wait_for_end(&mut self, edit: usize, open: Open) {
        if let Some(slot) = self.edits.get_mut(edit).filter(|slot| slot.kind == Kind::First) {
            slot.state = State::Open;
        }
        self.open.push(open);
    }

    /// Carries out an edit here, or gives it up.
    fn settle(&mut self, edit: usize, put: impl FnOnce(&mut Self) -> bool) {
        if !self.is_made(edit) {
            return;
        }
        if !put(self) {
            self.misfit();
        }
        if self.edits.get(edit).is_some_and(|slot| slot.kind != Kind::All) {
            self.finish(edit);
        }
    }

    /// Carries out all edits of a kind here, or gives them up.
    fn place(&mut self, kind: Kind, mut put: impl FnMut(&mut Self, usize) -> bool) {
        for edit in 0..self.edits.len() {
            if self.is_waiting(edit, kind) {
                self.settle(edit, |marks| put(marks, edit));
            }
        }
    }

    /// Puts an edit before a tag. `before` then is how things stand behind the edit.
    fn put_before(&mut self, edit: usize, tag: &Tag<'_>, before: &mut Tree, after: &Tree) -> bool {
        let Some(with) = self.fits_before(edit, tag, before, after) else {
            self.misfit();
            return false;
        };
        *before = with;
        self.insert(edit, tag.start, (tag.start, Rank::Outside));
        true
    }

    fn fits_before(&self, edit: usize, tag: &Tag<'_>, before: &Tree, after: &Tree) -> Option<Tree> {
        before.stands_before(&self.html(edit), after, |tree| {
            tree.take(tag);
        })
    }

    /// Puts an edit behind a tag.
    fn put_behind(&mut self, edit: usize, tag: &Tag<'_>, after: &Tree) -> bool {
        let fits = after.stands(&self.html(edit));
        if fits {
            self.insert(edit, tag.end, (tag.start, Rank::Behind));
        } else {
            self.misfit();
        }
        fits
    }

    fn insert(&mut self, edit: usize, at: usize, order: (usize, Rank)) {
        let what = What::Insert(self.html(edit));
        self.splices.add(Splice { at, order, edit, what });
    }

    fn html(&self, edit: usize) -> Bytes {
        self.edits.get(edit).map(|slot| slot.html.clone()).unwrap_or_default()
    }

    fn wants(&self, kind: Kind) -> bool {
        (0..self.edits.len()).any(|edit| self.is_waiting(edit, kind))
    }

    fn is_waiting(&self, edit: usize, kind: Kind) -> bool {
        self.edits.get(edit).is_some_and(|slot| slot.kind == kind && slot.state == State::Waiting)
    }

    fn finish(&mut self, edit: usize) {
        if let Some(slot) = self.edits.get_mut(edit) {
            slot.state = State::Done;
        }
    }

    fn misfit(&mut self) {
        self.given_up = self.given_up.or(Some(BailOut::Misfit));
    }

    fn give_all_up(&mut self, why: BailOut) {
        self.given_up = Some(why);
        for slot in &mut self.edits {
            slot.state = State::Done;
        }
    }
}

fn names_charset(tag: &Tag<'_>) -> bool {
    let is_content_type =
        || tag.attributes.get(b"http-equiv").is_some_and(|it| it.eq_ignore_ascii_case(b"content-type"));
    !tag.is_end && tag.name == name::META && (tag.attributes.get(b"charset").is_some() || is_content_type())
}

/// `amp` or its sign, in UTF-8; with what may follow it.
fn is_amp(attribute: &[u8]) -> bool {
    let rest = attribute.strip_prefix("\u{26a1}".as_bytes()).or_else(|| {
        let (start, rest) = attribute.split_at_checked(3)?;
        start.eq_ignore_ascii_case(b"amp").then_some(rest)
    });
    rest.is_some_and(|rest| {
        matches!(rest, b"" | b"\xEF\xB8\x8F")
            || rest.eq_ignore_ascii_case(b"4email")
            || rest.eq_ignore_ascii_case(b"4ads")
    })
}
