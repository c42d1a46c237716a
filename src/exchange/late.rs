//! What is decided while the page streams by: scenarios whose conditions hang on what the page says of itself.
//!
//! An arm is decided once, when the first of its places passes, with all that the page has said up to there; what is not known by
//! then is missing. The first arm of a slot that is made takes it. The control arm stands where its sibling would: it inserts
//! nothing, and counts as delivered exactly where the sibling would have been.

use super::compose::{Visit, late_facts};
use super::{Exchange, Gateway};
use crate::action::{Code, Lowering, carrier};
use crate::commerce::{Content, Product};
use crate::facts::{Customer, Facts, Geo};
use crate::plan::Plan;
use crate::scenario::decide::holds;
use crate::site::Site;
use crate::store::profile::Profile;
use crate::transform::{Edit, Late, Position};
use crate::visitor::consent::Consent;
use bytes::Bytes;
use http::HeaderMap;
use jiff::Zoned;
use smallvec::SmallVec;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is still to be decided of an arm.
pub(super) struct Deferred {
    pub(super) scenario: usize,
    pub(super) variant: usize,
    /// Its condition hangs on the page; else it holds.
    pub(super) undecided: bool,
    /// Its texts hang on the page.
    pub(super) prints: bool,
    pub(super) codes: Vec<Code>,
}

/// What was known with the head, kept until the page has passed.
pub(super) struct Snapshot {
    path: String,
    query: String,
    host: String,
    headers: HeaderMap,
    kind: &'static str,
    status: u16,
    now: Zoned,
    customer: Customer,
    geo: Option<Geo>,
    catalogued: Option<Product>,
    id_known: bool,
    is_bot: bool,
    history: Option<Profile>,
    consent: Consent,
    language: String,
}

/// Decides one page's deferred arms.
struct Stream {
    gateway: Arc<Gateway>,
    site: Arc<Site>,
    snapshot: Box<Snapshot>,
    arms: Vec<Arm>,
    /// By edit: its arm, and which of that arm's edits it is.
    edits: Vec<Option<(usize, usize)>>,
    taken: SmallVec<[Arc<str>; 2]>,
    /// All edits are carried to the runtime.
    carried: bool,
}

struct Arm {
    deferred: Deferred,
    edits: Vec<Edit>,
    fate: Option<Fate>,
}

enum Fate {
    Refused,
    Made(Vec<Bytes>),
}

impl Snapshot {
    /// Keeps what is known. The history is as it was before this page's deliveries were counted in it.
    pub(super) fn take(visit: &Visit<'_>, kind: &'static str, history: Option<Profile>, language: &str) -> Box<Self> {
        let request = visit.request;
        Box::new(Self {
            path: request.path.to_owned(),
            query: request.query.to_owned(),
            host: request.host.to_owned(),
            headers: request.headers.clone(),
            kind,
            status: visit.status.as_u16(),
            now: visit.now.clone(),
            customer: visit.customer.clone(),
            geo: visit.geo.clone(),
            catalogued: visit.catalogued.clone(),
            id_known: visit.id_known,
            is_bot: visit.is_bot,
            history,
            consent: visit.consent,
            language: language.to_owned(),
        })
    }

    fn facts<'s>(&'s self, site: &'s Site, said: &'s Content) -> Facts<'s> {
        let known = Facts {
            path: &self.path,
            query: &self.query,
            host: &self.host,
            headers: &self.headers,
            page_kind: self.kind,
            status: Some(self.status),
            history: self.history.as_ref(),
            id_known: self.id_known,
            is_bot: self.is_bot,
            now: &self.now,
            geo: self.geo.as_ref(),
            customer: &self.customer,
            content: Some(said),
            catalogued: self.catalogued.as_ref(),
            streaming: false,
            currency: "",
            free_shipping_from: None,
            consent: self.consent,
        };
        late_facts(known, site)
    }
}

