//! Sends one message to one hook, once.

use super::schedule::retry_after;
use super::signature::sign;
use crate::site::webhooks::{SigningKey, Webhook};
use crate::web::{self, Web};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use std::time::Duration;

/// The client that messages are sent with.
pub type Client = Web<Full<Bytes>>;

/// Most of an answer's body that is read: it says nothing to us, but the connection can then be used again.
const MOST: usize = 16 << 10;
/// How long it is waited for.
const BODY: Duration = Duration::from_secs(1);
const AGENT: &str = concat!("Noren/", env!("CARGO_PKG_VERSION"));

/// How a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What its body begins with.
    pub beginning: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It did not come in time.
    #[error("it did not answer within {0:?}")]
    Late(Duration),
    /// It cannot be asked.
    #[error("it cannot be asked: {0}")]
    Failed(String),
}

/// Sends a message.
///
/// # Errors
/// When there is no answer.
pub async fn send(
    client: &Client,
    hook: &Webhook,
    keys: &[SigningKey],
    id: &str,
    now: Timestamp,
    body: Vec<u8>,
) -> Result<Answer, SendError> {
    let at = now.as_second();
    let request = Request::post(hook.url.0.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", sign(keys, id, at, &body))
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| SendError::Failed(error.to_string()))?;
    let response = tokio::time::timeout(hook.timeout, client.request(request)).await;
    let response = response.map_err(|_| SendError::Late(hook.timeout))?;
    let (head, body) = response.map_err(|error| SendError::Failed(web::words(&error)))?.into_parts();
    // The head says it all: a body that does not come to its end changes nothing.
    let beginning = tokio::time::timeout(BODY, web::beginning(body, MOST)).await.unwrap_or_default();
    Ok(Answer { status: head.status, retry_after: retry_after(&head.headers, now), beginning })
}
