//! WebSockets through the gateway (RFC 6455): byte for byte in both directions, and no tunnel for what is none.

use crate::support::faults::listen;
use crate::support::{Connection, Framing, Gateway, Origin, PATIENCE, Request, Rules, inserting};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
                      Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Compressed, by permessage-deflate (RFC 7692).
const RSV1: u8 = 0x40;

/// A masked frame, as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let length = match payload.len() {
        short @ 0..=125 => vec![0x80 | u8::try_from(short).unwrap()],
        medium @ 126..=0xffff => [&[0xfe][..], &u16::try_from(medium).unwrap().to_be_bytes()].concat(),
        long => [&[0xff][..], &(long as u64).to_be_bytes()].concat(),
    };
    let masked: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    [&[first][..], &length, &mask, &masked].concat()
}

/// A shop that gives every byte back, and tells when the client has gone.
fn echo() -> (Origin, Receiver<()>) {
    let (gone, is_gone) = channel();
    let gone = Mutex::new(gone);
    let origin = Origin::new(move |request, wire| {
        if request.header("upgrade") != Some("websocket") {
            return wire.send(crate::support::origin::page("", "<html><body>page"));
        }
        wire.send(ACCEPT);
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = wire.raw().read(&mut bytes) {
            if wire.raw().write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = gone.lock().unwrap().send(());
        wire.close();
    });
    (origin, is_gone)
}

fn gateway_for(origin: &Origin) -> Gateway {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    Gateway::serve(rules.path())
}

fn handshake() -> Request {
    Request::new("GET", "/socket")
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Protocol", "chat")
        .header("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
        .header("Origin", "https://shop.example")
}

/// A tunnel that has carried its first byte, there and back.
fn open(gateway: &Gateway) -> Connection {
    let mut connection = Connection::open(gateway.address());
    connection.send(&handshake());
    let head = connection.head();
    assert_eq!((head.status, head.framing), (101, Framing::None));
    assert!(connection.try_send(b"!") && !connection.body().is_closed(), "the tunnel was lost");
    assert_eq!(connection.body().raw(1), b"!");
    connection
}

#[test]
fn tunnel_of_a_shop_that_agrees_at_once_stays_open() {
    // Before it has even read the request: so pingora finds the answer there when it first looks.
    let origin = listen(|stream| {
        let _ = stream.write_all(ACCEPT.as_bytes());
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while !seen.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
            seen.push(byte[0]);
        }
        while matches!(stream.read(&mut byte), Ok(1)) && stream.write_all(&byte).is_ok() {}
    });
    let gateway = Gateway::serve(Rules::shop(origin).path());
    for _ in 0..100 {
        open(&gateway);
    }
}

#[test]
fn shop_that_refuses_a_tunnel_serves_the_next_request_of_its_client() {
    let origin = Origin::new(|request, wire| match request.header("upgrade") {
        Some(_) if request.target == "/socket" => {
            wire.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        }
        _ => wire.send(crate::support::origin::page("", "<html><body>page")),
    });
    let gateway = Gateway::serve(Rules::shop(origin.address()).path());
    for _ in 0..20 {
        let refused = gateway.fetch(&handshake());
        assert_eq!((refused.status, refused.text().as_str()), (403, "no"));
        assert_eq!(gateway.fetch(&Request::page("/")).text(), "<html><body>page");
    }
}

#[test]
fn handshake_and_its_extensions_pass_both_ways() {
    let (origin, _is_gone) = echo();
    let gateway = gateway_for(&origin);
    let mut connection = Connection::open(gateway.address());
    connection.send(&handshake());
    let head = connection.head();
    for (name, value) in [
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("sec-websocket-protocol", "chat"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("upgrade", "websocket"),
    ] {
        assert_eq!(head.header(name), Some(value));
    }
    assert!(head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
    let request = origin.last();
    for (name, value) in [
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
        ("origin", "https://shop.example"),
    ] {
        assert_eq!(request.header(name), Some(value));
    }
    assert!(request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
}

#[test]
fn every_kind_of_frame_passes_byte_for_byte() {
    let (origin, _is_gone) = echo();
    let gateway = gateway_for(&origin);
    let large: Vec<u8> = (0..1_500_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let messages: Vec<(&str, Vec<u8>)> = vec![
        ("text", frame(FIN | TEXT, "<html><body>こんにちは".as_bytes())),
        ("empty", frame(FIN | TEXT, b"")),
        ("length of 125, 126 and 127", [125, 126, 127].map(|n| frame(FIN | BINARY, &large[..n])).concat()),
        ("length of 65,535 and 65,536", [65_535, 65_536].map(|n| frame(FIN | BINARY, &large[..n])).concat()),
        ("fragments", [frame(TEXT, b"<ht"), frame(0, b"ml>"), frame(FIN, b"!")].concat()),
        ("a ping between fragments", [frame(TEXT, b"a"), frame(FIN | PING, b"p"), frame(FIN, b"b")].concat()),
        ("ping and pong", [frame(FIN | PING, &large[..125]), frame(FIN | PONG, b"")].concat()),
        ("compressed", frame(FIN | RSV1 | TEXT, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])),
        ("what is no UTF-8", frame(FIN | TEXT, &[0xce, 0xba, 0xe1, 0xbd, 0xff])),
        ("reserved bits and codes", frame(FIN | 0x30 | 0x0b, b"x")),
        ("what looks like HTTP", b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n0\r\n\r\n".to_vec()),
        ("1.5 MB", frame(FIN | BINARY, &large)),
    ];
    let mut connection = open(&gateway);
    for (name, bytes) in &messages {
        // Not more at once than the shop gives back before the next piece: neither side may wait for the other.
        for piece in bytes.chunks(60_000) {
            connection.send_bytes(piece);
            assert!(connection.body().raw(piece.len()) == piece, "{name}");
        }
    }
    for (_, bytes) in &messages[..11] {
        for byte in bytes.iter().take(40) {
            connection.send_bytes(&[*byte]);
            assert_eq!(connection.body().raw(1), [*byte]);
        }
    }
    assert!(origin.received().iter().all(|request| request.target == "/socket"));
}

#[test]
fn end_of_either_side_reaches_the_other() {
    let (origin, is_gone) = echo();
    let gateway = gateway_for(&origin);
    for code in [1000_u16, 1001, 1002, 1011, 3000, 4999] {
        let mut connection = open(&gateway);
        let close = frame(FIN | CLOSE, &[&code.to_be_bytes()[..], b"bye"].concat());
        connection.send_bytes(&close);
        assert_eq!(connection.body().raw(close.len()), close);
        while is_gone.try_recv().is_ok() {}
        drop(connection);
        is_gone.recv_timeout(PATIENCE).expect("the shop hears that the client has gone");
    }

    let origin = Origin::new(|_, wire| {
        wire.send(ACCEPT);
        let mut first = [0];
        if wire.raw().read_exact(&mut first).is_ok() {
            wire.send(first);
        }
        wire.send([0x88, 2, 3, 0xe8]);
        let _ = wire.raw().shutdown(Shutdown::Both);
        wire.close();
    });
    let gateway = gateway_for(&origin);
    let mut connection = open(&gateway);
    assert_eq!(connection.body().raw(4), [0x88, 2, 3, 0xe8]);
    assert!(connection.body().is_closed());
}

#[test]
fn refused_upgrade_opens_no_tunnel() {
    // A tunnel that only one side believes in would carry requests past the gateway.
    let (origin, _is_gone) = echo();
    let refusing = Origin::new(|request, wire| {
        let status = if request.header("upgrade").is_some() { "426 Upgrade Required" } else { "200 OK" };
        wire.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
    });
    let gateway = gateway_for(&refusing);
    let mut connection = Connection::open(gateway.address());
    connection.send(&handshake());
    assert_eq!(connection.response().status, 426);
    connection.try_send(b"GET /next HTTP/1.1\r\nHost: other.example\r\n\r\n");
    let status = connection.body().try_head("GET").map(|head| head.status);
    assert!(matches!(status, None | Some(421)), "{status:?}");
    assert_eq!(refusing.received().len(), 1);

    // Other protocols are not switched to: HTTP/2 in the clear would be a tunnel past all that is decided here.
    let gateway = gateway_for(&origin);
    let mut connection = Connection::open(gateway.address());
    let h2c = Request::page("/")
        .header("Connection", "Upgrade, HTTP2-Settings")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA");
    assert_eq!(connection.exchange(&h2c).status, 200);
    let request = origin.last();
    for name in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(request.header(name), None, "{name}");
    }
}
