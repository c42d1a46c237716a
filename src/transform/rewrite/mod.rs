//! Finds the places of edits with a streaming parser, and splices the edits into the page's own bytes.
//!
//! The parser never writes: it only tells where tags are and how far it has come. So bytes that no edit touches are the
//! shop's bytes, the parser can be dropped at any moment (after the last edit, on its limits, after a panic), and what it
//! had not let go of yet is still here, in `held`.

mod locate;
mod marks;
mod output;
mod splice;

use super::Edit;
use super::charset::Markup;
use marks::{Marks, Shared, lock};
pub(super) use output::Output;
use splice::Splicer;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The parser is fed in slices of this size while it holds something back: it copies them, and counts them to its limit.
const SLICE: usize = 4 * 1024;

/// Room for what is inserted, so that the output grows once a chunk.
const ROOM: usize = 2 * 1024;

/// Why a page was no longer rewritten before all edits were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BailOut {
    /// The body is no markup (JSON, plain text).
    NotMarkup,
    /// The charset is not compatible with ASCII, or not known.
    Charset,
    /// An AMP page: its validator refuses what we insert.
    Amp,
    /// The markup is a fragment: no doctype, html, head or body was seen.
    Fragment,
    /// A tag or the nesting is larger than the parser's limit.
    ParserLimit,
    /// The parser panicked or contradicted itself. The page is complete all the same.
    ParserFailed,
}

impl BailOut {
    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotMarkup => "not_markup",
            Self::Charset => "charset",
            Self::Amp => "amp",
            Self::Fragment => "fragment",
            Self::ParserLimit => "parser_limit",
            Self::ParserFailed => "parser_failed",
        }
    }
}

/// What the rewriter needs of a parser.
trait Scan: Send {
    /// Parses more input; marks are left in [`Marks`].
    fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped>;
    /// Parses the end of the input.
    fn end(self: Box<Self>) -> Result<(), Stopped>;
}

/// Why a parser stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// Nothing is left to find.
    Done,
    /// It gave up.
    Failed(BailOut),
}

/// Rewrites one page.
pub(super) struct Rewriter {
    /// The parser, as long as there is something to find.
    scan: Option<Box<dyn Scan>>,
    marks: Shared,
    splicer: Splicer,
    /// Input that the parser has not let go of.
    held: Vec<u8>,
    applied: Vec<bool>,
    bail_out: Option<BailOut>,
}

impl Rewriter {
    /// Attaches the selectors of the given edits and no others.
    pub(super) fn new(edits: &[Edit], markup: &Markup, parser_memory: usize) -> Self {
        let applied = vec![false; edits.len()];
        let marks = Marks::shared(edits, markup);
        // An error of the parser's must not become one of the page's: without a parser the page passes.
        let scan = catch_unwind(AssertUnwindSafe(|| locate::scan(edits, markup, parser_memory, &marks)));
        let bail_out = scan.is_err().then_some(BailOut::ParserFailed);
        Self { scan: scan.ok().flatten(), marks, splicer: Splicer::default(), held: Vec::new(), applied, bail_out }
    }

    /// Whether all that follows is copied.
    pub(super) fn is_raw(&self) -> bool {
        self.scan.is_none()
    }

    /// Which edits were carried out.
    pub(super) fn applied(&self) -> &[bool] {
        &self.applied
    }

    /// Why edits were given up.
    pub(super) fn bailed_out(&self) -> Option<BailOut> {
        self.bail_out
    }

    /// Takes the next piece of the page.
    pub(super) fn push(&mut self, mut chunk: &[u8], out: &mut dyn Output) {
        out.reserve(self.held.len() + chunk.len() + ROOM);
        while self.scan.is_some() && !chunk.is_empty() {
            let size = if self.held.is_empty() { chunk.len() } else { chunk.len().min(SLICE) };
            let (slice, rest) = chunk.split_at(size);
            self.feed(slice, out);
            chunk = rest;
        }
        out.copy(chunk);
    }

    /// Ends the page.
    pub(super) fn finish(&mut self, out: &mut dyn Output) {
        let Some(scan) = self.scan.take() else { return };
        let outcome =
            catch_unwind(AssertUnwindSafe(|| scan.end())).unwrap_or(Err(Stopped::Failed(BailOut::ParserFailed)));
        let end = self.splicer.offset() + self.held.len();
        {
            let mut marks = lock(&self.marks);
            match outcome {
                Ok(()) => {
                    marks.end_of_document(end);
                    self.bail_out = marks.fragment().then_some(BailOut::Fragment);
                }
                Err(Stopped::Done) => {}
                Err(Stopped::Failed(why)) => {
                    self.bail_out = Some(why);
                    self.splicer.keep_cuts(marks.splices().drop_endless_cuts());
                }
            }
        }
        self.release(usize::MAX, &[], out);
    }

    /// Gives up: all that follows is copied.
    pub(super) fn abandon(&mut self, why: BailOut, out: &mut dyn Output) {
        if self.scan.take().is_some() {
            self.bail_out = Some(why);
            self.let_go(&[], out);
        }
    }

    fn feed(&mut self, slice: &[u8], out: &mut dyn Output) {
        let Some(scan) = &mut self.scan else { return };
        let outcome =
            catch_unwind(AssertUnwindSafe(|| scan.write(slice))).unwrap_or(Err(Stopped::Failed(BailOut::ParserFailed)));
        match outcome {
            Ok(()) => {
                let position = lock(&self.marks).position();
                self.release(position, slice, out);
            }
            Err(stopped) => {
                self.scan = None;
                if let Stopped::Failed(why) = stopped {
                    self.bail_out = Some(why);
                }
                self.let_go(slice, out);
            }
        }
    }

    /// Lets go of all input. An open cut whose end is not known ends here: what was cut of it stays cut.
    fn let_go(&mut self, slice: &[u8], out: &mut dyn Output) {
        let known_ends = lock(&self.marks).splices().drop_endless_cuts();
        self.splicer.keep_cuts(known_ends);
        self.release(usize::MAX, slice, out);
    }

    /// Lets go of all input before `position`: what was held, then the slice. The rest is held.
    fn release(&mut self, position: usize, slice: &[u8], out: &mut dyn Output) {
        let mut marks = lock(&self.marks);
        let applied = &mut self.applied;
        let mut done = |edit: usize| {
            if let Some(flag) = applied.get_mut(edit) {
                *flag = true;
            }
        };
        let free = position.saturating_sub(self.splicer.offset());
        let (old, kept) = self.held.split_at(free.min(self.held.len()));
        let (new, later) = slice.split_at((free - old.len()).min(slice.len()));
        let kept = kept.len();
        self.splicer.advance(old, marks.splices(), out, &mut done);
        if kept == 0 {
            self.splicer.advance(new, marks.splices(), out, &mut done);
            self.held.clear();
            self.held.extend_from_slice(later);
        } else {
            self.held.drain(..self.held.len() - kept);
            self.held.extend_from_slice(slice);
        }
        if self.scan.is_none() {
            self.held = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
