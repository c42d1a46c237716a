//! More than there is room for: first pages pass as the shop sent them, then requests are refused, and nobody else notices.

use crate::support::h2::H2;
use crate::support::origin::page;
use crate::support::{
    Connection, Ending, Gate, Gateway, Origin, Request, Rules, Visitor, eventually, fetch, inserting, tls,
};
use std::sync::mpsc::Sender;
use tempfile::TempDir;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
const HEADERS: &str = "ETag: \"1\"\r\nCache-Control: public, max-age=60\r\n";

/// A shop whose pages below `/slow` wait for the gate.
fn slow_shop() -> (Origin, Sender<()>) {
    let (gate, open) = Gate::new();
    let origin = Origin::new(move |request, wire| {
        if request.target.starts_with("/slow") {
            gate.pass();
        }
        wire.send(page(HEADERS, HTML));
    });
    (origin, open)
}

/// A site with a banner on every page, and these limits.
fn banner_for(origin: &Origin, settings: &str) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.write("gateway.toml", settings);
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    rules
}

/// Sends requests that wait at the shop's gate.
fn linger(gateway: &Gateway, origin: &Origin, count: usize) -> Vec<Connection> {
    let before = origin.received().len();
    let held = (0..count).map(|_| {
        let mut connection = Connection::open(gateway.address());
        connection.send(&Request::page("/slow"));
        connection
    });
    let held = held.collect();
    eventually("slow requests reach the shop", || (origin.received().len() == before + count).then_some(()));
    held
}

#[test]
fn pages_pass_as_they_are_before_requests_are_refused_and_all_is_well_afterwards() {
    let (origin, open) = slow_shop();
    let (other, _) = slow_shop();
    let rules = banner_for(&origin, "limits = { max_requests_per_site = 4, shed_at = '50%' }");
    rules.site("other", "other.example", other.address(), "");
    rules.write("sites/other/scenarios/hello.toml", &inserting("true", "<div>hello</div>"));
    let gateway = Gateway::serve(rules.path());
    let shed = |labels: &str| gateway.count("noren_shed_total", labels);
    let is_enhanced = |host: &str| gateway.fetch(&Request::page("/").host(host)).has("hello/a");
    assert!(is_enhanced("shop.example"));

    let mut held = linger(&gateway, &origin, 2);
    let request = Request::page("/").header("If-None-Match", "\"0\"");
    let through = gateway.fetch(&request);
    assert_eq!(origin.last().header("if-none-match"), Some("\"0\""), "the shop may answer as it always does");
    let direct = fetch(origin.address(), &request);
    assert_eq!((through.status_line.as_str(), &through.body), (direct.status_line.as_str(), &direct.body));
    let mut headers = through.end_to_end();
    headers.retain(|(name, _)| name != "date");
    assert_eq!((headers, through.framing), (direct.end_to_end(), direct.framing));
    assert_eq!((shed("site=\"shop\",what=\"page\""), shed("")), (1, 1));
    assert_eq!(gateway.count("noren_responses_total", "treatment=\"shed\""), 1);
    assert!(is_enhanced("other.example"), "a site's load is its own");

    held.extend(linger(&gateway, &origin, 2));
    let received = origin.received().len();
    let refused = gateway.fetch(&Request::page("/"));
    assert_eq!((refused.status, refused.ending), (503, Ending::Complete));
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    let refused = H2::plain(gateway.address()).page("http://shop.example/");
    assert_eq!((refused.status.as_u16(), refused.headers.contains_key("retry-after")), (503, true));
    assert_eq!(origin.received().len(), received, "no shop hears of what is refused");
    assert_eq!(shed("site=\"shop\",what=\"request\""), 2);
    assert_eq!(gateway.count("noren_requests_in_flight", ""), 4);
    assert!(is_enhanced("other.example"), "a site's load is its own");

    drop(open);
    for connection in &mut held {
        let response = connection.response();
        assert_eq!((response.status, response.ending), (200, Ending::Complete));
    }
    eventually("the load is gone", || (gateway.count("noren_requests_in_flight", "") == 0).then_some(()));
    assert!(is_enhanced("shop.example"));
    assert_eq!(gateway.log().matches("pages pass as the shop sent them").count(), 1, "{}", gateway.log());
    assert_eq!(gateway.log().matches("requests are answered by 503").count(), 1, "{}", gateway.log());
}

