//! Writes batches, on a thread of its own: all that waits goes into one transaction.

use super::{failed, outbox, reader};
use crate::commerce::Order;
use crate::event::{Event, What};
use crate::store::ledger::{BatchId, REMEMBERED};
use crate::store::live::{Committed, LiveProfiles, lock};
use crate::store::outbox::Asked;
use crate::store::seal::{OrderDetails, Sealing};
use crate::store::{LiveProfile, ProfileKey, StoreError, Write, codec};
use ahash::AHashMap;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What the writer is asked.
pub(super) enum Job {
    Write { batch: Batch, done: oneshot::Sender<Result<(), StoreError>> },
    Call(Call),
    Ping(oneshot::Sender<Result<(), StoreError>>),
}

/// Writes of one sender.
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) writes: Vec<Write>,
}

/// Something to be done within a transaction. What it gives is called once that is committed, or was not.
pub(super) type Call = Box<dyn FnOnce(&Connection) -> Answer + Send>;
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The connection that writes.
pub(super) struct Writer {
    connection: Connection,
    process: i64,
    live: Arc<LiveProfiles>,
    asked: Asked,
    sealing: Sealing,
    location: Arc<str>,
    path: PathBuf,
    file: Option<(u64, u64)>,
    /// SQLite's counter of other connections' commits; the readers of this process make none.
    data_version: i64,
}

/// How often to look for another process's writes when there is nothing to write.
const WATCH: Duration = Duration::from_millis(250);
/// A transaction takes no more jobs once it has this many writes.
const FULL: usize = 10_000;

impl Writer {
    pub(super) fn new(
        connection: Connection,
        process: i64,
        live: Arc<LiveProfiles>,
        (asked, sealing): (Asked, Sealing),
        path: &Path,
    ) -> rusqlite::Result<Self> {
        let data_version = data_version(&connection)?;
        let location = path.display().to_string().into();
        let (path, file) = (path.to_owned(), identity(path));
        Ok(Self { connection, process, live, asked, sealing, location, path, file, data_version })
    }

    /// Works until the store is dropped, and then through all that is left.
    pub(super) fn run(&mut self, jobs: &Receiver<Job>) {
        loop {
            match jobs.recv_timeout(WATCH) {
                Ok(job) => self.work(job, jobs),
                Err(RecvTimeoutError::Timeout) => self.watch(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn work(&mut self, first: Job, jobs: &Receiver<Job>) {
        let (mut batches, mut waiting, mut pings, mut calls) = (Vec::new(), Vec::new(), 0, Vec::new());
        let mut writes = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write { batch, done } => {
                    writes += batch.writes.len();
                    batches.push(batch);
                    waiting.push(done);
                }
                Job::Call(call) => calls.push(call),
                Job::Ping(done) => {
                    pings += 1;
                    waiting.push(done);
                }
            }
            next = if writes + calls.len() < FULL { jobs.try_recv().ok() } else { None };
        }
        let mut answers = Vec::with_capacity(calls.len());
        let outcome = if self.is_in_place() {
            self.commit(&batches, pings, calls, &mut answers).map_err(|error| failed(&self.location, &error))
        } else {
            let reason = "its file was removed or replaced: put it back, or restart".to_owned();
            Err(StoreError::Backend { location: self.location.to_string(), reason })
        };
        for answer in answers {
            // Nobody's mistake is to end everybody's writing; the log has it already.
            let _ = catch_unwind(AssertUnwindSafe(|| answer(outcome.clone())));
        }
        for done in waiting {
            let _ = done.send(outcome.clone());
        }
    }

    pub(super) fn commit(
        &mut self,
        batches: &[Batch],
        pings: u32,
        calls: Vec<Call>,
        answers: &mut Vec<Answer>,
    ) -> rusqlite::Result<()> {
        self.watch();
        let mut work = Work {
            transaction: self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?,
            process: self.process,
            live: &self.live,
            asked: &self.asked,
            sealing: &self.sealing,
            put: AHashMap::new(),
        };
        for batch in batches {
            let is_new = work.is_new(batch.id)?;
            for write in &batch.writes {
                match write {
                    Write::Event(event) if is_new => work.insert(event)?,
                    Write::Event(_) => {}
                    Write::Profile(key, profile) => work.put(key, profile)?,
                }
            }
        }
        if pings > 0 {
            work.transaction.execute("UPDATE ping SET count = count + 1", ())?;
        }
        for call in calls {
            if work.transaction.is_autocommit() {
                // A call before met a full disk, and SQLite undid everything: nothing must be done outside a transaction.
                break;
            }
            // A call that panics is not answered: its sender sees that.
            if let Ok(answer) = catch_unwind(AssertUnwindSafe(|| call(&work.transaction))) {
                answers.push(answer);
            }
        }
        let put = work.put;
        work.transaction.commit()?;
        for (key, (profile, committed)) in put {
            self.live.set_committed(key, profile, committed);
        }
        Ok(())
    }

    /// Whether the open file is still the one at its path. What is written to another is gone when this process ends, so it
    /// must not be acknowledged.
    fn is_in_place(&self) -> bool {
        identity(&self.path) == self.file
    }

    /// Notices that another process has written.
    fn watch(&mut self) {
        if let Ok(version) = data_version(&self.connection)
            && version != self.data_version
        {
            self.data_version = version;
            self.live.distrust();
        }
    }
}

#[cfg(test)]
impl Writer {
    /// Plays a disk of so many pages.
    pub(super) fn limit_pages(&self, pages: Option<u32>) {
        let limit = pages.unwrap_or(u32::MAX - 1);
        self.connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(())).unwrap();
    }
}

/// Device and number of the file at a path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// One transaction under way.
struct Work<'a> {
    transaction: Transaction<'a>,
    process: i64,
    live: &'a LiveProfiles,
    asked: &'a Asked,
    sealing: &'a Sealing,
    /// What it has put so far, and what is committed with it.
    put: AHashMap<&'a ProfileKey, (&'a LiveProfile, Committed)>,
}

