//! Changes a page within its own DEFLATE stream: what is inserted costs no compression of all the rest.
//!
//! The source is decoded, for the rewriter and for the checksum, and the decoder notes where in the source each token stands.
//! The rewriter says which plain bytes it copies, skips and inserts. Then
//!
//! - tokens before the first edit are the source's bits;
//! - inserted text goes in as literals, in the codes of the block that is open: no block is ended, no header repeated. Only
//!   if the block has no code for some byte does a block of fixed codes stand in for it, until the source's block, its header
//!   repeated, goes on. Text so large that matches within it pay is compressed by itself;
//! - of the tokens that follow, for as long as matches reach back over the place of the edit (32 KiB), those that do are
//!   written anew with the distance as it is now; where one cannot be written so, literals take its place. No other token
//!   changes, so that runs of them are copied as bits;
//! - after that all bits are copied, and nothing is noted any more. They are shifted, eight bytes at a time: that costs less
//!   than any padding that would bring source and output into one phase, and it needs no block boundary.
//!
//! Members of a gzip body become one. No block is the last one until the page has ended: edits may come after what the
//! source thought was its end, and an empty block says it in ten bits. Stored blocks are written anew, in the pieces in which
//! they come, since neither their length nor their padding can be copied. A flush of the shop's is a flush of ours.
//!
//! A body must be sound to its last byte: what zlib refuses is refused here, and the shop's checksum is checked before ours,
//! put together from it and from the checksum of what was inserted, is written.
//!
//! Knows nothing of HTML.

mod bits;
mod check;
mod header;
mod huffman;
mod inflate;
mod log;
mod map;
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::transform) mod player;
mod writer;

use super::member::{Event, Members, NotGzip};
use super::{CodecError, Coding, gzip, limits, zlib};
use crate::transform::Limits;
use crate::transform::rewrite::Output;
use bytes::BytesMut;
use check::Check;
use inflate::{Inflate, Pause};
use std::cell::RefCell;
use writer::Writer;

/// Decoders kept for reuse, a thread.
const POOLED: usize = 8;
/// What the rewriter holds back may be coded in this many bytes, and stand in this many blocks.
const HELD_BYTES: usize = 512 * 1024;
const HELD_BLOCKS: usize = 2048;

thread_local! {
    static POOL: RefCell<Vec<Box<Inflate>>> = const { RefCell::new(Vec::new()) };
}

/// The source is not DEFLATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

/// Takes plain bytes and says what becomes of them. Returns whether all that follows is copied.
pub(in crate::transform) type Pass<'a> = &'a mut dyn FnMut(&[u8], &mut dyn Output) -> bool;

/// Edits one gzip or deflate body.
pub(in crate::transform) struct Splicer {
    coding: Coding,
    around: Around,
    /// Lent by the pool; always there until dropped.
    inflate: Option<Box<Inflate>>,
    writer: Writer,
    /// Of what the source decodes to, in this member: before all was copied, and since.
    check: Check,
    copied: Check,
    limits: limits::Meter,
}

/// Where in the source we are.
enum Around {
    Gzip(Members),
    /// Before the first two bytes of a deflate body, or in or behind its data.
    DeflateStart,
    Deflate {
        /// There is a trailer.
        zlib: bool,
    },
    ZlibTrailer,
    Ended,
}

