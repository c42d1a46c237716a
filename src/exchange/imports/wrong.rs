//! Wrong tokens by address: whoever tries many is not listened to for a while. An import with the right token from elsewhere goes on.

use crate::admission::network_of;
use ahash::AHashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens that one address may send within [`WINDOW`].
const MOST: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const ADDRESSES: usize = 4_096;

/// Who sent wrong tokens.
#[derive(Default)]
pub(in crate::exchange) struct WrongTokens(Mutex<AHashMap<IpAddr, (Instant, u32)>>);

impl WrongTokens {
    /// Whether an address has sent too many.
    pub(super) fn is_barred(&self, address: IpAddr, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&network_of(address)).is_some_and(|(since, count)| *count >= MOST && is_recent(*since, now))
    }

    /// Another one came.
    pub(super) fn note(&self, address: IpAddr, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES {
            known.retain(|_, (since, _)| is_recent(*since, now));
        }
        if known.len() >= ADDRESSES {
            // Nobody has so many addresses by chance; what they do with each is not worth more memory.
            known.clear();
        }
        let (since, count) = known.entry(network_of(address)).or_insert((now, 0));
        if !is_recent(*since, now) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

fn is_recent(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, SystemClock};

    #[test]
    fn whoever_sends_many_wrong_tokens_is_barred_for_a_while_and_nobody_else_is() {
        let (wrong, start) = (WrongTokens::default(), SystemClock.monotonic());
        let guessing: IpAddr = "2001:db8::1".parse().unwrap();
        for _ in 0..MOST {
            assert!(!wrong.is_barred(guessing, start));
            wrong.note(guessing, start);
        }
        assert!(wrong.is_barred("2001:db8::ffff".parse().unwrap(), start), "it is the same network");
        assert!(!wrong.is_barred("2001:db8:0:1::1".parse().unwrap(), start));
        assert!(!wrong.is_barred(guessing, start + WINDOW));
        wrong.note(guessing, start + WINDOW);
        assert!(!wrong.is_barred(guessing, start + WINDOW));
    }

    #[test]
    fn addresses_that_are_remembered_are_bounded() {
        let (wrong, start) = (WrongTokens::default(), SystemClock.monotonic());
        for number in 0..3 * ADDRESSES as u32 {
            wrong.note(IpAddr::from(number.to_be_bytes()), start);
        }
        assert!(wrong.0.lock().unwrap().len() <= ADDRESSES);
    }
}
