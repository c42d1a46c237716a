//! Whatever of Noren's own fails, the page goes on, and the failure is counted and named.

use super::*;
use crate::action::{Action, ActionError, Lowered, Lowering};
use crate::admission::Admission;
use crate::catalogue::Catalogues;
use crate::client::Files;
use crate::clock::SystemClock;
use crate::ids::{OsRandom, SiteId};
use crate::recorder::{RecorderSettings, Worker};
use crate::scenario::condition::{Scope, check};
use crate::scenario::{Caps, RuleSet, Scenario, Schedule, Variant};
use crate::site::platform::{Own, Platform, Preset};
use crate::site::taps::Taps;
use crate::site::{Origin, OriginAddress, Pool, SiteLimits};
use crate::store::{StoreError, Write};
use crate::transform::extract::Part;
use crate::transform::{Edit, Position, Selector, Target};
use crate::visitor::cookie::CookieSettings;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderName, HeaderValue};
use std::sync::atomic::AtomicBool;

mod claims;
mod imports;
mod late;
mod panics;
mod reading;

const PAGE: &str = "<!doctype html><html><head></head><body><p>page</p></body></html>";

/// An action that does what a test wants.
#[derive(Debug, Clone, Copy)]
enum Act {
    Inserts(&'static str),
    /// Inserts, and needs the stylesheet: then a policy wants a nonce, which is drawn by chance.
    Styled(&'static str),
    Fails,
    Panics,
}

impl Action for Act {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn lower(&self, _: &Lowering<'_>) -> Result<Lowered, ActionError> {
        let (html, needs_style) = match self {
            Self::Inserts(html) => (html, false),
            Self::Styled(html) => (html, true),
            Self::Fails => return Err(ActionError { kind: "test", reason: "told to".into() }),
            Self::Panics => panic!("the action panics"),
        };
        let target = Target::First(Selector::parse("body").unwrap());
        let edit = Edit { target, position: Position::Prepend, html: Bytes::from_static(html.as_bytes()) };
        Ok(Lowered { edits: vec![edit], needs_style, ..Lowered::default() })
    }
}

/// What loading a profile comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loading {
    Works,
    Fails,
    Hangs,
    Panics,
    /// Before there is anything to wait for.
    PanicsAtOnce,
}

struct TestStore(Loading, LiveProfile);

#[async_trait]
impl Store for TestStore {
    fn cached(&self, _: &ProfileKey) -> Option<LiveProfile> {
        assert!(self.0 != Loading::PanicsAtOnce, "the store panics");
        None
    }

    async fn load(&self, _: &ProfileKey) -> Result<LiveProfile, StoreError> {
        match self.0 {
            Loading::Works => Ok(self.1.clone()),
            Loading::Fails => Err(StoreError::Backend { location: "memory".into(), reason: "told to".into() }),
            Loading::Hangs => std::future::pending().await,
            Loading::Panics | Loading::PanicsAtOnce => panic!("the store panics"),
        }
    }

    fn create(&self, _: &ProfileKey) -> LiveProfile {
        self.1.clone()
    }

    async fn write(&self, _: Vec<Write>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Chance, until it panics.
#[derive(Default)]
struct TestRandom(AtomicBool);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(!self.0.load(Ordering::SeqCst), "chance panics");
        OsRandom.fill(bytes);
    }
}

/// The machine's clock, until a reading of it panics.
#[derive(Default)]
struct TestClock {
    /// Which of the next readings that is; 0: none.
    breaks: AtomicUsize,
    broken: AtomicBool,
}

impl TestClock {
    fn break_at(&self, reading: usize) {
        self.breaks.store(reading, Ordering::SeqCst);
    }

    fn has_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

impl Clock for TestClock {
    fn now(&self) -> jiff::Timestamp {
        let left = self.breaks.load(Ordering::SeqCst);
        self.breaks.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            self.broken.store(true, Ordering::SeqCst);
            panic!("the clock panics");
        }
        SystemClock.now()
    }

