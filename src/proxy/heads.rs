//! Converts heads between pingora's types and ours.

use crate::exchange::{Answer, HeadEdits, RequestView};
use crate::plan::HeaderEdits;
use crate::site::Origin;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::proxy::Session;
use pingora::upstreams::peer::PeerOptions;
use pingora::utils::tls::{WrappedX509, parse_x509};
use pingora::{Error, ErrorType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::{IpAddr, Ipv4Addr};
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
        let mut hosts = request.headers.get_all(HOST).iter();
        let named = hosts.next().and_then(|value| value.to_str().ok());
        if hosts.next().is_some() {
            return Err(Answer::error(400));
        }
        // RFC 9112 §3.2.2: the authority of an absolute target overrides Host; HTTP/2 has `:authority`.
        let authority = request.uri.authority().map(http::uri::Authority::as_str).or(named).unwrap_or_default();
        if authority.contains('@') {
            return Err(Answer::error(400));
        }
        let host = without_port(authority).trim_end_matches('.').to_ascii_lowercase();
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

/// The host of an authority, without port; IPv6 literals keep their brackets.
fn without_port(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if !authority.get(colon..).is_some_and(|rest| rest.contains(']')) => {
            authority.get(..colon).unwrap_or(authority)
        }
        _ => authority,
    }
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
    use super::without_port;

    #[test]
    fn a_port_is_cut_off_and_an_ipv6_literal_is_kept() {
        assert_eq!(without_port("shop.example:8443"), "shop.example");
        assert_eq!(without_port("shop.example"), "shop.example");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
    }
}
