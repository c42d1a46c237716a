//! Seals what a store keeps of people: whoever gets hold of its file, or of its server, reads nothing personal.
//!
//! Decides what a sealed value looks like and which key opens it. A value is bound to its row: moved to another one, it does not open.
//! Knows no backend and no SQL; what of each row is sealed, and under what names rows are found, stands in [`rows`].

mod keys;
mod rows;

pub use keys::EncryptionKeyError;
pub(super) use rows::{EventRow, OrderDetails, Sealing, is_name};

use crate::ids::Random;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use keys::KeyId;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Begins every sealed value: no profile's version, and no byte of a text.
pub(super) const SEALED: u8 = 0xFE;

// marker ‖ id of the key ‖ nonce ‖ sealed ‖ tag
const NONCE: usize = 24;

/// Seals and opens. The first key seals, all of them open.
pub struct Sealer {
    keys: Vec<Key>,
    /// Otherwise it only opens, and what is written is written plain.
    sealing: bool,
    random: Arc<dyn Random>,
}

struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

/// The row, and what of it, that a value belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    /// The table.
    pub(super) table: &'static str,
    /// What tells its row from others, and never changes; parts that it does not have are empty.
    pub(super) row: [&'a [u8]; 4],
}

/// Why a sealed value cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotOpen {
    #[error("it is sealed, and `[store]` names no encryption key")]
    NoKey,
    #[error("it is sealed with a key that is not in the key file: put the key back")]
    UnknownKey,
    #[error("it was altered since it was sealed, or belongs to another row")]
    Altered,
}

impl Sealer {
    /// Reads the keys. With `sealing`, what is written is sealed from now on; otherwise what is sealed can be read, and no more.
    ///
    /// # Errors
    /// When the file is not there, or is not a key file; the error says what to do.
    pub fn read(path: &Path, sealing: bool, random: Arc<dyn Random>) -> Result<Self, EncryptionKeyError> {
        Ok(Self::of(&keys::read(path)?, sealing, random))
    }

    fn of(secrets: &[[u8; 32]], sealing: bool, random: Arc<dyn Random>) -> Self {
        let key =
            |secret: &[u8; 32]| Key { id: keys::id_of(secret), cipher: XChaCha20Poly1305::new(&(*secret).into()) };
        Self { keys: secrets.iter().map(key).collect(), sealing, random }
    }

    /// Keys that no file holds.
    #[cfg(test)]
    pub(super) fn of_bytes(keys: &[u8], sealing: bool) -> Arc<Self> {
        let secrets: Vec<[u8; 32]> = keys.iter().map(|byte| [*byte; 32]).collect();
        Arc::new(Self::of(&secrets, sealing, Arc::new(crate::ids::OsRandom)))
    }

    /// Seals a value for its row, under the first key.
    pub(super) fn seal(&self, bound: Bound<'_>, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        self.random.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: &bound.to_bytes() };
        #[expect(clippy::expect_used, reason = "there is a key, and only messages of 256 GiB are too long")]
        let (id, sealed) = self
            .keys
            .first()
            .and_then(|key| Some((key.id, key.cipher.encrypt(&XNonce::from(nonce), payload).ok()?)))
            .expect("a key, and a message of less than 256 GiB");
        [[SEALED].as_slice(), &id, &nonce, &sealed].concat()
    }

    /// Opens a sealed value of this row.
    pub(super) fn open(&self, bound: Bound<'_>, value: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let Some((id, nonce, sealed)) = parts(value) else { return Err(CannotOpen::Altered) };
        let key = self.keys.iter().find(|key| key.id == *id).ok_or(CannotOpen::UnknownKey)?;
        let payload = Payload { msg: sealed, aad: &bound.to_bytes() };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| CannotOpen::Altered)
    }

    /// Whether a sealed value is sealed with the key that seals now.
    fn is_newest(&self, value: &[u8]) -> bool {
        parts(value).is_some_and(|(id, ..)| self.keys.first().is_some_and(|key| key.id == *id))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} keys)", self.keys.len())
    }
}

impl Bound<'_> {
    /// One string of bytes for each row, and no other's: every part has its length before it.
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.table.as_bytes().to_vec();
        for part in self.row {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// Whether bytes say of themselves that they are sealed.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEALED)
}

fn parts(value: &[u8]) -> Option<(&KeyId, &[u8; NONCE], &[u8])> {
    let (id, rest) = value.strip_prefix(&[SEALED])?.split_first_chunk()?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    Some((id, nonce, sealed))
}

#[cfg(test)]
mod tests;
