//! The header policy, all of it: what the shop is told, and what the client is told of a page that was changed.

use super::RequestView;
use crate::plan::HeaderEdits;
use http::header::{
    ACCEPT_RANGES, AGE, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, ETAG, EXPIRES, HOST, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, LOCATION, PRAGMA, RANGE,
    SET_COOKIE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::net::IpAddr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Tells a second gateway behind this one that the page was already seen to.
pub(super) const HOP: HeaderName = HeaderName::from_static("x-noren-hop");

/// Headers of one connection.
static CONNECTION_ONLY: [HeaderName; 5] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
    // Trailers do not cross: what announces them would be untrue.
    TRAILER,
    UPGRADE,
];

/// What `Connection` must not be able to take away.
static FRAMING: [HeaderName; 4] = [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, CONNECTION];

/// Headers that speak of a body's exact bytes or of its fitness for shared caches (RFC 9530, RFC 9213 and vendors').
static UNTRUE_AFTER_A_CHANGE: [HeaderName; 16] = [
    ETAG,
    LAST_MODIFIED,
    ACCEPT_RANGES,
    AGE,
    EXPIRES,
    PRAGMA,
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("want-digest"),
    HeaderName::from_static("surrogate-control"),
    HeaderName::from_static("surrogate-key"),
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("cloudflare-cdn-cache-control"),
    HeaderName::from_static("x-accel-expires"),
];

/// The trace that a request belongs to (W3C Trace Context §3.2): nothing but a well-formed name is let into the log.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = version.len() == 2 && hex(version) && version != "ff" && trace.len() == 32 && hex(trace);
    (well_formed && trace.bytes().any(|byte| byte != b'0')).then_some(trace)
}

/// About how many bytes a request's head takes on the wire.
pub(super) fn size(request: &RequestView<'_>) -> u64 {
    // `: ` and CR LF a line.
    let lines: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (lines + request.path.len() + request.query.len() + request.authority.len()) as u64
}

/// Who a request comes from, through however many trusted proxies.
pub(super) fn client_of(request: &RequestView<'_>, trusts: impl Fn(IpAddr) -> bool) -> IpAddr {
    if !trusts(request.peer) {
        return request.peer;
    }
    let hops: Vec<&str> = request
        .headers
        .get_all(&X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut client = request.peer;
    // From the right: each entry was written by the proxy after it, so it is believed as far as that one is trusted.
    for hop in hops.iter().rev() {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !trusts(address) {
            break;
        }
    }
    client
}

fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_matches('"');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    bare.parse::<std::net::SocketAddr>().ok().map(|address| address.ip().to_canonical())
}

/// Whether the visitor came by https.
pub(super) fn is_https(request: &RequestView<'_>, trusted: bool) -> bool {
    if trusted && let Some(proto) = request.headers.get(&X_FORWARDED_PROTO).and_then(|value| value.to_str().ok()) {
        return proto.split(',').next().is_some_and(|first| first.trim().eq_ignore_ascii_case("https"));
    }
    request.tls
}

