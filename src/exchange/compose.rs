//! What a page is to become: the page view entered, the scenarios judged, their actions lowered.

use super::claims::{Held, Wanted};
use super::delivery::Planned;
use super::hydration;
use super::late::{Deferred, Snapshot, ghost};
use super::{Exchange, Guest, Profile, RequestView, lock};
use crate::action::{Code, Lowered, Lowering};
use crate::commerce::Product;
use crate::event::Arm;
use crate::facts::{Customer, Facts, Geo, source};
use crate::ids::VisitorId;
use crate::plan::{Needs, Plan, PlannedEdit, Runtime};
use crate::scenario::decide::{Choice, DecideContext, Decision, When, decide_among};
use crate::scenario::{Scenario, Variant};
use crate::site::{CustomerSource, Site};
use crate::store::LiveProfile;
use crate::store::profile::{PageViewed, Profile as History};
use crate::visitor::consent::Consent;
use crate::visitor::cookie;
use http::header::CONTENT_LANGUAGE;
use http::{HeaderMap, StatusCode};
use jiff::{Timestamp, Zoned};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard};

/// A page view, as far as it is known with the head of the shop's answer; apart from the visitor's history.
pub(super) struct Visit<'a> {
    pub(super) request: &'a RequestView<'a>,
    /// The answer's headers.
    headers: &'a HeaderMap,
    pub(super) status: StatusCode,
    pub(super) at: Timestamp,
    pub(super) now: Zoned,
    pub(super) customer: Customer,
    pub(super) geo: Option<Geo>,
    pub(super) visitor: Option<VisitorId>,
    pub(super) id_known: bool,
    pub(super) is_bot: bool,
    pub(super) profile: Option<LiveProfile>,
    /// What the visitor allows.
    pub(super) consent: Consent,
    /// What earlier views of this page, by whomever, have said of its product; looked up where something hangs on it.
    pub(super) catalogued: Option<Product>,
    /// The page is read as it streams by: what it has not said it may still say.
    streaming: bool,
}

impl Visit<'_> {
    fn facts<'v>(&'v self, site: &'v Site, page_kind: &'v str, history: Option<&'v History>) -> Facts<'v> {
        let known = Facts {
            path: self.request.path,
            query: self.request.query,
            host: self.request.host,
            headers: self.request.headers,
            page_kind,
            status: Some(self.status.as_u16()),
            history,
            id_known: self.id_known,
            is_bot: self.is_bot,
            now: &self.now,
            geo: self.geo.as_ref(),
            customer: &self.customer,
            content: None,
            catalogued: self.catalogued.as_ref(),
            streaming: self.streaming,
            currency: "",
            free_shipping_from: None,
            consent: self.consent,
        };
        late_facts(known, site)
    }
}

/// What the site's own settings add.
pub(super) fn late_facts<'f>(known: Facts<'f>, site: &'f Site) -> Facts<'f> {
    Facts { currency: &site.currency, free_shipping_from: site.free_shipping_from, ..known }
}

/// What follows from the head of the shop's answer.
pub(super) enum Decided {
    /// This is to be done.
    Plan(Plan),
    /// This must be claimed before.
    Claim(Decision, Vec<Wanted>),
}

