//! Headers: what is taken off, what is put on, what is left alone, in both directions.

use crate::support::{Gateway, Origin, Request, Rules, Visitor, inserting};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

fn gateway_for(origin: &Origin) -> Gateway {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    Gateway::serve(rules.path())
}

#[test]
fn personalised_page_is_kept_by_no_cache() {
    let origin = Origin::page(
        "Cache-Control: public, max-age=600\r\nSurrogate-Control: max-age=600\r\nCDN-Cache-Control: max-age=600\r\n\
         Cloudflare-CDN-Cache-Control: max-age=600\r\nExpires: Thu, 31 Dec 2099 00:00:00 GMT\r\n",
        HTML,
    );
    let response = gateway_for(&origin).fetch(&Request::page("/"));
    assert!(response.has("hello/a"));
    let directives = response.header("cache-control").unwrap();
    assert!(directives.contains("private") && directives.contains("no-store"), "{directives}");
    for name in ["surrogate-control", "cdn-cache-control", "cloudflare-cdn-cache-control"] {
        assert_eq!(response.header(name), None);
    }
}

#[test]
fn rewritten_page_has_no_digest_and_no_validator_of_the_old_one() {
    let origin = Origin::page(
        "ETag: \"1\"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\nDigest: SHA-256=AAAA\r\nContent-Digest: \
         sha-256=:AAAA:\r\nRepr-Digest: sha-256=:AAAA:\r\nContent-MD5: AAAA\r\nAccept-Ranges: bytes\r\n",
        HTML,
    );
    let response = gateway_for(&origin).fetch(&Request::page("/"));
    assert!(response.has("hello/a"));
    for name in ["etag", "last-modified", "digest", "content-digest", "repr-digest", "content-md5", "accept-ranges"] {
        assert_eq!(response.header(name), None, "{name}");
    }
}

#[test]
fn conditional_navigation_gets_the_page_with_the_insertion() {
    let origin = Origin::new(|request, wire| {
        let conditional = ["if-none-match", "if-modified-since"].iter().any(|name| request.header(name).is_some());
        if conditional {
            wire.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
        } else {
            wire.send(crate::support::origin::page("ETag: \"1\"\r\n", HTML));
        }
    });
    let request = Request::page("/")
        .header("If-None-Match", "\"1\"")
        .header("If-Modified-Since", "Sat, 21 Nov 2026 10:00:00 GMT");
    let response = gateway_for(&origin).fetch(&request);
    assert_eq!((response.status, response.count("hello/a")), (200, 1));
}

#[test]
fn navigation_asks_the_shop_for_the_whole_page() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    gateway.fetch(&Request::page("/").header("Range", "bytes=0-9").header("If-Range", "\"1\""));
    assert_eq!((origin.last().header("range"), origin.last().header("if-range")), (None, None));
}

#[test]
fn conditions_and_ranges_of_other_requests_reach_the_shop() {
    let origin = Origin::fixed("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
    let gateway = gateway_for(&origin);
    let image = Request::new("GET", "/a.png").header("Accept", "image/*").header("Sec-Fetch-Dest", "image");
    let response = gateway.fetch(&image.header("If-None-Match", "\"1\"").header("Range", "bytes=0-9"));
    assert_eq!(response.status, 304);
    assert_eq!(
        (origin.last().header("if-none-match"), origin.last().header("range")),
        (Some("\"1\""), Some("bytes=0-9"))
    );
}

#[test]
fn our_cookie_is_added_to_those_of_the_shop() {
    let origin = Origin::page("Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/; HttpOnly\r\n", HTML);
    let response = gateway_for(&origin).fetch(&Request::page("/"));
    let cookies = response.all("set-cookie");
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    assert!(cookies.contains(&"a=1; Path=/") && cookies.contains(&"b=2; Path=/; HttpOnly"), "{cookies:?}");
    let ours = cookies.iter().find(|cookie| !cookie.starts_with("a=") && !cookie.starts_with("b=")).unwrap();
    assert!(ours.contains("HttpOnly") && ours.contains("SameSite=Lax") && !ours.contains("Secure"), "{ours}");
}

#[test]
fn only_documents_get_a_cookie() {
    let origin = Origin::fixed("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\npng");
    let gateway = gateway_for(&origin);
    let image = Request::new("GET", "/a.png").header("Accept", "image/*").header("Sec-Fetch-Dest", "image");
    assert_eq!(gateway.fetch(&image).all("set-cookie").len(), 0);
    let prefetch = Request::page("/").header("Sec-Purpose", "prefetch");
    assert_eq!(gateway.fetch(&prefetch).all("set-cookie").len(), 0);
}

#[test]
fn our_cookie_does_not_reach_the_shop_and_others_are_left_as_they_are() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/");
    let ours = visitor.cookie_header();
    for (sent, left) in [
        (format!("a=1; {ours}; b=\"x y\"; c=%20;d=e=f"), Some("a=1; b=\"x y\"; c=%20;d=e=f")),
        (format!("{ours}; a=1"), Some("a=1")),
        (format!("a=1; {ours}"), Some("a=1")),
        (ours.clone(), None),
    ] {
        gateway.fetch(&Request::page("/").header("Cookie", &sent));
        assert_eq!(origin.last().header("cookie"), left, "{sent}");
    }
}

