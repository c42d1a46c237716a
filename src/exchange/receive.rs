//! The way in: which site, which visitor, and what the shop is asked.

use super::{
    Answer, Exchange, Gateway, Guest, InFlight, Profile, Received, RequestNumber, RequestView, STORE_PATIENCE, headers,
};
use crate::ids::VisitorId;
use crate::plan::HeaderEdits;
use crate::site::Site;
use crate::store::{ProfileKey, joined};
use crate::transform::{accept_encoding_for_origin, is_document_request};
use crate::visitor::consent::{Consent, Will};
use crate::visitor::{Caller, cookie};
use http::header::{ACCEPT_ENCODING, COOKIE};
use http::{HeaderValue, Version};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

impl Gateway {
    /// Takes a request in. Synchronous: the profile is fetched while the shop works.
    pub fn receive(self: &Arc<Self>, request: &RequestView<'_>) -> Received {
        let received = self.clock.monotonic();
        if headers::size(request) > self.settings.load().limits.max_request_head {
            self.metrics.responses.with_label_values(&["", "4xx", "own"]).inc();
            return Received::Answer(Answer::error(431));
        }
        let world = self.world.load();
        let Some(site) = world.site_for_host(request.host) else {
            self.metrics.responses.with_label_values(&["", "4xx", "own"]).inc();
            return Received::Answer(Answer::error(421));
        };
        let admitted = match self.admit(site, &world) {
            Ok(admitted) => admitted,
            Err(busy) => return Received::Answer(busy),
        };
        let trusted_peer = self.trusts(request.peer);
        let https = headers::is_https(request, trusted_peer);
        if !https && site.https_redirect {
            return Received::Answer(Answer::redirect(&https_address(request)));
        }
        match self.import_call(site, request) {
            Some(Ok(call)) => return Received::Import(Box::new(call.holding(admitted))),
            Some(Err(answer)) => return Received::Answer(answer),
            None => {}
        }
        if let Some(call) = self.own_call(site, request) {
            return Received::Own(call.holding(admitted));
        }
        // Who does not get through our own reading of their headers gets the page as the shop sends it.
        let (document, guest, will) =
            catch_unwind(AssertUnwindSafe(|| self.recognise(site, request))).unwrap_or_else(|_| {
                self.failure(&site.id, "panic", None, "recognising the visitor panicked");
                (false, Guest::Nobody { bot: false }, Will { consent: Consent::NONE, chosen: true })
            });
        let (load, document) = self.weigh(site, admitted, document);
        let tapped = self.tap(site, request, guest, will.consent, &load);
        let number = RequestNumber(self.requests.fetch_add(1, Ordering::Relaxed));
        let mut exchange = Exchange {
            gateway: self.clone(),
            site: site.clone(),
            number,
            trace: headers::trace_id(request.headers).map(str::to_owned),
            span: tracing::debug_span!("exchange", site = %site.id, request = %number),
            received,
            own: Duration::ZERO,
            https,
            trusted_peer,
            client: headers::client_of(request, |address| self.trusts(address)),
            upstream_host: upstream_host(site, request),
            document,
            guest,
            will,
            unwanted_cookie: !will.consent.any() && cookie::value(request.headers, &site.cookie.name).is_some(),
            profile: Profile::None,
            shared: None,
            treatment: "pass",
            kind: "other",
            transform: None,
            delivery: super::delivery::Delivery::default(),
            load,
            reading: None,
            tapped,
            sample: None,
            _in_flight: InFlight::new(&self.in_flight),
        };
        if document
            && will.consent.personalisation
            && let Guest::Visitor { id, known, .. } = exchange.guest
        {
            let own = ProfileKey { site: site.id.clone(), visitor: id };
            let asked = catch_unwind(AssertUnwindSafe(|| self.profile(own, known)));
            (exchange.profile, exchange.shared) = asked.unwrap_or_else(|_| {
                self.failure(&site.id, "panic", None, "asking for a profile panicked");
                (Profile::None, None)
            });
        }
        exchange.own += self.clock.monotonic().duration_since(received);
        Received::Forward(Box::new(exchange))
    }

