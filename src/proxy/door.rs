//! What happens to a connection before pingora sees it: deadlines, limits, and heads that can be read in one way only.
//!
//! Decides whether bytes are a request at all and how long they are waited for. Knows nothing of hosts, sites or visitors.

mod head;
mod hello;

use super::Proxy;
use super::wire::Wire;
use crate::exchange::{Answer, Gateway};
use async_trait::async_trait;
use head::Refused;
pub(super) use hello::Hello;
use pingora::apps::{HttpServerApp, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{self, H2Accept, HttpSession};
use pingora::protocols::{ALPN, Digest, Peek as _, Ssl as _, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Streams that a client may have open at once in one HTTP/2 connection.
const STREAMS: usize = 100;
/// Requests that an HTTP/2 connection serves before the client is asked to open another.
const STREAMS_IN_ALL: usize = 10_000;
/// Malformed requests in one HTTP/2 connection after which it is closed.
const MALFORMED: usize = 32;
/// What one HTTP/2 stream may keep for a client that is slower than the shop.
const SEND_BUFFER: usize = 64 << 10;
/// How long a client is given to take a refusal, the last bytes of an answer, or to hear that its connection ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where every connection comes in.
pub(super) struct Door {
    gateway: Arc<Gateway>,
    proxy: Arc<HttpProxy<Proxy>>,
}

#[async_trait]
impl ServerApp for Door {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // One over TLS has taken its place before its handshake.
        let connected = match stream.get_ssl_digest() {
            Some(_) => None,
            None => Some(self.gateway.connect(super::heads::peer_of(&stream))?),
        };
        let (door, shutdown) = (self.clone(), shutdown.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "in the place of pingora's own task, which has room for a TLS handshake (9 KiB) as long as it lives"
        )]
        tokio::spawn(async move {
            let _connected = connected;
            door.serve(Wire::new(stream), shutdown).await;
        });
        None
    }
}

impl Door {
    pub(super) fn new(gateway: Arc<Gateway>, proxy: Arc<HttpProxy<Proxy>>) -> Self {
        Self { gateway, proxy }
    }

    async fn serve(&self, mut wire: Wire, shutdown: ShutdownWatch) {
        match self.speaks_http2(&mut wire).await {
            // Apart, since a connection that waits for HTTP/1 need not have room for it.
            Some(true) => Box::pin(self.http2(Box::new(wire), shutdown)).await,
            Some(false) => self.http1(wire, shutdown).await,
            None => {}
        }
    }

    /// Over TLS the client has said it; in the clear, HTTP/2 with prior knowledge shows in the first bytes (RFC 9113 §3.4:
    /// `PRI * HTTP/2.0`, which no HTTP/1 method begins). Nothing if those do not come in time.
    async fn speaks_http2(&self, wire: &mut Wire) -> Option<bool> {
        if wire.get_ssl_digest().is_some() {
            return Some(matches!(wire.selected_alpn_proto(), Some(ALPN::H2)));
        }
        let mut first = [0; 4];
        let patience = self.gateway.settings.load().limits.request_head_timeout;
        timeout(patience, wire.try_peek(&mut first)).await.ok()?.ok()?;
        Some(&first == b"PRI ")
    }

    /// Serves one request after the other. pingora gets each with its head already read.
    async fn http1(&self, mut wire: Wire, mut shutdown: ShutdownWatch) {
        let mut before = None;
        loop {
            let limits = self.gateway.settings.load().limits.clone();
            let wait = if before.is_none() { limits.request_head_timeout } else { limits.idle_timeout };
            let within = head::Within {
                first_byte: wait,
                rest: limits.request_head_timeout,
                bytes: usize::try_from(limits.max_request_head).unwrap_or(usize::MAX),
            };
            // What has begun to come is read and served, even in the moment of stopping.
            tokio::select! {
                biased;
                begun = has_begun(&mut wire, wait) => if !begun { return },
                () = stopped(&mut shutdown), if before.is_some() => return,
            }
            let bytes = match head::read(&mut wire, &within).await {
                Ok(bytes) => bytes,
                Err(refused) => return self.refuse(wire, refused).await,
            };
            let mut session = ServerSession::new_http1(Box::new(wire.clone()));
            session.set_keepalive(Some(limits.idle_timeout.as_secs().max(1)));
            if let Some(settings) = before.take() {
                pingora::apps::HttpPersistentSettings::apply_to_session(settings, &mut session);
            }
            session.set_pipelined_prefix(bytes);
            let Some(kept) = wire.attend(self.proxy.process_new_http(session, &shutdown)).await else { break };
            (_, before) = kept.consume();
            if before.is_none() {
                break;
            }
        }
        let _ = timeout(GOODBYE, wire.flush()).await;
    }

