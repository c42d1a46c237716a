//! `[store]` of `gateway.toml`.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where things are kept; in the data folder, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stores {
    /// Profiles, caps, presence and messages.
    pub profiles: Option<StorePlace>,
    /// Events.
    pub ledger: Option<StorePlace>,
    /// How long after a visitor's last visit a profile is kept in Redis.
    pub keep_profiles: Duration,
    /// The file of the keys that what is kept of people is sealed with.
    pub encryption_key: Option<PathBuf>,
    /// Seal what is written; otherwise what is sealed is opened, and what is written is plain.
    pub encrypt: bool,
}

/// `[store]`.
pub static STORE: Section = Section {
    file: super::FILE,
    header: "[store]",
    help: "Where things are kept: for one machine all of it in the folder `data`, for several in servers that they share. Several gateways \
           need the same `keys`, `customer-key` and `prefix` in their data folders, or they do not know one another's visitors. Pages pass while a \
           store is down.",
    settings: &[
        setting(
            "profiles",
            "address or path",
            "",
            "Profiles, caps, who is on the sites, and messages between gateways: `redis://host:6379` (Redis 7 or Valkey; `rediss` for TLS; \
             several hosts with commas between them for a cluster, or for a master and its replicas), \
             `redis://user:password@host:6379/0`, or `file:PATH` of a file with the address in it, so that no password stands here. \
             Needs a restart.",
        ),
        setting(
            "ledger",
            "address or path",
            "",
            "Events, orders and coupon codes: `postgres://user:password@host/database` (PostgreSQL 15 or later), a file's path, or `file:PATH` of \
             a file with the address in it. Needs a restart.",
        ),
        setting(
            "keep_profiles",
            "duration",
            "\"400d\"",
            "How long after its last change a profile is kept in Redis. Needs a restart.",
        ),
        setting(
            "encryption_key",
            "file",
            "",
            "`file:PATH` of the keys that seal what is kept of people: 32 random bytes in base64, one key a line, as `openssl rand -base64 32` makes \
             them. The first key seals, the others still open. Noren does not start without the keys that its stores are sealed with, and no backup has \
             them: see the README. Needs a restart.",
        ),
        setting(
            "encrypt",
            "true or false",
            "",
            "Whether what is written is sealed. With an `encryption_key` it is, unless this is `false`: that still opens what is sealed. Needs a restart.",
        ),
    ],
};

impl Default for Stores {
    fn default() -> Self {
        Self {
            profiles: None,
            ledger: None,
            keep_profiles: Duration::from_secs(400 * 86_400),
            encryption_key: None,
            encrypt: true,
        }
    }
}

impl Stores {
    pub(super) fn read(table: Table<'_, '_>) -> Self {
        let mut table = table.documented(&STORE);
        let default = Self::default();
        let day = Duration::from_secs(86_400);
        let read = Self {
            profiles: place(&mut table, "profiles"),
            ledger: place(&mut table, "ledger"),
            keep_profiles: table
                .duration_within("keep_profiles", day / 24..=day * 3650)
                .map_or(default.keep_profiles, |found| found.value),
            encryption_key: key_file(&mut table),
            encrypt: encrypt(&mut table),
        };
        table.finish();
        read
    }
}

fn place(table: &mut Table<'_, '_>, key: &'static str) -> Option<StorePlace> {
    let text = table.string(key)?;
    if text.value.is_empty() {
        table.error(
            "empty-path",
            text.span,
            format!("`{key}` is empty"),
            Some("name a place, or leave the line out".into()),
        );
        return None;
    }
    Some(StorePlace(text.value))
}

/// The key's file. The key itself has no place in rules, which are copied and kept in git.
fn key_file(table: &mut Table<'_, '_>) -> Option<PathBuf> {
    let text = table.string("encryption_key")?;
    let path = text.value.strip_prefix("file:").filter(|path| !path.is_empty()).map(PathBuf::from);
    if path.is_none() {
        table.error(
            "no-key-file",
            // Not the value's place: it would be drawn, and may be the key itself.
            table.span(),
            "`encryption_key` names no file",
            Some("keep the keys in a file of their own, and write `encryption_key = \"file:/etc/noren/encryption-keys\"`".into()),
        );
    }
    path
}

fn encrypt(table: &mut Table<'_, '_>) -> bool {
    let Some(found) = table.bool("encrypt") else { return true };
    if found.value && !table.has("encryption_key") {
        table.error(
            "no-key-file",
            found.span,
            "`encrypt` is on, and there is no `encryption_key`",
            Some("name the file of the keys: `encryption_key = \"file:/etc/noren/encryption-keys\"`".into()),
        );
    }
    found.value
}

/// An address that may hold a password: it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StorePlace(String);

impl StorePlace {
    /// The address itself, or the first line of the file that is named instead.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn read(&self) -> std::io::Result<String> {
        match self.0.strip_prefix("file:") {
            Some(path) => Ok(std::fs::read_to_string(path)?.lines().next().unwrap_or_default().trim().to_owned()),
            None => Ok(self.0.clone()),
        }
    }
}

impl fmt::Debug for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorePlace(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_may_stand_in_a_file_and_is_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "redis://:secret@host\n\n").unwrap();
        let place = StorePlace(format!("file:{}", file.path().display()));
        assert_eq!(place.read().unwrap(), "redis://:secret@host");
        let place = StorePlace("redis://:secret@host".into());
        assert_eq!(place.read().unwrap(), "redis://:secret@host");
        assert!(!format!("{place:?}").contains("secret"));
        assert!(StorePlace("file:/nowhere/at/all".into()).read().is_err());
    }
}
