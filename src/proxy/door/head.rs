//! Reads an HTTP/1 request's head: whole, in time, within its limit, and with lines that end in one way only (RFC 9112 §2.2).
//!
//! Decides what is refused before anything is made of it. The fields themselves are pingora's to parse and
//! [`super::super::heads`]'s to judge.

use crate::exchange::Answer;
use bytes::{BufMut, BytesMut};
use memchr::memchr2;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Room for a usual head.
const USUAL: usize = 4096;
/// Fields that pingora has room for.
const FIELDS: usize = 256;

/// What a head must keep to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within {
    /// How long its first byte is waited for.
    pub(super) first_byte: Duration,
    /// How long all of it may take from then on.
    pub(super) rest: Duration,
    /// How long it may be.
    pub(super) bytes: usize,
}

/// Why there is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The client has gone, or was silent.
    Gone,
    /// It did not come in time.
    Late,
    /// The target alone is too long.
    LongTarget,
    /// It is too long, or has too many fields.
    Long,
    /// It could be read in more than one way, or in none.
    Malformed,
    /// It is of a version that is not spoken here.
    Version,
}

impl Refused {
    /// What to tell the client, if anyone is there.
    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::Gone => None,
            Self::Malformed => Some(400),
            Self::Late => Some(408),
            Self::LongTarget => Some(414),
            Self::Long => Some(431),
            Self::Version => Some(505),
        }
    }
}

/// Reads a head, and whatever came with it.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), within: &Within) -> Result<BytesMut, Refused> {
    let mut bytes = BytesMut::with_capacity(USUAL);
    match timeout(within.first_byte, stream.read_buf(&mut bytes)).await {
        Ok(Ok(1..)) => {}
        Ok(Ok(0) | Err(_)) | Err(_) => return Err(Refused::Gone),
    }
    let mut scan = Scan::default();
    if scan.is_whole(&bytes, within.bytes)? {
        return Ok(bytes);
    }
    let rest = async {
        loop {
            if !bytes.has_remaining_mut() || bytes.len() == bytes.capacity() {
                bytes.reserve(USUAL);
            }
            match stream.read_buf(&mut bytes).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(Refused::Gone),
            }
            if scan.is_whole(&bytes, within.bytes)? {
                return Ok(());
            }
        }
    };
    timeout(within.rest, rest).await.unwrap_or(Err(Refused::Late))?;
    Ok(bytes)
}

/// How far a head has been looked at.
#[derive(Debug, Default)]
struct Scan {
    seen: usize,
    line: usize,
    lines: usize,
    blank: bool,
    length: bool,
    coding: bool,
}

impl Scan {
    /// Whether the head is there up to its last line. Looks at no byte twice.
    fn is_whole(&mut self, bytes: &[u8], limit: usize) -> Result<bool, Refused> {
        while let Some(found) = memchr2(b'\r', b'\n', bytes.get(self.seen..).unwrap_or_default()) {
            let end = self.seen + found;
            match bytes.get(end..end + 2) {
                Some(b"\r\n") => {}
                None if bytes.get(end) == Some(&b'\r') => {
                    self.seen = end;
                    return self.still_short(bytes, limit);
                }
                // A line feed alone, or a carriage return alone: others may see other lines than we do.
                Some(_) | None => return Err(Refused::Malformed),
            }
            let line = bytes.get(self.line..end).unwrap_or_default();
            self.seen = end + 2;
            self.line = self.seen;
            match (line.is_empty(), self.lines) {
                // One empty line may stand before a request (RFC 9112 §2.2).
                (true, 0) if !self.blank => self.blank = true,
                (true, 0) => return Err(Refused::Malformed),
                (true, _) => return if self.seen > limit { Err(Refused::Long) } else { Ok(true) },
                (false, 0) => request_line(line).inspect(|()| self.lines = 1)?,
                (false, _) => self.field(line)?,
            }
            if self.lines > FIELDS + 1 {
                return Err(Refused::Long);
            }
        }
        self.seen = bytes.len();
        self.still_short(bytes, limit)
    }

    /// Two ways of telling where the body ends are one too many. pingora would take the one and drop the other, as it may
    /// (RFC 9112 §6.3), but a server before us may have taken the other.
    fn field(&mut self, line: &[u8]) -> Result<(), Refused> {
        self.lines += 1;
        let is = |name: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        self.length |= is(b"content-length:");
        self.coding |= is(b"transfer-encoding:");
        if self.length && self.coding { Err(Refused::Malformed) } else { Ok(()) }
    }

