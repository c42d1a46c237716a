//! Writes the edited page in the source's own tokens: copies their bits wherever they still mean the same, and writes
//! anew the few that do not.

use super::bits::BitWriter;
use super::check::Check;
use super::huffman::{Codes, FIXED};
use super::log::{Block, Coded, Kind, Log, Source, Step};
use super::map::Map;
use crate::transform::codec::gzip;
use crate::transform::rewrite::Output;
use bytes::BytesMut;
use std::ops::Range;
use std::sync::LazyLock;

/// Tokens that stay in a block of fixed codes before the source's block is opened again: its header costs about as much as
/// fixed codes waste on so many.
const PATIENCE: usize = 200;

/// Inserted text from this size on is compressed by itself, though the source's block must begin anew behind it.
const LARGE: usize = 4096;

static FIXED_CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(&FIXED));

/// Writes one stream.
pub(super) struct Writer {
    out: BitWriter,
    pub(super) source: Source,
    pub(super) log: Log,
    /// Of what goes out, until `raw`.
    pub(super) check: Check,
    /// All that follows goes out as it is; whoever decodes sees to the checksum.
    pub(super) raw: bool,
    /// What stands before the data, until it is written.
    head: Option<&'static [u8]>,
    /// The source's block, if it is one with codes, and its codes once they are needed.
    block: Option<Box<Coded>>,
    codes: Option<Codes>,
    open: Open,
    /// Tokens that better stay in a fixed block.
    patience: usize,
    /// Bits of the source that go out as they are, before anything else is written.
    run: Range<u64>,
    /// Plain bytes of the source that were dealt with.
    at: u64,
    map: Map,
    /// Bytes that may go out, of a match that may not go out as a whole yet.
    owed: Vec<u8>,
}

/// The block that is open in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    /// One like the source's.
    Source,
    /// One with fixed codes.
    Fixed,
}

impl Writer {
    pub(super) fn new(head: &'static [u8], check: Check) -> Self {
        Self {
            out: BitWriter::default(),
            source: Source::default(),
            log: Log::default(),
            check,
            raw: false,
            head: Some(head),
            block: None,
            codes: None,
            open: Open::None,
            patience: 0,
            run: 0..0,
            at: 0,
            map: Map::default(),
            owed: Vec::new(),
        }
    }

    /// Writes into this buffer, until it is swapped back.
    pub(super) fn swap(&mut self, out: &mut BytesMut) {
        self.out.swap(out);
    }

    /// Whether the source's bits can be copied from here on without a look at its tokens.
    pub(super) fn is_clear(&self) -> bool {
        self.raw && self.log.is_empty() && self.map.keeps_all(self.at)
    }

    /// Lets out all that may go out, at the end of a chunk.
    pub(super) fn flush(&mut self) {
        if self.head.is_none() {
            self.settle();
            self.flush_run();
            // The shop flushed, but that stands behind what may not go out yet. What stands before it shall be readable.
            if self.out.is_partial() && self.log.has_flush() {
                self.stored(&[]);
                self.patience = PATIENCE;
            }
            self.out.whole_bytes();
        }
        self.log.compact();
    }

    /// Forgets the source's bits that are not needed any more; `next` is the one that is decoded next.
    pub(super) fn forget(&mut self, next: u64) {
        let needed = if self.log.is_empty() { next } else { self.run.start };
        self.source.drop_before(needed);
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self) {
        self.begin();
        self.settle();
        self.cut();
        self.close();
        // An empty block with fixed codes, the last one.
        self.out.put(0b11, 10);
        self.out.align();
        let (trailer, size) = self.check.trailer();
        self.out.bytes(trailer.get(..size).unwrap_or_default());
    }

    fn begin(&mut self) {
        if let Some(head) = self.head.take() {
            self.out.bytes(head);
        }
    }

    /// Deals with what stands between tokens: the ends and beginnings of blocks.
    fn settle(&mut self) {
        while let Some(&mut step) = self.log.first() {
            match step.kind {
                Kind::Block => match self.log.pop_block() {
                    Some(Block::Coded(block)) => {
                        self.close();
                        self.run = block.start..block.start;
                        self.block = Some(block);
                        self.codes = None;
                        self.open_source();
                    }
                    Some(Block::Stored { start, flush }) => {
                        self.flush_run();
                        self.run = start..start;
                        self.block = None;
                        if flush {
                            self.stored(&[]);
                        }
                    }
                    None => {}
                },
                Kind::End => {
                    self.log.pop();
                    self.run.end += u64::from(step.bits);
                    if self.open == Open::Source {
                        self.open = Open::None;
                    } else {
                        self.run.start = self.run.end;
                    }
                    self.patience = 0;
                }
                _ => return,
            }
        }
    }

