//! The composition root: the only module that knows all the others. Starts everything, and stops it in order.

mod data;
mod hooks;
mod sweeper;

pub mod stores;

use crate::admission::Admission;
use crate::catalogue::{Catalogues, Keeper};
use crate::certs::CertStore;
use crate::clock::{Clock, SystemClock};
use crate::config::gateway::Gateway as Settings;
use crate::exchange::{FailureLog, Gateway, Imports, Learnt, PagesRead};
use crate::geo::GeoDatabase;
use crate::ids::{OsRandom, Random};
use crate::ops::{self, Ops};
use crate::proxy::health;
use crate::proxy::listeners::{ListenError, Sockets};
use crate::proxy::peers::Peers;
use crate::recorder::{Online, Recorder, RecorderSettings};
use crate::reload::{POLL, Reloader, Setup, StatusHandle};
use crate::rules::{LoadOptions, site_for_origin};
use crate::store::{Opened, StoreError};
use crate::telemetry::{self, LogFormat, Metrics};
use crate::visitor::customers::CustomerKey;
use crate::visitor::keys::KeyRing;
use crate::world::World;
use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use data::DataFolder;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often draining looks whether all requests have ended.
const DRAIN_TICK: Duration = Duration::from_millis(20);

/// How long the store is given for what was learnt of products, at the end.
const KEEPING: Duration = Duration::from_secs(3);

/// How long a start waits for the stores to say that they can be used; after that it goes on without their word.
const WAKING: Duration = Duration::from_secs(2);

/// What to start: command line flags win over `gateway.toml`.
pub struct Start {
    /// Where the rules are.
    pub rules: RulesFrom,
    /// Folder of certificates.
    pub certs: Option<PathBuf>,
    /// Data folder.
    pub data: Option<PathBuf>,
    /// Addresses for plain http.
    pub listen: Vec<SocketAddr>,
    /// Addresses for https.
    pub tls_listen: Vec<SocketAddr>,
    /// Address of the operations listener.
    pub ops: Option<SocketAddr>,
    /// Take the sockets over from the process under way.
    pub upgrade: bool,
    /// Serve https with a certificate of our own making: for the demo alone.
    pub self_signed: bool,
    /// Called once everything listens, with the addresses.
    pub started: Option<Started>,
}

/// What is called once everything listens.
pub type Started = Box<dyn FnOnce(&Settings) + Send>;

/// Where rules come from.
pub enum RulesFrom {
    /// A folder, watched.
    Folder(PathBuf),
    /// No file at all: one shop, and a banner that shows that Noren is there.
    Origin(String),
}

