//! One request's life, framework-free: what comes in, what goes to the shop, what comes back, what goes out.
//!
//! ```text
//! receive ──► origin_request ──► head_arrived ──► response ──────► body … ──► finish
//!  site         headers            profile         decide, claim   transform    record
//! ```
//!
//! Everything here fails open: whatever goes wrong in Noren, the page passes as the shop sent it.

mod answer;
mod claims;
mod compose;
mod delivery;
mod failures;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod headers;
mod hydration;
mod imports;
mod join;
mod late;
mod learn;
mod load;
mod own;
mod platform;
mod policies;
mod privacy;
mod reading;
mod receive;
mod respond;
mod taps;

pub use crate::imports::Feed;
pub use answer::Answer;
pub use failures::FailureLog;
pub use hydration::Learnt;
pub use imports::{Ended, Import, ImportCall, Imports};
pub use own::OwnCall;
pub use reading::PagesRead;

use crate::admission::Admission;
use crate::catalogue::Catalogues;
use crate::clock::Clock;
use crate::config::gateway::Gateway as Settings;
use crate::facts::Geo;
use crate::geo::GeoDatabase;
use crate::ids::{Random, VisitorId};
use crate::plan::HeaderEdits;
use crate::recorder::Recorder;
use crate::site::Site;
use crate::store::{LiveProfile, ProfileKey, Store, joined};
use crate::telemetry::Metrics;
use crate::transform::{Limits, Transform};
use crate::visitor::consent::Will;
use crate::visitor::customers::CustomerKey;
use crate::visitor::keys::KeyRing;
use crate::world::World;
use arc_swap::ArcSwap;
use http::{HeaderMap, Method, StatusCode, Version};
use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::Span;

/// Longest that a store's answer is waited for where no page waits for it. A store that hangs must not gather requests.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// What all requests share.
pub struct Gateway {
    /// All sites.
    pub world: Arc<ArcSwap<World>>,
    /// Profiles, events and coupon codes.
    pub store: Arc<dyn Store>,
    /// Takes what happened off the visitor's time.
    pub recorder: Recorder,
    /// Keys of visitors' cookies.
    pub keys: KeyRing,
    /// Names customers.
    pub customers: Arc<CustomerKey>,
    /// Files that are being sent.
    pub imports: Imports,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Metrics.
    pub metrics: Metrics,
    /// Places of addresses, if there is a database.
    pub geo: Option<GeoDatabase>,
    /// What holds for all sites, as `gateway.toml` says now.
    pub settings: Arc<ArcSwap<Settings>>,
    /// How much may be under way.
    pub admission: Arc<Admission>,
    /// On which pages the shop's own script throws out what was inserted.
    pub learnt: Learnt,
    /// Which pages were read of late.
    pub pages_read: PagesRead,
    /// What the shops sell.
    pub catalogues: Arc<Catalogues>,
    /// Exchanges that have not ended.
    pub in_flight: Arc<AtomicUsize>,
    /// The last request's number, by which its log lines and spans are known.
    pub requests: AtomicU64,
    /// Keeps failures from flooding the log.
    pub failure_log: FailureLog,
}

/// A request's head, as the proxy sees it.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path, as sent.
    pub path: &'a str,
    /// Query without the question mark, as sent.
    pub query: &'a str,
    /// Host as sent, with port.
    pub authority: &'a str,
    /// Host in lower case, without port.
    pub host: &'a str,
    /// HTTP version.
    pub version: Version,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Address of the connection's other end.
    pub peer: IpAddr,
    /// The connection is TLS.
    pub tls: bool,
}

/// What becomes of a request.
pub enum Received {
    /// Noren answers at once.
    Answer(Answer),
    /// It is for one of Noren's own endpoints, which may want the body.
    Own(OwnCall),
    /// It brings a file to be imported.
    Import(Box<ImportCall>),
    /// It goes to the shop.
    Forward(Box<Exchange>),
}

/// Edits of a response's head.
#[derive(Debug, Default, Clone)]
pub struct HeadEdits {
    /// Headers.
    pub headers: HeaderEdits,
    /// The body's length will change, so the head must not tell it.
    pub new_length: bool,
    /// The response has a body.
    pub has_body: bool,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Status sent; 0 if none was.
    pub status: u16,
    /// Body bytes sent.
    pub bytes: u64,
    /// The response was sent to its end.
    pub complete: bool,
}

/// The response cannot be ended properly.
#[derive(Debug, thiserror::Error)]
#[error("response broken off: {reason}")]
pub struct Aborted {
    /// Kind, as in the failure metric.
    pub reason: String,
}

