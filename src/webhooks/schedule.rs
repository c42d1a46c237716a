//! What becomes of a message after a try, and when the next one is. Pure.

use super::send::Answer;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use jiff::Timestamp;
use std::time::Duration;

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken.
    Done,
    /// It will never be taken.
    Gone,
    /// It is tried again.
    Later {
        /// After so long.
        pause: Duration,
        /// The receiver wants nothing at all before then.
        rest: bool,
    },
}

/// The first pause; each one after it is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause that we take by ourselves.
const LONGEST: Duration = Duration::from_secs(3600);
/// The longest that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(86_400);
/// So many failures in a row are the messages' own; from then on it is the receiver that fails, and is asked less and less.
const PATIENT: u32 = 5;
/// The longest that a failing receiver is left alone: so soon it is found out that it is back.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Judges a try. `chance` spreads the next ones.
pub(super) fn verdict(answer: Option<&Answer>, tries: i64, chance: u16) -> Verdict {
    let pause = pause(u32::try_from(tries).unwrap_or(u32::MAX), LONGEST, chance);
    match answer.map(|answer| (answer.status, answer.retry_after)) {
        Some((status, _)) if status.is_success() => Verdict::Done,
        Some((StatusCode::GONE, _)) => Verdict::Gone,
        Some((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(asked))) => {
            Verdict::Later { pause: asked.clamp(FIRST, LONGEST_ASKED), rest: true }
        }
        _ => Verdict::Later { pause, rest: false },
    }
}

/// How long a receiver is left alone after so many failures in a row.
pub(super) fn rest(in_a_row: u32, chance: u16) -> Option<Duration> {
    let beyond = in_a_row.checked_sub(PATIENT)?;
    Some(pause(beyond + 1, LONGEST_REST, chance))
}

/// The pause after so many tries: twice as long each time, and between half of it and all of it by chance.
fn pause(tries: u32, longest: Duration, chance: u16) -> Duration {
    let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = FIRST.saturating_mul(doubled).min(longest);
    whole / 2 + whole.mul_f64(f64::from(chance) / f64::from(u16::MAX) / 2.0)
}

/// What `Retry-After` asks for: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date = Timestamp::try_from(date).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<u64>) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: retry_after.map(Duration::from_secs),
            beginning: Vec::new(),
        }
    }

    fn later(seconds: u64, rest: bool) -> Verdict {
        Verdict::Later { pause: Duration::from_secs(seconds), rest }
    }

    #[test]
    fn answer_decides_what_becomes_of_a_message() {
        for (status, retry_after, wanted) in [
            (200, None, Verdict::Done),
            (204, Some(9), Verdict::Done),
            (410, None, Verdict::Gone),
            (301, None, later(4, false)),
            (400, Some(9), later(4, false)),
            (500, None, later(4, false)),
            (429, None, later(4, false)),
            (429, Some(9), later(9, true)),
            (503, Some(0), later(1, true)),
            (503, Some(u64::MAX), later(86_400, true)),
        ] {
            let found = verdict(Some(&answer(status, retry_after)), 3, u16::MAX);
            assert_eq!(found, wanted, "{status} {retry_after:?}");
        }
        assert_eq!(verdict(None, 3, u16::MAX), later(4, false), "no answer");
    }

    #[test]
    fn pauses_grow_to_a_longest_and_differ_by_chance() {
        let longest = |tries| pause(tries, LONGEST, u16::MAX).as_secs_f64();
        let shortest = |tries| pause(tries, LONGEST, 0).as_secs_f64();
        for (tries, seconds) in
            [(0, 1.0), (1, 1.0), (2, 2.0), (5, 16.0), (12, 2048.0), (13, 3600.0), (u32::MAX, 3600.0)]
        {
            assert!((longest(tries) - seconds).abs() < 1e-9, "{tries}: {}", longest(tries));
            assert!((shortest(tries) - seconds / 2.0).abs() < 1e-9, "{tries}: {}", shortest(tries));
        }
        assert_eq!((rest(4, u16::MAX), rest(5, u16::MAX)), (None, Some(FIRST)));
        assert_eq!((rest(8, u16::MAX), rest(u32::MAX, u16::MAX)), (Some(FIRST * 8), Some(LONGEST_REST)));
    }

    #[test]
    fn receiver_may_ask_for_time_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let asked = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|asked| asked.as_secs())
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Fri, 20 Nov 2026 00:02:00 GMT"), Some(120));
        assert_eq!(asked("Thu, 19 Nov 2026 00:00:00 GMT"), Some(0), "gone by");
        assert_eq!(asked("-1"), None);
        assert_eq!(asked("soon"), None);
    }
}
