//! Tells a slow upload from one that only pretends to go on.

use std::time::{Duration, Instant};

/// How long any pace is good enough.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pieces of this size show that the client was ahead, and that the shop is what is waited for.
const AHEAD: usize = 1024;

/// What has come of a request's body.
#[derive(Debug, Default)]
pub(super) struct Upload {
    began: Option<Instant>,
    bytes: u64,
}

impl Upload {
    /// Takes another piece into account; true if the client sends fewer bytes a second than `rate` on average.
    pub(super) fn is_too_slow(&mut self, piece: usize, now: Instant, rate: u64) -> bool {
        let began = *self.began.get_or_insert(now);
        self.bytes += piece as u64;
        let waited = now.duration_since(began);
        piece < AHEAD && waited > PATIENCE && self.bytes < rate.saturating_mul(waited.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn upload_that_trickles_is_given_up_and_one_that_waits_for_the_shop_is_not() {
        let start = SystemClock.monotonic();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut trickle = Upload::default();
        assert!((0..=20).all(|second| !trickle.is_too_slow(1, at(second), 240)));
        assert!(trickle.is_too_slow(1, at(21), 240));

        let mut slow_line = Upload::default();
        assert!((0..600).all(|second| !slow_line.is_too_slow(300, at(second), 240)));

        let mut stalled_shop = Upload::default();
        assert!(!stalled_shop.is_too_slow(1000, at(0), 240));
        assert!(!stalled_shop.is_too_slow(16 << 10, at(300), 240));

        let mut any_pace = Upload::default();
        assert!(!any_pace.is_too_slow(1, at(0), 0) && !any_pace.is_too_slow(1, at(3600), 0));
    }
}
