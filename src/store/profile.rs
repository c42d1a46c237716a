//! What is remembered of a visitor.
//!
//! Plain data and the rules by which it advances. Knows nothing of how or where it is stored.

mod import;
mod learn;
pub mod shopping;

use crate::ids::VisitorId;
pub use import::{Full, News, OrderImported};
use jiff::Timestamp;
pub use learn::Said;
use serde::{Deserialize, Serialize};
use shopping::Shopping;
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
    /// What they did in the shop.
    #[serde(skip_serializing_if = "Shopping::is_empty")]
    pub shop: Shopping,
    /// What the shop and imports say of the member.
    #[serde(skip_serializing_if = "MemberSeen::is_empty")]
    pub member: MemberSeen,
    /// It is but a pointer: all is in the profile of this customer, which the visitor shares with their other browsers.
    #[serde(skip_serializing_if = "Option::is_none", with = "id")]
    pub joined: Option<VisitorId>,
    /// The visitor had it erased: nothing of it is written any more.
    #[serde(skip)]
    pub erased: bool,
}

/// An id as 32 hexadecimal digits.
mod id {
    use crate::ids::VisitorId;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(id: &Option<VisitorId>, to: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => to.collect_str(&format_args!("{:032x}", u128::from_be_bytes(id.0))),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<VisitorId>, D::Error> {
        let Some(text) = Option::<std::borrow::Cow<'_, str>>::deserialize(from)? else { return Ok(None) };
        let number = u128::from_str_radix(&text, 16).map_err(D::Error::custom)?;
        Ok(Some(VisitorId(number.to_be_bytes())))
    }
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

/// A member as remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberSeen {
    /// Whether the shop last showed somebody logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged_in: Option<bool>,
    /// Texts by the names of `customer.*`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// When an import last had news of them, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<i64>,
}

impl MemberSeen {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
    /// By variant, what may still come of its exposures, or came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// The time after an exposure in which the scenario's goal counts as reached by it: once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The variant that the visitor was exposed to.
    #[serde(rename = "v")]
    pub variant: String,
    /// When it began: the first exposure that no other window held.
    #[serde(rename = "t")]
    pub from: i64,
    /// The goal was reached.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub converted: bool,
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

/// Longest landing path that is remembered, in bytes.
const MAX_LANDING_PATH: usize = 512;

/// A delivery that was counted before it was made. Give it to [`Profile::unreserve`] if it was not made after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    scenario: String,
    visit: u32,
    at: i64,
    page: u32,
    /// Time and page of the delivery before this one.
    before: (Option<i64>, u32),
}

impl Profile {
    /// Enters a page view. True if it begins a session.
    pub fn page_viewed(&mut self, view: &PageViewed<'_>) -> bool {
        let at = view.at.as_second();
        let begins = self.visits == 0 || at.saturating_sub(self.session.last_seen) > view.session_timeout;
        if begins {
            self.begin_session(view, at);
        }
        self.pageviews = self.pageviews.saturating_add(1);
        let session = &mut self.session;
        session.pages = session.pages.saturating_add(1);
        // A clock that was set back must not make a session end before it began.
        session.last_seen = session.last_seen.max(at);
        if self.count_path(view.path) {
            self.session.depth = self.session.depth.saturating_add(1);
        }
        begins
    }

    fn begin_session(&mut self, view: &PageViewed<'_>, at: i64) {
        if self.visits == 0 {
            self.first_seen = at;
            self.first_source = Some(view.source.clone());
        } else {
            let ended = &self.session;
            let seconds = u64::try_from(ended.last_seen.saturating_sub(ended.started)).unwrap_or(0);
            self.ended_session_seconds = self.ended_session_seconds.saturating_add(seconds);
            self.ended_session_pages = self.ended_session_pages.saturating_add(u64::from(ended.pages));
            self.previous_visit = Some(ended.last_seen);
        }
        self.visits = self.visits.saturating_add(1);
        let mut end = view.path.len().min(MAX_LANDING_PATH);
        while !view.path.is_char_boundary(end) {
            end -= 1;
        }
        self.session = Session {
            started: at,
            last_seen: at,
            landing_path: view.path.get(..end).unwrap_or_default().to_owned(),
            source: view.source.clone(),
            ..Session::default()
        };
    }