    /// Writes tokens that together decode to `text`.
    fn copy_tokens(&mut self, mut text: &[u8]) {
        // What stands behind the last token, a flush perhaps, must wait for what may be inserted there.
        while !text.is_empty() {
            self.settle();
            let Some(&mut step) = self.log.first() else { return };
            let size = match step.kind {
                Kind::Bulk => {
                    self.prepare(usize::MAX);
                    self.run.end += u64::from(step.bits);
                    self.done(step.plain())
                }
                Kind::Stored => {
                    let size = text.len().min(step.plain());
                    self.stored(text.get(..size).unwrap_or_default());
                    self.skip_bits(size as u64 * 8);
                    self.shrink(size, 0);
                    size
                }
                _ => self.copy_token(step, text),
            };
            text = text.get(size..).unwrap_or_default();
        }
    }

    /// Writes the next of a step's tokens. Returns how much of the text was used.
    fn copy_token(&mut self, step: Step, text: &[u8]) -> usize {
        let (literals, length) = (usize::from(step.literals), usize::from(step.length));
        let alike = self.open == Open::Source
            && step.kind == Kind::Tokens
            && self.map.keeps(self.at + literals as u64, step.distance.into());
        // Most often a step goes out as it is.
        if alike && text.len() >= literals + length && self.owed.is_empty() {
            self.run.end += u64::from(step.bits) + u64::from(step.match_bits);
            return self.done(literals + length);
        }
        if literals > 0 {
            let now = text.get(..literals).unwrap_or(text);
            let bits = self.bits_of(step, now);
            self.prepare(now.len());
            if self.open == Open::Source {
                self.run.end += u64::from(bits);
            } else {
                self.skip_bits(bits.into());
                self.put_literals(now);
            }
            self.shrink(now.len(), bits);
            return now.len();
        }
        let missing = length.saturating_sub(self.owed.len());
        let Some(now) = text.get(..missing) else {
            self.owed.extend_from_slice(text);
            return text.len();
        };
        self.prepare(1);
        if alike {
            self.run.end += u64::from(step.match_bits);
            self.owed.clear();
            self.done(length);
        } else {
            self.skip_bits(step.match_bits.into());
            let mut owed = std::mem::take(&mut self.owed);
            owed.extend_from_slice(now);
            self.repeat(&owed, step.distance.into());
            owed.clear();
            self.owed = owed;
            self.log.pop();
        }
        missing
    }

    /// Writes what is owed of a match whose end will not follow it.
    fn cut(&mut self) {
        if self.owed.is_empty() {
            return;
        }
        let Some(&mut step) = self.log.first() else { return };
        self.prepare(1);
        self.skip_bits(step.match_bits.into());
        let mut owed = std::mem::take(&mut self.owed);
        self.repeat(&owed, step.distance.into());
        self.shorten(owed.len());
        owed.clear();
        self.owed = owed;
    }

