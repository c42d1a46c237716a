//! A visitor's connection, as pingora is given it: it costs nothing while it waits, and sends a head with its body.
//!
//! pingora keeps 64 KiB for reading from each connection, and sends a response's head by itself. Here what is read ahead
//! while a connection waits takes room only once there is something; and small things that are written wait for what is
//! written next, to go out with it in one call, until there is nothing else to do. Knows nothing of HTTP.

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
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

/// One connection: one handle is pingora's, which ends with the request, the other the door's.
#[derive(Debug, Clone)]
pub(super) struct Wire(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    stream: Stream,
    /// Read, and not taken yet.
    ahead: Bytes,
    /// Written, and not sent yet.
    behind: BytesMut,
    /// Somebody sends what is behind in the end, so that flushing need not.
    attended: bool,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Arc::new(Mutex::new(Line { stream, ahead: Bytes::new(), behind: BytesMut::new(), attended: false })))
    }

    /// Runs what uses another handle of this connection. While it runs, small writes are not sent even when they are flushed;
    /// they are when it waits, for whatever it may be, or ends.
    pub(super) async fn attend<T>(&self, mut work: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> T {
        self.0.lock().attended = true;
        let done = poll_fn(|cx| {
            let done = work.as_mut().poll(cx);
            // An error shows again when the connection is used next.
            let _sent = self.0.lock().poll_behind(cx);
            done
        })
        .await;
        self.0.lock().attended = false;
        done
    }
}

impl Line {
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
            self.sent(sent)?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Takes note of what went out; says how much of it was not kept before.
    fn sent(&mut self, bytes: usize) -> Result<usize> {
        if bytes == 0 {
            return Err(Error::from(ErrorKind::WriteZero));
        }
        let kept = self.behind.len().min(bytes);
        self.behind.advance(kept);
        Ok(bytes - kept)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        let given: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.behind.len() + given <= BEHIND {
            for slice in slices {
                self.behind.extend_from_slice(slice);
            }
            return Poll::Ready(Ok(given));
        }
        while !self.behind.is_empty() {
            let sent = {
                let slices = slices.iter().map(|slice| &**slice);
                let all: SmallVec<[_; 8]> = std::iter::once(&*self.behind).chain(slices).map(IoSlice::new).collect();
                ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &all))?
            };
            match self.sent(sent)? {
                0 => {}
                new => return Poll::Ready(Ok(new)),
            }
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let mut line = self.0.lock();
        if line.ahead.is_empty() {
            return Pin::new(&mut line.stream).poll_read(cx, into);
        }
        let length = line.ahead.len().min(into.remaining());
        into.put_slice(&line.ahead.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.0.lock().poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        self.0.lock().poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut line = self.0.lock();
        if line.attended { Pin::new(&mut line.stream).poll_flush(cx) } else { line.poll_behind(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut line = self.0.lock();
        ready!(line.poll_behind(cx))?;
        Pin::new(&mut line.stream).poll_shutdown(cx)
    }
}

#[async_trait]
impl Peek for Wire {
    /// Waits for as many bytes as there is room for, and leaves them to be read. Nothing is held meanwhile.
    async fn try_peek(&mut self, into: &mut [u8]) -> Result<bool> {
        poll_fn(|cx| self.0.lock().poll_behind(cx)).await?;
        self.0.lock().behind = BytesMut::new();
        poll_fn(|cx| self.0.lock().poll_ahead(cx, into.len())).await?;
        into.iter_mut().zip(&*self.0.lock().ahead).for_each(|(to, from)| *to = *from);
        Ok(true)
    }
}

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        // Nobody is left to be told.
        let _gone = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        self.0.lock().stream.id()
    }
}

impl Ssl for Wire {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.0.lock().stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.0.lock().stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.0.lock().stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.0.lock().stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.0.lock().stream.get_write_pending_time()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.0.lock().stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.0.lock().stream.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.0.lock().stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.0.lock().stream.set_socket_digest(digest);
    }
}

#[cfg(test)]
mod tests;
