//! The data folder: what must outlive the process, and is made at the first start.

use crate::ids::Random;
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};

/// Letters of a prefix: none that block-lists or eyes could take for a word.
const LETTERS: &[u8; 16] = b"bcdfghjkmnpqrstv";

/// An open data folder.
pub(super) struct DataFolder {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The prefix of sites that name none: random an installation, so that no block-list can name it.
    pub(super) prefix: String,
}

impl DataFolder {
    /// Opens the folder, and makes what is not there yet.
    ///
    /// # Errors
    /// When it cannot be made or written to.
    pub(super) fn open(path: &Path, random: &dyn Random) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| {
            format!("the data folder {} cannot be made; give another with --data DIR", path.display())
        })?;
        let file = path.join("prefix");
        let known = fs::read_to_string(&file).ok().map(|text| text.trim().to_owned());
        let prefix = match known.filter(|text| is_prefix(text)) {
            Some(prefix) => prefix,
            None => {
                let prefix = mint(random);
                fs::write(&file, &prefix).with_context(|| {
                    format!("the data folder {} cannot be written to; give another with --data DIR", path.display())
                })?;
                prefix
            }
        };
        Ok(Self { path: path.to_owned(), prefix })
    }

    /// The socket through which listeners are handed over.
    pub(super) fn upgrade_socket(&self) -> PathBuf {
        self.path.join("upgrade.sock")
    }

    /// Where the process id stands.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.path.join("noren.pid")
    }
}

fn is_prefix(text: &str) -> bool {
    (2..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn mint(random: &dyn Random) -> String {
    let mut bytes = [0; 7];
    random.fill(&mut bytes);
    bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 16))).map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OsRandom;

    #[test]
    fn the_prefix_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path(), &OsRandom).unwrap().prefix;
        assert!(is_prefix(&first), "{first}");
        assert_eq!(DataFolder::open(folder.path(), &OsRandom).unwrap().prefix, first);
    }
}