/// One request under way.
pub struct Exchange {
    gateway: Arc<Gateway>,
    site: Arc<Site>,
    number: RequestNumber,
    /// The client's trace, if it sent one.
    trace: Option<String>,
    /// Enabled at the level of debugging only: what each step took.
    span: Span,
    received: Instant,
    /// Time that Noren itself has used so far.
    own: Duration,
    https: bool,
    trusted_peer: bool,
    client: IpAddr,
    upstream_host: String,
    /// A navigation that might get an insertion.
    document: bool,
    guest: Guest,
    /// What the visitor allows. Without any of it the guest is nobody.
    will: Will,
    /// The request brought a visitor's cookie that they do not allow any more.
    unwanted_cookie: bool,
    profile: Profile,
    /// The customer whose profile that is, if it is not the visitor's own.
    shared: Option<VisitorId>,
    treatment: &'static str,
    kind: &'static str,
    transform: Option<Mutex<Transform>>,
    delivery: delivery::Delivery,
    load: load::Load,
    reading: Option<Box<reading::Underway>>,
    tapped: Option<Box<taps::Tapped>>,
    sample: Option<Box<platform::Sample>>,
    _in_flight: InFlight,
}

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guest {
    /// Nobody to be remembered: robots, prefetches, sub-resources.
    Nobody {
        /// It names itself a robot.
        bot: bool,
    },
    /// A visitor.
    Visitor {
        id: VisitorId,
        /// The request brought the cookie.
        known: bool,
        /// The cookie must be sent (again).
        send_cookie: bool,
    },
}

/// The visitor's profile, on its way.
enum Profile {
    None,
    Loading(tokio::task::JoinHandle<Option<joined::Found>>),
    Here(LiveProfile),
}

/// Names a request in the log. It says nothing of who sent it.
#[derive(Debug, Clone, Copy)]
struct RequestNumber(u64);

impl fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Gateway {
    fn trusts(&self, peer: IpAddr) -> bool {
        self.settings.load().trusted_proxies.iter().any(|net| net.contains(&peer))
    }

    fn limits(&self) -> Limits {
        let limits = &self.settings.load().limits;
        Limits {
            parser_memory: usize::try_from(limits.parser_memory).unwrap_or(usize::MAX),
            decoded_bytes: limits.max_decoded_page,
            decoded_ratio: limits.max_ratio,
        }
    }

    fn locate(&self, site: &Site, client: IpAddr) -> Option<Geo> {
        let located = self.geo.as_ref()?.locate(client);
        located.unwrap_or_else(|error| {
            self.failure(&site.id, "geo", None, &error.to_string());
            None
        })
    }
}

impl Exchange {
    /// The site.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The Host that the shop is asked for, without port.
    #[must_use]
    pub fn upstream_host(&self) -> &str {
        &self.upstream_host
    }

    /// The name of the profile that the visitor has in this exchange.
    fn key(&self, visitor: VisitorId) -> ProfileKey {
        ProfileKey { site: self.site.id.clone(), visitor: self.shared.unwrap_or(visitor) }
    }

    /// Notes that the exchange failed before or while the shop answered.
    pub fn failed(&mut self, kind: &str, upstream: bool) {
        self.gateway.exchange_failed(&self.site.id, upstream, kind);
    }

    /// One of the last steps, which others do not hang on.
    fn last(&mut self, broken: &str, step: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| step(self))).is_err() {
            self.gateway.failure(&self.site.id, "panic", None, broken);
        }
    }

    /// Ends the exchange: records what was delivered, counts and logs it.
    pub fn finish(&mut self, outcome: &Outcome) {
        self.settle(outcome);
        // The visitor has the page by now; what keeps it from being recorded must not cost them the connection. What was delivered
        // is recorded whatever becomes of what was read.
        self.last("looking at a page for its platform panicked", |exchange| exchange.end_sample(outcome));
        self.last("learning from the page panicked", |exchange| exchange.end_reading(outcome));
        self.last("learning from what was sent panicked", |exchange| exchange.tell_heard(outcome));
        self.last("recording panicked", |exchange| exchange.record(outcome));
        let status = StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let class = match status.as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let metrics = &self.gateway.metrics;
        metrics.responses.with_label_values(&[self.site.id.as_str(), class, self.treatment]).inc();
        metrics.own_seconds.observe(self.own.as_secs_f64());
        let total = self.gateway.clock.monotonic().duration_since(self.received);
        tracing::info!(
            site = %self.site.id,
            request = %self.number,
            trace = self.trace,
            status = outcome.status,
            bytes = outcome.bytes,
            complete = outcome.complete,
            kind = self.kind,
            treatment = self.treatment,
            own_us = u64::try_from(self.own.as_micros()).unwrap_or(u64::MAX),
            total_ms = u64::try_from(total.as_millis()).unwrap_or(u64::MAX),
            "access"
        );
    }
}

/// A panic of one request is no reason to fail all others: a profile is plain data.
fn lock(profile: &LiveProfile) -> MutexGuard<'_, crate::store::profile::Profile> {
    profile.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
