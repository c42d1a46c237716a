//! How each site stands: for the log, the metrics and the console.

use crate::ids::SiteId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How everything stands.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Counts the times that the sites, the settings or the certificates were exchanged or refused.
    pub generation: u64,
    /// The last ticket of `Reloader::reload_now` that was served.
    pub served: u64,
    /// Site versions that were taken so far.
    pub loads: u64,
    /// Site versions that were refused so far.
    pub refusals: u64,
    /// Every site that has a folder, or had one and still serves.
    pub sites: BTreeMap<SiteId, Arc<SiteStatus>>,
    /// What is wrong with `gateway.toml` and with the layout of the rules folder, drawn for people.
    pub rules_report: Option<Arc<str>>,
    /// Settings of `gateway.toml` that changed since the start and need a restart.
    pub needs_restart: Vec<&'static str>,
    /// Names that have a certificate.
    pub certificates: usize,
    /// What is wrong with certificates, drawn for people.
    pub certificates_report: Option<Arc<str>>,
    /// How changes are noticed.
    pub watching: Watching,
}

/// How one site stands.
#[derive(Debug, Clone)]
pub struct SiteStatus {
    /// When the rules that it serves with were loaded; `None`: it does not serve.
    pub loaded: Option<Timestamp>,
    /// It serves with older rules than its files hold, or not at all, because the newer ones were refused.
    pub stale: bool,
    /// Errors in its files.
    pub errors: usize,
    /// Warnings about its files.
    pub warnings: usize,
    /// All of them, drawn for people.
    pub report: Option<Arc<str>>,
}

/// How changes are noticed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Watching {
    /// The system tells of them.
    #[default]
    Told,
    /// By looking every few seconds, for this reason.
    PollOnly(String),
}

/// Looks at the status, for as long as it is held.
#[derive(Debug, Clone)]
pub struct StatusHandle(pub(super) Arc<Board>);

impl StatusHandle {
    /// The status as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Status {
        self.0.read(Clone::clone)
    }

    /// How many sites have newer rules than they serve with.
    #[must_use]
    pub fn stale_sites(&self) -> usize {
        self.0.read(|status| status.sites.values().filter(|site| site.stale).count())
    }

    /// Site versions that were taken, and that were refused, since the start.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        self.0.read(|status| (status.loads, status.refusals))
    }

    /// Waits until the status is as wanted; `false` when the time is over first.
    #[must_use]
    pub fn wait_until(&self, timeout: Duration, wanted: impl Fn(&Status) -> bool) -> bool {
        self.0.wait_until(timeout, wanted)
    }
}

/// Where the status is written up.
#[derive(Debug, Default)]
pub(super) struct Board {
    status: Mutex<Status>,
    changed: Condvar,
}

impl Board {
    pub(super) fn read<T>(&self, read: impl FnOnce(&Status) -> T) -> T {
        read(&self.lock())
    }

    pub(super) fn write(&self, write: impl FnOnce(&mut Status)) {
        write(&mut self.lock());
        self.changed.notify_all();
    }

    pub(super) fn wait_until(&self, timeout: Duration, wanted: impl Fn(&Status) -> bool) -> bool {
        let ended = self.changed.wait_timeout_while(self.lock(), timeout, |status| !wanted(status));
        !ended.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// A status is whole after every write, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