    fn still_short(&self, bytes: &[u8], limit: usize) -> Result<bool, Refused> {
        let first = bytes.get(self.line);
        if self.lines == 0 && first.is_some_and(|byte| !byte.is_ascii_alphabetic() && *byte != b'\r') {
            return Err(Refused::Malformed);
        }
        match (bytes.len() > limit, self.lines) {
            (true, 0) => Err(Refused::LongTarget),
            (true, _) => Err(Refused::Long),
            (false, _) => Ok(false),
        }
    }
}

/// `METHOD SP target SP HTTP/1.x`, and nothing that could be taken for a second line or a fourth word (RFC 9112 §3).
fn request_line(line: &[u8]) -> Result<(), Refused> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refused::Malformed);
    };
    let is_word = |word: &[u8]| !word.is_empty() && !word.iter().any(u8::is_ascii_control);
    if !is_word(target) || !is_word(method) || !method.iter().all(u8::is_ascii_graphic) {
        return Err(Refused::Malformed);
    }
    match version {
        b"HTTP/1.1" | b"HTTP/1.0" => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(Refused::Version),
        _ => Err(Refused::Malformed),
    }
}

/// An answer as it goes over the wire of a connection that ends with it.
pub(super) fn response(answer: &Answer) -> BytesMut {
    let reason = answer.status.canonical_reason().unwrap_or_default();
    let mut bytes = BytesMut::with_capacity(answer.body.len() + 256);
    bytes.put_slice(format!("HTTP/1.1 {} {reason}\r\n", answer.status.as_str()).as_bytes());
    for (name, value) in &answer.headers {
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(value.as_bytes());
        bytes.put_slice(b"\r\n");
    }
    bytes.put_slice(format!("content-length: {}\r\nconnection: close\r\n\r\n", answer.body.len()).as_bytes());
    bytes.put_slice(&answer.body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 200;

    /// What is made of a head that arrives in two pieces, wherever it is cut; it must be the same everywhere.
    fn judged(head: &str) -> Result<bool, Refused> {
        let verdicts: Vec<_> = (0..=head.len())
            .map(|cut| {
                let mut scan = Scan::default();
                match scan.is_whole(&head.as_bytes()[..cut], LIMIT) {
                    Ok(false) => scan.is_whole(head.as_bytes(), LIMIT),
                    verdict => verdict,
                }
            })
            .collect();
        assert!(verdicts.windows(2).all(|pair| pair[0] == pair[1]), "{head:?}: {verdicts:?}");
        verdicts[0]
    }

    #[test]
    fn head_is_whole_at_its_empty_line_and_not_before() {
        assert_eq!(judged("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(true));
        assert_eq!(judged("\r\nGET /%E3%81%82?q HTTP/1.0\r\n\r\n"), Ok(true));
        assert_eq!(judged("GET /あ HTTP/1.1\r\n\r\n"), Ok(true));
        for short in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r", "\r\n", "\r"] {
            assert_eq!(judged(short), Ok(false), "{short:?}");
        }
    }

    #[test]
    fn head_that_others_may_read_otherwise_is_refused() {
        for head in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
            "GET / HTTP/1.1\r\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            " GET / HTTP/1.1\r\n\r\n",
            "\tGET / HTTP/1.1\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "GET / a HTTP/1.1\r\n\r\n",
            "GET\t/ HTTP/1.1\r\n\r\n",
            "GET /\0 HTTP/1.1\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / http/1.1\r\n\r\n",
            "GET / HTTP/1.10\r\n\r\n",
            "\u{16}\u{3}\u{1}",
            "POST / HTTP/1.1\r\nContent-length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(judged(head), Err(Refused::Malformed), "{head:?}");
        }
        assert_eq!(judged("GET / HTTP/2.0\r\n\r\n"), Err(Refused::Version));
    }

    #[test]
    fn head_beyond_its_limit_is_refused_before_it_ends() {
        let long = "a".repeat(LIMIT);
        let verdict = |head: &str| Scan::default().is_whole(head.as_bytes(), LIMIT);
        assert_eq!(verdict(&format!("GET /{long}")), Err(Refused::LongTarget));
        assert_eq!(verdict(&format!("GET / HTTP/1.1\r\nX: {long}")), Err(Refused::Long));
        assert_eq!(verdict(&format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n")), Err(Refused::Long));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(FIELDS + 1));
        assert_eq!(Scan::default().is_whole(many.as_bytes(), 1 << 20), Err(Refused::Long));
    }
}
