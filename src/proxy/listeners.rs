//! Listening sockets: bound here, handed to pingora, handed over to the next process.

use super::Proxy;
use super::door::{Door, Hello};
use super::peers::Peers;
use super::wire;
use crate::exchange::Gateway;
use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{ListenerConfig, Listeners, TcpSocketOptions, TlsAccept};
use pingora::protocols::{ALPN, TcpKeepalive};
use pingora::proxy::http_proxy;
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
    listeners.set_pre_tls_callback(Arc::new(Hello(gateway.clone())));
    let options = socket_options(gateway.settings.load().limits.client_timeout);
    let endpoint =
        |address: &String| ListenerConfig::tcp(address).tcp_socket_options(options.clone()).l4_buffer(wire::NO_BUFFERS);
    for address in &sockets.plain {
        listeners.add_listener(endpoint(address));
    }
    for (address, certificates) in sockets.tls.iter().zip(certificates.iter().cycle()) {
        let Ok(mut settings) = TlsSettings::with_callbacks(Box::new(NoCallbacks)) else { continue };
        settings.set_cert_resolver(certificates.clone());
        settings.set_alpn(ALPN::H2H1);
        listeners.add_listener(endpoint(address).tls(settings));
    }
    let conf =
        Arc::new(ServerConf { threads, max_retries: 4, upstream_keepalive_pool_size: 512, ..ServerConf::default() });
    let door = Door::new(gateway.clone(), Arc::new(http_proxy(&conf, Proxy::new(gateway, peers))));
    let mut service = Service::with_listeners("shops".into(), listeners, door);
    service.start_service(Some(sockets.fds), shutdown, 1).await;
}

/// What the kernel watches over: clients that are gone, and answers that nobody takes any more.
fn socket_options(silence: Duration) -> TcpSocketOptions {
    let mut options = TcpSocketOptions::default();
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(15),
        count: 4,
        #[cfg(target_os = "linux")]
        user_timeout: silence,
    });
    options
}

struct NoCallbacks;

#[async_trait]
impl TlsAccept for NoCallbacks {}
