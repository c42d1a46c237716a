//! Fuzz target: any request's head and any answer's head through the whole header policy.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

use super::{RequestView, headers};
use crate::facts::attributes::{ATTRIBUTES, AttributeId};
use crate::facts::{Customer, FactSource, Facts, source};
use crate::fuzzing::Input;
use crate::plan::HeaderEdits;
use crate::store::profile::{PageViewed, Profile};
use crate::transform::{
    Coding, ResponseView, accept_encoding_for_origin, choose_coding, csp, eligible, is_document_request,
};
use crate::visitor::Caller;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, LOCATION, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use jiff::{Timestamp, tz::TimeZone};
use std::net::IpAddr;

const PEERS: &[&str] = &["203.0.113.9", "10.0.0.2", "2001:db8::1"];
const OWN: &str = "shop.internal:8443";
const PUBLIC: &str = "shop.example";

/// `METHOD PATH QUERY HOST`, a line a header, an empty line, a status, a line a header.
pub fn heads(data: &[u8]) {
    let mut input = Input::new(data);
    let peer: IpAddr = input.of(PEERS).parse().expect("an address");
    let (tls, insists) = (input.flag(), input.flag());
    let text = input.rest();
    let at = memchr::memmem::find(text, b"\n\n").unwrap_or(text.len());
    let (request, answer) = text.split_at(at);
    let (first, request) = head(request);
    let (status, answer) = head(answer.get(2..).unwrap_or_default());

    let mut words = first.split(' ');
    let method = words.next().and_then(|word| word.parse().ok()).unwrap_or(Method::GET);
    let (path, query) = (words.next().unwrap_or("/"), words.next().unwrap_or_default());
    let authority = words.next().filter(|host| HeaderValue::from_str(host).is_ok()).unwrap_or(PUBLIC);
    let host = authority.to_ascii_lowercase();
    let headers = &request;
    let view = RequestView {
        method: &method,
        path,
        query,
        authority,
        host: &host,
        version: Version::HTTP_11,
        headers,
        peer,
        tls,
    };
    let status = status.parse().unwrap_or(StatusCode::OK);

    to_the_shop(&view, if insists { OWN } else { authority });
    to_the_client(&view, status, &answer, insists.then_some(OWN));
    policies(&answer);
    facts(&view, status);
}

fn head(text: &[u8]) -> (String, HeaderMap) {
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            headers.append(name, value);
        }
    }
    (first, headers)
}

fn trusts(address: IpAddr) -> bool {
    address.to_string().starts_with("10.")
}

