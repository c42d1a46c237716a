//! Noren's own endpoints under a site's prefix: its stylesheet, its runtime, and what the runtime reports.

use super::claims::member_of;
use super::learn::Learner;
use super::{Answer, Gateway, RequestView, STORE_PATIENCE, privacy};
use crate::admission::Admitted;
use crate::client;
use crate::event::{Arm, What};
use crate::ids::VisitorId;
use crate::site::{DeliverBy, Site};
use crate::store::joined::{self, Found};
use crate::store::profile::Profile;
use crate::store::{ProfileKey, StoreError};
use crate::visitor::consent::Consent;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use std::sync::{Arc, PoisonError};
use tokio::time::timeout;

/// Largest report that is read, in bytes.
const LONGEST_REPORT: usize = 2048;

/// A call of one of Noren's own endpoints.
pub struct OwnCall {
    site: Arc<Site>,
    what: Endpoint,
    /// Its place among the requests under way.
    admitted: Option<Admitted>,
}

enum Endpoint {
    File(client::Asset),
    Report { visitor: Option<VisitorId>, consent: Consent },
    Privacy(privacy::Call),
    Wrong(StatusCode),
}

/// What the runtime reports.
#[derive(Deserialize)]
struct Report<'a> {
    /// `view`, `click` or `dismiss`; `gone` if the shop's own script has thrown it out.
    #[serde(borrow)]
    e: std::borrow::Cow<'a, str>,
    /// `SCENARIO/VARIANT`, as in the marker.
    #[serde(borrow)]
    a: std::borrow::Cow<'a, str>,
    /// Path of the page.
    #[serde(borrow, default)]
    p: std::borrow::Cow<'a, str>,
}

impl OwnCall {
    /// Holds its place until it is answered.
    pub(super) fn holding(mut self, admitted: Admitted) -> Self {
        self.admitted = Some(admitted);
        self
    }

    /// The longest body that the endpoint reads.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        match self.what {
            Endpoint::Report { .. } => LONGEST_REPORT,
            Endpoint::Privacy(_) => privacy::LONGEST_FORM,
            _ => 0,
        }
    }
}

impl Gateway {
    /// The call that a request makes, if it is for one of Noren's own paths.
    pub(super) fn own_call(&self, site: &Arc<Site>, request: &RequestView<'_>) -> Option<OwnCall> {
        let rest = request.path.strip_prefix('/')?.strip_prefix(site.prefix.as_str())?.strip_prefix('/')?;
        let what = match rest {
            "e" if *request.method != Method::POST => Endpoint::Wrong(StatusCode::METHOD_NOT_ALLOWED),
            "e" if !same_origin(request) => Endpoint::Wrong(StatusCode::FORBIDDEN),
            "e" => {
                let consent = site.privacy.will(request.headers).consent;
                let visitor = self.visitor_of(site, request.headers).filter(|_| consent.any());
                Endpoint::Report { visitor, consent }
            }
            "privacy" | "privacy/data" => match self.privacy_call(site, request, rest) {
                Ok(call) => Endpoint::Privacy(call),
                Err(status) => Endpoint::Wrong(status),
            },
            _ => match site.files.find(rest).cloned() {
                Some(asset) if matches!(*request.method, Method::GET | Method::HEAD) => Endpoint::File(asset),
                Some(_) => Endpoint::Wrong(StatusCode::METHOD_NOT_ALLOWED),
                None => Endpoint::Wrong(StatusCode::NOT_FOUND),
            },
        };
        Some(OwnCall { site: site.clone(), what, admitted: None })
    }

    pub(super) fn visitor_of(&self, site: &Site, headers: &HeaderMap) -> Option<VisitorId> {
        let identity = self.keys.recognise(&site.id, &site.cookie, headers, self.clock.now())?;
        Some(identity.visitor)
    }

    /// Answers a call. `body` is `None` if it was longer than [`OwnCall::body_limit`].
    pub async fn own(&self, call: OwnCall, body: Option<Bytes>) -> Answer {
        let _until_answered = call.admitted;
        let answer = match call.what {
            Endpoint::Wrong(status) => Answer::empty(status),
            Endpoint::File(asset) => file(asset),
            Endpoint::Report { visitor, consent } => match body {
                Some(body) => Answer::empty(self.report(&call.site, visitor, consent, &body).await),
                None => Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
            },
            Endpoint::Privacy(asked) => match body {
                Some(body) => self.answer_privacy(&call.site, asked, &body).await,
                None => Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
            },
        };
        self.count_answer(&call.site, &answer);
        answer
    }

