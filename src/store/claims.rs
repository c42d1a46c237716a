//! What a delivery uses up, as a store judges it that several machines share.
//!
//! On one machine a profile's lock is the authority, and nothing is claimed.

use super::profile::ScenarioHistory;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// One more delivery of a scenario to a visitor: to be counted if its caps still allow it. What no count is needed for
/// (`stop_after`) was judged before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Unlike any other claim's. To claim it again changes nothing, and to give it back takes away this one and no other.
    pub id: u64,
    /// Id of the scenario.
    pub scenario: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// The visit (`Profile::visits`), which `per_session` counts in.
    pub visit: u32,
    /// When that visit began, in Unix seconds, as this machine knows it.
    pub session: i64,
    /// `Profile::pageviews`, this page included.
    pub page: u32,
    /// Most deliveries in that visit.
    pub per_session: Option<u32>,
    /// Most deliveries in all.
    pub per_visitor: Option<u32>,
    /// Rest after the delivery before.
    pub rest: Option<Rest>,
    /// What the profile knew before this delivery: a store that knows less, having lost its counts, begins with it.
    pub known: ScenarioHistory,
}

/// Rest between two deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// That many other pages: the next may come when [`Claim::page`] has grown by more.
    Pages(u32),
    /// That much time.
    Time(Duration),
}