/// Runs until it is told to stop.
///
/// # Errors
/// When something that is needed to start is not there, with what to do about it.
pub fn run(start: Start) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let early = match &start.rules {
        RulesFrom::Folder(folder) => early_settings(folder)?,
        RulesFrom::Origin(_) => Settings::default(),
    };
    let settings = with_flags(early, &start);
    telemetry::start_logging(
        match settings.log.format {
            crate::config::gateway::LogFormat::Json => LogFormat::Json,
            crate::config::gateway::LogFormat::Text => LogFormat::Text,
        },
        settings.log.level.as_str(),
    );
    telemetry::log_panics();
    let data = DataFolder::open(&settings.data, &*random)?;
    let keys = KeyRing::open(&data.path.join("keys"), &*clock, &*random)?;
    let keys = (keys, Arc::new(CustomerKey::open(&data.path.join("customer-key"), &*random)?));
    // A database that was cut off while it was renewed must not keep the shops from being served.
    let geo = settings.geo_database.as_deref().and_then(|path| {
        GeoDatabase::open(path).inspect_err(|error| tracing::error!(%error, "serving without `geo.*`")).ok()
    });
    // Without a listener for it, a folder that is not there is nothing to be warned of.
    let certs = match (settings.tls_listen.is_empty(), start.self_signed) {
        (true, _) => None,
        (false, true) => {
            let made = CertStore::self_signed(&["localhost", "127.0.0.1"]).context("no certificate could be made")?;
            Some(Arc::new(made))
        }
        (false, false) => Some(Arc::new(CertStore::of_folder(settings.certs.clone()))),
    };
    let (reloader, world) = reloader(start.rules, &data, certs.clone(), clock.clone())?;
    let sockets = sockets(&settings, &data, start.upgrade)?;
    let threads = settings.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("the worker threads could not be started")?;
    let metrics = Metrics::new().context("the metrics could not be registered")?;
    let running =
        Running { settings, reloader, world, certs, sockets, threads, clock, random, keys, geo, metrics, data };
    let done = runtime.block_on(serve(running, start.started));
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// Reads the rules and watches them. Problems of single sites do not keep the others from being served.
fn reloader(
    rules: RulesFrom,
    data: &DataFolder,
    certs: Option<Arc<CertStore>>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<(Reloader, Arc<ArcSwap<World>>)> {
    let prefix = data.prefix.clone();
    let (folder, given) = match rules {
        RulesFrom::Folder(folder) => (Some(folder), Vec::new()),
        RulesFrom::Origin(origin) => {
            let options = LoadOptions { prefix: prefix.clone(), now: clock.now() };
            (None, vec![Arc::new(site_for_origin(&origin, &options)?)])
        }
    };
    let shown = folder.clone();
    let world = Arc::new(ArcSwap::default());
    let setup = Setup { rules: folder, given, prefix, world: world.clone(), certs, clock, poll: POLL };
    let reloader = Reloader::start(setup).context("the thread that watches the rules could not be started")?;
    if let Some(folder) = shown
        && world.load().sites().next().is_none()
    {
        let status = reloader.status().snapshot();
        let reports = status.sites.values().filter_map(|site| site.report.as_deref());
        let reports: Vec<&str> = status.rules_report.as_deref().into_iter().chain(reports).collect();
        bail!(
            "no site in {folder} can be served: mend what is wrong, or write a first site with `noren init DIR`\n\n{}",
            reports.join("\n"),
            folder = folder.display(),
        );
    }
    Ok((reloader, world))
}

struct Running {
    settings: Settings,
    reloader: Reloader,
    world: Arc<ArcSwap<World>>,
    certs: Option<Arc<CertStore>>,
    sockets: Sockets,
    threads: usize,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    keys: (KeyRing, Arc<CustomerKey>),
    geo: Option<GeoDatabase>,
    metrics: Metrics,
    data: DataFolder,
}

async fn serve(running: Running, started: Option<Started>) -> anyhow::Result<()> {
    let Running { settings, reloader, world, certs, sockets, threads, clock, random, keys, geo, metrics, data } =
        running;
    let (keys, customers) = keys;
    let Opened { store, presence, .. } = stores::open(&settings.store, &data.path, &*random)?;
    let online = Arc::new(Online::new(presence, clock.clone()));
    let catalogues = Arc::new(Catalogues::new(usize::try_from(settings.limits.catalogue_memory).unwrap_or(usize::MAX)));
    let keeper = Keeper::new(catalogues.clone(), store.clone());
    let (recorder, worker) = Recorder::new(store.clone(), RecorderSettings::default());
    let worker = worker.noting(online.clone());
    // Two processes' requests are told apart in one log.
    let mut first_request = [0; 8];
    random.fill(&mut first_request);
    let first_request = u64::from_le_bytes(first_request) & !0xFFFF_FFFF;
    let gateway = Arc::new(Gateway {
        world: world.clone(),
        store,
        recorder: recorder.clone(),
        keys,
        customers,
        imports: Imports::default(),
        clock: clock.clone(),
        random,
        metrics: metrics.clone(),
        geo,
        settings: reloader.gateway(),
        admission: Arc::new(Admission::new(clock.monotonic(), connections_allowed(&settings))),
        learnt: Learnt::default(),
        pages_read: PagesRead::default(),
        catalogues,
        in_flight: Arc::new(AtomicUsize::new(0)),
        requests: AtomicU64::new(first_request),
        failure_log: FailureLog::default(),
    });
    let peers = Arc::new(Peers::new(clock.clone()));
    let ready = Arc::new(AtomicBool::new(false));
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    let (told, wakes) = tokio::sync::oneshot::channel();
    tasks.spawn({
        let store = gateway.store.clone();
        async move { drop(told.send(store.ping().await)) }
    });
    // A store that is down may come back. One that is sealed with other keys does not.
    if let Ok(Ok(Err(error @ StoreError::Open { .. }))) = tokio::time::timeout(WAKING, wakes).await {
        return Err(error.into());
    }
    tasks.spawn(async move {
        if let Err(error) = worker.run().await {
            tracing::error!(%error, "what was still to be written is lost");
        }
    });
    tasks.spawn({
        let ops = Ops {
            metrics: metrics.clone(),
            ready: ready.clone(),
            refresh: gauges(gateway.clone(), peers.clone(), reloader.status(), online.clone()),
        };
        let listener = ops_listener(settings.ops_listen)?;
        let mut stopped = stopped.clone();
        async move {
            let stop = async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            if let Err(error) = ops::serve(listener, ops, stop).await {
                tracing::error!(%error, "the operations listener failed");
            }
        }
    });
    tasks.spawn(async move { online.run().await });
    tasks.spawn(sweeper::run(world.clone(), gateway.store.clone(), clock.clone()));
    let (keep, kept) = watch::channel(false);
    let mut keeping = tokio::task::JoinSet::new();
    keeping.spawn(keeper.run(kept));
    let delivering = hooks::start(&gateway, stopped.clone());
    tasks.spawn(health::run(world, peers.clone()));
    tasks.spawn(crate::proxy::listeners::serve(
        gateway.clone(),
        peers,
        sockets.clone(),
        certs.map(|certs| certs as _),
        threads,
        stopped,
    ));
    std::fs::write(data.pid_file(), std::process::id().to_string()).context("the process id could not be written")?;
    ready.store(true, Ordering::Release);
    tracing::info!(listen = ?settings.listen, tls = ?settings.tls_listen, ops = %settings.ops_listen, "serving");
    if let Some(started) = started {
        started(&settings);
    }
    let handed_over = until_told_to_stop(&reloader, &sockets, &data).await?;
    ready.store(false, Ordering::Release);
    let _ = stop.send(true);
    drain(&gateway, settings.grace_period, &*clock).await;
    reloader.stop();
    let _ = keep.send(true);
    if tokio::time::timeout(KEEPING, keeping.join_all()).await.is_err() {
        tracing::warn!("the store does not take what was learnt of products: it is learnt anew");
    }
    hooks::end(delivering).await;
    if let Err(error) = recorder.shutdown().await {
        tracing::error!(%error, "the recorder could not write everything");
    }
    if !handed_over {
        let _ = std::fs::remove_file(data.pid_file());
    }
    tasks.abort_all();
    tracing::info!("stopped");
    Ok(())
}

/// Waits for a signal to stop: SIGTERM and SIGINT end the process, SIGQUIT hands the sockets over first, SIGHUP reloads.
/// Answers whether the sockets were handed over.
async fn until_told_to_stop(reloader: &Reloader, sockets: &Sockets, data: &DataFolder) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(false),
            _ = interrupt.recv() => return Ok(false),
            _ = hang_up.recv() => {
                reloader.reload_now();
            }
            _ = quit.recv() => {
                let (sockets, path) = (sockets.clone(), data.upgrade_socket());
                match tokio::task::spawn_blocking(move || sockets.hand_over(&path)).await {
                    Ok(Ok(())) => return Ok(true),
                    // Nobody took them: better to go on serving than to leave the shops without.
                    Ok(Err(error)) => tracing::error!(%error, "going on"),
                    Err(error) => tracing::error!(%error, "going on"),
                }
            }
        }
    }
}

