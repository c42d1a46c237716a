//! Writes gzip without owning a compressor.
//!
//! zlib's state is a third of a megabyte, far more than a streaming response may hold. Each chunk ends with a sync flush, after
//! which nothing of the compressor's state is needed to go on: so a compressor is borrowed from the thread for one chunk.
//! If the one that this response used last is still there, untouched, its history is used on; else the chunk starts afresh.

use super::{CodecError, Coding, SLICE};
use bytes::BytesMut;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Compressors kept a thread.
const POOLED: usize = 4;
const LEVEL: u32 = 1;
/// No name, no time, level "fastest", unknown system.
pub(super) const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255];

thread_local! {
    static POOL: RefCell<Vec<Parked>> = const { RefCell::new(Vec::new()) };
}

/// A compressor and the stream whose history it holds.
struct Parked {
    stream: u64,
    /// Plain bytes of the stream so far: a stream that went on elsewhere must not use this history.
    amount: u64,
    compressor: Compress,
}

/// Encodes gzip.
pub(in crate::transform) struct GzipEncoder {
    stream: u64,
    crc: Crc,
    amount: u64,
    begun: bool,
    /// Borrowed between the first push and the flush.
    compressor: Option<Compress>,
}

impl GzipEncoder {
    pub(super) fn new() -> Self {
        static STREAMS: AtomicU64 = AtomicU64::new(0);
        Self {
            stream: STREAMS.fetch_add(1, Ordering::Relaxed),
            crc: Crc::new(),
            amount: 0,
            begun: false,
            compressor: None,
        }
    }

    pub(super) fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        if plain.is_empty() {
            return Ok(());
        }
        self.run(plain, FlushCompress::None, out)
    }

    pub(super) fn flush(&mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        if self.compressor.is_none() {
            return Ok(());
        }
        self.run(&[], FlushCompress::Sync, out)?;
        self.park();
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        self.run(&[], FlushCompress::Finish, out)?;
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
        // It is given back for its memory, not for its history.
        self.stream = u64::MAX;
        self.park();
        Ok(())
    }

    fn run(&mut self, mut plain: &[u8], flush: FlushCompress, out: &mut BytesMut) -> Result<(), CodecError> {
        if !self.begun {
            out.extend_from_slice(&HEADER);
            self.begun = true;
        }
        self.crc.update(plain);
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(borrow(self.stream, self.amount)),
        };
        self.amount += plain.len() as u64;
        let mut slice = [0; SLICE];
        loop {
            let (read, written) = (compressor.total_in(), compressor.total_out());
            let status =
                compressor.compress(plain, &mut slice, flush).map_err(|_| CodecError::Encoder(Coding::Gzip))?;
            let (read, written) =
                ((compressor.total_in() - read) as usize, (compressor.total_out() - written) as usize);
            plain = plain.get(read..).unwrap_or_default();
            out.extend_from_slice(slice.get(..written).unwrap_or_default());
            // A slice that was not filled means that nothing is left inside.
            if status == Status::StreamEnd || (plain.is_empty() && written < SLICE) {
                return Ok(());
            }
        }
    }

    fn park(&mut self) {
        let Some(compressor) = self.compressor.take() else { return };
        let parked = Parked { stream: self.stream, amount: self.amount, compressor };
        POOL.with_borrow_mut(|pool| {
            if pool.len() < POOLED {
                pool.push(parked);
            }
        });
    }
}

/// Raw DEFLATE of a text by itself: ends where a byte ends, in a block that is not the last one.
pub(super) fn deflate_alone(plain: &[u8]) -> Result<BytesMut, CodecError> {
    let mut encoder = GzipEncoder { begun: true, ..GzipEncoder::new() };
    let mut out = BytesMut::new();
    encoder.push(plain, &mut out)?;
    encoder.run(&[], FlushCompress::Sync, &mut out)?;
    encoder.stream = u64::MAX;
    encoder.park();
    Ok(out)
}

/// The compressor that holds this stream's history, or one without history.
fn borrow(stream: u64, amount: u64) -> Compress {
    POOL.with_borrow_mut(|pool| {
        if let Some(at) = pool.iter().position(|parked| parked.stream == stream && parked.amount == amount) {
            return pool.remove(at).compressor;
        }
        // The oldest is the least likely to be asked for again.
        let spare =
            if pool.len() < POOLED { pool.iter().position(|parked| parked.stream == u64::MAX) } else { Some(0) };
        match spare {
            Some(at) => {
                let mut compressor = pool.remove(at).compressor;
                compressor.reset();
                compressor
            }
            None => Compress::new(Compression::new(LEVEL), false),
        }
    })
}
