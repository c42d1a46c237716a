//! How much may be under way at once: connections, requests, memory for rewriting; in all, and of each site.
//!
//! Decides whether there is room, and whether so little is left that pages should pass as the shop sent them. It does not know
//! what a page is, nor what is answered where there is no room.
//!
//! Whatever is taken is held by a guard, which gives it back when it goes: nothing is lost when a client leaves, an origin hangs or
//! a task is dropped. Counts are atomic; only a limit on connections of one address takes a lock, and that a connection.

mod breaker;
mod clients;

pub use breaker::{Change, Trial};
pub use clients::network_of;

use crate::config::gateway::Limits;
use crate::ids::SiteId;
use crate::site::SiteLimits;
use crate::world::World;
use ahash::AHashMap;
use arc_swap::ArcSwap;
use breaker::Breaker;
use clients::Clients;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two log lines about one kind of overload.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// What is under way in this process.
pub struct Admission {
    began: Instant,
    /// Connections that the operating system lets the process have.
    ceiling: usize,
    connections: Count,
    requests: Count,
    memory: Count,
    clients: Clients,
    sites: ArcSwap<AHashMap<SiteId, Arc<SiteLoad>>>,
    /// When connections that were refused may be spoken of again.
    refused: Line,
}

/// What is under way of one site. It outlives reloads of the site's rules.
#[derive(Default)]
pub struct SiteLoad {
    requests: Count,
    memory: Count,
    breaker: Breaker,
    refused: Line,
    shed: Line,
}

/// What there is room for, for a request of one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    requests: usize,
    site_requests: usize,
    memory: usize,
    site_memory: usize,
    /// In hundredths of a percent.
    shed_at: u32,
}

/// Whose limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// That of the whole gateway.
    Gateway,
    /// The site's own.
    Site,
    /// That of one client address.
    Client,
}

impl Full {
    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Site => "site",
            Self::Client => "client",
        }
    }
}

impl Room {
    /// What a site may use: its own limits, else those of `gateway.toml` for every site.
    #[must_use]
    pub fn of(limits: &Limits, site: &SiteLimits) -> Self {
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        Self {
            requests: limits.max_requests,
            site_requests: site.max_requests.unwrap_or(limits.max_requests_per_site),
            memory: bytes(limits.rewrite_memory),
            site_memory: bytes(site.rewrite_memory.unwrap_or(limits.rewrite_memory_per_site)),
            shed_at: limits.shed_at,
        }
    }
}

impl Admission {
    /// Nothing is under way yet. `ceiling` is how many connections the operating system allows for.
    #[must_use]
    pub fn new(began: Instant, ceiling: usize) -> Self {
        Self {
            began,
            ceiling,
            connections: Count::default(),
            requests: Count::default(),
            memory: Count::default(),
            clients: Clients::default(),
            sites: ArcSwap::default(),
            refused: Line::default(),
        }
    }

    /// Lets a connection in. `client` is `None` for proxies, behind whose address are many.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn connect(self: &Arc<Self>, client: Option<IpAddr>, limits: &Limits) -> Result<Connected, Full> {
        self.connections.take(1, limits.max_connections.min(self.ceiling)).ok_or(Full::Gateway)?;
        let mut connected = Connected { all: self.clone(), client: None };
        if let Some(address) = client
            && limits.max_connections_per_client > 0
        {
            connected.client = Some(self.clients.take(address, limits.max_connections_per_client).ok_or(Full::Client)?);
        }
        Ok(connected)
    }

    /// Whether connections grow so few that unused ones should not be kept.
    #[must_use]
    pub fn is_short_of_connections(&self, limits: &Limits) -> bool {
        self.connections.now() > share(limits.max_connections.min(self.ceiling), limits.shed_at)
    }

    /// What is under way of a site. A site that is seen for the first time is entered together with all the others, and those that
    /// are gone are forgotten.
    #[must_use]
    pub fn site(&self, id: &SiteId, world: &World) -> Arc<SiteLoad> {
        if let Some(known) = self.sites.load().get(id) {
            return known.clone();
        }
        let enter = |known: &Arc<AHashMap<SiteId, Arc<SiteLoad>>>| -> AHashMap<SiteId, Arc<SiteLoad>> {
            let ids = world.sites().map(|site| &site.id).chain([id]);
            ids.map(|id| (id.clone(), known.get(id).cloned().unwrap_or_default())).collect()
        };
        self.sites.rcu(enter);
        self.sites.load().get(id).cloned().unwrap_or_default()
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn request(self: &Arc<Self>, site: &Arc<SiteLoad>, room: &Room) -> Result<Admitted, Full> {
        let of_site = site.requests.take(1, room.site_requests).ok_or(Full::Site)?;
        let Some(of_all) = self.requests.take(1, room.requests) else {
            site.requests.give(1);
            return Err(Full::Gateway);
        };
        let strained = if of_site > share(room.site_requests, room.shed_at) {
            Some(Full::Site)
        } else if of_all > share(room.requests, room.shed_at) {
            Some(Full::Gateway)
        } else {
            None
        };
        Ok(Admitted { all: self.clone(), site: site.clone(), strained, counted: true })
    }

    /// Connections, requests and bytes for rewriting, as they are now.
    #[must_use]
    pub fn now(&self) -> (usize, usize, usize) {
        (self.connections.now(), self.requests.now(), self.memory.now())
    }

    /// How many connections were refused, if that is to be said now.
    pub fn say_refused(&self, now: Instant) -> Option<u64> {
        self.refused.say(now.saturating_duration_since(self.began))
    }
}

