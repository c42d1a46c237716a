//! No page is held back: what the shop has sent reaches the visitor while the shop is still working.

use crate::support::{Connection, Ending, Gate, Gateway, Origin, Request, Rules, inserting};
use flate2::write::GzEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use std::io::Write;

const FIRST: &str = "<!DOCTYPE html><html><head></head><body><p>first</p>";
const SECOND: &str = "<p>second</p></body></html>";

/// Sends the first part, waits for the gate, sends the second.
fn stepwise(headers: &'static str, first: Vec<u8>, second: Vec<u8>, gate: Gate) -> Origin {
    Origin::new(move |_, wire| {
        wire.send(format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"));
        wire.chunk(&first);
        gate.pass();
        wire.chunk(&second);
        wire.chunk("");
    })
}

fn gateway_for(origin: &Origin, when: &str) -> Gateway {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting(when, "<div>hello</div>"));
    Gateway::serve(rules.path())
}

fn assert_streams(headers: &'static str, when: &str) {
    let (gate, open) = Gate::new();
    let origin = stepwise(headers, FIRST.into(), SECOND.into(), gate);
    let gateway = gateway_for(&origin, when);
    let mut connection = Connection::open(gateway.address());
    connection.send(&Request::page("/"));
    connection.head();
    let first = connection.body().body_until("<p>first</p>");
    assert_eq!(String::from_utf8(first).unwrap().contains("hello/a"), when == "true");
    drop(open);
    let (rest, ending) = connection.body().rest();
    assert_eq!((rest.ends_with(b"</html>"), ending), (true, Ending::Complete));
}

#[test]
fn first_part_of_a_rewritten_page_arrives_before_the_second_is_sent() {
    assert_streams("Content-Type: text/html\r\n", "true");
}

#[test]
fn first_part_of_an_untouched_page_arrives_before_the_second_is_sent() {
    assert_streams("Content-Type: text/html\r\n", "page.path == '/elsewhere'");
}

#[test]
fn events_arrive_one_by_one() {
    let (gate, open) = Gate::new();
    let origin = stepwise("Content-Type: text/event-stream\r\n", b"data: 1\n\n".into(), b"data: 2\n\n".into(), gate);
    let gateway = gateway_for(&origin, "true");
    let mut connection = Connection::open(gateway.address());
    connection.send(&Request::new("GET", "/events").header("Accept", "text/event-stream"));
    connection.head();
    assert_eq!(connection.body().body_until("1"), b"data: 1\n\n");
    drop(open);
    assert_eq!(connection.body().rest(), (b"data: 2\n\n".to_vec(), Ending::Complete));
}

#[test]
fn first_part_of_a_compressed_page_can_be_decoded_before_the_second_is_sent() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(FIRST.as_bytes()).unwrap();
    encoder.flush().unwrap();
    let first = std::mem::take(encoder.get_mut());
    encoder.write_all(SECOND.as_bytes()).unwrap();
    let second = encoder.finish().unwrap();
    let (gate, open) = Gate::new();
    let origin = stepwise("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", first, second, gate);
    let gateway = gateway_for(&origin, "true");
    let mut connection = Connection::open(gateway.address());
    connection.send(&Request::page("/").header("Accept-Encoding", "gzip"));
    assert_eq!(connection.head().header("content-encoding"), Some("gzip"));

    let mut coded = Vec::new();
    while !inflated(&coded).contains("<p>first</p>") {
        match connection.body().step() {
            crate::support::wire::Step::Data(data) => coded.extend(data),
            crate::support::wire::Step::End(ending) => panic!("{ending:?} before the first part was there"),
        }
    }
    drop(open);
    let (rest, ending) = connection.body().rest();
    coded.extend(rest);
    let expected = format!("{FIRST}{SECOND}").replace("<body>", "<body><div data-gw=\"hello/a\">hello</div>");
    assert_eq!((inflated(&coded), ending), (expected, Ending::Complete));
}

/// As much as can be decoded of the beginning of a gzip stream.
fn inflated(coded: &[u8]) -> String {
    let mut out = Vec::with_capacity(64 * 1024);
    Decompress::new_gzip(15).decompress_vec(coded, &mut out, FlushDecompress::Sync).ok();
    String::from_utf8(out).unwrap()
}
