//! Copies the embedded store while it is in use, and puts a copy back.
//!
//! A backup is a database of its own: all that was committed when it began, and small files that belong to it (keys, above all) in
//! a table beside. A copy that is damaged, another program's, or a newer version's is never put in a store's place.

use super::schema::{self, APPLICATION_ID, STEPS};
use super::{failed, reason};
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A small file that goes with the store: its name and what is in it.
pub type Beside = (String, Vec<u8>);

/// Copies the store at `path` to the new file `target`, with what belongs to it. The store may be in use, and nobody waits.
///
/// # Errors
/// When there is no store, or the copy cannot be written; nothing is left of it then.
pub fn backup(path: &Path, target: &Path, beside: &[Beside]) -> Result<(), StoreError> {
    if target.exists() {
        return Err(refused(target, "it is there already".to_owned(), "name a new file"));
    }
    let source = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    is_ours(path, &source)?;
    let draft = draft_of(target);
    let copied = create(&draft).and_then(|()| copy(&source, &draft, beside)).and_then(|()| {
        fs::rename(&draft, target).and_then(|()| sync_folder(target)).map_err(|error| io_failed(target, &error))
    });
    if copied.is_err() {
        let _ = fs::remove_file(&draft);
    }
    copied
}

/// Puts a backup in the place of the store at `path`, and gives what was beside it. No process may have the store open. A store that was there
/// is moved aside; its new name is given too.
///
/// # Errors
/// When the backup is not sound, or the store is in use; the store is then as it was.
pub fn restore(backup: &Path, path: &Path, aside: &str) -> Result<(Vec<Beside>, Option<PathBuf>), StoreError> {
    {
        let source = connect(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        is_ours(backup, &source)?;
        is_sound(backup, &source)?;
    }
    is_free(path)?;
    let draft = draft_of(path);
    let put = || -> Result<_, StoreError> {
        create(&draft)?;
        fs::copy(backup, &draft).map_err(|error| io_failed(&draft, &error))?;
        let beside = take_beside(&draft)?;
        File::open(&draft).and_then(|file| file.sync_all()).map_err(|error| io_failed(&draft, &error))?;
        let moved = move_aside(path, aside)?;
        fs::rename(&draft, path).and_then(|()| sync_folder(path)).map_err(|error| io_failed(path, &error))?;
        Ok((beside, moved))
    };
    let done = put();
    if done.is_err() {
        let _ = fs::remove_file(&draft);
    }
    done
}

/// Whether what is in a store, or in a backup of one, is sealed: it is worth nothing without its keys, which are not in it.
#[must_use]
pub fn is_sealed(path: &Path) -> bool {
    let look = || -> rusqlite::Result<i64> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(schema::BUSY)?;
        connection.query_row("SELECT count(*) FROM sealing", (), |row| row.get(0))
    };
    // A store of before it could be sealed has no such table.
    look().is_ok_and(|secrets| secrets > 0)
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    if !path.is_file() {
        return Err(refused(path, "there is no such file".to_owned(), "name another"));
    }
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| schema::cannot_open(path, &error))?;
    connection.busy_timeout(schema::BUSY).map_err(|error| schema::cannot_open(path, &error))?;
    Ok(connection)
}

/// Refuses what this program could not open as its store.
fn is_ours(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let read = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (owner, version) = (|| Ok((read("application_id")?, read("user_version")?)))()
        .map_err(|error: rusqlite::Error| schema::cannot_open(path, &error))?;
    if owner != APPLICATION_ID {
        return Err(refused(path, "it is not Noren's".to_owned(), "name another file"));
    }
    if usize::try_from(version).unwrap_or(usize::MAX) > STEPS.len() {
        let reason = format!("its version is {version}, and this program knows {} at most", STEPS.len());
        return Err(refused(path, reason, "use the newer program"));
    }
    Ok(())
}

fn is_sound(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|error| schema::cannot_open(path, &error))?;
    if found == "ok" { Ok(()) } else { Err(refused(path, format!("it is damaged: {found}"), "use another backup")) }
}

/// Refuses a store that a process has open.
fn is_free(path: &Path) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    let alone = || -> rusqlite::Result<()> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")
    };
    match alone() {
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) =>
        {
            Err(refused(path, "a process has it open".to_owned(), "stop it first"))
        }
        // A damaged store is a reason to restore, not to refuse.
        _ => Ok(()),
    }
}

fn copy(source: &Connection, draft: &Path, beside: &[Beside]) -> Result<(), StoreError> {
    let name = draft.to_str().ok_or_else(|| refused(draft, "its name is no text".to_owned(), "name another"))?;
    let copied = || -> rusqlite::Result<()> {
        source.execute("VACUUM INTO ?1", [name])?;
        let copy = Connection::open(draft)?;
        copy.pragma_update(None, "synchronous", "full")?;
        copy.execute_batch("BEGIN; CREATE TABLE backup_files (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT")?;
        for (name, content) in beside {
            copy.execute("INSERT INTO backup_files VALUES (?1, ?2)", params![name, content])?;
        }
        copy.execute_batch("COMMIT")
    };
    copied().map_err(|error| failed(&draft.display().to_string(), &error))?;
    is_sound(draft, &connect(draft, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
    File::open(draft).and_then(|file| file.sync_all()).map_err(|error| io_failed(draft, &error))
}

/// Takes what was beside the store out of a copy of a backup.
fn take_beside(draft: &Path) -> Result<Vec<Beside>, StoreError> {
    let take = || -> rusqlite::Result<Vec<Beside>> {
        let copy = Connection::open(draft)?;
        let files = copy
            .prepare("SELECT name, content FROM backup_files")?
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        copy.execute_batch("DROP TABLE backup_files")?;
        Ok(files)
    };
    take().map_err(|error| refused(draft, reason(&error), "use a file that `noren backup` wrote"))
}

/// Moves a store aside, with what SQLite keeps beside it.
fn move_aside(path: &Path, aside: &str) -> Result<Option<PathBuf>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let moved = with_suffix(path, aside);
    for ending in ["-wal", "-shm", ""] {
        let file = with_suffix(path, ending);
        if file.exists() {
            fs::rename(&file, with_suffix(&moved, ending)).map_err(|error| io_failed(&file, &error))?;
        }
    }
    Ok(Some(moved))
}

/// An empty file for its owner alone.
fn create(path: &Path) -> Result<(), StoreError> {
    let _ = fs::remove_file(path);
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map(drop).map_err(|error| io_failed(path, &error))
}

fn draft_of(path: &Path) -> PathBuf {
    with_suffix(path, ".partial")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn refused(path: &Path, reason: String, remedy: &'static str) -> StoreError {
    StoreError::Open { location: path.display().to_string(), reason, remedy }
}

fn io_failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Backend { location: path.display().to_string(), reason: error.to_string() }
}
