//! What goes wrong where a proxy rewrites pages, seen from outside: requests that look like a visitor's and are not, shops that
//! insist on their own name, answers that look like pages and are not.

use crate::support::origin::page;
use crate::support::rules::scenario;
use crate::support::{Ending, Gateway, Origin, Request, Rules, Visitor, eventually, fetch, inserting};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// A site that puts a banner on whatever it may.
fn eager(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    rules
}

/// What comes through is what the shop sends, to the header, and no cookie of ours.
fn assert_untouched(gateway: &Gateway, origin: &Origin, request: &Request, why: &str) {
    let (through, direct) = (gateway.fetch(request), fetch(origin.address(), request));
    assert_eq!(through.status_line, direct.status_line, "{why}");
    let mut headers = through.end_to_end();
    headers.retain(|(name, _)| name != "date");
    assert_eq!(headers, direct.end_to_end(), "{why}");
    assert_eq!((through.framing, through.ending), (direct.framing, Ending::Complete), "{why}");
    assert_eq!(through.body, direct.body, "{why}");
}

/// Nothing was recorded of anybody.
fn assert_nobody_was_counted(gateway: &Gateway) {
    eventually("all requests have ended", || (gateway.count("noren_requests_in_flight", "") == 0).then_some(()));
    assert_eq!(gateway.count("noren_profile_loads_total", ""), 0);
    assert_eq!(gateway.count("noren_recorder_queue_length", "") + gateway.count("noren_recorder_writes", ""), 0);
}

#[test]
fn page_within_a_page_is_untouched_and_no_page_view() {
    let origin = Origin::page("ETag: \"1\"\r\n", HTML);
    let gateway = Gateway::serve(eager(&origin).path());
    for destination in ["iframe", "frame", "embed", "object", "fencedframe", "IFRAME"] {
        let request = Request::new("GET", "/")
            .header("Accept", "text/html,*/*;q=0.8")
            .header("Sec-Fetch-Dest", destination)
            .header("Sec-Fetch-Mode", "navigate");
        assert_untouched(&gateway, &origin, &request, destination);
    }
    assert_nobody_was_counted(&gateway);
    assert!(gateway.fetch(&Request::page("/")).has("hello/a"));
}

#[test]
fn robot_gets_what_anyone_without_a_cookie_gets_and_is_never_counted() {
    let origin = Origin::page("", HTML);
    let rules = eager(&origin);
    let two_arms =
        inserting("true", "<div>arm</div>").replace("[[variant]]", "[[variant]]\nname = 'control'\n[[variant]]\n");
    rules.scenario("tested", &two_arms);
    rules.scenario("capped", &scenario("true", "[caps]\nper_session = 1\n", "<div>capped</div>", "prepend"));
    let gateway = Gateway::serve(rules.path());
    let as_browser = |request: Request| {
        request.header("Accept", "text/html").header("Sec-Fetch-Dest", "document").header("Sec-Fetch-Mode", "navigate")
    };
    let get = || as_browser(Request::new("GET", "/"));
    // Someone who is not enrolled in anything: a page that is fetched in advance may never be looked at.
    let unknown =
        gateway.fetch(&get().header("User-Agent", "Mozilla/5.0 Chrome/156.0.0.0").header("Sec-Purpose", "prefetch"));
    assert_eq!((unknown.count("data-gw="), unknown.has("hello/a")), (1, true), "{}", unknown.text());
    for agent in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0.1938.76 Safari/537.36",
        "facebookexternalhit/1.1",
    ] {
        for _ in 0..2 {
            let robot = gateway.fetch(&get().header("User-Agent", agent));
            assert_eq!((robot.status, robot.text()), (200, unknown.text()), "{agent}");
            assert_eq!(robot.all("set-cookie").len(), 0, "{agent}");
        }
    }
    assert_nobody_was_counted(&gateway);
    // A cookie that a robot was given all the same makes no visitor of it.
    let mut visitor = Visitor::default();
    assert!(visitor.visit(gateway.address(), "/").has("capped/a"));
    let robot = gateway.fetch(&get().header("User-Agent", "Googlebot/2.1").header("Cookie", &visitor.cookie_header()));
    assert_eq!(robot.text(), unknown.text());
}

