//! What is still to be told to others: messages about events, in the order of each visitor's.
//!
//! The trait stands here, apart from the backends. A message is kept in the transaction that keeps its event, or not at all. Of one
//! visitor's messages to one hook only the first may be taken; it is leased, so that several gateways share the work and a killed
//! one's share comes back. Knows nothing of how messages travel.

use super::StoreError;
use super::exports::StoredEvent;
use crate::ids::SiteId;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// Keeps messages until they are delivered or given up.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// From now on, each event that is kept puts a message here for every hook that wants it. Asked once; another time changes nothing.
    fn watch(&self, wants: Arc<dyn Wants>);

    /// The hooks that messages wait for, each with the time at which the first of them may be looked at.
    async fn hooks(&self) -> Result<Vec<(HookId, Timestamp)>, StoreError>;

    /// Takes messages that are due: of each visitor the first alone, and none that somebody has taken. Nobody else gets them before
    /// `until`.
    async fn lease(
        &self,
        hook: &HookId,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Forgets messages that were delivered or given up.
    async fn done(&self, numbers: Vec<i64>) -> Result<(), StoreError>;

    /// Gives a message back until a later time, and the visitor's later ones to the same hook with it. Changes nothing once somebody
    /// else has it.
    async fn put_off(&self, hook: &HookId, message: &Message, due: Timestamp) -> Result<(), StoreError>;

    /// How many wait for a hook whose time has come.
    async fn count(&self, hook: &HookId, now: Timestamp) -> Result<u64, StoreError>;

    /// Gives up messages of events before a moment, so many at most. Says how many.
    async fn remove(&self, hook: &HookId, before: Timestamp, most: usize) -> Result<usize, StoreError>;

    /// Of those whose time has come, gives up the oldest beyond so many, `most` of them at a time. Says how many.
    async fn trim(&self, hook: &HookId, now: Timestamp, keep: u64, most: usize) -> Result<usize, StoreError>;
}

/// Says who wants to be told of an event.
pub trait Wants: Send + Sync {
    /// The names of a site's hooks that want an event by this name in the store. Asked for each event that is kept: it must be quick.
    fn hooks(&self, site: &SiteId, event: &str) -> SmallVec<[Arc<str>; 2]>;
}

/// Names a hook.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookId {
    /// The site.
    pub site: SiteId,
    /// The name, unique on its site. Like a site's, it has no `/`.
    pub name: Arc<str>,
}

impl HookId {
    /// Both in one text.
    pub(super) fn key(&self) -> String {
        key(&self.site, &self.name)
    }

    pub(super) fn of_key(key: &str) -> Option<Self> {
        let (site, name) = key.split_once('/')?;
        Some(Self { site: SiteId::new(site), name: name.into() })
    }
}

pub(super) fn key(site: &SiteId, name: &str) -> String {
    format!("{site}/{name}")
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its place in the outbox.
    pub number: i64,
    /// Its name, the same at each try.
    pub id: String,
    /// How often it was taken, this time included.
    pub tries: i64,
    /// What it is about.
    pub event: StoredEvent,
}

/// So long after its event a message may be taken: by then what another gateway recorded of the visitor before is there too.
pub(super) const SETTLING: SignedDuration = SignedDuration::from_secs(1);

/// When a message of an event may be taken, Unix milliseconds.
pub(super) fn first_due(at: Timestamp) -> i64 {
    at.as_millisecond().saturating_add(SETTLING.as_millis() as i64)
}

/// A time in the store.
pub(super) fn moment(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
}

/// Whom a backend asks who wants what.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<OnceLock<Arc<dyn Wants>>>);

impl Asked {
    pub(super) fn set(&self, wants: Arc<dyn Wants>) {
        let _ = self.0.set(wants);
    }

    pub(super) fn hooks(&self, site: &SiteId, event: &str) -> SmallVec<[Arc<str>; 2]> {
        self.0.get().map_or_else(SmallVec::new, |wants| wants.hooks(site, event))
    }
}

/// Takes no messages: what a store is without an outbox.
pub(super) struct NoOutbox;

#[async_trait]
impl Outbox for NoOutbox {
    fn watch(&self, _: Arc<dyn Wants>) {}

    async fn hooks(&self) -> Result<Vec<(HookId, Timestamp)>, StoreError> {
        Ok(Vec::new())
    }

    async fn lease(&self, _: &HookId, _: Timestamp, _: Timestamp, _: usize) -> Result<Vec<Message>, StoreError> {
        Ok(Vec::new())
    }

    async fn done(&self, _: Vec<i64>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put_off(&self, _: &HookId, _: &Message, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn count(&self, _: &HookId, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn remove(&self, _: &HookId, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn trim(&self, _: &HookId, _: Timestamp, _: u64, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}

#[cfg(test)]
pub(super) mod contract;