/// Lets requests under way end, for as long as the grace period lasts.
async fn drain(gateway: &Gateway, grace: Duration, clock: &dyn Clock) {
    let began = clock.monotonic();
    loop {
        let left = gateway.in_flight.load(Ordering::Acquire);
        if left == 0 {
            return;
        }
        if clock.monotonic().duration_since(began) >= grace {
            tracing::warn!(left, "the grace period is over: requests under way are broken off");
            return;
        }
        tokio::time::sleep(DRAIN_TICK).await;
    }
}

/// Brings gauges up to date when metrics are read.
fn gauges(
    gateway: Arc<Gateway>,
    peers: Arc<Peers>,
    reloads: StatusHandle,
    online: Arc<Online>,
) -> Arc<dyn Fn() + Send + Sync> {
    Arc::new(move || {
        let metrics = &gateway.metrics;
        let as_gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        metrics.in_flight.set(as_gauge(gateway.in_flight.load(Ordering::Relaxed) as u64));
        metrics.products.set(as_gauge(gateway.catalogues.products() as u64));
        metrics.catalogue_bytes.set(as_gauge(gateway.catalogues.bytes() as u64));
        let (connections, _, memory) = gateway.admission.now();
        metrics.connections.set(as_gauge(connections as u64));
        metrics.rewrite_memory.set(as_gauge(memory as u64));
        let stats = gateway.recorder.stats();
        metrics.recorder_queued.set(as_gauge(stats.queued as u64));
        for (result, count) in [
            ("written", stats.written),
            ("dropped", stats.dropped.values().sum()),
            ("failed", stats.failed),
            ("refused", stats.refused),
        ] {
            metrics.recorder.with_label_values(&[result]).set(as_gauge(count));
        }
        for (site, pool) in peers.pools() {
            metrics.origins_down.with_label_values(&[site.as_str()]).set(as_gauge(peers.out_of_service(&pool) as u64));
        }
        for (site, count) in online.now() {
            metrics.visitors_online.with_label_values(&[site.as_str()]).set(as_gauge(count));
        }
        metrics.stale_sites.set(as_gauge(reloads.stale_sites() as u64));
        let (taken, refused) = reloads.counts();
        metrics.reloads.with_label_values(&["taken"]).set(as_gauge(taken));
        metrics.reloads.with_label_values(&["refused"]).set(as_gauge(refused));
    })
}

