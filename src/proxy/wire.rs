//! A visitor's connection, as pingora is given it: it costs nothing while it waits, and sends a head with its body.
//!
//! pingora keeps 64 KiB for reading from each connection, and sends a response's head by itself. Here what is read ahead
//! while a connection waits takes room only once there is something, and what is written without a flush goes out with
//! what is written next, in one call, or when there is nothing else to do. Knows nothing of HTTP.

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use pingora::listeners::L4BufferSettings;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use smallvec::SmallVec;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// What goes for one read ahead: most requests' heads.
const AHEAD: usize = 4096;
/// What is not flushed is kept up to this size: most responses' heads.
const BEHIND: usize = 4096;

/// pingora's buffers below this one are left out.
pub(super) const NO_BUFFERS: L4BufferSettings = L4BufferSettings { read: Some(0), write: Some(0) };

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// Read, and not taken yet.
    ahead: Bytes,
    /// Written, and not sent yet.
    behind: BytesMut,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, ahead: Bytes::new(), behind: BytesMut::new() }
    }

    /// Reads until at least `wanted` bytes are there.
    fn poll_ahead(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<()>> {
        while self.ahead.len() < wanted {
            let mut space = [const { MaybeUninit::uninit() }; AHEAD];
            let mut read = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            match read.filled() {
                [] => return Poll::Ready(Err(Error::from(ErrorKind::UnexpectedEof))),
                filled => self.ahead = [&*self.ahead, filled].concat().into(),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what was kept.
    fn poll_behind(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.behind.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.behind))?;
            if sent == 0 {
                return Poll::Ready(Err(Error::from(ErrorKind::WriteZero)));
            }
            self.behind.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.ahead.is_empty() {
            let read = Pin::new(&mut self.stream).poll_read(cx, into);
            // Whoever waits for an answer must have the question: a head, say, whose body is long in coming.
            if read.is_pending()
                && let Poll::Ready(Err(error)) = self.poll_behind(cx)
            {
                return Poll::Ready(Err(error));
            }
            return read;
        }
        let length = self.ahead.len().min(into.remaining());
        into.put_slice(&self.ahead.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let Self { stream, behind, .. } = self.get_mut();
        let given: usize = slices.iter().map(|slice| slice.len()).sum();
        if behind.len() + given <= BEHIND {
            slices.iter().for_each(|slice| behind.extend_from_slice(slice));
            return Poll::Ready(Ok(given));
        }
        while !behind.is_empty() {
            let sent = {
                let slices = slices.iter().map(|slice| &**slice);
                let all: SmallVec<[_; 8]> = std::iter::once(&**behind).chain(slices).map(IoSlice::new).collect();
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &all))?
            };
            if sent == 0 {
                return Poll::Ready(Err(Error::from(ErrorKind::WriteZero)));
            }
            let kept = behind.len();
            behind.advance(sent.min(kept));
            if sent > kept {
                return Poll::Ready(Ok(sent - kept));
            }
        }
        Pin::new(stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_behind(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_behind(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[async_trait]
impl Peek for Wire {
    /// Waits for as many bytes as there is room for, and leaves them to be read. Nothing is held meanwhile.
    async fn try_peek(&mut self, into: &mut [u8]) -> Result<bool> {
        self.flush().await?;
        self.behind = BytesMut::new();
        poll_fn(|cx| self.poll_ahead(cx, into.len())).await?;
        into.iter_mut().zip(&*self.ahead).for_each(|(to, from)| *to = *from);
        Ok(true)
    }
}

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        // Nobody is left to be told.
        let _gone = self.flush().await;
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for Wire {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.stream.get_write_pending_time()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.stream.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.stream.set_socket_digest(digest);
    }
}

#[cfg(test)]
mod tests;
