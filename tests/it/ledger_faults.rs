//! Whatever PostgreSQL does, a coupon call answers within its time, what was recorded waits and is kept once when the server is back,
//! and no code is given twice. Each fault happens to a real server, under a user who owns nothing but its own schema.

use crate::support::faults::report;
use crate::support::postgres::Cluster;
use crate::support::{PATIENCE, eventually};
use async_trait::async_trait;
use jiff::Timestamp;
use noren::event::{Arm, Event, What};
use noren::ids::{OsRandom, SiteId, VisitorId};
use noren::recorder::{Recorder, RecorderSettings};
use noren::store::coupons::{CodeAsk, Coupons, Holder, Issued, Supply};
use noren::store::ledger::{BatchId, Ledger};
use noren::store::{LiveProfile, ProfileKey, Store, StoreError, Write};
use std::fmt::Write as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The longest that a call may take: a connection's and a call's own bound, and some for a machine that is busy.
const BOUND: Duration = Duration::from_secs(15);
const EVENTS: usize = 200;

/// A store of which only the ledger is real.
struct LedgerAlone(Arc<dyn Ledger>);

#[async_trait]
impl Store for LedgerAlone {
    fn cached(&self, _: &ProfileKey) -> Option<LiveProfile> {
        None
    }

    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError> {
        Ok(self.create(key))
    }

    fn create(&self, _: &ProfileKey) -> LiveProfile {
        LiveProfile::default()
    }

    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.write_once(self.next_batch(), batch).await
    }

    fn next_batch(&self) -> BatchId {
        self.0.next_batch()
    }

    async fn write_once(&self, id: BatchId, batch: Vec<Write>) -> Result<(), StoreError> {
        let events = batch.into_iter().filter_map(|write| match write {
            Write::Event(event) => Some(event),
            Write::Profile(..) => None,
        });
        self.0.append(id, events.collect()).await
    }

    fn coupons(&self) -> &dyn Coupons {
        &*self.0
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}

/// A gateway's ledger and recorder on a server of its own.
struct Scene {
    cluster: Cluster,
    store: Arc<LedgerAlone>,
    recorder: Recorder,
    holders: u32,
    events: usize,
    table: String,
    /// Ends with the scene.
    _worker: JoinSet<Result<(), StoreError>>,
}

fn site() -> SiteId {
    SiteId::new("faults")
}

impl Scene {
    fn on(cluster: Cluster) -> Self {
        let url = cluster.url().replace("noren@", "shop@");
        let ledger = noren::store::open_ledger(&url, &noren::store::StoreSettings::default(), &OsRandom).unwrap();
        let store = Arc::new(LedgerAlone(ledger));
        let settings = RecorderSettings { interval: Duration::from_millis(20), ..RecorderSettings::default() };
        let (recorder, worker) = Recorder::new(store.clone(), settings);
        let mut tasks = JoinSet::new();
        tasks.spawn(worker.run());
        let table = "| fault of PostgreSQL | a coupon call meanwhile | longest | events recorded meanwhile | kept of them |\n|---|---|--:|--:|--:|\n";
        Self { cluster, store, recorder, holders: 0, events: 0, table: table.to_owned(), _worker: tasks }
    }

