//! Reads gzip (with all its members) and deflate (zlib or raw).

use super::{CodecError, Coding, SLICE, Sink};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::cell::RefCell;

/// Contexts kept for reuse, a thread.
const POOLED: usize = 8;

thread_local! {
    static POOL: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
}

/// Decodes gzip or deflate.
pub(super) struct Inflate {
    coding: Coding,
    phase: Phase,
    /// Bytes of a header or trailer that was split over chunks.
    buffer: [u8; 10],
    filled: usize,
    flags: u8,
    members: u64,
    crc: Crc,
    /// Lent by the pool; always there until dropped.
    context: Option<Decompress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The ten bytes that begin a gzip member, or the two that tell zlib from raw deflate.
    Start,
    ExtraLength,
    Extra(usize),
    Name,
    Comment,
    HeaderCrc,
    Body,
    Trailer,
    /// What follows the last member is no part of the body.
    Ended,
}

const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

impl Inflate {
    pub(super) fn gzip() -> Self {
        Self::new(Coding::Gzip)
    }

    pub(super) fn deflate() -> Self {
        Self::new(Coding::Deflate)
    }

    fn new(coding: Coding) -> Self {
        let context = POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| Decompress::new(false));
        Self {
            coding,
            phase: Phase::Start,
            buffer: [0; 10],
            filled: 0,
            flags: 0,
            members: 0,
            crc: Crc::new(),
            context: Some(context),
        }
    }

    pub(super) fn push(&mut self, mut input: &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        while !input.is_empty() && self.phase != Phase::Ended {
            match self.phase {
                Phase::Start if self.coding == Coding::Gzip => self.member_start(&mut input)?,
                Phase::Start => self.deflate_start(&mut input, sink)?,
                Phase::ExtraLength => {
                    if let Some([low, high, ..]) = self.collect(2, &mut input) {
                        self.phase = Phase::Extra(usize::from(u16::from_le_bytes([low, high])));
                    }
                }
                Phase::Extra(left) => {
                    let skipped = left.min(input.len());
                    input = input.get(skipped..).unwrap_or_default();
                    self.phase = Phase::Extra(left - skipped);
                }
                Phase::Name => self.skip_text(&mut input, NAME),
                Phase::Comment => self.skip_text(&mut input, COMMENT),
                Phase::HeaderCrc => {
                    if self.collect(2, &mut input).is_some() {
                        self.flags &= !HEADER_CRC;
                    }
                }
                Phase::Body => self.body(&mut input, sink)?,
                Phase::Trailer => self.trailer(&mut input)?,
                Phase::Ended => {}
            }
            self.next_header_field();
        }
        Ok(())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.phase == Phase::Ended || (self.phase == Phase::Start && self.members > 0 && self.filled == 0)
    }

    fn corrupt(&self) -> CodecError {
        CodecError::Corrupt(self.coding)
    }

    /// Gathers `count` bytes over chunks.
    fn collect(&mut self, count: usize, input: &mut &[u8]) -> Option<[u8; 10]> {
        while self.filled < count {
            let (&byte, rest) = input.split_first()?;
            *self.buffer.get_mut(self.filled)? = byte;
            self.filled += 1;
            *input = rest;
        }
        self.filled = 0;
        Some(self.buffer)
    }

    fn member_start(&mut self, input: &mut &[u8]) -> Result<(), CodecError> {
        // Padding after the last member is not the beginning of another.
        if self.members > 0 && self.filled == 0 && input.first() != Some(&0x1F) {
            self.phase = Phase::Ended;
            return Ok(());
        }
        match self.collect(10, input) {
            None => Ok(()),
            Some([0x1F, 0x8B, 8, flags, ..]) if flags & 0xE0 == 0 => {
                self.flags = flags;
                self.crc.reset();
                self.reset(false);
                self.phase = if flags & EXTRA == 0 { Phase::Extra(0) } else { Phase::ExtraLength };
                Ok(())
            }
            Some(_) if self.members > 0 => {
                self.phase = Phase::Ended;
                Ok(())
            }
            Some(_) => Err(self.corrupt()),
        }
    }

    /// After a header field: the next one that the flags announce, or the body.
    fn next_header_field(&mut self) {
        let after = match self.phase {
            Phase::Extra(0) | Phase::Name | Phase::Comment | Phase::HeaderCrc => self.flags,
            _ => return,
        };
        self.phase = if after & NAME != 0 {
            Phase::Name
        } else if after & COMMENT != 0 {
            Phase::Comment
        } else if after & HEADER_CRC != 0 {
            Phase::HeaderCrc
        } else {
            Phase::Body
        };
    }

    fn skip_text(&mut self, input: &mut &[u8], flag: u8) {
        let end = memchr::memchr(0, input);
        *input = end.and_then(|end| input.get(end + 1..)).unwrap_or_default();
        if end.is_some() {
            self.flags &= !flag;
        }
    }

    fn deflate_start(&mut self, input: &mut &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        let Some([method, check, ..]) = self.collect(2, input) else { return Ok(()) };
        let zlib = method & 0x0F == 8 && u16::from_be_bytes([method, check]) % 31 == 0;
        self.reset(zlib);
        self.phase = Phase::Body;
        let mut start: &[u8] = &[method, check];
        self.body(&mut start, sink)
    }

    fn reset(&mut self, zlib: bool) {
        if let Some(context) = &mut self.context {
            context.reset(zlib);
        }
    }

    fn body(&mut self, input: &mut &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        let mut slice = [0; SLICE];
        loop {
            let Some(context) = &mut self.context else { return Err(self.corrupt()) };
            let (read, written) = (context.total_in(), context.total_out());
            let status = context.decompress(input, &mut slice, FlushDecompress::None);
            let (read, written) = ((context.total_in() - read) as usize, (context.total_out() - written) as usize);
            let status = status.map_err(|_| self.corrupt())?;
            *input = input.get(read..).unwrap_or_default();
            let decoded = slice.get(..written).unwrap_or_default();
            if !decoded.is_empty() {
                self.crc.update(decoded);
                sink(decoded)?;
            }
            match status {
                Status::StreamEnd => {
                    self.members += 1;
                    self.phase = if self.coding == Coding::Gzip { Phase::Trailer } else { Phase::Ended };
                    return Ok(());
                }
                // A full slice may have left more inside.
                _ if written == SLICE || (!input.is_empty() && read + written > 0) => {}
                _ if input.is_empty() => return Ok(()),
                _ => return Err(self.corrupt()),
            }
        }
    }

    fn trailer(&mut self, input: &mut &[u8]) -> Result<(), CodecError> {
        let Some(trailer) = self.collect(8, input) else { return Ok(()) };
        let [sum @ .., _, _, _, _, _, _] = trailer;
        let [_, _, _, _, amount @ .., _, _] = trailer;
        if u32::from_le_bytes(sum) != self.crc.sum() || u32::from_le_bytes(amount) != self.crc.amount() {
            return Err(self.corrupt());
        }
        self.phase = Phase::Start;
        Ok(())
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        if let Some(context) = self.context.take() {
            // A thread that ends has no pool any more.
            let _ = POOL.try_with(|pool| {
                if let Ok(mut pool) = pool.try_borrow_mut()
                    && pool.len() < POOLED
                {
                    pool.push(context);
                }
            });
        }
    }
}