#[test]
fn requests_of_all_sites_together_are_bounded() {
    let (origin, open) = slow_shop();
    let (other, _) = slow_shop();
    let rules = banner_for(&origin, "limits = { max_requests = 2 }");
    rules.site("other", "other.example", other.address(), "");
    let gateway = Gateway::serve(rules.path());
    let _held = linger(&gateway, &origin, 2);
    assert_eq!(gateway.fetch(&Request::page("/").host("other.example")).status, 503);
    assert_eq!(gateway.count("noren_shed_total", "limit=\"gateway\",site=\"other\",what=\"request\""), 1);
    drop(open);
    eventually("there is room again", || {
        (gateway.fetch(&Request::page("/").host("other.example")).status == 200).then_some(())
    });
}

#[test]
fn a_client_that_leaves_gives_its_place_back() {
    let (origin, _open) = slow_shop();
    let gateway =
        Gateway::serve(banner_for(&origin, "limits = { max_requests_per_site = 1, shed_at = '100%' }").path());
    for _ in 0..3 {
        drop(linger(&gateway, &origin, 1));
        eventually("the place is free", || (gateway.count("noren_requests_in_flight", "") == 0).then_some(()));
        assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
        eventually("it has ended", || (gateway.count("noren_requests_in_flight", "") == 0).then_some(()));
    }
}

#[test]
fn what_stays_open_for_hours_takes_no_request_away() {
    let (gate, _open) = Gate::new();
    let origin = Origin::new(move |request, wire| match request.target.as_str() {
        "/events" => {
            wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            wire.chunk("data: 1\n\n");
            gate.pass();
        }
        "/socket" => {
            wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            gate.pass();
        }
        _ => wire.send(page("", HTML)),
    });
    let gateway =
        Gateway::serve(banner_for(&origin, "limits = { max_requests_per_site = 1, shed_at = '100%' }").path());
    let mut events = Connection::open(gateway.address());
    events.send(&Request::new("GET", "/events").header("Accept", "text/event-stream"));
    events.head();
    events.body().body_until("data: 1");
    let mut socket = Connection::open(gateway.address());
    let upgrade = Request::new("GET", "/socket").header("Connection", "Upgrade").header("Upgrade", "websocket");
    socket.send(&upgrade.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(socket.head().status, 101);
    assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
}

#[test]
fn connections_beyond_the_limit_are_closed_and_the_others_live_on() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(banner_for(&origin, "limits = { max_connections = 2, shed_at = '100%' }").path());
    let mut held = [(); 2].map(|()| Connection::open(gateway.address()));
    for connection in &mut held {
        assert_eq!(connection.exchange(&Request::page("/")).status, 200);
    }
    assert!(Connection::open(gateway.address()).body().is_closed());
    assert_eq!(gateway.count("noren_shed_total", "what=\"connection\""), 1);
    assert_eq!(gateway.count("noren_connections", ""), 2);
    let [first, mut second] = held;
    assert!(second.exchange(&Request::page("/")).has("hello/a"));
    drop(first);
    eventually("a place is free", || (gateway.count("noren_connections", "") == 1).then_some(()));
    assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
}

#[test]
fn tls_connection_takes_its_place_before_its_handshake() {
    let origin = Origin::page("", HTML);
    let certificates = TempDir::new().unwrap();
    let certificate = tls::write_certificate(certificates.path(), "shop.example");
    let rules = banner_for(&origin, "limits = { max_connections = 2, shed_at = '100%' }");
    let gateway = Gateway::serve_tls(rules.path(), certificates.path());
    let silent = [(); 2].map(|()| Connection::open(gateway.tls_address()));
    eventually("both are counted", || (gateway.count("noren_connections", "") == 2).then_some(()));
    assert!(Connection::open(gateway.tls_address()).body().is_closed());
    assert_eq!(gateway.count("noren_shed_total", "what=\"connection\""), 1);
    drop(silent);
    eventually("they are gone", || (gateway.count("noren_connections", "") == 0).then_some(()));
    let mut served = tls::open(gateway.tls_address(), "shop.example", &certificate);
    assert!(served.exchange(&Request::page("/")).has("hello/a"));
    assert_eq!(gateway.count("noren_connections", ""), 1);
    let mut streams = H2::tls(gateway.tls_address(), "shop.example", &certificate);
    assert_eq!(streams.page("https://shop.example/").status, 200);
    assert_eq!(gateway.count("noren_connections", ""), 2);
    drop((served, streams));
    eventually("they give their places back", || (gateway.count("noren_connections", "") == 0).then_some(()));
}

