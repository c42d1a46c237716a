//! The embedded store: SQLite in write-ahead mode, for one machine.
//!
//! One thread writes, a few read; none of them is a worker of the async runtime. What was committed survives `kill -9` (the
//! kernel has it) and a power cut (`synchronous = FULL`; the visitor never waits for that).
//!
//! Several processes may have the file open, as happens when one takes over from another. Every row carries a revision: a write
//! over a row that another process has written since takes that in first ([`super::merge`]), so that nothing counted is lost;
//! and a process that sees another one write reads each profile again before it uses it. What is written waits at most a
//! recorder's interval; so two tabs that meet in different processes within that time may each see a scenario that has one
//! showing left, and no later page can.

pub(super) mod backup;
mod coupons;
mod exports;
mod outbox;
mod products;
mod reader;
mod records;
mod schema;
mod sealing;
mod writer;

use super::codes::CodeMaker;
use super::coupons::Coupons;
use super::exports::Exports;
use super::ledger::{BatchId, Batches, Ledger};
use super::live::{Found, LiveProfiles};
use super::outbox::{Asked, Outbox};
use super::products::Products;
use super::records::Records;
use super::seal::Sealing;
use super::{LiveProfile, ProfileKey, Resealed, Store, StoreError, StoreSettings, Write};
use crate::event::Event;
use crate::ids::Random;
use async_trait::async_trait;
use crossbeam_channel::{Sender, TrySendError, bounded};
use rusqlite::{Connection, ErrorCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// The open store. Dropped, it finishes what it was given and closes the file.
pub(super) struct SqliteStore {
    location: Arc<str>,
    live: Arc<LiveProfiles>,
    maker: Arc<CodeMaker>,
    batches: Batches,
    asked: Asked,
    sealing: Sealing,
    channels: Option<Channels>,
    threads: Vec<JoinHandle<()>>,
}

struct Channels {
    read: Sender<reader::Job>,
    write: Sender<writer::Job>,
}

const READERS: usize = 2;
/// Loads that may wait; a request whose profile is not there in time goes on without.
const READ_QUEUE: usize = 4096;
/// Batches and calls that may wait: all of them become one transaction, so that even a slow disk soon has room again.
const WRITE_QUEUE: usize = 4096;

impl SqliteStore {
    pub(super) fn open(path: &Path, settings: &StoreSettings, random: &dyn Random) -> Result<Self, StoreError> {
        let location: Arc<str> = path.display().to_string().into();
        let live = Arc::new(LiveProfiles::new(settings));
        let batches = Batches::new(random);
        let process = batches.process();
        let asked = Asked::default();

        let (write, write_jobs) = bounded(WRITE_QUEUE);
        let (read, read_jobs) = bounded(READ_QUEUE);
        let mut connection = schema::open(path)?;
        let sealing = sealing::begin(&mut connection, &Sealing::new(settings.sealer.clone()), path)?;
        let how = (asked.clone(), sealing.clone());
        let mut writer = writer::Writer::new(connection, process, live.clone(), how, path)
            .map_err(|error| schema::cannot_open(path, &error))?;
        let mut threads = vec![start("noren-store-write", path, move || writer.run(&write_jobs))?];
        for _ in 0..READERS {
            let reader = reader::Reader::new(schema::connect(path)?, process, sealing.clone(), location.clone());
            let jobs = read_jobs.clone();
            threads.push(start("noren-store-read", path, move || reader.run(&jobs))?);
        }
        let maker = Arc::new(CodeMaker::new(random));
        let channels = Some(Channels { read, write });
        Ok(Self { location, live, maker, batches, asked, sealing, channels, threads })
    }

    fn channels(&self) -> Result<&Channels, StoreError> {
        self.channels.as_ref().ok_or(StoreError::Closed)
    }

    fn refused<T>(&self, error: &TrySendError<T>) -> StoreError {
        match error {
            TrySendError::Full(_) => StoreError::Overloaded { location: self.location.to_string() },
            TrySendError::Disconnected(_) => StoreError::Closed,
        }
    }

    /// Does something within a transaction, together with whatever else is being written; committed when it returns. What fails
    /// is undone by itself.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, wait) = oneshot::channel();
        let location = self.location.clone();
        let call: writer::Call = Box::new(move |connection| {
            let done = alone(connection, work).map_err(|error| failed(&location, &error));
            Box::new(move |committed| drop(answer.send(committed.and(done))))
        });
        self.channels()?.write.try_send(writer::Job::Call(call)).map_err(|error| self.refused(&error))?;
        wait.await.unwrap_or_else(|_| Err(self.unanswered()))
    }

    /// Looks something up, on a connection for reading.
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, wait) = oneshot::channel();
        let location = self.location.clone();
        let call = Box::new(move |connection: &Connection| {
            drop(answer.send(work(connection).map_err(|error| failed(&location, &error))));
        });
        self.channels()?.read.try_send(reader::Job::Call(call)).map_err(|error| self.refused(&error))?;
        wait.await.unwrap_or_else(|_| Err(self.unanswered()))
    }

    /// A call that was dropped: all of its transaction was.
    fn unanswered(&self) -> StoreError {
        StoreError::Backend { location: self.location.to_string(), reason: "its transaction was undone".into() }
    }

    async fn ask<J>(
        &self,
        channel: &Sender<J>,
        job: impl FnOnce(oneshot::Sender<Result<(), StoreError>>) -> J,
    ) -> Result<(), StoreError> {
        let (answer, wait) = oneshot::channel();
        channel.try_send(job(answer)).map_err(|error| self.refused(&error))?;
        wait.await.unwrap_or(Err(StoreError::Closed))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn cached(&self, key: &ProfileKey) -> Option<LiveProfile> {
        self.live.get(key)
    }

    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError> {
        if let Some(live) = self.live.get(key) {
            return Ok(live);
        }
        let wait = match self.live.find(key) {
            Found::Live(live) => return Ok(live),
            Found::Awaited(wait) => wait,
            Found::Fetch(fetch, wait) => {
                if let Err(error) = self.channels()?.read.try_send(reader::Job::Load(fetch)) {
                    let refused = self.refused(&error);
                    if let reader::Job::Load(fetch) = error.into_inner() {
                        fetch.finish(Err(refused), &self.location);
                    }
                }
                wait
            }
        };
        wait.await.unwrap_or(Err(StoreError::Closed))
    }

    fn create(&self, key: &ProfileKey) -> LiveProfile {
        self.live.create(key)
    }

    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.write_once(BatchId::NONE, batch).await
    }

    fn next_batch(&self) -> BatchId {
        self.batches.next()
    }

    async fn write_once(&self, id: BatchId, writes: Vec<Write>) -> Result<(), StoreError> {
        let batch = writer::Batch { id, writes };
        self.ask(&self.channels()?.write, |done| writer::Job::Write { batch, done }).await
    }

    fn coupons(&self) -> &dyn Coupons {
        self
    }

    fn records(&self) -> &dyn Records {
        self
    }

    fn exports(&self) -> &dyn Exports {
        self
    }

    fn products(&self) -> &dyn Products {
        self
    }

    async fn reseal(&self) -> Result<Resealed, StoreError> {
        self.reseal_all().await
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let channels = self.channels()?;
        self.ask(&channels.read, reader::Job::Ping).await?;
        self.ask(&channels.write, writer::Job::Ping).await
    }
}

