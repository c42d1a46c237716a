//! The operations listener: health, readiness and metrics.
//!
//! It listens on loopback unless told otherwise, and shares nothing with the shops' listeners.

use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the operations endpoints answer from.
#[derive(Clone)]
pub struct Ops {
    /// Metrics.
    pub metrics: Metrics,
    /// Set once all listeners are up; cleared when draining begins.
    pub ready: Arc<AtomicBool>,
    /// Brings gauges up to date before they are read.
    pub refresh: Arc<dyn Fn() + Send + Sync>,
}

/// Serves until `stop` resolves.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    ops: Ops,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(ops);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn readyz(State(ops): State<Ops>) -> impl IntoResponse {
    if ops.ready.load(Ordering::Acquire) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State(ops): State<Ops>) -> impl IntoResponse {
    (ops.refresh)();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], ops.metrics.render())
}
