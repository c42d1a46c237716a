//! Decodes a body that passes as the shop sent it, for whoever reads along.

use super::codec::{CodecError, Coding, Decoder};
use super::eligibility::coding_of;
use super::{GROWTH, Limits};
use http::HeaderMap;

/// A body that is read along.
pub struct Aside {
    decoder: Option<Decoder>,
    coding: Coding,
}

impl Aside {
    /// Begins; nothing if the coding is not known.
    #[must_use]
    pub fn new(headers: &HeaderMap) -> Option<Self> {
        let coding = coding_of(headers)?;
        Some(Self { decoder: Decoder::new(coding, Limits::default()).ok()?, coding })
    }

    /// Bytes that decoding the first `plain` bytes may take: a window is taken as it is filled.
    #[must_use]
    pub fn footprint(&self, plain: usize) -> usize {
        const KIB: usize = 1024;
        match self.coding {
            Coding::Identity => 0,
            Coding::Gzip | Coding::Deflate => 64 * KIB,
            Coding::Brotli => 64 * KIB + GROWTH * plain,
            Coding::Zstd => 256 * KIB + GROWTH * plain,
        }
    }

    /// Gives what a piece says to `sink`, which answers whether it wants more. Answers false once nothing more is to be had.
    pub fn push(&mut self, piece: &[u8], sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let Some(decoder) = &mut self.decoder else { return sink(piece) };
        // Whatever it fails with, it is not the shop's body that fails.
        let failed = CodecError::Bomb(self.coding);
        decoder.push(piece, &mut |plain| if sink(plain) { Ok(()) } else { Err(failed) }).is_ok()
    }
}
