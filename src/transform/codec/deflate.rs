//! Reads gzip (with all its members) and deflate (zlib or raw).

use super::member::{Event, Members, NotGzip};
use super::{CodecError, Coding, SLICE, Sink, zlib};
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
    around: Around,
    crc: Crc,
    /// Lent by the pool; always there until dropped.
    context: Option<Decompress>,
}

/// What stands around the data.
enum Around {
    Gzip(Members),
    /// The first of the two bytes that tell zlib from raw deflate.
    DeflateStart(Option<u8>),
    Deflate {
        ended: bool,
    },
}

impl Inflate {
    pub(super) fn gzip() -> Self {
        Self::new(Coding::Gzip, Around::Gzip(Members::new()))
    }

    pub(super) fn deflate() -> Self {
        Self::new(Coding::Deflate, Around::DeflateStart(None))
    }

    fn new(coding: Coding, around: Around) -> Self {
        let context = POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| Decompress::new(false));
        Self { coding, around, crc: Crc::new(), context: Some(context) }
    }

    pub(super) fn push(&mut self, mut input: &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        while !input.is_empty() {
            match &mut self.around {
                Around::Deflate { ended: true } => return Ok(()),
                Around::Deflate { .. } => self.body(&mut input, sink)?,
                Around::DeflateStart(first) => {
                    let Some((&byte, rest)) = input.split_first() else { return Ok(()) };
                    input = rest;
                    let Some(first) = *first else {
                        *first = Some(byte);
                        continue;
                    };
                    let start = [first, byte];
                    self.around = Around::Deflate { ended: false };
                    self.reset(zlib::is_header(start));
                    self.body(&mut start.as_slice(), sink)?;
                }
                Around::Gzip(members) if members.in_data() => self.body(&mut input, sink)?,
                Around::Gzip(members) if members.is_ended() => return Ok(()),
                Around::Gzip(members) => match members.read(&mut input) {
                    Err(NotGzip) => return Err(self.corrupt()),
                    Ok(None) => {}
                    Ok(Some(Event::Data)) => {
                        self.crc.reset();
                        self.reset(false);
                    }
                    Ok(Some(Event::Trailer(trailer))) => {
                        let expected = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
                        if trailer != expected.to_le_bytes() {
                            return Err(self.corrupt());
                        }
                    }
                },
            }
        }
        Ok(())
    }

    pub(super) fn is_complete(&self) -> bool {
        match &self.around {
            Around::Gzip(members) => members.is_complete(),
            Around::DeflateStart(_) => false,
            Around::Deflate { ended } => *ended,
        }
    }

    fn corrupt(&self) -> CodecError {
        CodecError::Corrupt(self.coding)
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
                    match &mut self.around {
                        Around::Gzip(members) => members.data_ended(),
                        deflate => *deflate = Around::Deflate { ended: true },
                    }
                    return Ok(());
                }
                // A full slice may have left more inside.
                _ if written == SLICE || (!input.is_empty() && read + written > 0) => {}
                _ if input.is_empty() => return Ok(()),
                _ => return Err(self.corrupt()),
            }
        }
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