    /// Counts an answer of Noren's own.
    pub(super) fn count_answer(&self, site: &Site, answer: &Answer) {
        let class = match answer.status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            5 => "5xx",
            _ => "4xx",
        };
        self.metrics.responses.with_label_values(&[site.id.as_str(), class, "own"]).inc();
    }

    /// What was delivered is not on the page. That is taken to be the shop's own doing if it ever was delivered.
    async fn gone(&self, site: &Site, kind: &'static str, arm: &Arm, visitor: VisitorId) {
        let key = ProfileKey { site: site.id.clone(), visitor };
        let Some(Found { profile, .. }) = self.in_time(site, joined::load(&*self.store, &key)).await else { return };
        let delivered =
            |profile: &Profile| profile.scenarios.get(&*arm.scenario).is_some_and(|seen| seen.exposures > 0);
        if !delivered(&profile.lock().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        self.metrics.gone.with_label_values(&[site.id.as_str()]).inc();
        if site.deliver_by == DeliverBy::Auto
            && self.learnt.lost(&site.id, kind, &arm.scenario, visitor, self.clock.monotonic())
        {
            tracing::warn!(
                site = %site.id,
                kind,
                "the shop's own script throws out what was inserted: Noren's script delivers after it now; `deliver_by = \"script\"` in \
                 site.toml does so from the start"
            );
        }
    }

    /// Takes a report in. A click or a dismissal is acknowledged only once it is committed.
    async fn report(&self, site: &Arc<Site>, visitor: Option<VisitorId>, consent: Consent, body: &[u8]) -> StatusCode {
        let Ok(report) = serde_json::from_slice::<Report<'_>>(body) else { return StatusCode::BAD_REQUEST };
        let Some(arm) = arm(site, &report.a) else { return StatusCode::BAD_REQUEST };
        // A visitor without a cookie is nobody to be remembered; the page need not know.
        let Some(visitor) = visitor else { return StatusCode::NO_CONTENT };
        let (path, query) = report.p.split_once('?').unwrap_or((&report.p, ""));
        let kind = site.page_kind(path, query);
        let what = match &*report.e {
            "view" => {
                self.learnt.seen(&site.id, kind, &arm.scenario);
                What::View(arm)
            }
            "click" => What::Click(arm),
            "dismiss" => What::Dismiss(arm),
            "gone" => {
                self.gone(site, kind, &arm, visitor).await;
                return StatusCode::NO_CONTENT;
            }
            _ => return StatusCode::BAD_REQUEST,
        };
        let key = ProfileKey { site: site.id.clone(), visitor };
        let mut loaded = None;
        if consent.personalisation {
            let Some(found) = self.in_time(site, joined::load(&*self.store, &key)).await else {
                return StatusCode::SERVICE_UNAVAILABLE;
            };
            let member;
            {
                let mut profile = found.profile.lock().unwrap_or_else(PoisonError::into_inner);
                member = member_of(&profile);
                match &what {
                    What::View(arm) => profile.viewed(&arm.scenario),
                    What::Click(arm) => profile.clicked(&arm.scenario),
                    What::Dismiss(arm) => profile.dismissed(&arm.scenario),
                    _ => {}
                }
            }
            if let What::View(arm) = &what {
                self.codes_seen(site, arm, visitor, member.as_ref()).await;
            }
            loaded = Some(found);
        }
        let must_commit = matches!(what, What::Click(_) | What::Dismiss(_));
        let profile = loaded.as_ref().map(|found| (&found.key, &found.profile));
        let writes = self.enter(&Learner { site, visitor, consent, profile, kind }, vec![what]);
        if must_commit {
            match self.in_time(site, self.recorder.record_committed(writes)).await {
                Some(()) => StatusCode::NO_CONTENT,
                None => StatusCode::SERVICE_UNAVAILABLE,
            }
        } else {
            for write in writes {
                self.recorder.record(write);
            }
            StatusCode::NO_CONTENT
        }
    }

    /// What the store answers; `None`, counted and named in the log, if it fails or hangs.
    pub(super) async fn in_time<T>(
        &self,
        site: &Site,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Option<T> {
        let reason = match timeout(STORE_PATIENCE, answer).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_hangs) => "the store does not answer".to_owned(),
        };
        self.failure(&site.id, "store", None, &reason);
        None
    }
}

/// The arm that a marker names: only arms of this site's own scenarios are taken in.
fn arm(site: &Site, marker: &str) -> Option<Arm> {
    let (scenario, variant) = marker.split_once('/')?;
    let scenario = site.rules.scenarios.iter().find(|known| &*known.id == scenario)?;
    let variant = scenario.variants.iter().find(|known| &*known.name == variant)?;
    Some(Arm { scenario: scenario.id.clone(), variant: variant.name.clone() })
}

/// Whether a report comes from one of the shop's own pages: browsers send `Origin` with every POST.
pub(super) fn same_origin(request: &RequestView<'_>) -> bool {
    match request.headers.get(ORIGIN).map(HeaderValue::to_str) {
        Some(Ok(origin)) => origin
            .split_once("://")
            .is_some_and(|(scheme, host)| scheme.starts_with("http") && host.eq_ignore_ascii_case(request.authority)),
        _ => false,
    }
}

fn file(asset: client::Asset) -> Answer {
    let fixed = |name: HeaderName, text: &'static str| (name, HeaderValue::from_static(text));
    Answer {
        status: StatusCode::OK,
        headers: vec![
            fixed(CONTENT_TYPE, asset.content_type),
            // The name holds a hash of the content, so it never changes (RFC 8246).
            fixed(CACHE_CONTROL, "public, max-age=31536000, immutable"),
            fixed(X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        body: asset.bytes,
    }
}