/// A connection. Gives its place back when dropped.
pub struct Connected {
    all: Arc<Admission>,
    client: Option<clients::Key>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.all.connections.give(1);
        if let Some(key) = self.client {
            self.all.clients.give(key);
        }
    }
}

/// A request under way. Gives its place back when dropped.
pub struct Admitted {
    all: Arc<Admission>,
    site: Arc<SiteLoad>,
    strained: Option<Full>,
    counted: bool,
}

impl Admitted {
    /// Whether so little was left that this page should pass as the shop sent it.
    #[must_use]
    pub fn strained(&self) -> Option<Full> {
        self.strained
    }

    /// The site's load.
    #[must_use]
    pub fn site(&self) -> &Arc<SiteLoad> {
        &self.site
    }

    /// From now on it is rather a connection than a request: a socket or a stream of events, which stays open for hours and
    /// does nothing.
    pub fn settle_down(&mut self) {
        if std::mem::take(&mut self.counted) {
            self.site.requests.give(1);
            self.all.requests.give(1);
        }
    }

    /// Reserves memory for rewriting a page.
    ///
    /// # Errors
    /// When there is not so much left.
    pub fn reserve(&self, bytes: usize, room: &Room) -> Result<Reserved, Full> {
        self.site.memory.take(bytes, room.site_memory).ok_or(Full::Site)?;
        if self.all.memory.take(bytes, room.memory).is_none() {
            self.site.memory.give(bytes);
            return Err(Full::Gateway);
        }
        Ok(Reserved { all: self.all.clone(), site: self.site.clone(), bytes })
    }

    /// How many requests were refused or pages passed, if that is to be said now.
    pub fn say_shed(&self, now: Instant) -> Option<u64> {
        self.site.shed.say(now.saturating_duration_since(self.all.began))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.settle_down();
    }
}

impl SiteLoad {
    /// How many requests were refused, if that is to be said now. `all` is where they would have been admitted.
    pub fn say_refused(&self, all: &Admission, now: Instant) -> Option<u64> {
        self.refused.say(now.saturating_duration_since(all.began))
    }
}

/// Memory for rewriting a page. Given back when dropped.
pub struct Reserved {
    all: Arc<Admission>,
    site: Arc<SiteLoad>,
    bytes: usize,
}

impl Reserved {
    /// Takes more, whether or not it is there: the page is being written already. Those that come later find less.
    pub fn grow(&mut self, bytes: usize) {
        self.site.memory.add(bytes);
        self.all.memory.add(bytes);
        self.bytes += bytes;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.site.memory.give(self.bytes);
        self.all.memory.give(self.bytes);
    }
}

/// A part of a limit, in hundredths of a percent.
fn share(limit: usize, hundredths: u32) -> usize {
    usize::try_from(limit as u128 * u128::from(hundredths) / 10_000).unwrap_or(usize::MAX)
}

/// A count of what is under way.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    /// Takes some, unless that goes beyond the limit. Answers how much is taken then.
    fn take(&self, amount: usize, limit: usize) -> Option<usize> {
        let fits = |taken: usize| taken.checked_add(amount).filter(|sum| *sum <= limit);
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, fits).ok()?;
        Some(before + amount)
    }

    fn add(&self, amount: usize) {
        self.0.fetch_add(amount, Ordering::AcqRel);
    }

    fn give(&self, amount: usize) {
        self.0.fetch_sub(amount, Ordering::AcqRel);
    }

    fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Keeps a log line that many would write to one in a while.
#[derive(Default)]
struct Line {
    /// Something was said already.
    begun: AtomicBool,
    /// Milliseconds, at which something was said last.
    said: AtomicU64,
    unsaid: AtomicU64,
}

impl Line {
    /// Counts one. Answers how many there were since the last answer, if it is time to say so.
    fn say(&self, now: Duration) -> Option<u64> {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let last = self.said.load(Ordering::Relaxed);
        let due =
            !self.begun.swap(true, Ordering::Relaxed) || now.saturating_sub(last) >= BETWEEN_LINES.as_millis() as u64;
        // Of many at one moment, one speaks.
        let mine = due && self.said.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        mine.then(|| self.unsaid.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
