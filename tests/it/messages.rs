//! What stands around a page on the wire: heads that come early, bodies that go up, answers that come before the request has ended,
//! clients of long ago.

use crate::support::faults::{frame, hold, listen};
use crate::support::h2::H2;
use crate::support::{Connection, Ending, Framing, Gateway, Origin, Request, Rules, eventually, inserting};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

fn gateway_for(origin: SocketAddr) -> Gateway {
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin, "[upstream]\nwrite_timeout = '1s'\n");
    rules.scenario("hello", &inserting("page.path != '/plain'", "<div>hello</div>"));
    Gateway::serve(rules.path())
}

fn page() -> Vec<u8> {
    crate::support::origin::page("", HTML)
}

#[test]
fn early_hints_pass_and_the_page_after_them_is_rewritten_once() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let origin = Origin::fixed([hints.as_bytes(), hints.as_bytes(), &page()].concat());
    let gateway = gateway_for(origin.address());
    let mut connection = Connection::open(gateway.address());
    for _ in 0..3 {
        connection.send(&Request::page("/"));
        for _ in 0..2 {
            let early = connection.head();
            assert_eq!((early.status, early.framing), (103, Framing::None));
            assert_eq!(early.header("link"), Some("</a.css>; rel=preload"));
            // It is the same for all visitors: nothing of ours is in it.
            assert!(early.all("set-cookie").is_empty() && early.header("cache-control").is_none(), "{early:?}");
        }
        let response = connection.response();
        assert_eq!((response.status, response.count("hello/a"), response.ending), (200, 1, Ending::Complete));
    }
    // RFC 9113 allows them, pingora leaves them out: the page is right either way.
    let response = H2::plain(gateway.address()).page("http://shop.example/");
    assert_eq!((response.status.as_u16(), response.body.unwrap().len()), (200, HTML.len() + 34));
}

/// Reads until all has come that `end` waits for.
fn read_until(stream: &mut TcpStream, end: impl Fn(&str) -> bool) -> Option<String> {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while !end(&text) {
        let read = stream.read(&mut bytes).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    Some(text)
}

#[test]
fn body_waits_for_the_shops_100_continue() {
    let origin = listen(|stream| {
        while let Some(head) = read_until(stream, |text| text.ends_with("\r\n\r\n")) {
            assert!(head.to_ascii_lowercase().contains("expect: 100-continue"), "{head}");
            if head.starts_with("POST /refused") {
                let _ = stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
                return hold(stream);
            }
            let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
            read_until(stream, |text| text == "hello").expect("the body");
            let _ = stream.write_all(&page());
        }
    });
    let gateway = gateway_for(origin);
    let head = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    };
    for _ in 0..2 {
        let mut connection = Connection::open(gateway.address());
        connection.send_bytes(head("/plain").as_bytes());
        assert_eq!(connection.head().status, 100);
        connection.send_bytes(b"hello");
        let response = connection.response();
        assert_eq!((response.status, response.text().as_str()), (200, HTML));
        // pingora gives the connection up when it sends 100 while the body is still to come; it says so.
        assert_eq!(response.header("connection"), Some("close"));
    }
    // Who is told no before the body need not send it; what else comes on that connection cannot be told from a body.
    let mut connection = Connection::open(gateway.address());
    connection.send_bytes(head("/refused").as_bytes());
    let refused = connection.response();
    assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    assert!(connection.body().is_closed());
}

#[test]
fn upload_without_a_length_over_h2_ends_once() {
    let heard = Arc::new(Mutex::new(String::new()));
    let log = heard.clone();
    let origin = listen(move |stream| {
        loop {
            // Answers at each end of a request; all that was heard is kept.
            let Some(text) = read_until(stream, |text| {
                text.ends_with("0\r\n\r\n") || text.starts_with("GET") && text.ends_with("\r\n\r\n")
            }) else {
                return;
            };
            log.lock().unwrap().push_str(&text);
            let _ = stream.write_all(&page());
        }
    });
    let gateway = gateway_for(origin);
    let mut client = crate::support::client::connect(gateway.address());
    let field = |name: u8, value: &str| [&[0x40 | name, value.len() as u8], value.as_bytes()].concat();
    let post = [&[0x83, 0x86][..], &field(1, "shop.example"), &field(4, "/buy")].concat();
    let get = [&[0x82, 0x86][..], &field(1, "shop.example"), &field(4, "/next")].concat();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    bytes.extend(frame(1, 4, 1, &post));
    bytes.extend(frame(0, 0, 1, b"abc"));
    bytes.extend(frame(0, 1, 1, b""));
    client.write_all(&bytes).unwrap();
    eventually("the upload has ended", || heard.lock().unwrap().ends_with("0\r\n\r\n").then_some(()));
    client.write_all(&frame(1, 5, 3, &get)).unwrap();
    eventually("the next request has come", || heard.lock().unwrap().contains("GET /next").then_some(()));
    let heard = heard.lock().unwrap();
    let body = &heard[heard.find("\r\n\r\n").unwrap() + 4..heard.find("GET /next").unwrap()];
    assert_eq!(body, "3\r\nabc\r\n0\r\n\r\n", "one last chunk, and nothing after it");
}

