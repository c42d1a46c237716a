//! The database's tables, its versions, and how a connection is opened.

use super::{StoreError, reason};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

/// Step n leads from version n to n + 1. A step that was released is never edited: add another.
///
/// While one process takes over from an older one, the older works on the newer's tables: a step only adds.
pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE profiles (
        site     TEXT    NOT NULL,
        visitor  BLOB    NOT NULL,
        revision INTEGER NOT NULL,  -- 1 with the first write, then one more with each
        process  INTEGER NOT NULL,  -- who wrote it last
        seen     INTEGER NOT NULL,  -- last page view, Unix seconds
        body     BLOB    NOT NULL,  -- see store/codec.rs
        PRIMARY KEY (site, visitor)
    ) STRICT;

    CREATE TABLE events (
        site     TEXT    NOT NULL,
        at       INTEGER NOT NULL,  -- Unix milliseconds
        visitor  BLOB    NOT NULL,
        kind     TEXT    NOT NULL,
        scenario TEXT,
        variant  TEXT,
        path     TEXT
    ) STRICT;
    -- Reports ask for one scenario, or for page views (which have none), of a site over a time.
    CREATE INDEX events_for_reports ON events (site, scenario, at);

    -- Written to see whether it can be.
    CREATE TABLE ping (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL) STRICT;
    INSERT INTO ping VALUES (1, 0);
",
    "
    ALTER TABLE events ADD COLUMN parameters TEXT;  -- GA4's, as JSON

    -- The first purchase of each order id.
    CREATE TABLE orders (
        site     TEXT    NOT NULL,
        id       TEXT    NOT NULL,
        at       INTEGER NOT NULL,  -- Unix milliseconds
        visitor  BLOB    NOT NULL,
        value    REAL,              -- what was paid in all
        refunded REAL    NOT NULL DEFAULT 0,
        PRIMARY KEY (site, id)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- A visitor may ask for what is kept of them, and what is old goes.
    CREATE INDEX events_of_visitor ON events (site, visitor);
    CREATE INDEX events_by_age ON events (site, at);
    CREATE INDEX profiles_by_age ON profiles (site, seen);
",
    "
    -- Each code of a site.
    CREATE TABLE coupon_codes (
        id      INTEGER PRIMARY KEY,
        site    TEXT    NOT NULL,
        code    TEXT    NOT NULL,
        folded  TEXT    NOT NULL,  -- to find one that was typed
        pool    TEXT    NOT NULL,
        state   INTEGER NOT NULL,  -- 0 free, 1 somebody's, 2 everybody's, 3 redeemed
        expires INTEGER NOT NULL,  -- Unix milliseconds; the largest number is never
        UNIQUE (site, code)
    ) STRICT;
    CREATE INDEX coupon_codes_free ON coupon_codes (site, pool, expires) WHERE state = 0;
    CREATE INDEX coupon_codes_folded ON coupon_codes (site, folded);

    -- Whose a code is.
    CREATE TABLE coupon_grants (
        site    TEXT    NOT NULL,
        pool    TEXT    NOT NULL,
        holder  BLOB    NOT NULL,  -- v and a visitor, c and a customer
        code    TEXT    NOT NULL,
        shared  INTEGER NOT NULL,  -- it is everybody's
        given   INTEGER NOT NULL,  -- Unix microseconds
        expires INTEGER,           -- Unix milliseconds
        kept    INTEGER NOT NULL DEFAULT 0,  -- it was handed out again: it cannot go back
        seen    INTEGER,           -- Unix milliseconds
        PRIMARY KEY (site, pool, holder)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX coupon_grants_once ON coupon_grants (site, code) WHERE shared = 0;
    CREATE INDEX coupon_grants_of_holder ON coupon_grants (site, holder);

    -- Pools; of those with a limit, how far they are.
    CREATE TABLE coupon_pools (
        site    TEXT    NOT NULL,
        pool    TEXT    NOT NULL,
        taken   INTEGER NOT NULL DEFAULT 0,
        most    INTEGER,
        PRIMARY KEY (site, pool)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE coupon_redemptions (
        site     TEXT    NOT NULL,
        code     TEXT    NOT NULL,
        order_id TEXT    NOT NULL,
        pool     TEXT    NOT NULL,
        at       INTEGER NOT NULL,  -- Unix milliseconds
        PRIMARY KEY (site, code, order_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX coupon_redemptions_of_pool ON coupon_redemptions (site, pool);

    -- The last batches of events of each process: one whose sender was not told comes again.
    CREATE TABLE batches (
        process INTEGER NOT NULL,
        number  INTEGER NOT NULL,
        PRIMARY KEY (process, number)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE products (
        site TEXT    NOT NULL,
        id   TEXT    NOT NULL,
        seen INTEGER NOT NULL,  -- Unix seconds
        body TEXT    NOT NULL,  -- see store/products.rs
        PRIMARY KEY (site, id)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Messages about events that hooks want. A number is never used again: somebody may still mean the message that had it.
    CREATE TABLE outbox (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        message    TEXT    NOT NULL DEFAULT ('msg_' || lower(hex(randomblob(16)))),
        site       TEXT    NOT NULL,
        hook       TEXT    NOT NULL,  -- SITE/NAME
        due        INTEGER NOT NULL,  -- Unix milliseconds: not before; of one that is taken, when it comes back
        tries      INTEGER NOT NULL DEFAULT 0,
        at         INTEGER NOT NULL,  -- from here on as in events
        visitor    BLOB    NOT NULL,
        kind       TEXT    NOT NULL,
        scenario   TEXT,
        variant    TEXT,
        path       TEXT,
        parameters TEXT
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (hook, due, id);
    CREATE INDEX outbox_by_age ON outbox (hook, at, id);
    CREATE INDEX outbox_of_visitor ON outbox (site, visitor, hook, at, id);
",
    "
    -- What is sealed, see store/seal/rows.rs; the plain columns beside it are then empty.
    ALTER TABLE events ADD COLUMN sealed BLOB;
    ALTER TABLE orders ADD COLUMN sealed BLOB;
    ALTER TABLE outbox ADD COLUMN sealed BLOB;
    -- The store's secret, sealed.
    CREATE TABLE sealing (id INTEGER PRIMARY KEY CHECK (id = 1), secret BLOB NOT NULL) STRICT;
",
];

/// `NOrn`: tells our files from other programs'.
pub(super) const APPLICATION_ID: i32 = 0x4E4F_726E;

/// Write-ahead logging: readers never wait, and a commit is one write at the end of a file.
const WAL: &str = "wal";

/// How long to wait for another process's write: longer than any batch takes.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// How soon, and how often, to try again what SQLite does not always wait for: about as long as that.
const RETRY: Duration = Duration::from_millis(5);
const TRIES: u32 = 500;

/// Statements kept prepared: more than there are.
const STATEMENTS: usize = 96;

/// Opens the database for the first time in this process: makes it if it is not there, and brings it up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    create(path).map_err(|error| StoreError::Open {
        location: path.display().to_string(),
        reason: error.to_string(),
        remedy: "see that its folder can be made and that this user may write there",
    })?;
    let mut connection = connect(path)?;
    let found = migrate(&mut connection).map_err(|error| cannot_open(path, &error))?;
    let refuse =
        |reason: String, remedy| Err(StoreError::Open { location: path.display().to_string(), reason, remedy });
    match found {
        Migrated::Done => Ok(connection),
        Migrated::Foreign => refuse("it is another program's database".into(), "give another path"),
        Migrated::Newer(version) => refuse(
            format!("its version is {version}, and this program knows {} at most", STEPS.len()),
            "run the newer program, or give another path",
        ),
    }
}

/// Opens a further connection.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<_> {
        // A connection stays on its thread: SQLite need not lock it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(RETRY)?;
        let mode = patiently(|| {
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
            if mode == WAL {
                return Ok(mode);
            }
            connection.pragma_update_and_check(None, "journal_mode", WAL, |row| row.get(0))
        })?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok((connection, mode == WAL))
    };
    match open() {
        Ok((connection, true)) => Ok(connection),
        // Without it, readers and the writer would stand in each other's way.
        Ok((_, false)) => Err(StoreError::Open {
            location: path.display().to_string(),
            reason: "its file system does not share memory between processes".into(),
            remedy: "put it on a local disk",
        }),
        Err(error) => Err(cannot_open(path, &error)),
    }
}

/// Tries again for as long as another process is in the way. SQLite does so by itself, but not where it would have to change a lock
/// that it holds for a stronger one, as in turning on the write-ahead log: two that did that would wait for each other.
fn patiently<T>(attempt: impl Fn() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    for _ in 0..TRIES {
        match attempt() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => std::thread::sleep(RETRY),
            result => return result,
        }
    }
    attempt()
}

/// An error at the start, with what to do about it.
pub(super) fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "restore it from a backup, save what can be saved with `sqlite3 FILE .recover`, or move it away with its -wal and -shm \
             files to start anew: visitors keep their cookies and lose their history"
        }
        Some(ErrorCode::DiskFull) => "make room on the disk",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "end the process that has it open, or wait for it",
        _ => "see that the file and its folder are on a local disk and that this user may write there",
    };
    StoreError::Open { location: path.display().to_string(), reason: reason(error), remedy }
}