#[test]
fn answers_for_scripts_are_never_touched() {
    let fragment = "<html><body><div id=\\\"mini-cart\\\">1</div></body></html>";
    let json = format!("{{\"count\":1,\"sections\":{{\"cart\":\"{fragment}\"}}}}");
    let answer = |kind: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let browser = |target: &str| Request::page(target);
    let fetched = |target: &str| {
        Request::new("GET", target)
            .header("Accept", "*/*")
            .header("Sec-Fetch-Dest", "empty")
            .header("Sec-Fetch-Mode", "cors")
    };
    let jquery = |target: &str| {
        Request::new("GET", target)
            .header("Accept", "text/html, */*; q=0.01")
            .header("X-Requested-With", "XMLHttpRequest")
    };
    let old = |target: &str| Request::new("GET", target).header("Accept", "*/*");
    let cases = [
        ("what a cart answers", "application/json; charset=utf-8", json.as_str(), fetched("/cart/add.js")),
        ("what a cart answers to a form", "application/json", &json, browser("/cart/add").method("POST")),
        ("data on a page's own address", "application/json", &json, browser("/products/tea?ajax=1")),
        ("data of a framework", "application/json", &json, old("/products/tea?_data=routes%2Fproducts")),
        ("data that streams", "text/x-script; charset=utf-8", &json, old("/products/tea.data")),
        ("a part of a page, fetched", "text/html; charset=utf-8", HTML, fetched("/?section_id=header")),
        ("a part of a page, by jQuery", "text/html; charset=utf-8", HTML, jquery("/cart?ajax=1")),
        ("a page by POST", "text/html; charset=utf-8", HTML, browser("/search").method("POST")),
        ("a script", "text/javascript", "document.write('<body></body>')", old("/a.js")),
        ("a feed", "application/rss+xml", "<rss><body></body></rss>", browser("/feed")),
    ];
    for (what, kind, body, request) in cases {
        let origin = Origin::fixed(answer(kind, body));
        let gateway = Gateway::serve(eager(&origin).path());
        assert_untouched(&gateway, &origin, &request, what);
        eventually("the request has ended", || (gateway.count("noren_requests_in_flight", "") == 0).then_some(()));
        assert_eq!(gateway.count("noren_recorder_writes", ""), 0, "{what} is no page view");
    }
}

#[test]
fn part_of_a_page_that_nothing_tells_from_a_page_passes_byte_for_byte() {
    // Without fetch metadata, and called a page: only the body can tell.
    for body in ["<td>1</td>", "<div class=\"mini-cart\"><p>1</p></div>", "[{\"html\":\"<body></body>\"}]", ""] {
        let origin = Origin::page("", body);
        let gateway = Gateway::serve(eager(&origin).path());
        let response = gateway.fetch(&Request::new("GET", "/?_data=cart").header("Accept", "*/*"));
        assert_eq!((response.status, response.text().as_str(), response.ending), (200, body, Ending::Complete));
    }
}

#[test]
fn shop_that_insists_on_its_own_name_keeps_the_visitor_at_the_public_one() {
    let origin = Origin::new(|request, wire| {
        match (request.header("host"), request.target.as_str()) {
        (Some("origin.internal:8443"), "/login") => wire.send(
            "HTTP/1.1 302 Found\r\nLocation: https://origin.internal:8443/account?next=%2F#top\r\nContent-Location: \
             //origin.internal:8443/login\r\nSet-Cookie: a=1; Path=/; Domain=.origin.internal; HttpOnly\r\nSet-Cookie: b=2; \
             Secure; SameSite=None\r\nSet-Cookie: c=3; domain=pay.example\r\nContent-Length: 0\r\n\r\n",
        ),
        (Some("origin.internal:8443"), "/pay") => wire.send(
            "HTTP/1.1 302 Found\r\nLocation: https://pay.example/?back=https://origin.internal:8443/\r\nContent-Length: 0\r\n\r\n",
        ),
        (Some("origin.internal:8443"), "/here") => {
            wire.send("HTTP/1.1 302 Found\r\nLocation: ../there?a=b\r\nContent-Length: 0\r\n\r\n");
        }
        (Some("origin.internal:8443"), _) => wire.send(page("", HTML)),
        // As shops do with a Host that is not theirs.
        _ => wire.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    }
    });
    let rules = eager(&origin);
    rules.site("shop", "shop.example", origin.address(), "[upstream]\nhost = 'origin.internal:8443'\n");
    let gateway = Gateway::serve(rules.path());
    let get = |path: &str| gateway.fetch(&Request::page(path).host("shop.example:8080"));

    let response = get("/login");
    assert_eq!(response.header("location"), Some("http://shop.example:8080/account?next=%2F#top"));
    assert_eq!(response.header("content-location"), Some("http://shop.example:8080/login"));
    assert_eq!(
        response.all("set-cookie"),
        ["a=1; Path=/; HttpOnly", "b=2; Secure; SameSite=None", "c=3; domain=pay.example"],
        "in their order, and only what names the shop's own host is changed"
    );
    assert_eq!(origin.last().header("x-forwarded-host"), Some("shop.example:8080"));
    assert_eq!(get("/pay").header("location"), Some("https://pay.example/?back=https://origin.internal:8443/"));
    assert_eq!(get("/here").header("location"), Some("../there?a=b"));
    assert!(get("/").has("hello/a"));
}