/// Sets the forwarding headers: never believed from outside the trusted proxies, always right towards the shop.
pub(super) fn forwarding(edits: &mut HeaderEdits, request: &RequestView<'_>, trusted: bool, https: bool, host: &str) {
    let peer = request.peer.to_string();
    let earlier: Vec<&str> = if trusted {
        request.headers.get_all(&X_FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect()
    } else {
        Vec::new()
    };
    let chain = if earlier.is_empty() { peer } else { format!("{}, {peer}", earlier.join(", ")) };
    set(edits, X_FORWARDED_FOR, &chain);
    set(edits, X_FORWARDED_PROTO, if https { "https" } else { "http" });
    if !(trusted && request.headers.contains_key(&X_FORWARDED_HOST)) {
        set(edits, X_FORWARDED_HOST, request.authority);
    }
    let taken_off = |name: &&HeaderName| tells_where_from(name.as_str()) && (!trusted || name.as_str().contains('_'));
    edits.remove.extend(request.headers.keys().filter(taken_off).cloned());
    set(edits, HOST, host);
}

/// Whether a header says who asks, or how: only a proxy may, and shops believe it. Many servers take `_` for `-` in names,
/// and no proxy writes it so.
fn tells_where_from(name: &str) -> bool {
    let dashed;
    let name = if name.contains('_') {
        dashed = name.replace('_', "-");
        &dashed
    } else {
        name
    };
    name.starts_with("x-forwarded")
        || matches!(
            name,
            "forwarded"
                | "x-real-ip"
                | "true-client-ip"
                | "client-ip"
                | "x-client-ip"
                | "x-cluster-client-ip"
                | "x-original-forwarded-for"
                | "cf-connecting-ip"
                | "cf-connecting-ipv6"
                | "fastly-client-ip"
                | "x-remote-ip"
                | "x-remote-addr"
        )
}

/// Keeps the shop from answering with a part of a page, or with "not modified": the visitor's page may be another.
pub(super) fn whole_answer(edits: &mut HeaderEdits) {
    edits.remove.extend([RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_MATCH, IF_UNMODIFIED_SINCE]);
}

/// Headers of a page that is changed for one visitor. These come last of all header edits.
pub(super) fn personalised(edits: &mut HeaderEdits) {
    edits.remove.extend(UNTRUE_AFTER_A_CHANGE.iter().cloned());
    edits.remove.push(CONTENT_LENGTH);
    edits.set.push((CACHE_CONTROL, HeaderValue::from_static("private, no-store")));
}

/// Takes off what concerns only the connection to the shop (RFC 9110 §7.6.1). Framing is the proxy's own affair.
pub(super) fn end_to_end(edits: &mut HeaderEdits, status: StatusCode, headers: &HeaderMap) {
    // A protocol switch is agreed on by these very headers.
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    for named in headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        if let Ok(name) = HeaderName::from_bytes(named.trim_ascii())
            && !FRAMING.contains(&name)
        {
            edits.remove.push(name);
        }
    }
    edits.remove.extend(CONNECTION_ONLY.iter().filter(|name| headers.contains_key(*name)).cloned());
}

/// Where a shop insists on a name of its own, keeps its redirects and cookies at the name that the visitor came by.
///
/// Byte by byte: neither paths nor cookies need be ASCII.
pub(super) fn public_names(edits: &mut HeaderEdits, headers: &HeaderMap, own_host: &str, public: &str, https: bool) {
    for name in [LOCATION, CONTENT_LOCATION] {
        let Some(rest) = headers.get(&name).and_then(|value| below(value.as_bytes(), own_host)) else { continue };
        let scheme: &[u8] = if https { b"https://" } else { b"http://" };
        if let Ok(value) = HeaderValue::from_bytes(&[scheme, public.as_bytes(), rest].concat()) {
            edits.set.push((name, value));
        }
    }
    let cookies: Vec<&HeaderValue> = headers.get_all(SET_COOKIE).iter().collect();
    if cookies.iter().any(|cookie| without_domain(cookie, own_host).is_some()) {
        edits.remove.push(SET_COOKIE);
        let kept = cookies.into_iter().map(|cookie| without_domain(cookie, own_host).unwrap_or_else(|| cookie.clone()));
        edits.append.extend(kept.map(|cookie| (SET_COOKIE, cookie)));
    }
}

/// What follows the authority, if an absolute address is of the shop's own host.
fn below<'a>(location: &'a [u8], own_host: &str) -> Option<&'a [u8]> {
    let scheme =
        |name: &[u8]| location.split_at_checked(name.len()).filter(|(start, _)| start.eq_ignore_ascii_case(name));
    let rest = scheme(b"https:").or_else(|| scheme(b"http:")).map_or(location, |(_, rest)| rest);
    let rest = rest.strip_prefix(b"//")?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    authority.eq_ignore_ascii_case(own_host.as_bytes()).then_some(rest)
}

