//! Values made to deceive: hosts, heads, cookies, markup, log lines.

use crate::support::frames::{END_HEADERS, END_STREAM, Frames, Verdict, block, kind};
use crate::support::{Connection, Gateway, Origin, Request, Response, Rules, Visitor, inserting};
use html5ever::tendril::TendrilSink;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::fmt::Write;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

fn greeting(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    rules
}

/// What came back for these bytes; nothing if the connection was closed.
fn answer(gateway: &Gateway, bytes: &[u8]) -> Option<u16> {
    let mut connection = Connection::open(gateway.address());
    connection.send_bytes(bytes);
    connection.body().try_head("GET").map(|head| head.status)
}

#[test]
fn host_is_told_from_what_only_looks_like_one() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(greeting(&origin).path());
    let ask = |host: &str| answer(&gateway, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    for host in ["shop.example", "SHOP.Example", "shop.example.", "shop.example:8080", "shop.example:"] {
        let before = origin.received().len();
        assert_eq!(ask(host), Some(200), "{host}");
        let received = &origin.received()[before..];
        assert_eq!((received.len(), received[0].header("host")), (1, Some(host)));
    }
    let reached = origin.received().len();
    for host in [
        "other.example",
        "127.0.0.1",
        "[::1]",
        "[::1]:80",
        "localhost",
        "xn--shop.example",
        "example",
        "a.shop.example",
    ] {
        assert_eq!(ask(host), Some(421), "{host}");
    }
    for host in [
        "",
        " ",
        ".",
        ":80",
        "shop.example:x",
        "shop.example:99999",
        "shop.example:80:80",
        "shop.example..",
        "shop..example",
        "a@shop.example",
        "shop.example/x",
        "shop.example?x",
        "shop.example#x",
        "shop.example\\x",
        "shop.example, other.example",
        "shop.example other.example",
        "<shop.example>",
        "shop%2eexample",
        "[shop.example]",
        "[::1",
        "店.example",
        "shop.example\u{e9}",
    ] {
        assert_eq!(ask(host), Some(400), "{host}");
    }
    for (line, status) in [
        ("CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443", 405),
        ("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22", 405),
        ("GET http://other.example/ HTTP/1.1\r\nHost: other.example", 421),
        ("GET http://a@shop.example/ HTTP/1.1\r\nHost: shop.example", 400),
        ("GET http://shop.example:80/ HTTP/1.1\r\nHost: shop.example", 400),
        ("GET http:/\\shop.example/ HTTP/1.1\r\nHost: shop.example", 400),
        ("GET / HTTP/1.0", 421),
    ] {
        assert_eq!(answer(&gateway, format!("{line}\r\n\r\n").as_bytes()), Some(status), "{line}");
    }
    assert_eq!(origin.received().len(), reached, "the shop heard of one of them");
    assert_eq!(answer(&gateway, b"GET http://shop.example/x?y HTTP/1.1\r\nHost: shop.example\r\n\r\n"), Some(200));
    assert_eq!(origin.last().header("host"), Some("shop.example"));
}

#[test]
fn shop_hears_the_clients_address_and_no_other_by_whatever_name() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(greeting(&origin).path());
    let names = [
        "X-Forwarded-For",
        "x_forwarded_for",
        "X-Forwarded_For",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
        "X-Forwarded-Prefix",
        "Forwarded",
        "X-Real-IP",
        "X_Real_IP",
        "Client-IP",
        "Client_IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
    ];
    let request = names.iter().fold(Request::page("/"), |request, name| request.header(name, "6.6.6.6"));
    assert_eq!(gateway.fetch(&request.header("X-Forwarded-For", "7.7.7.7")).status, 200);
    let mut client = Frames::open(gateway.address());
    let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let fields =
        crate::support::frames::get("/").into_iter().chain(lower.iter().map(|name| (name.as_str(), "6.6.6.6")));
    client.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields.collect::<Vec<_>>()));
    assert_eq!(client.verdict(1), Verdict::Status(200));
    for request in origin.received() {
        assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
        let spoofed = request.headers.iter().find(|(_, value)| value.contains("6.6.6.6") || value.contains("7.7.7.7"));
        assert_eq!(spoofed, None);
    }
    assert_eq!(origin.received().len(), 2);
}

