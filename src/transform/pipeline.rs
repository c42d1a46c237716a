//! One body's way: decode ▸ look at its beginning ▸ rewrite ▸ encode. Flushed with every chunk.
//!
//! Where a gzip or deflate body goes out as it came, it is not encoded: the edits are spliced into it.

use super::charset::{Sniffed, sniff};
use super::codec::{CodecError, Coding, Decoder, Encoder, OutCoding, Splicer};
use super::extract::Extractor;
use super::late::{Along, Late};
use super::rewrite::{BailOut, Output, Rewriter};
use super::{Edit, Limits, Page};
use bytes::{Bytes, BytesMut};
use encoding_rs::Encoding;

/// Coded bytes that are kept for a page that may turn out not to be rewritten at all.
const REPLAY: usize = 16 * 1024;
/// Begins every escape by which a charset leaves ASCII.
const ESCAPE: u8 = 0x1B;

/// Why a body could not go on. The response must be aborted, not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// The shop's body could not be decoded, or ours not be encoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl TransformError {
    /// Whether the fault is ours and not the shop's.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(self, Self::Codec(CodecError::Encoder(_)))
    }
}

/// Rewrites one body.
pub struct Transform {
    way: Way,
    stage: Stage,
    /// The coded body so far, as long as nothing of it was written and it may yet pass as it is.
    replay: Option<BytesMut>,
    failed: Option<TransformError>,
}

#[expect(clippy::large_enum_variant, reason = "there is one a response, and no other allocation where it is plain")]
enum Way {
    /// Decoded, if it is coded, and encoded, if it is to be.
    Anew { decoder: Option<Decoder>, encoder: Option<Encoder> },
    /// Changed within its coding.
    Spliced(Box<Splicer>),
}

struct Stage {
    state: State,
    charset: Option<&'static Encoding>,
    limits: Limits,
    /// Decoded bytes so far.
    seen: u64,
    bail_out: Option<BailOut>,
    edits: usize,
    /// Reads along, and decides what is deferred.
    along: Option<Box<Along>>,
    /// Which edits are.
    deferred: Vec<bool>,
}

enum State {
    /// The beginning of the body is gathered.
    Sniffing { start: BytesMut, edits: Vec<Edit> },
    /// Edits are being carried out.
    Rewriting { rewriter: Box<Rewriter>, guessed: bool },
    /// All that follows is copied.
    Copying,
    /// All that follows, still coded, is copied.
    Verbatim,
}

impl Transform {
    /// Prepares for the body of a page that [`eligible`](super::eligible) let through.
    ///
    /// # Errors
    /// When a codec could not be set up; the response then passes as it is.
    pub fn new(page: &Page, edits: Vec<Edit>, limits: Limits, out: OutCoding) -> Result<Self, TransformError> {
        let same = page.coding == out.coding();
        let splicer = if same { Splicer::new(page.coding, limits) } else { None };
        let way = match splicer {
            Some(splicer) => Way::Spliced(Box::new(splicer)),
            None => Way::Anew { decoder: Decoder::new(page.coding, limits)?, encoder: Encoder::new(out)? },
        };
        let replayable = same && page.coding != Coding::Identity;
        Ok(Self {
            way,
            stage: Stage {
                charset: page.charset,
                limits,
                seen: 0,
                bail_out: None,
                edits: edits.len(),
                along: None,
                deferred: Vec::new(),
                state: State::Sniffing { start: BytesMut::new(), edits },
            },
            replay: replayable.then(BytesMut::new),
            failed: None,
        })
    }

    /// Has the page read as it passes, from the same decoded bytes.
    pub fn read_by(&mut self, reader: Extractor) {
        self.along().read_by(reader);
    }

    /// Has those edits for which `deferred` is true decided as their places pass, by what whoever reads the page has been told.
    pub fn defer(&mut self, deferred: Vec<bool>, late: Box<dyn Late>) {
        self.stage.deferred = deferred;
        self.along().decide_by(late);
    }

    /// Whether anything is decided as it passes.
    #[must_use]
    pub fn defers(&self) -> bool {
        self.stage.deferred.contains(&true)
    }

    fn along(&mut self) -> &mut Along {
        self.stage.along.get_or_insert_default()
    }

    /// Who reads the page, if somebody does.
    pub fn extractor(&mut self) -> Option<&mut Extractor> {
        self.stage.along.as_mut()?.reader()
    }

