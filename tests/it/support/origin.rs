//! A shop that answers with exactly the bytes that a test wants, when the test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// A request as it reached the shop.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// `GET`
    pub(crate) method: String,
    /// `/path?query`
    pub(crate) target: String,
    /// Names as sent, values as Latin-1.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body, without framing.
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The only value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() <= 1, "{name} reached the shop {} times: {values:?}", values.len());
        values.first().copied()
    }
}

/// The way back to the client.
pub(crate) struct Wire {
    stream: TcpStream,
    open: bool,
}

impl Wire {
    /// The connection itself, for what is not HTTP any more.
    pub(crate) fn raw(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends bytes at once.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The peer may have gone: that is for the test to notice at its end.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends one chunk of a chunked body.
    pub(crate) fn chunk(&mut self, data: impl AsRef<[u8]>) {
        let data = data.as_ref();
        self.send([format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat());
    }

    /// Closes the connection once the answer is given.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }
}

/// Holds an answer back until the test lets it go on.
pub(crate) struct Gate(Mutex<Receiver<()>>);

impl Gate {
    /// A closed gate, and what opens it: once for every message, for good when dropped.
    pub(crate) fn new() -> (Self, Sender<()>) {
        let (sender, receiver) = channel();
        (Self(Mutex::new(receiver)), sender)
    }

    /// Waits until the gate is opened.
    pub(crate) fn pass(&self) {
        let _ = self.0.lock().unwrap().recv();
    }
}

/// A shop on a port of its own.
pub(crate) struct Origin {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    /// Answers every request as `answer` does.
    pub(crate) fn new(answer: impl Fn(&Received, &mut Wire) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let origin =
            Self { address: listener.local_addr().unwrap(), received: Arc::default(), connections: Arc::default() };
        let answer = Arc::new(answer);
        let (received, connections) = (Arc::clone(&origin.received), Arc::clone(&origin.connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, received) = (Arc::clone(&answer), Arc::clone(&received));
                std::thread::spawn(move || converse(&stream, &received, &*answer));
            }
        });
        origin
    }

    /// Answers every request with the same bytes.
    pub(crate) fn fixed(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::new(move |_, wire| wire.send(&response))
    }

    /// Answers with a page and further headers, each ended by CR LF.
    pub(crate) fn page(headers: &str, body: impl AsRef<[u8]>) -> Self {
        Self::fixed(page(headers, body))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What reached it.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// What reached it last.
    pub(crate) fn last(&self) -> Received {
        self.received().pop().expect("nothing reached the shop")
    }

    /// How many connections were opened to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A page with `Content-Length` and further headers, each ended by CR LF.
pub(crate) fn page(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn converse(stream: &TcpStream, log: &Mutex<Vec<Received>>, answer: &(impl Fn(&Received, &mut Wire) + ?Sized)) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    let mut wire = Wire { stream: stream.try_clone().unwrap(), open: true };
    while wire.open {
        let Some(request) = receive(&mut reader) else { return };
        log.lock().unwrap().push(request.clone());
        answer(&request, &mut wire);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes).ok()?;
    let text: String = bytes.into_iter().map(char::from).collect();
    text.strip_suffix("\r\n").map(str::to_owned)
}

fn receive(reader: &mut impl BufRead) -> Option<Received> {
    let first = line(reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut request = Received { method: words.next()?, target: words.next()?, headers: Vec::new(), body: Vec::new() };
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some() {
        assert_eq!(request.header("content-length"), None, "both Content-Length and chunked reached the shop");
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16).ok()?;
            let from = request.body.len();
            request.body.resize(from + size, 0);
            reader.read_exact(&mut request.body[from..]).ok()?;
            line(reader)?;
            if size == 0 {
                return Some(request);
            }
        }
    }
    let length = request.header("content-length").map_or(0, |value| value.parse().unwrap());
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