/// Makes folder and file. What is in it is about people: nobody else may read it.
fn create(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // SQLite gives its -wal and -shm files the same mode.
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map(drop)
}

enum Migrated {
    Done,
    Foreign,
    Newer(u32),
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<Migrated> {
    // Another process may be at it: the second one waits and then finds it done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let owner: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if owner != APPLICATION_ID && (owner != 0 || version != 0 || tables != 0) {
        return Ok(Migrated::Foreign);
    }
    let Some(steps) = STEPS.get(version as usize..) else { return Ok(Migrated::Newer(version)) };
    for step in steps {
        transaction.execute_batch(step)?;
    }
    if !steps.is_empty() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", STEPS.len() as u32)?;
    }
    transaction.commit()?;
    probe(connection)?;
    Ok(Migrated::Done)
}

/// Touches the root and both ends of every tree: a damaged file is found before the first visitor comes, where that is cheap.
fn probe(connection: &Connection) -> rusqlite::Result<()> {
    for ends in [
        "SELECT min(rowid), max(rowid) FROM profiles",
        "SELECT min(rowid), max(rowid) FROM events",
        "SELECT min(site), max(site) FROM profiles INDEXED BY sqlite_autoindex_profiles_1",
        "SELECT min(site), max(site) FROM events INDEXED BY events_for_reports",
        "SELECT min(site), max(site) FROM orders",
        "SELECT min(id), max(id) FROM coupon_codes",
        "SELECT min(site), max(site) FROM coupon_grants",
        "SELECT count, NULL FROM ping",
    ] {
        connection.query_row(ends, (), |_| Ok(()))?;
    }
    Ok(())
}
