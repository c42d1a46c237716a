//! What was acknowledged survives: identity, history and caps, whether the gateway is stopped or killed.

use crate::support::rules::scenario;
use crate::support::{Connection, Ending, Gate, Gateway, Origin, Request, Rules, Visitor, eventually, inserting};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// One scenario at most twice a visitor, one that counts their pages.
fn rules_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("capped", &scenario("true", "[caps]\nper_visitor = 2", "<i>capped</i>", "prepend"));
    rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
    rules
}

/// Waits until everything that was recorded has reached the disk.
fn await_flush(gateway: &Gateway) {
    eventually("what happened is on the disk", || {
        let waiting =
            gateway.metric("noren_requests_in_flight", "") + gateway.metric("noren_recorder_queue_length", "");
        let written = gateway.metric("noren_recorder_writes", "result=\"written\"");
        (waiting == 0.0 && written > 0.0).then_some(())
    });
}

fn assert_remembered(gateway: &Gateway, visitor: &mut Visitor) {
    let cookies = visitor.cookie_header();
    let page = visitor.visit(gateway.address(), "/");
    assert!(page.has("known/a"), "the visitor's history is lost");
    assert!(!page.has("capped/a"), "shown a third time");
    assert_eq!(visitor.cookie_names().len(), 1);
    assert!(page.all("set-cookie").is_empty() || visitor.cookie_header() == cookies, "the visitor became another");
}

#[test]
fn killed_gateway_knows_its_visitors_and_their_caps() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    let mut gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    let shown: Vec<bool> = (0..4).map(|_| visitor.visit(gateway.address(), "/").has("capped/a")).collect();
    assert_eq!(shown, [true, true, false, false]);
    await_flush(&gateway);
    gateway.kill();
    gateway.start_again();
    assert_remembered(&gateway, &mut visitor);
}

#[test]
fn stopped_gateway_loses_nothing() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    let mut gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    for _ in 0..4 {
        visitor.visit(gateway.address(), "/");
    }
    gateway.terminate();
    assert!(gateway.await_end().success());
    gateway.start_again();
    assert_remembered(&gateway, &mut visitor);
}

#[test]
fn stopping_gateway_finishes_the_page_that_it_is_sending() {
    let (gate, open) = Gate::new();
    let origin = Origin::new(move |_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("<!DOCTYPE html><html><head></head><body><p>first</p>");
        gate.pass();
        wire.chunk("<p>second</p></body></html>");
        wire.chunk("");
    });
    let mut gateway = Gateway::serve(rules_for(&origin).path());
    let mut connection = Connection::open(gateway.address());
    connection.send(&Request::page("/"));
    connection.head();
    connection.body().body_until("<p>first</p>");
    gateway.terminate();
    eventually("no new connection is taken", || std::net::TcpStream::connect(gateway.address()).is_err().then_some(()));
    drop(open);
    let (rest, ending) = connection.body().rest();
    assert_eq!((rest.ends_with(b"<p>second</p></body></html>"), ending), (true, Ending::Complete));
    assert!(gateway.await_end().success());
}

#[test]
fn caps_hold_for_a_visitor_with_many_tabs() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(rules_for(&origin).path());
    let mut visitor = Visitor::default();
    let first = visitor.visit(gateway.address(), "/");
    let request = visitor.request("/");
    let shown: usize = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..8).map(|_| scope.spawn(|| gateway.fetch(&request).count("capped/a"))).collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).sum()
    });
    assert_eq!(first.count("capped/a") + shown, 2);
}

#[test]
fn forged_cookie_gets_a_new_visitor() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(rules_for(&origin).path());
    let mut visitor = Visitor::default();
    for _ in 0..3 {
        visitor.visit(gateway.address(), "/");
    }
    let cookies = visitor.cookie_header();
    assert!(gateway.fetch(&visitor.request("/")).has("known/a"));
    let middle = cookies.len() * 3 / 4;
    let other = if cookies.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let forged = [&cookies[..middle], other, &cookies[middle + 1..]].concat();
    let page = gateway.fetch(&Request::page("/").header("Cookie", &forged));
    assert_eq!((page.has("known/a"), page.all("set-cookie").len()), (false, 1));
}
