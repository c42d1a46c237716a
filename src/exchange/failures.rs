//! Failures of Noren's own: each is counted, and named in the log without flooding it.
//!
//! A store that is down fails every request. The log names a failure when it begins, and again every few seconds for as long as it
//! goes on, with how many like it were passed over; the metric counts them all.

use super::Gateway;
use crate::ids::SiteId;
use ahash::AHashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the log is silent about a failure that it has named.
const SILENCE: Duration = Duration::from_secs(10);
/// Failures told apart; those beyond are counted all the same.
const MOST: usize = 4096;

/// What the log was told of failures of late.
#[derive(Default)]
pub struct FailureLog {
    told: Mutex<AHashMap<Key, Told>>,
}

/// Site, kind, and scenario or detail.
type Key = (SiteId, &'static str, Option<Box<str>>);

struct Told {
    at: Instant,
    passed_over: u64,
}

impl FailureLog {
    /// Whether the log is to name a failure now, and if so, how many like it were passed over since it last did.
    fn admit(&self, now: Instant, key: Key) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |of: &Told| now.saturating_duration_since(of.at) < SILENCE;
        if let Some(known) = told.get_mut(&key) {
            if silent(known) {
                known.passed_over += 1;
                return None;
            }
            known.at = now;
            return Some(std::mem::take(&mut known.passed_over));
        }
        if told.len() >= MOST {
            told.retain(|_, known| silent(known));
        }
        if told.len() >= MOST {
            return None;
        }
        told.insert(key, Told { at: now, passed_over: 0 });
        Some(0)
    }
}

impl Gateway {
    /// Counts a failure of Noren's own and names it in the log. The page passes as the shop sent it.
    pub(super) fn failure(&self, site: &SiteId, kind: &'static str, scenario: Option<&str>, reason: &str) {
        self.metrics.failures.with_label_values(&[site.as_str(), kind]).inc();
        let key = (site.clone(), kind, scenario.map(Box::from));
        if let Some(passed_over) = self.failure_log.admit(self.clock.monotonic(), key) {
            tracing::warn!(site = %site, kind, scenario, reason, passed_over, "failed open");
        }
    }

    /// Counts an exchange that failed on one of its sides, and names it in the log.
    pub(super) fn exchange_failed(&self, site: &SiteId, upstream: bool, kind: &str) {
        let (end, counted) = if upstream { ("origin", "origin") } else { ("client", "client_gone") };
        self.metrics.failures.with_label_values(&[site.as_str(), counted]).inc();
        let key = (site.clone(), counted, Some(kind.into()));
        if let Some(passed_over) = self.failure_log.admit(self.clock.monotonic(), key) {
            tracing::warn!(site = %site, side = end, kind, passed_over, "exchange failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn a_failure_that_goes_on_is_named_at_first_and_then_now_and_again() {
        let (log, start) = (FailureLog::default(), SystemClock.monotonic());
        let told = |seconds, kind, scenario: Option<&str>| {
            log.admit(start + Duration::from_secs(seconds), (SiteId::new("shop"), kind, scenario.map(Box::from)))
        };
        assert_eq!(told(0, "store", None), Some(0));
        assert_eq!((told(1, "store", None), told(9, "store", None)), (None, None));
        assert_eq!(told(1, "template", Some("a")), Some(0));
        assert_eq!(told(1, "template", Some("b")), Some(0));
        assert_eq!(told(10, "store", None), Some(2));
        assert_eq!(told(21, "store", None), Some(0));
    }

    #[test]
    fn no_flood_of_different_failures_takes_memory() {
        let (log, start) = (FailureLog::default(), SystemClock.monotonic());
        let tell = |n: usize, at| log.admit(at, (SiteId::new("shop"), "template", Some(n.to_string().into())));
        let named = (0..MOST + 10).filter(|n| tell(*n, start).is_some()).count();
        assert_eq!((named, log.told.lock().unwrap().len()), (MOST, MOST));
        assert_eq!(tell(MOST + 10, start + SILENCE), Some(0));
        assert_eq!(log.told.lock().unwrap().len(), 1);
    }
}
