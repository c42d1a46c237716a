//! Certificates made for a test, and clients that trust nothing else.

use super::client::{Connection, connect};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Writes a self-signed pair for `host` into a folder as `noren serve --certs` reads it.
pub(crate) fn write_certificate(folder: &Path, host: &str) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{host}.key")), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join(format!("{host}.pem")), cert.pem()).unwrap();
    cert.der().clone()
}

/// A client's settings: trust `certificate` alone, offer `protocols`.
pub(crate) fn trusting(certificate: &CertificateDer<'static>, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Opens an HTTP/1 connection over TLS; the handshake happens with the first request.
pub(crate) fn open(address: SocketAddr, host: &str, certificate: &CertificateDer<'static>) -> Connection {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let session = ClientConnection::new(trusting(certificate, &["http/1.1"]), name).unwrap();
    Connection::over(StreamOwned::new(session, connect(address)))
}

/// Whether the listener shows exactly this certificate.
pub(crate) fn is_trusted(address: SocketAddr, host: &str, certificate: &CertificateDer<'static>) -> bool {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut session = ClientConnection::new(trusting(certificate, &["http/1.1"]), name).unwrap();
    let mut stream = connect(address);
    while session.is_handshaking() {
        if session.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    session.peer_certificates().is_some_and(|chain| chain.first() == Some(certificate))
}
