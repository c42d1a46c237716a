//! Conditions on what a page says of itself are decided as it streams by.

use crate::support::rules::scenario;
use crate::support::{Connection, Ending, Gate, Gateway, Origin, Request, Rules};

/// A page in two parts, the second of which tells the price.
fn shop(gate: Gate) -> Origin {
    Origin::new(move |request, wire| {
        let price = request.target.trim_start_matches("/item/");
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("<!doctype html><html><head><title>cup</title></head><body><p>first</p>");
        gate.pass();
        wire.chunk(format!(
            "<script type=\"application/ld+json\">{{\"@type\":\"Product\",\"sku\":\"7\",\"name\":\"cup\",\
             \"offers\":{{\"price\":\"{price}\",\"priceCurrency\":\"JPY\"}}}}</script><p>second</p></body></html>"
        ));
        wire.chunk("");
    })
}

#[test]
fn price_told_in_the_stream_decides_what_follows_and_holds_nothing_back() {
    let (gate, open) = Gate::new();
    let origin = shop(gate);
    let rules = Rules::shop(origin.address());
    let caps = "slot = 'end'\npriority = 2\n[caps]\nper_visitor = 1";
    rules.scenario("dear", &scenario("product.price >= 10000.0", caps, "<div>for {{ product.name }}</div>", "append"));
    rules.scenario("cheap", &scenario("true", "slot = 'end'", "<div>cheap</div>", "append"));
    rules.scenario("early", &scenario("product.price >= 10000.0", "", "<div>early</div>", "prepend"));
    let gateway = Gateway::serve(rules.path());
    let mut cookie = String::new();
    // The last time, the page's price is known from the view before.
    for (path, shown, early) in
        [("/item/9000", "cheap", false), ("/item/12000", "dear", false), ("/item/12000", "cheap", true)]
    {
        let mut connection = Connection::open(gateway.address());
        connection.send(&Request::page(path).header("Cookie", &cookie));
        let head = connection.head();
        let cookies = head.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        cookie = cookies.map(|(_, value)| value.split(';').next().unwrap().to_owned()).next().unwrap_or(cookie);
        let first = connection.body().body_until("<p>first</p>");
        assert_eq!(String::from_utf8(first).unwrap().contains("early"), early, "{path}: by what was told by then");
        open.send(()).unwrap();
        let (rest, ending) = connection.body().rest();
        let rest = String::from_utf8(rest).unwrap();
        assert_eq!(ending, Ending::Complete);
        for name in ["dear", "cheap"] {
            assert_eq!(rest.contains(&format!("data-gw=\"{name}/a\"")), name == shown, "{path}: {rest}");
        }
        assert_eq!(rest.contains("for cup</div>"), shown == "dear", "{rest}");
    }
}