    /// Whether a request asks for a page that might get an insertion, and who asks.
    fn recognise(&self, site: &Site, request: &RequestView<'_>) -> (bool, Guest, Will) {
        let document = site.enabled
            && request.version != Version::HTTP_10
            && !request.headers.contains_key(headers::HOP)
            && is_document_request(request.method, request.headers);
        let will = site.privacy.will(request.headers);
        (document, self.guest(site, request, Caller::of(request.method, request.headers), will.consent), will)
    }

    fn guest(&self, site: &Site, request: &RequestView<'_>, caller: Caller, consent: Consent) -> Guest {
        match caller {
            Caller::Visitor if site.enabled && consent.any() => {}
            Caller::Bot => return Guest::Nobody { bot: true },
            _ => return Guest::Nobody { bot: false },
        }
        match self.keys.recognise(&site.id, &site.cookie, request.headers, self.clock.now()) {
            Some(identity) => Guest::Visitor { id: identity.visitor, known: true, send_cookie: identity.reissue },
            None => Guest::Visitor { id: VisitorId::mint(&*self.random), known: false, send_cookie: true },
        }
    }

    /// Starts fetching a profile, and says whose it is if it is in memory already; whoever was minted just now has none.
    fn profile(self: &Arc<Self>, key: ProfileKey, known: bool) -> (Profile, Option<VisitorId>) {
        let count = |from| self.metrics.profiles.with_label_values(&[from]).inc();
        if !known {
            count("new");
            return (Profile::Here(self.store.create(&key)), None);
        }
        if let Some(found) = joined::cached(&*self.store, &key) {
            count("cache");
            let shared = found.customer_of(key.visitor);
            return (Profile::Here(found.profile), shared);
        }
        count("store");
        let gateway = self.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "awaited with a deadline by the same request, and harmless after it"
        )]
        let loading = tokio::spawn(async move {
            let reason = match timeout(STORE_PATIENCE, joined::load(&*gateway.store, &key)).await {
                Ok(Ok(found)) => return Some(found),
                Ok(Err(error)) => error.to_string(),
                Err(_hangs) => "the store does not answer".to_owned(),
            };
            gateway.failure(&key.site, "store", None, &reason);
            None
        });
        (Profile::Loading(loading), None)
    }
}

impl Exchange {
    /// Edits of the head that goes to the shop.
    pub fn origin_request(&mut self, request: &RequestView<'_>) -> HeaderEdits {
        let began = self.gateway.clock.monotonic();
        self.tap_request(request);
        let mut edits = HeaderEdits::default();
        // The Host goes upstream as the client sent it, port and all, unless the shop insists on its own.
        let host = self.site.origin.host.as_deref().unwrap_or(request.authority);
        headers::forwarding(&mut edits, request, self.trusted_peer, self.https, host);
        let own = [self.site.cookie.name.as_str(), self.site.privacy.choice_cookie.as_str()];
        if let Some(rest) = cookie::without_cookies(request.headers, &own) {
            edits.remove.push(COOKIE);
            edits.append.extend(rest.into_iter().map(|value| (COOKIE, value)));
        }
        if self.document {
            if self.site.rules.may_insert() {
                headers::whole_answer(&mut edits);
            }
            match accept_encoding_for_origin(request.headers) {
                Some(cut) => edits.set.push((ACCEPT_ENCODING, cut)),
                None => edits.remove.push(ACCEPT_ENCODING),
            }
            edits.set.push((headers::HOP, HeaderValue::from_static("1")));
        }
        self.own += self.gateway.clock.monotonic().duration_since(began);
        edits
    }
}

/// The Host that the shop hears, without port.
fn upstream_host(site: &Site, request: &RequestView<'_>) -> String {
    match &site.origin.host {
        Some(host) => host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned(),
        None => request.host.to_owned(),
    }
}

fn https_address(request: &RequestView<'_>) -> String {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    format!("https://{}{}{query}", request.host, request.path)
}
