//! Reads and writes zstd.

use super::{CodecError, Coding, SLICE, Sink};
use bytes::BytesMut;
use std::cell::RefCell;
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

/// The largest window that the `zstd` content coding allows: 8 MiB (RFC 9659).
const WINDOW_LOG_MAX: u32 = 23;
/// Window of what we write: 128 KiB holds most pages whole, and bounds memory.
const WINDOW_LOG: u32 = 17;
const LEVEL: i32 = 1;
/// Contexts kept for reuse, a thread.
const POOLED: usize = 4;

thread_local! {
    static ENCODERS: RefCell<Vec<Encoder<'static>>> = const { RefCell::new(Vec::new()) };
}

/// Decodes zstd, several frames included.
pub(super) struct ZstdDecoder {
    inner: Decoder<'static>,
    /// The last frame has ended, and no other has begun.
    complete: bool,
}

impl ZstdDecoder {
    pub(super) fn new() -> Result<Self, CodecError> {
        let corrupt = |_| CodecError::Corrupt(Coding::Zstd);
        let mut inner = Decoder::new().map_err(corrupt)?;
        inner.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(corrupt)?;
        Ok(Self { inner, complete: false })
    }

    pub(super) fn push(&mut self, chunk: &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        // The library calls it an error to be asked sixteen times without anything new.
        if chunk.is_empty() {
            return Ok(());
        }
        let mut input = InBuffer::around(chunk);
        let mut slice = [0; SLICE];
        loop {
            let before = input.pos();
            let mut output = OutBuffer::around(slice.as_mut_slice());
            let left = self.inner.run(&mut input, &mut output).map_err(|_| CodecError::Corrupt(Coding::Zstd))?;
            let written = output.pos();
            if written > 0 || input.pos() > before {
                self.complete = left == 0;
            }
            if written > 0 {
                sink(slice.get(..written).unwrap_or_default())?;
            }
            if input.pos() == chunk.len() && written < SLICE {
                return Ok(());
            }
            if written == 0 && input.pos() == before {
                return Err(CodecError::Corrupt(Coding::Zstd));
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }
}

/// Encodes zstd as one frame.
pub(in crate::transform) struct ZstdEncoder {
    inner: Encoder<'static>,
    dirty: bool,
}

impl ZstdEncoder {
    pub(super) fn new() -> Result<Self, CodecError> {
        if let Some(mut inner) = ENCODERS.with_borrow_mut(Vec::pop)
            && inner.reinit().is_ok()
        {
            return Ok(Self { inner, dirty: false });
        }
        let mut inner = Encoder::new(LEVEL).map_err(failed)?;
        inner.set_parameter(CParameter::WindowLog(WINDOW_LOG)).map_err(failed)?;
        Ok(Self { inner, dirty: false })
    }

    pub(super) fn push(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        let mut input = InBuffer::around(plain);
        let mut slice = [0; SLICE];
        while input.pos() < plain.len() {
            let mut output = OutBuffer::around(slice.as_mut_slice());
            self.inner.run(&mut input, &mut output).map_err(failed)?;
            out.extend_from_slice(output.as_slice());
            self.dirty = true;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        if !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.drain(out, Operation::flush)
    }

    pub(super) fn finish(mut self, out: &mut BytesMut) -> Result<(), CodecError> {
        self.drain(out, |inner, output| inner.finish(output, true))?;
        ENCODERS.with_borrow_mut(|pool| {
            if pool.len() < POOLED {
                pool.push(self.inner);
            }
        });
        Ok(())
    }

    fn drain(
        &mut self,
        out: &mut BytesMut,
        step: impl Fn(&mut Encoder<'static>, &mut OutBuffer<'_, [u8]>) -> std::io::Result<usize>,
    ) -> Result<(), CodecError> {
        let mut slice = [0; SLICE];
        loop {
            let mut output = OutBuffer::around(slice.as_mut_slice());
            let left = step(&mut self.inner, &mut output).map_err(failed)?;
            out.extend_from_slice(output.as_slice());
            if left == 0 {
                return Ok(());
            }
        }
    }
}

fn failed(_: std::io::Error) -> CodecError {
    CodecError::Encoder(Coding::Zstd)
}
