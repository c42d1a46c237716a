//! Connections to a shop for requests that ask for another protocol: the shop's answer is not read before the request is over.
//!
//! pingora 0.9.1 takes the end of such a request for the end of the tunnel if it comes to it behind the shop's 101. Both may be there
//! when it first looks, and then it draws lots. So here a connection that was written to is silent for the first two times that it is
//! asked, which is when the end of the request is taken. Decides nothing else.

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::ext::connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};
use std::io::Result;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Once would do, but that tokio may make a task that has been busy for long pause where the request's end is to be taken.
const SILENT: u8 = 2;
/// A handshake of TLS writes a few times before the request. After that the tunnel is open, and goes at its full pace.
const WRITES: u8 = 8;
/// Keeps these connections apart from others, which are not silent.
const GROUP: u64 = 1;

/// Has a peer spoken to by such a connection, which serves no other request.
pub(super) fn prepare(peer: &mut HttpPeer) {
    peer.group_key = GROUP;
    peer.options.custom_l4 = Some(Arc::new(Dial));
    peer.options.idle_timeout = Some(Duration::ZERO);
}

#[derive(Debug)]
struct Dial;

#[async_trait]
impl Connect for Dial {
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Error::e_explain(ErrorType::ConnectNoRoute, "no address of a network");
        };
        let stream = connect(address, None).await?;
        Ok(VirtualSocketStream::new(Box::new(Quiet { stream, silent: 0, writes: 0 })).into())
    }
}

#[derive(Debug)]
struct Quiet {
    stream: TcpStream,
    /// How often it still says nothing.
    silent: u8,
    writes: u8,
}

impl Quiet {
    fn wrote(&mut self) {
        if self.writes < WRITES && self.silent == 0 {
            self.writes += 1;
            self.silent = SILENT;
        }
    }
}

impl AsyncRead for Quiet {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.silent > 0 {
            self.silent -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, space)
    }
}

impl AsyncWrite for Quiet {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.wrote();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl VirtualSocket for Quiet {
    fn set_socket_option(&self, option: VirtualSockOpt) -> Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.stream.set_nodelay(true),
            // None other is set on a shop's connection.
            _ => Ok(()),
        }
    }
}