impl Exchange {
    /// Gathers what is known.
    pub(super) fn visit<'a>(
        &self,
        request: &'a RequestView<'a>,
        status: StatusCode,
        headers: &'a HeaderMap,
    ) -> Visit<'a> {
        let at = self.gateway.clock.now();
        let (visitor, id_known, is_bot) = match self.guest {
            Guest::Visitor { id, known, .. } => (Some(id), known, false),
            Guest::Nobody { bot } => (None, false, bot),
        };
        Visit {
            request,
            headers,
            status,
            at,
            now: at.to_zoned(self.site.time_zone.clone()),
            customer: customer(&self.site, request, headers, self.trusted_peer),
            geo: self.gateway.locate(&self.site, self.client),
            visitor,
            id_known,
            is_bot,
            profile: match (&self.profile, visitor) {
                (Profile::Here(profile), Some(_)) => Some(profile.clone()),
                _ => None,
            },
            consent: self.will.consent,
            streaming: self.listens(),
            catalogued: self.catalogued(request),
        }
    }

    fn catalogued(&self, request: &RequestView<'_>) -> Option<Product> {
        if !self.site.rules.listens() {
            return None;
        }
        let known = self.gateway.catalogues.of(&self.site.id).product_at(request.path, request.query)?;
        Some(known.product)
    }

    /// Enters the page view, decides, reserves and, unless something must be claimed, lowers: everything under the profile's lock, so
    /// that two tabs of one visitor cannot overshoot a cap.
    pub(super) fn decide(&mut self, visit: &Visit<'_>) -> Decided {
        self.delivery.profile.clone_from(&visit.profile);
        let mut guard = visit.profile.as_ref().map(lock);
        if let Some(profile) = guard.as_deref_mut() {
            let request = visit.request;
            let source = source::classify(request.query, source::referrer(request.headers), request.host);
            profile.page_viewed(&PageViewed {
                at: visit.at,
                path: request.path,
                source: &source,
                session_timeout: i64::try_from(self.site.session_timeout.as_secs()).unwrap_or(i64::MAX),
            });
        }
        if self.will.consent.analytics
            && (visit.profile.is_some() || !self.will.consent.personalisation)
            && visit.visitor.is_some()
        {
            self.delivery.page_view = Some(Arc::from(visit.request.path));
        }
        let decision = self.judge(visit, guard.as_deref(), |_| true);
        if decision.choices.iter().any(|choice| self.must_claim(choice)) {
            let wanted = self.hold(visit, &decision, guard.as_deref_mut());
            return Decided::Claim(decision, wanted);
        }
        Decided::Plan(self.compose(visit, &decision, guard))
    }

    /// Decides among some of the scenarios. A condition that panics decides nothing, and the page view counts all the same.
    pub(super) fn judge(&self, visit: &Visit<'_>, history: Option<&History>, may: impl Fn(usize) -> bool) -> Decision {
        let facts = visit.facts(&self.site, self.kind, history);
        let cx = DecideContext {
            site: &self.site.id,
            visitor: visit.visitor.as_ref().filter(|_| history.is_some()),
            facts: &facts,
            history,
            now: &visit.now,
            holdout: self.site.holdout,
        };
        let decided = catch_unwind(AssertUnwindSafe(|| decide_among(&self.site.rules, &cx, visit.streaming, may)));
        decided.unwrap_or_else(|_| {
            self.gateway.failure(&self.site.id, "panic", None, "deciding panicked");
            Decision { failed: true, ..Decision::default() }
        })
    }

    /// Lowers what was decided and claimed.
    pub(super) fn compose_held(&mut self, visit: &Visit<'_>, decision: &Decision) -> Plan {
        self.compose(visit, decision, visit.profile.as_ref().map(lock))
    }

    /// Whether anything of the page is decided as it streams by.
    fn is_late(&self, visit: &Visit<'_>, decision: &Decision) -> bool {
        let is_late =
            |choice: &Choice| chosen(&self.site, choice).is_some_and(|(_, variant)| is_deferred(choice, variant));
        visit.streaming && decision.choices.iter().any(is_late)
    }

    fn compose(&mut self, visit: &Visit<'_>, decision: &Decision, mut guard: Option<MutexGuard<'_, History>>) -> Plan {
        if decision.failed {
            self.load.fail("panic");
        }
        let mut held = std::mem::take(&mut self.delivery.held);
        let facts = visit.facts(&self.site, self.kind, guard.as_deref());
        // The page's own language, so that what is inserted is in one language with it; else the visitor's, else the shop's.
        let language = language_of(visit.headers).or_else(|| facts.language()).unwrap_or(&self.site.locale);
        let snapshot = self.is_late(visit, decision).then(|| {
            let mut history = guard.as_deref().cloned();
            if let Some(history) = &mut history {
                held.iter().filter_map(|held| held.reservation.as_ref()).for_each(|held| history.unreserve(held));
            }
            Snapshot::take(visit, self.kind, history, language)
        });
        let mut plan = Plan::default();
        for choice in &decision.choices {
            let at = held.iter().position(|held| held.scenario == choice.scenario);
            let own = at.map(|at| held.swap_remove(at));
            match self.lower(&mut plan, choice, own, &facts, language, visit.streaming) {
                Ok(planned) => self.delivery.arms.push(planned),
                Err(own) => {
                    self.delivery.lost = true;
                    held.extend(own);
                }
            }
        }
        if let Some(asking) = self.site.asking.as_ref().filter(|_| !self.will.chosen && !visit.is_bot) {
            plan.edits.push(PlannedEdit { edit: asking.edit(language), arm: None });
            plan.asks = true;
        }
        if let Some(profile) = guard.as_deref_mut() {
            for planned in self.delivery.arms.iter_mut().filter(|planned| planned.reservation.is_none()) {
                planned.reservation = Some(profile.reserve(&planned.arm.scenario, visit.at));
            }
        }
        drop(guard);
        self.delivery.snapshot = snapshot;
        self.delivery.customer.clone_from(&visit.customer);
        self.release(held.into_iter().map(|held| (held.reservation, held.grant)));
        if self.delivery.lost && plan.edits.is_empty() {
            self.load.fail("template");
        }
        if !plan.edits.is_empty() && self.gateway.learnt.is_late(&self.site, self.kind, self.gateway.clock.monotonic())
        {
            hydration::deliver_late(&mut plan, &self.site.prefix);
        }
        plan
    }

    /// Lowers one choice into the plan. A failing action leaves its whole arm out: half an arm would be no fair trial.
    fn lower(
        &self,
        plan: &mut Plan,
        choice: &Choice,
        held: Option<Held>,
        facts: &Facts<'_>,
        locale: &str,
        streaming: bool,
    ) -> Result<Planned, Option<Held>> {
        let site = &self.site;
        let Some((scenario, own)) = chosen(site, choice) else { return Err(held) };
        let deferred = streaming && is_deferred(choice, own);
        let is_ghost = deferred && choice.control;
        // A control arm that is decided in the stream stands where its sibling would.
        let sibling = || scenario.variants.iter().find(|variant| !variant.actions.is_empty());
        let variant = if is_ghost { sibling().unwrap_or(own) } else { own };
        let grant = held.as_ref().and_then(|held| held.grant.as_ref());
        let mut codes: Vec<Code> = grant.map(|grant| grant.codes(&site.time_zone)).unwrap_or_default();
        if is_ghost {
            codes.extend(variant.pools().map(|pool| Code { pool: pool.clone(), text: "".into(), until: None }));
        }
        let cx = Lowering {
            facts,
            locale,
            prefix: &site.prefix,
            scenario: &scenario.id,
            variant: &variant.name,
            codes: &codes,
        };
        let mut lowered: Vec<Lowered> = Vec::with_capacity(variant.actions.len());
        for action in &variant.actions {
            let (kind, reason) = match catch_unwind(AssertUnwindSafe(|| action.lower(&cx))) {
                Ok(Ok(made)) => {
                    lowered.push(made);
                    continue;
                }
                Ok(Err(error)) => ("template", error.to_string()),
                Err(_) => ("panic", format!("the {} panicked", action.kind())),
            };
            self.gateway.failure(&site.id, kind, Some(&scenario.id), &reason);
            return Err(held);
        }
        let arm = Arm { scenario: scenario.id.clone(), variant: own.name.clone() };
        let (first, index) = (plan.edits.len(), plan.arms.len());
        let mut needs = Needs::default();
        for made in lowered {
            if is_ghost {
                let places = made.edits.into_iter().map(ghost);
                plan.edits.extend(places.map(|edit| PlannedEdit { edit, arm: Some(index) }));
                continue;
            }
            needs.style |= made.needs_style;
            // What works without a script is measured only where something hangs on it.
            needs.runtime = needs.runtime.max(match () {
                () if made.needs_runtime => Runtime::Needed,
                () if made.wants_runtime && scenario.is_measured() => Runtime::Wanted,
                () => Runtime::Unused,
            });
            needs.loads_scripts |= made.loads_scripts;
            needs.sources.extend(made.csp_sources);
            plan.edits.extend(made.edits.into_iter().map(|edit| PlannedEdit { edit, arm: Some(index) }));
        }
        plan.arms.push(needs);
        let (reservation, grant) = held.map(|held| (held.reservation, held.grant)).unwrap_or_default();
        let deferred = deferred.then(|| {
            let (scenario, undecided) = (choice.scenario, choice.when == When::Undecided);
            let prints = !is_ghost && own.prints_content();
            Box::new(Deferred { scenario, variant: choice.variant, undecided, prints, codes })
        });
        let (control, late) = (choice.control, deferred.is_some());
        Ok(Planned { arm, control, late, deferred, reservation, grant, edits: first..plan.edits.len() })
    }
}