    async fn reserve(&self, holder: u32) -> Result<Option<Issued>, StoreError> {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&holder.to_be_bytes());
        let ask = CodeAsk {
            site: site(),
            pool: "night".into(),
            holder: Holder::Visitor(VisitorId(id)),
            supply: Supply::Pattern { pattern: "F-????-????".into(), limit: 1000 },
            at: Timestamp::now(),
            expires: None,
        };
        self.store.coupons().reserve(&ask).await
    }

    fn record(&mut self, count: usize) {
        for _ in 0..count {
            let what = What::Click(Arm { scenario: "welcome".into(), variant: "a".into() });
            let visitor = VisitorId([1; 16]);
            self.recorder.record(Write::Event(Event { site: site(), visitor, at: Timestamp::now(), what }));
        }
        self.events += count;
    }

    /// All is well: a new holder gets a code, and what was recorded is there, once.
    async fn is_well(&mut self, why: &str) {
        let start = Instant::now();
        while let Err(error) = self.reserve(self.holders).await {
            assert!(start.elapsed() < PATIENCE, "{why}: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.holders += 1;
        while let Err(error) = self.recorder.flush().await {
            assert!(start.elapsed() < PATIENCE, "{why}: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.kept(), self.events, "{why}: events kept once each");
        let given = self.cluster.sql("SELECT count(*) || ' ' || count(DISTINCT code) FROM coupon_grants");
        assert_eq!(given, format!("{0} {0}", self.holders), "{why}: a code a holder");
        assert_eq!(self.cluster.sql("SELECT taken FROM coupon_pools"), self.holders.to_string(), "{why}: none is lost");
        assert_eq!(self.recorder.stats().dropped, [].into(), "{why}");
    }

    fn kept(&self) -> usize {
        self.cluster.sql("SELECT count(*) FROM events").parse().unwrap()
    }

    /// A fault: events are recorded as it begins and while it lasts, and holders ask for codes in vain.
    async fn suffers<T>(
        &mut self,
        fault: &str,
        begin: impl FnOnce(&mut Cluster) -> T,
        end: impl FnOnce(&mut Cluster, T),
    ) {
        let before = self.kept();
        self.record(EVENTS / 2);
        let state = begin(&mut self.cluster);
        self.record(EVENTS / 2);
        let (mut longest, mut said) = (Duration::ZERO, String::new());
        for _ in 0..2 {
            let start = Instant::now();
            // The same holder as will ask afterwards.
            let error = self.reserve(self.holders).await.expect_err(fault).to_string();
            longest = longest.max(start.elapsed());
            assert!(error.starts_with("the store at postgres://") && !error.contains("shop@"), "{fault}: {error}");
            said = error.rsplit_once(" failed: ").map_or(error.clone(), |(_, reason)| reason.to_owned());
        }
        assert!(longest < BOUND, "{fault}: {longest:?}");
        end(&mut self.cluster, state);
        self.is_well(fault).await;
        let kept = self.kept() - before;
        let _ = writeln!(self.table, "| {fault} | {said} | {} ms | {EVENTS} | {kept} |", longest.as_millis());
    }
}

/// Sends a signal to all the server's processes.
pub(crate) fn signal(cluster: &Cluster, signal: &str) {
    for process in cluster.processes() {
        // One of them may have ended just now.
        let _ = Command::new("kill").args([format!("-{signal}"), process.to_string()]).status();
    }
}

/// Makes the server read-only or not, for connections that are made from now on, and ends those that are there.
fn set_read_only(cluster: &Cluster, value: &str) {
    cluster.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
    cluster.sql("SELECT pg_reload_conf()");
    let shown = || cluster.sql("SHOW default_transaction_read_only");
    eventually("the server has read its settings", || (shown() == value).then_some(()));
    end_connections(cluster);
}

fn end_connections(cluster: &Cluster) {
    cluster.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'shop'");
}

/// Another client that keeps the tables locked.
fn lock(cluster: &Cluster) -> Child {
    let client =
        cluster.client("BEGIN; LOCK TABLE noren.coupon_grants, noren.events; SELECT pg_sleep(600)").spawn().unwrap();
    eventually("the tables are locked", || {
        let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'noren.events'::regclass";
        (cluster.sql(locks) == "1").then_some(())
    });
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_postgres_codes_and_events_are_kept_once() {
    let mut cluster = Cluster::start();
    cluster.sql("CREATE ROLE shop LOGIN");
    cluster.sql("GRANT CREATE ON DATABASE noren TO shop");
    cluster.stop();

    let mut scene = Scene::on(cluster);
    scene.record(EVENTS);
    assert!(scene.reserve(0).await.is_err());
    scene.cluster.start_again();
    scene.is_well("down at the start").await;
    let _ = writeln!(scene.table, "| down at the start | not answered | | {EVENTS} | {EVENTS} |");

    scene.suffers("down", Cluster::stop, |cluster, ()| cluster.start_again()).await;
    scene.suffers("hung", |cluster| signal(cluster, "STOP"), |cluster, ()| signal(cluster, "CONT")).await;
    scene
        .suffers("read-only", |cluster| set_read_only(cluster, "on"), |cluster, ()| set_read_only(cluster, "off"))
        .await;
    scene
        .suffers(
            "tables locked by another client",
            |cluster| lock(cluster),
            |cluster, mut client| {
                cluster.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted",
                );
                client.wait().unwrap();
            },
        )
        .await;
    scene
        .suffers(
            "no connection left",
            |cluster| {
                cluster.sql("ALTER ROLE shop CONNECTION LIMIT 0");
                end_connections(cluster);
            },
            |cluster, ()| drop(cluster.sql("ALTER ROLE shop CONNECTION LIMIT -1")),
        )
        .await;
    // Restarted under load, and killed under load: each connection breaks at some moment of its own.
    for fault in ["restarted", "crashed"] {
        for _ in 0..3 {
            scene.record(EVENTS);
            if fault == "crashed" {
                scene.cluster.crash();
            }
            scene.cluster.stop();
            scene.record(EVENTS);
            scene.cluster.start_again();
        }
        scene.is_well(fault).await;
        let _ = writeln!(scene.table, "| {fault}, three times | | | {0} | {0} |", EVENTS * 6);
    }
    report("postgres-faults", &scene.table);
}