/// A cookie without its `Domain`, if that is the shop's own host or above it: a browser would refuse it from another name.
fn without_domain(cookie: &HeaderValue, own_host: &str) -> Option<HeaderValue> {
    let name = own_host.split(':').next().unwrap_or(own_host).as_bytes();
    let covers = |domain: &[u8]| {
        let domain = domain.trim_ascii();
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        let above = name.len().checked_sub(domain.len()).and_then(|at| name.split_at_checked(at));
        above.is_some_and(|(label, tail)| {
            tail.eq_ignore_ascii_case(domain) && (label.is_empty() || label.last() == Some(&b'.'))
        })
    };
    let is_domain = |part: &[u8]| {
        let equals = memchr::memchr(b'=', part).and_then(|at| part.split_at_checked(at));
        equals.is_some_and(|(key, value)| {
            key.trim_ascii().eq_ignore_ascii_case(b"domain") && value.get(1..).is_some_and(covers)
        })
    };
    let mut parts = cookie.as_bytes().split(|byte| *byte == b';');
    let mut kept = parts.next().unwrap_or_default().to_vec();
    let mut found = false;
    for part in parts {
        if is_domain(part) {
            found = true;
        } else {
            kept.push(b';');
            kept.extend_from_slice(part);
        }
    }
    if found { HeaderValue::from_bytes(&kept).ok() } else { None }
}

/// Whether a shared cache may keep the response as it is (RFC 9111 §3, RFC 9213).
///
/// Such a response must not carry a visitor's cookie: the cache might hand one visitor's to another.
pub(super) fn for_shared_caches(headers: &HeaderMap) -> bool {
    let says = |value: &HeaderValue| {
        String::from_utf8_lossy(value.as_bytes())
            .split(',')
            .map(|word| word.trim().to_ascii_lowercase())
            .any(|word| word == "public" || word.strip_prefix("s-maxage=").is_some_and(|seconds| seconds != "0"))
    };
    headers.get_all(CACHE_CONTROL).iter().any(says)
        || headers.contains_key("surrogate-control")
        || headers.contains_key("cdn-cache-control")
        || headers.contains_key("cloudflare-cdn-cache-control")
}

