//! A response as it came over an HTTP/1 wire: framing and ending included, which libraries hide.

use std::io::{ErrorKind, Read};

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body.
    None,
    /// `Content-Length`
    Length(usize),
    /// `Transfer-Encoding: chunked`
    Chunked,
    /// The connection closes.
    Close,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As its framing promised. A close-delimited body always ends so.
    Complete,
    /// The connection went away before.
    Cut,
}

/// The head of a response.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// `HTTP/1.1 200 OK`
    pub(crate) status_line: String,
    /// Status code.
    pub(crate) status: u16,
    /// Names as sent, values as Latin-1.
    pub(crate) headers: Vec<(String, String)>,
    /// How the body is framed.
    pub(crate) framing: Framing,
}

/// A whole response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// Its head.
    pub(crate) head: Head,
    /// Its body, without framing.
    pub(crate) body: Vec<u8>,
    /// How it ended.
    pub(crate) ending: Ending,
}

impl Head {
    fn parse(text: &str, method: &str) -> Self {
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap().to_owned();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let headers: Vec<(String, String)> = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once(':').unwrap_or_else(|| panic!("not a header: {line:?}")))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut head = Self { status_line, status, headers, framing: Framing::None };
        head.framing = head.framing_for(method);
        head
    }

    /// RFC 9112, section 6.3.
    fn framing_for(&self, method: &str) -> Framing {
        if method == "HEAD" || self.status < 200 || self.status == 204 || self.status == 304 {
            return Framing::None;
        }
        if self.all("transfer-encoding").iter().any(|value| value.eq_ignore_ascii_case("chunked")) {
            assert_eq!(self.header("content-length"), None, "both Content-Length and chunked");
            return Framing::Chunked;
        }
        self.header("content-length").map_or(Framing::Close, |value| Framing::Length(value.parse().unwrap()))
    }

    /// The only value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() <= 1, "{name} occurs {} times: {values:?}", values.len());
        values.first().copied()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The headers that are about the page and not about the connection, sorted, names in lower case.
    pub(crate) fn end_to_end(&self) -> Vec<(String, String)> {
        const HOP: &[&str] =
            &["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"];
        let mut headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        headers.retain(|(name, _)| !HOP.contains(&name.as_str()));
        headers.sort();
        headers
    }
}

impl std::ops::Deref for Response {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Response {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body in UTF-8")
    }

    /// Whether the body holds `text`.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.count(text) > 0
    }

    /// How often the body holds `text`.
    pub(crate) fn count(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.body).matches(text).count()
    }
}

/// Reads responses off a stream, step by step.
pub(crate) struct Reader<S> {
    stream: S,
    buffer: Vec<u8>,
    framing: Framing,
    left: usize,
}

/// A step of reading a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Some bytes of it.
    Data(Vec<u8>),
    /// Its end.
    End(Ending),
}

impl<S: Read> Reader<S> {
    /// Reads from `stream`.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), framing: Framing::None, left: 0 }
    }

    /// The stream, to write to.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Reads more; false at the end of the stream.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&bytes[..read]);
                true
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing came in {:?}; so far: {:?}", super::PATIENCE, String::from_utf8_lossy(&self.buffer))
            }
            // A reset, or TLS cut off without a goodbye.
            Err(_) => false,
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.buffer.drain(..count).collect()
    }

    /// Takes what stands before `end`, and `end` too; `None` if the stream ends first.
    fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let taken = self.take(at);
                self.take(end.len());
                return Some(taken);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Reads a head, or `None` if the connection was closed instead.
    pub(crate) fn try_head(&mut self, method: &str) -> Option<Head> {
        let bytes = self.take_until(b"\r\n\r\n")?;
        let text: String = bytes.into_iter().map(char::from).collect();
        let head = Head::parse(&text, method);
        self.framing = head.framing;
        self.left = if let Framing::Length(length) = head.framing { length } else { 0 };
        Some(head)
    }

    /// Reads a head.
    pub(crate) fn head(&mut self, method: &str) -> Head {
        self.try_head(method).expect("the connection was closed where a response was due")
    }

    /// Reads the next bytes of a body, as soon as there are any.
    pub(crate) fn step(&mut self) -> Step {
        match self.framing {
            Framing::None => Step::End(Ending::Complete),
            Framing::Length(_) if self.left == 0 => Step::End(Ending::Complete),
            Framing::Length(_) => {
                if self.buffer.is_empty() && !self.fill() {
                    return Step::End(Ending::Cut);
                }
                let count = self.buffer.len().min(self.left);
                self.left -= count;
                Step::Data(self.take(count))
            }
            Framing::Chunked => self.chunk().unwrap_or(Step::End(Ending::Cut)),
            Framing::Close => {
                if self.buffer.is_empty() && !self.fill() {
                    return Step::End(Ending::Complete);
                }
                let count = self.buffer.len();
                Step::Data(self.take(count))
            }
        }
    }

    fn chunk(&mut self) -> Option<Step> {
        let line = String::from_utf8(self.take_until(b"\r\n")?).expect("a chunk size");
        let digits = line.split(';').next().unwrap().trim();
        let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a chunk size: {line:?}"));
        if size == 0 {
            while !self.take_until(b"\r\n")?.is_empty() {}
            self.framing = Framing::None;
            return Some(Step::End(Ending::Complete));
        }
        while self.buffer.len() < size + 2 {
            if !self.fill() {
                return None;
            }
        }
        let data = self.take(size);
        assert_eq!(self.take(2), b"\r\n", "a chunk ends with a line end");
        Some(Step::Data(data))
    }

    /// Reads until the body read so far holds `text`, or ends.
    pub(crate) fn body_until(&mut self, text: &str) -> Vec<u8> {
        let mut body = Vec::new();
        while !body.windows(text.len()).any(|window| window == text.as_bytes()) {
            match self.step() {
                Step::Data(data) => body.extend(data),
                Step::End(ending) => {
                    panic!("{ending:?} before {text:?} came: {:?}", String::from_utf8_lossy(&body))
                }
            }
        }
        body
    }

    /// Reads the rest of a body.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ending) {
        let mut body = Vec::new();
        loop {
            match self.step() {
                Step::Data(data) => body.extend(data),
                Step::End(ending) => return (body, ending),
            }
        }
    }

    /// Reads bytes that are not HTTP any more.
    pub(crate) fn raw(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill(), "closed after {:?}", self.buffer);
        }
        self.take(count)
    }

    /// Whether the connection has been closed: nothing more comes.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill()
    }
}
