//! Asks a shop for a page, as a browser would that takes no compression.

use crate::rules::detect::Answer;
use crate::web;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, LOCATION, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use std::time::Duration;
use url::Url;

/// For all of it, redirects included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most of a page that is read.
const LARGEST: usize = 8 * 1024 * 1024;
const MOST_REDIRECTS: usize = 10;
const AGENT: &str = concat!("Mozilla/5.0 (compatible; Noren/", env!("CARGO_PKG_VERSION"), "; noren detect)");

/// Fetches a page, following redirects. Cookies that are set on the way count as the page's own.
///
/// # Errors
/// When there is no answer in time, it is too large, or it leads nowhere.
pub(super) fn fetch(url: Url) -> anyhow::Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = url.clone();
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, follow(url)).await })
        .with_context(|| format!("{asked} did not answer within {} seconds", PATIENCE.as_secs()))?
        .with_context(|| format!("{asked} cannot be fetched"))
}

async fn follow(mut url: Url) -> anyhow::Result<Answer> {
    let web = web::client()?;
    let mut jar = HeaderMap::new();
    for _ in 0..=MOST_REDIRECTS {
        let response = web.request(request(&url)?).await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            jar.append(SET_COOKIE, cookie.clone());
        }
        match next(&url, &response)? {
            Some(next) => url = next,
            None => return answer(url, jar, response).await,
        }
    }
    bail!("it redirects more than {MOST_REDIRECTS} times")
}

fn request(url: &Url) -> anyhow::Result<Request<Empty<Bytes>>> {
    let request = Request::get(url.as_str())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        .header(ACCEPT_ENCODING, "identity");
    Ok(request.body(Empty::new())?)
}

fn next(url: &Url, response: &Response<Incoming>) -> anyhow::Result<Option<Url>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let mut next = url.join(location.to_str()?)?;
    next.set_fragment(None);
    if !matches!(next.scheme(), "http" | "https") {
        bail!("it redirects to {next}, which is no page");
    }
    Ok(Some(next))
}

async fn answer(url: Url, cookies: HeaderMap, response: Response<Incoming>) -> anyhow::Result<Answer> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}, of at most {LARGEST} bytes"))?.to_bytes().to_vec();
    let mut headers = head.headers;
    headers.remove(SET_COOKIE);
    headers.extend(cookies);
    Ok(Answer { url, status: head.status, headers, body })
}