impl Splicer {
    /// For [`Coding::Gzip`] and [`Coding::Deflate`]; `None` for others.
    pub(in crate::transform) fn new(coding: Coding, limits: Limits) -> Option<Self> {
        let (around, head, check): (_, &[u8], fn() -> Check) = match coding {
            Coding::Gzip => (Around::Gzip(Members::new()), &gzip::HEADER, Check::crc),
            Coding::Deflate => (Around::DeflateStart, &zlib::HEADER, Check::adler),
            _ => return None,
        };
        let mut inflate = POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| Box::new(Inflate::new()));
        inflate.begin(0);
        Some(Self {
            coding,
            around,
            inflate: Some(inflate),
            writer: Writer::new(head, check()),
            check: check(),
            copied: check(),
            limits: limits::Meter::new(coding, limits),
        })
    }

    /// Takes a chunk of the body, has its plain bytes passed, and appends what can go out now.
    pub(in crate::transform) fn push(
        &mut self,
        chunk: &[u8],
        out: &mut BytesMut,
        pass: Pass<'_>,
    ) -> Result<(), CodecError> {
        self.limits.coded(chunk.len());
        self.writer.source.push(chunk);
        self.writer.swap(out);
        let outcome = self.read(pass);
        self.writer.flush();
        self.writer.swap(out);
        let next = outcome?;
        self.writer.forget(next);
        let held = (self.writer.source.bytes().len(), self.writer.log.waiting_blocks());
        if held.0 > HELD_BYTES || held.1 > HELD_BLOCKS { Err(CodecError::Bomb(self.coding)) } else { Ok(()) }
    }

    /// Whether the body has ended where it may end.
    pub(in crate::transform) fn check_end(&self) -> Result<(), CodecError> {
        let complete = match &self.around {
            Around::Gzip(members) => members.is_complete(),
            around => matches!(around, Around::Ended),
        };
        // No byte at all is an empty body, as browsers see it.
        if complete || self.limits.is_empty() { Ok(()) } else { Err(CodecError::Truncated(self.coding)) }
    }

    /// Ends the body, after what `last` says of what was held back.
    pub(in crate::transform) fn finish(&mut self, out: &mut BytesMut, last: impl FnOnce(&mut dyn Output)) {
        self.writer.swap(out);
        last(&mut self.writer);
        self.writer.finish();
        self.writer.swap(out);
    }

    /// Reads all that is here. Returns the bit that is read next.
    fn read(&mut self, pass: Pass<'_>) -> Result<u64, CodecError> {
        let corrupt = CodecError::Corrupt(self.coding);
        let Some(inflate) = &mut self.inflate else { return Err(corrupt) };
        loop {
            let bit = inflate.bit();
            match &mut self.around {
                Around::Gzip(members) if members.is_ended() => return Ok(self.writer.source.end()),
                Around::Gzip(members) if !members.in_data() => {
                    let mut rest = self.writer.source.from(bit);
                    let before = rest.len();
                    let event = members.read(&mut rest).map_err(|NotGzip| corrupt)?;
                    inflate.begin(bit + (before - rest.len()) as u64 * 8);
                    match event {
                        None if members.is_ended() => {}
                        None => return Ok(inflate.bit()),
                        Some(Event::Data) => {}
                        Some(Event::Trailer(trailer)) => {
                            if trailer != self.check.trailer().0 {
                                return Err(corrupt);
                            }
                            self.check.reset();
                        }
                    }
                    continue;
                }
                Around::DeflateStart => {
                    let &[first, second, ..] = self.writer.source.from(bit) else { return Ok(bit) };
                    let zlib = zlib::is_header([first, second]);
                    // A larger window than there is, or a dictionary that we do not have.
                    if zlib && (first >> 4 > 7 || second & 0x20 != 0) {
                        return Err(corrupt);
                    }
                    inflate.begin(if zlib { bit + 16 } else { bit });
                    self.around = Around::Deflate { zlib };
                    continue;
                }
                Around::ZlibTrailer => {
                    let Some(found) = self.writer.source.from(bit).first_chunk::<4>() else { return Ok(bit) };
                    if !self.check.trailer().0.starts_with(found) {
                        return Err(corrupt);
                    }
                    self.around = Around::Ended;
                    continue;
                }
                Around::Ended => return Ok(self.writer.source.end()),
                Around::Gzip(_) | Around::Deflate { .. } => {}
            }
            let detailed = !self.writer.is_clear();
            let (slice, pause) = inflate
                .run(&self.writer.source, &mut self.writer.log, detailed)
                .map_err(|Malformed| CodecError::Corrupt(self.coding))?;
            if !slice.is_empty() {
                let plain = inflate.plain(slice);
                self.limits.decoded(plain.len())?;
                let check = if self.writer.raw { &mut self.copied } else { &mut self.check };
                check.update(plain);
                self.writer.raw = pass(plain, &mut self.writer) || self.writer.raw;
            }
            match pause {
                Pause::Full => {}
                Pause::Starved => return Ok(inflate.bit()),
                Pause::Ended => {
                    self.check.append(&self.copied);
                    self.writer.check.append(&self.copied);
                    self.copied.reset();
                    inflate.begin(inflate.bit().next_multiple_of(8));
                    match &mut self.around {
                        Around::Gzip(members) => members.data_ended(),
                        Around::Deflate { zlib: true } => self.around = Around::ZlibTrailer,
                        around => *around = Around::Ended,
                    }
                }
            }
        }
    }
}

impl Drop for Splicer {
    fn drop(&mut self) {
        if let Some(inflate) = self.inflate.take() {
            // A thread that ends has no pool any more.
            let _ = POOL.try_with(|pool| {
                if let Ok(mut pool) = pool.try_borrow_mut()
                    && pool.len() < POOLED
                {
                    pool.push(inflate);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
