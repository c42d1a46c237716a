//! Who may send imports of a site over HTTP: whoever has its token.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

/// Shortest token that a file may hold: shorter ones can be guessed.
pub const SHORTEST_TOKEN: usize = 16;

/// What a site's imports are sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSettings {
    /// Who may send them.
    pub token: Token,
    /// Most bytes of one.
    pub max_size: u64,
}

/// A token, as rules name it: never itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// Its SHA-256.
    Hash([u8; 32]),
    /// The file that it stands in, alone in its first line. It is read anew for each import: a new token needs no restart.
    File(Arc<PathBuf>),
}

impl Token {
    /// Whether it is the one that was sent. Takes as long whatever was sent. May read a file.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no token.
    pub fn is(&self, sent: &str) -> io::Result<bool> {
        let wanted = match self {
            Self::Hash(hash) => *hash,
            Self::File(path) => {
                let text = std::fs::read_to_string(&**path)?;
                let token = text.lines().next().unwrap_or_default().trim();
                if token.len() < SHORTEST_TOKEN {
                    let words = format!("it holds no token of {SHORTEST_TOKEN} characters or more");
                    return Err(io::Error::new(ErrorKind::InvalidData, words));
                }
                hash(token)
            }
        };
        // Of hashes, all bytes: nothing of either token shows in how long it takes.
        Ok(wanted.iter().zip(hash(sent)).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_known_by_its_hash_or_its_file_and_a_short_one_is_none() {
        let token = Token::Hash(hash("a-token-of-some-length"));
        assert!(token.is("a-token-of-some-length").unwrap());
        for other in ["", "a-token-of-some-lengtH", "a-token-of-some-length "] {
            assert!(!token.is(other).unwrap(), "{other:?}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let token = Token::File(Arc::new(file.path().to_owned()));
        std::fs::write(file.path(), " a-token-of-some-length \n# renewed in May\n").unwrap();
        assert!(token.is("a-token-of-some-length").unwrap() && !token.is("# renewed in May").unwrap());
        for text in ["", "\n", "short\na-token-of-some-length"] {
            std::fs::write(file.path(), text).unwrap();
            assert!(token.is("").is_err() && token.is("short").is_err(), "{text:?}");
        }
        assert!(Token::File(Arc::new("/nowhere/at/all".into())).is("").is_err());
    }
}