/// The head as it goes on, and every edit a header that may stand on the wire.
fn applied(headers: &HeaderMap, edits: &HeaderEdits) -> HeaderMap {
    let mut headers = headers.clone();
    for name in &edits.remove {
        headers.remove(name);
    }
    for (name, value) in &edits.set {
        headers.insert(name, value.clone());
    }
    for (name, value) in &edits.append {
        headers.append(name, value.clone());
    }
    for value in headers.values() {
        assert!(HeaderValue::from_bytes(value.as_bytes()).is_ok(), "{value:?} breaks the head");
    }
    headers
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

fn to_the_shop(view: &RequestView<'_>, host: &str) {
    let trusted = trusts(view.peer);
    let https = headers::is_https(view, trusted);
    let client = headers::client_of(view, trusts);
    assert!(trusted || (client == view.peer && https == view.tls), "believed a stranger");
    let _ = (headers::size(view), Caller::of(view.method, view.headers));

    let mut edits = HeaderEdits::default();
    headers::forwarding(&mut edits, view, trusted, https, host);
    let document = is_document_request(view.method, view.headers);
    if document {
        headers::whole_answer(&mut edits);
        match accept_encoding_for_origin(view.headers) {
            Some(cut) => edits.set.push((ACCEPT_ENCODING, cut)),
            None => edits.remove.push(ACCEPT_ENCODING),
        }
    }
    let sent = applied(view.headers, &edits);
    assert_eq!(values(&sent, &HOST), [host.as_bytes()], "one Host, and the right one");
    let scheme = if https { "https" } else { "http" };
    assert_eq!(values(&sent, &HeaderName::from_static("x-forwarded-proto")), [scheme.as_bytes()]);
    let chain = values(&sent, &HeaderName::from_static("x-forwarded-for"));
    let peer = view.peer.to_string();
    let last = chain.first().and_then(|chain| chain.rsplit(|byte| *byte == b',').next()).map(<[u8]>::trim_ascii);
    assert!(chain.len() == 1 && last == Some(peer.as_bytes()), "the chain ends with the peer: {chain:?}");
    assert!(trusted || chain == [peer.as_bytes()], "a stranger's chain was believed");
    if !trusted {
        assert_eq!(values(&sent, &HeaderName::from_static("x-forwarded-host")), [view.authority.as_bytes()]);
        // What CGI and its kin read as the same header.
        let alike = |name: &HeaderName| name.as_str().replace('_', "-");
        let told = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
        let spoofed = sent.keys().find(|name| {
            let alike = alike(name);
            (alike.starts_with("x-forwarded") || alike == "forwarded" || alike == "x-real-ip")
                && !told.contains(&name.as_str())
        });
        assert_eq!(spoofed, None, "a stranger says where a request comes from");
    }
    if document {
        let partial = ["range", "if-range", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since"];
        assert!(partial.iter().all(|name| !sent.contains_key(*name)), "the shop may answer with less than the page");
        for value in values(&sent, &ACCEPT_ENCODING) {
            let known = |token: &[u8]| Coding::from_token(&String::from_utf8_lossy(token)).is_some();
            assert!(value.split(|byte| *byte == b',').all(known), "a coding that we cannot decode");
        }
    }
    untouched(view.headers, &sent, &edits);
}

fn to_the_client(view: &RequestView<'_>, status: StatusCode, headers: &HeaderMap, own: Option<&str>) {
    let mut edits = HeaderEdits::default();
    headers::end_to_end(&mut edits, status, headers);
    if let Some(own) = own {
        headers::public_names(&mut edits, headers, own, view.authority, view.tls);
    }
    let passed = applied(headers, &edits);
    untouched(headers, &passed, &edits);
    if status != StatusCode::SWITCHING_PROTOCOLS {
        hop_by_hop(headers, &passed);
    }
    if own.is_some() {
        kept_at_the_public_name(headers, &passed, view.authority);
    }
    let _ = headers::for_shared_caches(headers);
    let response = ResponseView { method: view.method, request: view.headers, status, headers };
    if let Ok(page) = eligible(&response, &[]) {
        let _ = choose_coding(page.coding, view.headers);
        headers::personalised(&mut edits);
        let personal = applied(headers, &edits);
        assert_eq!(values(&personal, &CACHE_CONTROL), [b"private, no-store"], "a shared cache might keep it");
        let untrue =
            ["etag", "last-modified", "age", "expires", "digest", "content-digest", "repr-digest", "content-md5"];
        let shared = ["surrogate-control", "cdn-cache-control", "cloudflare-cdn-cache-control", "accept-ranges"];
        let left = untrue.iter().chain(&shared).find(|name| personal.contains_key(**name));
        assert_eq!(left, None, "untrue of a page that was changed");
        assert!(!personal.contains_key(CONTENT_LENGTH));
    }
}

/// What is named by no edit is there as it was.
fn untouched(before: &HeaderMap, after: &HeaderMap, edits: &HeaderEdits) {
    let edited = |name: &HeaderName| {
        edits.remove.contains(name) || edits.set.iter().chain(&edits.append).any(|(edited, _)| edited == name)
    };
    for name in before.keys().filter(|name| !edited(name)) {
        assert_eq!(values(before, name), values(after, name), "{name}");
    }
}

/// Nothing of the connection to the shop goes on (RFC 9110 §7.6.1).
fn hop_by_hop(before: &HeaderMap, after: &HeaderMap) {
    let framing = ["content-length", "transfer-encoding", "host", "connection"];
    for named in before.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        if let Ok(name) = HeaderName::from_bytes(named.trim_ascii())
            && !framing.contains(&name.as_str())
        {
            assert!(!after.contains_key(&name), "{name} is the connection's alone");
        }
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authentication-info", "upgrade"] {
        assert!(!after.contains_key(name), "{name} is the connection's alone");
    }
}

/// Neither a redirect nor a cookie leads the visitor to the shop's own name.
fn kept_at_the_public_name(before: &HeaderMap, after: &HeaderMap, public: &str) {
    for (old, new) in values(before, &LOCATION).into_iter().zip(values(after, &LOCATION)) {
        let own = [&b"http://shop.internal:8443/"[..], b"https://shop.internal:8443/", b"//shop.internal:8443/"];
        if own.iter().any(|start| old.starts_with(start)) && values(before, &LOCATION).len() == 1 {
            let (Some(at), scheme) = (memchr::memmem::find(new, b"://"), new.starts_with(b"http")) else {
                panic!("a redirect to the shop's own name: {}", new.escape_ascii());
            };
            let rest = new.get(at + 3..).unwrap_or_default();
            assert!(scheme && rest.starts_with(public.as_bytes()), "not the public name: {}", new.escape_ascii());
        }
    }
    let (old, new) = (values(before, &SET_COOKIE), values(after, &SET_COOKIE));
    assert_eq!(old.len(), new.len(), "a cookie was lost");
    for (old, new) in old.into_iter().zip(new) {
        let pair = |cookie: &'_ [u8]| cookie.split(|byte| *byte == b';').next().map(<[u8]>::to_vec);
        assert_eq!(pair(old), pair(new), "a cookie was changed");
        let mut attributes = new.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
        let lost = attributes.find(|part| part.eq_ignore_ascii_case(b"domain=shop.internal"));
        assert!(lost.is_none(), "a cookie that a browser refuses: {}", new.escape_ascii());
    }
}

/// A policy gains what we need, and loses nothing.
fn policies(headers: &HeaderMap) {
    let lines: Vec<&str> =
        headers.get_all(CONTENT_SECURITY_POLICY).iter().filter_map(|value| value.to_str().ok()).collect();
    let sources = ["script-src https://chat.example", "img-src https://img.example"];
    let needs = csp::Needs {
        script: true,
        style: true,
        sources: &sources,
        fresh_nonce: Some("bm9uY2U"),
        types_policy: Some("gw"),
    };
    let adapted = csp::adapt(&lines, &lines, &needs);
    let base64 = |nonce: &String| nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte));
    assert!(adapted.script_nonce.iter().chain(&adapted.style_nonce).all(base64), "a nonce that is markup");
    let Some(changed) = adapted.enforced else { return };
    assert_eq!(changed.len(), lines.len(), "a policy was lost");
    let ours = [
        "script-src",
        "script-src-elem",
        "style-src",
        "style-src-elem",
        "connect-src",
        "frame-src",
        "img-src",
        "media-src",
        "trusted-types",
    ];
    let named = |text: &str| -> Vec<Vec<String>> {
        let directive = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let kept = |text: &String| {
            let name = text.split(' ').next().unwrap_or_default().to_ascii_lowercase();
            !text.is_empty() && !ours.contains(&name.as_str())
        };
        text.split(',').map(|policy| policy.split(';').map(directive).filter(kept).collect()).collect()
    };
    for (old, new) in lines.iter().zip(&changed) {
        assert!(HeaderValue::from_str(new).is_ok(), "{new:?} breaks the head");
        assert_eq!(named(old), named(new), "a directive that is not ours was changed");
    }
}

