//! Clients that take their time: each is given some, and no more.
//!
//! The limits are set short, so that no test waits long. None asserts how long anything took: it waits for the end that must come.

use crate::support::frames::{END_HEADERS, Frames, PREFACE, block, get, kind};
use crate::support::{Connection, Gateway, Origin, PATIENCE, Request, Rules, tls};
use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";

/// Nothing may take longer than this, except for waiting for a next request.
const SHORT: &str = "request_head_timeout = '400ms'\nclient_timeout = '400ms'\n";

fn gateway_for(origin: &Origin, limits: &str) -> Gateway {
    let rules = rules_for(origin, limits);
    Gateway::serve(rules.path())
}

fn rules_for(origin: &Origin, limits: &str) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.write("gateway.toml", &format!("[limits]\n{limits}"));
    rules
}

/// Sends one byte after the other, as long as anybody takes them.
fn trickle(connection: &mut Connection, byte: &[u8]) {
    let start = Instant::now();
    while connection.try_send(byte) {
        assert!(start.elapsed() < PATIENCE, "still being listened to");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A shop that sends without end, and tells when nobody takes it any more.
fn endless() -> (Origin, Receiver<()>) {
    let (gone, is_gone) = channel();
    let gone = Mutex::new(gone);
    let origin = Origin::new(move |_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n");
        let piece = vec![b'x'; 64 * 1024];
        while wire.raw().write_all(&piece).is_ok() {}
        let _ = gone.lock().unwrap().send(());
        wire.close();
    });
    (origin, is_gone)
}

#[test]
fn head_that_trickles_in_is_cut_off() {
    let origin = Origin::page("", HTML);
    let certificates = TempDir::new().unwrap();
    let certificate = tls::write_certificate(certificates.path(), "shop.example");
    let rules = rules_for(&origin, SHORT);
    let gateway = Gateway::serve_tls(rules.path(), certificates.path());
    let plain = || Connection::open(gateway.address());
    let over_tls = || tls::open(gateway.tls_address(), "shop.example", &certificate);
    for open in [&plain as &dyn Fn() -> Connection, &over_tls] {
        let mut first = open();
        first.send_bytes(b"GET / HTTP/1.1\r\nHost: shop.example\r\nX: ");
        trickle(&mut first, b"x");

        // The same for what comes after a request that was in time.
        let mut second = open();
        assert_eq!(second.exchange(&Request::page("/")).status, 200);
        second.send_bytes(b"G");
        trickle(&mut second, b"E");
    }
    assert_eq!(origin.received().len(), 2);
}

#[test]
fn client_that_waits_is_told_that_its_head_was_late() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin, SHORT);
    let mut connection = Connection::open(gateway.address());
    connection.send_bytes(b"GET / HTTP/1.1\r\nHost: shop.example\r\n");
    let response = connection.response();
    assert_eq!((response.status, response.header("connection")), (408, Some("close")));
    assert!(connection.body().is_closed());
}

#[test]
fn connection_without_a_request_is_closed() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin, "request_head_timeout = '400ms'\nidle_timeout = '400ms'\n");
    for opening in ["", "P", "PRI * HTTP/2.0\r\n"] {
        let mut connection = Connection::open(gateway.address());
        connection.send_bytes(opening.as_bytes());
        let status = connection.body().try_head("GET").map(|head| head.status);
        assert!(status.is_none_or(|status| status == 408), "{opening:?}: {status:?}");
    }
    let mut kept = Connection::open(gateway.address());
    assert_eq!(kept.exchange(&Request::page("/")).status, 200);
    assert!(kept.body().is_closed());
}

#[test]
fn tls_connection_without_a_hello_is_closed() {
    let origin = Origin::page("", HTML);
    let certificates = TempDir::new().unwrap();
    let certificate = tls::write_certificate(certificates.path(), "shop.example");
    let rules = rules_for(&origin, "request_head_timeout = '400ms'\n");
    let gateway = Gateway::serve_tls(rules.path(), certificates.path());
    // Nothing, half of a record's head, and a record of which nearly all is still to come.
    for opening in [&b""[..], b"\x16\x03", b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut connection = Connection::open(gateway.tls_address());
        connection.send_bytes(opening);
        assert!(connection.body().is_closed(), "{opening:?}");
    }
    let response = tls::open(gateway.tls_address(), "shop.example", &certificate).exchange(&Request::page("/"));
    assert_eq!(response.status, 200);
}

#[test]
fn http_2_connection_without_a_request_is_closed() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin, "request_head_timeout = '400ms'\nidle_timeout = '400ms'\n");

    let mut without_settings = Frames::silent(gateway.address());
    without_settings.raw(PREFACE);
    without_settings.drained();

    let mut idle = Frames::open(gateway.address());
    assert!(idle.verdict(0).ends_connection());
    idle.drained();

    let mut used = Frames::open(gateway.address());
    used.get(1, "/");
    used.drained();

    // A head that never ends is no request either.
    let mut half = Frames::open(gateway.address());
    half.send(kind::HEADERS, 0, 1, &block(&get("/")));
    half.drained();
    assert_eq!(origin.received().len(), 1);
}

#[test]
fn body_that_stops_coming_is_given_up() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin, SHORT);
    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        // To the shop, and to an endpoint of our own.
        for path in ["/buy", "/gw/e"] {
            let mut connection = Connection::open(gateway.address());
            let head = format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\n{framing}\r\n\r\n5\r\nhel");
            connection.send_bytes(head.as_bytes());
            let status = connection.body().try_head("POST").map(|head| head.status);
            assert!(status.is_none_or(|status| (400..500).contains(&status)), "{framing} {path}: {status:?}");
            connection.body().rest();
            assert!(connection.body().is_closed());
        }
    }
    assert!(origin.received().is_empty());
    assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
}

#[test]
fn answer_that_is_not_taken_is_given_up() {
    let (origin, is_gone) = endless();
    let gateway = gateway_for(&origin, SHORT);

    let mut deaf = Connection::open(gateway.address());
    deaf.send_bytes(REQUEST.as_bytes());
    is_gone.recv_timeout(PATIENCE).expect("the shop is let go");

    // The same by HTTP/2's own means: the client opens no window.
    let mut closed = Frames::with_settings(gateway.address(), &[(4, 0)]);
    closed.get(1, "/");
    is_gone.recv_timeout(PATIENCE).expect("the shop is let go");

    // Or by a window of one byte, and nothing read from the socket.
    let mut narrow = Frames::with_settings(gateway.address(), &[(4, 1)]);
    for stream in 0..10 {
        narrow.get(2 * stream + 1, "/");
    }
    for _ in 0..10 {
        is_gone.recv_timeout(PATIENCE).expect("the shop is let go");
    }
}

#[test]
fn upload_over_http_2_that_stops_coming_is_given_up() {
    let origin = Origin::page("", HTML);
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin.address(), "[upstream]\nread_timeout = '400ms'\n");
    rules.write("gateway.toml", &format!("[limits]\n{SHORT}"));
    let gateway = Gateway::serve(rules.path());
    let mut client = Frames::open(gateway.address());
    let mut fields = get("/buy");
    fields[0].1 = "POST";
    client.send(kind::HEADERS, END_HEADERS, 1, &block(&fields));
    client.send(kind::DATA, 0, 1, b"hel");
    assert!(client.verdict(1).refuses());
    assert!(origin.received().is_empty());
}