    fn monotonic(&self) -> Instant {
        SystemClock.monotonic()
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A shop behind a gateway, with a scenario for each act, at most once a visitor unless it is called `good`.
struct Shop {
    gateway: Arc<Gateway>,
    random: Arc<TestRandom>,
    clock: Arc<TestClock>,
    log: Log,
    /// Size of the pieces in which pages come.
    cut: usize,
    /// What happens within each page, once its first piece has passed.
    within: Option<fn(&mut Exchange)>,
    _worker: Worker,
    _logging: tracing::subscriber::DefaultGuard,
}

/// A page as it came out.
#[derive(Debug)]
struct Served {
    edits: HeadEdits,
    body: String,
}

impl Shop {
    fn new(acts: &[(&str, Act)], loading: Loading) -> Self {
        Self::reading_along(acts, loading, Taps::default())
    }

    fn reading_along(acts: &[(&str, Act)], loading: Loading, taps: Taps) -> Self {
        let scenarios = acts.iter().map(|(id, act)| {
            let variant = Variant { name: "a".into(), weight: 1, actions: vec![Box::new(*act)] };
            let scenario = Scenario {
                id: (*id).into(),
                name: String::new(),
                priority: 0,
                slot: None,
                schedule: Schedule::default(),
                caps: Caps { per_visitor: (*id != "good").then_some(1), ..Caps::default() },
                variants: vec![variant],
                goal: None,
            };
            (scenario, check("true", &Scope::default()).unwrap())
        });
        let store = Arc::new(TestStore(loading, LiveProfile::default()));
        Self::open_with(RuleSet::build(scenarios.collect()), Vec::new(), store, Settings::default(), taps)
    }

    fn open(rules: RuleSet, pools: Vec<Pool>, store: Arc<dyn Store>, settings: Settings) -> Self {
        Self::open_with(rules, pools, store, settings, Taps::default())
    }

    fn open_with(rules: RuleSet, pools: Vec<Pool>, store: Arc<dyn Store>, settings: Settings, taps: Taps) -> Self {
        let log = Log::default();
        let writer = log.clone();
        let logging = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let nothing = Preset {
            id: "any",
            name: String::new(),
            pages: Vec::new(),
            part: Part::default(),
            taps: Taps::default(),
            signs: Vec::new(),
        };
        let site = Site {
            id: SiteId::new("shop"),
            hosts: vec!["shop.example".to_owned()],
            prefix: "gw".to_owned(),
            origin: Origin { addresses: vec![OriginAddress::parse("http://127.0.0.1").unwrap()], ..Origin::default() },
            locale: "ja".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
            currency: "JPY".to_owned(),
            free_shipping_from: None,
            cookie: CookieSettings::default(),
            limits: SiteLimits::default(),
            privacy: crate::site::PrivacySettings::default(),
            asking: None,
            deliver_by: crate::site::DeliverBy::Auto,
            session_timeout: Duration::from_secs(1800),
            platform: Platform::named(&Own { taps, ..Own::default() }, &nothing),
            learn: crate::site::LearnSettings::default(),
            customer: Vec::new(),
            part_at_logout: false,
            // What one page teaches must not change the next.
            max_products: 0,
            webhooks: Vec::new(),
            holdout: 0,
            https_redirect: false,
            enabled: true,
            pools,
            imports: Some(imports::settings()),
            rules,
            files: Files::new("gw", []),
        };
        let keys = tempfile::tempdir().unwrap();
        let (recorder, worker) = Recorder::new(store.clone(), RecorderSettings::default());
        let (random, clock) = (Arc::new(TestRandom::default()), Arc::new(TestClock::default()));
        let gateway = Gateway {
            world: Arc::new(ArcSwap::from_pointee(World::new([Arc::new(site)]))),
            store,
            recorder,
            keys: KeyRing::open(&keys.path().join("keys"), &SystemClock, &OsRandom).unwrap(),
            customers: Arc::new(CustomerKey::of([7; 32])),
            imports: Imports::default(),
            clock: clock.clone(),
            random: random.clone(),
            metrics: Metrics::new().unwrap(),
            geo: None,
            learnt: Learnt::default(),
            settings: Arc::new(ArcSwap::from_pointee(settings)),
            pages_read: PagesRead::default(),
            catalogues: Arc::new(Catalogues::new(usize::MAX)),
            admission: Arc::new(Admission::new(SystemClock.monotonic(), usize::MAX)),
            in_flight: Arc::default(),
            requests: std::sync::atomic::AtomicU64::default(),
            failure_log: FailureLog::default(),
        };
        let logging = tracing::subscriber::set_default(logging);
        let gateway = Arc::new(gateway);
        Self { gateway, random, clock, log, cut: 1000, within: None, _worker: worker, _logging: logging }
    }

    /// The `Cookie` of a visitor who was here before.
    fn cookie(&self) -> HeaderValue {
        let visitor = VisitorId::mint(&OsRandom);
        let sealed = self.gateway.keys.seal(&SiteId::new("shop"), visitor, SystemClock.now(), &OsRandom);
        HeaderValue::from_str(&format!("{}={sealed}", CookieSettings::default().name)).unwrap()
    }

    /// Serves a page: its request with further headers, its response likewise.
    async fn serve(
        &self,
        more: &[(HeaderName, HeaderValue)],
        answer: &[(HeaderName, &'static str)],
        html: &str,
    ) -> Served {
        let mut request = HeaderMap::new();
        request.insert(HOST, HeaderValue::from_static("shop.example"));
        request.insert(ACCEPT, HeaderValue::from_static("text/html"));
        request.insert("sec-fetch-dest", HeaderValue::from_static("document"));
        request.extend(more.iter().cloned().map(|(name, value)| (Some(name), value)));
        let view = RequestView {
            method: &Method::GET,
            path: "/",
            query: "",
            authority: "shop.example",
            host: "shop.example",
            version: Version::HTTP_11,
            headers: &request,
            peer: IpAddr::from([203, 0, 113, 9]),
            tls: false,
        };
        let Received::Forward(mut exchange) = self.gateway.receive(&view) else { panic!("it is for the shop") };
        exchange.origin_request(&view);
        exchange.head_arrived().await;
        let mut response = HeaderMap::new();
        response.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response.extend(answer.iter().map(|(name, value)| (Some(name.clone()), HeaderValue::from_static(value))));
        let edits = exchange.response(&view, StatusCode::OK, &response).await;
        let mut body = BytesMut::new();
        let pieces = html.as_bytes().chunks(self.cut).map(|piece| (Some(Bytes::copy_from_slice(piece)), false));
        for (nth, (mut piece, end)) in pieces.chain([(None, true)]).enumerate() {
            if let (1, Some(within)) = (nth, self.within) {
                within(&mut exchange);
            }
            exchange.body(&mut piece, end).unwrap();
            body.extend_from_slice(&piece.unwrap_or_default());
        }
        exchange.finish(&Outcome { status: 200, bytes: body.len() as u64, complete: true });
        Served { edits, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn page(&self) -> Served {
        self.serve(&[], &[], PAGE).await
    }

    async fn page_of_known_visitor(&self) -> Served {
        self.serve(&[(COOKIE, self.cookie())], &[], PAGE).await
    }

    fn failures(&self, kind: &str) -> u64 {
        self.gateway.metrics.failures.with_label_values(&["shop", kind]).get()
    }

    fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }

    /// Lines of the log that name a failure, with the scenario if one is named.
    fn named(&self) -> Vec<String> {
        let text = self.log();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let failures = lines.filter(|line| line["fields"]["message"] == "failed open");
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        failures.map(|line| ["site", "kind", "scenario"].map(|name| word(&line["fields"][name])).join(" ")).collect()
    }
}

impl Served {
    /// Whether the page is, head and body, what it would be if there were nothing to insert.
    fn is_untouched(&self) -> bool {
        let headers = &self.edits.headers;
        let cookie_alone = headers.append.iter().all(|(name, _)| name == "set-cookie");
        !self.edits.new_length
            && headers.remove.is_empty()
            && headers.set.is_empty()
            && cookie_alone
            && self.body == PAGE
    }
}

#[tokio::test]
async fn failing_action_leaves_its_own_scenario_out_and_no_other() {
    for (act, kind) in [(Act::Panics, "panic"), (Act::Fails, "template")] {
        let shop = Shop::new(&[("bad", act), ("good", Act::Inserts("<b>good</b>"))], Loading::Works);
        let served = shop.page().await;
        assert_eq!(served.body, PAGE.replace("<body>", "<body><b>good</b>"));
        assert!(served.edits.new_length);
        assert_eq!((shop.failures(kind), shop.named()), (1, vec![format!("shop {kind} bad")]));
    }
}

#[tokio::test]
async fn page_with_failing_actions_alone_is_the_shops() {
    for act in [Act::Panics, Act::Fails] {
        let shop = Shop::new(&[("bad", act)], Loading::Works);
        for _ in 0..3 {
            assert!(shop.page().await.is_untouched());
        }
        // Nothing was delivered, so no cap is used up: it is tried, and fails, each time, and is named once.
        assert_eq!((shop.failures("panic") + shop.failures("template"), shop.named().len()), (3, 1));
    }
}

#[tokio::test]
async fn panic_after_the_decision_gives_back_what_was_reserved() {
    let shop = Shop::new(&[("once", Act::Styled("<b>once</b>"))], Loading::Works);
    let cookie = shop.cookie();
    let request = [(COOKIE, cookie)];
    let policy = [(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'nonce-x'; script-src 'nonce-x'")];
    shop.random.0.store(true, Ordering::SeqCst);
    let served = shop.serve(&request, &policy, PAGE).await;
    assert!(served.is_untouched(), "{served:?}");
    assert_eq!((shop.failures("panic"), shop.named()), (1, vec!["shop panic -".to_owned()]));
    shop.random.0.store(false, Ordering::SeqCst);
    let shown = [shop.serve(&request, &policy, PAGE).await, shop.serve(&request, &policy, PAGE).await];
    assert_eq!(shown.map(|served| served.body.contains("once")), [true, false], "at most once a visitor");
}

#[tokio::test]
async fn visitor_who_cannot_be_recognised_gets_the_shops_page() {
    let shop = Shop::new(&[("good", Act::Inserts("<b>good</b>"))], Loading::Works);
    shop.random.0.store(true, Ordering::SeqCst);
    assert!(shop.page().await.is_untouched());
    assert_eq!((shop.failures("panic"), shop.named()), (1, vec!["shop panic -".to_owned()]));
    shop.random.0.store(false, Ordering::SeqCst);
    assert!(shop.page().await.body.contains("good"));
}

#[tokio::test]
async fn ailing_store_costs_what_depends_on_it_and_nothing_else() {
    for (loading, kind) in [
        (Loading::Fails, "store"),
        (Loading::Hangs, "profile_late"),
        (Loading::Panics, "panic"),
        (Loading::PanicsAtOnce, "panic"),
    ] {
        let shop = Shop::new(&[("capped", Act::Inserts("<b>capped</b>"))], loading);
        for _ in 0..3 {
            assert!(shop.page_of_known_visitor().await.is_untouched(), "{loading:?}");
        }
        assert_eq!((shop.failures(kind), shop.named()), (3, vec![format!("shop {kind} -")]), "{loading:?}");
        // Whoever is new needs no profile from the store.
        assert!(shop.page().await.body.contains("capped"), "{loading:?}");
    }
}

#[tokio::test]
async fn page_that_the_parser_gives_up_on_is_complete_and_its_scenarios_are_named() {
    let html =
        format!("<!doctype html><html><head></head><body data-x=\"{}\"><p>page</p></body></html>", "x".repeat(300_000));
    let robot = [(HeaderName::from_static("user-agent"), HeaderValue::from_static("Googlebot/2.1"))];
    for request in [&[][..], &robot] {
        let shop = Shop::new(&[("good", Act::Inserts("<b>good</b>"))], Loading::Works);
        let served = shop.serve(request, &[(CONTENT_LENGTH, "1")], &html).await;
        assert!(served.body == html, "not a byte is lost");
        let named = ["shop extract -", "shop parser_limit good"].map(str::to_owned);
        assert_eq!((shop.failures("parser_limit"), shop.failures("extract"), shop.named()), (1, 1, named.to_vec()));
    }
}
