//! What must not change does not change: not a byte, not a header.

use crate::support::origin::page;
use crate::support::{Ending, Framing, Gateway, Origin, Request, Response, Rules, Visitor, inserting};
use std::io::Write;

const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Shop</title></head><body><p>Caf\u{e9} &amp; more</p></body></html>\n";

/// Headers that a careless proxy would touch.
const HEADERS: &str = "Server: shop/1\r\nETag: \"abc\"\r\nLast-Modified: Sat, 21 Nov 2026 \
    10:00:00 GMT\r\nCache-Control: public, max-age=60\r\nSurrogate-Control: max-age=600\r\nVary: Accept-Encoding\r\nLink: \
    </a.css>; rel=preload\r\nLink: </b.css>; rel=preload\r\nContent-Security-Policy: default-src 'self'\r\nSet-Cookie: a=1; \
    Path=/\r\nSet-Cookie: b=\"2\"; HttpOnly\r\nX-Odd:  two  spaces\r\nContent-Digest: sha-256=:AAAA:\r\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// What the shop sends and what comes out of the gateway, our own cookie aside.
fn through(rules: &Rules, origin: &Origin, request: &Request) -> (Response, Response) {
    let gateway = Gateway::serve(rules.path());
    let mut through = gateway.fetch(request);
    let direct = crate::support::fetch(origin.address(), request);
    let known = direct.all("set-cookie").into_iter().map(str::to_owned).collect::<Vec<_>>();
    let ours = |(name, value): &(String, String)| name.eq_ignore_ascii_case("set-cookie") && !known.contains(value);
    let count = through.headers.iter().filter(|header| ours(header)).count();
    assert!(count <= 1, "{:?}", through.headers);
    through.head.headers.retain(|header| !ours(header));
    (direct, through)
}

fn assert_unchanged(rules: &Rules, origin: &Origin, request: &Request) {
    let (direct, through) = through(rules, origin, request);
    assert_eq!(through.status_line, direct.status_line);
    let mut headers = through.end_to_end();
    if direct.header("date").is_none() {
        // A gateway dates what is not dated (RFC 9110, section 6.6.1).
        headers.retain(|(name, _)| name != "date");
    }
    assert_eq!(headers, direct.end_to_end());
    assert_eq!(through.framing, direct.framing);
    assert_eq!(through.body, direct.body);
    assert_eq!(through.ending, Ending::Complete);
}

/// A site whose only scenario is for another page.
fn rules_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("elsewhere", &inserting("page.path == '/elsewhere'", "<div>hello</div>"));
    rules
}

#[test]
fn page_without_a_matching_scenario_is_byte_identical() {
    let origin = Origin::page(HEADERS, PAGE);
    assert_unchanged(&rules_for(&origin), &origin, &Request::page("/"));
}

#[test]
fn compressed_page_without_a_matching_scenario_is_byte_identical() {
    let origin = Origin::page(&format!("{HEADERS}Content-Encoding: gzip\r\n"), gzip(PAGE));
    assert_unchanged(
        &rules_for(&origin),
        &origin,
        &Request::page("/").header("Accept-Encoding", "gzip, deflate, br, zstd"),
    );
}

#[test]
fn page_of_a_site_without_scenarios_is_byte_identical() {
    let origin = Origin::page(HEADERS, PAGE);
    assert_unchanged(&Rules::shop(origin.address()), &origin, &Request::page("/"));
}

/// A site whose scenario is for every page.
fn eager_rules_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("everywhere", &inserting("true", "<div>hello</div>"));
    rules
}

