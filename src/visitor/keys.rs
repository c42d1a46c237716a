//! The keys that seal visitors' cookies: one file, made at the first start.
//!
//! One key a line, newest first: the date it was made, a space, 32 bytes in base64. The first seals, all open.
//! A file that is there but cannot be understood is an error, never a reason to make new keys: that would make a stranger
//! of every visitor.

use crate::clock::Clock;
use crate::ids::Random;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use jiff::Timestamp;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The keys in use, newest first, never empty.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<Key>,
}

/// How many retired keys are still accepted after a rotation, unless told otherwise.
pub const KEPT_KEYS: usize = 3;

/// One key. Its `Debug` shows its age and nothing else.
pub(super) struct Key {
    created: Timestamp,
    secret: [u8; 32],
    cipher: XChaCha20Poly1305,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read, made or replaced.
    #[error("cannot {doing} the key file {}: {source}; see that its folder exists and that this user may write there", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `create`, `replace`.
        doing: &'static str,
        /// The system's words.
        source: io::Error,
    },
    /// The file is there, but is no key file.
    #[error(
        "the key file {}, line {line}: {reason}; restore the file from a backup, or delete it to have a new key made: \
         every visitor will then be a new one",
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

impl KeyRing {
    /// Reads the keys; at the very first start makes a file with one, and its folder.
    ///
    /// Two processes that start at once end up with the same key.
    ///
    /// # Errors
    /// When the file can be neither read nor made, or is broken.
    pub fn open(path: &Path, clock: &dyn Clock, random: &dyn Random) -> Result<Self, KeyFileError> {
        match Self::read(path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                let ring = Self { keys: vec![Key::make(clock, random)] };
                match ring.store(path, random, Replace::Never) {
                    Ok(()) => Ok(ring),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::read(path),
                    Err(source) => Err(KeyFileError::Io { path: path.to_owned(), doing: "create", source }),
                }
            }
            read => read,
        }
    }

    /// Puts a new key first and keeps the `keep` newest of the others. A running process sees it when it opens the file again.
    ///
    /// # Errors
    /// When the file cannot be read or replaced, or is broken; it then is as it was.
    pub fn rotate(path: &Path, keep: usize, clock: &dyn Clock, random: &dyn Random) -> Result<Self, KeyFileError> {
        let mut ring = Self::read(path)?;
        ring.keys.truncate(keep);
        ring.keys.insert(0, Key::make(clock, random));
        ring.store(path, random, Replace::Always).map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            doing: "replace",
            source,
        })?;
        Ok(ring)
    }

    /// Keys that no file holds.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of(secrets: &[[u8; 32]]) -> Self {
        Self { keys: secrets.iter().map(|secret| Key::new(Timestamp::UNIX_EPOCH, *secret)).collect() }
    }

    /// The ciphers, the sealing one first.
    pub(super) fn newest_key(&self) -> Option<Timestamp> {
        self.keys.first().map(|key| key.created)
    }

    pub(super) fn ciphers(&self) -> impl Iterator<Item = &XChaCha20Poly1305> {
        self.keys.iter().map(|key| &key.cipher)
    }

    fn read(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.to_owned(), doing: "read", source };
        let text = std::fs::read(path).map_err(io)?;
        let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others can read the key file: chmod 600 it");
        }
        let broken = |line, reason| KeyFileError::Broken { path: path.to_owned(), line, reason };
        let text = std::str::from_utf8(&text).map_err(|_| broken(1, "not text"))?;
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                keys.push(Key::parse(line).map_err(|reason| broken(index + 1, reason))?);
            }
        }
        if keys.is_empty() {
            return Err(broken(1, "no key in it"));
        }
        Ok(Self { keys })
    }

    /// Writes a whole file beside the place and then moves it there: nobody ever reads half of it.
    fn store(&self, path: &Path, random: &dyn Random, replace: Replace) -> io::Result<()> {
        let mut unique = [0; 8];
        random.fill(&mut unique);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let draft = path.with_extension(format!("{:016x}.tmp", u64::from_ne_bytes(unique)));
        let stored = self.write_draft(&draft).and_then(|()| match replace {
            Replace::Always => std::fs::rename(&draft, path),
            // Unlike a rename, a link never replaces what another process was quicker to make.
            Replace::Never => std::fs::hard_link(&draft, path),
        });
        let _ = std::fs::remove_file(&draft);
        stored?;
        File::open(folder)?.sync_all()
    }

    fn write_draft(&self, draft: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        writeln!(
            file,
            "# Keys of Noren's visitor cookies, newest first. Secret. Without this file every visitor is a new one."
        )?;
        for key in &self.keys {
            writeln!(file, "{} {}", key.created, BASE64_STANDARD.encode(key.secret))?;
        }
        file.sync_all()
    }
}

