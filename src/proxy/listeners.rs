//! Listening sockets: bound here, handed to pingora, handed over to the next process.

use super::Proxy;
use super::peers::Peers;
use crate::exchange::Gateway;
use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::apps::{HttpServerOptions, ServerApp};
use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{Listeners, TlsAccept};
use pingora::protocols::{ALPN, Stream};
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use rustls::server::ResolvesServerCert;
use std::collections::HashSet;
use std::net::TcpListener;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for the first bytes of a connection.
const FIRST_BYTES: Duration = Duration::from_secs(15);

/// The sockets that shops' visitors connect to.
#[derive(Clone)]
pub struct Sockets {
    fds: ListenFds,
    plain: Vec<String>,
    tls: Vec<String>,
}

/// A socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// As given.
        address: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The process under way did not hand over its sockets.
    #[error("the process under way did not hand over its sockets through {path}: {reason}")]
    TakeOver {
        /// The socket they should come through.
        path: String,
        /// What went wrong.
        reason: String,
    },
}

impl Sockets {
    /// Binds all addresses, or takes them over from the process that holds them now.
    ///
    /// # Errors
    /// When an address is taken, not this machine's, or not allowed.
    pub fn open(plain: &[String], tls: &[String], take_over: Option<&Path>) -> Result<Self, ListenError> {
        let mut fds = Fds::new();
        if let Some(path) = take_over {
            let text = path.display().to_string();
            fds.get_from_sock(text.as_str())
                .map_err(|error| ListenError::TakeOver { path: text, reason: error.to_string() })?;
            let wanted: HashSet<String> = plain.iter().chain(tls).cloned().collect();
            fds.close_unclaimed(&wanted);
        }
        for address in plain.iter().chain(tls) {
            if fds.get(address).is_none() {
                let bind = |source| ListenError::Bind { address: address.clone(), source };
                let listener = TcpListener::bind(address.as_str()).map_err(bind)?;
                listener.set_nonblocking(true).map_err(bind)?;
                fds.add(address.clone(), listener.into_raw_fd());
            }
        }
        Ok(Self { fds: Arc::new(Mutex::new(fds)), plain: plain.to_vec(), tls: tls.to_vec() })
    }

    /// Sends all sockets to the next process, which must be waiting at `path`. Blocks for some seconds at most.
    ///
    /// # Errors
    /// When nobody takes them.
    pub fn hand_over(&self, path: &Path) -> Result<(), ListenError> {
        let text = path.display().to_string();
        self.fds
            .lock()
            .send_to_sock(text.as_str())
            .map(|_| ())
            .map_err(|error| ListenError::TakeOver { path: text, reason: error.to_string() })
    }
}

/// Serves on all sockets until `shutdown` turns true, and then until their last connections were accepted.
pub async fn serve(
    gateway: Arc<Gateway>,
    peers: Arc<Peers>,
    sockets: Sockets,
    certificates: Option<Arc<dyn ResolvesServerCert>>,
    threads: usize,
    shutdown: ShutdownWatch,
) {
    let mut listeners = Listeners::new();
    for address in &sockets.plain {
        listeners.add_tcp(address);
    }
    for (address, certificates) in sockets.tls.iter().zip(certificates.iter().cycle()) {
        let Ok(mut settings) = TlsSettings::with_callbacks(Box::new(NoCallbacks)) else { continue };
        settings.set_cert_resolver(certificates.clone());
        settings.set_alpn(ALPN::H2H1);
        listeners.add_tls_with_settings(address, None, settings);
    }
    let conf =
        Arc::new(ServerConf { threads, max_retries: 4, upstream_keepalive_pool_size: 512, ..ServerConf::default() });
    let door = Door {
        gateway: gateway.clone(),
        any: Arc::new(http_proxy(&conf, Proxy::new(gateway.clone(), peers.clone()))),
        http2: Arc::new({
            let mut proxy = http_proxy(&conf, Proxy::new(gateway, peers));
            let mut options = HttpServerOptions::default();
            options.h2c = true;
            proxy.server_options = Some(options);
            proxy
        }),
    };
    let mut service = Service::with_listeners("shops".into(), listeners, door);
    service.start_service(Some(sockets.fds), shutdown, 1).await;
}

/// Lets connections in as long as there is room, and tells cleartext HTTP/2 with prior knowledge from HTTP/1.
///
/// pingora's own test waits for 24 bytes, which a short HTTP/1.0 request never sends.
struct Door {
    gateway: Arc<Gateway>,
    any: Arc<HttpProxy<Proxy>>,
    http2: Arc<HttpProxy<Proxy>>,
}

#[async_trait]
impl ServerApp for Door {
    async fn process_new(self: &Arc<Self>, mut stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let _connected = self.gateway.connect(super::heads::peer_of(&stream))?;
        if stream.get_ssl_digest().is_none() {
            let mut first = [0; 4];
            let peeked = tokio::time::timeout(FIRST_BYTES, stream.try_peek(&mut first)).await;
            match peeked {
                // RFC 9113 §3.4: the connection preface begins with `PRI * HTTP/2.0`; no HTTP/1 method does.
                Ok(Ok(true)) if &first == b"PRI " => return self.http2.process_new(stream, shutdown).await,
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
        self.any.process_new(stream, shutdown).await
    }
}

struct NoCallbacks;

#[async_trait]
impl TlsAccept for NoCallbacks {}
