//! What visitors send and what the shop's own JSON says is read as it passes: unchanged, at once, and told once.

use crate::support::{Connection, Gateway, Origin, Request, Rules, Visitor, eventually};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
const TAPS: &str = "
[[forms]]
event = 'add_to_cart'
path = '/cart/add'
id = 'product'
quantity = 'qty'

[[forms]]
event = 'login'
path = '/login'

[[forms]]
event = 'search'
path = '/search'
term = 'q'

[[api]]
path = '/api/products'
[api.listed]
at = '/items'
id = '/id'
name = '/name'
";
/// Of the body that comes piece by piece.
const LENGTH: usize = 25;
const FORM: &str = "application/x-www-form-urlencoded";

/// Answers as the path says; JSON is gzipped.
fn shop() -> Origin {
    Origin::new(|request, wire| {
        let path = request.target.split('?').next().unwrap();
        match path {
            "/cart/add" => wire.send("HTTP/1.1 303 See Other\r\nLocation: /cart\r\nContent-Length: 0\r\n\r\n"),
            "/login" if request.body.ends_with(b"right") => {
                wire.send("HTTP/1.1 302 Found\r\nLocation: /mypage\r\nContent-Length: 0\r\n\r\n");
            }
            "/api/products" => {
                let body = products(if request.target.ends_with('?') { 31 } else { 1 });
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked";
                wire.send(format!("{head}\r\n\r\n"));
                for piece in body.chunks(7) {
                    wire.chunk(piece);
                }
                wire.chunk("");
            }
            _ => wire.send(crate::support::origin::page("", HTML)),
        }
    })
}

