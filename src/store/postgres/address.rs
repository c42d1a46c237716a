//! A PostgreSQL server's address: `postgres://user:password@host/database?sslmode=…`.
//!
//! Decides what `sslmode` means, which is what it means to PostgreSQL's own programs, except that `verify-ca` looks at the
//! server's name as well. Nothing that is shown or logged has the password in it.

use crate::store::StoreError;
use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A server's address, taken apart.
pub(super) struct Address {
    pub(super) config: tokio_postgres::Config,
    /// `None`: never.
    pub(super) tls: Option<MakeRustlsConnect>,
    /// For logs and errors.
    pub(super) location: Arc<str>,
}

/// Which certificates are good.
enum Trust {
    Any,
    System,
    File(String),
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let refuse = |reason: String| StoreError::Open {
            location: format!("{}:…", url.split(':').next().unwrap_or_default()),
            reason,
            remedy: "write it like postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full",
        };
        let (rest, mode, root) = without_ssl(url);
        // The parser's own words may quote the address.
        let mut config: tokio_postgres::Config =
            rest.parse().map_err(|_| refuse("its address cannot be understood".to_owned()))?;
        let location: Arc<str> = location(&config).into();
        let over_socket = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let (ssl, trust) = match (mode.as_deref(), root) {
            (Some("disable"), _) => (SslMode::Disable, None),
            _ if over_socket => (SslMode::Disable, None),
            (None | Some("prefer" | "allow"), _) => (SslMode::Prefer, Some(Trust::Any)),
            (Some("require"), None) => (SslMode::Require, Some(Trust::Any)),
            (Some("verify-ca" | "verify-full"), None) => (SslMode::Require, Some(Trust::System)),
            (Some("require" | "verify-ca" | "verify-full"), Some(file)) => (SslMode::Require, Some(Trust::File(file))),
            (Some(other), _) => return Err(refuse(format!("its sslmode `{other}` is unknown"))),
        };
        config.ssl_mode(ssl).application_name("noren");
        let tls = trust.map(Trust::connector).transpose().map_err(|reason| StoreError::Open {
            location: location.to_string(),
            reason,
            remedy: "name a file of certificates with sslrootcert",
        })?;
        Ok(Self { config, tls, location })
    }
}

/// An address without what it says of TLS, which the driver understands in part only.
fn without_ssl(url: &str) -> (String, Option<String>, Option<String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None, None) };
    let (mut mode, mut root, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let value = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        match pair.split_once('=') {
            Some(("sslmode", text)) => mode = Some(value(text)),
            Some(("sslrootcert", text)) if text != "system" => root = Some(value(text)),
            Some(("sslrootcert", _)) => {}
            _ => rest.push(pair),
        }
    }
    let rest = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    (rest, mode, root)
}

fn location(config: &tokio_postgres::Config) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let port = config.get_ports().get(index).or(config.get_ports().first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        })
        .collect();
    format!("postgres://{}/{}", hosts.join(","), config.get_dbname().or(config.get_user()).unwrap_or_default())
}

impl Trust {
    fn connector(self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let roots = match self {
            Self::Any => {
                let any = Arc::new(AnyCertificate(provider));
                let config = builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth();
                return Ok(MakeRustlsConnect::new(config));
            }
            Self::System => {
                let config = builder.with_native_roots().map_err(|error| error.to_string())?.with_no_client_auth();
                return Ok(MakeRustlsConnect::new(config));
            }
            Self::File(path) => {
                let read = |error| format!("{path}: {error}");
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| read(error.to_string()))? {
                    let certificate = certificate.map_err(|error| read(error.to_string()))?;
                    roots.add(certificate).map_err(|error| read(error.to_string()))?;
                }
                roots
            }
        };
        Ok(MakeRustlsConnect::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// Encryption without asking who is there: what `prefer` and `require` mean.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://noren:s3cret@db.example:6543/shop?sslmode=require", "postgres://db.example:6543/shop"),
            ("postgresql://noren:s3cret@db.example", "postgres://db.example:5432/noren"),
            ("postgres://noren:s3cret@a,b:6000/shop?target_session_attrs=read-write", "postgres://a:5432,b:6000/shop"),
            ("postgres://noren@/shop?host=/run/postgresql&sslmode=verify-full", "postgres:///run/postgresql:5432/shop"),
        ] {
            assert_eq!(&*Address::parse(url).map(|address| address.location).unwrap(), shown);
        }
    }

    #[test]
    fn sslmode_decides_on_encryption() {
        let mode = |query: &str| {
            let address = Address::parse(&format!("postgres://noren@db.example/shop?{query}")).unwrap();
            (address.config.get_ssl_mode(), address.tls.is_some())
        };
        assert_eq!(mode("sslmode=disable"), (SslMode::Disable, false));
        assert_eq!(mode("connect_timeout=3"), (SslMode::Prefer, true));
        assert_eq!(mode("sslmode=require"), (SslMode::Require, true));
        let file = tempfile::NamedTempFile::new().unwrap();
        let certified = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
        std::fs::write(file.path(), certified.cert.pem()).unwrap();
        let root = format!("sslmode=verify-full&sslrootcert={}", file.path().display());
        assert_eq!(mode(&root), (SslMode::Require, true));
    }

    #[test]
    fn address_that_cannot_be_understood_is_refused_without_quoting_it() {
        for url in [
            "postgres://noren:s3cret@db.example:port/shop",
            "postgres://noren:s3cret@db.example/shop?sslmode=full",
            "postgres://noren:s3cret@db.example/shop?sslmode=verify-full&sslrootcert=/nowhere",
            "postgres://noren:s3cret@db.example/shop?nonsense=1",
        ] {
            let error = Address::parse(url).err().unwrap().to_string();
            assert!(!error.contains("s3cret") && error.contains("cannot open the store at postgres:"), "{error}");
        }
    }
}