#[derive(Clone, Copy)]
enum Replace {
    Always,
    Never,
}

impl Key {
    fn make(clock: &dyn Clock, random: &dyn Random) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self::new(clock.now(), secret)
    }

    fn new(created: Timestamp, secret: [u8; 32]) -> Self {
        Self { created, secret, cipher: XChaCha20Poly1305::new(&secret.into()) }
    }

    fn parse(line: &str) -> Result<Self, &'static str> {
        let (created, secret) = line.split_once(' ').ok_or("a date, a space and a key are wanted")?;
        let created = created.parse().map_err(|_| "it does not begin with a date")?;
        let secret = BASE64_STANDARD.decode(secret.trim()).map_err(|_| "the key is not base64")?;
        let secret = secret.try_into().map_err(|_| "the key has not 32 bytes")?;
        Ok(Self::new(created, secret))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(made {})", self.created)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::ids::OsRandom;

    fn open(path: &Path) -> Result<KeyRing, KeyFileError> {
        KeyRing::open(path, &SystemClock, &OsRandom)
    }

    fn secrets(ring: &KeyRing) -> Vec<[u8; 32]> {
        ring.keys.iter().map(|key| key.secret).collect()
    }

    #[test]
    fn first_start_makes_a_private_file_that_later_starts_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/keys");
        let made = open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(secrets(&open(&path).unwrap()), secrets(&made));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn processes_that_start_at_once_agree_on_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let rings: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| secrets(&open(&path).unwrap()))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(rings.iter().all(|ring| *ring == rings[0]));
    }

    #[test]
    fn rotation_puts_a_new_key_first_and_drops_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let first = secrets(&open(&path).unwrap());
        for _ in 0..2 {
            KeyRing::rotate(&path, 2, &SystemClock, &OsRandom).unwrap();
        }
        let rotated = secrets(&open(&path).unwrap());
        assert_eq!(rotated.len(), 3);
        assert_eq!(rotated[2], first[0]);
        let again = KeyRing::rotate(&path, 2, &SystemClock, &OsRandom).unwrap();
        assert_eq!(secrets(&again)[1..], rotated[..2]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn broken_file_is_an_error_with_a_place_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let good = format!("2026-01-01T00:00:00Z {}", BASE64_STANDARD.encode([7; 32]));
        let short = format!("2026-01-01T00:00:00Z {}", BASE64_STANDARD.encode([7; 31]));
        for (text, place) in [
            (String::new(), "line 1: no key in it"),
            ("# only a note\n".into(), "no key in it"),
            ("rubbish".into(), "line 1: a date, a space and a key are wanted"),
            (format!("{good}\nyesterday {}", BASE64_STANDARD.encode([7; 32])), "line 2: it does not begin with a date"),
            (good[..40].into(), "line 1: the key is not base64"),
            (short, "line 1: the key has not 32 bytes"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = open(&path).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains("restore the file"), "{error}");
            assert!(KeyRing::rotate(&path, 1, &SystemClock, &OsRandom).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn place_where_no_file_can_be_is_an_error_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), "a file where the folder should be").unwrap();
        let error = open(&folder.path().join("data/keys")).unwrap_err().to_string();
        assert!(error.contains("data/keys") && error.contains("see that its folder exists"), "{error}");
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let key = Key::new(Timestamp::UNIX_EPOCH, [0xAB; 32]);
        assert_eq!(format!("{key:?}"), "Key(made 1970-01-01T00:00:00Z)");
    }
}
