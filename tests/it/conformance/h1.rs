//! Cases of HTTP/1.1 (RFC 9110, RFC 9112).

use crate::support::Connection;
use std::net::SocketAddr;

/// Section, what it is about, the request, and what must come back.
pub(super) type Case = (&'static str, &'static str, &'static str, Due);

/// What must come back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    /// 200 with this body.
    Body(&'static str),
    /// 200 without a body.
    NoBody,
    /// 4xx, 5xx, or the end of the connection.
    Refused,
}

/// What is wrong, if anything is.
pub(super) fn judge(address: SocketAddr, case: &Case) -> Result<(), String> {
    let (_, _, request, due) = case;
    // The whole at once, and the same byte by byte.
    for pieces in [vec![request.as_bytes()], request.as_bytes().chunks(1).collect()] {
        let mut connection = Connection::open(address);
        for piece in pieces {
            if !connection.try_send(piece) {
                break;
            }
        }
        let method = request.trim_start().split(' ').next().unwrap_or_default();
        let mut head = connection.body().try_head(method);
        if head.as_ref().is_some_and(|head| head.status == 100) {
            head = connection.body().try_head(method);
        }
        let status = head.map(|head| head.status);
        let (body, _) = connection.body().rest();
        let body = String::from_utf8_lossy(&body);
        let right = match due {
            Due::Body(text) => status == Some(200) && body == *text,
            Due::NoBody => status == Some(200) && body.is_empty(),
            Due::Refused => status.is_none_or(|status| status >= 400),
        };
        if !right {
            return Err(format!("{status:?} {body:.20} where {due:?} is due"));
        }
    }
    Ok(())
}

const HEAD: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";

pub(super) const CASES: &[Case] = &[
    ("9112 3", "plain request", HEAD, Due::Body("page")),
    ("9112 2.2", "an empty line before it", "\r\nGET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Body("page")),
    (
        "9112 5",
        "names in any case, values between tabs, empty values",
        "GET / HTTP/1.1\r\nhOsT:\tshop.example\t\r\nempty:\r\nx: \r\n\r\n",
        Due::Body("page"),
    ),
    ("9112 5", "no space after the colon", "GET / HTTP/1.1\r\nHost:shop.example\r\n\r\n", Due::Body("page")),
    (
        "9110 5.6.2",
        "every character of a token",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX!#$%&'*+-.^_`|~9: y\r\n\r\n",
        Due::Body("page"),
    ),
    (
        "9110 5.5",
        "bytes above ASCII in a value",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX: é\r\n\r\n",
        Due::Body("page"),
    ),
    (
        "9112 3.2.2",
        "absolute form",
        "GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        Due::Body("page"),
    ),
    ("9112 3.2", "host with a port", "GET / HTTP/1.1\r\nHost: shop.example:80\r\n\r\n", Due::Body("page")),
    ("9110 9.3.2", "HEAD", "HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::NoBody),
    (
        "9112 6.2",
        "body with a length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello",
        Due::Body("hello"),
    ),
    (
        "9112 6.2",
        "length of nothing",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n",
        Due::Body("page"),
    ),
    (
        "9112 7.1",
        "body in chunks",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
        Due::Body("hello!"),
    ),
    (
        "9112 7.1",
        "hexadecimal size in either case, with zeros",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: Chunked\r\n\r\n00c\r\nHello world!\r\nC\r\nHello world!\r\n000\r\n\r\n",
        Due::Body("Hello world!Hello world!"),
    ),
    (
        "9112 7.1.1",
        "chunk extensions",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n",
        Due::Body("hello"),
    ),
    (
        "9112 7.1.2",
        "trailers",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        Due::Body("hello"),
    ),
    (
        "9110 10.1.1",
        "Expect: 100-continue",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        Due::Body("hello"),
    ),
    (
        "9112 9.6",
        "Connection: close",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
        Due::Body("page"),
    ),
    ("9110 9.1", "unknown method", "FROB / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Body("page")),
    ("9112 3.2", "no host", "GET / HTTP/1.1\r\n\r\n", Due::Refused),
    ("9112 3.2", "two hosts", "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 3.2", "host that is none", "GET / HTTP/1.1\r\nHost: shop example\r\n\r\n", Due::Refused),
    ("9110 4.2.4", "userinfo", "GET http://a@shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 3", "no version", "GET / \r\n\r\n", Due::Refused),
    ("9112 3", "two spaces", "GET  / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 3", "four words", "GET / x HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 3", "space first", " GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 3", "words before the method", "a word GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 2.3", "version in lower case", "GET / http/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 2.3", "version 9.9", "GET / HTTP/9.9\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 2.3", "version of three digits", "GET / HTTP/1.10\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9110 9.1", "method that is no token", "GE(T / HTTP/1.1\r\nHost: shop.example\r\n\r\n", Due::Refused),
    ("9112 2.2", "line feeds alone", "GET / HTTP/1.1\nHost: shop.example\n\n", Due::Refused),
    ("9112 2.2", "carriage return alone", "GET / HTTP/1.1\r\nHost: shop.example\r\n\rX: y\r\n\r\n", Due::Refused),
    ("9112 5.1", "space before the colon", "GET / HTTP/1.1\r\nHost: shop.example\r\nX : y\r\n\r\n", Due::Refused),
    ("9112 5.2", "folded line", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: y\r\n z\r\n\r\n", Due::Refused),
    ("9112 5", "line without a colon", "GET / HTTP/1.1\r\nHost: shop.example\r\nX\r\n\r\n", Due::Refused),
    ("9112 5", "empty name", "GET / HTTP/1.1\r\nHost: shop.example\r\n: y\r\n\r\n", Due::Refused),
    ("9110 5.6.2", "name that is no token", "GET / HTTP/1.1\r\nHost: shop.example\r\nX[]: y\r\n\r\n", Due::Refused),
    ("9110 5.5", "control in a value", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\x07b\r\n\r\n", Due::Refused),
    ("9110 5.5", "NUL in a value", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\0b\r\n\r\n", Due::Refused),
    (
        "9110 8.6",
        "length in words",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: abc\r\n\r\n",
        Due::Refused,
    ),
    (
        "9110 8.6",
        "negative length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: -5\r\n\r\n",
        Due::Refused,
    ),
    (
        "9110 8.6",
        "length with a sign",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: +5\r\n\r\nhello",
        Due::Refused,
    ),
    (
        "9110 8.6",
        "length beyond counting",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 99999999999999999999\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 6.3",
        "two lengths",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        Due::Refused,
    ),
    (
        "9112 6.1",
        "coding that is not chunked last",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 6.1",
        "unknown coding",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 6.1",
        "coding in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 6.3",
        "length and coding",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 7.1",
        "chunk size in words",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 7.1",
        "chunk longer than its size",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        Due::Refused,
    ),
    (
        "9112 7.1",
        "chunk size beyond counting",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n",
        Due::Refused,
    ),
];
