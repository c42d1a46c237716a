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

mod reader;
mod records;
mod schema;
mod writer;

use super::live::{Found, LiveProfiles};
use super::records::Records;
use super::{LiveProfile, ProfileKey, Store, StoreError, StoreSettings, Write};
use crate::ids::Random;
use async_trait::async_trait;
use crossbeam_channel::{Sender, TrySendError, bounded};
use rusqlite::{Connection, ErrorCode};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// The open store. Dropped, it finishes what it was given and closes the file.
pub(super) struct SqliteStore {
    location: Arc<str>,
    live: Arc<LiveProfiles>,
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
/// Batches that may wait; there is one recorder, which waits for each.
const WRITE_QUEUE: usize = 64;

impl SqliteStore {
    pub(super) fn open(path: &Path, settings: &StoreSettings, random: &dyn Random) -> Result<Self, StoreError> {
        let location: Arc<str> = path.display().to_string().into();
        let live = Arc::new(LiveProfiles::new(settings));
        let mut process = [0; 8];
        random.fill(&mut process);
        let process = i64::from_ne_bytes(process);

        let (write, write_jobs) = bounded(WRITE_QUEUE);
        let (read, read_jobs) = bounded(READ_QUEUE);
        let mut writer = writer::Writer::new(schema::open(path)?, process, live.clone(), path)
            .map_err(|error| schema::cannot_open(path, &error))?;
        let mut threads = vec![start("noren-store-write", path, move || writer.run(&write_jobs))?];
        for _ in 0..READERS {
            let reader = reader::Reader::new(schema::connect(path)?, process, location.clone());
            let jobs = read_jobs.clone();
            threads.push(start("noren-store-read", path, move || reader.run(&jobs))?);
        }
        Ok(Self { location, live, channels: Some(Channels { read, write }), threads })
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
        wait.await.unwrap_or(Err(StoreError::Closed))
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
        wait.await.unwrap_or(Err(StoreError::Closed))
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
        self.ask(&self.channels()?.write, |done| writer::Job::Write { batch, done }).await
    }

    fn records(&self) -> &dyn Records {
        self
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let channels = self.channels()?;
        self.ask(&channels.read, reader::Job::Ping).await?;
        self.ask(&channels.write, writer::Job::Ping).await
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

/// Runs something in a transaction within the transaction.
fn alone<T>(connection: &Connection, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.execute_batch("SAVEPOINT alone")?;
    let done = work(connection);
    let end = if done.is_ok() { "RELEASE alone" } else { "ROLLBACK TO alone; RELEASE alone" };
    connection.execute_batch(end)?;
    done
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
