//! Reads out what is kept, page by page: for exports, and for imports to see what is there already.
//!
//! The trait stands here, apart from the backends.

use super::StoreError;
use super::profile::Profile;
use crate::event::Arm;
use crate::ids::{SiteId, VisitorId};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

/// Reads out what is kept of a site.
#[async_trait]
pub trait Exports: Send + Sync {
    /// The events next to a place, from the oldest on: fewer than `most` when these are the last.
    async fn events(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<EventPlace>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// The profiles last touched within the span that come next to a visitor: fewer than `most` when these are the last.
    async fn profiles(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<VisitorId>,
        most: usize,
    ) -> Result<Vec<(VisitorId, Profile)>, StoreError>;

    /// Of these order ids, the orders that are kept.
    async fn orders(&self, site: &SiteId, ids: &[String]) -> Result<Vec<StoredOrder>, StoreError>;
}

/// A time; without an end, it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end, which is no longer within it.
    pub until: Timestamp,
}

impl Default for Span {
    fn default() -> Self {
        Self { since: Timestamp::UNIX_EPOCH, until: Timestamp::MAX }
    }
}

/// Where an event stands among all of its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPlace {
    /// Unix milliseconds.
    pub at: i64,
    /// Tells those of one moment apart.
    pub number: i64,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Where it stands.
    pub place: EventPlace,
    /// Whose it is.
    pub visitor: VisitorId,
    /// Its name in the store.
    pub name: String,
    /// The arm that it is about.
    pub arm: Option<Arm>,
    /// The path that it is about.
    pub path: Option<String>,
    /// GA4's parameters.
    pub parameters: Option<Value>,
}

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredOrder {
    /// The shop's number.
    pub id: String,
    /// Who placed it; `None` once that is forgotten.
    pub visitor: Option<VisitorId>,
    /// What was paid in all.
    pub value: Option<f64>,
    /// How much of it was undone.
    pub refunded: f64,
}

/// The visitor of a row.
pub(super) fn visitor(bytes: &[u8]) -> Option<VisitorId> {
    bytes.try_into().ok().map(VisitorId)
}

/// The arm of a row.
pub(super) fn arm(scenario: Option<String>, variant: Option<String>) -> Option<Arm> {
    let (scenario, variant) = scenario.zip(variant)?;
    Some(Arm { scenario: scenario.into(), variant: variant.into() })
}

/// Reads nothing out: what a store is without exports.
pub(super) struct NoExports;

#[async_trait]
impl Exports for NoExports {
    async fn events(
        &self,
        _: &SiteId,
        _: &Span,
        _: Option<EventPlace>,
        _: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn profiles(
        &self,
        _: &SiteId,
        _: &Span,
        _: Option<VisitorId>,
        _: usize,
    ) -> Result<Vec<(VisitorId, Profile)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn orders(&self, _: &SiteId, _: &[String]) -> Result<Vec<StoredOrder>, StoreError> {
        Err(StoreError::Closed)
    }
}