#[test]
fn shop_hears_the_public_name_and_its_redirects_and_cookies_are_left_alone() {
    let headers = "Location: https://shop.example/a\r\nSet-Cookie: a=1; Domain=shop.example; Secure\r\nSet-Cookie: a=2; \
                   Domain=.shop.example; Path=/x\r\n";
    let origin = Origin::fixed(format!("HTTP/1.1 301 Moved Permanently\r\n{headers}Content-Length: 0\r\n\r\n"));
    let gateway = Gateway::serve(eager(&origin).path());
    assert_untouched(&gateway, &origin, &Request::page("/"), "a redirect");
    assert_eq!(origin.last().header("host"), Some("shop.example"));
}

#[test]
fn cookies_of_shop_and_gateway_stand_side_by_side_on_a_page_that_no_cache_keeps() {
    let origin = Origin::page(
        "Set-Cookie: a=1; Domain=shop.example; Path=/; Expires=Thu, 31 Dec 2099 00:00:00 GMT\r\nCache-Control: public\r\n\
         Cache-Control: s-maxage=600\r\nSet-Cookie: a=2; Path=/x\r\nSurrogate-Control: max-age=600\r\nAge: 30\r\n",
        HTML,
    );
    let gateway = Gateway::serve(eager(&origin).path());
    let response = gateway.fetch(&Request::page("/"));
    let cookies = response.all("set-cookie");
    assert_eq!(
        cookies[..2],
        ["a=1; Domain=shop.example; Path=/; Expires=Thu, 31 Dec 2099 00:00:00 GMT", "a=2; Path=/x"],
        "two of one name, in their order"
    );
    assert_eq!((cookies.len(), response.has("hello/a")), (3, true));
    assert_eq!(response.header("cache-control"), Some("private, no-store"), "one line, the last word");
    assert_eq!((response.header("surrogate-control"), response.header("age")), (None, None));
}

#[test]
fn page_that_a_shared_cache_may_keep_carries_nobodys_cookie() {
    let rules_for = |origin: &Origin| {
        let rules = Rules::shop(origin.address());
        rules.scenario("elsewhere", &inserting("page.path == '/elsewhere'", "<div>hello</div>"));
        rules
    };
    for headers in [
        "Cache-Control: public, max-age=60\r\n",
        "Cache-Control: s-maxage=60\r\n",
        "Surrogate-Control: max-age=60\r\n",
        "CDN-Cache-Control: max-age=60\r\n",
        "Cloudflare-CDN-Cache-Control: max-age=60\r\n",
    ] {
        let origin = Origin::page(headers, HTML);
        let gateway = Gateway::serve(rules_for(&origin).path());
        assert_untouched(&gateway, &origin, &Request::page("/"), headers);
    }
    let origin = Origin::page("Cache-Control: private, max-age=60\r\n", HTML);
    let gateway = Gateway::serve(rules_for(&origin).path());
    assert_eq!(gateway.fetch(&Request::page("/")).all("set-cookie").len(), 1, "where it may, a visitor is known again");
}

