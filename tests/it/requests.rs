//! Requests on their way to the shop: bodies, upgrades, and what is no request at all.

use crate::support::h2::H2;
use crate::support::{Connection, Framing, Gateway, Origin, Request, Rules, inserting};
use std::io::{Read, Write};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

fn gateway_for(origin: &Origin) -> Gateway {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    Gateway::serve(rules.path())
}

/// More than fits into any buffer, and never the same twice in a row.
fn upload() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn upload_reaches_the_shop_whole() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    let body = upload();
    let head = "POST /buy HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/x-www-form-urlencoded\r\n";

    let mut connection = Connection::open(gateway.address());
    for _ in 0..2 {
        connection.send_bytes(&[format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat());
        assert_eq!((connection.response().status, origin.last().body == body), (200, true));
        connection.send_bytes(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes());
        for part in body.chunks(70_001) {
            connection.send_bytes(&[format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
        }
        connection.send_bytes(b"0\r\n\r\n");
        assert_eq!((connection.response().status, origin.last().body == body), (200, true));
    }

    let mut connection = H2::plain(gateway.address());
    for part in [&body[..], &body[..1], &[]] {
        let response = connection.post("http://shop.example/buy", part);
        assert_eq!((response.status.as_u16(), origin.last().body == part), (200, true));
    }
    assert_eq!(origin.received().len(), 7);
}

#[test]
fn web_socket_is_passed_through() {
    let origin = Origin::new(|_, wire| {
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let mut bytes = [0; 64];
        while let Ok(read @ 1..) = wire.raw().read(&mut bytes) {
            let _ = wire.raw().write_all(&bytes[..read]);
        }
    });
    let gateway = gateway_for(&origin);
    let mut connection = Connection::open(gateway.address());
    let request = Request::new("GET", "/socket")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    connection.send(&request);
    let head = connection.head();
    assert_eq!((head.status, head.framing), (101, Framing::None));
    for message in ["<html><body>one", "two"] {
        connection.send_bytes(message.as_bytes());
        assert_eq!(connection.body().raw(message.len()), message.as_bytes());
    }
}

#[test]
fn ambiguous_requests_smuggle_nothing() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    let chunk = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let attempts = [
        format!(
            "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
            smuggled.len() + 5
        ),
        format!(
            "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\nTransfer-Encoding: xchunked\r\n\r\n{chunk}"
        ),
        format!(
            "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\nContent-Length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        ),
        format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: +0\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!(
            "POST / HTTP/1.1\r\nHost: shop.example\r\nX: 1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!("POST / HTTP/1.1\r\nHost: shop.example\r\nHost: other.example\r\nContent-Length: 0\r\n\r\n{smuggled}"),
    ];
    let gets_through = |attempt: &&String| {
        let origin = Origin::page("", HTML);
        let gateway = gateway_for(&origin);
        let mut connection = Connection::open(gateway.address());
        connection.send_bytes(attempt.as_bytes());
        // One answer, then the end: what came after is never taken for a request.
        let refused = connection.body().try_head("POST").is_none_or(|head| head.status == 400);
        connection.body().rest();
        let closed = connection.body().is_closed();
        let received: Vec<String> = origin.received().into_iter().map(|request| request.target).collect();
        // Both lengths at once: the one that counts is well defined (RFC 9112, section 6.3).
        let both = attempt.contains("Content-Length") && attempt.contains("Transfer-Encoding: chunked");
        !closed || !(refused && received.is_empty() || both && received == ["/"])
    };
    let through: Vec<&String> = attempts.iter().filter(gets_through).collect();
    assert!(through.is_empty(), "{through:#?}");
}
