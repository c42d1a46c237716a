//! What is kept of a visitor, for them to see and to have erased; and what has been kept long enough.

use super::{ProfileKey, StoreError};
use crate::ids::{SiteId, VisitorId};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::ops::AddAssign;

/// Shows and erases.
#[async_trait]
pub trait Records: Send + Sync {
    /// Everything that is kept of a visitor, events from the oldest on, as many as are asked for.
    async fn about(&self, key: &ProfileKey, most: usize) -> Result<Kept, StoreError>;

    /// Erases everything that is kept of a visitor but the orders of the shop's own books: those lose whose they were. Whoever holds
    /// the profile sees it empty and [`erased`](super::profile::Profile::erased), and writes nothing of it any more. Says what was
    /// erased.
    async fn erase(&self, key: &ProfileKey) -> Result<Erased, StoreError>;

    /// The browsers whose profiles point to a customer's. All profiles of the site are looked through.
    async fn browsers_of(&self, _customer: &ProfileKey) -> Result<Vec<VisitorId>, StoreError> {
        Ok(Vec::new())
    }

    /// Removes what is older, so many rows of each kind at most. Says how many it removed: fewer than `most` when that was all.
    async fn sweep(&self, site: &SiteId, before: &Before, most: usize) -> Result<usize, StoreError>;

    /// The sites of which anything is kept.
    async fn sites(&self) -> Result<Vec<SiteId>, StoreError>;
}

/// What is kept of a visitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Kept {
    /// The profile.
    pub profile: Option<Value>,
    /// Events.
    pub events: Vec<KeptEvent>,
    /// There are more events than were asked for.
    pub more: bool,
}

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Profiles.
    pub profiles: usize,
    /// Events.
    pub events: usize,
    /// Coupon codes whose holder is not known any more.
    pub coupons: usize,
    /// Orders whose customer is not known any more.
    pub orders: usize,
}

impl AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.profiles += other.profiles;
        self.events += other.events;
        self.coupons += other.coupons;
        self.orders += other.orders;
    }
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeptEvent {
    /// When.
    pub at: Timestamp,
    /// GA4's name.
    pub name: String,
    /// Scenario and variant, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// Path, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// GA4's parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
}

impl KeptEvent {
    /// A coupon code that the visitor has.
    pub(super) fn coupon(given_microsecond: i64, pool: &str, code: &str) -> Self {
        Self {
            at: Timestamp::from_microsecond(given_microsecond).unwrap_or(Timestamp::UNIX_EPOCH),
            name: "coupon".to_owned(),
            arm: None,
            path: None,
            parameters: Some(serde_json::json!({ "pool": pool, "code": code })),
        }
    }
}

/// What was last touched before these moments has been kept long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Profiles.
    pub profiles: Timestamp,
    /// Events.
    pub events: Timestamp,
}

/// Keeps nothing that could be shown: what a store is without records.
pub(super) struct NoRecords;

#[async_trait]
impl Records for NoRecords {
    async fn about(&self, _: &ProfileKey, _: usize) -> Result<Kept, StoreError> {
        Err(StoreError::Closed)
    }

    async fn erase(&self, _: &ProfileKey) -> Result<Erased, StoreError> {
        Err(StoreError::Closed)
    }

    async fn sweep(&self, _: &SiteId, _: &Before, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        Ok(Vec::new())
    }
}