#[async_trait]
impl Ledger for SqliteStore {
    fn next_batch(&self) -> BatchId {
        self.batches.next()
    }

    async fn append(&self, batch: BatchId, events: Vec<Event>) -> Result<(), StoreError> {
        self.write_once(batch, events.into_iter().map(Write::Event).collect()).await
    }

    fn exports(&self) -> &dyn Exports {
        self
    }

    fn products(&self) -> &dyn Products {
        self
    }

    async fn reseal(&self) -> Result<Resealed, StoreError> {
        self.reseal_all().await
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Store::ping(self).await
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.channels = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn start(name: &str, path: &Path, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|error| StoreError::Open {
        location: path.display().to_string(),
        reason: format!("no thread can be started: {error}"),
        remedy: "raise the limit of processes",
    })
}

/// Runs something in a transaction within the transaction. What panics is undone like what fails.
fn alone<T>(connection: &Connection, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.prepare_cached("SAVEPOINT alone")?.execute(())?;
    let done = catch_unwind(AssertUnwindSafe(|| work(connection)));
    if !matches!(done, Ok(Ok(_))) {
        let undone = connection.prepare_cached("ROLLBACK TO alone").and_then(|mut undo| undo.execute(()));
        if undone.is_err() && !connection.is_autocommit() {
            // Nothing that is half done is ever committed.
            connection.execute_batch("ROLLBACK")?;
        }
    }
    // When the disk is full, SQLite has undone the whole transaction already.
    if !connection.is_autocommit() {
        connection.prepare_cached("RELEASE alone")?.execute(())?;
    }
    done.unwrap_or_else(|_| Err(rusqlite::Error::ToSqlConversionFailure("a mistake in the program".into())))
}

/// SQLite's error in words that an operator can act on.
fn failed(location: &str, error: &rusqlite::Error) -> StoreError {
    StoreError::Backend { location: location.to_owned(), reason: reason(error) }
}

fn reason(error: &rusqlite::Error) -> String {
    let words = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => "it is read-only",
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => "it cannot be opened",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process keeps it locked",
        Some(ErrorCode::DatabaseCorrupt) => "the file is damaged",
        Some(ErrorCode::NotADatabase) => "the file is no SQLite database",
        Some(ErrorCode::SystemIoFailure) => "the disk failed",
        _ => return error.to_string(),
    };
    format!("{words} ({error})")
}

#[cfg(test)]
mod tests;