#[test]
fn oversized_heads_are_refused_while_they_are_still_small() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(greeting(&origin).path());
    let long = "a".repeat(200 << 10);
    let heads = [
        (format!("GET /{long}"), 414),
        (format!("GET / HTTP/1.1\r\nHost: shop.example\r\nX: {long}"), 431),
        (format!("GET / HTTP/1.1\r\nHost: shop.example\r\n{}", "X: y\r\n".repeat(300)), 431),
        (format!("GET / HTTP/1.1\r\nHost: shop.example\r\nCookie: {}\r\n", "nrn=x; ".repeat(20_000)), 431),
    ];
    for (head, status) in heads {
        // None of them ever ends: what is refused is what has come so far.
        let answer = answer(&gateway, head.as_bytes());
        assert!(answer.is_none_or(|answer| answer == status), "{status}: {answer:?}");
    }
    let mut client = Frames::open(gateway.address());
    let fields = crate::support::frames::get("/");
    let large: Vec<_> = fields.into_iter().chain((0..5).map(|_| ("x", &long[..15_000]))).collect();
    let bytes = block(&large);
    let pieces: Vec<_> = bytes.chunks(16_000).collect();
    client.send(kind::HEADERS, END_STREAM, 1, pieces[0]);
    for (n, piece) in pieces[1..].iter().enumerate() {
        client.send(kind::CONTINUATION, if n + 2 == pieces.len() { END_HEADERS } else { 0 }, 1, piece);
    }
    assert_eq!(client.verdict(1), Verdict::Status(431));
    assert!(origin.received().is_empty());
    assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
}

