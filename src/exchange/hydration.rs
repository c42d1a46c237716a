//! Pages whose own script takes over the whole document: what is inserted there is delivered by the runtime, after it.
//!
//! Which pages those are, a site says, or its visitors' browsers do: a node that was delivered and is gone once the page has
//! come to rest is reported, as is one that was seen. What is learnt is kept by site and kind of page, in memory, for a day.

use crate::action::carrier;
use crate::ids::{SiteId, VisitorId};
use crate::plan::{Plan, Runtime};
use crate::site::{Hydration, Site};
use crate::transform::{Edit, Position, Selector, Target};
use parking_lot::RwLock;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// So many visitors must have lost what was delivered.
const ENOUGH: usize = 3;
/// How long what was learnt holds, and how long a single report is remembered.
const LASTS: Duration = Duration::from_secs(86_400);

static BODY: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("body").ok());

/// What visitors' browsers have told.
#[derive(Debug, Default)]
pub struct Learnt {
    kinds: RwLock<HashMap<SiteId, HashMap<&'static str, Told>>>,
}

#[derive(Debug)]
struct Told {
    since: Instant,
    /// Visitors who lost something.
    lost: SmallVec<[VisitorId; ENOUGH]>,
    /// How often something was seen meanwhile.
    seen: usize,
    /// The runtime delivers.
    settled: bool,
}

impl Learnt {
    /// Whether what is inserted into a page must be delivered by the runtime.
    pub(super) fn is_late(&self, site: &Site, kind: &'static str, now: Instant) -> bool {
        match site.hydration {
            Hydration::Document => true,
            Hydration::Parts => false,
            Hydration::Auto => self.has_settled(&site.id, kind, now),
        }
    }

    fn has_settled(&self, site: &SiteId, kind: &'static str, now: Instant) -> bool {
        let kinds = self.kinds.read();
        let told = kinds.get(site).and_then(|kinds| kinds.get(kind));
        told.is_some_and(|told| told.settled && now < told.since + LASTS)
    }

    /// A visitor's browser has lost what was delivered. Whether this settles that the runtime is to deliver from now on.
    pub(super) fn lost(&self, site: &SiteId, kind: &'static str, visitor: VisitorId, now: Instant) -> bool {
        let mut kinds = self.kinds.write();
        let fresh = || Told { since: now, lost: SmallVec::new(), seen: 0, settled: false };
        let told = kinds.entry(site.clone()).or_default().entry(kind).or_insert_with(fresh);
        if now >= told.since + LASTS {
            *told = fresh();
        }
        if told.settled || told.lost.contains(&visitor) {
            return false;
        }
        told.lost.push(visitor);
        if told.lost.len() < ENOUGH {
            return false;
        }
        if told.seen > ENOUGH {
            // Most visitors keep it: these browsers have something of their own that takes it away.
            *told = fresh();
            return false;
        }
        (told.since, told.settled) = (now, true);
        true
    }

    /// A visitor has seen what was delivered.
    pub(super) fn seen(&self, site: &SiteId, kind: &'static str) {
        if self.kinds.read().get(site).is_none_or(|kinds| !kinds.contains_key(kind)) {
            return;
        }
        if let Some(told) = self.kinds.write().get_mut(site).and_then(|kinds| kinds.get_mut(kind)) {
            told.seen = told.seen.saturating_add(1);
        }
    }
}

/// Has all edits carried out by the runtime.
pub(super) fn deliver_late(plan: &mut Plan, prefix: &str) {
    let Some(body) = BODY.as_ref() else { return };
    for planned in &mut plan.edits {
        let html = carrier(&planned.edit, prefix);
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

    fn site() -> SiteId {
        SiteId::new("shop")
    }

    #[test]
    fn three_visitors_settle_a_kind_for_a_day_and_one_alone_never_does() {
        let (learnt, now) = (Learnt::default(), Instant::now());
        for _ in 0..9 {
            assert!(!learnt.lost(&site(), "product", VisitorId([1; 16]), now));
        }
        assert!(!learnt.lost(&site(), "product", VisitorId([2; 16]), now));
        assert!(!learnt.has_settled(&site(), "product", now));
        assert!(learnt.lost(&site(), "product", VisitorId([3; 16]), now));
        assert!(!learnt.lost(&site(), "product", VisitorId([4; 16]), now), "settled once");
        (0..9).for_each(|_| learnt.seen(&site(), "product"));
        assert!(learnt.has_settled(&site(), "product", now + LASTS / 2), "what the runtime delivers is seen");
        assert!(!learnt.has_settled(&site(), "product", now + LASTS), "tried anew");
        assert!(!learnt.has_settled(&site(), "cart", now));
    }

    #[test]
    fn a_few_losses_among_many_views_settle_nothing() {
        let (learnt, now) = (Learnt::default(), Instant::now());
        for visitor in 0..30 {
            assert!(!learnt.lost(&site(), "product", VisitorId([visitor; 16]), now));
            (0..2).for_each(|_| learnt.seen(&site(), "product"));
        }
    }
}
