//! What must be kept to the last: coupons, orders and events.
//!
//! The trait stands here, apart from the backends.

use super::coupons::Coupons;
use super::exports::{Exports, NoExports};
use super::outbox::{NoOutbox, Outbox};
use super::products::{NoProducts, Products};
use super::records::Records;
use super::{Resealed, StoreError};
use crate::event::Event;
use crate::ids::Random;
use async_trait::async_trait;
use std::sync::atomic::{AtomicI64, Ordering};

/// Keeps coupons, orders and events. Of its [`Records`], it has no profiles.
#[async_trait]
pub trait Ledger: Coupons + Records {
    /// Names the next batch of events. A batch that is tried again keeps its name.
    fn next_batch(&self) -> BatchId;

    /// Keeps events, all of them or none: of each order the first purchase, and refunds. A batch that was kept before, though its
    /// sender was not told so, changes nothing.
    async fn append(&self, batch: BatchId, events: Vec<Event>) -> Result<(), StoreError>;

    /// What is kept, to be read out; of profiles, there are none.
    fn exports(&self) -> &dyn Exports {
        &NoExports
    }

    /// The products that stand beside them.
    fn products(&self) -> &dyn Products {
        &NoProducts
    }

    /// Brings all that is there into the form in which it would be written now, as [`Store::reseal`](super::Store::reseal).
    async fn reseal(&self) -> Result<Resealed, StoreError> {
        Ok(Resealed::default())
    }

    /// The messages about events that wait to be told to others. They are kept together with their events.
    fn outbox(&self) -> &dyn Outbox {
        &NoOutbox
    }

    /// Answers if it can be read and written now.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Names a batch, so that it is kept once however often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId {
    /// Who named it: random a process.
    pub process: i64,
    /// Grows by one with each batch; 0 is no name, and such a batch is kept each time.
    pub number: i64,
}

impl BatchId {
    /// The name of a batch that is not tried again.
    pub const NONE: Self = Self { process: 0, number: 0 };

    /// Whether it is a name.
    #[must_use]
    pub fn is_some(self) -> bool {
        self.number > 0
    }
}

/// A backend remembers so many of a process's batches: more than others can come between two tries of one.
pub(super) const REMEMBERED: i64 = 1_000;

/// Names a process's batches.
pub(super) struct Batches {
    process: i64,
    last: AtomicI64,
}

impl Batches {
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut process = [0; 8];
        random.fill(&mut process);
        Self { process: i64::from_ne_bytes(process), last: AtomicI64::new(0) }
    }

    pub(super) fn process(&self) -> i64 {
        self.process
    }

    pub(super) fn next(&self) -> BatchId {
        BatchId { process: self.process, number: self.last.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

#[cfg(test)]
pub(super) mod contract;