#[test]
fn forged_cookie_makes_a_new_visitor_and_never_an_error() {
    let origin = Origin::page("", HTML);
    let rules = Rules::new();
    for (site, host) in [("shop", "shop.example"), ("other", "other.example")] {
        rules.site(site, host, origin.address(), "");
        let again = inserting("visitor.pageviews >= 2", "<div>again</div>");
        rules.write(&format!("sites/{site}/scenarios/again.toml"), &again);
    }
    let gateway = Gateway::serve(rules.path());
    let mut known = Visitor::default();
    known.visit(gateway.address(), "/");
    let cookie = known.cookie_header();
    let (name, sealed) = cookie.split_once('=').unwrap();
    let visit = |request: Request, cookie: &str| {
        let response = gateway.fetch(&request.header("Cookie", cookie));
        assert_eq!((response.status, response.has("<p>page</p>")), (200, true), "{cookie}");
        response
    };
    let is_known = |response: &Response| response.has("again/a");
    assert!(is_known(&visit(Request::page("/"), &cookie)));

    let flipped = |at: usize| {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut forged: Vec<String> = (0..sealed.len()).step_by(7).map(flipped).collect();
    forged.extend((0..sealed.len()).step_by(9).map(|end| sealed[..end].to_owned()));
    forged.push(format!("{sealed}A"));
    forged.push(format!("{sealed}=="));
    forged.push(sealed.to_uppercase());
    forged.push("A".repeat(sealed.len()));
    forged.push("A".repeat(30_000));
    forged.extend(["", "\"", "%00", "null", "../../x", "<script>", "{}", "\u{1f600}"].map(str::to_owned));
    for value in &forged {
        let response = visit(Request::page("/"), &format!("{name}={value}"));
        assert!(!is_known(&response), "{value}");
        let ours = response.all("set-cookie").concat();
        assert!(ours.starts_with(&format!("{name}=")) && !ours.contains(sealed), "{value}: {ours}");
    }
    // Sealed for one site, it is worth nothing at another.
    assert!(!is_known(&visit(Request::page("/").host("other.example"), &cookie)));
    // Whoever plants cookies of the same name beside it does not lock the visitor out.
    let crowd = format!("{name}=x; ").repeat(20);
    assert!(is_known(&visit(Request::page("/"), &format!("{crowd}{cookie}"))));
    assert!(is_known(&visit(Request::page("/"), &format!("{cookie}; {crowd}a=b"))));
    // None of ours reached the shop, forged or not.
    for request in origin.received() {
        let cookies = request.all("cookie").join("; ");
        assert!(!cookies.contains(&format!("{name}=")), "{cookies}");
    }
}

/// What a visitor may try to have printed.
const PAYLOADS: &[&str] = &[
    "</script><script>alert(1)</script>",
    "</title></style></textarea><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "x onmouseover=alert(1) y=",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\tjava\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "//evil.example/",
    "--><img src=x onerror=alert(1)>",
    "]]><!--",
    "<!--<script>",
    "\\\";alert(1);//",
    "\u{2028}alert(1)\u{2029}",
    "${alert(1)}`",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "&lt;b&gt;&quot;&#39;",
    "a\0b",
    "a\u{1}b\u{2}c\u{3}",
    "expression(alert(1));}*{x:url(javascript:1)",
    "日本語😀",
    "%00%22%3E%3Cscript%3E",
];

#[test]
fn hostile_value_changes_no_markup_in_any_place_of_any_action() {
    let q = "{{ page.query[\"q\"] }}";
    let html = format!(
        "<div title=\"{q}\" data-x=\"a {q} b\">{q}<a href=\"{q}\">one</a><a href=\"/search?q={q}&amp;r=1\">two</a>\
         <img src=\"/i/{q}.png\" alt=\"{q}\"><textarea>{q}</textarea><select><option value=\"{q}\">{q}</option></select>\
         <!-- {q} --><p>{q}</p></div><script>var said = \"{q}\";</script>"
    );
    let button = format!("button = {{ label = 'go {q}', href = '/go?q={q}' }}");
    let actions = [
        ("html", format!("[variant.html]\nhtml = '''{html}'''\n")),
        ("banner", format!("[variant.banner]\ntitle = '{q}'\ntext = 'a {q}'\n{button}\n")),
        ("popup", format!("[variant.popup]\ntitle = '{q}'\ntext = '{q}'\nlabel = '{q}'\ndecline = '{q}'\n{button}\n")),
        (
            "coupon",
            format!(
                "[variant.coupon]\ntitle = '{q}'\ntext = '{q}'\nlabel = '{q}'\namount = '5'\nnote = '{q}'\ncode = 'A1'\n{button}\n"
            ),
        ),
        ("chat", format!("[variant.chat]\nhref = '/chat?q={q}'\nlabel = '{q}'\n")),
    ];
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    for (name, action) in &actions {
        let place = "place = { at = 'body', position = 'append' }\n";
        let scenario =
            format!("name = 'x'\nslot = '{name}'\nwhen = 'page.path == \"/{name}\"'\n[[variant]]\n{action}{place}");
        rules.scenario(name, &scenario);
    }
    let gateway = Gateway::serve(rules.path());
    for (name, _) in &actions {
        let page = |value: &str| {
            let encoded = value.bytes().fold(String::new(), |mut text, byte| {
                write!(text, "%{byte:02x}").unwrap();
                text
            });
            let response = gateway.fetch(&Request::page(&format!("/{name}?q={encoded}")));
            assert_eq!((response.status, response.count(&format!("{name}/a\"")) > 0), (200, true), "{name}: {value}");
            assert!(response.text().is_ascii(), "{name}: {value}");
            response.text()
        };
        let harmless = outline(&page("harmless"));
        for payload in PAYLOADS {
            let text = page(payload);
            assert_eq!(outline(&text), harmless, "{name}: {payload:?}\n{text}");
        }
    }
}

/// What a browser makes of a page, without its texts: elements, names of attributes, and whether an address runs script or
/// leaves the site. The script, if there is one, must still be one statement with one string.
fn outline(page: &str) -> Vec<String> {
    fn walk(node: &Handle, out: &mut Vec<String>) {
        if let NodeData::Element { name, attrs, .. } = &node.data {
            let mut line = name.local.to_string();
            for attribute in attrs.borrow().iter() {
                write!(line, " {}", attribute.name.local).unwrap();
                if ["href", "src", "action"].contains(&&*attribute.name.local) {
                    let clean: String =
                        attribute.value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
                    let clean = clean.to_lowercase();
                    assert!(!clean.starts_with("javascript:") && !clean.starts_with("data:"), "{clean}");
                }
            }
            out.push(line);
            if &*name.local == "script" && attrs.borrow().iter().all(|attribute| &*attribute.name.local != "src") {
                let text: String = node
                    .children
                    .borrow()
                    .iter()
                    .map(|child| match &child.data {
                        NodeData::Text { contents } => contents.borrow().to_string(),
                        _ => String::new(),
                    })
                    .collect();
                if let Some(literal) = text.strip_prefix("var said = ").and_then(|rest| rest.strip_suffix(';')) {
                    // Every escape that is written is one of JSON's, too.
                    serde_json::from_str::<String>(literal).unwrap_or_else(|error| panic!("{error}: {literal}"));
                }
            }
        }
        for child in node.children.borrow().iter() {
            walk(child, out);
        }
    }
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(page);
    let mut out = Vec::new();
    walk(&dom.document, &mut out);
    out
}

#[test]
fn no_request_forges_a_log_line_or_leaves_its_data_in_one() {
    let origin = Origin::new(|request, wire| {
        if request.target.contains("broken") {
            wire.send("HTTP/1.1 2\u{1b}[31m00 forged\n{\"level\":\"ERROR\"}\r\n\r\n");
            wire.close();
        } else {
            wire.send(crate::support::origin::page("", HTML));
        }
    });
    let rules = greeting(&origin);
    rules.scenario("query", &inserting("page.query['q'] != ''", "<b>{{ page.query[\"q\"] }}</b>"));
    rules.write("gateway.toml", "log.level = 'trace'\n");
    let gateway = Gateway::serve(rules.path());
    let secret = "needle-4711";
    let evil = format!("{secret}%0d%0a{{\"level\":\"ERROR\"}}%1b[31m\"\\");
    let requests = [
        format!("GET /{evil}?q={evil} HTTP/1.1\r\nHost: shop.example\r\n"),
        format!("GET /broken/{evil} HTTP/1.1\r\nHost: shop.example\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {secret}.example\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {secret}\"\\\r\n"),
        format!("GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {secret}\",\"level\":\"ERROR\r\n"),
        format!("GET / HTTP/1.1\r\nHost: shop.example\r\nCookie: nrn={secret}; name={secret}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: shop.example\r\nReferer: http://{secret}.example/\u{1b}[0m\r\n"),
        format!("GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: {secret}\r\nAccept-Language: {secret}\r\n"),
        format!("{secret} / HTTP/1.1\r\nHost: shop.example\r\n"),
        format!("GET / HTTP/1.1\r\n{secret}\r\nHost: shop.example\r\n"),
        format!("GET /gw/{evil} HTTP/1.1\r\nHost: shop.example\r\n"),
        format!("POST /gw/e HTTP/1.1\r\nHost: shop.example\r\nOrigin: http://{secret}\r\nContent-Length: 0\r\n"),
    ];
    let navigation = "Accept: text/html\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n\r\n";
    for request in &requests {
        answer(&gateway, format!("{request}{navigation}").as_bytes());
    }
    // What the HTTP/2 library has to say of strange frames and fields is not for the log either.
    let mut client = Frames::open(gateway.address());
    client.send(kind::PING, crate::support::frames::ACK, 0, b"needle-4");
    client.send(
        kind::HEADERS,
        END_HEADERS | END_STREAM,
        1,
        &block(&[&crate::support::frames::get("/")[..], &[("x", secret), ("connection", secret)]].concat()),
    );
    client.verdict(1);
    let log = crate::support::eventually("the requests are logged", || {
        let log = gateway.log();
        (log.matches("\"message\":\"access\"").count() >= 5).then_some(log)
    });
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["timestamp"].is_string() && entry["level"] != "ERROR", "{line}");
        assert!(!line.contains(secret) && !line.contains("127.0.0.1:4") && !line.contains('\u{1b}'), "{line}");
    }
}
