//! `noren backup` and `noren restore`: the embedded store and what belongs to it, in one file.

use super::output::print;
use crate::clock::{Clock as _, SystemClock};
use crate::store;
use anyhow::{Context, bail};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What belongs to a store: without the keys every visitor would be a stranger, and without the prefix pages that are open would
/// not find their way back.
const BESIDE: [&str; 3] = ["customer-key", "keys", "prefix"];

/// Arguments of `noren backup`.
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// The file to write; it holds the keys too, so keep it as safe as the data folder
    file: PathBuf,
    /// Folder of the embedded store; Noren may go on running on it
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

/// Arguments of `noren restore`.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// A file that `noren backup` wrote
    file: PathBuf,
    /// Folder of the embedded store; what is in it is moved aside
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

pub(super) fn backup(arguments: &Backup) -> anyhow::Result<()> {
    let mut beside = Vec::new();
    for name in BESIDE {
        let path = arguments.data.join(name);
        match fs::read(&path) {
            Ok(content) => beside.push((name.to_owned(), content)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
    let store = arguments.data.join("noren.db");
    if !store.is_file() {
        bail!("there is no store in {}: name its folder with --data", arguments.data.display());
    }
    store::backup(&store, &arguments.file, &beside)?;
    let size = fs::metadata(&arguments.file)?.len();
    let sealed = if store::is_sealed(&arguments.file) {
        "It is sealed, and the encryption keys are not in it: keep them elsewhere.\n"
    } else {
        ""
    };
    print(&format!("Wrote {} ({:.1} MB).\n{sealed}", arguments.file.display(), size as f64 / 1e6))
}

pub(super) fn restore(arguments: &Restore) -> anyhow::Result<()> {
    fs::create_dir_all(&arguments.data)
        .with_context(|| format!("the folder {} cannot be made", arguments.data.display()))?;
    let aside = format!(".before-{}", SystemClock.now().strftime("%Y%m%dT%H%M%SZ"));
    let (beside, moved) = store::restore(&arguments.file, &arguments.data.join("noren.db"), &aside)?;
    let mut text = format!("Restored {} to {}.\n", arguments.file.display(), arguments.data.display());
    let mut moved: Vec<PathBuf> = moved.into_iter().collect();
    for (name, content) in beside.iter().filter(|(name, _)| BESIDE.contains(&name.as_str())) {
        let path = arguments.data.join(name);
        let replaced =
            replace(&path, content, &aside).with_context(|| format!("{} cannot be written", path.display()))?;
        moved.extend(replaced);
    }
    for path in moved {
        let _ = writeln!(text, "What was there is now {}.", path.display());
    }
    if store::is_sealed(&arguments.data.join("noren.db")) {
        text.push_str(
            "It is sealed: Noren starts on it only with the encryption keys that were in use, which no backup has.\n",
        );
    }
    print(&text)
}

/// Writes a file for its owner alone. One that was there with other content is moved aside; its new name.
fn replace(path: &Path, content: &[u8], aside: &str) -> std::io::Result<Option<PathBuf>> {
    let mut moved = None;
    match fs::read(path) {
        Ok(same) if same == content => return Ok(None),
        Ok(_) => {
            let mut name = path.as_os_str().to_owned();
            name.push(aside);
            fs::rename(path, &name)?;
            moved = Some(name.into());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(moved)
}
