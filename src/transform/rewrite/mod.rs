//! Finds the places of edits, and splices the edits into the page's own bytes.
//!
//! Two read the page: lol_html says which tags a selector matches (`locate`), and [`outline`](super::outline) knows where a
//! browser's parser stands (`walk`); `marks` decides from both. Neither writes. So bytes that no edit touches are the shop's
//! bytes, both can be dropped at any moment (after the last edit, on their limits, after a panic), and what could not be read
//! yet is still here, in `held`.

mod locate;
mod marks;
mod output;
mod policy;
mod slot;
mod splice;
mod walk;

use super::Edit;
use super::charset::Markup;
use super::late::Along;
use marks::Marks;
pub(super) use output::Output;
use splice::Splicer;
use std::panic::{AssertUnwindSafe, catch_unwind};
use walk::Walk;

/// What could not be read yet is read again with the next slice: no more than this of it.
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
    /// The body cannot be decoded, as shown before anything of it was sent.
    Undecodable,
    /// The page is larger than what is rewritten.
    TooLarge,
    /// The markup is a fragment: no doctype, html, head or body was seen.
    Fragment,
    /// A tag is larger than the parser's limit, or elements are nested deeper than browsers do.
    ParserLimit,
    /// A policy in the page's `<meta>` forbids what the edits need.
    Policy,
    /// What follows is read in different ways by different browsers.
    Ambiguous,
    /// There is a place for an edit, but what was put there would change more than that place.
    Misfit,
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
            Self::Undecodable => "undecodable",
            Self::TooLarge => "too_large",
            Self::Fragment => "fragment",
            Self::ParserLimit => "parser_limit",
            Self::Policy => "policy",
            Self::Ambiguous => "ambiguous",
            Self::Misfit => "misfit",
            Self::ParserFailed => "parser_failed",
        }
    }
}

/// What the rewriter needs of a parser that knows selectors.
trait Scan: Send {
    /// Parses more input. Matches are left for [`Scan::matches`].
    fn write(&mut self, bytes: &[u8]) -> Result<(), BailOut>;
    /// Tags that edits' selectors matched, by their offsets, in order: since the last call.
    fn matches(&mut self) -> Vec<Match>;
}

/// A tag that an edit's selector matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Match {
    /// Where the tag begins.
    at: usize,
    edit: usize,
}

/// Rewrites one page.
pub(super) struct Rewriter {
    /// Finds matches, as long as an edit waits for one.
    scan: Option<Box<dyn Scan>>,
    /// Reads the page, as long as there is something to find.
    walk: Option<Box<Walk>>,
    splicer: Splicer,
    /// Input that could not be read yet.
    held: Vec<u8>,
    limit: usize,
    applied: Vec<bool>,
    bail_out: Option<BailOut>,
}

impl Rewriter {
    /// Attaches the selectors of the given edits and no others. Edits for which `deferred` is true are decided as their places pass.
    pub(super) fn new(edits: &[Edit], deferred: &[bool], markup: &Markup, parser_memory: usize) -> Self {
        let marks = Marks::new(edits, deferred, markup);
        // An error of the parser's must not become one of the page's: without a parser the page passes.
        let scan = catch_unwind(AssertUnwindSafe(|| locate::scan(edits, &marks, markup, parser_memory)));
        let bail_out = scan.is_err().then_some(BailOut::ParserFailed);
        let walk = (scan.is_ok() && !marks.is_finished()).then(|| Box::new(Walk::new(marks)));
        Self {
            scan: scan.ok().flatten(),
            walk,
            splicer: Splicer::default(),
            held: Vec::new(),
            limit: parser_memory,
            applied: vec![false; edits.len()],
            bail_out,
        }
    }

    /// Whether all that follows is copied.
    pub(super) fn is_raw(&self) -> bool {
        self.walk.is_none()
    }

    /// Which edits were carried out.
    pub(super) fn applied(&self) -> &[bool] {
        &self.applied
    }

    /// Why edits were given up.
    pub(super) fn bailed_out(&self) -> Option<BailOut> {
        self.bail_out
    }

    /// Takes the next piece of the page. Whoever reads along is shown each byte once, in order.
    pub(super) fn push(&mut self, mut chunk: &[u8], along: &mut Option<Box<Along>>, out: &mut dyn Output) {
        out.reserve(self.held.len() + chunk.len() + ROOM);
        while self.walk.is_some() && !chunk.is_empty() {
            let size = if self.held.is_empty() { chunk.len() } else { chunk.len().min(SLICE) };
            let (slice, rest) = chunk.split_at(size);
            self.feed(slice, along, out);
            chunk = rest;
        }
        if let Some(along) = along {
            along.read(chunk);
        }
        out.copy(chunk);
    }

