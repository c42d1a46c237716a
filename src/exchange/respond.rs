//! The way out: what is known, what is decided, and what is done to the page.

use super::{Aborted, Exchange, Guest, HeadEdits, Outcome, Profile, RequestView, headers};
use crate::action::{Lowered, Lowering};
use crate::client::Nonces;
use crate::event::{Arm, Event, What};
use crate::facts::{Customer, Facts, source};
use crate::plan::{Plan, PlannedEdit};
use crate::scenario::decide::{Choice, DecideContext, decide};
use crate::scenario::{Scenario, Variant};
use crate::site::{CustomerSource, Site};
use crate::store::profile::{PageViewed, Reservation};
use crate::store::{LiveProfile, Write};
use crate::transform::{
    Coding, Edit, Position, ResponseView, Target, Transform, TransformError, choose_coding, csp, eligible,
};
use crate::visitor::cookie;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// What a response delivers, and what of it must be recorded once it has.
#[derive(Default)]
pub(super) struct Delivery {
    /// The visitor, with the profile that the exposures were reserved in.
    profile: Option<LiveProfile>,
    /// A page view was entered.
    page_view: Option<Arc<str>>,
    /// Arms in the plan; the control arms, which have no edits, are delivered with the head.
    arms: Vec<Planned>,
}

struct Planned {
    arm: Arm,
    /// Taken back if the arm was not delivered; nothing is reserved for whoever is no visitor.
    reservation: Option<Reservation>,
    /// Index of its first and one past its last edit in the transform.
    edits: std::ops::Range<usize>,
}

impl Exchange {
    /// Waits for the profile, for as long as the deadline allows: called when the shop's head has arrived.
    pub async fn head_arrived(&mut self) {
        let now = self.gateway.clock.monotonic();
        let waited = now.duration_since(self.received);
        self.gateway.metrics.origin_seconds.with_label_values(&[self.site.id.as_str()]).observe(waited.as_secs_f64());
        if let Profile::Loading(task) = &mut self.profile {
            let loaded = tokio::time::timeout(self.gateway.settings.load().limits.profile_deadline, task).await;
            self.profile = match loaded {
                Ok(Ok(Some(profile))) => Profile::Here(profile),
                Ok(_) => Profile::None,
                Err(_late) => {
                    self.gateway.metrics.profiles.with_label_values(&["late"]).inc();
                    Profile::None
                }
            };
            self.own += self.gateway.clock.monotonic().duration_since(now);
        }
    }

    /// Decides, and says how the head changes. [`Exchange::head_arrived`] comes before.
    pub fn response(&mut self, request: &RequestView<'_>, status: StatusCode, headers: &HeaderMap) -> HeadEdits {
        let began = self.gateway.clock.monotonic();
        self.kind = self.site.page_kind(request.path);
        let mut edits = HeadEdits::default();
        for mapping in &self.site.customer {
            if let CustomerSource::ResponseHeader(name) = &mapping.from
                && headers.contains_key(name)
            {
                edits.headers.remove.push(name.clone());
            }
        }
        headers::end_to_end(&mut edits.headers, status, headers);
        if self.document {
            // A panic in a rule, a template or an action never takes a page down.
            let before = edits.clone();
            let made = catch_unwind(AssertUnwindSafe(|| self.treat(request, status, headers, &mut edits)));
            if made.is_err() {
                self.gateway.failure(&self.site.id, "panic", None, "deciding or lowering panicked");
                self.transform = None;
                self.delivery = Delivery::default();
                edits = before;
            }
        }
        self.own += self.gateway.clock.monotonic().duration_since(began);
        edits
    }

    fn treat(&mut self, request: &RequestView<'_>, status: StatusCode, headers: &HeaderMap, edits: &mut HeadEdits) {
        let view = ResponseView { method: request.method, request: request.headers, status, headers };
        let page = match eligible(&view, &[]) {
            Ok(page) => page,
            Err(skip) => {
                self.gateway.metrics.skipped.with_label_values(&[skip.as_str()]).inc();
                return;
            }
        };
        if *request.method == Method::HEAD {
            // The head that a GET might have; what a GET would really show is nobody's page view yet.
            if self.site.rules.may_insert() {
                headers::personalised(&mut edits.headers);
                edits.new_length = true;
            }
            return;
        }
        let before = edits.clone();
        let mut plan = self.plan(request, status, headers);
        let mut changed = !plan.edits.is_empty();
        if changed && !self.fit_policies(&mut plan, headers, edits) {
            self.gateway.metrics.skipped.with_label_values(&["csp"]).inc();
            self.forget_arms();
            changed = false;
        }
        let mut transform = None;
        let out = choose_coding(page.coding, request.headers);
        if changed {
            let list: Vec<Edit> = plan.edits.into_iter().map(|planned| planned.edit).collect();
            match Transform::new(&page, list, self.gateway.limits(), out) {
                Ok(made) => transform = Some(Mutex::new(made)),
                Err(error) => {
                    self.gateway.failure(&self.site.id, "codec", None, &error.to_string());
                    self.forget_arms();
                    *edits = before;
                    changed = false;
                }
            }
        }
        self.introduce(headers, edits, changed);
        if !changed {
            return;
        }
        self.treatment = "rewritten";
        headers::personalised(&mut edits.headers);
        edits.new_length = true;
        edits.has_body = true;
        if out.coding() != page.coding {
            edits.headers.remove.push(CONTENT_ENCODING);
            if out.coding() != Coding::Identity {
                let value = HeaderValue::from_static(out.coding().as_str());
                edits.headers.append.push((CONTENT_ENCODING, value));
            }
        }
        self.transform = transform;
    }

