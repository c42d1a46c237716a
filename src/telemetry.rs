//! Metrics and logs: what ops see of the gateway.
//!
//! Names follow Prometheus' practices: prefix `noren_`, base units, `_total`. A label never holds a visitor, an order
//! or a path. This registry is the only global state of the program.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tracing_subscriber::fmt::format::FmtSpan;

/// All metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Answers by site, status class and whether the page was rewritten.
    pub responses: IntCounterVec,
    /// From the end of the request's head to the origin's response head.
    pub origin_seconds: HistogramVec,
    /// Noren's own work on one request: everything but waiting for the origin and the client.
    pub own_seconds: Histogram,
    /// Deliveries by site.
    pub insertions: IntCounterVec,
    /// Actions that the shop's own script has thrown out, by site.
    pub gone: IntCounterVec,
    /// Pages that told something, by site and what: `product`, `cart`, …
    pub facts_read: IntCounterVec,
    /// What sites that leave it to be found out are built with.
    pub platform: IntGaugeVec,
    /// Pages left as they were, by reason.
    pub skipped: IntCounterVec,
    /// Things that went wrong, by site and kind.
    pub failures: IntCounterVec,
    /// What was turned away (`connection`, `request`) or passed as the shop sent it (`page`), by site and by whose limit it was.
    pub shed: IntCounterVec,
    /// Connections of clients.
    pub connections: IntGauge,
    /// Memory counted for rewriting.
    pub rewrite_memory: IntGauge,
    /// Whether rewriting is turned off for a site because it kept failing.
    pub breaker_open: IntGaugeVec,
    /// Versions of sites by result: `taken`, `refused`.
    pub reloads: IntGaugeVec,
    /// Sites that run on older rules because the newest were refused.
    pub stale_sites: IntGauge,
    /// Products that are remembered.
    pub products: IntGauge,
    /// Memory counted for them.
    pub catalogue_bytes: IntGauge,
    /// Requests in flight.
    pub in_flight: IntGauge,
    /// Recorder: writes waiting.
    pub recorder_queued: IntGauge,
    /// Recorder: totals by what became of them (`written`, `dropped`, `failed`; `refused`: tries of whole batches).
    pub recorder: IntGaugeVec,
    /// Profiles loaded, by where they came from (`cache`, `store`, `new`, `late`).
    pub profiles: IntCounterVec,
    /// Visitors on each site, on all machines together.
    pub visitors_online: IntGaugeVec,
    /// What was claimed before a delivery, by what became of it (`granted`, `refused`, `late`, `failed`).
    pub claims: IntCounterVec,
    /// Messages to hooks by site, hook and what became of them: `delivered`, `failed` and `deferred` (each try), `gone`, `expired`, `overflowed`,
    /// `removed` (dropped).
    pub webhook_deliveries: IntCounterVec,
    /// Messages that wait, by site and hook.
    pub webhook_backlog: IntGaugeVec,
    /// Files that were sent to be imported, by site and the answer's status.
    pub imports: IntCounterVec,
    /// Their rows, by site and what became of them (`new`, `changed`, `same`, `bad`).
    pub import_rows: IntCounterVec,
    /// Origin addresses by site and state.
    pub origins_down: IntGaugeVec,
}

/// Buckets for Noren's own time, in seconds: 10 µs to 100 ms.
const OWN_BUCKETS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_8, 0.025_6, 0.1,
];

