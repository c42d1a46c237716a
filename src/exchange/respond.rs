//! The way out: the response's head and body, changed where there is something to change.

use super::compose::Decided;
use super::{Aborted, Exchange, Guest, HeadEdits, Profile, RequestView, headers};
use crate::plan::Plan;
use crate::site::CustomerSource;
use crate::transform::{
    Coding, Edit, OutCoding, Page, ResponseView, Transform, TransformError, choose_coding, eligible,
};
use crate::visitor::{consent, cookie};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use tracing::Instrument as _;

impl Exchange {
    /// Waits for the profile, for as long as the deadline allows: called when the shop's head has arrived.
    pub async fn head_arrived(&mut self) {
        let now = self.gateway.clock.monotonic();
        let waited = now.duration_since(self.received);
        self.gateway.metrics.origin_seconds.with_label_values(&[self.site.id.as_str()]).observe(waited.as_secs_f64());
        if let Profile::Loading(task) = &mut self.profile {
            let deadline = self.gateway.settings.load().limits.profile_deadline;
            let waiting = tracing::debug_span!(parent: &self.span, "profile", request = %self.number);
            let loaded = tokio::time::timeout(deadline, task).instrument(waiting).await;
            self.profile = match loaded {
                Ok(Ok(Some(found))) => {
                    if let Guest::Visitor { id, .. } = self.guest {
                        self.shared = found.customer_of(id);
                    }
                    Profile::Here(found.profile)
                }
                Ok(Ok(None)) => Profile::None,
                Ok(Err(_panicked)) => {
                    self.gateway.failure(&self.site.id, "panic", None, "loading a profile panicked");
                    Profile::None
                }
                Err(_late) => {
                    self.gateway.metrics.profiles.with_label_values(&["late"]).inc();
                    self.gateway.failure(&self.site.id, "profile_late", None, "the profile was not there in time");
                    Profile::None
                }
            };
            self.own += self.gateway.clock.monotonic().duration_since(now);
        }
    }

    /// Decides, and says how the head changes. [`Exchange::head_arrived`] comes before.
    pub async fn response(&mut self, request: &RequestView<'_>, status: StatusCode, headers: &HeaderMap) -> HeadEdits {
        let began = self.gateway.clock.monotonic();
        self.kind = self.site.page_kind(request.path, request.query);
        let mut edits = HeadEdits::default();
        for mapping in &self.site.customer {
            if let CustomerSource::ResponseHeader(name) = &mapping.from
                && headers.contains_key(name)
            {
                edits.headers.remove.push(name.clone());
            }
        }
        headers::end_to_end(&mut edits.headers, status, headers);
        if let Some(own) = &self.site.origin.host {
            headers::public_names(&mut edits.headers, headers, own, request.authority, self.https);
        }
        self.settle_down(status, headers);
        self.tap_answer(status, headers);
        if self.load.is_shed() {
            self.note_shed(request, status, headers);
        }
        if self.document {
            // A panic in a rule, a template or an action never takes a page down.
            let before = edits.clone();
            if self.treat(request, status, headers, &mut edits).await.is_err() {
                self.gateway.failure(&self.site.id, "panic", None, "preparing the page panicked");
                self.load.fail("panic");
                self.transform = None;
                self.reading = None;
                self.treatment = "pass";
                self.forget_arms();
                edits = before;
            }
            if self.transform.is_none() && self.reading.is_some() {
                self.load.only_read();
            } else if self.transform.is_none() {
                self.load.pass();
            }
        }
        self.own += self.gateway.clock.monotonic().duration_since(began);
        edits
    }

    /// Decides, claims and prepares the page. An error is a panic that was caught.
    async fn treat(
        &mut self,
        request: &RequestView<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        edits: &mut HeadEdits,
    ) -> std::thread::Result<()> {
        let Some((page, out)) = guarded(|| self.take_on(request, status, headers, edits))? else { return Ok(()) };
        let deciding = tracing::debug_span!(parent: &self.span, "decide", request = %self.number);
        let visit = guarded(|| self.visit(request, status, headers))?;
        let plan = match deciding.in_scope(|| guarded(|| self.decide(&visit)))? {
            Decided::Plan(plan) => plan,
            // Apart, so that pages that claim nothing do not carry the room for it.
            Decided::Claim(decision, wanted) => {
                Guarded(Box::pin(self.claim_and_compose(&visit, decision, wanted).instrument(deciding))).await?
            }
        };
        guarded(|| self.prepare(plan, (request, &page, out), headers, edits))
    }

    /// Whether the page may be rewritten, and there is room for it.
    fn take_on(
        &mut self,
        request: &RequestView<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        edits: &mut HeadEdits,
    ) -> Option<(Page, OutCoding)> {
        let view = ResponseView { method: request.method, request: request.headers, status, headers };
        let page = match eligible(&view, &[]) {
            Ok(page) => page,
            Err(skip) => {
                self.gateway.metrics.skipped.with_label_values(&[skip.as_str()]).inc();
                return None;
            }
        };
        if *request.method == Method::HEAD {
            // The head that a GET might have; what a GET would really show is nobody's page view yet.
            if self.site.rules.may_insert() {
                headers::personalised(&mut edits.headers);
                edits.new_length = true;
            }
            return None;
        }
        let out = choose_coding(page.coding, request.headers);
        self.make_room(request, (status, headers), &page, out).then_some((page, out))
    }