    /// Takes a chunk of the shop's body and appends to `out` what can go to the client now.
    ///
    /// # Errors
    /// When the shop's body is corrupt or a bomb. Nothing more may be sent, and the response must not be ended cleanly.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<(), TransformError> {
        self.guarded(|this| this.push_unguarded(chunk, out))
    }

    /// Like [`push`](Self::push), but gives the chunk back, uncopied, where it can go to the client as it is.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_bytes(&mut self, chunk: Bytes, out: &mut BytesMut) -> Result<Option<Bytes>, TransformError> {
        if self.passes() {
            if let Some(along) = &mut self.stage.along {
                along.read(&chunk);
            }
            return Ok(Some(chunk));
        }
        self.push(&chunk, out).map(|()| None)
    }

    /// Ends the body. To be called only when the shop has ended it, too.
    ///
    /// # Errors
    /// When the shop's body is cut off. The response must not be ended cleanly.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<(), TransformError> {
        self.guarded(|this| this.finish_unguarded(out))
    }

    /// Which edits were delivered, by their index.
    #[must_use]
    pub fn applied(&self) -> Vec<bool> {
        match &self.stage.state {
            State::Rewriting { rewriter, .. } => rewriter.applied().to_vec(),
            _ => vec![false; self.stage.edits],
        }
    }

    /// Why edits were given up, if they were.
    #[must_use]
    pub fn bailed_out(&self) -> Option<BailOut> {
        match &self.stage.state {
            State::Rewriting { rewriter, .. } => rewriter.bailed_out(),
            _ => self.stage.bail_out,
        }
    }

    /// Bytes that were decoded so far by a decoder whose window grows with them.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        match &self.way {
            Way::Anew { decoder: Some(decoder), .. } => decoder.decoded(),
            _ => 0,
        }
    }

    /// Whether all that follows goes to the client as it comes.
    fn passes(&self) -> bool {
        match &self.stage.state {
            State::Verbatim => true,
            State::Copying => self.is_plain(),
            State::Rewriting { rewriter, .. } => self.is_plain() && rewriter.is_raw(),
            State::Sniffing { .. } => false,
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self.way, Way::Anew { decoder: None, encoder: None }) && self.failed.is_none()
    }

    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<(), TransformError>) -> Result<(), TransformError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        step(self).inspect_err(|error| self.failed = Some(*error))
    }

    fn push_unguarded(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<(), TransformError> {
        if matches!(self.stage.state, State::Verbatim) {
            out.extend_from_slice(chunk);
            return Ok(());
        }
        if let Some(replay) = &mut self.replay {
            replay.extend_from_slice(chunk);
        }
        let start = out.len();
        let decoded = self.run(chunk, out);
        let Some(replay) = &self.replay else { return Ok(decoded?) };
        // Nothing was written so far: what cannot be read, or is not to be rewritten, passes as the shop sent it.
        let rewriting = matches!(self.stage.state, State::Rewriting { .. });
        if decoded.is_err() || matches!(self.stage.state, State::Copying) {
            if decoded.is_err() {
                self.stage.bail_out = Some(BailOut::Undecodable);
            }
            out.truncate(start);
            out.extend_from_slice(replay);
            self.replay = None;
            // What passes so is no page, or cannot be decoded.
            self.stage.along = None;
            self.stage.state = State::Verbatim;
            self.way = Way::Anew { decoder: None, encoder: None };
            return Ok(());
        }
        if rewriting || replay.len() > REPLAY {
            self.replay = None;
        }
        Ok(decoded?)
    }

    /// Sends a chunk through all stages.
    fn run(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        let Self { way, stage, replay, .. } = self;
        let (decoder, encoder) = match way {
            Way::Anew { decoder, encoder } => (decoder, encoder),
            Way::Spliced(splicer) => {
                return splicer.push(chunk, out, &mut |slice, out| {
                    stage.push(slice, out);
                    stage.is_done()
                });
            }
        };
        let mut plain = BytesMut::new();
        let mut through = |slice: &[u8]| match encoder {
            None => {
                stage.push(slice, out);
                Ok(())
            }
            Some(encoder) => {
                stage.push(slice, &mut plain);
                // As long as the coded body may yet pass as it is, nothing may be written.
                if replay.is_some() && matches!(stage.state, State::Copying) {
                    return Ok(());
                }
                encoder.push(&plain, out)?;
                plain.clear();
                Ok(())
            }
        };
        match decoder {
            None => through(chunk)?,
            Some(decoder) => decoder.push(chunk, &mut through)?,
        }
        match encoder {
            Some(encoder) => encoder.flush(out),
            None => Ok(()),
        }
    }

    fn finish_unguarded(&mut self, out: &mut BytesMut) -> Result<(), TransformError> {
        if matches!(self.stage.state, State::Verbatim) {
            return Ok(());
        }
        let start = out.len();
        match &mut self.way {
            Way::Spliced(splicer) => {
                splicer.check_end()?;
                splicer.finish(out, |out| self.stage.finish(out));
            }
            Way::Anew { decoder, encoder } => {
                if let Some(decoder) = decoder {
                    decoder.finish()?;
                }
                match encoder.take() {
                    None => self.stage.finish(out),
                    Some(mut encoder) => {
                        let mut plain = BytesMut::new();
                        self.stage.finish(&mut plain);
                        encoder.push(&plain, out)?;
                        encoder.finish(out)?;
                    }
                }
            }
        }
        if let (Some(replay), State::Copying) = (&self.replay, &self.stage.state) {
            out.truncate(start);
            out.extend_from_slice(replay);
        }
        Ok(())
    }
}

