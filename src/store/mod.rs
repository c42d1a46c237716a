//! Keeps what must outlive a request: profiles, caps and events.
//!
//! The traits stand here, apart from the backends; SQL stands in `store/` alone.

mod codec;
pub mod codes;
#[cfg(test)]
mod contract;
pub mod coupons;
pub mod exports;
pub mod ledger;
mod live;
mod merge;
mod postgres;
pub mod profile;
pub mod records;
mod sqlite;

pub use sqlite::backup::{Beside, backup, restore};

use crate::event::Event;
use crate::ids::{Random, SiteId, VisitorId};
use async_trait::async_trait;
use coupons::{Coupons, NoCoupons};
use exports::{Exports, NoExports};
use ledger::{BatchId, Ledger};
use profile::Profile;
use records::Records;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Opens the store at a location: a path, or `sqlite:` and a path.
///
/// Several processes on one machine may have the same store open: that is how one takes over from another.
///
/// # Errors
/// When it cannot be opened; the error says what to do.
pub fn open(location: &str, settings: &StoreSettings, random: &dyn Random) -> Result<Arc<dyn Store>, StoreError> {
    match location.split_once(':') {
        Some(("sqlite", path)) => Ok(Arc::new(sqlite::SqliteStore::open(Path::new(path), settings, random)?)),
        // A scheme has more than one letter: `C:` and `./a:b` are paths.
        Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Err(StoreError::Open {
                location: format!("{scheme}:…"),
                reason: "no such kind of store".into(),
                remedy: "give a file's path",
            })
        }
        _ => Ok(Arc::new(sqlite::SqliteStore::open(Path::new(location), settings, random)?)),
    }
}

/// Opens the ledger at an address: `postgres://…`. The server is not asked for anything yet, and may be down.
///
/// # Errors
/// When the address cannot be understood, or a file that it names cannot be read.
pub fn open_ledger(location: &str, random: &dyn Random) -> Result<Arc<dyn Ledger>, StoreError> {
    match location.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(postgres::PostgresLedger::open(location, random)?)),
        Some((scheme, _)) => Err(StoreError::Open {
            location: format!("{scheme}:…"),
            reason: "no such kind of ledger".into(),
            remedy: "give an address like postgres://USER:PASSWORD@HOST/DATABASE",
        }),
        None => Err(StoreError::Open {
            location: location.into(),
            reason: "it is no address of a server".into(),
            remedy: "give one like postgres://USER:PASSWORD@HOST/DATABASE",
        }),
    }
}

/// What a store keeps in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// About how many bytes of profiles.
    pub cache_bytes: u64,
    /// How long a profile that nobody asks for.
    pub cache_idle: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, cache_idle: Duration::from_secs(45 * 60) }
    }
}

/// A profile shared by all of a visitor's concurrent requests.
///
/// Caps are never overshot by several tabs because deciding and reserving happen under this lock.
pub type LiveProfile = Arc<Mutex<Profile>>;

/// Names a profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfileKey {
    /// The site.
    pub site: SiteId,
    /// The visitor.
    pub visitor: VisitorId,
}

/// Loads and keeps profiles and events.
#[async_trait]
pub trait Store: Send + Sync {
    /// The profile if it is in memory, without waiting.
    fn cached(&self, key: &ProfileKey) -> Option<LiveProfile>;

    /// The profile, from the backend if need be; a default one for a visitor never seen.
    ///
    /// Two calls for one key give the same [`LiveProfile`] for as long as one of them is held.
    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError>;

    /// Makes a profile for a visitor that was minted just now: the backend is not asked.
    fn create(&self, key: &ProfileKey) -> LiveProfile;

    /// Writes a batch durably: events, and the present state of the profiles they touched.
    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError>;

    /// Names the next batch, for [`Self::write_once`].
    fn next_batch(&self) -> BatchId {
        BatchId::NONE
    }

    /// Writes a batch that may be tried again under the same name, with the same events or fewer: none of them is kept twice.
    async fn write_once(&self, _: BatchId, batch: Vec<Write>) -> Result<(), StoreError> {
        self.write(batch).await
    }

    /// The coupons that stand beside the profiles.
    fn coupons(&self) -> &dyn Coupons {
        &NoCoupons
    }

    /// What is kept of visitors, for them to see and to have erased.
    fn records(&self) -> &dyn Records {
        &records::NoRecords
    }

    /// What is kept, to be read out.
    fn exports(&self) -> &dyn Exports {
        &NoExports
    }

    /// Answers if the backend can be read and written now.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One thing to be written.
#[derive(Debug, Clone)]
pub enum Write {
    /// An event.
    Event(Event),
    /// A profile's state at the time of writing.
    Profile(ProfileKey, LiveProfile),
}

/// Why a store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The backend answered with an error.
    #[error("the store at {location} failed: {reason}")]
    Backend {
        /// Path or address, without credentials.
        location: String,
        /// The backend's words.
        reason: String,
    },
    /// It could not be opened.
    #[error("cannot open the store at {location}: {reason}; {remedy}")]
    Open {
        /// Path or address, without credentials.
        location: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Too much is waiting for it already.
    #[error("the store at {location} is overloaded")]
    Overloaded {
        /// Path or address, without credentials.
        location: String,
    },
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}
