//! Reads and writes brotli.

use super::{CodecError, Coding, SLICE, Sink};
use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, CompressorWriter};
use bytes::BytesMut;
use std::io::Write;

/// Quality and window of what we write: quick, and small in memory.
const QUALITY: u32 = 3;
const WINDOW_LOG: u32 = 17;

/// Decodes brotli.
pub(super) struct BrotliDecoder {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    complete: bool,
}

impl Default for BrotliDecoder {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: BrotliState::new_strict(alloc(), alloc(), alloc()), complete: false }
    }
}

impl BrotliDecoder {
    pub(super) fn push(&mut self, chunk: &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        let mut slice = [0; SLICE];
        let (mut available_in, mut offset_in, mut total) = (chunk.len(), 0, 0);
        while !self.complete {
            let (mut available_out, mut written) = (SLICE, 0);
            let result = BrotliDecompressStream(
                &mut available_in,
                &mut offset_in,
                chunk,
                &mut available_out,
                &mut written,
                &mut slice,
                &mut total,
                &mut self.state,
            );
            if written > 0 {
                sink(slice.get(..written).unwrap_or_default())?;
            }
            match result {
                BrotliResult::ResultSuccess => self.complete = true,
                BrotliResult::NeedsMoreOutput => {}
                // It asks for input even while output waits behind a slice that is full.
                BrotliResult::NeedsMoreInput if written == SLICE => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultFailure => return Err(CodecError::Corrupt(Coding::Brotli)),
            }
        }
        Ok(())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }
}

/// Encodes brotli.
pub(in crate::transform) struct BrotliEncoder {
    inner: CompressorWriter<Vec<u8>>,
    dirty: bool,
}

impl Default for BrotliEncoder {
    fn default() -> Self {
        Self { inner: CompressorWriter::new(Vec::new(), 4096, QUALITY, WINDOW_LOG), dirty: false }
    }
}

impl BrotliEncoder {
    pub(super) fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        if plain.is_empty() {
            return Ok(());
        }
        self.dirty = true;
        self.inner.write_all(plain).map_err(failed)?;
        self.drain(out);
        Ok(())
    }

    pub(super) fn flush(&mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        if std::mem::take(&mut self.dirty) {
            self.inner.flush().map_err(failed)?;
            self.drain(out);
        }
        Ok(())
    }

    pub(super) fn finish(self, out: &mut BytesMut) {
        out.extend_from_slice(&self.inner.into_inner());
    }

    fn drain(&mut self, out: &mut BytesMut) {
        let coded = self.inner.get_mut();
        out.extend_from_slice(coded);
        coded.clear();
    }
}

fn failed(_: std::io::Error) -> CodecError {
    CodecError::Encoder(Coding::Brotli)
}
