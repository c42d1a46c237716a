//! Writes `deflate`, which on the web is the zlib format (RFC 9110 §8.4.1.2, RFC 1950). For the few clients that take
//! nothing better.

use super::{CodecError, Coding};
use bytes::BytesMut;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Fastest.
const LEVEL: u32 = 1;
/// Output is drawn in slices of this size.
const SLICE: usize = 8 * 1024;

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
