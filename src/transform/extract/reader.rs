//! Reads a page that passes untouched: its bytes are decoded on the side.

use super::{Extractor, Reading};
use crate::transform::codec::Decoder;
use crate::transform::{Limits, Page};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Reads one body beside its way to the client.
pub struct Reader {
    decoder: Option<Decoder>,
    extractor: Extractor,
}

impl Reader {
    /// Prepares for the body of a page that [`eligible`](crate::transform::eligible) let through.
    #[must_use]
    pub fn new(page: &Page, reading: &Reading, limits: Limits) -> Self {
        let mut extractor = Extractor::new(reading, page.charset, limits);
        let decoder = Decoder::new(page.coding, limits).unwrap_or_else(|_| {
            extractor.fail("the decoder could not be set up");
            None
        });
        Self { decoder, extractor }
    }

    /// Takes a piece of the body as the shop sent it.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.extractor.is_done() {
            return;
        }
        let Self { decoder, extractor } = self;
        let Some(decoder) = decoder else { return extractor.push(chunk) };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            decoder.push(chunk, &mut |slice| {
                extractor.push(slice);
                Ok(())
            })
        }));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(_)) => extractor.fail("the body cannot be decoded"),
            Err(_) => extractor.fail("the decoder panicked"),
        }
        if extractor.is_done() {
            self.decoder = None;
        }
    }

    /// The shop has ended the body.
    pub fn finish(&mut self) {
        if let Some(Err(_)) = self.decoder.as_ref().map(Decoder::finish) {
            self.extractor.fail("the body is cut off");
        }
        self.extractor.finish();
    }

    /// Bytes that were decoded so far by a decoder whose window grows with them.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        self.decoder.as_ref().map_or(0, Decoder::decoded)
    }

    /// What is read.
    pub fn extractor(&mut self) -> &mut Extractor {
        &mut self.extractor
    }
}