/// Whether an arm is decided, or lowered, only when its place passes.
fn is_deferred(choice: &Choice, variant: &Variant) -> bool {
    choice.when != When::Now || variant.prints_content()
}

/// The page's language, if its head names just one.
fn language_of(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get(CONTENT_LANGUAGE)?.to_str().ok()?.trim();
    let tag = named.split('-').next().filter(|tag| tag.bytes().all(|byte| byte.is_ascii_alphabetic()));
    tag.filter(|tag| !tag.is_empty())
}

pub(super) fn chosen<'s>(site: &'s Site, choice: &Choice) -> Option<(&'s Scenario, &'s Variant)> {
    let scenario = site.rules.scenarios.get(choice.scenario)?;
    Some((scenario, scenario.variants.get(choice.variant)?))
}

/// What the shop says of its customer in this exchange.
pub(super) fn customer(site: &Site, request: &RequestView<'_>, response: &HeaderMap, trusted_peer: bool) -> Customer {
    let mut customer = Customer::default();
    for mapping in &site.customer {
        let value = match &mapping.from {
            CustomerSource::ResponseHeader(name) => response.get(name).and_then(|value| value.to_str().ok()),
            CustomerSource::RequestHeader(name) if trusted_peer => {
                request.headers.get(name).and_then(|value| value.to_str().ok())
            }
            CustomerSource::RequestHeader(_) => None,
            CustomerSource::Cookie(name) => cookie::value(request.headers, name),
        };
        if let Some(value) = value {
            let text = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            customer.fields.push((mapping.field.as_str().into(), text.into()));
        }
    }
    customer
}
