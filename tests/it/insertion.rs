//! A page that a scenario names gets what the scenario says, once, and nothing else changes.

use crate::support::{Connection, Ending, Framing, Gateway, Origin, Request, Rules, Visitor, inserting};

const BEFORE: &str = "<!DOCTYPE html><html><head><title>Shop</title></head><body class=\"x\">";
const AFTER: &str = "<p>page</p></body></html>";

fn shop(headers: &str) -> Origin {
    Origin::page(headers, format!("{BEFORE}{AFTER}"))
}

fn banner_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    rules
}

#[test]
fn least_scenario_inserts_its_html_with_a_marker() {
    let origin = shop("");
    let gateway = Gateway::serve(banner_for(&origin).path());
    let response = gateway.fetch(&Request::page("/"));
    assert_eq!(response.text(), format!("{BEFORE}<div data-gw=\"hello/a\">hello</div>{AFTER}"));
}

#[test]
fn rewritten_page_is_chunked_whole_and_keeps_its_connection() {
    let origin = shop("");
    let gateway = Gateway::serve(banner_for(&origin).path());
    let mut connection = Connection::open(gateway.address());
    let mut visitor = Visitor::default();
    for _ in 0..3 {
        let response = visitor.visit_over(&mut connection, "/");
        assert_eq!((response.framing, response.ending), (Framing::Chunked, Ending::Complete));
        assert_eq!((response.header("content-length"), response.count("hello/a")), (None, 1));
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn close_delimited_page_is_rewritten() {
    let origin = Origin::new(|_, wire| {
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{BEFORE}{AFTER}"));
        wire.close();
    });
    let gateway = Gateway::serve(banner_for(&origin).path());
    let response = gateway.fetch(&Request::page("/"));
    assert_eq!((response.ending, response.count("hello/a")), (Ending::Complete, 1));
    assert!(response.text().ends_with(AFTER));
}

#[test]
fn http_1_0_client_gets_no_chunk_sizes() {
    let origin = shop("");
    let gateway = Gateway::serve(banner_for(&origin).path());
    let mut connection = Connection::open(gateway.address());
    let response = connection.exchange(&Request::page("/").http10());
    assert_eq!(response.header("transfer-encoding"), None);
    let text = response.text();
    assert!(text.starts_with(BEFORE) && text.ends_with(AFTER), "{text}");
    assert!(connection.body().is_closed(), "a client of HTTP/1.0 waits for the end of the connection");
}

#[test]
fn two_gateways_in_a_row_insert_once() {
    let origin = shop("");
    let inner = Gateway::serve(banner_for(&origin).path());
    let rules = Rules::shop(inner.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    let outer = Gateway::serve(rules.path());
    let response = outer.fetch(&Request::page("/"));
    assert_eq!((response.ending, response.count("data-gw=")), (Ending::Complete, 1), "{}", response.text());
}

#[test]
fn early_hints_pass_and_the_page_is_rewritten_once() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    let page = crate::support::origin::page("", format!("{BEFORE}{AFTER}"));
    let origin = Origin::fixed([hints.as_bytes(), &page].concat());
    let gateway = Gateway::serve(banner_for(&origin).path());
    let mut connection = Connection::open(gateway.address());
    connection.send(&Request::page("/"));
    let mut head = connection.head();
    if head.status == 103 {
        assert_eq!(head.header("link"), Some("</style.css>; rel=preload"));
        head = connection.head();
    }
    let (body, ending) = connection.body().rest();
    assert_eq!((head.status, ending), (200, Ending::Complete));
    assert_eq!(String::from_utf8(body).unwrap().matches("hello/a").count(), 1);
}

#[test]
fn scenario_of_one_site_does_not_reach_another() {
    let (one, other) = (shop(""), shop(""));
    let rules = banner_for(&one);
    rules.site("other", "other.example", other.address(), "");
    let gateway = Gateway::serve(rules.path());
    assert_eq!(gateway.fetch(&Request::page("/")).count("data-gw"), 1);
    assert_eq!(gateway.fetch(&Request::page("/").host("other.example")).count("data-gw"), 0);
    assert_eq!((one.received().len(), other.received().len()), (1, 1));
}
