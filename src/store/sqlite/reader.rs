//! Reads profiles, on threads of its own.

use super::failed;
use crate::store::live::{Committed, Fetch, Row};
use crate::store::seal::Sealing;
use crate::store::{ProfileKey, StoreError};
use crossbeam_channel::Receiver;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a reader is asked.
pub(super) enum Job {
    Load(Fetch),
    Call(Box<dyn FnOnce(&Connection) + Send>),
    Ping(oneshot::Sender<Result<(), StoreError>>),
}

/// One connection for reading.
pub(super) struct Reader {
    connection: Connection,
    process: i64,
    sealing: Sealing,
    location: Arc<str>,
}

impl Reader {
    pub(super) fn new(connection: Connection, process: i64, sealing: Sealing, location: Arc<str>) -> Self {
        Self { connection, process, sealing, location }
    }

    /// Works until the store is dropped.
    pub(super) fn run(&self, jobs: &Receiver<Job>) {
        for job in jobs {
            match job {
                Job::Load(fetch) => {
                    let row = read(&self.connection, &self.sealing, self.process, &fetch.key);
                    fetch.finish(row.map_err(|error| failed(&self.location, &error)), &self.location);
                }
                // A call that panics is not answered, and its sender sees that; the log has it already.
                Job::Call(call) => drop(catch_unwind(AssertUnwindSafe(|| call(&self.connection)))),
                Job::Ping(done) => {
                    let found = self.connection.query_row("SELECT count FROM ping", (), |_| Ok(()));
                    let _ = done.send(found.map_err(|error| failed(&self.location, &error)));
                }
            }
        }
    }
}

/// A profile's row, if there is one.
pub(super) fn read(
    connection: &Connection,
    sealing: &Sealing,
    process: i64,
    key: &ProfileKey,
) -> rusqlite::Result<Option<Row>> {
    connection
        .prepare_cached("SELECT revision, process, body FROM profiles WHERE site = ?1 AND visitor = ?2")?
        .query_row(params![key.site.as_str(), key.visitor.0], |row| {
            let body = sealing.profile_of(key, row.get_ref(2)?.as_blob()?);
            let committed = Committed { revision: row.get(0)?, body };
            Ok(Row { committed, foreign: row.get::<_, i64>(1)? != process, base: None })
        })
        .optional()
}