    /// Counts a view of a path, the most recent path last. True if it is the path's first view in this session.
    fn count_path(&mut self, path: &str) -> bool {
        let hash = hash_of(path);
        let known = self.paths.iter().position(|seen| seen.path == hash).map(|index| self.paths.remove(index));
        let mut entry = known.unwrap_or(PathViews { path: hash, views: 0, visit: 0 });
        let first = entry.visit != self.visits;
        entry.views = entry.views.saturating_add(1);
        entry.visit = self.visits;
        if self.paths.len() >= MAX_PATHS {
            self.paths.remove(0);
        }
        self.paths.push(entry);
        first
    }

    /// When anything last came in, in Unix seconds: what is kept is kept so much longer.
    #[must_use]
    pub fn touched(&self) -> i64 {
        self.session.last_seen.max(self.member.imported.unwrap_or(0))
    }

    /// How often a path was viewed, as far as is remembered.
    #[must_use]
    pub fn views_of(&self, path: &str) -> u32 {
        let hash = hash_of(path);
        self.paths.iter().find(|seen| seen.path == hash).map_or(0, |seen| seen.views)
    }

    /// Counts a delivery of a scenario before it is made, so that concurrent tabs cannot overshoot its caps.
    pub fn reserve(&mut self, scenario: &str, at: Timestamp) -> Reservation {
        let (visit, page, at) = (self.visits, self.pageviews, at.as_second());
        let history = self.history_of(scenario);
        if history.session != visit {
            history.session = visit;
            history.session_exposures = 0;
        }
        let before = (history.last_exposure, history.last_exposure_page);
        history.exposures = history.exposures.saturating_add(1);
        history.session_exposures = history.session_exposures.saturating_add(1);
        history.last_exposure = Some(at);
        history.last_exposure_page = page;
        Reservation { scenario: scenario.to_owned(), visit, at, page, before }
    }

    /// Takes back a delivery that was not made.
    pub fn unreserve(&mut self, reservation: &Reservation) {
        let Some(history) = self.scenarios.get_mut(&reservation.scenario) else { return };
        history.exposures = history.exposures.saturating_sub(1);
        if history.session == reservation.visit {
            history.session_exposures = history.session_exposures.saturating_sub(1);
        }
        // Another tab may have had a delivery since: its cooldown stands.
        if (history.last_exposure, history.last_exposure_page) == (Some(reservation.at), reservation.page) {
            (history.last_exposure, history.last_exposure_page) = reservation.before;
        }
        if *history == (ScenarioHistory { session: history.session, ..ScenarioHistory::default() }) {
            self.scenarios.remove(&reservation.scenario);
        }
    }

    /// Notes that a scenario's action was on the screen.
    pub fn viewed(&mut self, scenario: &str) {
        let history = self.history_of(scenario);
        history.views = history.views.saturating_add(1);
    }

    /// Notes a click.
    pub fn clicked(&mut self, scenario: &str) {
        let history = self.history_of(scenario);
        history.clicks = history.clicks.saturating_add(1);
    }

    /// Notes a dismissal.
    pub fn dismissed(&mut self, scenario: &str) {
        let history = self.history_of(scenario);
        history.dismissals = history.dismissals.saturating_add(1);
    }

    /// Notes a conversion.
    pub fn converted(&mut self, scenario: &str) {
        let history = self.history_of(scenario);
        history.conversions = history.conversions.saturating_add(1);
    }

    fn history_of(&mut self, scenario: &str) -> &mut ScenarioHistory {
        self.scenarios.entry(scenario.to_owned()).or_default()
    }
}

fn hash_of(path: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(path.as_bytes())
}

#[cfg(test)]
mod tests;
