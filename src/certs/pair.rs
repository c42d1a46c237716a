//! One certificate and its key: read, checked, made.

use super::Present;
use crate::config::diagnostic::Problems;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use std::path::Path;
use x509_parser::prelude::FromDer;

/// Warned of so long before it expires: a renewal that failed is noticed while there is time.
const NOTICE: i64 = 14 * 86_400;

/// Loads `STEM.pem` and `STEM.key`; `None` means that there were errors.
pub(super) fn load(
    folder: &Path,
    stem: &str,
    name: &str,
    present: &Present,
    now: Timestamp,
    problems: &mut Problems,
) -> Option<CertifiedKey> {
    let (certificate_file, key_file) = (format!("{stem}.pem"), format!("{stem}.key"));
    if !present.certificate || !present.key {
        let (there, missing) =
            if present.key { (&key_file, &certificate_file) } else { (&certificate_file, &key_file) };
        let help = format!("put `{missing}` beside it, or remove it");
        problems.error("incomplete-pair", Path::new(there), 0..0, format!("`{missing}` is missing"), Some(help));
        return None;
    }
    let chain = read(folder, &certificate_file, problems, "the certificate and its chain", |pem| {
        CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok().filter(|chain| !chain.is_empty())
    });
    let key = read(folder, &key_file, problems, "the private key", |pem| PrivateKeyDer::from_pem_slice(pem).ok());
    let (chain, key) = (chain?, key?);
    match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
        Ok(pair) => {
            check(&pair, name, now, Path::new(&certificate_file), problems);
            Some(pair)
        }
        Err(error) => {
            let help = format!("see that `{key_file}` is the key that `{certificate_file}` was made with");
            let message = format!("certificate and key do not make a pair: {error}");
            problems.error("bad-pair", Path::new(&certificate_file), 0..0, message, Some(help));
            None
        }
    }
}

fn read<T>(
    folder: &Path,
    file: &str,
    problems: &mut Problems,
    what: &str,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let path = Path::new(file);
    match std::fs::read(folder.join(file)) {
        Ok(bytes) => {
            let found = parse(&bytes);
            if found.is_none() {
                let help = format!("put {what} there in PEM: a text that begins with `-----BEGIN`");
                problems.error("not-pem", path, 0..0, format!("{what} cannot be read from it"), Some(help));
            }
            found
        }
        Err(error) => {
            let help = "let the user that Noren runs as read it (`chmod`, `chown`)".to_owned();
            problems.error("unreadable-file", path, 0..0, format!("the file cannot be read: {error}"), Some(help));
            None
        }
    }
}

/// Warns of what browsers will complain of. A bad certificate is served all the same: none at all would be worse.
fn check(pair: &CertifiedKey, name: &str, now: Timestamp, file: &Path, problems: &mut Problems) {
    let Some(leaf) = pair.cert.first() else { return };
    if let Ok((_, certificate)) = x509_parser::certificate::X509Certificate::from_der(leaf) {
        let validity = certificate.validity();
        let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let day = |second: i64| Timestamp::from_second(second).map_or_else(|_| "?".to_owned(), |at| at.to_string());
        let now = now.as_second();
        let renew = Some("renew it: browsers refuse it otherwise".to_owned());
        if now >= until {
            problems.warning("expired", file, 0..0, format!("it expired on {}", day(until)), renew);
        } else if now >= until - NOTICE {
            problems.warning("expires-soon", file, 0..0, format!("it expires on {}", day(until)), renew);
        } else if now < from {
            let help = Some("see that the machine's clock is right".to_owned());
            problems.warning("not-yet-valid", file, 0..0, format!("it is valid only from {}", day(from)), help);
        }
    }
    let host = if name.starts_with('.') { format!("any{name}") } else { name.to_owned() };
    let covered = ParsedCertificate::try_from(leaf).is_ok_and(|parsed| {
        ServerName::try_from(host.as_str()).is_ok_and(|host| rustls::client::verify_server_name(&parsed, &host).is_ok())
    });
    if !covered {
        let help = Some("name the files after the host that the certificate is for".to_owned());
        problems.warning("other-name", file, 0..0, format!("the certificate is not for `{host}`"), help);
    }
}

/// Makes a certificate that nobody vouches for.
pub(super) fn self_signed(names: Vec<String>) -> Result<CertifiedKey, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.self_signed(&key)?;
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    CertifiedKey::from_der(vec![certificate.der().clone()], secret, &ring::default_provider())
        .map_err(|_| rcgen::Error::KeyGenerationUnavailable)
}
