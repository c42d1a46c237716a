//! An HTTP/2 client.

use super::{PATIENCE, tls};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// An HTTP/2 connection.
pub(crate) struct H2 {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
}

/// A response over HTTP/2.
pub(crate) struct H2Response {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, or why it did not arrive whole.
    pub(crate) body: Result<Bytes, hyper::Error>,
}

impl H2 {
    /// Over plain TCP, with prior knowledge.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self::connect(async move || TcpStream::connect(address).await.unwrap())
    }

    /// Over TLS, negotiated by ALPN.
    pub(crate) fn tls(address: SocketAddr, host: &str, certificate: &CertificateDer<'static>) -> Self {
        let connector = tokio_rustls::TlsConnector::from(tls::trusting(certificate, &["h2", "http/1.1"]));
        let name = ServerName::try_from(host.to_owned()).unwrap();
        Self::connect(async move || {
            let stream = connector.connect(name, TcpStream::connect(address).await.unwrap()).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "h2 was offered and not taken");
            stream
        })
    }

    fn connect<S>(open: impl AsyncFnOnce() -> S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let (sender, connection) =
                timeout(PATIENCE, handshake(TokioExecutor::new(), TokioIo::new(open().await))).await.unwrap().unwrap();
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    /// Goes to a page, like [`super::Request::page`].
    pub(crate) fn page(&mut self, uri: &str) -> H2Response {
        let request = Request::get(uri)
            .header("accept", "text/html")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-mode", "navigate")
            .body(Full::default())
            .unwrap();
        self.exchange(request)
    }

    /// Like [`page`](Self::page), in given codings, and whatever comes of it: a stream may be broken off before its head.
    pub(crate) fn try_page(&mut self, uri: &str, codings: &str) -> Result<H2Response, hyper::Error> {
        let request = Request::get(uri)
            .header("accept", "text/html")
            .header("accept-encoding", codings)
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-mode", "navigate")
            .body(Full::default())
            .unwrap();
        self.try_exchange(request)
    }

    /// Sends a body, as a browser sends a form.
    pub(crate) fn post(&mut self, uri: &str, body: &[u8]) -> H2Response {
        self.exchange(Request::post(uri).body(Bytes::copy_from_slice(body).into()).unwrap())
    }

    /// Sends any request.
    pub(crate) fn request<'a>(
        &mut self,
        method: &str,
        uri: &str,
        headers: impl Iterator<Item = (&'a str, Vec<u8>)>,
        body: &'static [u8],
    ) -> Result<H2Response, hyper::Error> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.try_exchange(request.body(Bytes::from_static(body).into()).unwrap())
    }

    pub(crate) fn exchange(&mut self, request: Request<Full<Bytes>>) -> H2Response {
        self.try_exchange(request).unwrap()
    }

    fn try_exchange(&mut self, request: Request<Full<Bytes>>) -> Result<H2Response, hyper::Error> {
        let Self { runtime, sender } = self;
        runtime.block_on(async {
            let exchange = async {
                sender.ready().await?;
                let (head, body) = sender.send_request(request).await?.into_parts();
                let body = body.collect().await.map(http_body_util::Collected::to_bytes);
                Ok(H2Response { status: head.status, headers: head.headers, body })
            };
            timeout(PATIENCE, exchange).await.expect("an answer")
        })
    }
}