impl Late for Stream {
    fn resolve(&mut self, edit: usize, said: &Content) -> Option<Bytes> {
        let (arm, nth) = self.edits.get(edit).copied().flatten()?;
        if self.arms.get(arm)?.fate.is_none() {
            let decided = catch_unwind(AssertUnwindSafe(|| self.decide(arm, said)));
            let fate = decided.unwrap_or_else(|_| {
                let index = self.arms.get(arm).map(|arm| arm.deferred.scenario);
                let scenario = index.and_then(|index| self.site.rules.scenarios.get(index)).map(|found| &*found.id);
                self.gateway.failure(&self.site.id, "panic", scenario, "deciding in the stream panicked");
                Some(Fate::Refused)
            });
            self.arms.get_mut(arm)?.fate = fate;
        }
        match self.arms.get(arm)?.fate.as_ref()? {
            Fate::Refused => None,
            Fate::Made(markup) => markup.get(nth).cloned(),
        }
    }
}

impl Stream {
    fn decide(&mut self, arm: usize, said: &Content) -> Option<Fate> {
        let Arm { deferred, edits, .. } = self.arms.get(arm)?;
        let scenario = self.site.rules.scenarios.get(deferred.scenario)?;
        let slot = scenario.slot.clone();
        if slot.as_ref().is_some_and(|slot| self.taken.contains(slot)) {
            return Some(Fate::Refused);
        }
        let facts = self.snapshot.facts(&self.site, said);
        if deferred.undecided && !holds(&self.site.rules, deferred.scenario, &facts) {
            return Some(Fate::Refused);
        }
        let markup = if deferred.prints {
            let Some(markup) = self.lower(deferred, &facts) else { return Some(Fate::Refused) };
            markup
        } else {
            edits.iter().map(|edit| edit.html.clone()).collect()
        };
        self.taken.extend(slot);
        Some(Fate::Made(markup))
    }

    /// Lowers an arm with what the page has said by now.
    fn lower(&self, deferred: &Deferred, facts: &Facts<'_>) -> Option<Vec<Bytes>> {
        let scenario = self.site.rules.scenarios.get(deferred.scenario)?;
        let variant = scenario.variants.get(deferred.variant)?;
        let cx = Lowering {
            facts,
            locale: &self.snapshot.language,
            prefix: &self.site.prefix,
            scenario: &scenario.id,
            variant: &variant.name,
            codes: &deferred.codes,
        };
        let mut markup = Vec::new();
        for action in &variant.actions {
            match action.lower(&cx) {
                Ok(lowered) => markup.extend(
                    lowered
                        .edits
                        .into_iter()
                        .map(|edit| if self.carried { carrier(&edit, &self.site.prefix) } else { edit.html }),
                ),
                Err(error) => {
                    self.gateway.failure(&self.site.id, "template", Some(&scenario.id), &error.to_string());
                    return None;
                }
            }
        }
        Some(markup)
    }
}

impl Exchange {
    /// How this page is read for what it says, if something hangs on it.
    pub(super) fn listens(&self) -> bool {
        self.site.learn.pages && self.site.rules.listens()
    }

    /// What of a plan's edits is deferred, and who decides it.
    pub(super) fn deferred(&mut self, plan: &Plan) -> Option<(Vec<bool>, Box<dyn Late>)> {
        let snapshot = self.delivery.snapshot.take()?;
        let mut arms = Vec::new();
        let mut edits: Vec<Option<(usize, usize)>> = vec![None; plan.edits.len()];
        for planned in &mut self.delivery.arms {
            let Some(deferred) = planned.deferred.take() else { continue };
            let own = plan.edits.get(planned.edits.clone()).unwrap_or_default();
            for (nth, place) in edits.iter_mut().skip(planned.edits.start).take(own.len()).enumerate() {
                *place = Some((arms.len(), nth));
            }
            let own = own.iter().map(|planned| planned.edit.clone()).collect();
            arms.push(Arm { deferred: *deferred, edits: own, fate: None });
        }
        if arms.is_empty() {
            return None;
        }
        let deferred = edits.iter().map(Option::is_some).collect();
        let (gateway, site) = (self.gateway.clone(), self.site.clone());
        let stream = Stream { gateway, site, snapshot, arms, edits, taken: SmallVec::new(), carried: plan.late };
        Some((deferred, Box::new(stream)))
    }
}

/// An edit that marks where its place is, and changes nothing.
pub(super) fn ghost(edit: Edit) -> Edit {
    let position = match edit.position {
        Position::Replace | Position::Remove => Position::Before,
        position => position,
    };
    Edit { position, html: Bytes::new(), ..edit }
}
