//! What the visitor's profile says: `visitor.*`, `session.*`, `source.first.*`, `seen("…")`.

use super::Facts;
use super::value::Value;
use crate::store::profile::{ScenarioHistory, SourceSeen};
use std::borrow::Cow;

const DAY: i64 = 86_400;

type Seen<'a> = Option<Value<'a>>;

pub(super) fn id_known<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|_| Value::Bool(facts.id_known))
}

pub(super) fn visits<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| int(profile.visits))
}

pub(super) fn pageviews<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| int(profile.pageviews))
}

pub(super) fn first_seen_days<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| days_since(facts, profile.first_seen))
}

pub(super) fn days_since_last_visit<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history?.previous_visit.map(|at| days_since(facts, at))
}

pub(super) fn orders<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| int(profile.orders))
}

pub(super) fn spent<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| Value::Double(profile.spent))
}

pub(super) fn days_since_last_order<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history?.last_order.map(|at| days_since(facts, at))
}

pub(super) fn avg_session_seconds<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let profile = facts.history?;
    mean(profile.ended_session_seconds, profile.visits)
}

pub(super) fn avg_session_pages<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let profile = facts.history?;
    mean(profile.ended_session_pages, profile.visits)
}

pub(super) fn tags<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let tags = &facts.history?.tags;
    Some(Value::Strings(tags.iter().map(|tag| Cow::Borrowed(tag.as_str())).collect()))
}

pub(super) fn session_pages<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| int(profile.session.pages))
}

pub(super) fn session_seconds<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let started = facts.history?.session.started;
    Some(Value::Int((facts.now.timestamp().as_second() - started).max(0)))
}

/// The last page is still being looked at: its time is not known.
pub(super) fn session_page_seconds<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let session = &facts.history?.session;
    let pages = session.pages.checked_sub(1).filter(|pages| *pages > 0)?;
    let seconds = session.last_seen.saturating_sub(session.started).max(0);
    Some(Value::Double(seconds as f64 / f64::from(pages)))
}

pub(super) fn landing_path<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| text(&profile.session.landing_path))
}

pub(super) fn session_depth<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| int(profile.session.depth))
}

pub(super) fn page_views<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history.map(|profile| int(profile.views_of(facts.path)))
}

pub(super) fn first_source_kind<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    first_source(facts).map(|source| text(&source.kind))
}

pub(super) fn first_source_host<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    first_source(facts)?.host.as_deref().map(text)
}

pub(super) fn first_source_medium<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    first_source(facts)?.medium.as_deref().map(text)
}

pub(super) fn first_source_campaign<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    first_source(facts)?.campaign.as_deref().map(text)
}

pub(super) fn seen<'a>(facts: &'a Facts<'a>, scenario: Option<&str>) -> Seen<'a> {
    answered(facts, scenario, |history| history.exposures)
}

pub(super) fn clicked<'a>(facts: &'a Facts<'a>, scenario: Option<&str>) -> Seen<'a> {
    answered(facts, scenario, |history| history.clicks)
}

pub(super) fn dismissed<'a>(facts: &'a Facts<'a>, scenario: Option<&str>) -> Seen<'a> {
    answered(facts, scenario, |history| history.dismissals)
}

fn answered<'a>(facts: &Facts<'_>, scenario: Option<&str>, count: fn(&ScenarioHistory) -> u32) -> Seen<'a> {
    let history = facts.history?.scenarios.get(scenario?);
    Some(Value::Bool(history.is_some_and(|history| count(history) > 0)))
}

fn first_source<'a>(facts: &'a Facts<'a>) -> Option<&'a SourceSeen> {
    facts.history?.first_source.as_ref()
}

fn int<'a>(number: u32) -> Value<'a> {
    Value::Int(i64::from(number))
}

fn text(text: &str) -> Value<'_> {
    Value::String(Cow::Borrowed(text))
}

/// Full days from a moment until now. A clock that was set back gives 0, not a negative number.
fn days_since<'a>(facts: &Facts<'_>, at: i64) -> Value<'a> {
    Value::Int((facts.now.timestamp().as_second() - at).max(0) / DAY)
}

/// Mean over the visits before the current one.
fn mean<'a>(sum: u64, visits: u32) -> Seen<'a> {
    let ended = visits.checked_sub(1).filter(|ended| *ended > 0)?;
    Some(Value::Double(sum as f64 / f64::from(ended)))
}