/// Thirty products, of which the first has that number.
fn products(first: u32) -> Vec<u8> {
    let items: Vec<String> = (first..first + 30).map(|id| format!(r#"{{"id":{id},"name":"湯呑み {id}"}}"#)).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(format!(r#"{{"items":[{}]}}"#, items.join(",")).as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn gateway_for(address: std::net::SocketAddr) -> Gateway {
    let rules = Rules::new();
    rules.site("shop", "shop.example", address, TAPS);
    Gateway::serve(rules.path())
}

/// Sends a form, as a script does if there is no `visitor`'s navigation in it.
fn post(gateway: &Gateway, path: &str, cookie: &str, more: &[(&str, &str)], body: &str) -> crate::support::Response {
    let mut request =
        Request::new("POST", path).header("Content-Type", FORM).header("Content-Length", &body.len().to_string());
    if !more.iter().any(|(name, _)| *name == "User-Agent") {
        request = request.header("User-Agent", "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36");
    }
    if !cookie.is_empty() {
        request = request.header("Cookie", cookie);
    }
    for (name, value) in more {
        request = request.header(name, value);
    }
    let mut connection = Connection::open(gateway.address());
    connection.send_bytes(&[&request.bytes(), body.as_bytes()].concat());
    connection.response()
}

/// What was recorded besides page views: kinds and parameters.
fn told(gateway: &Gateway) -> Vec<(String, Option<String>)> {
    let waiting = || gateway.metric("noren_requests_in_flight", "") + gateway.metric("noren_recorder_queue_length", "");
    eventually("what happened is on the disk", || (waiting() == 0.0).then_some(()));
    let database = rusqlite::Connection::open(gateway.data().join("noren.db")).unwrap();
    let mut select =
        database.prepare("SELECT kind, parameters FROM events WHERE kind <> 'page_view' ORDER BY at, rowid").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn visitors_doings_are_told_and_nobody_elses() {
    let origin = shop();
    let gateway = gateway_for(origin.address());
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/");
    let cookie = visitor.cookie_header();
    let script = [("Sec-Fetch-Dest", "empty"), ("X-Requested-With", "XMLHttpRequest"), ("Accept", "*/*")];
    let navigation = [("Sec-Fetch-Dest", "document"), ("Accept", "text/html")];
    let body = "product=M-1&qty=2&password=hunter2";

    for (more, cookie) in [(&script[..], cookie.as_str()), (&navigation, &cookie)] {
        assert_eq!(post(&gateway, "/cart/add", cookie, more, body).status, 303);
        assert_eq!(origin.last().body, body.as_bytes());
    }
    // A stranger is not made a visitor by what they send, and robots and other pages are nobody's doings.
    let answers = [
        post(&gateway, "/cart/add", "", &navigation, body),
        post(&gateway, "/cart/add", "", &script, body),
        post(&gateway, "/cart/add", &cookie, &[("User-Agent", "Googlebot/2.1")], body),
        post(&gateway, "/cart/other", &cookie, &script, body),
        post(&gateway, "/login", &cookie, &navigation, "user=a&pw=wrong"),
        post(&gateway, "/login", &cookie, &navigation, "user=a&pw=right"),
    ];
    assert!(answers.iter().all(|answer| answer.header("set-cookie").is_none()));
    // What was heard apart from a page takes its time when it is taken in.
    assert_eq!(told(&gateway).len(), 3);
    visitor.visit(gateway.address(), "/search?q=%E6%B9%AF%E5%91%91%E3%81%BF");

    let told = told(&gateway);
    let line = r#"{"items":[{"item_id":"M-1","quantity":2}]}"#;
    let wanted = [
        ("add_to_cart", Some(line)),
        ("add_to_cart", Some(line)),
        ("login", None),
        ("search", Some(r#"{"search_term":"湯呑み"}"#)),
    ];
    let told: Vec<_> = told.iter().map(|(kind, parameters)| (kind.as_str(), parameters.as_deref())).collect();
    assert_eq!(told, wanted);
    let bytes = std::fs::read(gateway.data().join("noren.db")).unwrap();
    let log = std::fs::read(gateway.data().join("noren.db-wal")).unwrap();
    assert!(![bytes, log].iter().any(|file| file.windows(7).any(|part| part == b"hunter2")), "a password was kept");
}

#[test]
fn body_that_is_read_along_is_not_held_back() {
    let (arrived, pieces) = channel();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrived = arrived.clone();
            std::thread::spawn(move || read_slowly(stream, &arrived));
        }
    });
    let gateway = gateway_for(address);
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/");
    let request = Request::new("POST", "/cart/add")
        .header("Cookie", &visitor.cookie_header())
        .header("Content-Type", FORM)
        .header("Content-Length", &LENGTH.to_string());
    let mut connection = Connection::open(gateway.address());
    connection.send_bytes(&request.bytes());
    for piece in ["product=", "M-1&q", "ty=3&note", "=x"] {
        connection.send_bytes(piece.as_bytes());
        let mut got = String::new();
        while got != piece {
            got.push_str(&pieces.recv().unwrap());
        }
    }
    connection.send_bytes(b"y");
    assert_eq!(connection.response().status, 200);
    assert_eq!(told(&gateway).len(), 1);
}

/// Serves a page, or says what comes of a body as it comes.
fn read_slowly(mut stream: TcpStream, arrived: &Sender<String>) {
    let mut head = Vec::new();
    let mut byte = [0];
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let mut left = if head.starts_with(b"POST") { LENGTH } else { 0 };
        head.clear();
        let mut buffer = [0; 64];
        while left > 0 {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0 && read <= left);
            left -= read;
            let _ = arrived.send(String::from_utf8_lossy(&buffer[..read]).into_owned());
        }
        stream.write_all(&crate::support::origin::page("", HTML)).unwrap();
    }
}

#[test]
fn products_of_a_json_answer_are_remembered_over_a_restart_and_its_bytes_are_the_shops() {
    let origin = shop();
    let mut gateway = gateway_for(origin.address());
    let answer = gateway.fetch(&Request::new("GET", "/api/products").header("Accept-Encoding", "gzip"));
    assert_eq!((answer.header("content-encoding"), &answer.body), (Some("gzip"), &products(1)));
    let known = |gateway: &Gateway, many| {
        eventually("products are known", || (gateway.count("noren_catalogue_products", "") == many).then_some(()));
    };
    known(&gateway, 30);
    gateway.terminate();
    assert!(gateway.await_end().success());
    gateway.start_again();
    assert_eq!(gateway.count("noren_catalogue_products", ""), 0);
    // What was kept comes back once something is asked or learnt of the site.
    gateway.fetch(&Request::new("GET", "/api/products?"));
    known(&gateway, 60);
}
