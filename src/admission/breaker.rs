//! The circuit breaker of a site: where rewriting fails too often, pages pass as the shop sent them, until it works again.
//!
//! ```text
//!            too many of the last pages failed              the pause is over
//!   closed ────────────────────────────────────► open ────────────────────────► probing
//!      ▲                                           ▲        a probe failed          │
//!      │                                           └────────────────────────────────┤
//!      └───────────────────────────── all probes succeeded ─────────────────────────┘
//! ```
//!
//! A state machine of times and outcomes; what a failure is, the exchange knows.

use super::SiteLoad;
use crate::config::gateway::Breaker as Settings;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Parts into which the window is divided: it moves on by one of them at a time.
const PARTS: usize = 10;

/// Each pause that follows a failed probe is twice as long as the last, up to so many doublings.
const DOUBLINGS: u32 = 4;

/// A change that is worth a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Rewriting is off.
    Opened {
        /// Pages in the window.
        pages: u32,
        /// Those of them that failed.
        failed: u32,
        /// Until it is tried again.
        pause: Duration,
    },
    /// A probe failed: rewriting stays off.
    StillOpen {
        /// Until it is tried again.
        pause: Duration,
    },
    /// Rewriting is on again.
    Closed,
}

/// A page that may be rewritten, until it is known how that went. Dropped without an outcome, it counts for nothing.
pub struct Trial {
    site: Arc<SiteLoad>,
    ticket: Option<Ticket>,
    failed: Option<&'static str>,
}

/// A site's breaker.
#[derive(Default)]
pub(super) struct Breaker {
    /// Not closed: the lock need not be taken to know that all is well.
    tripped: AtomicBool,
    core: Mutex<Core>,
}

impl SiteLoad {
    /// Asks whether a page may be rewritten. `version` tells the site's rules from others: new ones begin anew.
    ///
    /// The change is that which the asking brought about.
    #[must_use]
    pub fn try_page(self: &Arc<Self>, now: Instant, version: usize) -> (Option<Trial>, Option<Change>) {
        let trial = |ticket| Trial { site: self.clone(), ticket: Some(ticket), failed: None };
        let breaker = &self.breaker;
        if !breaker.tripped.load(Ordering::Acquire) {
            return (Some(trial(Ticket { round: None, version })), None);
        }
        let mut core = breaker.core.lock();
        let (ticket, change) = core.ask(now, version);
        breaker.tripped.store(!matches!(core.state, State::Closed), Ordering::Release);
        (ticket.map(trial), change)
    }
}

impl Trial {
    /// Notes that rewriting failed, and how. The first failure is the one that counts.
    pub fn fail(&mut self, kind: &'static str) {
        self.failed.get_or_insert(kind);
    }

    /// How it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        self.failed
    }

    /// Tells the outcome: a failure if one was noted, else a success.
    pub fn settle(mut self, now: Instant, settings: &Settings) -> Option<Change> {
        let ticket = self.ticket.take()?;
        let breaker = &self.site.breaker;
        let mut core = breaker.core.lock();
        let change = core.outcome(&ticket, self.failed.is_some(), now, settings);
        breaker.tripped.store(!matches!(core.state, State::Closed), Ordering::Release);
        change
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(ticket @ Ticket { round: Some(_), .. }) = self.ticket.take() {
            self.site.breaker.core.lock().cancel(&ticket);
        }
    }
}

/// What a page was let through by.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    /// The round of probing that it belongs to; `None` for a page like any other.
    round: Option<u32>,
    version: usize,
}

#[derive(Default)]
struct Core {
    state: State,
    window: Window,
    /// Rules that failed.
    version: usize,
    /// Counts rounds of probing, so that a late outcome is not taken for one of a later round.
    round: u32,
    /// How often probing failed in a row.
    failed_rounds: u32,
    /// What probing must show, as it was set when the breaker opened.
    probes: u32,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    Probing {
        under_way: u32,
        succeeded: u32,
    },
}