#[test]
fn spoofed_forwarding_headers_are_replaced() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    let request = Request::page("/")
        .header("X-Forwarded-For", "6.6.6.6")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "evil.example")
        .header("Forwarded", "for=6.6.6.6")
        .header("X-Real-IP", "6.6.6.6");
    gateway.fetch(&request);
    let received = origin.last();
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    let spoofed = |value: &str| value.contains("6.6.6.6") || value.contains("evil.example");
    assert!(!received.headers.iter().any(|(_, value)| spoofed(value)), "{:?}", received.headers);
}

#[test]
fn public_host_reaches_the_shop() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    gateway.fetch(&Request::page("/").host("shop.example:8080"));
    assert_eq!(origin.last().header("host"), Some("shop.example:8080"));
}

#[test]
fn hop_by_hop_headers_do_not_cross() {
    let origin =
        Origin::page("Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 1\r\n", HTML);
    let gateway = gateway_for(&origin);
    let request =
        Request::page("/").header("Connection", "keep-alive, X-Mine").header("X-Mine", "1").header("X-Whole", "1");
    let response = gateway.fetch(&request);
    assert_eq!((response.header("x-hop"), response.header("x-end")), (None, Some("1")));
    assert_eq!((origin.last().header("x-mine"), origin.last().header("x-whole")), (None, Some("1")));
}

#[test]
fn unknown_host_is_misdirected_and_no_shop_hears_of_it() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    assert_eq!(gateway.fetch(&Request::page("/").host("stranger.example")).status, 421);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn own_paths_are_answered_by_the_gateway_alone() {
    let origin = Origin::page("", HTML);
    let gateway = gateway_for(&origin);
    assert_eq!(gateway.fetch(&Request::new("GET", "/gw/no-such-thing")).status, 404);
    // Where pages report what became of an insertion: by POST alone, and not for other sites' pages.
    assert_eq!(gateway.fetch(&Request::new("GET", "/gw/e")).status, 405);
    let foreign = Request::new("POST", "/gw/e").header("Origin", "http://evil.example").header("Content-Length", "0");
    assert_eq!(gateway.fetch(&foreign).status, 403);
    assert_eq!(origin.connections(), 0);
    assert_eq!(gateway.fetch(&Request::page("/gwen")).status, 200);
}

#[test]
fn head_beyond_its_limit_is_refused_and_no_shop_hears_of_it() {
    let origin = Origin::page("", "<!DOCTYPE html><html><body>page</body></html>");
    let rules = Rules::shop(origin.address());
    rules.write("gateway.toml", "[limits]\nmax_request_head = '2KiB'\n");
    let gateway = Gateway::serve(rules.path());
    let large = Request::page("/").header("X-Large", &"a".repeat(3000));
    assert_eq!(gateway.fetch(&large).status, 431);
    assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
    assert_eq!(origin.received().len(), 1);
}
