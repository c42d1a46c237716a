//! Requests that two servers might read in two ways: refused, and never two requests at the shop.

use crate::support::frames::{END_HEADERS, END_STREAM, Frames, Verdict, block, get, kind};
use crate::support::{Connection, Gateway, Origin, Rules, inserting};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
/// What an attacker would like to slip past.
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";

fn gateway_for(origin: &Origin) -> Gateway {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    // A body that never ends is not waited for long.
    rules.write("gateway.toml", "[limits]\nclient_timeout = '500ms'\n");
    Gateway::serve(rules.path())
}

/// A request line, `Host`, further lines as they are, and what follows the head.
fn post(lines: &str, rest: &str) -> String {
    format!("POST /first HTTP/1.1\r\nHost: shop.example\r\n{lines}\r\n{rest}")
}

fn targets(origin: &Origin) -> Vec<String> {
    origin.received().into_iter().map(|request| request.target).collect()
}

#[test]
fn ambiguous_head_is_refused_before_the_shop_hears_of_it() {
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let length = HIDDEN.len();
    let heads: Vec<(&str, String)> = vec![
        ("length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &chunked)),
        ("chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunked)),
        ("coding is not chunked", post("Transfer-Encoding: xchunked\r\n", &chunked)),
        ("coding after chunked", post("Transfer-Encoding: chunked, identity\r\n", &chunked)),
        ("coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", &chunked)),
        ("identity", post(&format!("Transfer-Encoding: identity\r\nContent-Length: {length}\r\n"), HIDDEN)),
        ("coding twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", &chunked)),
        ("coding twice, one strange", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", &chunked)),
        ("coding twice, strange first", post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", &chunked)),
        ("coding with a control", post("Transfer-Encoding: \x0bchunked\r\n", &chunked)),
        ("coding in quotes", post("Transfer-Encoding: \"chunked\"\r\n", &chunked)),
        ("empty coding", post(&format!("Transfer-Encoding:\r\nContent-Length: {length}\r\n"), HIDDEN)),
        (
            "chunked in 1.0",
            format!("POST /first HTTP/1.0\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        ),
        ("space before the colon", post("Transfer-Encoding : chunked\r\n", &chunked)),
        ("tab before the colon", post("Content-Length\t: 0\r\n", HIDDEN)),
        ("folded line", post("X: 1\r\n Transfer-Encoding: chunked\r\n", &chunked)),
        ("folded with a tab", post("X: 1\r\n\tContent-Length: 5\r\n", HIDDEN)),
        ("folded first line", format!("POST /first HTTP/1.1\r\n Host: shop.example\r\n\r\n{HIDDEN}")),
        ("two lengths", post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), HIDDEN)),
        ("the same length twice", post("Content-Length: 0\r\nContent-Length: 0\r\n", HIDDEN)),
        ("length in a list", post("Content-Length: 0, 0\r\n", HIDDEN)),
        ("length with a sign", post("Content-Length: +0\r\n", HIDDEN)),
        ("negative length", post("Content-Length: -1\r\n", HIDDEN)),
        ("huge length", post("Content-Length: 18446744073709551616\r\n", HIDDEN)),
        ("hexadecimal length", post("Content-Length: 0x10\r\n", HIDDEN)),
        ("length with a space", post("Content-Length: 0 0\r\n", HIDDEN)),
        ("empty length", post("Content-Length:\r\n", HIDDEN)),
        ("two hosts", post("Host: other.example\r\n", HIDDEN)),
        ("the same host twice", post("Host: shop.example\r\n", HIDDEN)),
        ("no host", format!("GET /first HTTP/1.1\r\nX: y\r\n\r\n{HIDDEN}")),
        ("empty host", format!("GET /first HTTP/1.1\r\nHost:\r\n\r\n{HIDDEN}")),
        ("host with a path", format!("GET /first HTTP/1.1\r\nHost: shop.example/x\r\n\r\n{HIDDEN}")),
        (
            "target and host differ",
            format!("GET http://other.example/first HTTP/1.1\r\nHost: shop.example\r\n\r\n{HIDDEN}"),
        ),
        ("line feeds alone", "GET /first HTTP/1.1\nHost: shop.example\n\n".to_owned()),
        ("one line feed alone", format!("GET /first HTTP/1.1\r\nHost: shop.example\nX: y\r\n\r\n{HIDDEN}")),
        ("line feed ends the head", format!("GET /first HTTP/1.1\r\nHost: shop.example\r\n\n{HIDDEN}")),
        ("carriage return alone", format!("GET /first HTTP/1.1\r\nHost: shop.example\rX: y\r\n\r\n{HIDDEN}")),
        ("carriage return in a value", post("X: a\rContent-Length: 5\r\n", HIDDEN)),
        ("NUL in a value", post("X: a\0b\r\n", HIDDEN)),
        ("control in a value", post("X: a\x07b\r\n", HIDDEN)),
        ("NUL in a name", post("X\0: a\r\n", HIDDEN)),
        ("no colon", post("Content-Length 5\r\n", HIDDEN)),
        ("empty name", post(": 5\r\n", HIDDEN)),
        ("name in brackets", post("X[]: 5\r\n", HIDDEN)),
        ("space first", format!(" GET /first HTTP/1.1\r\nHost: shop.example\r\n\r\n{HIDDEN}")),
        ("two empty lines first", format!("\r\n\r\nGET /first HTTP/1.1\r\nHost: shop.example\r\n\r\n{HIDDEN}")),
        ("two spaces", format!("GET  /first HTTP/1.1\r\nHost: shop.example\r\n\r\n{HIDDEN}")),
        ("four words", format!("GET /first HTTP/1.1 HTTP/1.1\r\nHost: shop.example\r\n\r\n{HIDDEN}")),
        ("no version", format!("GET /first\r\n\r\n{HIDDEN}")),
        ("version 0.9", format!("GET /first HTTP/0.9\r\nHost: shop.example\r\n\r\n{HIDDEN}")),
        ("version 1.2", format!("GET /first HTTP/1.2\r\nHost: shop.example\r\n\r\n{HIDDEN}")),
        ("protected field named by Connection", post("Connection: X-Forwarded-For\r\n", HIDDEN)),
    ];
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    for (name, head) in &heads {
        let mut connection = Connection::open(gateway.address());
        connection.send_bytes(head.as_bytes());
        let status = connection.body().try_head("POST").map(|head| head.status);
        let refused = status.is_none_or(|status| [400, 501, 505].contains(&status));
        assert!(refused, "{name}: {status:?}");
        connection.body().rest();
        assert!(connection.body().is_closed(), "{name}: the connection went on");
        assert_eq!(targets(&origin), [""; 0], "{name}");
    }
}

#[test]
fn body_that_is_not_framed_as_announced_brings_no_second_request() {
    let bodies: Vec<(&str, String)> = vec![
        ("garbage for a size", format!("x\r\n{HIDDEN}")),
        ("no size", format!("\r\n{HIDDEN}")),
        ("negative size", format!("-1\r\n{HIDDEN}\r\n0\r\n\r\n")),
        ("size with a sign", format!("+5\r\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("size with a prefix", format!("0x5\r\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("huge size", format!("fffffffffffffffff\r\n{HIDDEN}")),
        ("size of eight bytes", format!("ffffffffffffffff\r\n{HIDDEN}")),
        ("size with an underscore", format!("1_0\r\n{HIDDEN}\r\n0\r\n\r\n")),
        ("chunk too long", format!("2\r\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("chunk too short", format!("9\r\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("chunk ends in a line feed", format!("5\r\nhello\n0\r\n\r\n{HIDDEN}")),
        ("size ends in a line feed", format!("5\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("line feed in an extension", format!("5;a\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("carriage return in an extension", format!("5;a\rb\r\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("space before the size", format!(" 5\r\nhello\r\n0\r\n\r\n{HIDDEN}")),
        ("trailer of framing", format!("0\r\nContent-Length: 5\r\n\r\n{HIDDEN}")),
        ("trailer of line feeds", format!("0\r\nX: y\n\n{HIDDEN}")),
        ("last chunk ends in line feeds", format!("0\n\n{HIDDEN}")),
    ];
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    for (name, body) in &bodies {
        let before = origin.received().len();
        let mut connection = Connection::open(gateway.address());
        connection.send_bytes(post("Transfer-Encoding: chunked\r\n", body).as_bytes());
        let _ = connection.body().try_head("POST");
        connection.body().rest();
        // Where the connection goes on, what was hidden must have been taken for a part of the body.
        connection.try_send(b"GET /next HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        let _ = connection.body().try_head("GET");
        let received = targets(&origin);
        let hidden = received[before..].iter().any(|target| target != "/first" && target != "/next");
        assert!(!hidden && received.len() <= before + 2, "{name}: {received:?}");
    }
    // Pipelined behind a sound request, the second is not lost in silence: the connection ends.
    let before = origin.received().len();
    let mut connection = Connection::open(gateway.address());
    connection.send_bytes(post("Content-Length: 5\r\n", &format!("hello{HIDDEN}")).as_bytes());
    assert_eq!(connection.body().head("POST").status, 200);
    connection.body().rest();
    assert!(connection.body().is_closed());
    assert_eq!(origin.received()[before..].iter().map(|request| &request.body[..]).collect::<Vec<_>>(), [b"hello"]);
}

#[test]
fn body_left_unread_is_not_taken_for_a_request() {
    // CVE-2025-4366: the shop answers before the body has come.
    let origin = Origin::new(|request, wire| {
        if request.target == "/early" {
            wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        } else {
            wire.send(crate::support::origin::page("", HTML));
        }
    });
    let gateway = gateway_for(&origin);
    let other = "POST /early HTTP/1.1\r\nHost: unknown.example\r\nContent-Length: 100\r\n\r\n";
    for head in [other, &other.replace("unknown", "shop").replace("/early", "/gw/nothing")] {
        let mut connection = Connection::open(gateway.address());
        connection.send_bytes(head.as_bytes());
        assert!(connection.body().head("POST").status >= 400);
        connection.body().rest();
        connection.try_send(HIDDEN.as_bytes());
        assert!(connection.body().try_head("GET").is_none(), "{head}");
        assert_eq!(targets(&origin), [""; 0], "{head}");
    }
}

#[test]
fn ambiguous_http_2_request_is_refused_before_the_shop_hears_of_it() {
    let base = get("/first");
    let with = |fields: &[(&'static str, &'static str)]| [&base[..], fields].concat();
    let instead = |name: &str, value: &'static str| {
        base.iter().map(|(known, old)| (*known, if *known == name { value } else { *old })).collect::<Vec<_>>()
    };
    let without = |name: &str| base.iter().filter(|(known, _)| *known != name).copied().collect::<Vec<_>>();
    let requests: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("connection", with(&[("connection", "x")])),
        ("keep-alive", with(&[("keep-alive", "1")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("upgrade", with(&[("upgrade", "h2c")])),
        ("te other than trailers", with(&[("te", "chunked")])),
        ("upper case", with(&[("X-A", "b")])),
        ("CR LF in a value", with(&[("x", "a\r\nhost: other.example")])),
        ("LF in a value", with(&[("x", "a\nb")])),
        ("NUL in a value", with(&[("x", "a\0b")])),
        ("CR LF in a name", with(&[("x\r\ny", "a")])),
        ("colon in a name", with(&[("x:y", "a")])),
        ("space in a name", with(&[("x y", "a")])),
        ("empty name", with(&[("", "a")])),
        ("host differs", with(&[("host", "other.example")])),
        ("two hosts", with(&[("host", "shop.example"), ("host", "shop.example")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "5")])),
        ("length with a sign", with(&[("content-length", "+0")])),
        ("length without a body", with(&[("content-length", "5")])),
        ("method twice", with(&[(":method", "POST")])),
        ("path twice", with(&[(":path", "/second")])),
        ("authority twice", with(&[(":authority", "shop.example")])),
        ("pseudo-header after a field", [&[("x", "y")][..], &base].concat()),
        ("pseudo-header of a response", with(&[(":status", "200")])),
        ("unknown pseudo-header", with(&[(":x", "y")])),
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("no authority", without(":authority")),
        ("empty path", instead(":path", "")),
        ("space in the path", instead(":path", "/first HTTP/1.1\r\nx: y")),
        ("line feed in the path", instead(":path", "/a\nb")),
        ("absolute path", instead(":path", "http://other.example/")),
        ("CR LF in the method", instead(":method", "GET / HTTP/1.1\r\nx: y")),
        ("space in the method", instead(":method", "GET /x")),
        ("CR LF in the authority", instead(":authority", "shop.example\r\nx: y")),
        ("userinfo", instead(":authority", "a@shop.example")),
        ("path in the authority", instead(":authority", "shop.example/x")),
    ];
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    for (name, fields) in &requests {
        let mut client = Frames::open(gateway.address());
        client.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(fields));
        let verdict = client.verdict(1);
        assert!(verdict.refuses(), "{name}: {verdict:?}");
        assert_eq!(targets(&origin), [""; 0], "{name}");
    }
    // The same client, without the fault: it is the fault that was refused.
    let mut client = Frames::open(gateway.address());
    client.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(&base));
    assert_eq!(client.verdict(1), Verdict::Status(200));
    assert_eq!(targets(&origin), ["/first"]);
}

#[test]
fn http_2_body_that_belies_its_length_is_no_request() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    for (announced, sent) in [("5", HIDDEN), ("500", "hello"), ("0", HIDDEN)] {
        let mut client = Frames::open(gateway.address());
        let mut fields = get("/first");
        fields[0].1 = "POST";
        fields.push(("content-length", announced));
        client.send(kind::HEADERS, END_HEADERS, 1, &block(&fields));
        client.send(kind::DATA, END_STREAM, 1, sent.as_bytes());
        let verdict = client.verdict(1);
        assert!(verdict.refuses(), "{announced}: {verdict:?}");
        // A request without a body is whole with its head, and may be on its way before the body that it must not have comes.
        let whole = if announced == "0" { "/first" } else { "" };
        assert!(targets(&origin).iter().all(|target| *target == whole), "{announced}: {:?}", targets(&origin));
    }
}
