//! No page is held back: what the shop has sent reaches the visitor while the shop is still working.

use crate::support::wire::Step;
use crate::support::{Connection, Ending, Gate, Gateway, Origin, Request, Rules, inserting};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::{Read, Write};

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

/// Codings of the shop's answer.
const CODINGS: &[&str] = &["identity", "gzip", "deflate", "br", "zstd"];

/// A word that each piece of a page ends with.
const WORDS: &[&str] = &["first", "row", "third", "fourth", "fifth"];

/// A page in pieces; the scenarios insert behind the first `<body>` and in the last paragraph.
const PIECES: &[&str] = &[
    "<!DOCTYPE html><html><head></head><body><p>first</p>",
    "<p>second</p><table><tr><td>a row</td></tr></table>",
    "<p>third, \u{3042}</p>",
    "<p>fourth</p>",
    "<p id=\"last\">fifth</p></body></html>",
];

/// Encodes pieces so that each can be decoded when it has arrived.
fn encode(coding: &str, pieces: &[&str]) -> Vec<Vec<u8>> {
    /// What was written since the last time.
    fn pieces_of<W: Write>(mut encoder: W, pieces: &[&str], taken: impl Fn(&mut W) -> Vec<u8>) -> (W, Vec<Vec<u8>>) {
        let mut coded = Vec::new();
        for piece in pieces {
            encoder.write_all(piece.as_bytes()).unwrap();
            encoder.flush().unwrap();
            coded.push(taken(&mut encoder));
        }
        (encoder, coded)
    }
    let level = Compression::new(6);
    let (end, mut coded) = match coding {
        "gzip" => {
            let (encoder, coded) =
                pieces_of(GzEncoder::new(Vec::new(), level), pieces, |encoder| std::mem::take(encoder.get_mut()));
            (encoder.finish().unwrap(), coded)
        }
        "deflate" => {
            let (encoder, coded) =
                pieces_of(ZlibEncoder::new(Vec::new(), level), pieces, |encoder| std::mem::take(encoder.get_mut()));
            (encoder.finish().unwrap(), coded)
        }
        "br" => {
            let encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
            let (encoder, coded) = pieces_of(encoder, pieces, |encoder| std::mem::take(encoder.get_mut()));
            (encoder.into_inner(), coded)
        }
        "zstd" => {
            let encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            let (encoder, coded) = pieces_of(encoder, pieces, |encoder| std::mem::take(encoder.get_mut()));
            (encoder.finish().unwrap(), coded)
        }
        _ => (Vec::new(), pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect()),
    };
    coded.last_mut().unwrap().extend(end);
    coded
}

/// As much as can be decoded of the beginning of a body.
fn decoded(coding: &str, coded: &[u8]) -> String {
    let mut out = Vec::new();
    // An error is the end of what has arrived.
    match coding {
        "gzip" => drop(flate2::read::GzDecoder::new(coded).read_to_end(&mut out)),
        "deflate" => drop(flate2::read::ZlibDecoder::new(coded).read_to_end(&mut out)),
        "br" => drop(brotli::Decompressor::new(coded, 4096).read_to_end(&mut out)),
        "zstd" => drop(zstd::Decoder::new(coded).unwrap().read_to_end(&mut out)),
        _ => out.extend_from_slice(coded),
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn each_piece_arrives_before_the_next_is_sent_in_every_coding() {
    let (gate, open) = Gate::new();
    let origin = Origin::new(move |request, wire| {
        let coding = request.header("x-coding").unwrap();
        let label = if coding == "identity" { String::new() } else { format!("Content-Encoding: {coding}\r\n") };
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{label}Transfer-Encoding: chunked\r\n\r\n"));
        for piece in encode(coding, PIECES) {
            gate.pass();
            wire.chunk(piece);
        }
        wire.chunk("");
    });
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("page.path != '/plain'", "<div>hello</div>"));
    // Behind the last piece's beginning, so that the parser works to the end.
    let late = inserting("page.path != '/plain'", "<b>late</b>").replace("at = 'body'", "at = '#last'");
    rules.scenario("late", &late);
    let gateway = Gateway::serve(rules.path());
    // The shop's own coding, and another that the client takes instead.
    let pairs = CODINGS.iter().map(|coding| (*coding, *coding));
    let others = [("br", "gzip"), ("gzip", "zstd"), ("zstd", "identity"), ("deflate", "br")];
    for (coding, accepted) in pairs.chain(others) {
        for path in ["/", "/plain"] {
            let place = format!("{coding} for a client that takes {accepted}, {path}");
            let mut connection = Connection::open(gateway.address());
            connection.send(&Request::page(path).header("Accept-Encoding", accepted).header("X-Coding", coding));
            // The head comes with the first piece at the latest.
            open.send(()).unwrap();
            let head = connection.head();
            let out = head.header("content-encoding").unwrap_or("identity").to_owned();
            let mut coded = Vec::new();
            for (number, word) in WORDS.iter().enumerate() {
                if number > 0 {
                    open.send(()).unwrap();
                }
                while !decoded(&out, &coded).contains(word) {
                    match connection.body().step() {
                        Step::Data(data) => coded.extend(data),
                        Step::End(ending) => panic!("{place}: {ending:?} before {word:?} was there"),
                    }
                }
            }
            let (rest, ending) = connection.body().rest();
            coded.extend(rest);
            let mut expected = PIECES.concat();
            if path == "/" {
                expected = expected.replace("<body>", "<body><div data-gw=\"hello/a\">hello</div>");
                expected = expected.replace("<p id=\"last\">", "<p id=\"last\"><b data-gw=\"late/a\">late</b>");
            }
            assert_eq!((decoded(&out, &coded), ending), (expected, Ending::Complete), "{place}");
        }
    }
}
