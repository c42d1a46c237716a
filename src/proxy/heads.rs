//! Converts heads between pingora's types and ours.

use crate::exchange::{Answer, HeadEdits, RequestView};
use crate::plan::HeaderEdits;
use crate::site::Origin;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::proxy::Session;
use pingora::upstreams::peer::PeerOptions;
use pingora::utils::tls::{WrappedX509, parse_x509};
use pingora::{Error, ErrorType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of a request besides its head.
#[derive(Debug, Clone)]
pub(super) struct Front {
    host: String,
    peer: IpAddr,
    tls: bool,
}

impl Front {
    /// Reads host and peer of a request.
    ///
    /// # Errors
    /// A 400 for a request without one clear host (RFC 9112 §3.2).
    pub(super) fn read(session: &Session) -> Result<Self, Answer> {
        let request = session.req_header();
        if !is_framed_in_one_way(request) {
            return Err(Answer::error(400));
        }
        let mut hosts = request.headers.get_all(HOST).iter();
        let named = hosts.next();
        if hosts.next().is_some() {
            return Err(Answer::error(400));
        }
        // RFC 9112 §3.2.2: the authority of an absolute target overrides Host; HTTP/2 has `:authority`.
        let authority = match (request.uri.authority(), named) {
            (Some(authority), _) => authority.as_str(),
            (None, Some(host)) => host.to_str().map_err(|_| Answer::error(400))?,
            // HTTP/1.0 knew no Host: such a request is of no shop, but it is well formed.
            (None, None) if request.version == Version::HTTP_10 => "",
            (None, None) => return Err(Answer::error(400)),
        };
        let host = match host_of(authority) {
            Some(host) => host.to_ascii_lowercase(),
            None if authority.is_empty() && request.version == Version::HTTP_10 => String::new(),
            None => return Err(Answer::error(400)),
        };
        let peer = match session.client_addr() {
            Some(SocketAddr::Inet(address)) => address.ip().to_canonical(),
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
        Ok(Self { host, peer, tls })
    }

    pub(super) fn view<'a>(&'a self, request: &'a RequestHeader) -> RequestView<'a> {
        RequestView {
            method: &request.method,
            path: request.uri.path(),
            query: request.uri.query().unwrap_or_default(),
            authority: request
                .uri
                .authority()
                .map(http::uri::Authority::as_str)
                .or_else(|| request.headers.get(HOST).and_then(|value| value.to_str().ok()))
                .unwrap_or_default(),
            host: &self.host,
            version: request.version,
            headers: &request.headers,
            peer: self.peer,
            tls: self.tls,
        }
    }
}

/// The address of a connection's other end.
pub(super) fn peer_of(stream: &Stream) -> Option<IpAddr> {
    match stream.get_socket_digest()?.peer_addr()? {
        SocketAddr::Inet(address) => Some(address.ip().to_canonical()),
        SocketAddr::Unix(_) => None,
    }
}

/// Whether a request's length can be told in one way only (RFC 9112 §6.3), by every server on its way.
///
/// Stricter than the RFC, which lets a recipient take the same length said twice, or prefer one of two framings.
fn is_framed_in_one_way(request: &RequestHeader) -> bool {
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    let (length, coding) = (lengths.next(), codings.next());
    if lengths.next().is_some() || codings.next().is_some() || (length.is_some() && coding.is_some()) {
        return false;
    }
    let is_number = |value: &[u8]| (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    length.is_none_or(|value| is_number(value.as_bytes()))
        && coding.is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// The host of an authority, without port and without the root's dot; nothing if it is no `host [":" port]`
/// (RFC 9110 §7.2), since the shop would hear whatever else it holds. IPv6 literals keep their brackets.
fn host_of(authority: &str) -> Option<&str> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    if let Some(literal) = host.strip_prefix('[') {
        return literal.trim_end_matches(']').parse::<Ipv6Addr>().ok().map(|_| host);
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.split('.').all(is_label).then_some(host)
}

/// Carries out edits of the head that goes to the origin.
pub(super) fn apply_request(request: &mut RequestHeader, edits: HeaderEdits) -> pingora::Result<()> {
    for name in &edits.remove {
        request.remove_header(name);
    }
    for (name, value) in edits.set {
        request.insert_header(name, value)?;
    }
    for (name, value) in edits.append {
        request.append_header(name, value)?;
    }
    Ok(())
}

/// Most 1xx heads that may come before a response.
const MOST_INFORMATIONAL: u32 = 32;

/// Refuses heads of the shop's that would mean something else to the client than to us.
///
/// # Errors
/// When the exchange must end as a bad gateway.
pub(super) fn check_response(
    response: &ResponseHeader,
    request: &RequestHeader,
    informational: u32,
) -> pingora::Result<()> {
    let refused = |why| Err(Error::explain(ErrorType::InvalidHTTPHeader, why).into_up());
    if informational >= MOST_INFORMATIONAL {
        return refused("too many informational heads");
    }
    // RFC 9110 §15.2.2: the client would go on in a protocol that it never asked for.
    if response.status == StatusCode::SWITCHING_PROTOCOLS && !request.headers.contains_key(UPGRADE) {
        return refused("a switch of protocols that nobody asked for");
    }
    // RFC 9112 §7: none but `chunked` was offered, and none but that is undone on the way.
    let mut codings = response.headers.get_all(TRANSFER_ENCODING).iter();
    let chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|coding| !chunked(coding)) || codings.next().is_some() {
        return refused("a transfer coding that was not offered");
    }
    Ok(())
}

/// Carries out edits of the head that goes to the client.
pub(super) fn apply_response(response: &mut ResponseHeader, edits: HeadEdits, http1: bool) -> pingora::Result<()> {
    for name in &edits.headers.remove {
        response.remove_header(name);
    }
    for (name, value) in edits.headers.set {
        response.insert_header(name, value)?;
    }
    for (name, value) in edits.headers.append {
        response.append_header(name, value)?;
    }
    if edits.new_length {
        response.remove_header(&CONTENT_LENGTH);
        // pingora adds it only before this filter runs, when the length is still there.
        if http1 && edits.has_body {
            // An HTTP/1.0 shop's version must not be relayed with a framing that 1.0 does not know.
            response.set_version(http::Version::HTTP_11);
            response.insert_header(TRANSFER_ENCODING, "chunked")?;
        }
    }
    Ok(())
}

/// Takes chunks off a response; says whether there were any.
pub(super) fn unchunk(response: &mut ResponseHeader) -> bool {
    response.remove_header(&TRANSFER_ENCODING).is_some()
}

/// Sets timeouts, protocol and verification as the site says.
pub(super) fn configure(options: &mut PeerOptions, origin: &Origin, tls: bool) {
    options.connection_timeout = Some(origin.connect_timeout);
    options.total_connection_timeout = Some(origin.connect_timeout);
    options.read_timeout = Some(origin.read_timeout);
    options.write_timeout = Some(origin.write_timeout);
    options.idle_timeout = Some(origin.idle_timeout);
    options.verify_cert = origin.verify;
    options.verify_hostname = origin.verify;
    options.alpn = super::protocol(origin, tls);
    options.max_h2_streams = 100;
    if let Some(path) = origin.ca.as_deref() {
        options.ca = authorities(path);
    }
}

type Authorities = Arc<[WrappedX509]>;

/// Reads a shop's own authorities once a path; the rules were checked when they were loaded.
fn authorities(path: &Path) -> Option<Authorities> {
    static KNOWN: Mutex<Vec<(PathBuf, Authorities)>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known.iter().find(|(at, _)| at == path) {
        return Some(found.clone());
    }
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path).ok()?.flatten().collect();
    let made: Authorities = certificates
        .iter()
        // What rustls cannot take as an anchor, the parser below would panic on.
        .filter(|der| rustls::RootCertStore::empty().add((*der).clone()).is_ok())
        .map(|der| WrappedX509::new(der.to_vec(), parse_x509))
        .collect();
    known.push((path.to_owned(), made.clone()));
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_cut_off_and_an_ipv6_literal_is_kept() {
        for (authority, host) in [
            ("shop.example:8443", "shop.example"),
            ("shop.example", "shop.example"),
            ("Shop_1.example.", "Shop_1.example"),
            ("shop.example:", "shop.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(host_of(authority), Some(host), "{authority}");
        }
    }

    #[test]
    fn what_is_no_host_names_no_shop() {
        for authority in [
            "",
            ".",
            ":80",
            "shop.example:x",
            "shop.example:80:80",
            "shop.example:65536",
            "shop..example",
            "shop.example..",
            "shop.example/x",
            "shop.example?x",
            "shop.example#x",
            "shop.example\\x",
            "a@shop.example",
            "shop.example,x",
            "shop.example x",
            "shop.example<x>",
            "shop%2eexample",
            "[::1",
            "[::1]x",
            "[shop.example]",
            "[]",
            "::1",
            "店.example",
        ] {
            assert_eq!(host_of(authority), None, "{authority}");
        }
    }

    #[test]
    fn length_can_be_told_in_one_way_only() {
        let framed = |fields: &[(&'static str, &str)]| {
            let mut request = RequestHeader::build("POST", b"/", None).unwrap();
            for (name, value) in fields {
                request.append_header(*name, *value).unwrap();
            }
            is_framed_in_one_way(&request)
        };
        assert!(framed(&[]));
        assert!(framed(&[("content-length", "0")]));
        assert!(framed(&[("transfer-encoding", "Chunked")]));
        for value in ["", "+5", "-5", "5,5", "5, 5", "5 5", "0x5", "5.0", "9999999999999999999", "five"] {
            assert!(!framed(&[("content-length", value)]), "{value:?}");
        }
        for value in ["", "identity", "gzip, chunked", "chunked, identity", "xchunked", "chunked;x"] {
            assert!(!framed(&[("transfer-encoding", value)]), "{value:?}");
        }
        assert!(!framed(&[("content-length", "5"), ("content-length", "5")]));
        assert!(!framed(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]));
        assert!(!framed(&[("content-length", "5"), ("transfer-encoding", "chunked")]));
    }
}
