//! The seam to pingora: its phases become calls of [`crate::exchange`]. No other module names pingora.
//!
//! Decides nothing about pages or visitors: it moves heads and bodies, chooses peers, and turns errors into responses.

mod door;
mod heads;
pub mod health;
mod import;
pub mod listeners;
pub mod peers;
mod respond;
mod tunnel;
mod upload;
mod wire;

use crate::exchange::{Exchange, Gateway, Outcome, Received};
use async_trait::async_trait;
use bytes::Bytes;
use heads::Front;
use http::header::UPGRADE;
use peers::{Peers, Pool};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::prelude::HttpPeer;
use pingora::protocols::ALPN;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::{Error, ErrorSource, ErrorType, Result};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;
use upload::Upload;

/// The proxy: one for all sites.
pub struct Proxy {
    gateway: Arc<Gateway>,
    peers: Arc<Peers>,
}

impl Proxy {
    /// Puts a gateway behind pingora.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, peers: Arc<Peers>) -> Self {
        Self { gateway, peers }
    }
}

/// Longest silence of a client that is still sending when the shop has begun to answer.
const LINGER: Duration = Duration::from_secs(3);

/// One request's state.
#[derive(Default)]
pub struct Context {
    front: Option<Front>,
    exchange: Option<Box<Exchange>>,
    pool: Option<Arc<Pool>>,
    tried: SmallVec<[usize; 4]>,
    /// 1xx heads so far.
    informational: u32,
    upload: Upload,
    /// The response has gone to its end.
    whole: bool,
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::default()
    }

    // pingora's compression module is not fit for HTML: it never flushes a chunk, so it is left out.
    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let silence = self.gateway.settings.load().limits.client_timeout;
        session.set_read_timeout(Some(silence));
        session.set_write_timeout(Some(silence));
        session.set_total_drain_timeout(Some(silence));
        let front = match Front::read(session) {
            Ok(front) => front,
            Err(answer) => return respond::answer(session, answer).await.map(|()| true),
        };
        let received = self.gateway.receive(&front.view(session.req_header()));
        ctx.front = Some(front);
        match received {
            Received::Answer(answer) => respond::answer(session, answer).await?,
            Received::Own(call) => {
                let body = respond::read_body(session, call.body_limit(), silence).await?;
                let answer = self.gateway.own(call, body).await;
                respond::answer(session, answer).await?;
            }
            Received::Import(call) => {
                let rate = self.gateway.settings.load().limits.min_upload_rate;
                let pace = import::Pace { clock: self.gateway.clock.clone(), silence, rate };
                import::import(session, *call, &pace).await?;
            }
            Received::Forward(exchange) => {
                ctx.pool = Some(self.peers.pool(exchange.site()));
                ctx.exchange = Some(exchange);
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        let (Some(pool), Some(exchange)) = (&ctx.pool, &ctx.exchange) else {
            return Error::e_explain(ErrorType::InternalError, "no exchange");
        };
        let Some(index) = self.peers.choose(pool, &ctx.tried) else {
            return Error::e_explain(ErrorType::ConnectError, "every address of the origin was tried");
        };
        let Some(target) = pool.target(index) else {
            return Error::e_explain(ErrorType::InternalError, "no such address");
        };
        let turn = ctx.tried.len();
        ctx.tried.push(index);
        let address = match self.peers.resolve(target, turn).await {
            Ok(address) => address,
            Err(error) => {
                self.peers.failed(target);
                let mut error = Error::explain(ErrorType::ConnectNoRoute, error.to_string()).into_up();
                error.set_retry(ctx.tried.len() < pool.targets().len());
                return Err(error);
            }
        };
        let host = exchange.upstream_host();
        let name = target.address.host.trim_matches(['[', ']']);
        // RFC 6066 §3: SNI carries a name, never an address; then the shop's own name is what its certificate is for.
        let sni = if name.parse::<std::net::IpAddr>().is_ok() { host } else { name };
        let mut peer = HttpPeer::new(address, target.address.tls, sni.to_owned());
        heads::configure(&mut peer.options, pool.origin(), target.address.tls);
        if session.req_header().headers.contains_key(UPGRADE) && !pool.origin().http2 {
            tunnel::prepare(&mut peer);
        }
        Ok(Box::new(peer))
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(pool) = &ctx.pool {
            if let Some(target) = ctx.tried.last().and_then(|index| pool.target(*index)) {
                self.peers.failed(target);
            }
            // Nothing was sent yet, so another address may be tried whatever the method.
            error.set_retry(ctx.tried.len() < pool.targets().len() && !session.as_ref().retry_buffer_truncated());
        }
        error
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Context,
        client_reused: bool,
    ) -> Box<Error> {
        let mut error = error.more_context(format!("Peer: {peer}"));
        // A request is sent once more, to the same address, if its body is still at hand and nobody has heard an answer: where the
        // shop has said over HTTP/2 that it did not take it (RFC 9113 §8.7); and, if its method is idempotent, where a connection
        // that was kept from before may have died of old age (RFC 9110 §9.2.2).
        let idempotent = session.req_header().method.is_idempotent();
        let not_taken = matches!(error.etype(), ErrorType::H2Error | ErrorType::H2Downgrade);
        error.retry.decide_reuse(client_reused);
        let again = error.retry()
            && (idempotent || not_taken)
            && !session.as_ref().retry_buffer_truncated()
            && !respond::is_answered(session);
        error.set_retry(again);
        if again {
            ctx.tried.pop();
        }
        error
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let (Some(front), Some(exchange)) = (&ctx.front, &mut ctx.exchange) else { return Ok(()) };
        let edits = exchange.origin_request(&front.view(session.req_header()));
        heads::apply_request(upstream, edits)
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        if let Some(piece) = body
            && !end
            && !session.was_upgraded()
        {
            let rate = self.gateway.settings.load().limits.min_upload_rate;
            if ctx.upload.is_too_slow(piece.len(), self.gateway.clock.monotonic(), rate) {
                return Err(Error::explain(ErrorType::ReadTimedout, "the upload was too slow").into_down());
            }
        }
        if let (Some(exchange), Some(piece)) = (&mut ctx.exchange, body.as_deref()) {
            exchange.request_body(piece);
        }
        // An empty last piece makes pingora send a second, illegal terminating chunk upstream.
        if end && body.as_ref().is_some_and(Bytes::is_empty) {
            *body = None;
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        heads::check_response(response, session.req_header(), ctx.informational)?;
        // 1xx heads pass as they are; the one that counts is still to come.
        if response.status.is_informational() && response.status != http::StatusCode::SWITCHING_PROTOCOLS {
            ctx.informational += 1;
            return Ok(());
        }
        if let (Some(pool), Some(index)) = (&ctx.pool, ctx.tried.last())
            && let Some(target) = pool.target(*index)
        {
            self.peers.succeeded(target);
        }
        // A client may have no reason to go on sending to a shop that has answered: it waited to be told to, or it was refused.
        if response.status != http::StatusCode::SWITCHING_PROTOCOLS && !session.is_body_done() {
            session.set_read_timeout(Some(LINGER));
        }
        let Some(exchange) = &mut ctx.exchange else { return Ok(()) };
        exchange.head_arrived().await;
        if let Some(front) = &ctx.front {
            let view = front.view(session.req_header());
            let edits = exchange.response(&view, response.status, &response.headers).await;
            let http1 = !session.is_http2();
            heads::apply_response(response, edits, http1)?;
        }
        // RFC 9112 §6.1: a client of 1.0 does not know chunks; for it, the body ends with the connection.
        if session.req_header().version == http::Version::HTTP_10 && heads::unchunk(response) {
            session.set_keepalive(None);
        }
        if self.gateway.is_short_of_connections() && !session.is_http2() {
            session.set_keepalive(None);
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        ctx.whole = end;
        if let Some(exchange) = &mut ctx.exchange
            && let Err(aborted) = exchange.body(body, end)
        {
            ctx.whole = false;
            // The client must see the same break that the origin made: no terminating chunk, no end of stream.
            return Err(Error::explain(ErrorType::ReadError, aborted.to_string()).into_up());
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let status = respond::status_of(error);
        // A client that has its answer and leaves off sending has not failed.
        let left_off = ctx.whole && *error.esource() == ErrorSource::Downstream;
        if let Some(exchange) = ctx.exchange.as_mut().filter(|_| !left_off) {
            exchange.failed(error.etype().as_str(), *error.esource() == ErrorSource::Upstream);
        }
        let mut whole = false;
        if status != 0 && !respond::is_answered(session) {
            let answer = crate::exchange::Answer::error(status);
            match respond::answer(session, answer).await {
                Ok(()) => whole = true,
                Err(error) => {
                    tracing::debug!(error = %error.etype().as_str(), "the client was gone before the error page");
                }
            }
        }
        // The answer has said whether the connection is kept: what the shop did wrong is no fault of the client's.
        let can_reuse_downstream = whole && *error.esource() != ErrorSource::Downstream && session.is_body_empty();
        FailToProxy { error_code: status, can_reuse_downstream }
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Context, _error: &Error) -> bool {
        // pingora's own lines quote the request; ours are written by the exchange, without personal data.
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        let Some(mut exchange) = ctx.exchange.take() else { return };
        let outcome = Outcome {
            status: session.response_written().map_or(0, |response| response.status.as_u16()),
            bytes: session.body_bytes_sent() as u64,
            complete: error.is_none() || ctx.whole,
        };
        exchange.finish(&outcome);
    }
}

/// What every peer of an origin is spoken to with.
fn protocol(origin: &crate::site::Origin, tls: bool) -> ALPN {
    match (origin.http2, tls) {
        (true, true) => ALPN::H2H1,
        // Prior knowledge: cleartext has no negotiation (RFC 9113 §3.3).
        (true, false) => ALPN::H2,
        (false, _) => ALPN::H1,
    }
}