    /// Leaves out tokens that together decode to so many bytes.
    fn skip_tokens(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            self.settle();
            let Some(&mut step) = self.log.first() else { return };
            let literals = usize::from(step.literals);
            let size = if step.kind == Kind::Stored || step.kind == Kind::Bulk {
                let size = text.len().min(literals);
                self.skip_bits(if step.kind == Kind::Bulk { step.bits.into() } else { size as u64 * 8 });
                self.shrink(size, 0);
                size
            } else if literals > 0 {
                let now = text.get(..literals).unwrap_or(text);
                let bits = self.bits_of(step, now);
                self.skip_bits(bits.into());
                self.shrink(now.len(), bits);
                now.len()
            } else {
                self.skip_bits(step.match_bits.into());
                let size = text.len().min(step.plain());
                self.at += size as u64;
                self.shorten(size);
                size
            };
            text = text.get(size..).unwrap_or_default();
        }
    }

    /// Bits of literals at the beginning of a step.
    fn bits_of(&self, step: Step, literals: &[u8]) -> u32 {
        if literals.len() == usize::from(step.literals) {
            return step.bits;
        }
        let Some(block) = &self.block else { return 0 };
        literals.iter().map(|&byte| u32::from(block.lengths.of_literal(byte))).sum()
    }

    /// The first step is done with.
    fn done(&mut self, plain: usize) -> usize {
        self.at += plain as u64;
        self.log.pop();
        plain
    }

    /// Literals at the beginning of the first step are done with.
    fn shrink(&mut self, literals: usize, bits: u32) {
        self.at += literals as u64;
        if let Some(step) = self.log.first() {
            step.literals -= literals as u16;
            step.bits -= bits.min(step.bits);
            if step.plain() == 0 {
                self.log.pop();
            }
        }
    }

    /// A part of the match that is the first step is done with.
    fn shorten(&mut self, length: usize) {
        if let Some(step) = self.log.first() {
            step.kind = Kind::Remainder;
            step.match_bits = 0;
            step.length -= length as u16;
            if step.length == 0 {
                self.log.pop();
            }
        }
    }

    /// Writes bytes that repeat those at a distance in the source, as far as they can be reached from here.
    fn repeat(&mut self, mut text: &[u8], distance: usize) {
        while !text.is_empty() {
            let (size, found) = self.map.find(self.at, distance, text.len());
            let (now, later) = text.split_at_checked(size).unwrap_or((text, &[]));
            let tokens = found.and_then(|distance| self.codes().repeat(now.len(), distance));
            match tokens {
                Some((length, distance)) => {
                    self.out.put(length.bits, length.count);
                    self.out.put(distance.bits, distance.count);
                }
                None => self.put_literals(now),
            }
            self.at += now.len() as u64;
            text = later;
        }
    }

    /// Writes literals into the open block, or into a fixed one if their codes are not to be had there.
    fn put_literals(&mut self, text: &[u8]) {
        self.flush_run();
        if self.open == Open::None || !self.codes().has_literals(text) {
            self.open_fixed();
            self.patience = PATIENCE;
        }
        let codes = match (&self.open, &self.codes) {
            (Open::Source, Some(codes)) => codes,
            _ => &*FIXED_CODES,
        };
        for &byte in text {
            let code = codes.literal(byte);
            self.out.put(code.bits, code.count);
        }
    }

    /// The codes of the open block.
    fn codes(&mut self) -> &Codes {
        match (&self.open, &self.block) {
            (Open::Source, Some(block)) => self.codes.get_or_insert_with(|| Codes::of(&block.lengths)),
            _ => &FIXED_CODES,
        }
    }

    /// Sees to it that a block is open in which tokens of the source's block can be written.
    fn prepare(&mut self, tokens: usize) {
        if self.open == Open::Source {
            return;
        }
        match self.patience.checked_sub(tokens) {
            Some(left) => {
                self.patience = left;
                self.open_fixed();
            }
            None => {
                self.close();
                self.open_source();
            }
        }
    }

    /// Opens a block like the source's. It is not the last one, even if the source's is.
    fn open_source(&mut self) {
        let Some(block) = &self.block else { return };
        self.out.put(0, 1);
        self.out.copy(&block.header, block.header_bits.start + 1, block.header_bits.end);
        self.open = Open::Source;
        self.patience = 0;
    }

    fn open_fixed(&mut self) {
        if self.open != Open::Fixed {
            self.close();
            self.out.put(0b010, 3);
            self.open = Open::Fixed;
        }
    }

    /// Writes a block of bytes as they are. Ends where a byte ends.
    fn stored(&mut self, text: &[u8]) {
        self.close();
        self.out.put(0, 3);
        self.out.align();
        let size = text.len() as u16;
        let [a, b] = size.to_le_bytes();
        let [c, d] = (!size).to_le_bytes();
        self.out.bytes(&[a, b, c, d]);
        self.out.bytes(text);
    }

    /// Writes blocks that were made elsewhere, for a place where a byte begins.
    fn put_blocks(&mut self, blocks: &[u8]) {
        self.close();
        if self.out.is_partial() {
            self.stored(&[]);
        }
        self.out.bytes(blocks);
    }

    /// Ends the open block.
    fn close(&mut self) {
        self.flush_run();
        if self.open != Open::None {
            let end = self.codes().end_of_block();
            self.out.put(end.bits, end.count);
            self.open = Open::None;
        }
    }

    fn flush_run(&mut self) {
        if self.run.start < self.run.end {
            let (from, to) = (self.source.relative(self.run.start), self.source.relative(self.run.end));
            self.out.copy(self.source.bytes(), from, to);
            self.run.start = self.run.end;
        }
    }

    /// Bits of the source do not go out.
    fn skip_bits(&mut self, bits: u64) {
        self.flush_run();
        self.run = self.run.end + bits..self.run.end + bits;
    }
}

impl Output for Writer {
    fn copy(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.begin();
        if !self.raw {
            self.check.update(bytes);
        }
        self.copy_tokens(bytes);
    }

    fn insert(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.begin();
        self.check.update(bytes);
        self.cut();
        self.map.insert(self.at, bytes.len());
        let alone = if bytes.len() < LARGE { None } else { gzip::deflate_alone(bytes).ok() };
        match alone {
            Some(blocks) => self.put_blocks(&blocks),
            None => self.put_literals(bytes),
        }
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.begin();
        self.cut();
        self.map.skip(self.at, bytes.len());
        self.skip_tokens(bytes);
    }

    fn reserve(&mut self, _: usize) {
        // The output grows with the coded bytes, not with the plain ones.
        self.out.reserve(self.source.bytes().len());
    }
}