/// A shop that refuses large uploads at once; it hears requests as lines.
fn hasty_shop(then: fn(&mut TcpStream)) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = heard.clone();
    let shop = listen(move |stream| {
        let mut bytes = [0; 1024];
        loop {
            // The body of what is refused is not read: only as far as its head must it be looked at.
            let Ok(read @ 1..) = stream.read(&mut bytes) else { return };
            let line = String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned();
            log.lock().unwrap().push(line.clone());
            if line.starts_with("POST") {
                let _ = stream.write_all(
                    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\nno\n",
                );
                return then(stream);
            }
            let _ = stream.write_all(&page());
        }
    });
    (shop, heard)
}

#[test]
fn answer_before_the_end_of_a_large_upload_leaves_nothing_behind() {
    const SIZE: usize = 100_000_000;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    let block = smuggled.repeat(2_000);
    let close: fn(&mut TcpStream) = |_| {};
    let ignore: fn(&mut TcpStream) = |_| std::thread::park();
    for (name, then) in [("closes", close), ("reads no more", ignore)] {
        eprintln!("the shop answers and {name}");
        let (shop, heard) = hasty_shop(then);
        let gateway = gateway_for(shop);
        let client = crate::support::client::connect(gateway.address());
        let mut uploading = client.try_clone().unwrap();
        let start = format!("POST /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {SIZE}\r\n\r\n");
        let upload = std::thread::spawn({
            let block = block.clone();
            move || {
                let mut sent = 0;
                let mut write = |bytes: &[u8]| uploading.write_all(bytes).is_ok();
                let _ = write(start.as_bytes());
                while sent < SIZE && write(&block.as_bytes()[..block.len().min(SIZE - sent)]) {
                    sent += block.len();
                }
            }
        });
        let mut connection = Connection::over(client);
        let response = connection.body().try_head("POST").map(|head| head.status);
        // A connection that is reset while the client still writes may take the answer with it, as with any server.
        assert!(matches!(response, Some(413 | 502) | None), "{response:?}");
        connection.body().rest();
        upload.join().unwrap();
        eprintln!("the upload has ended");
        // The connection is closed, or the upload was read to its end: what follows it is a request, and nothing else is.
        let request = Request::page("/next/same");
        if connection.body().stream().write_all(&request.bytes()).is_ok()
            && let Some(head) = connection.body().try_head("GET")
        {
            let (body, _) = connection.body().rest();
            assert_eq!((head.status, body.len()), (200, HTML.len() + 34), "{head:?}");
        }
        for n in 0..5 {
            let next = gateway.fetch(&Request::page(&format!("/next/{n}")));
            assert_eq!((next.status, next.count("hello/a"), next.ending), (200, 1, Ending::Complete));
        }
        let heard = heard.lock().unwrap();
        assert!(!heard.iter().any(|line| line.contains("smuggled") && line.starts_with("GET")), "{heard:?}");
        let next = heard.iter().filter(|line| line.starts_with("GET /next") && !line.contains("same"));
        assert_eq!(next.count(), 5, "{heard:?}");
    }
}

#[test]
fn answer_before_the_end_of_a_large_upload_over_h2_costs_that_stream_alone() {
    let close: fn(&mut TcpStream) = |_| {};
    let ignore: fn(&mut TcpStream) = |_| std::thread::park();
    for then in [close, ignore] {
        let (shop, heard) = hasty_shop(then);
        let gateway = gateway_for(shop);
        let mut connection = H2::plain(gateway.address());
        for _ in 0..3 {
            let refused = connection.post("http://shop.example/upload", &vec![b'x'; 4_000_000]);
            assert!(matches!(refused.status.as_u16(), 413 | 502), "{}", refused.status);
            let next = connection.page("http://shop.example/");
            assert_eq!((next.status.as_u16(), next.body.unwrap().len()), (200, HTML.len() + 34));
        }
        let heard = heard.lock().unwrap();
        assert!(heard.iter().all(|line| line.starts_with("POST /upload") || line.starts_with("GET / ")), "{heard:?}");
    }
}

#[test]
fn http_1_0_client_gets_a_chunked_page_without_chunk_sizes() {
    let origin = Origin::new(|_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk(&HTML[..20]);
        wire.chunk(&HTML[20..]);
        wire.chunk("");
    });
    let gateway = gateway_for(origin.address());
    for request in [Request::page("/").http10(), Request::page("/").http10().header("Connection", "keep-alive")] {
        let mut connection = Connection::open(gateway.address());
        let response = connection.exchange(&request);
        assert_eq!((response.framing, response.header("transfer-encoding")), (Framing::Close, None));
        assert_eq!((response.text().as_str(), response.count("hello/a")), (HTML, 0));
        assert!(connection.body().is_closed());
    }
}

#[test]
fn headers_of_the_shops_connection_stay_on_it() {
    let origin = Origin::page(
        "Connection: X-S, close\r\nX-S: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
         Proxy-Authentication-Info: x\r\nTrailer: X-Sum\r\nUpgrade: h2c\r\nX-End: 1\r\n",
        HTML,
    );
    let gateway = gateway_for(origin.address());
    for path in ["/", "/plain"] {
        let response = gateway.fetch(&Request::page(path));
        for name in ["x-s", "keep-alive", "proxy-connection", "proxy-authentication-info", "trailer", "upgrade"] {
            assert_eq!(response.header(name), None, "{path}: {name}");
        }
        assert_eq!((response.header("x-end"), response.header("connection")), (Some("1"), Some("keep-alive")));
        let response = H2::plain(gateway.address()).page(&format!("http://shop.example{path}"));
        for name in ["x-s", "connection", "keep-alive", "proxy-connection", "trailer", "upgrade", "transfer-encoding"] {
            assert!(!response.headers.contains_key(name), "HTTP/2, {path}: {name}");
        }
    }
}
