//! Who is on a site now, and messages between gateways.
//!
//! Presence is a hint for people who look on: it may be a few seconds old, is bounded, and is never counted as a visit. Messages
//! reach whoever listens at that moment, at most once. Both are in memory for one machine ([`Here`]), and in Redis for several.

use super::StoreError;
use super::live::lock;
use crate::ids::{SiteId, VisitorId};
use ahash::AHashMap;
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::broadcast;

/// How long after their last page view somebody is on a site.
pub const ONLINE: Duration = Duration::from_secs(5 * 60);
/// The most that are remembered of one site.
pub const MOST: usize = 10_000;
/// Longest path that is remembered, in bytes.
pub const MAX_PATH: usize = 256;

/// A page view, as presence sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The site.
    pub site: SiteId,
    /// The visitor.
    pub visitor: VisitorId,
    /// Path of the page.
    pub path: Arc<str>,
    /// When.
    pub at: Timestamp,
}

/// Somebody who is on a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// The visitor.
    pub visitor: VisitorId,
    /// Path of the page last seen.
    pub path: Arc<str>,
    /// When, in Unix seconds.
    pub seen: i64,
}

/// Who is on the sites.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Notes page views.
    async fn saw(&self, seen: Vec<Seen>) -> Result<(), StoreError>;

    /// Who is on a site, the last seen first, so many at most.
    async fn online(&self, site: &SiteId, now: Timestamp, most: usize) -> Result<Vec<Online>, StoreError>;

    /// How many are on a site.
    async fn count(&self, site: &SiteId, now: Timestamp) -> Result<u64, StoreError>;
}

/// Messages between gateways.
#[async_trait]
pub trait Messages: Send + Sync {
    /// Sends to all that listen to a channel, on this machine and others.
    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), StoreError>;

    /// Listens to a channel from now on. While the backend is down nothing is heard; it goes on by itself.
    async fn subscribe(&self, channel: &str) -> Subscription;
}

/// Messages of a channel, as they come.
pub struct Subscription(broadcast::Receiver<Bytes>);

impl Subscription {
    /// The next message; `None` once the store is closed. Whoever is too slow misses some.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.0.recv().await {
                Ok(message) => return Some(message),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// Who listens to what in this process.
#[derive(Default)]
pub(super) struct Listeners {
    channels: Mutex<AHashMap<String, broadcast::Sender<Bytes>>>,
}

/// Messages that a slow listener may be behind.
const BEHIND: usize = 256;

impl Listeners {
    /// Listens from now on.
    pub(super) fn add(&self, channel: &str) -> Subscription {
        let mut channels = lock(&self.channels);
        let sender = channels.entry(channel.to_owned()).or_insert_with(|| broadcast::channel(BEHIND).0);
        Subscription(sender.subscribe())
    }

    /// Passes a message on to those who listen.
    pub(super) fn tell(&self, channel: &str, message: Bytes) {
        if let Some(sender) = lock(&self.channels).get(channel) {
            let _ = sender.send(message);
        }
    }

    /// All channels that somebody listens to.
    pub(super) fn channels(&self) -> Vec<String> {
        lock(&self.channels).keys().cloned().collect()
    }

    /// Forgets channels that nobody listens to any more.
    pub(super) fn take_unheard(&self) -> Vec<String> {
        let mut unheard = Vec::new();
        lock(&self.channels).retain(|channel, sender| {
            let heard = sender.receiver_count() > 0;
            if !heard {
                unheard.push(channel.clone());
            }
            heard
        });
        unheard
    }
}

/// Presence and messages of one machine.
#[derive(Default)]
pub struct Here {
    sites: Mutex<AHashMap<SiteId, Site>>,
    listeners: Listeners,
}

#[derive(Default)]
struct Site {
    visitors: AHashMap<VisitorId, (i64, Arc<str>)>,
    by_time: BTreeSet<(i64, VisitorId)>,
}

impl Site {
    fn saw(&mut self, seen: &Seen) {
        let at = seen.at.as_second();
        if let Some((before, _)) = self.visitors.insert(seen.visitor, (at, path_of(&seen.path))) {
            self.by_time.remove(&(before, seen.visitor));
        }
        self.by_time.insert((at, seen.visitor));
        while self.visitors.len() > MOST {
            self.forget_first();
        }
    }

    fn forget_until(&mut self, until: i64) {
        while self.by_time.first().is_some_and(|(at, _)| *at <= until) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, visitor)) = self.by_time.pop_first() {
            self.visitors.remove(&visitor);
        }
    }
}

/// The path as it is kept.
pub(super) fn path_of(path: &Arc<str>) -> Arc<str> {
    let mut end = path.len().min(MAX_PATH);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    if end == path.len() { path.clone() } else { path.get(..end).unwrap_or_default().into() }
}

/// Who was last seen then or before is gone.
pub(super) fn gone(now: Timestamp) -> i64 {
    now.as_second().saturating_sub(i64::try_from(ONLINE.as_secs()).unwrap_or(i64::MAX))
}

#[async_trait]
impl Presence for Here {
    async fn saw(&self, seen: Vec<Seen>) -> Result<(), StoreError> {
        let mut sites = lock(&self.sites);
        for seen in seen {
            sites.entry(seen.site.clone()).or_default().saw(&seen);
        }
        Ok(())
    }

    async fn online(&self, site: &SiteId, now: Timestamp, most: usize) -> Result<Vec<Online>, StoreError> {
        let mut sites = lock(&self.sites);
        let Some(site) = sites.get_mut(site) else { return Ok(Vec::new()) };
        site.forget_until(gone(now));
        let last = site.by_time.iter().rev().take(most);
        let online = last.filter_map(|(seen, visitor)| {
            let (_, path) = site.visitors.get(visitor)?;
            Some(Online { visitor: *visitor, path: path.clone(), seen: *seen })
        });
        Ok(online.collect())
    }

    async fn count(&self, site: &SiteId, now: Timestamp) -> Result<u64, StoreError> {
        let mut sites = lock(&self.sites);
        let Some(site) = sites.get_mut(site) else { return Ok(0) };
        site.forget_until(gone(now));
        Ok(site.visitors.len() as u64)
    }
}

#[async_trait]
impl Messages for Here {
    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), StoreError> {
        self.listeners.tell(channel, message);
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Subscription {
        self.listeners.take_unheard();
        self.listeners.add(channel)
    }
}

#[cfg(test)]
pub(super) mod tests;