/// Buckets for the origin's time, in seconds: 1 ms to 30 s.
const ORIGIN_BUCKETS: &[f64] = &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Metrics {
    /// Registers all metrics in a registry of their own.
    ///
    /// # Errors
    /// Never with the names given here; the error is passed on rather than hidden.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let made = IntGauge::new(name, help)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| -> Result<IntGaugeVec, prometheus::Error> {
            let made = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let origin_seconds = HistogramVec::new(
            HistogramOpts::new("noren_origin_seconds", "Time until the origin's response head.")
                .buckets(ORIGIN_BUCKETS.to_vec()),
            &["site"],
        )?;
        registry.register(Box::new(origin_seconds.clone()))?;
        let own_seconds = Histogram::with_opts(
            HistogramOpts::new("noren_own_seconds", "Noren's own work on one request.").buckets(OWN_BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(own_seconds.clone()))?;
        Ok(Self {
            responses: counter(
                "noren_responses_total",
                "Answers by site, status class and treatment.",
                &["site", "class", "treatment"],
            )?,
            origin_seconds,
            own_seconds,
            insertions: counter("noren_insertions_total", "Actions delivered in pages.", &["site"])?,
            gone: counter("noren_insertions_gone_total", "Actions that the shop's own script threw out.", &["site"])?,
            facts_read: counter("noren_facts_read_total", "Pages that told something, by what.", &["site", "fact"])?,
            skipped: counter("noren_pages_skipped_total", "Documents left as they were, by reason.", &["reason"])?,
            failures: counter("noren_failures_total", "Failures by site and kind.", &["site", "kind"])?,
            shed: counter(
                "noren_shed_total",
                "Connections and requests turned away, and pages passed as the shop sent them, for want of room.",
                &["site", "what", "limit"],
            )?,
            connections: gauge("noren_connections", "Connections of clients.")?,
            rewrite_memory: gauge("noren_rewrite_memory_bytes", "Memory counted for the pages being rewritten.")?,
            platform: gauges("noren_platform", "1 for what a site is found to be built with.", &["site", "platform"])?,
            breaker_open: gauges("noren_breaker_open", "1 where rewriting is off because it kept failing.", &["site"])?,
            reloads: gauges("noren_reloads", "Versions of sites since the start, by result.", &["result"])?,
            stale_sites: gauge("noren_stale_sites", "Sites running on older rules because the newest were refused.")?,
            products: gauge("noren_catalogue_products", "Products that are remembered.")?,
            catalogue_bytes: gauge("noren_catalogue_bytes", "Memory counted for products that are remembered.")?,
            in_flight: gauge("noren_requests_in_flight", "Requests in flight.")?,
            recorder_queued: gauge("noren_recorder_queue_length", "Writes waiting for the store.")?,
            recorder: gauges("noren_recorder_writes", "Writes by what became of them.", &["result"])?,
            claims: counter(
                "noren_claims_total",
                "Coupon codes and shared caps claimed for pages, by what became of it.",
                &["outcome"],
            )?,
            imports: counter("noren_imports_total", "Imports over HTTP, by the answer's status.", &["site", "status"])?,
            import_rows: counter(
                "noren_import_rows_total",
                "Rows of imports over HTTP, by what became of them.",
                &["site", "result"],
            )?,
            profiles: counter("noren_profile_loads_total", "Profiles by where they came from.", &["from"])?,
            visitors_online: gauges(
                "noren_visitors_online",
                "Visitors with a page view in the last minutes.",
                &["site"],
            )?,
            webhook_deliveries: counter(
                "noren_webhook_deliveries_total",
                "Messages to hooks by what became of them.",
                &["site", "hook", "result"],
            )?,
            webhook_backlog: gauges("noren_webhook_backlog", "Messages that wait for a hook.", &["site", "hook"])?,
            origins_down: gauges("noren_origin_addresses_down", "Origin addresses taken out of service.", &["site"])?,
            registry,
        })
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Has panics logged by their place, without their words: those may quote a visitor.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic was caught");
    }));
}

/// Starts logging to standard error. A second call does nothing.
///
/// `level` is a level's name. Only Noren's own messages are let through: those of the libraries quote requests, and a client
/// could fill the log with them. From `debug` on, every step of an exchange is a span whose end is a line with the time it
/// was at work and the time it waited.
pub fn start_logging(format: LogFormat, level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(format!("off,noren={level}"))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off,noren=info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_span_events(FmtSpan::CLOSE)
        // A log that cannot be written, on a full disk, is no reason to panic, which complaining about it on standard error
        // would be.
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Text => builder.compact().try_init(),
    };
    drop(started);
}