/// A shop that answers conditions and ranges as RFC 9110 asks.
fn conditional_shop() -> Origin {
    Origin::new(|request, wire| {
        if request.header("if-match").is_some() || request.header("if-unmodified-since").is_some() {
            wire.send("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n");
        } else if request.header("if-none-match").is_some() || request.header("if-modified-since").is_some() {
            wire.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
        } else if request.header("range").is_some() {
            let part = &HTML[..20];
            wire.send(format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-19/{}\r\nContent-Length: \
                 20\r\n\r\n{part}",
                HTML.len()
            ));
        } else {
            wire.send(page("ETag: \"1\"\r\nAccept-Ranges: bytes\r\n", HTML));
        }
    })
}

#[test]
fn navigation_gets_the_whole_page_whatever_it_knows_of_an_older_one() {
    let origin = conditional_shop();
    let gateway = Gateway::serve(eager(&origin).path());
    for (name, value) in [
        ("If-None-Match", "\"1\""),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("If-Match", "\"2\""),
        ("If-Unmodified-Since", "Sat, 21 Nov 2020 10:00:00 GMT"),
        ("Range", "bytes=0-19"),
        ("Range", "bytes=-5"),
    ] {
        let response = gateway.fetch(&Request::page("/").header(name, value));
        assert_eq!((response.status, response.count("hello/a")), (200, 1), "{name}: {value}");
        assert_eq!((response.header("etag"), response.header("accept-ranges")), (None, None));
    }
}

#[test]
fn where_nothing_can_be_inserted_conditions_and_ranges_are_the_shops_affair() {
    let origin = conditional_shop();
    // Without scenarios; turned off by hand; and for what is no navigation.
    let (without, off, rules) = (Rules::shop(origin.address()), eager(&origin), eager(&origin));
    off.site("shop", "shop.example", origin.address(), "enabled = false\n");
    let image = || Request::new("GET", "/a.png").header("Accept", "image/*").header("Sec-Fetch-Dest", "image");
    for (what, rules, request) in [
        ("no scenario", &without, Request::page as fn(&str) -> Request),
        ("off", &off, Request::page),
        ("an image", &rules, |_| Request::new("GET", "/a.png").header("Sec-Fetch-Dest", "image")),
    ] {
        let gateway = Gateway::serve(rules.path());
        assert_eq!(gateway.fetch(&request("/").header("If-None-Match", "\"1\"")).status, 304, "{what}");
        assert_eq!(gateway.fetch(&request("/").header("If-Match", "\"2\"")).status, 412, "{what}");
        let part = gateway.fetch(&request("/").header("Range", "bytes=0-19"));
        assert_eq!((part.status, part.body.as_slice()), (206, &HTML.as_bytes()[..20]), "{what}");
    }
    let gateway = Gateway::serve(rules.path());
    assert_untouched(&gateway, &origin, &image().header("Range", "bytes=0-19"), "a part of an image");
}

#[test]
fn digests_are_kept_where_the_page_is_and_go_where_it_is_changed() {
    let digests = ["Digest", "Content-Digest", "Repr-Digest", "Content-MD5"];
    let headers = digests.map(|name| format!("{name}: sha-256=:AAAA:\r\n")).concat();
    let origin = Origin::page(&headers, HTML);
    let changed = Gateway::serve(eager(&origin).path()).fetch(&Request::page("/"));
    assert!(
        changed.has("hello/a") && digests.iter().all(|name| changed.header(name).is_none()),
        "{:?}",
        changed.headers
    );
    // A head without a body must tell of the page that a GET would get.
    let head = Gateway::serve(eager(&origin).path()).fetch(&Request::page("/").method("HEAD"));
    assert!(digests.iter().all(|name| head.header(name).is_none()), "{:?}", head.headers);
    let rules = Rules::shop(origin.address());
    rules.scenario("never", &inserting("page.path == '/elsewhere'", "<div>hello</div>"));
    let kept = Gateway::serve(rules.path()).fetch(&Request::page("/"));
    assert!(digests.iter().all(|name| kept.header(name) == Some("sha-256=:AAAA:")), "{:?}", kept.headers);
}

#[test]
fn second_gateway_in_a_row_counts_nobody_and_hands_out_no_cookie() {
    let origin = Origin::page("", HTML);
    let inner = Gateway::serve(eager(&origin).path());
    let rules = Rules::shop(inner.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    let outer = Gateway::serve(rules.path());
    let response = outer.fetch(&Request::page("/"));
    assert_eq!((response.count("data-gw="), response.all("set-cookie").len()), (1, 1), "{:?}", response.headers);
    assert_nobody_was_counted(&inner);
}
