//! An HTTP/2 client that sends any frame, right or wrong (RFC 9113 §4.1).

use super::client::connect;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A frame's type.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 32;

/// What every connection begins with (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame that came.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How the server took something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The stream was answered with this status.
    Status(u16),
    /// The stream was reset with this code.
    Reset(u32),
    /// The connection was ended with this code.
    GoAway(u32),
    /// The connection was closed without a word.
    Closed,
}

impl Verdict {
    /// Whether the connection is over.
    pub(crate) fn ends_connection(self) -> bool {
        matches!(self, Self::GoAway(_) | Self::Closed)
    }

    /// Whether the request was refused: never answered as if it were sound.
    pub(crate) fn refuses(self) -> bool {
        !matches!(self, Self::Status(status) if status < 400)
    }
}

/// A connection.
pub(crate) struct Frames {
    stream: TcpStream,
    buffer: Vec<u8>,
    gone: bool,
}

impl Frames {
    /// Opens a connection without a word.
    pub(crate) fn silent(address: SocketAddr) -> Self {
        Self { stream: connect(address), buffer: Vec::new(), gone: false }
    }

    /// Opens a connection as RFC 9113 asks: preface, settings, and acknowledgement of the server's.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::with_settings(address, &[])
    }

    /// The same with these settings.
    pub(crate) fn with_settings(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut frames = Self::silent(address);
        frames.raw(PREFACE);
        frames.settings(settings);
        let first = frames.next().expect("the server's settings");
        assert_eq!((first.kind, first.stream), (kind::SETTINGS, 0));
        frames.send(kind::SETTINGS, ACK, 0, &[]);
        frames
    }

    /// Sends bytes as they are. A connection that was closed meanwhile shows when reading.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.gone |= self.stream.write_all(bytes).is_err();
    }

    /// Waits no longer than a moment for the other side to take bytes: who floods does not care to be heard.
    pub(crate) fn impatient(&self) {
        self.stream.set_write_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    }

    /// Whether sending has failed.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.raw(&frame(kind, flags, stream, payload));
    }

    /// Sends settings.
    pub(crate) fn settings(&mut self, settings: &[(u16, u32)]) {
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.send(kind::SETTINGS, 0, 0, &payload);
    }

    /// Asks for a page of `shop.example`.
    pub(crate) fn get(&mut self, stream: u32, path: &str) {
        self.send(kind::HEADERS, END_STREAM | END_HEADERS, stream, &block(&get(path)));
    }

    /// Reads the next frame; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        self.fill(9)?;
        let length = usize::from(self.buffer[0]) << 16 | usize::from(self.buffer[1]) << 8 | usize::from(self.buffer[2]);
        self.fill(9 + length)?;
        let bytes: Vec<u8> = self.buffer.drain(..9 + length).collect();
        let stream = u32::from_be_bytes(bytes[5..9].try_into().unwrap()) & 0x7fff_ffff;
        Some(Frame { kind: bytes[3], flags: bytes[4], stream, payload: bytes[9..].to_vec() })
    }

    fn fill(&mut self, count: usize) -> Option<()> {
        while self.buffer.len() < count {
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(read @ 1..) => self.buffer.extend_from_slice(&bytes[..read]),
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    panic!("nothing came in {:?}; so far: {:?}", super::PATIENCE, self.buffer)
                }
                // The end, or a reset.
                Ok(_) | Err(_) => return None,
            }
        }
        Some(())
    }

    /// What becomes of a stream, or else of the connection.
    pub(crate) fn verdict(&mut self, stream: u32) -> Verdict {
        while let Some(frame) = self.next() {
            match frame.kind {
                kind::HEADERS if frame.stream == stream => return Verdict::Status(status(&frame.payload)),
                kind::RST_STREAM if frame.stream == stream => return Verdict::Reset(code(&frame.payload)),
                kind::GOAWAY => return Verdict::GoAway(code(&frame.payload[4..])),
                _ => {}
            }
        }
        Verdict::Closed
    }

    /// Whether the server still answers: a ping comes back. Otherwise how the connection ended.
    pub(crate) fn ping(&mut self) -> Result<(), Verdict> {
        self.send(kind::PING, 0, 0, b"conforms");
        while let Some(frame) = self.next() {
            match frame.kind {
                kind::PING if frame.flags & ACK != 0 && frame.payload == b"conforms" => return Ok(()),
                kind::GOAWAY => return Err(Verdict::GoAway(code(&frame.payload[4..]))),
                _ => {}
            }
        }
        Err(Verdict::Closed)
    }

    /// Reads on until the server closes.
    pub(crate) fn drained(&mut self) {
        while self.next().is_some() {}
    }
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a plain request.
pub(crate) fn get(path: &str) -> Vec<(&str, &str)> {
    vec![(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "shop.example")]
}

/// Fields as literals that no table remembers (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(name, value)| {
            [&[0], &length(name.len())[..], name.as_bytes(), &length(value.len()), value.as_bytes()].concat()
        })
        .collect()
}

/// A length with a prefix of seven bits (RFC 7541 §5.1).
fn length(count: usize) -> Vec<u8> {
    if count < 127 {
        return vec![u8::try_from(count).unwrap()];
    }
    let (mut bytes, mut rest) = (vec![127], count - 127);
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// The status, which stands first in every answer: from the static table, or as a literal with that name.
fn status(block: &[u8]) -> u16 {
    // A change of the table's size may come before it.
    let at = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap();
    match block[at] {
        indexed @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        0x08 | 0x18 | 0x48 => {
            let (coded, count) = (block[at + 1] & 0x80 != 0, usize::from(block[at + 1] & 0x7f));
            let value = &block[at + 2..at + 2 + count];
            if coded { digits(value) } else { std::str::from_utf8(value).unwrap().parse().unwrap() }
        }
        other => panic!("no status first in {block:x?} ({other:x})"),
    }
}

/// Three digits in HPACK's Huffman code: 0 to 2 are five bits, the others six (RFC 7541, appendix B).
fn digits(coded: &[u8]) -> u16 {
    let bits: Vec<u16> =
        coded.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1))).collect();
    let number = |bits: &[u16]| bits.iter().fold(0, |sum, bit| sum * 2 + bit);
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        let five = number(&bits[at..at + 5]);
        let (digit, width) = if five <= 2 { (five, 5) } else { (number(&bits[at..at + 6]) - 0b01_1001 + 3, 6) };
        value = value * 10 + digit;
        at += width;
    }
    value
}

fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}