    /// Ends the page.
    pub(super) fn finish(&mut self, along: &mut Option<Box<Along>>, out: &mut dyn Output) {
        let Some(mut walk) = self.walk.take() else { return };
        let held = std::mem::take(&mut self.held);
        let offset = self.splicer.offset();
        walk.marks.along = along.take();
        let ended = catch_unwind(AssertUnwindSafe(|| walk.end(&held, offset)));
        *along = walk.marks.along.take();
        if let Some(along) = along {
            along.read_to(&held, offset, offset + held.len());
        }
        if ended.is_err() {
            self.bail_out = Some(BailOut::ParserFailed);
            self.splicer.keep_cuts(walk.marks.splices().drop_endless_cuts());
        }
        self.splice(&mut walk, &held, out);
    }

    /// Gives up: all that follows is copied.
    pub(super) fn abandon(&mut self, why: BailOut, along: &mut Option<Box<Along>>, out: &mut dyn Output) {
        let Some(mut walk) = self.walk.take() else { return };
        self.bail_out = Some(why);
        self.scan = None;
        let held = std::mem::take(&mut self.held);
        if let Some(along) = along {
            let offset = self.splicer.offset();
            along.read_to(&held, offset, offset + held.len());
        }
        // An open cut whose end is not known ends here: what was cut of it stays cut.
        self.splicer.keep_cuts(walk.marks.splices().drop_endless_cuts());
        self.splice(&mut walk, &held, out);
    }

    fn feed(&mut self, slice: &[u8], along: &mut Option<Box<Along>>, out: &mut dyn Output) {
        let Some(mut walk) = self.walk.take() else { return };
        let finds = self.find_matches(slice, &mut walk.marks);
        let mut held = std::mem::take(&mut self.held);
        let whole = if held.is_empty() {
            slice
        } else {
            held.extend_from_slice(slice);
            &held
        };
        let offset = self.splicer.offset();
        walk.marks.along = along.take();
        let read = catch_unwind(AssertUnwindSafe(|| walk.read(whole, offset)));
        *along = walk.marks.along.take();
        let (read, why) = match read {
            Ok(read) if whole.len() - read > self.limit => (read, Some(BailOut::ParserLimit)),
            Ok(read) => (read, walk.lost()),
            Err(_) => (0, Some(BailOut::ParserFailed)),
        };
        if !finds {
            walk.marks.find_no_more();
        }
        let (now, later) = whole.split_at(read);
        self.splice(&mut walk, now, out);
        let ends = why.is_some() || walk.marks.is_finished();
        if let Some(along) = along {
            // No further than the walk: what it has not read yet may have a place in it.
            along.read_to(whole, offset, offset + if ends { whole.len() } else { read });
        }
        if ends {
            self.scan = None;
            self.bail_out = why.or(self.bail_out);
            self.splicer.keep_cuts(walk.marks.splices().drop_endless_cuts());
            self.splice(&mut walk, later, out);
            return;
        }
        let kept = later.len();
        if held.is_empty() {
            held.extend_from_slice(slice.get(slice.len() - kept..).unwrap_or_default());
        } else {
            held.drain(..read);
        }
        self.held = held;
        self.walk = Some(walk);
    }

    /// Asks the parser for the tags that edits wait for. Whether it can be asked again.
    fn find_matches(&mut self, slice: &[u8], marks: &mut Marks) -> bool {
        if !marks.waits_for_matches() {
            self.scan = None;
        }
        let Some(scan) = &mut self.scan else { return true };
        let outcome = catch_unwind(AssertUnwindSafe(|| scan.write(slice))).unwrap_or(Err(BailOut::ParserFailed));
        marks.found(scan.matches());
        if let Err(why) = outcome {
            self.bail_out = Some(why);
            self.scan = None;
            return false;
        }
        true
    }

    /// Carries out the splices of bytes that are read.
    fn splice(&mut self, walk: &mut Walk, bytes: &[u8], out: &mut dyn Output) {
        let applied = &mut self.applied;
        self.splicer.advance(bytes, walk.marks.splices(), out, |edit| {
            if let Some(flag) = applied.get_mut(edit) {
                *flag = true;
            }
        });
        self.bail_out = self.bail_out.or(walk.marks.given_up());
    }
}

#[cfg(test)]
mod tests;
