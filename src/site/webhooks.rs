//! A hook: an address of another program that is told of a site's events, and the secret by which it knows that we told it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Name, unique in its site.
    pub name: Arc<str>,
    /// Where it is told: https, or http.
    pub url: Address,
    /// The events that it wants, by their names in the store.
    pub events: Vec<&'static str>,
    /// What its messages are signed with, each by all of them. Never empty.
    pub secrets: Vec<Secret>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// So long after its event a message that was not taken is dropped.
    pub give_up: Duration,
    /// Messages that wait at most; the oldest beyond it are dropped.
    pub max_waiting: u64,
}

impl Webhook {
    /// All its keys.
    ///
    /// # Errors
    /// When a file of them cannot be read, or holds none.
    pub fn keys(&self) -> Result<Vec<SigningKey>, InvalidSecret> {
        let keys = self.secrets.iter().map(Secret::keys).collect::<Result<Vec<_>, _>>()?;
        Ok(keys.concat())
    }
}

/// An address, which may have a key of the receiver's in it: it is not shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(pub http::Uri);

impl Address {
    /// Scheme and host.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}://{}", self.0.scheme_str().unwrap_or_default(), self.0.authority().map_or("", |host| host.as_str()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}/…)", self.shown())
    }
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// Here.
    Key(SigningKey),
    /// In a file, one a line.
    File(PathBuf),
}

impl Secret {
    /// The keys. A file is read each time, so that a new secret needs no reload.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no secret.
    pub fn keys(&self) -> Result<Vec<SigningKey>, InvalidSecret> {
        match self {
            Self::Key(key) => Ok(vec![key.clone()]),
            Self::File(path) => {
                let failed = |source| InvalidSecret::File { path: path.clone(), source };
                let text = std::fs::read_to_string(path).map_err(failed)?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let keys: Vec<_> = lines.map(SigningKey::parse).collect::<Result<_, _>>()?;
                if keys.is_empty() { Err(InvalidSecret::Empty) } else { Ok(keys) }
            }
        }
    }
}

/// A key of the Standard Webhooks specification.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix("whsec_").ok_or(InvalidSecret::Prefix)?;
        let key = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret::Encoding)?;
        if (24..=64).contains(&key.len()) { Ok(Self(key)) } else { Err(InvalidSecret::Length(key.len())) }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Why a text is no secret. It is never quoted.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSecret {
    /// It begins otherwise.
    #[error("a secret begins with `whsec_`")]
    Prefix,
    /// What follows is no base64.
    #[error("what follows `whsec_` is no base64")]
    Encoding,
    /// It is too short or too long.
    #[error("a secret has 24 to 64 bytes, this one {0}")]
    Length(usize),
    /// A file without any.
    #[error("its file holds no secret")]
    Empty,
    /// A file that cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_read_from_a_file_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let [old, new] = ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="];
        std::fs::write(file.path(), format!("# the receiver's\nwhsec_{new}\n\nwhsec_{old}\n")).unwrap();
        let keys = Secret::File(file.path().into()).keys().unwrap();
        assert_eq!((keys.len(), keys[0].bytes()[..3].to_vec(), keys[1].bytes().len()), (2, vec![0, 1, 2], 24));
        assert_eq!(format!("{keys:?}"), "[SigningKey(…), SigningKey(…)]");
        std::fs::write(file.path(), "whsec_c2hvcnQ=\n").unwrap();
        let error = Secret::File(file.path().into()).keys().unwrap_err().to_string();
        assert_eq!(error, "a secret has 24 to 64 bytes, this one 5");
    }
}
