//! Names a shop's customers without their names: a keyed hash of site and member id.
//!
//! The key is made at the first start and kept in a file of its own: unlike the cookies' keys it never changes, as every name would
//! change with it. Several gateways of one store have one.

use crate::ids::{Random, SiteId, VisitorId};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The key of all customers' names.
pub struct CustomerKey([u8; 32]);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum CustomerKeyError {
    /// The file can be neither read nor made.
    #[error("the customers' key {} cannot be read or made: {source}; see that its folder exists and that this user may write there", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is there, but is no key.
    #[error(
        "the customers' key {} is broken: restore it from a backup, or delete it to have a new one made: customers' browsers are then \
         joined anew",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

impl CustomerKey {
    /// Reads the key; at the very first start makes it.
    ///
    /// # Errors
    /// When the file can be neither read nor made, or is broken.
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, CustomerKeyError> {
        let failed = |source| CustomerKeyError::Io { path: path.to_owned(), source };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| CustomerKeyError::Broken { path: path.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut secret = [0; 32];
                random.fill(&mut secret);
                make(path, &secret, random).map_err(failed)?;
                // Another process may have been quicker: its key is the key.
                let text = std::fs::read_to_string(path).map_err(failed)?;
                Self::parse(&text).ok_or_else(|| CustomerKeyError::Broken { path: path.to_owned() })
            }
            Err(source) => Err(failed(source)),
        }
    }

    /// A key that no file holds.
    #[cfg(test)]
    pub(crate) fn of(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The name under which a customer's profile is kept.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
    pub fn name(&self, site: &SiteId, member: &str) -> VisitorId {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(site.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(member.trim().as_bytes());
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        let mut name = [0; 16];
        name.copy_from_slice(hash.first_chunk::<16>().unwrap_or(&[0; 16]));
        VisitorId(name)
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let secret = BASE64_STANDARD.decode(line).ok()?;
        secret.try_into().ok().map(Self)
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(…)")
    }
}

/// Writes a whole file beside the place and links it there, unless there is one by then: nobody ever reads half of it.
fn make(path: &Path, secret: &[u8; 32], random: &dyn Random) -> io::Result<()> {
    let mut unique = [0; 8];
    random.fill(&mut unique);
    let draft = path.with_extension(format!("{:016x}.tmp", u64::from_ne_bytes(unique)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "# Key of the names under which customers are kept. Secret. Never changes.")?;
        writeln!(file, "{}", BASE64_STANDARD.encode(secret))?;
        file.sync_all()?;
        match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    let _ = std::fs::remove_file(&draft);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OsRandom;

    #[test]
    fn the_key_is_made_once_and_a_broken_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("customer-key");
        let name = |key: &CustomerKey| key.name(&SiteId::new("shop"), "m-1");
        let first = CustomerKey::open(&path, &OsRandom).unwrap();
        assert_eq!(name(&first), name(&CustomerKey::open(&path, &OsRandom).unwrap()));
        std::fs::write(&path, "half a key").unwrap();
        assert!(matches!(CustomerKey::open(&path, &OsRandom), Err(CustomerKeyError::Broken { .. })));
    }

    #[test]
    fn a_name_is_one_customers_of_one_site() {
        let key = CustomerKey::of([7; 32]);
        let name = |site: &str, member: &str| key.name(&SiteId::new(site), member);
        assert_eq!(name("shop", "m-1"), name("shop", " m-1 "));
        assert_ne!(name("shop", "m-1"), name("shop", "m-2"));
        assert_ne!(name("shop", "m-1"), name("other", "m-1"));
        assert_ne!(name("a", "b"), CustomerKey::of([8; 32]).name(&SiteId::new("a"), "b"));
    }
}