#[test]
fn unused_connections_are_not_kept_when_they_grow_few() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(banner_for(&origin, "limits = { max_connections = 4, shed_at = '50%' }").path());
    let mut held = [(); 3].map(|()| Connection::open(gateway.address()));
    eventually("all are there", || (gateway.count("noren_connections", "") == 3).then_some(()));
    let response = held[0].exchange(&Request::page("/"));
    assert_eq!((response.header("connection"), response.has("hello/a")), (Some("close"), true));
    assert!(held[0].body().is_closed());
    // Two are few enough.
    eventually("one has gone", || (gateway.count("noren_connections", "") == 2).then_some(()));
    for _ in 0..2 {
        assert_eq!(held[1].exchange(&Request::page("/")).status, 200);
    }
}

#[test]
fn one_client_has_a_limit_of_connections_that_proxies_have_not() {
    let origin = Origin::page("", HTML);
    for (trusted, expected) in [("[]", 1), ("['127.0.0.1']", 3)] {
        let settings = format!("trusted_proxies = {trusted}\nlimits = {{ max_connections_per_client = 1 }}");
        let gateway = Gateway::serve(banner_for(&origin, &settings).path());
        let mut held = [(); 3].map(|()| {
            let mut connection = Connection::open(gateway.address());
            // Whoever is refused may find the connection reset as it writes.
            connection.try_request(&Request::page("/"));
            connection
        });
        let served = held.iter_mut().filter_map(|connection| connection.body().try_head("GET")).count();
        assert_eq!(served, expected, "{trusted}");
    }
}

#[test]
fn pages_pass_where_there_is_no_memory_to_rewrite_them() {
    let origin = Origin::page(HEADERS, HTML);
    let gateway = Gateway::serve(banner_for(&origin, "limits = { rewrite_memory = '10KiB' }").path());
    let response = gateway.fetch(&Request::page("/"));
    assert_eq!((response.text().as_str(), response.header("etag")), (HTML, Some("\"1\"")));
    assert_eq!(gateway.count("noren_shed_total", "limit=\"memory\""), 1);

    let rules = banner_for(&origin, "");
    let gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    assert!(visitor.visit(gateway.address(), "/").has("hello/a"));
    eventually("it is given back", || (gateway.count("noren_rewrite_memory_bytes", "") == 0).then_some(()));
    // A site has a limit of its own.
    rules.site("shop", "shop.example", origin.address(), "[limits]\nrewrite_memory = '1KiB'\n");
    eventually("the site's limit is taken", || (!visitor.visit(gateway.address(), "/").has("hello/a")).then_some(()));
}

/// A banner whose template fails when the visitor's address asks for it: it works for longer than it may.
const FRAGILE: &str =
    "<div>hello{% if page.query[\"fail\"] == \"1\" %}{% for n in range(99999) %}.{% endfor %}{% endif %}</div>";

fn fragile_site(origin: &Origin, breaker: &str) -> (Rules, Gateway) {
    let rules = Rules::shop(origin.address());
    rules.write("gateway.toml", &format!("breaker = {{ pages = 4, {breaker} }}"));
    rules.scenario("hello", &inserting("true", FRAGILE));
    let gateway = Gateway::serve(rules.path());
    (rules, gateway)
}

fn break_it(gateway: &Gateway) {
    for _ in 0..4 {
        assert_eq!(gateway.fetch(&Request::page("/?fail=1")).text(), HTML);
    }
    eventually("rewriting is turned off", || (gateway.count("noren_breaker_open", "site=\"shop\"") == 1).then_some(()));
}