/// Whatever a client writes, every fact is of its type, and small.
fn facts(view: &RequestView<'_>, status: StatusCode) {
    let at = Timestamp::from_second(1_800_000_000).expect("a moment");
    let now = at.to_zoned(TimeZone::UTC);
    let source = source::classify(view.query, source::referrer(view.headers), view.host);
    let mut history = Profile::default();
    history.page_viewed(&PageViewed { at, path: view.path, source: &source, session_timeout: 1800 });
    let customer = Customer { fields: vec![("rank".into(), view.query.into()), ("age".into(), view.path.into())] };
    let facts = Facts {
        path: view.path,
        query: view.query,
        host: view.host,
        headers: view.headers,
        page_kind: "other",
        status: Some(status.as_u16()),
        history: Some(&history),
        id_known: true,
        is_bot: false,
        now: &now,
        geo: None,
        customer: &customer,
        content: None,
        catalogued: None,
        streaming: false,
        currency: "JPY",
        free_shipping_from: None,
        consent: crate::visitor::consent::Consent::FULL,
    };
    let _ = facts.language();
    for (attribute, index) in ATTRIBUTES.iter().zip(0..) {
        for key in [None, Some("a"), Some("utm_source"), Some("")] {
            if let Some(value) = facts.fact(AttributeId(index), key) {
                assert_eq!(value.ty(), attribute.ty, "{}", attribute.name);
            }
        }
    }
}

#[cfg(test)]
#[test]
fn no_head_breaks_the_header_policy() {
    crate::fuzzing::replay("headers", 4000, heads);
}
