//! Profiles in one store, events in another.
//!
//! Both are written at once, and neither waits for the other's recovery. Nothing is doubled when only one fails: a profile's state
//! can be written again, and whoever wrote is told when the events are committed ([`StoreError::Profiles`]).

use super::coupons::Coupons;
use super::exports::{EventPlace, Exports, Span, StoredEvent, StoredOrder};
use super::ledger::{BatchId, Ledger};
use super::outbox::Outbox;
use super::products::Products;
use super::profile::Profile;
use super::records::{Before, Erased, Kept, Records};
use super::{Claim, LiveProfile, ProfileKey, Resealed, Store, StoreError, Write};
use crate::ids::{SiteId, VisitorId};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The two.
pub(super) struct Composite {
    profiles: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
}

impl Composite {
    pub(super) fn new(profiles: Arc<dyn Store>, ledger: Arc<dyn Ledger>) -> Self {
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
        self.write_once(BatchId::NONE, batch).await
    }

    fn next_batch(&self) -> BatchId {
        self.ledger.next_batch()
    }

    async fn write_once(&self, id: BatchId, batch: Vec<Write>) -> Result<(), StoreError> {
        let (mut events, mut profiles) = (Vec::new(), Vec::new());
        for write in batch {
            match write {
                Write::Event(event) => events.push(event),
                profile @ Write::Profile(..) => profiles.push(profile),
            }
        }
        let ledger = async { if events.is_empty() { Ok(()) } else { self.ledger.append(id, events).await } };
        let profiles = async { if profiles.is_empty() { Ok(()) } else { self.profiles.write(profiles).await } };
        let (events, profiles) = tokio::join!(ledger, profiles);
        events?;
        profiles.map_err(|reason| StoreError::Profiles { reason: Box::new(reason) })
    }

    fn coupons(&self) -> &dyn Coupons {
        &*self.ledger
    }

    fn products(&self) -> &dyn Products {
        self.ledger.products()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.ledger.outbox()
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

    fn records(&self) -> &dyn Records {
        self
    }

    fn exports(&self) -> &dyn Exports {
        self
    }

    async fn reseal(&self) -> Result<Resealed, StoreError> {
        let mut resealed = self.profiles.reseal().await?;
        resealed += self.ledger.reseal().await?;
        Ok(resealed)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let (profiles, ledger) = tokio::join!(self.profiles.ping(), self.ledger.ping());
        profiles.and(ledger)
    }
}

#[async_trait]
impl Records for Composite {
    async fn about(&self, key: &ProfileKey, most: usize) -> Result<Kept, StoreError> {
        let (profiles, ledger) = (self.profiles.records(), &self.ledger);
        let (profile, events) = tokio::try_join!(profiles.about(key, 0), ledger.about(key, most))?;
        Ok(Kept { profile: profile.profile, ..events })
    }

    async fn erase(&self, key: &ProfileKey) -> Result<Erased, StoreError> {
        let (profiles, ledger) = tokio::join!(self.profiles.records().erase(key), self.ledger.erase(key));
        let mut erased = profiles?;
        erased += ledger?;
        Ok(erased)
    }

    async fn browsers_of(&self, customer: &ProfileKey) -> Result<Vec<VisitorId>, StoreError> {
        self.profiles.records().browsers_of(customer).await
    }

    async fn sweep(&self, site: &SiteId, before: &Before, most: usize) -> Result<usize, StoreError> {
        let (profiles, ledger) = (self.profiles.records(), &self.ledger);
        let (profiles, ledger) = tokio::join!(profiles.sweep(site, before, most), ledger.sweep(site, before, most));
        Ok(profiles?.max(ledger?))
    }

    async fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        let (profiles, ledger) = tokio::try_join!(self.profiles.records().sites(), self.ledger.sites())?;
        Ok(profiles.into_iter().chain(ledger).collect::<BTreeSet<_>>().into_iter().collect())
    }
}

/// Profiles from the one, events and orders from the other.
#[async_trait]
impl Exports for Composite {
    async fn events(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<EventPlace>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.ledger.exports().events(site, span, after, most).await
    }

    async fn profiles(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<VisitorId>,
        most: usize,
    ) -> Result<Vec<(VisitorId, Profile)>, StoreError> {
        self.profiles.exports().profiles(site, span, after, most).await
    }

    async fn orders(&self, site: &SiteId, ids: &[String]) -> Result<Vec<StoredOrder>, StoreError> {
        self.ledger.exports().orders(site, ids).await
    }
}
