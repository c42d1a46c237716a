//! Counts coded and decoded bytes, and says when a body is a bomb.

use super::{CodecError, Coding};
use crate::transform::Limits;

/// A coded body may unpack to this much, whatever the ratio: small pages of one repeated line are no bombs.
pub(in crate::transform) const RATIO_GRACE: u64 = 1024 * 1024;

/// Counts one body.
pub(super) struct Meter {
    coding: Coding,
    limits: Limits,
    coded: u64,
    decoded: u64,
}

impl Meter {
    pub(super) fn new(coding: Coding, limits: Limits) -> Self {
        Self { coding, limits, coded: 0, decoded: 0 }
    }

    /// No byte has come.
    pub(super) fn is_empty(&self) -> bool {
        self.coded == 0
    }

    /// Bytes that were decoded so far.
    pub(super) fn total(&self) -> u64 {
        self.decoded
    }

    /// Coded bytes have come.
    pub(super) fn coded(&mut self, bytes: usize) {
        self.coded += bytes as u64;
    }

    /// They unpacked to more bytes.
    pub(super) fn decoded(&mut self, bytes: usize) -> Result<(), CodecError> {
        self.decoded += bytes as u64;
        let allowed = self.coded.saturating_mul(u64::from(self.limits.decoded_ratio)).max(RATIO_GRACE);
        if self.decoded > allowed { Err(CodecError::Bomb(self.coding)) } else { Ok(()) }
    }
}
