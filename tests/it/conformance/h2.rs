//! Cases of HTTP/2 (RFC 9113).

use super::{Case, Due};
use crate::support::frames::{
    ACK, END_HEADERS, END_STREAM, Frames, PADDED, PREFACE, WITH_PRIORITY, block, frame, get, kind,
};

const ALL: u8 = END_HEADERS | END_STREAM;

/// A `POST` whose body is still to come.
fn post(client: &mut Frames) {
    headers(client, END_HEADERS, &instead(":method", "POST"));
}

fn headers(client: &mut Frames, flags: u8, fields: &[(&str, &str)]) {
    client.send(kind::HEADERS, flags, 1, &block(fields));
}

fn with(field: (&'static str, &'static str)) -> Vec<(&'static str, &'static str)> {
    [get("/"), vec![field]].concat()
}

fn instead(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    get("/").into_iter().map(|(known, old)| (known, if known == name { value } else { old })).collect()
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    get("/").into_iter().filter(|(known, _)| *known != name).collect()
}

/// A request that has been answered.
fn answered(client: &mut Frames) {
    client.get(1, "/");
    client.verdict(1);
}

pub(super) const CASES: &[Case] = &[
    ("3.4", "another preface", |c| c.raw(&[&PREFACE[..14], b"NO\r\n\r\n"].concat()), Due::Ended),
    ("4.1", "unknown type of frame", |c| c.send(0x42, 0xff, 0, b"12345678"), Due::Ignored),
    ("4.1", "undefined flags", |c| c.send(kind::PING, 0xfe, 0, b"12345678"), Due::Ignored),
    ("4.1", "reserved bit", |c| c.send(kind::PING, 0, 0x8000_0000, b"12345678"), Due::Ignored),
    (
        "4.2",
        "frame of 16,384 bytes",
        |c| {
            post(c);
            c.send(kind::DATA, END_STREAM, 1, &[b'x'; 16_384]);
        },
        Due::Served,
    ),
    (
        "4.2",
        "DATA beyond the largest frame",
        |c| {
            post(c);
            c.send(kind::DATA, END_STREAM, 1, &[b'x'; 16_385]);
        },
        Due::Refused,
    ),
    (
        "4.2",
        "HEADERS beyond the largest frame",
        |c| {
            let fields =
                [get("/"), vec![("x", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"); 300]].concat();
            headers(c, ALL, &fields);
        },
        Due::Ended,
    ),
    (
        "4.3",
        "PRIORITY within a field block",
        |c| {
            headers(c, END_STREAM, &get("/"));
            c.send(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 9]);
        },
        Due::Ended,
    ),
    (
        "4.3",
        "another stream within a field block",
        |c| {
            headers(c, END_STREAM, &get("/"));
            c.get(3, "/");
        },
        Due::Ended,
    ),
    ("5.1", "idle: DATA", |c| c.send(kind::DATA, END_STREAM, 1, b"x"), Due::Ended),
    ("5.1", "idle: RST_STREAM", |c| c.send(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]), Due::Ended),
    ("5.1", "idle: WINDOW_UPDATE", |c| c.send(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 9]), Due::Ended),
    ("5.1", "idle: CONTINUATION", |c| c.send(kind::CONTINUATION, END_HEADERS, 1, &block(&get("/"))), Due::Ended),
    (
        "5.1",
        "half-closed: DATA",
        |c| {
            c.get(1, "/");
            c.send(kind::DATA, END_STREAM, 1, b"x");
        },
        Due::Refused,
    ),
    (
        "5.1",
        "half-closed: HEADERS",
        |c| {
            c.get(1, "/");
            c.get(1, "/");
        },
        Due::Refused,
    ),
    (
        "5.1",
        "half-closed: CONTINUATION",
        |c| {
            c.get(1, "/");
            c.send(kind::CONTINUATION, END_HEADERS, 1, &block(&get("/")));
        },
        Due::Ended,
    ),
    (
        "5.1",
        "closed: HEADERS",
        |c| {
            answered(c);
            c.get(1, "/");
        },
        Due::Refused,
    ),
    (
        "5.1",
        "closed: CONTINUATION",
        |c| {
            answered(c);
            c.send(kind::CONTINUATION, END_HEADERS, 1, &block(&get("/")));
        },
        Due::Ended,
    ),
    (
        "5.1",
        "closed: WINDOW_UPDATE",
        |c| {
            answered(c);
            c.send(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]);
        },
        Due::Ignored,
    ),
    (
        "5.1",
        "closed: PRIORITY",
        |c| {
            answered(c);
            c.send(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 1]);
        },
        Due::Ignored,
    ),
    (
        "5.1",
        "reset: DATA",
        |c| {
            post(c);
            c.send(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
            c.send(kind::DATA, END_STREAM, 1, b"x");
        },
        Due::Refused,
    ),
    ("5.1.1", "even stream", |c| c.get(2, "/"), Due::Ended),
    (
        "5.1.1",
        "stream before the last",
        |c| {
            c.get(5, "/");
            c.verdict(5);
            c.get(3, "/");
        },
        Due::Ended,
    ),
    (
        "5.5",
        "unknown frame within a field block",
        |c| {
            headers(c, END_STREAM, &get("/"));
            c.send(0x42, 0, 1, &[]);
        },
        Due::Ended,
    ),
    ("6.1", "DATA in no stream", |c| c.send(kind::DATA, 0, 0, b"x"), Due::Ended),
    (
        "6.1",
        "padded DATA",
        |c| {
            post(c);
            c.send(kind::DATA, END_STREAM | PADDED, 1, &[2, b'x', 0, 0]);
        },
        Due::Served,
    ),
    (
        "6.1",
        "DATA with more padding than there is",
        |c| {
            post(c);
            c.send(kind::DATA, END_STREAM | PADDED, 1, &[9, b'x', 0]);
        },
        Due::Ended,
    ),
    ("6.2", "HEADERS in no stream", |c| c.get(0, "/"), Due::Ended),
    (
        "6.2",
        "padded HEADERS with a priority",
        |c| {
            let payload = [&[1, 0, 0, 0, 0, 9][..], &block(&get("/")), &[0]].concat();
            c.send(kind::HEADERS, ALL | PADDED | WITH_PRIORITY, 1, &payload);
        },
        Due::Served,
    ),
    (
        "6.2",
        "HEADERS with more padding than there is",
        |c| c.send(kind::HEADERS, ALL | PADDED, 1, &[200, 0x82, 0x84]),
        Due::Ended,
    ),
    ("6.3", "PRIORITY in no stream", |c| c.send(kind::PRIORITY, 0, 0, &[0, 0, 0, 0, 9]), Due::Ended),
    (
        "6.3",
        "PRIORITY of four bytes",
        |c| {
            post(c);
            c.send(kind::PRIORITY, 0, 1, &[0, 0, 0, 0]);
        },
        Due::Refused,
    ),
    ("6.3", "PRIORITY of an idle stream", |c| c.send(kind::PRIORITY, 0, 9, &[0, 0, 0, 0, 9]), Due::Ignored),
    ("6.4", "RST_STREAM in no stream", |c| c.send(kind::RST_STREAM, 0, 0, &[0, 0, 0, 8]), Due::Ended),
    (
        "6.4",
        "RST_STREAM of three bytes",
        |c| {
            post(c);
            c.send(kind::RST_STREAM, 0, 1, &[0, 0, 8]);
        },
        Due::Ended,
    ),
    ("6.5", "SETTINGS in a stream", |c| c.send(kind::SETTINGS, 0, 1, &[]), Due::Ended),
    ("6.5", "SETTINGS of five bytes", |c| c.send(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0]), Due::Ended),
    ("6.5", "acknowledgement with settings", |c| c.send(kind::SETTINGS, ACK, 0, &[0, 3, 0, 0, 0, 9]), Due::Ended),
    ("6.5.2", "ENABLE_PUSH of 2", |c| c.settings(&[(2, 2)]), Due::Ended),
    ("6.5.2", "INITIAL_WINDOW_SIZE beyond its bounds", |c| c.settings(&[(4, 0x8000_0000)]), Due::Ended),
    ("6.5.2", "MAX_FRAME_SIZE below its bounds", |c| c.settings(&[(5, 16_383)]), Due::Ended),
    ("6.5.2", "MAX_FRAME_SIZE beyond its bounds", |c| c.settings(&[(5, 1 << 24)]), Due::Ended),
    ("6.5.2", "unknown setting", |c| c.settings(&[(0xff, 9), (3, 9), (3, 8)]), Due::Ignored),
    ("6.6", "PUSH_PROMISE from a client", |c| c.send(5, END_HEADERS, 1, &[0, 0, 0, 2]), Due::Ended),
    ("6.7", "PING in a stream", |c| c.send(kind::PING, 0, 1, b"12345678"), Due::Ended),
    ("6.7", "PING of seven bytes", |c| c.send(kind::PING, 0, 0, b"1234567"), Due::Ended),
    ("6.7", "acknowledgement of no PING", |c| c.send(kind::PING, ACK, 0, b"12345678"), Due::Ignored),
    ("6.8", "GOAWAY in a stream", |c| c.send(kind::GOAWAY, 0, 1, &[0; 8]), Due::Ended),
    ("6.9", "window opened by nothing", |c| c.send(kind::WINDOW_UPDATE, 0, 0, &[0; 4]), Due::Ended),
    (
        "6.9",
        "stream's window opened by nothing",
        |c| {
            post(c);
            c.send(kind::WINDOW_UPDATE, 0, 1, &[0; 4]);
        },
        Due::Refused,
    ),
    ("6.9", "WINDOW_UPDATE of three bytes", |c| c.send(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1]), Due::Ended),
    ("6.9.1", "window beyond its bounds", |c| c.send(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), Due::Ended),
    (
        "6.9.1",
        "stream's window beyond its bounds",
        |c| {
            post(c);
            c.send(kind::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]);
        },
        Due::Refused,
    ),
    (
        "6.9.2",
        "window of one byte is kept to, and widened later",
        |c| {
            c.settings(&[(4, 1)]);
            c.get(1, "/");
            assert!(first_data(c) <= 1);
            c.settings(&[(4, 1000)]);
            assert!(first_data(c) > 1);
            c.get(3, "/");
            let verdict = c.verdict(3);
            // Handed on to the judge as a request of its own.
            assert_eq!(verdict, crate::support::frames::Verdict::Status(200));
        },
        Due::Ignored,
    ),
    (
        "6.9.2",
        "windows beyond their bounds by a setting",
        |c| {
            post(c);
            c.send(kind::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0, 0]);
            c.settings(&[(4, 0x7fff_ffff)]);
        },
        Due::Ended,
    ),
    (
        "6.10",
        "field block in three pieces",
        |c| {
            let bytes = block(&get("/"));
            c.send(kind::HEADERS, END_STREAM, 1, &bytes[..5]);
            c.send(kind::CONTINUATION, 0, 1, &bytes[5..9]);
            c.send(kind::CONTINUATION, END_HEADERS, 1, &bytes[9..]);
        },
        Due::Served,
    ),
    (
        "6.10",
        "CONTINUATION after the end",
        |c| {
            post(c);
            c.send(kind::CONTINUATION, END_HEADERS, 1, &[]);
        },
        Due::Ended,
    ),
    (
        "6.10",
        "CONTINUATION in no stream",
        |c| {
            headers(c, END_STREAM, &get("/"));
            c.send(kind::CONTINUATION, END_HEADERS, 0, &[]);
        },
        Due::Ended,
    ),
    (
        "6.10",
        "CONTINUATION of another stream",
        |c| {
            headers(c, END_STREAM, &get("/"));
            c.send(kind::CONTINUATION, END_HEADERS, 3, &[]);
        },
        Due::Ended,
    ),
    (
        "6.10",
        "DATA in place of CONTINUATION",
        |c| {
            headers(c, 0, &get("/"));
            c.send(kind::DATA, END_STREAM, 1, b"x");
        },
        Due::Ended,
    ),
    (
        "7",
        "unknown error code",
        |c| {
            post(c);
            c.send(kind::RST_STREAM, 0, 1, &[0xff; 4]);
        },
        Due::Ignored,
    ),
    (
        "8.1",
        "trailers",
        |c| {
            post(c);
            c.send(kind::DATA, 0, 1, b"x");
            headers(c, ALL, &[("x", "y")]);
        },
        Due::Served,
    ),
    (
        "8.1",
        "second HEADERS that is no trailer",
        |c| {
            post(c);
            headers(c, END_HEADERS, &[("x", "y")]);
        },
        Due::Refused,
    ),
    (
        "8.1",
        "pseudo-header among trailers",
        |c| {
            post(c);
            c.send(kind::DATA, 0, 1, b"x");
            headers(c, ALL, &[(":method", "GET")]);
        },
        Due::Refused,
    ),
    (
        "8.1.1",
        "length longer than the body",
        |c| {
            headers(c, END_HEADERS, &[instead(":method", "POST"), vec![("content-length", "9")]].concat());
            c.send(kind::DATA, END_STREAM, 1, b"x");
        },
        Due::Refused,
    ),
    (
        "8.1.1",
        "length shorter than the body",
        |c| {
            headers(c, END_HEADERS, &[instead(":method", "POST"), vec![("content-length", "1")]].concat());
            c.send(kind::DATA, END_STREAM, 1, b"xyz");
        },
        Due::Refused,
    ),
    (
        "8.1.1",
        "length over several frames",
        |c| {
            headers(c, END_HEADERS, &[instead(":method", "POST"), vec![("content-length", "9")]].concat());
            c.send(kind::DATA, 0, 1, b"xyz");
            c.send(kind::DATA, END_STREAM, 1, b"xyz");
        },
        Due::Refused,
    ),
    ("8.2.1", "name in upper case", |c| headers(c, ALL, &with(("X", "y"))), Due::Refused),
    ("8.2.1", "space in a name", |c| headers(c, ALL, &with(("x y", "z"))), Due::Refused),
    ("8.2.1", "line feed in a value", |c| headers(c, ALL, &with(("x", "y\nz"))), Due::Refused),
    ("8.2.2", "connection", |c| headers(c, ALL, &with(("connection", "keep-alive"))), Due::Refused),
    ("8.2.2", "transfer-encoding", |c| headers(c, ALL, &with(("transfer-encoding", "chunked"))), Due::Refused),
    ("8.2.2", "upgrade", |c| headers(c, ALL, &with(("upgrade", "websocket"))), Due::Refused),
    ("8.2.2", "te other than trailers", |c| headers(c, ALL, &with(("te", "trailers, deflate"))), Due::Refused),
    ("8.2.2", "te: trailers", |c| headers(c, ALL, &with(("te", "trailers"))), Due::Served),
    (
        "8.2.3",
        "cookie in pieces",
        |c| headers(c, ALL, &[with(("cookie", "a=b")), vec![("cookie", "c=d")]].concat()),
        Due::Served,
    ),
    ("8.3", "unknown pseudo-header", |c| headers(c, ALL, &with((":x", "y"))), Due::Refused),
    ("8.3", "pseudo-header of a response", |c| headers(c, ALL, &with((":status", "200"))), Due::Refused),
    ("8.3", "pseudo-header after a field", |c| headers(c, ALL, &[vec![("x", "y")], get("/")].concat()), Due::Refused),
    ("8.3.1", "no method", |c| headers(c, ALL, &without(":method")), Due::Refused),
    ("8.3.1", "no scheme", |c| headers(c, ALL, &without(":scheme")), Due::Refused),
    ("8.3.1", "no path", |c| headers(c, ALL, &without(":path")), Due::Refused),
    ("8.3.1", "empty path", |c| headers(c, ALL, &instead(":path", "")), Due::Refused),
    ("8.3.1", "method twice", |c| headers(c, ALL, &with((":method", "GET"))), Due::Refused),
    ("8.3.1", "scheme twice", |c| headers(c, ALL, &with((":scheme", "http"))), Due::Refused),
    ("8.3.1", "path twice", |c| headers(c, ALL, &with((":path", "/"))), Due::Refused),
    (
        "8.3.1",
        "host that differs from the authority",
        |c| headers(c, ALL, &with(("host", "other.example"))),
        Due::Refused,
    ),
    ("8.3.1", "userinfo", |c| headers(c, ALL, &instead(":authority", "a@shop.example")), Due::Refused),
    (
        "8.3.1",
        "host in place of the authority",
        |c| headers(c, ALL, &[without(":authority"), vec![("host", "shop.example")]].concat()),
        Due::Served,
    ),
    ("9110 9.3", "HEAD", |c| headers(c, ALL, &instead(":method", "HEAD")), Due::Served),
    (
        "9110 9.3",
        "POST",
        |c| {
            post(c);
            c.send(kind::DATA, 0, 1, b"x");
            c.raw(&frame(kind::DATA, END_STREAM, 1, &[]));
        },
        Due::Served,
    ),
];

/// The length of the next DATA frame of stream 1.
fn first_data(client: &mut Frames) -> usize {
    while let Some(frame) = client.next() {
        if frame.kind == kind::DATA && frame.stream == 1 && !frame.payload.is_empty() {
            return frame.payload.len();
        }
    }
    0
}
