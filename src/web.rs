//! A client for the web: for what Noren asks of others by itself, beside what passes through it.
//!
//! Decides which certificates are believed: those of the machine. Knows nothing of what is asked, and follows no redirect.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::io;
use std::time::Duration;

/// A client that sends bodies of one type.
pub type Web<B> = Client<HttpsConnector<HttpConnector>, B>;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Makes a client.
///
/// # Errors
/// When the machine has no certificates of authorities.
pub fn client<B>() -> io::Result<Web<B>>
where
    B: Body<Data = Bytes> + Send + 'static + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(8)
        .build(connector);
    Ok(client)
}

/// Reads a body up to a bound, and what it began with if it is longer or breaks off.
pub async fn beginning<B: Body<Data = Bytes> + Unpin>(mut body: B, most: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < most
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Some(data) = frame.data_ref() {
            read.extend(data.iter().take(most - read.len()));
        }
    }
    read
}

/// An error and what brought it about, in one line.
#[must_use]
pub fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