    /// Enters the page view, decides, reserves and lowers: everything under the profile's lock, so that two tabs of one
    /// visitor cannot overshoot a cap.
    fn plan(&mut self, request: &RequestView<'_>, status: StatusCode, headers: &HeaderMap) -> Plan {
        let site = self.site.clone();
        let gateway = self.gateway.clone();
        let timestamp = gateway.clock.now();
        let now = timestamp.to_zoned(site.time_zone.clone());
        let customer = customer(&site, request, headers, self.trusted_peer);
        let geo = gateway.locate(self.client);
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
        };
        let cx = DecideContext {
            site: &site.id,
            visitor: visitor.as_ref().filter(|_| guard.is_some()),
            facts: &facts,
            history: guard.as_deref(),
            now: &now,
            holdout: site.holdout,
        };
        let decision = decide(&site.rules, &cx, None);
        // The page's own language, so that what is inserted is in one language with it; else the visitor's, else the shop's.
        let language = language_of(headers).or_else(|| facts.language()).unwrap_or(&site.locale);
        let mut plan = Plan::default();
        for choice in &decision.choices {
            let planned = self.lower(&mut plan, choice, &facts, language);
            self.delivery.arms.extend(planned);
        }
        if let Some(profile) = guard.as_deref_mut() {
            for planned in &mut self.delivery.arms {
                planned.reservation = Some(profile.reserve(&planned.arm.scenario, timestamp));
            }
        }
        drop(guard);
        self.delivery.profile = live;
        plan
    }

    /// Lowers one choice into the plan. A failing action leaves its whole arm out: half an arm would be no fair trial.
    fn lower(&self, plan: &mut Plan, choice: &Choice, facts: &Facts<'_>, locale: &str) -> Option<Planned> {
        let site = self.site.clone();
        let (scenario, variant) = chosen(&site, choice)?;
        let cx = Lowering { facts, locale, prefix: &site.prefix, scenario: &scenario.id, variant: &variant.name };
        let mut lowered: Vec<Lowered> = Vec::with_capacity(variant.actions.len());
        for action in &variant.actions {
            match action.lower(&cx) {
                Ok(made) => lowered.push(made),
                Err(error) => {
                    self.gateway.failure(&site.id, "template", Some(&scenario.id), &error.to_string());
                    return None;
                }
            }
        }
        let arm = Arm { scenario: scenario.id.clone(), variant: variant.name.clone() };
        let first = plan.edits.len();
        for made in lowered {
            plan.needs_style |= made.needs_style;
            // What works without a script is measured only where something hangs on it.
            plan.needs_runtime |= made.needs_runtime || (made.wants_runtime && scenario.is_measured());
            plan.csp_sources.extend(made.csp_sources);
            let index = plan.arms.len();
            plan.edits.extend(made.edits.into_iter().map(|edit| PlannedEdit { edit, arm: Some(index) }));
        }
        plan.arms.push(arm.clone());
        Some(Planned { arm, reservation: None, edits: first..plan.edits.len() })
    }

    /// Adds our stylesheet and runtime where an action needs them, and makes the page's Content-Security-Policy admit
    /// what is inserted, as little as possible. Answers `false` where it cannot: then nothing is inserted.
    fn fit_policies(&self, plan: &mut Plan, headers: &HeaderMap, edits: &mut HeadEdits) -> bool {
        let lines = |name: &HeaderName| -> Vec<&str> {
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
        };
        let (enforced, report_only) = (lines(&CONTENT_SECURITY_POLICY), lines(&CONTENT_SECURITY_POLICY_REPORT_ONLY));
        let mut nonces = Nonces::default();
        let adapted;
        if !enforced.is_empty() || !report_only.is_empty() {
            let mut fresh = [0; 18];
            self.gateway.random.fill(&mut fresh);
            let fresh = BASE64_STANDARD.encode(fresh);
            let sources: Vec<&str> = plan.csp_sources.iter().map(AsRef::as_ref).collect();
            let needs = csp::Needs {
                script: plan.needs_runtime,
                style: plan.needs_style,
                sources: &sources,
                fresh_nonce: Some(&fresh),
            };
            adapted = csp::adapt(&enforced, &report_only, &needs);
            if adapted.script_forbidden || adapted.style_forbidden {
                return false;
            }
            for (name, values) in [
                (CONTENT_SECURITY_POLICY, &adapted.enforced),
                (CONTENT_SECURITY_POLICY_REPORT_ONLY, &adapted.report_only),
            ] {
                let Some(values) = values else { continue };
                edits.headers.remove.push(name.clone());
                let values = values.iter().filter_map(|value| HeaderValue::from_str(value).ok());
                edits.headers.append.extend(values.map(|value| (name.clone(), value)));
            }
            nonces = Nonces { script: adapted.script_nonce.as_deref(), style: adapted.style_nonce.as_deref() };
        }
        let html = self.site.files.links(plan.needs_style, plan.needs_runtime, nonces);
        if !html.is_empty() {
            let edit = Edit { target: Target::Head, position: Position::Prepend, html };
            plan.edits.push(PlannedEdit { edit, arm: None });
        }
        true
    }

    /// Sends the visitor's cookie, unless a shared cache may keep the response.
    fn introduce(&self, headers: &HeaderMap, edits: &mut HeadEdits, changed: bool) {
        let Guest::Visitor { id, send_cookie: true, .. } = self.guest else { return };
        if self.delivery.profile.is_none() || (!changed && headers::for_shared_caches(headers)) {
            return;
        }
        let settings = &self.site.cookie;
        let value = self.gateway.keys.seal(&self.site.id, id, self.gateway.clock.now(), &*self.gateway.random);
        if let Ok(value) = cookie::set_cookie(settings, &value, self.https) {
            edits.headers.append.push((SET_COOKIE, value));
        }
    }

    fn forget_arms(&mut self) {
        let arms = std::mem::take(&mut self.delivery.arms);
        if let Some(profile) = &self.delivery.profile {
            let mut profile = profile.lock().unwrap_or_else(PoisonError::into_inner);
            arms.iter().filter_map(|planned| planned.reservation.as_ref()).for_each(|held| profile.unreserve(held));
        }
    }

    /// Passes a piece of the body through the transform.
    ///
    /// # Errors
    /// When the response cannot be ended properly: the client must see it broken off.
    pub fn body(&mut self, chunk: &mut Option<Bytes>, end: bool) -> Result<(), Aborted> {
        let Some(transform) = &mut self.transform else { return Ok(()) };
        let began = self.gateway.clock.monotonic();
        let transform = transform.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut out = BytesMut::new();
        let given = chunk.take();
        let done = catch_unwind(AssertUnwindSafe(|| {
            let passed = given.map_or(Ok(None), |given| transform.push_bytes(given, &mut out))?;
            if end {
                transform.finish(&mut out)?;
            }
            Ok::<_, TransformError>(passed)
        }));
        self.own += self.gateway.clock.monotonic().duration_since(began);
        let reason = match done {
            Ok(Ok(None)) => {
                // An empty piece would end a chunked body.
                *chunk = (!out.is_empty()).then(|| out.freeze());
                return Ok(());
            }
            Ok(Ok(Some(passed))) if out.is_empty() => {
                *chunk = Some(passed);
                return Ok(());
            }
            Ok(Ok(Some(passed))) => {
                *chunk = Some([passed, out.freeze()].concat().into());
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the rewriter panicked".to_owned(),
        };
        self.gateway.failure(&self.site.id, "body", None, &reason);
        Err(Aborted { reason })
    }

    /// Records what was really delivered; gives back what was not.
    pub(super) fn record(&mut self, outcome: &Outcome) {
        let Guest::Visitor { id, .. } = self.guest else { return };
        let Some(profile) = self.delivery.profile.take() else { return };
        let at = self.gateway.clock.now();
        let event = |what| Write::Event(Event { site: self.site.id.clone(), visitor: id, at, what });
        let mut writes = Vec::new();
        if let Some(path) = self.delivery.page_view.take() {
            writes.push(event(What::PageView { path }));
        }
        let transform = self.transform.take().map(|held| held.into_inner().unwrap_or_else(PoisonError::into_inner));
        let written = transform.as_ref().map(Transform::applied).unwrap_or_default();
        if let Some(bailed) = transform.as_ref().and_then(Transform::bailed_out) {
            self.gateway.metrics.skipped.with_label_values(&[bailed.as_str()]).inc();
        }
        let mut delivered = 0;
        for Planned { arm, reservation, edits } in std::mem::take(&mut self.delivery.arms) {
            let control = edits.is_empty();
            let applied = edits.into_iter().any(|index| written.get(index).copied().unwrap_or(false));
            if outcome.status != 0 && (control || applied) {
                delivered += u64::from(!control);
                writes.push(event(What::Exposure(arm)));
            } else if let Some(held) = reservation {
                profile.lock().unwrap_or_else(PoisonError::into_inner).unreserve(&held);
            }
        }
        if delivered > 0 {
            self.gateway.metrics.insertions.with_label_values(&[self.site.id.as_str()]).inc_by(delivered);
        }
        let key = self.key(id);
        self.gateway.recorder.record(Write::Profile(key, profile));
        for write in writes {
            self.gateway.recorder.record(write);
        }
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