#[test]
fn rewriting_that_keeps_failing_is_turned_off_and_on_again_by_itself() {
    let origin = Origin::page(HEADERS, HTML);
    let (_rules, gateway) = fragile_site(&origin, "pause = '200ms', probes = 2");
    assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
    break_it(&gateway);
    assert_eq!(gateway.log().matches("rewriting keeps failing and is turned off").count(), 1);
    assert!(gateway.log().contains("\"reason\":\"template\""), "{}", gateway.log());
    eventually("rewriting is on again", || {
        let response = gateway.fetch(&Request::page("/"));
        assert!(response.has("hello/a") || response.text() == HTML);
        (gateway.count("noren_breaker_open", "site=\"shop\"") == 0).then_some(())
    });
    assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
    assert_eq!(gateway.log().matches("rewriting is on again").count(), 1);
}

#[test]
fn while_rewriting_is_off_pages_pass_and_other_sites_are_rewritten_and_new_rules_are_tried_at_once() {
    let origin = Origin::page(HEADERS, HTML);
    let (rules, gateway) = fragile_site(&origin, "pause = '1h'");
    rules.site("other", "other.example", origin.address(), "");
    rules.write("sites/other/scenarios/hello.toml", &inserting("true", "<div>hello</div>"));
    break_it(&gateway);
    let response = gateway.fetch(&Request::page("/"));
    assert_eq!((response.text().as_str(), response.header("etag")), (HTML, Some("\"1\"")));
    assert_eq!(response.all("set-cookie").len(), 0);
    assert_eq!(gateway.count("noren_shed_total", "limit=\"breaker\""), 1);
    eventually("the other site is served", || {
        let response = gateway.fetch(&Request::page("/").host("other.example"));
        (response.status == 200 && response.has("hello/a")).then_some(())
    });
    rules.scenario("hello", &inserting("true", "<div>mended</div>"));
    eventually("the new rules are tried", || gateway.fetch(&Request::page("/")).has("mended").then_some(()));
    assert_eq!(gateway.count("noren_breaker_open", "site=\"shop\""), 0);
}

#[test]
fn pages_that_cost_too_much_time_of_ours_turn_rewriting_off() {
    let origin = Origin::page(HEADERS, HTML);
    let settings = "breaker = { pages = 4, slow_page = '0ms', pause = '1h' }";
    let gateway = Gateway::serve(banner_for(&origin, settings).path());
    for _ in 0..4 {
        assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
    }
    eventually("rewriting is turned off", || (gateway.count("noren_breaker_open", "site=\"shop\"") == 1).then_some(()));
    assert_eq!(gateway.fetch(&Request::page("/")).text(), HTML);
    assert!(gateway.log().contains("\"reason\":\"slow\""), "{}", gateway.log());
}

#[test]
fn broken_pages_of_the_shop_turn_nothing_off() {
    // Sound at first, so that rewriting has begun, and then no gzip any more.
    let mut coded = {
        use std::io::Write;
        let noise = (0..200_000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 26));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(format!("<!DOCTYPE html><html><body>{}", noise.collect::<String>()).as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let middle = coded.len() / 2;
    coded[middle..].fill(0xFF);
    let broken = page("Content-Encoding: gzip\r\n", &coded);
    let origin = Origin::new(move |request, wire| {
        if request.target == "/broken" {
            wire.send(&broken);
        } else {
            wire.send(page("", HTML));
        }
    });
    let gateway = Gateway::serve(banner_for(&origin, "breaker = { pages = 1, failures = '1%', pause = '1h' }").path());
    for _ in 0..3 {
        let mut connection = Connection::open(gateway.address());
        connection.send(&Request::page("/broken").header("Accept-Encoding", "gzip"));
        // Broken off in the middle, or refused where nothing had left yet.
        let status = connection.body().try_head("GET").map_or(0, |head| head.status);
        assert!(status != 200 || connection.body().rest().1 == Ending::Cut);
    }
    assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
    assert_eq!(gateway.count("noren_breaker_open", ""), 0);
}