fn set(edits: &mut HeaderEdits, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        edits.set.push((name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, Version};

    fn request<'a>(headers: &'a HeaderMap, peer: &str, method: &'a Method) -> RequestView<'a> {
        RequestView {
            method,
            path: "/",
            query: "",
            authority: "shop.example",
            host: "shop.example",
            version: Version::HTTP_11,
            headers,
            peer: peer.parse().unwrap(),
            tls: false,
        }
    }

    fn trusts(address: IpAddr) -> bool {
        address.to_string().starts_with("10.")
    }

    fn value<'e>(edits: &'e HeaderEdits, name: &HeaderName) -> Option<&'e str> {
        edits.set.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.to_str().ok())
    }

    #[test]
    fn a_spoofed_forwarded_address_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
        let method = Method::GET;
        let request = request(&headers, "203.0.113.9", &method);
        assert_eq!(client_of(&request, trusts).to_string(), "203.0.113.9");
        assert!(!is_https(&request, false));
        let mut edits = HeaderEdits::default();
        forwarding(&mut edits, &request, false, false, "shop.example");
        assert_eq!(value(&edits, &X_FORWARDED_FOR), Some("203.0.113.9"));
        assert_eq!(value(&edits, &X_FORWARDED_PROTO), Some("http"));
        assert!(edits.remove.contains(&X_FORWARDED_FOR) && edits.remove.contains(&X_FORWARDED_PROTO));
    }

    #[test]
    fn whatever_else_a_stranger_claims_is_taken_off_however_it_is_written() {
        let claims =
            ["forwarded", "x-real-ip", "x-forwarded-port", "x-forwarded-scheme", "x_forwarded_for", "x_real-ip"];
        let mut headers = HeaderMap::new();
        for name in claims.into_iter().chain(["x-forward", "x-request-id", "x_custom"]) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("6.6.6.6"));
        }
        let removed = |peer: &str, trusted: bool| {
            let mut edits = HeaderEdits::default();
            forwarding(&mut edits, &request(&headers, peer, &Method::GET), trusted, false, "shop.example");
            let mut names: Vec<String> = edits.remove.iter().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        let mut all = claims.map(str::to_owned);
        all.sort();
        assert_eq!(removed("203.0.113.9", false), all);
        assert_eq!(removed("10.0.0.2", true), ["x_forwarded_for", "x_real-ip"], "no proxy writes it so");
    }

    #[test]
    fn what_is_not_ascii_is_seen_through_as_well() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_bytes(b"x-s, \xff").unwrap());
        headers.insert(LOCATION, HeaderValue::from_bytes("http://shop.internal/日本".as_bytes()).unwrap());
        headers.insert(SET_COOKIE, HeaderValue::from_bytes("s=日本; Domain=shop.internal".as_bytes()).unwrap());
        headers.insert(CACHE_CONTROL, HeaderValue::from_bytes(b"x=\xff, public").unwrap());
        let mut edits = HeaderEdits::default();
        end_to_end(&mut edits, StatusCode::OK, &headers);
        assert!(edits.remove.contains(&HeaderName::from_static("x-s")));
        public_names(&mut edits, &headers, "shop.internal", "shop.example", false);
        assert_eq!(edits.set[0].1.as_bytes(), "http://shop.example/日本".as_bytes());
        assert_eq!(edits.append[0].1.as_bytes(), "s=日本".as_bytes());
        assert!(for_shared_caches(&headers));
    }

    #[test]
    fn a_trusted_proxys_client_is_believed_and_the_chain_grows() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("6.6.6.6, 198.51.100.7, 10.0.0.3"));
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
        let method = Method::GET;
        let request = request(&headers, "10.0.0.2", &method);
        assert_eq!(client_of(&request, trusts).to_string(), "198.51.100.7");
        assert!(is_https(&request, true));
        let mut edits = HeaderEdits::default();
        forwarding(&mut edits, &request, true, true, "shop.example");
        assert_eq!(value(&edits, &X_FORWARDED_FOR), Some("6.6.6.6, 198.51.100.7, 10.0.0.3, 10.0.0.2"));
    }

    #[test]
    fn redirects_and_cookies_of_the_shops_own_name_stay_at_the_public_one() {
        let mapped = |name: HeaderName, text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(text));
            let mut edits = HeaderEdits::default();
            public_names(&mut edits, &headers, "shop.example", "localhost:8080", false);
            edits.set.into_iter().chain(edits.append).next().map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(mapped(LOCATION, "https://SHOP.example/a?b").unwrap(), "http://localhost:8080/a?b");
        assert_eq!(mapped(LOCATION, "//shop.example").unwrap(), "http://localhost:8080");
        assert_eq!(mapped(LOCATION, "https://pay.example/shop.example"), None);
        assert_eq!(mapped(LOCATION, "/a"), None);
        assert_eq!(mapped(SET_COOKIE, "s=1; Domain=.Example; Path=/").unwrap(), "s=1; Path=/");
        assert_eq!(mapped(SET_COOKIE, "s=1; domain=shop.example").unwrap(), "s=1");
        assert_eq!(mapped(SET_COOKIE, "domain=shop.example; Path=/"), None);
        assert_eq!(mapped(SET_COOKIE, "s=1; Domain=op.example"), None);
    }

    #[test]
    fn only_a_well_formed_trace_is_let_into_the_log() {
        let with = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(text));
            trace_id(&headers).map(str::to_owned)
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(with("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").as_deref(), Some(trace));
        assert_eq!(with("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(with("00-someone@example.com-00f067aa0ba902b7-01"), None);
        assert_eq!(with("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), None);
    }

    #[test]
    fn only_what_shared_caches_may_keep_counts_as_shared() {
        let with = |name: &'static str, text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(text));
            for_shared_caches(&headers)
        };
        assert!(with("cache-control", "public, max-age=60"));
        assert!(with("cache-control", "max-age=0, s-maxage=60"));
        assert!(with("cdn-cache-control", "max-age=60"));
        assert!(!with("cache-control", "private, max-age=60"));
        assert!(!with("cache-control", "no-cache"));
    }
}
