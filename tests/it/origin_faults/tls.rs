//! A shop whose TLS is wrong.

use super::{HEAD, HTML, gateway_for, send};
use crate::support::faults::{Expected, Fault, broken_shop, hold, listen, try_all};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

/// An authority and the certificates that it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A shop over TLS with a certificate for `name`, valid until the end of a year.
    fn shop(&self, name: &str, until: i32) -> SocketAddr {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate: CertificateDer<'static> = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
        listen(move |stream| {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            let mut bytes = [0; 16 * 1024];
            while matches!(stream.read(&mut bytes), Ok(1..)) {
                let answer = format!("{HEAD}Content-Length: {}\r\n\r\n{HTML}", HTML.len());
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        })
    }
}

#[test]
fn broken_tls_is_a_bad_gateway_and_never_a_page() {
    use Expected::{Error, Page};
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = tempfile::TempDir::new().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &ours.pem).unwrap();
    let trust = format!("ca = '{}'\n", ca.display());
    let greeting = listen(|stream| {
        send(stream, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        hold(stream);
    });
    let rude = listen(|stream| {
        // Unread bytes make the close a reset.
        let _ = stream.peek(&mut [0; 16]);
    });
    let shy = listen(hold);
    let sites = [
        ("good.example", ours.shop("good.example", 2099)),
        ("expired.example", ours.shop("expired.example", 2021)),
        ("wrong.example", ours.shop("another.example", 2099)),
        ("unknown.example", theirs.shop("unknown.example", 2099)),
        ("plaintext.example", greeting),
        ("rude.example", rude),
        ("shy.example", shy),
    ];
    let others: Vec<_> =
        sites.iter().map(|(host, address)| (*host, format!("https://{address}"), trust.as_str())).collect();
    let (gateway, _rules) = gateway_for(broken_shop(&mut []), &others);
    let faults = [
        Fault::of_site("none: a certificate that is right", "good.example", Page(HTML.into())),
        Fault::of_site("expired certificate", "expired.example", Error(502)),
        Fault::of_site("certificate for another name", "wrong.example", Error(502)),
        Fault::of_site("certificate of an unknown authority", "unknown.example", Error(502)),
        Fault::of_site("plain HTTP on the TLS port", "plaintext.example", Error(502)),
        Fault::of_site("reset within the handshake", "rude.example", Error(502)),
        Fault::of_site("silence within the handshake", "shy.example", Error(504)).slow(),
    ];
    try_all("origin-faults-tls", &gateway, &faults);
}
