//! A compressed page comes out compressed, with what was inserted in it.

use crate::support::{Ending, Gateway, Origin, Request, Rules, inserting};
use flate2::Compression;
use std::io::{Read, Write};

const CODINGS: &[&str] = &["gzip", "deflate", "br", "zstd"];

/// A page too large to pass through any buffer in one piece.
fn html() -> String {
    let rows: Vec<String> =
        (0..5_000).map(|n| format!("<tr><td>{n}</td><td>{}</td></tr>", n * 7919 % 10_007)).collect();
    format!("<!DOCTYPE html><html><head></head><body><table>{}</table></body></html>", rows.concat())
}

fn encode(coding: &str, text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(6));
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::new(6));
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(bytes).unwrap();
            out
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}

fn decode(coding: Option<&str>, body: &[u8]) -> String {
    let mut text = String::new();
    let read = match coding {
        Some("gzip") => flate2::read::MultiGzDecoder::new(body).read_to_string(&mut text),
        Some("deflate") => flate2::read::ZlibDecoder::new(body).read_to_string(&mut text),
        Some("br") => brotli::Decompressor::new(body, 4096).read_to_string(&mut text),
        Some("zstd") => zstd::Decoder::new(body).unwrap().read_to_string(&mut text),
        Some(other) => panic!("an unexpected coding: {other}"),
        None => (&mut &*body).read_to_string(&mut text),
    };
    read.expect("a body in the coding that its head names");
    text
}

fn rules_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    rules
}

#[test]
fn compressed_page_is_rewritten_and_stays_compressed() {
    let html = html();
    let expected = html.replacen("<body>", "<body><div data-gw=\"hello/a\">hello</div>", 1);
    for coding in CODINGS {
        let origin = Origin::page(&format!("Content-Encoding: {coding}\r\n"), encode(coding, &html));
        let gateway = Gateway::serve(rules_for(&origin).path());
        let response = gateway.fetch(&Request::page("/").header("Accept-Encoding", coding));
        assert_eq!(response.ending, Ending::Complete);
        let found = response.header("content-encoding");
        assert_eq!(found, Some(*coding));
        assert!(decode(found, &response.body) == expected, "{coding}");
        // Where the client leaves the choice, the shop's own coding stays unless another is cheaper to write.
        let response = gateway.fetch(&Request::page("/").header("Accept-Encoding", "gzip, deflate, br, zstd"));
        let found = response.header("content-encoding");
        assert_eq!(found, Some(if *coding == "br" { "zstd" } else { coding }));
        assert!(decode(found, &response.body) == expected, "{coding}");
    }
}

#[test]
fn shop_is_only_offered_codings_that_can_be_decoded() {
    let origin = Origin::page("", html());
    let gateway = Gateway::serve(rules_for(&origin).path());
    gateway.fetch(&Request::page("/").header("Accept-Encoding", "dcb, compress, gzip;q=0.8, br, x-odd, zstd;q=0"));
    let offered = origin.last().all("accept-encoding").join(", ");
    for word in offered.split(',').map(|item| item.split(';').next().unwrap().trim()).filter(|word| !word.is_empty()) {
        assert!(CODINGS.contains(&word) || word == "identity", "{offered}");
    }
}

#[test]
fn client_without_codings_gets_none() {
    let origin = Origin::new(|request, wire| {
        let page = crate::support::origin::page("", html());
        assert!(!request.all("accept-encoding").concat().contains("gzip"));
        wire.send(page);
    });
    let gateway = Gateway::serve(rules_for(&origin).path());
    let response = gateway.fetch(&Request::page("/"));
    assert_eq!((response.header("content-encoding"), response.count("hello/a")), (None, 1));
}

#[test]
fn page_of_several_gzip_members_is_rewritten() {
    let html = html();
    let (one, other) = html.split_at(html.len() / 3);
    let origin = Origin::page("Content-Encoding: gzip\r\n", [encode("gzip", one), encode("gzip", other)].concat());
    let gateway = Gateway::serve(rules_for(&origin).path());
    let response = gateway.fetch(&Request::page("/").header("Accept-Encoding", "gzip"));
    let text = decode(response.header("content-encoding"), &response.body);
    assert!(text == html.replacen("<body>", "<body><div data-gw=\"hello/a\">hello</div>", 1));
}
