//! An HTTP/1 client that shows what libraries hide.

use super::PATIENCE;
use super::wire::{Head, Reader, Response};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A request, written out as given.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// All of it, if it is given as it goes over the wire.
    raw: Option<Vec<u8>>,
}

impl Request {
    /// A plain request of `shop.example`.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let headers = vec![("Host".to_owned(), "shop.example".to_owned())];
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1",
            headers,
            body: Vec::new(),
            raw: None,
        }
    }

    /// What a browser sends when someone goes to a page of `shop.example`. It accepts no coding unless one is added.
    pub(crate) fn page(target: &str) -> Self {
        Self::new("GET", target)
            .header(
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            )
            .header("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("Accept-Language", "en")
            .header("Sec-Fetch-Dest", "document")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Site", "none")
    }

    /// The same by another method.
    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// The same of another host.
    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.headers[0].1);
        self
    }

    /// The same in HTTP/1.0.
    pub(crate) fn http10(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    /// With a further header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body and its length.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Length", &length)
    }

    /// The same as these bytes, whatever else it is made of.
    pub(crate) fn raw(mut self, bytes: Vec<u8>) -> Self {
        self.raw = Some(bytes);
        self
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut text = format!("{} {} {}\r\n", self.method, self.target, self.version);
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        [text.into_bytes(), self.body.clone()].concat()
    }
}

/// Something to read from and write to: TCP or TLS.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection, kept alive between requests.
pub(crate) struct Connection {
    reader: Reader<Box<dyn Stream>>,
    method: String,
}

/// Opens a TCP connection on which nothing waits for ever.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// One request on a connection of its own.
pub(crate) fn fetch(address: SocketAddr, request: &Request) -> Response {
    Connection::open(address).exchange(request)
}

impl Connection {
    /// Opens a connection.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::over(connect(address))
    }

    /// Speaks over a stream that is already open.
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { reader: Reader::new(Box::new(stream)), method: String::new() }
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request) {
        self.method.clone_from(&request.method);
        self.send_bytes(&request.bytes());
    }

    /// Sends a request to one who may have closed the connection already.
    pub(crate) fn try_request(&mut self, request: &Request) {
        self.method.clone_from(&request.method);
        self.try_send(&request.bytes());
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.reader.stream().write_all(bytes).unwrap();
        self.reader.stream().flush().unwrap();
    }

    /// Sends bytes, or finds out that the other side has closed.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.reader.stream().write_all(bytes).and_then(|()| self.reader.stream().flush()).is_ok()
    }

    /// Reads the head of the answer.
    pub(crate) fn head(&mut self) -> Head {
        self.reader.head(&self.method)
    }

    /// Reads the answer.
    pub(crate) fn response(&mut self) -> Response {
        let head = self.head();
        let (body, ending) = self.reader.rest();
        Response { head, body, ending }
    }

    /// Sends a request and reads the answer.
    pub(crate) fn exchange(&mut self, request: &Request) -> Response {
        self.send(request);
        self.response()
    }

    /// The rest, for reading step by step.
    pub(crate) fn body(&mut self) -> &mut Reader<Box<dyn Stream>> {
        &mut self.reader
    }
}