/// Lets the process open as many files as it may, and tells how many connections of clients that leaves room for: a quarter is
/// kept for connections to shops, and for files.
fn connections_allowed(settings: &Settings) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Most systems start programs with a low limit that they may raise themselves.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let files = if raised.is_ok() { limit.maximum } else { limit.current };
    let allowed = files.map_or(usize::MAX, |files| usize::try_from(files / 4 * 3).unwrap_or(usize::MAX));
    let wanted = settings.limits.max_connections;
    if allowed < wanted {
        tracing::warn!(
            allowed,
            max_connections = wanted,
            "the limit of open files is too low for so many connections: raise it (LimitNOFILE, ulimit -n)"
        );
    }
    allowed
}

fn early_settings(folder: &std::path::Path) -> anyhow::Result<Settings> {
    if !folder.is_dir() {
        bail!(
            "there is no rules folder {}: give one with --rules DIR, write one with `noren init {}`, or see `noren demo`",
            folder.display(),
            folder.display()
        );
    }
    stores::settings(folder)
}

fn with_flags(mut settings: Settings, start: &Start) -> Settings {
    if !start.listen.is_empty() {
        settings.listen.clone_from(&start.listen);
    }
    if !start.tls_listen.is_empty() {
        settings.tls_listen.clone_from(&start.tls_listen);
    }
    if let Some(ops) = start.ops {
        settings.ops_listen = ops;
    }
    if let Some(certs) = &start.certs {
        settings.certs.clone_from(certs);
    }
    if let Some(data) = &start.data {
        settings.data.clone_from(data);
    }
    settings
}

fn sockets(settings: &Settings, data: &DataFolder, upgrade: bool) -> anyhow::Result<Sockets> {
    let text = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (plain, tls) = (text(&settings.listen), text(&settings.tls_listen));
    let socket = data.upgrade_socket();
    if upgrade {
        ask_for_sockets(data)?;
    }
    Sockets::open(&plain, &tls, upgrade.then_some(socket.as_path())).map_err(|error| {
        let remedy = match &error {
            ListenError::Bind { source, .. } => match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "another program listens there: `ss -ltnp` names it; stop it, or give another address with --listen"
                }
                std::io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or give another address with --listen"
                }
                _ => "give an address of this machine with --listen",
            },
            ListenError::TakeOver { .. } => "start without --upgrade if no other process runs on this data folder",
        };
        anyhow::Error::new(error).context(remedy).context("the listeners could not be opened")
    })
}

/// Sends the process under way the signal to hand its sockets over, as soon as this one waits for them.
fn ask_for_sockets(data: &DataFolder) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(data.pid_file()).with_context(|| {
        format!("no process runs on the data folder {}: start without --upgrade", data.path.display())
    })?;
    let pid = text
        .trim()
        .parse()
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .with_context(|| format!("{} holds no process id", data.pid_file().display()))?;
    let socket = data.upgrade_socket();
    let _ = std::fs::remove_file(&socket);
    std::thread::spawn(move || {
        // The socket is made by the taking-over that follows; it takes a moment.
        for _ in 0..200 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::QUIT) {
            tracing::error!(%error, "the process under way could not be signalled");
        }
    });
    Ok(())
}

/// Binds the operations listener. The port may be shared, so that the next process can open it before this one ends.
fn ops_listener(address: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
    let open = || -> std::io::Result<tokio::net::TcpListener> {
        let socket =
            if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        socket.listen(128)
    };
    open().with_context(|| format!("cannot listen on {address} for operations: give another address with --ops"))
}