impl<'a> Work<'a> {
    /// Notes a batch; false if it was kept before.
    fn is_new(&self, id: BatchId) -> rusqlite::Result<bool> {
        if !id.is_some() {
            return Ok(true);
        }
        let inserted = self
            .transaction
            .prepare_cached("INSERT OR IGNORE INTO batches (process, number) VALUES (?1, ?2)")?
            .execute([id.process, id.number])?;
        self.transaction
            .prepare_cached("DELETE FROM batches WHERE process = ?1 AND number <= ?2")?
            .execute([id.process, id.number - REMEMBERED])?;
        Ok(inserted == 1)
    }

    fn insert(&self, event: &Event) -> rusqlite::Result<()> {
        if event.what.foreseen().is_some() {
            return outbox::foresee(&self.transaction, self.asked, self.sealing, event);
        }
        if let What::Purchase(order) = &event.what
            && !self.is_first(event, order)?
        {
            return Ok(());
        }
        if let What::Refund { order, value } = &event.what {
            self.refund(event, order, *value)?;
        }
        let (arm, details) = (event.what.arm(), self.sealing.event(event));
        self.transaction
            .prepare_cached(
                "INSERT INTO events (site, at, visitor, kind, scenario, variant, path, parameters, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                event.site.as_str(),
                event.at.as_millisecond(),
                event.visitor.0,
                event.what.name(),
                arm.map(|arm| &*arm.scenario),
                arm.map(|arm| &*arm.variant),
                details.path,
                details.parameters.map(|parameters| parameters.to_string()),
                details.sealed,
            ])?;
        outbox::post(&self.transaction, self.asked, self.sealing, event)
    }

    /// Notes an order; false if its id was there already.
    fn is_first(&self, event: &Event, order: &Order) -> rusqlite::Result<bool> {
        let name = self.sealing.order_name(&event.site, &order.id);
        let details = OrderDetails { id: Some(order.id.clone()), value: order.value, refunded: 0.0 };
        let sealed = self.sealing.order(&event.site, &name, &details);
        let value = if sealed.is_some() { None } else { order.value };
        let inserted = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO orders (site, id, at, visitor, value, sealed) SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE NOT EXISTS (SELECT 1 FROM orders WHERE site = ?1 AND id = ?7)",
            )?
            .execute(params![
                event.site.as_str(),
                name,
                event.at.as_millisecond(),
                event.visitor.0,
                value,
                sealed,
                order.id
            ])?;
        Ok(inserted == 1)
    }

    fn refund(&self, event: &Event, order: &str, value: Option<f64>) -> rusqlite::Result<()> {
        let name = self.sealing.order_name(&event.site, order);
        let sealed: Option<Vec<u8>> = self
            .transaction
            .prepare_cached("SELECT sealed FROM orders WHERE site = ?1 AND id = ?2")?
            .query_row(params![event.site.as_str(), name], |row| row.get(0))
            .optional()?
            .flatten();
        if let Some(sealed) = sealed {
            let Ok(details) = self.sealing.order_of(&event.site, &name, &sealed) else {
                tracing::warn!(site = %event.site, "a refund of an order that no key opens is not counted");
                return Ok(());
            };
            let details = details.refund(value);
            let sealed = self.sealing.order(&event.site, &name, &details);
            let plain = if sealed.is_some() { OrderDetails::default() } else { details };
            return self
                .transaction
                .prepare_cached("UPDATE orders SET value = ?3, refunded = ?4, sealed = ?5 WHERE site = ?1 AND id = ?2")?
                .execute(params![event.site.as_str(), name, plain.value, plain.refunded, sealed])
                .map(drop);
        }
        self.transaction
            .prepare_cached(
                "UPDATE orders SET refunded = min(coalesce(value, 0), refunded + coalesce(?3, value, 0))
                 WHERE site = ?1 AND id IN (?2, ?4)",
            )?
            .execute(params![event.site.as_str(), order, value, name])
            .map(drop)
    }

    fn put(&mut self, key: &'a ProfileKey, profile: &'a LiveProfile) -> rusqlite::Result<()> {
        let known = self.put.get(key).map_or_else(|| self.live.committed(key), |(_, committed)| committed.clone());
        if let Some(committed) = self.put_over(&known, key, profile)? {
            self.put.insert(key, (profile, committed));
            return Ok(());
        }
        // Another process was here since. Nobody can come between now: the transaction has the write lock.
        let Some(row) = reader::read(&self.transaction, self.sealing, self.process, key)? else {
            // What was erased elsewhere must not come back from here.
            self.live.reset(key, profile);
            return Ok(());
        };
        let theirs = row.committed.clone();
        match self.live.absorb(key, profile, row) {
            Ok(()) => {
                if let Some(committed) = self.put_over(&theirs, key, profile)? {
                    self.put.insert(key, (profile, committed));
                }
            }
            // Only a newer program writes what this one cannot read: it has taken over, and its word stands.
            Err(error) => tracing::warn!(site = %key.site, %error, "left a profile to the process that wrote it"),
        }
        Ok(())
    }

    /// Writes a profile's present state over the one that is known to be there; `None` if another is.
    fn put_over(
        &self,
        known: &Committed,
        key: &ProfileKey,
        profile: &LiveProfile,
    ) -> rusqlite::Result<Option<Committed>> {
        let (body, seen, erased) = {
            let profile = lock(profile);
            (codec::encode(&profile), profile.touched(), profile.erased)
        };
        if erased {
            return Ok(Some(known.clone()));
        }
        let body = body.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let revision = known.revision + 1;
        let written = self
            .transaction
            .prepare_cached(
                "INSERT INTO profiles (site, visitor, revision, process, seen, body)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE ?3 = 1 OR EXISTS (SELECT 1 FROM profiles WHERE site = ?1 AND visitor = ?2)
                 ON CONFLICT (site, visitor) DO UPDATE
                 SET revision = excluded.revision, process = excluded.process, seen = excluded.seen, body = excluded.body
                 WHERE revision = excluded.revision - 1",
            )?
            .execute(params![key.site.as_str(), key.visitor.0, revision, self.process, seen, self.sealing.profile(key, &body)])?;
        Ok((written == 1).then(|| Committed { revision, body: body.into() }))
    }
}
