//! The one place where time is read.
//!
//! Everything that needs the time is handed a [`Clock`], so that a test or `noren explain --at` can set it.

use jiff::Timestamp;
use std::time::Instant;

/// A source of time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// A clock that never goes back, for measuring spans.
    fn monotonic(&self) -> Instant;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still, for tests and `noren explain --at`.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
