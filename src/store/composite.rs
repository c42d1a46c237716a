//! Profiles in one store, events in another.
//!
//! Both are written at once, and neither waits for the other's recovery. Nothing is doubled when only one fails: a profile's state
//! can be written again, and whoever wrote is told when the events are committed ([`StoreError::Profiles`]).

use super::{Claim, LiveProfile, ProfileKey, Store, StoreError, Write};
use async_trait::async_trait;
use std::sync::Arc;

/// The two.
pub(super) struct Composite {
    profiles: Arc<dyn Store>,
    ledger: Arc<dyn Store>,
}

impl Composite {
    pub(super) fn new(profiles: Arc<dyn Store>, ledger: Arc<dyn Store>) -> Self {
        Self { profiles, ledger }
    }
}

#[async_trait]
impl Store for Composite {
    fn cached(&self, key: &ProfileKey) -> Option<LiveProfile> {
        self.profiles.cached(key)
    }

    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError> {
        self.profiles.load(key).await
    }

    fn create(&self, key: &ProfileKey) -> LiveProfile {
        self.profiles.create(key)
    }

    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let (events, profiles): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|write| matches!(write, Write::Event(_)));
        let ledger = async { if events.is_empty() { Ok(()) } else { self.ledger.write(events).await } };
        let profiles = async { if profiles.is_empty() { Ok(()) } else { self.profiles.write(profiles).await } };
        let (events, profiles) = tokio::join!(ledger, profiles);
        events?;
        profiles.map_err(|reason| StoreError::Profiles { reason: Box::new(reason) })
    }

    fn is_shared(&self) -> bool {
        self.profiles.is_shared()
    }

    async fn claim(&self, key: &ProfileKey, claims: &[Claim]) -> Result<Vec<bool>, StoreError> {
        self.profiles.claim(key, claims).await
    }

    async fn unclaim(&self, key: &ProfileKey, claims: &[Claim]) -> Result<(), StoreError> {
        self.profiles.unclaim(key, claims).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let (profiles, ledger) = tokio::join!(self.profiles.ping(), self.ledger.ping());
        profiles.and(ledger)
    }
}
