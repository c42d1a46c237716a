//! What a page is to become: the page view entered, the scenarios judged, their actions lowered.

use super::delivery::Planned;
use super::hydration;
use super::{Exchange, Guest, Profile, RequestView};
use crate::action::{Lowered, Lowering};
use crate::event::Arm;
use crate::facts::{Customer, Facts, source};
use crate::plan::{Needs, Plan, PlannedEdit, Runtime};
use crate::scenario::decide::{Choice, DecideContext, Decision, decide};
use crate::scenario::{Scenario, Variant};
use crate::site::{CustomerSource, Site};
use crate::store::profile::PageViewed;
use crate::visitor::cookie;
use http::header::CONTENT_LANGUAGE;
use http::{HeaderMap, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

impl Exchange {
    /// Enters the page view, decides, reserves and lowers: everything under the profile's lock, so that two tabs of one
    /// visitor cannot overshoot a cap.
    pub(super) fn plan(&mut self, request: &RequestView<'_>, status: StatusCode, headers: &HeaderMap) -> Plan {
        let site = self.site.clone();
        let gateway = self.gateway.clone();
        let timestamp = gateway.clock.now();
        let now = timestamp.to_zoned(site.time_zone.clone());
        let customer = customer(&site, request, headers, self.trusted_peer);
        let geo = gateway.locate(&site, self.client);
        let (visitor, id_known, is_bot) = match self.guest {
            Guest::Visitor { id, known, .. } => (Some(id), known, false),
            Guest::Nobody { bot } => (None, false, bot),
        };
        let live = match (&self.profile, visitor) {
            (Profile::Here(profile), Some(_)) => Some(profile.clone()),
            _ => None,
        };
        let mut guard = live.as_ref().map(|live| live.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(profile) = guard.as_deref_mut() {
            let source = source::classify(request.query, source::referrer(request.headers), request.host);
            profile.page_viewed(&PageViewed {
                at: timestamp,
                path: request.path,
                source: &source,
                session_timeout: i64::try_from(site.session_timeout.as_secs()).unwrap_or(i64::MAX),
            });
        }
        if self.will.consent.analytics && (live.is_some() || !self.will.consent.personalisation) && visitor.is_some() {
            self.delivery.page_view = Some(Arc::from(request.path));
        }
        let facts = Facts {
            path: request.path,
            query: request.query,
            host: request.host,
            headers: request.headers,
            page_kind: self.kind,
            status: Some(status.as_u16()),
            history: guard.as_deref(),
            id_known,
            is_bot,
            now: &now,
            geo: geo.as_ref(),
            customer: &customer,
            content: None,
            catalogued: None,
            streaming: false,
            currency: &site.currency,
            free_shipping_from: site.free_shipping_from,
            consent: self.will.consent,
        };
        let cx = DecideContext {
            site: &site.id,
            visitor: visitor.as_ref().filter(|_| guard.is_some()),
            facts: &facts,
            history: guard.as_deref(),
            now: &now,
            holdout: site.holdout,
        };
        // A condition that panics decides nothing, and the page view counts all the same.
        let decision = catch_unwind(AssertUnwindSafe(|| decide(&site.rules, &cx, None))).unwrap_or_else(|_| {
            gateway.failure(&site.id, "panic", None, "deciding panicked");
            self.load.fail("panic");
            Decision::default()
        });
        // The page's own language, so that what is inserted is in one language with it; else the visitor's, else the shop's.
        let language = language_of(headers).or_else(|| facts.language()).unwrap_or(&site.locale);
        let mut plan = Plan::default();
        for choice in &decision.choices {
            let planned = self.lower(&mut plan, choice, &facts, language);
            self.delivery.lost |= planned.is_none();
            self.delivery.arms.extend(planned);
        }
        if let Some(asking) = site.asking.as_ref().filter(|_| !self.will.chosen && !is_bot) {
            plan.edits.push(PlannedEdit { edit: asking.edit(language), arm: None });
            plan.asks = true;
        }
        if let Some(profile) = guard.as_deref_mut() {
            for planned in &mut self.delivery.arms {
                planned.reservation = Some(profile.reserve(&planned.arm.scenario, timestamp));
            }
        }
        drop(guard);
        self.delivery.profile = live;
        self.delivery.customer = customer;
        if self.delivery.lost && plan.edits.is_empty() {
            self.load.fail("template");
        }
        if !plan.edits.is_empty() && self.gateway.learnt.is_late(&site, self.kind, gateway.clock.monotonic()) {
            hydration::deliver_late(&mut plan, &site.prefix);
        }
        plan
    }

    /// Lowers one choice into the plan. A failing action leaves its whole arm out: half an arm would be no fair trial.
    fn lower(&self, plan: &mut Plan, choice: &Choice, facts: &Facts<'_>, locale: &str) -> Option<Planned> {
        let site = self.site.clone();
        let (scenario, variant) = chosen(&site, choice)?;
        let cx = Lowering { facts, locale, prefix: &site.prefix, scenario: &scenario.id, variant: &variant.name };
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
            return None;
        }
        let arm = Arm { scenario: scenario.id.clone(), variant: variant.name.clone() };
        let (first, index) = (plan.edits.len(), plan.arms.len());
        let mut needs = Needs::default();
        for made in lowered {
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
        Some(Planned { arm, reservation: None, edits: first..plan.edits.len() })
    }
}

/// The page's language, if its head names just one.
fn language_of(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get(CONTENT_LANGUAGE)?.to_str().ok()?.trim();
    let tag = named.split('-').next().filter(|tag| tag.bytes().all(|byte| byte.is_ascii_alphabetic()));
    tag.filter(|tag| !tag.is_empty())
}

fn chosen<'s>(site: &'s Site, choice: &Choice) -> Option<(&'s Scenario, &'s Variant)> {
    let scenario = site.rules.scenarios.get(choice.scenario)?;
    Some((scenario, scenario.variants.get(choice.variant)?))
}

/// What the shop says of its customer in this exchange.
fn customer(site: &Site, request: &RequestView<'_>, response: &HeaderMap, trusted_peer: bool) -> Customer {
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
