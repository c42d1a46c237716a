//! What is remembered of a visitor.
//!
//! Plain data and the rules by which it advances. Knows nothing of how or where it is stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything remembered of one visitor on one site. Times are Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// First page view ever.
    pub first_seen: i64,
    /// Sessions so far, the current one included: 1 on the first visit.
    pub visits: u32,
    /// Page views so far, the current one included.
    pub pageviews: u32,
    /// Last page view of the session before the current one.
    pub previous_visit: Option<i64>,
    /// Summed length of all ended sessions, in seconds.
    pub ended_session_seconds: u64,
    /// Summed page views of all ended sessions.
    pub ended_session_pages: u64,
    /// Orders so far.
    pub orders: u32,
    /// Money spent, in the site's currency.
    #[serde(deserialize_with = "null_is_default")]
    pub spent: f64,
    /// Time of the last order.
    pub last_order: Option<i64>,
    /// Where the first visit came from.
    pub first_source: Option<SourceSeen>,
    /// The session under way, or the last one.
    pub session: Session,
    /// By scenario id: what was shown and how the visitor answered.
    pub scenarios: BTreeMap<String, ScenarioHistory>,
    /// Views by path hash, the most recent [`MAX_PATHS`] paths.
    pub paths: Vec<PathViews>,
    /// Labels set by imports and scenarios.
    pub tags: BTreeSet<String>,
}

/// JSON has no infinity: a sum that ran over is written as null, and must not cost the visitor everything else.
fn null_is_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// How many paths a profile remembers.
pub const MAX_PATHS: usize = 64;

/// One visit: page views with gaps below the site's session timeout.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Time of its first page view.
    pub started: i64,
    /// Time of its last page view.
    pub last_seen: i64,
    /// Page views so far, the current one included.
    pub pages: u32,
    /// Path of its first page.
    pub landing_path: String,
    /// Distinct paths seen.
    pub depth: u32,
    /// Where it came from.
    pub source: SourceSeen,
}

/// A traffic source as remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceSeen {
    /// `direct`, `search`, `social`, `ad`, `email` or `referral`.
    pub kind: String,
    /// Host of the referring page.
    pub host: Option<String>,
    /// `utm_medium`.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
}

/// What one visitor has seen of one scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScenarioHistory {
    /// Deliveries in all.
    pub exposures: u32,
    /// The visit (`Profile::visits`) in which `session_exposures` were counted.
    pub session: u32,
    /// Deliveries in that visit.
    pub session_exposures: u32,
    /// Time of the last delivery.
    pub last_exposure: Option<i64>,
    /// `Profile::pageviews` at the last delivery.
    pub last_exposure_page: u32,
    /// Times seen on the screen.
    pub views: u32,
    /// Clicks.
    pub clicks: u32,
    /// Dismissals.
    pub dismissals: u32,
    /// Conversions.
    pub conversions: u32,
}

/// How often a path was viewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathViews {
    /// xxh3 of the path.
    pub path: u64,
    /// Views, the current one included.
    pub views: u32,
    /// Visit (`Profile::visits`) of the last view.
    pub visit: u32,
}

/// One page view, as it enters a profile.
#[derive(Debug, Clone)]
pub struct PageViewed<'a> {
    /// When.
    pub at: Timestamp,
    /// Path without query.
    pub path: &'a str,
    /// Where the visitor comes from, if this page starts a session.
    pub source: &'a SourceSeen,
    /// Gap after which a new session starts, in seconds.
    pub session_timeout: i64,
}
