//! Reads what a shop's page says of itself, as it streams past.
//!
//! Decides what is taken from where: the shop's own recipe first, then its platform's, then schema.org's vocabulary (JSON-LD, microdata),
//! Open Graph, `<title>`. It must not know what is made of it, nor change a byte. Whatever goes wrong here ends the reading and
//! nothing else: the page is no business of this module.
//!
//! The parser is lol_html's. What is known at a place of the page does not depend on how the page was cut into pieces before it.

mod draft;
mod jsonld;
mod links;
mod meta;
mod microdata;
mod reader;
mod recipe;
mod scan;
mod schema;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod values;

pub use reader::Reader;
pub use recipe::{At, Field, List, Part, Place, Recipe, Sign, Slot, Source, Total, Trace};

use super::Limits;
use super::charset::{Markup, Sniffed, sniff};
use crate::commerce::Content;
use encoding_rs::Encoding;
use scan::{Scan, Shared};
use state::{Ended, State};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Begins every escape by which a charset leaves ASCII.
const ESCAPE: u8 = 0x1B;

/// About what reading a page takes beside its decoder: the parser, open texts, a script of JSON-LD of the usual size.
pub const READING_MEMORY: usize = 64 * 1024;

/// What is to be read of a page.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What to look for.
    pub recipe: Recipe,
    /// The page's public address.
    pub url: String,
    /// Its kind by that address; `other` if that does not tell.
    pub kind: &'static str,
    /// Kinds of pages that are read whole. Of others, only the head is.
    pub whole_kinds: &'static [&'static str],
}

/// Why a page could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(&'static str);

/// Reads one page. Never fails towards whoever feeds it.
pub struct Extractor {
    shared: Shared,
    recipe: Recipe,
    charset: Option<&'static Encoding>,
    limits: Limits,
    seen: u64,
    step: Step,
    content: Content,
    failed: Option<Unread>,
}

enum Step {
    /// The beginning is gathered.
    Sniffing(Vec<u8>),
    Reading {
        scan: Box<Scan>,
        /// The charset is a guess.
        guessed: bool,
    },
    Done,
}

impl Extractor {
    /// Prepares for a page. `charset` is what its head declares.
    #[must_use]
    pub fn new(reading: &Reading, charset: Option<&'static Encoding>, limits: Limits) -> Self {
        Self {
            shared: Shared::new(State::new(reading)),
            recipe: reading.recipe.clone(),
            charset,
            limits,
            seen: 0,
            step: Step::Sniffing(Vec::new()),
            content: Content::default(),
            failed: None,
        }
    }

    /// Begins with what somebody else has found out of the page's beginning, which is still to be shown.
    pub(super) fn begin(&mut self, markup: &Markup) {
        if matches!(&self.step, Step::Sniffing(start) if start.is_empty()) {
            self.guarded(|this| {
                this.start(markup);
                Ok(())
            });
        }
    }

    /// Takes a piece of the page, decoded.
    pub fn push(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        if self.is_done() || bytes.is_empty() {
            return;
        }
        if self.seen > self.limits.decoded_bytes {
            return self.fail("the page is larger than what is read");
        }
        self.guarded(|this| this.read(bytes, false));
    }

    /// Ends the page. To be called only when the shop has ended it, too.
    pub fn finish(&mut self) {
        if self.is_done() {
            return;
        }
        self.guarded(|this| {
            this.read(&[], true)?;
            if let Step::Reading { scan, .. } = std::mem::replace(&mut this.step, Step::Done) {
                let ended = scan.end();
                if this.shared.lock().ended.is_none() {
                    ended?;
                }
                this.shared.lock().finish();
            }
            Ok(())
        });
    }

    /// How much of the page was shown so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether nothing more is read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.step, Step::Done)
    }

    /// Why the page could not be read, if so.
    #[must_use]
    pub fn failed(&self) -> Option<Unread> {
        self.failed
    }

    /// What the page has said so far.
    pub fn content(&mut self) -> &Content {
        self.guarded(|this| {
            let mut state = this.shared.lock();
            if std::mem::take(&mut state.news) {
                this.content = state.draft.content();
            }
            Ok(())
        });
        &self.content
    }

    /// Whether the page was one of those that are read whole, as far as is known.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.shared.lock().draft.kind()
    }

    /// The signs of platforms that were seen so far.
    #[must_use]
    pub fn signs(&self) -> BTreeSet<usize> {
        self.shared.lock().draft.signs.clone()
    }

    /// Ends the reading for a reason that lies outside.
    pub(super) fn fail(&mut self, why: &'static str) {
        self.step = Step::Done;
        self.failed = Some(Unread(why));
    }

    /// Panics as it might by a fault of its own.
    #[cfg(test)]
    pub(crate) fn panics(&mut self) {
        self.guarded(|_| panic!("told to"));
    }

    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<(), &'static str>) {
        match catch_unwind(AssertUnwindSafe(|| step(self))) {
            Ok(Ok(())) => {}
            Ok(Err(why)) => self.fail(why),
            Err(_) => self.fail("reading the page panicked"),
        }
    }

    fn read(&mut self, bytes: &[u8], last: bool) -> Result<(), &'static str> {
        let Step::Sniffing(start) = &mut self.step else { return self.parse(bytes) };
        start.extend_from_slice(bytes);
        match sniff(start, self.charset, last) {
            Sniffed::More => Ok(()),
            Sniffed::Untouched(_) => {
                self.step = Step::Done;
                Ok(())
            }
            Sniffed::Markup(markup) => {
                let start = std::mem::take(start);
                self.start(&markup);
                self.parse(&start)
            }
        }
    }

    fn start(&mut self, markup: &Markup) {
        self.step = match Scan::new(&self.shared, &self.recipe, markup.encoding, self.limits.parser_memory) {
            Some(scan) => Step::Reading { scan: Box::new(scan), guessed: markup.guessed },
            None => Step::Done,
        };
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let Step::Reading { scan, guessed } = &mut self.step else { return Ok(()) };
        if bytes.is_empty() {
            return Ok(());
        }
        // It may be a charset that leaves ASCII here.
        let escape = if *guessed { memchr::memchr(ESCAPE, bytes) } else { None };
        let read = scan.write(bytes.get(..escape.unwrap_or(bytes.len())).unwrap_or_default());
        if escape.is_some() {
            self.step = Step::Done;
        }
        match self.shared.lock().ended {
            Some(Ended::Enough) => self.step = Step::Done,
            Some(Ended::Limit) => return Err("the page has more elements to look at than are looked at"),
            None => read?,
        }
        Ok(())
    }
}

/// Reads a whole page at once: for tests of saved pages, and for tools.
#[must_use]
pub fn read(reading: &Reading, charset: Option<&'static Encoding>, page: &[u8]) -> Content {
    let mut extractor = Extractor::new(reading, charset, Limits::default());
    extractor.push(page);
    extractor.finish();
    extractor.content().clone()
}