impl Core {
    fn ask(&mut self, now: Instant, version: usize) -> (Option<Ticket>, Option<Change>) {
        if self.state != State::Closed && version != self.version {
            self.close();
            return (Some(Ticket { round: None, version }), Some(Change::Closed));
        }
        if let State::Open { until } = self.state
            && now >= until
        {
            self.round = self.round.wrapping_add(1);
            self.state = State::Probing { under_way: 0, succeeded: 0 };
        }
        let round = match &mut self.state {
            State::Closed => None,
            State::Probing { under_way, succeeded } if *under_way + *succeeded < self.probes => {
                *under_way += 1;
                Some(self.round)
            }
            State::Open { .. } | State::Probing { .. } => return (None, None),
        };
        (Some(Ticket { round, version }), None)
    }

    fn outcome(&mut self, ticket: &Ticket, failed: bool, now: Instant, settings: &Settings) -> Option<Change> {
        match (&mut self.state, ticket.round) {
            (State::Closed, None) => {
                let (pages, failures) = self.window.record(now, settings.window, failed);
                // Out of ten thousand, as the share is given.
                let too_many = u64::from(failures) * 10_000 >= u64::from(pages) * u64::from(settings.failures);
                if !failed || pages < settings.pages || !too_many {
                    return None;
                }
                self.version = ticket.version;
                self.failed_rounds = 0;
                let pause = self.open(now, settings);
                Some(Change::Opened { pages, failed: failures, pause })
            }
            (State::Probing { under_way, succeeded }, Some(round)) if round == self.round => {
                *under_way = under_way.saturating_sub(1);
                if failed {
                    self.failed_rounds += 1;
                    let pause = self.open(now, settings);
                    return Some(Change::StillOpen { pause });
                }
                *succeeded += 1;
                let all = *succeeded >= self.probes;
                all.then(|| {
                    self.close();
                    Change::Closed
                })
            }
            // A page from before the breaker opened, or of a round that is over.
            _ => None,
        }
    }

    /// A probe that told nothing makes room for another.
    fn cancel(&mut self, ticket: &Ticket) {
        if let State::Probing { under_way, .. } = &mut self.state
            && ticket.round == Some(self.round)
        {
            *under_way = under_way.saturating_sub(1);
        }
    }

    fn open(&mut self, now: Instant, settings: &Settings) -> Duration {
        let pause = settings.pause.saturating_mul(1 << self.failed_rounds.min(DOUBLINGS));
        self.state = State::Open { until: now.checked_add(pause).unwrap_or(now) };
        self.probes = settings.probes;
        self.window = Window::default();
        pause
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.window = Window::default();
        self.failed_rounds = 0;
    }
}

/// Pages and failures of the last while.
#[derive(Default)]
struct Window {
    began: Option<Instant>,
    parts: [(u32, u32); PARTS],
    /// Number of the part that is being filled, counted from the beginning.
    at: u64,
}

impl Window {
    /// Enters a page. Answers how many there were in the window, and how many of them failed.
    fn record(&mut self, now: Instant, length: Duration, failed: bool) -> (u32, u32) {
        let began = *self.began.get_or_insert(now);
        let part = (length / PARTS as u32).max(Duration::from_millis(1));
        let at = u64::try_from(now.saturating_duration_since(began).as_nanos() / part.as_nanos()).unwrap_or(u64::MAX);
        // The part may seem to lie behind: pages end on several threads, and settings change.
        if at > self.at {
            let over = (at - self.at).min(PARTS as u64);
            for step in 1..=over {
                if let Some(part) = self.parts.get_mut(((at - over + step) % PARTS as u64) as usize) {
                    *part = (0, 0);
                }
            }
            self.at = at;
        }
        if let Some((pages, failures)) = self.parts.get_mut((self.at % PARTS as u64) as usize) {
            *pages = pages.saturating_add(1);
            *failures = failures.saturating_add(u32::from(failed));
        }
        let sum = |(pages, failures): (u32, u32), part: &(u32, u32)| {
            (pages.saturating_add(part.0), failures.saturating_add(part.1))
        };
        self.parts.iter().fold((0, 0), sum)
    }
}

#[cfg(test)]
mod tests;
