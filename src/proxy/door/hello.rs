//! A connection before its TLS handshake: it takes its place among all connections, and says hello in time.
//!
//! pingora gives a handshake a minute. A client that says nothing, or only the beginning of its hello, is not given that; one that
//! stops later holds a place that the limits count.

use crate::exchange::Gateway;
use async_trait::async_trait;
use pingora::http::ResponseHeader;
use pingora::listeners::PreTlsProcess;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{GetProxyDigest as _, GetSocketDigest as _, Peek as _};
use pingora::{Error, ErrorType, OrErr as _, Result};
use std::sync::Arc;
use tokio::time::timeout;

/// Begins a record of a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// What such a record may hold.
const LONGEST: usize = 1 << 14;

/// Stands before every TLS listener.
pub(in crate::proxy) struct Hello(pub(in crate::proxy) Arc<Gateway>);

#[async_trait]
impl PreTlsProcess for Hello {
    async fn process(&self, stream: &mut Stream) -> Result<()> {
        let peer = match stream.get_socket_digest().as_ref().and_then(|digest| digest.peer_addr()) {
            Some(SocketAddr::Inet(address)) => Some(address.ip().to_canonical()),
            _ => None,
        };
        let Some(connected) = self.0.connect(peer) else {
            return Error::e_explain(ErrorType::AcceptError, "no room");
        };
        // The one thing of ours that goes where the connection goes, and with it.
        stream.set_proxy_digest(ProxyDigest::new(
            Box::new(ResponseHeader::build(200, Some(0))?),
            Some(Box::new(connected)),
        ));
        let patience = self.0.settings.load().limits.request_head_timeout;
        let in_time =
            timeout(patience, first_record(stream)).await.or_err(ErrorType::AcceptError, "no hello in time")?;
        in_time.or_err(ErrorType::AcceptError, "no hello")
    }
}

/// Waits for all of the first record, which is left to be read.
async fn first_record(stream: &mut Stream) -> std::io::Result<()> {
    let mut start = [0; 5];
    stream.try_peek(&mut start).await?;
    let [kind, _, _, high, low] = start;
    let length = usize::from(u16::from_be_bytes([high, low]));
    // What is no hello is refused by whoever reads it.
    if kind == HANDSHAKE && length <= LONGEST {
        stream.try_peek(&mut vec![0; start.len() + length]).await?;
    }
    Ok(())
}
