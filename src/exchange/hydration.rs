//! Pages whose own script takes over what the server has rendered: nodes that it does not know are thrown out. What is inserted
//! there is delivered by the runtime, after that script.
//!
//! Which pages those are, a site says, or its visitors' browsers do: what was delivered and is not there once the page has come
//! to rest is reported, as is what was seen. What is learnt is kept by site and kind of page, in memory, for a day.

use crate::action::carrier;
use crate::ids::{SiteId, VisitorId};
use crate::plan::{Plan, Runtime};
use crate::site::{DeliverBy, Site};
use crate::transform::{Edit, Position, Selector, Target};
use parking_lot::RwLock;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// So many visitors must have lost what a scenario delivered.
const ENOUGH: usize = 3;
/// How long what was learnt holds, and how long reports are remembered.
const LASTS: Duration = Duration::from_secs(86_400);

static BODY: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("body").ok());

/// What visitors' browsers have told.
#[derive(Debug, Default)]
pub struct Learnt {
    sites: RwLock<HashMap<SiteId, HashMap<&'static str, Kind>>>,
}

/// A kind of page.
#[derive(Debug, Default)]
struct Kind {
    /// Since when the runtime delivers.
    settled: Option<Instant>,
    /// By scenario: one may stand where nothing is thrown out, and another not.
    told: HashMap<Arc<str>, Told>,
}

#[derive(Debug)]
struct Told {
    since: Instant,
    /// Visitors who lost it.
    lost: SmallVec<[VisitorId; ENOUGH]>,
    /// How often it was seen meanwhile.
    seen: usize,
}

impl Learnt {
    /// Whether what is inserted into a page must be delivered by the runtime.
    pub(super) fn is_late(&self, site: &Site, kind: &'static str, now: Instant) -> bool {
        match site.deliver_by {
            DeliverBy::Script => true,
            DeliverBy::Page => false,
            DeliverBy::Auto => self.has_settled(&site.id, kind, now),
        }
    }

    fn has_settled(&self, site: &SiteId, kind: &'static str, now: Instant) -> bool {
        let sites = self.sites.read();
        let found = sites.get(site).and_then(|kinds| kinds.get(kind));
        found.and_then(|kind| kind.settled).is_some_and(|since| now < since + LASTS)
    }

    /// A visitor's browser has lost what a scenario delivered. Whether this settles that the runtime is to deliver from now on.
    pub(super) fn lost(
        &self,
        site: &SiteId,
        kind: &'static str,
        scenario: &Arc<str>,
        visitor: VisitorId,
        now: Instant,
    ) -> bool {
        if self.has_settled(site, kind, now) {
            return false;
        }
        let mut sites = self.sites.write();
        let kind = sites.entry(site.clone()).or_default().entry(kind).or_default();
        let told = kind.told.entry(scenario.clone()).or_insert_with(|| Told::begin(now));
        if now >= told.since + LASTS {
            *told = Told::begin(now);
        }
        if !told.lost.contains(&visitor) {
            told.lost.push(visitor);
        }
        if told.lost.len() < ENOUGH {
            return false;
        }
        if told.seen > ENOUGH {
            // Most visitors keep it: these browsers have something of their own that takes it away.
            *told = Told::begin(now);
            return false;
        }
        *kind = Kind { settled: Some(now), told: HashMap::new() };
        true
    }

    /// A visitor has seen what a scenario delivered.
    pub(super) fn seen(&self, site: &SiteId, kind: &'static str, scenario: &str) {
        let lost_before = |kind: &Kind| kind.told.contains_key(scenario);
        if !self.sites.read().get(site).and_then(|kinds| kinds.get(kind)).is_some_and(lost_before) {
            return;
        }
        let mut sites = self.sites.write();
        let found = sites.get_mut(site).and_then(|kinds| kinds.get_mut(kind));
        if let Some(told) = found.and_then(|kind| kind.told.get_mut(scenario)) {
            told.seen = told.seen.saturating_add(1);
        }
    }
}

impl Told {
    fn begin(now: Instant) -> Self {
        Self { since: now, lost: SmallVec::new(), seen: 0 }
    }
}

/// Has all edits carried out by the runtime.
pub(super) fn deliver_late(plan: &mut Plan, prefix: &str) {
    let Some(body) = BODY.as_ref() else { return };
    for planned in &mut plan.edits {
        // What only marks a place brings nothing.
        let brings = !planned.edit.html.is_empty() || planned.edit.position == Position::Remove;
        let html = if brings { carrier(&planned.edit, prefix) } else { bytes::Bytes::new() };
        planned.edit = at_the_end(body, html);
    }
    for needs in &mut plan.arms {
        needs.runtime = Runtime::Needed;
    }
    plan.late = true;
}

/// An edit at the end of the body, where frameworks tolerate what they do not know.
fn at_the_end(body: &Selector, html: bytes::Bytes) -> Edit {
    Edit { target: Target::First(body.clone()), position: Position::Append, html }
}

/// Where the links to our own files go.
pub(super) fn links(plan: &Plan, html: bytes::Bytes) -> Edit {
    match BODY.as_ref() {
        Some(body) if plan.late => at_the_end(body, html),
        _ => Edit { target: Target::Head, position: Position::Prepend, html },
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a moment to count from")]
mod tests {
    use super::*;

    const KIND: &str = "product";

    struct Case {
        learnt: Learnt,
        now: Instant,
    }

    impl Case {
        fn new() -> Self {
            Self { learnt: Learnt::default(), now: Instant::now() }
        }

        fn lost(&self, scenario: &str, visitor: u8) -> bool {
            self.learnt.lost(&SiteId::new("shop"), KIND, &scenario.into(), VisitorId([visitor; 16]), self.now)
        }

        fn seen(&self, scenario: &str, times: usize) {
            (0..times).for_each(|_| self.learnt.seen(&SiteId::new("shop"), KIND, scenario));
        }

        fn settled(&self, kind: &'static str, later: Duration) -> bool {
            self.learnt.has_settled(&SiteId::new("shop"), kind, self.now + later)
        }
    }

    #[test]
    fn three_visitors_settle_a_kind_for_a_day_and_one_alone_never_does() {
        let case = Case::new();
        assert!((0..9).all(|_| !case.lost("banner", 1)));
        assert!(!case.lost("banner", 2));
        assert!(!case.settled(KIND, Duration::ZERO));
        assert!(case.lost("banner", 3));
        assert!(!case.lost("banner", 4), "settled once");
        case.seen("banner", 9);
        assert!(case.settled(KIND, LASTS / 2), "what the runtime delivers is seen");
        assert!(!case.settled(KIND, LASTS), "tried anew");
        assert!(!case.settled("cart", Duration::ZERO));
    }

    #[test]
    fn a_few_losses_among_many_views_settle_nothing() {
        let case = Case::new();
        for visitor in 0..30 {
            assert!(!case.lost("banner", visitor));
            case.seen("banner", 2);
        }
    }

    #[test]
    fn what_is_seen_elsewhere_on_the_page_does_not_hide_a_loss() {
        let case = Case::new();
        let settled = (0..3).map(|visitor| {
            case.seen("banner", 2);
            case.lost("note", visitor)
        });
        assert_eq!(settled.collect::<Vec<_>>(), [false, false, true]);
    }
}
