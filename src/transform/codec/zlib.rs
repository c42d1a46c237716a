//! Writes `deflate`, which on the web is the zlib format (RFC 9110 §8.4.1.2, RFC 1950). For the few clients that take
//! nothing better.

use super::{CodecError, Coding};
use bytes::BytesMut;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Fastest.
const LEVEL: u32 = 1;
/// The largest window, level "fastest".
pub(super) const HEADER: [u8; 2] = [0x78, 0x01];
/// Output is drawn in slices of this size.
const SLICE: usize = 8 * 1024;

/// Whether two bytes begin a zlib stream; else they are raw DEFLATE, as some servers send it.
pub(super) fn is_header(start: [u8; 2]) -> bool {
    start[0] & 0x0F == 8 && u16::from_be_bytes(start).is_multiple_of(31)
}

/// Encodes zlib.
pub(in crate::transform) struct ZlibEncoder {
    inner: Box<Compress>,
    /// Something was pushed since the last flush.
    dirty: bool,
}

impl ZlibEncoder {
    pub(super) fn new() -> Self {
        Self { inner: Box::new(Compress::new(Compression::new(LEVEL), true)), dirty: false }
    }

    pub(super) fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        self.dirty |= !plain.is_empty();
        self.run(plain, FlushCompress::None, out)
    }

    pub(super) fn flush(&mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        if std::mem::take(&mut self.dirty) { self.run(&[], FlushCompress::Sync, out) } else { Ok(()) }
    }

    pub(super) fn finish(mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        self.run(&[], FlushCompress::Finish, out)
    }

    fn run(&mut self, mut plain: &[u8], flush: FlushCompress, out: &mut BytesMut) -> Result<(), CodecError> {
        let mut slice = [0; SLICE];
        loop {
            let (read, written) = (self.inner.total_in(), self.inner.total_out());
            let status =
                self.inner.compress(plain, &mut slice, flush).map_err(|_| CodecError::Encoder(Coding::Deflate))?;
            let (read, written) = (self.inner.total_in() - read, self.inner.total_out() - written);
            plain = plain.get(read as usize..).unwrap_or_default();
            out.extend_from_slice(slice.get(..written as usize).unwrap_or_default());
            // A slice that was not filled says that nothing is left inside.
            if status == Status::StreamEnd || (plain.is_empty() && (written as usize) < SLICE) {
                return Ok(());
            }
        }
    }
}