impl Stage {
    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) {
        self.seen += bytes.len() as u64;
        match &mut self.state {
            State::Sniffing { start, .. } if start.is_empty() => self.decide(bytes, false, out),
            State::Sniffing { start, .. } => {
                let mut start = std::mem::take(start);
                start.extend_from_slice(bytes);
                self.decide(&start, false, out);
            }
            // A page so large is still the shop's page: it goes on, but is read no more.
            State::Rewriting { rewriter, .. } if self.seen > self.limits.decoded_bytes => {
                rewriter.abandon(BailOut::TooLarge, &mut self.along, out);
                rewriter.push(bytes, &mut self.along, out);
            }
            State::Rewriting { rewriter, guessed } => rewrite(rewriter, *guessed, bytes, &mut self.along, out),
            State::Copying | State::Verbatim => out.copy(bytes),
        }
    }

    /// Whether all that follows is copied, and nobody reads it.
    fn is_done(&self) -> bool {
        if self.along.as_ref().is_some_and(|along| !along.is_done()) {
            return false;
        }
        match &self.state {
            State::Rewriting { rewriter, .. } => rewriter.is_raw(),
            State::Copying | State::Verbatim => true,
            State::Sniffing { .. } => false,
        }
    }

    fn finish(&mut self, out: &mut dyn Output) {
        if let State::Sniffing { start, .. } = &mut self.state {
            let start = std::mem::take(start);
            self.decide(&start, true, out);
        }
        if let State::Rewriting { rewriter, .. } = &mut self.state {
            rewriter.finish(&mut self.along, out);
        }
        if let Some(reader) = self.along.as_mut().and_then(|along| along.reader()) {
            reader.finish();
        }
    }

    /// Leaves the state of sniffing as soon as the beginning of the body says enough.
    fn decide(&mut self, beginning: &[u8], last: bool, out: &mut dyn Output) {
        let State::Sniffing { start, edits } = &mut self.state else { return };
        match sniff(beginning, self.charset, last) {
            Sniffed::More => {
                start.clear();
                start.extend_from_slice(beginning);
            }
            Sniffed::Untouched(why) => {
                self.bail_out = Some(why);
                self.along = None;
                out.copy(beginning);
                self.state = State::Copying;
            }
            Sniffed::Markup(markup) => {
                let memory = self.limits.parser_memory;
                let mut rewriter = Box::new(Rewriter::new(edits, &self.deferred, &markup, memory));
                if let Some(along) = &mut self.along {
                    along.begin(&markup);
                }
                rewrite(&mut rewriter, markup.guessed, beginning, &mut self.along, out);
                self.state = State::Rewriting { rewriter, guessed: markup.guessed };
            }
        }
    }
}

fn rewrite(rewriter: &mut Rewriter, guessed: bool, bytes: &[u8], along: &mut Option<Box<Along>>, out: &mut dyn Output) {
    if guessed
        && !rewriter.is_raw()
        && let Some((before, after)) = memchr::memchr(ESCAPE, bytes).and_then(|at| bytes.split_at_checked(at))
    {
        rewriter.push(before, along, out);
        rewriter.abandon(BailOut::Charset, along, out);
        rewriter.push(after, along, out);
        return;
    }
    rewriter.push(bytes, along, out);
}

#[cfg(test)]
mod tests;