    /// Makes the transform that carries out a plan, and the head that goes with it.
    fn prepare(
        &mut self,
        mut plan: Plan,
        (request, page, out): (&RequestView<'_>, &Page, OutCoding),
        headers: &HeaderMap,
        edits: &mut HeadEdits,
    ) {
        let before = edits.clone();
        let mut changed = !plan.edits.is_empty();
        if changed {
            self.fit_policies(&mut plan, headers, edits);
            changed = !plan.edits.is_empty();
        }
        let mut transform = None;
        if changed {
            let late = self.deferred(&plan);
            let list: Vec<Edit> = plan.edits.into_iter().map(|planned| planned.edit).collect();
            match Transform::new(page, list, self.gateway.limits(), out) {
                Ok(mut made) => {
                    if let Some((deferred, late)) = late {
                        made.defer(deferred, late);
                    }
                    transform = Some(Mutex::new(made));
                }
                Err(error) => {
                    self.gateway.failure(&self.site.id, "codec", None, &error.to_string());
                    self.load.fail("codec");
                    self.forget_arms();
                    *edits = before;
                    changed = false;
                }
            }
        }
        self.introduce(headers, edits, changed);
        self.begin_sample(request, headers);
        self.begin_reading(request, page, transform.as_mut());
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

    /// Sends the visitor's cookie, unless a shared cache may keep the response.
    fn introduce(&self, headers: &HeaderMap, edits: &mut HeadEdits, changed: bool) {
        if !changed && headers::for_shared_caches(headers) {
            return;
        }
        if self.unwanted_cookie
            && let Ok(value) = consent::take_cookie(&self.site.cookie, self.https)
        {
            edits.headers.append.push((SET_COOKIE, value));
        }
        let Guest::Visitor { id, send_cookie: true, .. } = self.guest else { return };
        if self.will.consent.personalisation && self.delivery.profile.is_none() {
            return;
        }
        let settings = &self.site.cookie;
        let value = self.gateway.keys.seal(&self.site.id, id, self.gateway.clock.now(), &*self.gateway.random);
        if let Ok(value) = cookie::set_cookie(settings, &value, self.https) {
            edits.headers.append.push((SET_COOKIE, value));
        }
    }
    /// Passes a piece of the body through the transform.
    ///
    /// # Errors
    /// When the response cannot be ended properly: the client must see it broken off.
    pub fn body(&mut self, chunk: &mut Option<Bytes>, end: bool) -> Result<(), Aborted> {
        self.overhear(chunk.as_deref());
        self.sample(chunk.as_deref());
        let Some(transform) = &mut self.transform else {
            self.read_along(chunk.as_deref(), end);
            return Ok(());
        };
        let began = self.gateway.clock.monotonic();
        let transform = transform.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _rewriting = tracing::debug_span!(parent: &self.span, "rewrite", request = %self.number, end).entered();
        let mut out = BytesMut::new();
        let given = chunk.take();
        self.load.begin(given.as_deref());
        let done = catch_unwind(AssertUnwindSafe(|| {
            let passed = given.map_or(Ok(None), |given| transform.push_bytes(given, &mut out))?;
            if end {
                transform.finish(&mut out)?;
            }
            Ok::<_, TransformError>(passed)
        }));
        self.load.grown(transform.decoded());
        self.own += self.gateway.clock.monotonic().duration_since(began);
        let reason = match done {
            Ok(Ok(None)) => {
                // An empty piece would end a chunked body.
                *chunk = (!out.is_empty()).then(|| out.freeze());
                return Ok(());
            }
            Ok(Ok(Some(passed))) if out.is_empty() => {
                if transform.extractor().is_none_or(|extractor| extractor.is_done()) {
                    self.load.rewritten();
                }
                *chunk = Some(passed);
                return Ok(());
            }
            Ok(Ok(Some(passed))) => {
                *chunk = Some([passed, out.freeze()].concat().into());
                return Ok(());
            }
            Ok(Err(error)) => {
                let reason = error.to_string();
                self.gateway.failure(&self.site.id, "body", None, &reason);
                if error.is_own() {
                    self.load.fail("body");
                }
                reason
            }
            // The parser's own panics end inside the rewriter and cost no byte. Here it is not known which bytes were written.
            Err(_) => {
                let reason = "the rewriter panicked";
                for planned in &self.delivery.arms {
                    self.gateway.failure(&self.site.id, "panic", Some(&planned.arm.scenario), reason);
                }
                self.load.fail("panic");
                reason.to_owned()
            }
        };
        Err(Aborted { reason })
    }
}

fn guarded<T>(step: impl FnOnce() -> T) -> std::thread::Result<T> {
    catch_unwind(AssertUnwindSafe(step))
}

/// A future whose panic is an error.
struct Guarded<F>(F);

impl<F: Future + Unpin> Future for Guarded<F> {
    type Output = std::thread::Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(|| Pin::new(&mut self.0).poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
