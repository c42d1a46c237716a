//! The file of encryption keys: one a line, 32 bytes in base64, the newest first. The operator makes it.
//!
//! Noren never makes one by itself: a key that nobody knows to keep would lose all that is sealed with it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Says which key a value is sealed with, and nothing of the key.
pub(super) type KeyId = [u8; 4];

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionKeyError {
    /// The file cannot be read.
    #[error(
        "the file of encryption keys {} cannot be read: {source}; restore it, or, if nothing is sealed yet, make one with \
         `(umask 077; head -c32 /dev/urandom | base64 > FILE)`",
        path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is there, but is no key file.
    #[error(
        "the file of encryption keys {}, line {line}: {reason}; restore the file, or, if nothing is sealed with it yet, make the line with \
         `head -c32 /dev/urandom | base64`",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The keys of a file, the sealing one first; never none.
pub(super) fn read(path: &Path) -> Result<Vec<[u8; 32]>, EncryptionKeyError> {
    let io = |source| EncryptionKeyError::Io { path: path.to_owned(), source };
    let broken = |line, reason| EncryptionKeyError::Broken { path: path.to_owned(), line, reason };
    let text = std::fs::read(path).map_err(io)?;
    let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others can read the encryption keys: chmod 600 the file");
    }
    let text = std::str::from_utf8(&text).map_err(|_| broken(1, "not text"))?;
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let key = BASE64_STANDARD.decode(line).map_err(|_| broken(index + 1, "the key is not base64"))?;
            keys.push(key.try_into().map_err(|_| broken(index + 1, "the key has not 32 bytes"))?);
        }
    }
    if keys.is_empty() { Err(broken(1, "no key in it")) } else { Ok(keys) }
}

pub(super) fn id_of(secret: &[u8; 32]) -> KeyId {
    let hash: [u8; 32] = Sha256::new().chain_update(b"noren encryption key\0").chain_update(secret).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_key_comes_first_and_notes_are_passed_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = |byte| BASE64_STANDARD.encode([byte; 32]);
        std::fs::write(file.path(), format!("# of November\n{}\n\n  {} \n", line(2), line(1))).unwrap();
        assert_eq!(read(file.path()).unwrap(), [[2; 32], [1; 32]]);
    }

    #[test]
    fn what_is_no_key_file_is_an_error_with_place_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("encryption-keys");
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains("encryption-keys cannot be read") && error.contains("head -c32 /dev/urandom"),
            "{error}"
        );
        let (good, short) = (BASE64_STANDARD.encode([7; 32]), BASE64_STANDARD.encode([7; 31]));
        for (text, place) in [
            (String::new(), "line 1: no key in it"),
            ("# only a note\n".into(), "line 1: no key in it"),
            (format!("{good}\nrubbish!"), "line 2: the key is not base64"),
            (format!("2026-01-01T00:00:00Z {good}"), "line 1: the key is not base64"),
            (format!("\n{short}\n"), "line 2: the key has not 32 bytes"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains("restore the file"), "{error}");
            assert!(!error.contains(&good), "{error}");
        }
    }
}
