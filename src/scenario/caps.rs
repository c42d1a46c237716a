//! Whether a visitor has had enough of a scenario.

use super::{Caps, Cooldown};
use crate::store::profile::Profile;
use jiff::Timestamp;

/// The cap that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// `per_session`
    PerSession,
    /// `per_visitor`
    PerVisitor,
    /// `cooldown`
    Cooldown,
    /// `stop_after` a click
    Clicked,
    /// `stop_after` a dismissal
    Dismissed,
    /// `stop_after` a conversion
    Converted,
}

impl Caps {
    /// Whether nothing is capped.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.per_session.is_none()
            && self.per_visitor.is_none()
            && self.cooldown.is_none()
            && !self.stop_after_click
            && !self.stop_after_dismiss
            && !self.stop_after_conversion
    }

    /// Whether deliveries are counted: several machines must then agree on the count.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.per_session.is_some() || self.per_visitor.is_some() || self.cooldown.is_some()
    }

    /// The cap that stands in the way of one more delivery.
    #[must_use]
    pub fn reached(&self, profile: &Profile, scenario: &str, now: Timestamp) -> Option<Cap> {
        if self.is_none() {
            return None;
        }
        let none = crate::store::profile::ScenarioHistory::default();
        let history = profile.scenarios.get(scenario).unwrap_or(&none);
        if self.stop_after_click && history.clicks > 0 {
            return Some(Cap::Clicked);
        }
        if self.stop_after_dismiss && history.dismissals > 0 {
            return Some(Cap::Dismissed);
        }
        if self.stop_after_conversion && history.conversions > 0 {
            return Some(Cap::Converted);
        }
        if self.per_visitor.is_some_and(|most| history.exposures >= most) {
            return Some(Cap::PerVisitor);
        }
        let this_session = if history.session == profile.visits { history.session_exposures } else { 0 };
        if self.per_session.is_some_and(|most| this_session >= most) {
            return Some(Cap::PerSession);
        }
        let last = history.last_exposure?;
        let rested = match self.cooldown? {
            Cooldown::Pages(pages) => profile.pageviews.saturating_sub(history.last_exposure_page) > pages,
            Cooldown::Time(time) => {
                now.as_second().saturating_sub(last) >= i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
            }
        };
        (!rested).then_some(Cap::Cooldown)
    }
}
