//! What the shop broke stays broken, and what it did not send is not made up.

use crate::support::h2::H2;
use crate::support::{Ending, Framing, Gateway, Origin, Request, Rules, inserting};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p>";

fn gateway_for(origin: &Origin) -> (Gateway, Rules) {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("page.path != '/plain'", "<div>hello</div>"));
    (Gateway::serve(rules.path()), rules)
}

/// A shop that promises more than it sends.
fn cut_off(framing: &'static str) -> Origin {
    Origin::new(move |_, wire| {
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{framing}\r\n\r\n"));
        if framing.starts_with("Content-Length") {
            wire.send(HTML);
        } else {
            wire.chunk(HTML);
        }
        wire.close();
    })
}

#[test]
fn truncated_page_is_seen_as_truncated() {
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let origin = cut_off(framing);
        let (gateway, _rules) = gateway_for(&origin);
        for path in ["/", "/plain"] {
            let response = gateway.fetch(&Request::page(path));
            assert_eq!((response.status, response.ending), (200, Ending::Cut), "{framing} {path}");
        }
    }
}

#[test]
fn truncated_page_is_seen_as_truncated_over_h2() {
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let origin = cut_off(framing);
        let (gateway, _rules) = gateway_for(&origin);
        for path in ["/", "/plain"] {
            let response = H2::plain(gateway.address()).page(&format!("http://shop.example{path}"));
            assert!(response.body.is_err(), "{framing} {path}: {:?}", response.body);
        }
    }
}

#[test]
fn truncated_compressed_page_is_seen_as_truncated() {
    // The framing is whole; only the coding shows that something is missing.
    let cut_off = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        let whole = encoder.finish().unwrap();
        Origin::page("Content-Encoding: gzip\r\n", &whole[..whole.len() - 12])
    };
    let request = Request::page("/").header("Accept-Encoding", "gzip");

    let rows: String = (0..40_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string() + "\n").collect();
    let origin = cut_off(&[HTML, &rows].concat());
    let (gateway, _rules) = gateway_for(&origin);
    let response = gateway.fetch(&request);
    assert_eq!((response.status, response.ending), (200, Ending::Cut));

    // Nothing has been sent when the end of a small page shows what it is: it may still be told in the status.
    let origin = cut_off(HTML);
    let (gateway, _rules) = gateway_for(&origin);
    let response = gateway.fetch(&request);
    assert!(response.ending == Ending::Cut || response.status == 502, "{:?}", response.head);
}

#[test]
fn head_has_the_headers_of_the_page_that_get_would_bring() {
    let origin = Origin::new(|request, wire| {
        let page = crate::support::origin::page("ETag: \"1\"\r\nCache-Control: public\r\n", HTML);
        let end = page.len() - if request.method == "HEAD" { HTML.len() } else { 0 };
        wire.send(&page[..end]);
    });
    let (gateway, _rules) = gateway_for(&origin);
    let get = gateway.fetch(&Request::page("/"));
    let head = gateway.fetch(&Request::page("/").method("HEAD"));
    assert_eq!((head.framing, head.body.len()), (Framing::None, 0));
    for name in ["content-length", "etag", "cache-control", "content-type"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(head.header("content-length"), None);
}

#[test]
fn unreachable_shop_is_a_bad_gateway() {
    let gone = crate::support::process::free_address();
    let rules = Rules::shop(gone);
    let gateway = Gateway::serve(rules.path());
    let response = gateway.fetch(&Request::page("/"));
    assert_eq!((response.status, response.ending), (502, Ending::Complete));
}
