//! The ledger of several machines: coupons, orders and events in PostgreSQL 15 or newer.
//!
//! Decides how long a server is waited for, how many connections it is asked for, and in what words its errors reach an operator.
//! A server that is down, or was down at the start, costs what needs it and nothing else: each call fails on its own, within its
//! time, and the next one tries anew. Everything that a call changes is one transaction, and what must not happen twice is kept
//! from it by a unique index or a row's lock, never by looking first.

mod address;
mod coupons;
mod events;
mod exports;
mod outbox;
mod products;
mod records;
mod schema;
mod sealing;

use super::codes::CodeMaker;
use super::ledger::Batches;
use super::outbox::Asked;
use super::seal::{CannotOpen, Sealing};
use super::{StoreError, StoreSettings};
use crate::ids::Random;
use address::Address;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::error::Elapsed;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

/// A ledger in PostgreSQL.
pub(super) struct PostgresLedger {
    pool: Pool,
    location: Arc<str>,
    maker: CodeMaker,
    batches: Batches,
    asked: Asked,
    seals: Sealing,
    /// The tables are there, as new as this program knows them, and what is sealed in them can be opened: by this.
    ready: OnceCell<Sealing>,
}

/// Connections at most. A server has a hundred for all its clients unless told otherwise.
const CONNECTIONS: usize = 16;
/// How long to wait for a connection that others use, and for a new one.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a call may take that a page may be waiting for. Who needs it sooner goes on without it sooner.
const CALL: Duration = Duration::from_secs(5);
/// How long a batch of events may take.
const BATCH: Duration = Duration::from_secs(30);
/// How long new tables may take.
const MIGRATION: Duration = Duration::from_secs(600);
/// What each connection is told first. A gateway that hangs in the midst of a transaction must not keep others from its rows; and what was
/// acknowledged must be on the disk.
const GREETING: &str = "
    SET search_path TO noren;
    SET statement_timeout TO '30s';
    SET idle_in_transaction_session_timeout TO '10s';
    SET default_transaction_isolation TO 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

impl PostgresLedger {
    /// Prepares to use the server at an address. It is not asked for anything yet, and may be down.
    pub(super) fn open(url: &str, settings: &StoreSettings, random: &dyn Random) -> Result<Self, StoreError> {
        let Address { mut config, tls, location } = Address::parse(url)?;
        config.connect_timeout(CONNECT).keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(BATCH);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Some(tls) => Manager::from_config(config, tls, recycling),
            None => Manager::from_config(config, NoTls, recycling),
        };
        let greet = Hook::async_fn(|client, _| {
            Box::pin(async move { client.batch_execute(GREETING).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .post_create(greet)
            .build()
            .map_err(|error| failed(&location, error.to_string()))?;
        let (maker, batches) = (CodeMaker::new(random), Batches::new(random));
        let (asked, seals) = (Asked::default(), Sealing::new(settings.sealer.clone()));
        Ok(Self { pool, location, maker, batches, asked, seals, ready: OnceCell::new() })
    }

    /// A connection to tables that are up to date.
    async fn client(&self) -> Result<Object, StoreError> {
        let mut client = match tokio::time::timeout(CONNECT, self.pool.get()).await {
            Ok(Ok(client)) => client,
            Ok(Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)))) => {
                return Err(failed(&self.location, reason(&error)));
            }
            Ok(Err(error)) => return Err(failed(&self.location, error.to_string())),
            Err(_) if self.pool.status().size == CONNECTIONS => {
                return Err(StoreError::Overloaded { location: self.location.to_string() });
            }
            Err(_) => return Err(failed(&self.location, "it does not answer".to_owned())),
        };
        if self.ready.initialized() {
            return Ok(client);
        }
        self.ready
            .get_or_try_init(async || {
                let prepare = async {
                    schema::migrate(&mut client).await?;
                    sealing::secret(&client, &self.seals).await
                };
                let done = tokio::time::timeout(MIGRATION, prepare).await;
                self.seals.with(self.settle(client, done)?.as_deref(), &self.location)
            })
            .await?;
        Box::pin(self.client()).await
    }

    /// How rows are sealed; there is no connection before that is known.
    fn sealing(&self) -> Result<&Sealing, StoreError> {
        self.ready.get().ok_or(StoreError::Closed)
    }

    /// A row that no key opens.
    fn shut(&self, error: CannotOpen) -> StoreError {
        failed(&self.location, error.to_string())
    }

    /// Ends the use of a connection, and says what came of it.
    fn settle<T>(
        &self,
        client: Object,
        done: Result<Result<T, tokio_postgres::Error>, Elapsed>,
    ) -> Result<T, StoreError> {
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                // A server that only reads now is no longer the one to talk to: the next connection may find the one that writes.
                if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) {
                    drop(Object::take(client));
                }
                Err(failed(&self.location, reason(&error)))
            }
            Err(_) => {
                // Nobody knows what it is still doing: what it had not committed is undone as its connection ends.
                drop(Object::take(client));
                Err(failed(&self.location, "it does not answer".to_owned()))
            }
        }
    }
}

fn failed(location: &str, reason: String) -> StoreError {
    StoreError::Backend { location: location.to_owned(), reason }
}

/// The server's or the driver's words, without the values that the server quotes in its details.
fn reason(error: &tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        return match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
    };
    let code = database.code();
    let words = if *code == SqlState::TOO_MANY_CONNECTIONS {
        "it has no connection left"
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        "it is read-only"
    } else if *code == SqlState::DISK_FULL {
        "its disk is full"
    } else if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        "it refuses the user or the password"
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        "there is no such database"
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        "the user may not do that: let it create a schema `noren` in the database, or make one that it owns"
    } else if *code == SqlState::QUERY_CANCELED {
        "it took too long"
    } else if *code == SqlState::CANNOT_CONNECT_NOW
        || *code == SqlState::ADMIN_SHUTDOWN
        || *code == SqlState::CRASH_SHUTDOWN
    {
        "it is starting or stopping"
    } else {
        return format!("{} ({})", database.message(), code.code());
    };
    format!("{words} ({}, {})", database.message(), code.code())
}

/// A text as PostgreSQL takes it: it knows no NUL.
fn text(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

#[cfg(test)]
mod tests;