#[test]
fn body_of_json_declared_as_html_is_untouched() {
    // What it is shows in the body, when the head is already on its way: only the body can stay as it is.
    let origin = Origin::page("", r#" {"a":"<html><body>not a page</body></html>"}"#);
    let (direct, through) = through(&eager_rules_for(&origin), &origin, &Request::page("/"));
    assert_eq!((through.status, through.body, through.ending), (200, direct.body, Ending::Complete));
}

#[test]
fn what_is_not_html_is_untouched() {
    let xhtml = "<html xmlns='http://www.w3.org/1999/xhtml'><body><p/></body></html>";
    for (content_type, body) in
        [("application/xhtml+xml", xhtml), ("text/plain", PAGE), ("application/json", "{}"), ("text/css", "body {}")]
    {
        let length = body.len();
        let origin = Origin::fixed(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nETag: \"1\"\r\n\r\n{body}"
        ));
        assert_unchanged(&eager_rules_for(&origin), &origin, &Request::page("/"));
    }
}

#[test]
fn fragment_for_a_script_is_untouched() {
    let origin = Origin::page("ETag: \"1\"\r\n", "<html><body><td>1</td></body></html>");
    let rules = eager_rules_for(&origin);
    for (name, value) in [("HX-Request", "true"), ("X-Requested-With", "XMLHttpRequest"), ("Turbo-Frame", "cart")] {
        let request = Request::new("GET", "/").header("Accept", "text/html").header(name, value);
        assert_unchanged(&rules, &origin, &request);
    }
}

#[test]
fn error_pages_and_redirects_are_untouched() {
    for status in ["302 Found\r\nLocation: /there", "404 Not Found", "500 Internal Server Error"] {
        let length = PAGE.len();
        let origin = Origin::fixed(format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{PAGE}"
        ));
        assert_unchanged(&eager_rules_for(&origin), &origin, &Request::page("/"));
    }
}

#[test]
fn page_in_an_unknown_coding_is_untouched() {
    let origin = Origin::page("Content-Encoding: compress\r\nETag: \"1\"\r\n", b"\x1f\x9d\x90abc<body>def");
    assert_unchanged(
        &eager_rules_for(&origin),
        &origin,
        &Request::page("/").header("Accept-Encoding", "compress, gzip"),
    );
}

#[test]
fn partial_content_is_untouched() {
    let body = &PAGE[..40];
    let origin = Origin::fixed(format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-39/{}\r\nContent-Length: 40\r\n\r\n{body}",
        PAGE.len()
    ));
    assert_unchanged(&eager_rules_for(&origin), &origin, &Request::page("/").header("Range", "bytes=0-39"));
}

#[test]
fn answers_without_a_body_stay_so() {
    for status in ["204 No Content", "304 Not Modified"] {
        let origin = Origin::fixed(format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nETag: \"1\"\r\n\r\n"));
        let gateway = Gateway::serve(eager_rules_for(&origin).path());
        let response = gateway.fetch(&Request::page("/"));
        assert_eq!(response.framing, Framing::None);
        assert_eq!((response.header("transfer-encoding"), response.header("content-length")), (None, None), "{status}");
    }
    let origin = Origin::page("", "");
    let (direct, through) = through(&eager_rules_for(&origin), &origin, &Request::page("/"));
    assert_eq!((through.framing, through.body), (direct.framing, direct.body));
}

#[test]
fn address_reaches_the_shop_as_the_visitor_sent_it() {
    let origin = Origin::page("", PAGE);
    let gateway = Gateway::serve(rules_for(&origin).path());
    for target in ["/a%2Fb/%E3%81%82//c/?x=a+b&&y=%zz&z", "/a/../b/./c", "/?", "/;p=1?q=[1]"] {
        let response = gateway.fetch(&Request::page(target));
        assert_eq!((response.status, origin.last().target.as_str()), (200, target));
    }
}

#[test]
fn many_pages_over_one_connection_reuse_one_to_the_shop() {
    let origin = Origin::fixed(page(HEADERS, PAGE));
    let gateway = Gateway::serve(rules_for(&origin).path());
    let mut connection = crate::support::Connection::open(gateway.address());
    let mut visitor = Visitor::default();
    for _ in 0..20 {
        assert_eq!(visitor.visit_over(&mut connection, "/").body, PAGE.as_bytes());
    }
    assert_eq!(origin.connections(), 1);
}