    /// Says what was wrong, and closes in a way that lets the client read it.
    async fn refuse(&self, mut stream: Wire, refused: Refused) {
        let Some(status) = refused.status() else { return };
        self.gateway.metrics.responses.with_label_values(&["", "4xx", "own"]).inc();
        let message = head::response(&Answer::error(status));
        let _ = timeout(GOODBYE, async {
            stream.write_all(&message).await?;
            stream.flush().await?;
            AsyncWriteExt::shutdown(&mut stream).await?;
            // Closing with bytes unread would reset the connection, and the answer with it.
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            Ok::<_, std::io::Error>(())
        })
        .await;
    }

    /// Serves the streams of an HTTP/2 connection.
    async fn http2(&self, stream: Stream, mut shutdown: ShutdownWatch) {
        let digest = Arc::new(Digest {
            ssl_digest: stream.get_ssl_digest(),
            timing_digest: stream.get_timing_digest(),
            proxy_digest: stream.get_proxy_digest(),
            socket_digest: stream.get_socket_digest(),
        });
        let limits = self.gateway.settings.load().limits.clone();
        let mut options = server::default_h2_options();
        options
            .max_header_list_size(u32::try_from(limits.max_request_head).unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS as u32)
            .max_send_buffer_size(SEND_BUFFER);
        let handshake = server::handshake(stream, Some(options));
        let Ok(Ok(mut connection)) = timeout(limits.request_head_timeout, handshake).await else { return };
        let told = shutdown.clone();
        let mut streams = JoinSet::new();
        let (mut accepted, mut malformed, mut ending) = (0, 0, false);
        loop {
            let patience = if ending { GOODBYE } else { limits.idle_timeout };
            tokio::select! {
                biased;
                () = stopped(&mut shutdown), if !ending => {
                    ending = true;
                    connection.graceful_shutdown();
                }
                stream = HttpSession::from_h2_conn(&mut connection, digest.clone()) => match stream {
                    Ok(Some(H2Accept::Session(session))) => {
                        let (proxy, shutdown) = (self.proxy.clone(), told.clone());
                        streams.spawn(async move {
                            proxy.process_new_http(ServerSession::new_http2(session), &shutdown).await;
                        });
                        accepted += 1;
                        if accepted == STREAMS_IN_ALL && !ending {
                            ending = true;
                            connection.graceful_shutdown();
                        }
                        // More than may be open: they are opened and reset faster than they can be ended.
                        if streams.len() > 2 * STREAMS {
                            break;
                        }
                    }
                    Ok(Some(H2Accept::Rejected)) => {
                        malformed += 1;
                        if malformed == MALFORMED {
                            break;
                        }
                    }
                    Ok(None) | Err(_) => break,
                },
                _ = streams.join_next(), if !streams.is_empty() => {}
                () = sleep(patience), if streams.is_empty() => {
                    if ending {
                        break;
                    }
                    ending = true;
                    connection.graceful_shutdown();
                }
            }
        }
        // Each of them notices by itself, and puts down what became of it.
        streams.detach_all();
    }
}

/// Waits for the first byte of a request.
async fn has_begun(wire: &mut Wire, patience: Duration) -> bool {
    matches!(timeout(patience, wire.try_peek(&mut [0])).await, Ok(Ok(_)))
}

/// Waits until Noren is told to stop.
async fn stopped(shutdown: &mut ShutdownWatch) {
    // The sender is gone only when all is.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
