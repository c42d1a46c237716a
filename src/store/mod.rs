//! Keeps what must outlive a request: profiles, caps and events.
//!
//! The traits stand here, apart from the backends; SQL stands in `store/` alone.

mod claims;
mod codec;
pub mod codes;
mod composite;
#[cfg(test)]
mod contract;
pub mod coupons;
pub mod exports;
pub mod joined;
pub mod ledger;
mod live;
mod merge;
pub mod outbox;
mod postgres;
pub mod presence;
pub mod products;
pub mod profile;
pub mod records;
mod redis;
mod seal;
mod sqlite;

pub use claims::{Claim, Rest};
pub use seal::{EncryptionKeyError, Sealer};
pub use sqlite::backup::{Beside, backup, is_sealed, restore};

use crate::event::Event;
use crate::ids::{Random, SiteId, VisitorId};
use async_trait::async_trait;
use coupons::{Coupons, NoCoupons};
use exports::{Exports, NoExports};
use ledger::{BatchId, Ledger};
use outbox::{NoOutbox, Outbox};
use products::{NoProducts, Products};
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
    Ok(Arc::new(embedded(location, settings, random)?))
}

fn embedded(location: &str, settings: &StoreSettings, random: &dyn Random) -> Result<sqlite::SqliteStore, StoreError> {
    match location.split_once(':') {
        Some(("sqlite", path)) => sqlite::SqliteStore::open(Path::new(path), settings, random),
        // A scheme has more than one letter: `C:` and `./a:b` are paths.
        Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Err(StoreError::Open {
                location: format!("{scheme}:…"),
                reason: "no such kind of store".into(),
                remedy: "give a file's path",
            })
        }
        _ => sqlite::SqliteStore::open(Path::new(location), settings, random),
    }
}

/// Opens a store that keeps profiles at one location and events, orders and coupons at another: `redis://…` or what [`open`] takes
/// for profiles, `postgres://…` or what [`open`] takes for the ledger.
///
/// Where it leads to servers, they need not be up: it connects as soon as they are. Call it within the runtime.
///
/// # Errors
/// When one of them cannot be opened; the error says what to do.
pub fn open_apart(
    profiles: &str,
    ledger: &str,
    settings: &StoreSettings,
    random: &dyn Random,
) -> Result<Opened, StoreError> {
    let scheme = |location: &str| location.split_once(':').map(|(scheme, _)| scheme.to_owned()).unwrap_or_default();
    let here = Arc::new(presence::Here::default());
    if profiles == ledger {
        return Ok(Opened { store: open(ledger, settings, random)?, presence: here.clone(), messages: here });
    }
    let ledger: Arc<dyn Ledger> = match scheme(ledger).as_str() {
        "postgres" | "postgresql" => open_ledger(ledger, settings, random)?,
        _ => Arc::new(embedded(ledger, settings, random)?),
    };
    if self::redis::is_redis(&scheme(profiles)) {
        let profiles = Arc::new(self::redis::RedisStore::open(profiles, settings, random)?);
        let store = Arc::new(composite::Composite::new(profiles.clone(), ledger));
        return Ok(Opened { store, presence: profiles.clone(), messages: profiles });
    }
    let store = Arc::new(composite::Composite::new(Arc::new(embedded(profiles, settings, random)?), ledger));
    Ok(Opened { store, presence: here.clone(), messages: here })
}

/// What a gateway keeps and shares.
pub struct Opened {
    /// Profiles, caps and events.
    pub store: Arc<dyn Store>,
    /// Who is on the sites now.
    pub presence: Arc<dyn presence::Presence>,
    /// Messages between gateways.
    pub messages: Arc<dyn presence::Messages>,
}

/// Opens the ledger at an address: `postgres://…`. The server is not asked for anything yet, and may be down.
///
/// # Errors
/// When the address cannot be understood, or a file that it names cannot be read.
pub fn open_ledger(
    location: &str,
    settings: &StoreSettings,
    random: &dyn Random,
) -> Result<Arc<dyn Ledger>, StoreError> {
    match location.split_once(':') {
        Some(("postgres" | "postgresql", _)) => {
            Ok(Arc::new(postgres::PostgresLedger::open(location, settings, random)?))
        }
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

/// What a store keeps in memory, how long it keeps what nobody asks for, and whether it is sealed.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// About how many bytes of profiles.
    pub cache_bytes: u64,
    /// How long a profile that nobody asks for stays in memory.
    pub cache_idle: Duration,
    /// How long after its last change a profile is kept in Redis.
    pub keep: Duration,
    /// What seals and opens what says something of people; without it all is written plain.
    pub sealer: Option<Arc<Sealer>>,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            cache_idle: Duration::from_secs(45 * 60),
            keep: Duration::from_secs(400 * 86_400),
            sealer: None,
        }
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

    /// Whether other machines serve the same visitors, so that a delivery which is rationed must be claimed before it is made.
    fn is_shared(&self) -> bool {
        false
    }

    /// Judges and counts deliveries to one visitor, each by itself and atomically: in their order, which are granted.
    ///
    /// Where [`is_shared`](Self::is_shared) is false the profile's lock has seen to it, and all are granted.
    async fn claim(&self, _key: &ProfileKey, claims: &[Claim]) -> Result<Vec<bool>, StoreError> {
        Ok(vec![true; claims.len()])
    }

    /// Gives back claims of deliveries that were not made. One that was never counted, or was given back before, is passed over.
    async fn unclaim(&self, _key: &ProfileKey, _claims: &[Claim]) -> Result<(), StoreError> {
        Ok(())
    }

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

    /// The products that stand beside the profiles.
    fn products(&self) -> &dyn Products {
        &NoProducts
    }

    /// Brings all that is there into the form in which it would be written now: sealed with the newest key, or plain. It may take
    /// long, and others may use the store meanwhile.
    async fn reseal(&self) -> Result<Resealed, StoreError> {
        Ok(Resealed::default())
    }

    /// The messages about events that wait to be told to others.
    fn outbox(&self) -> &dyn Outbox {
        &NoOutbox
    }

    /// Answers if the backend can be read and written now.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What came of sealing all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Rows that were written anew.
    pub changed: u64,
    /// Rows that no key opens: they are as they were.
    pub shut: u64,
    /// Traces of what was there before may still be in the store's file, since others kept reading it.
    pub traces: bool,
}

impl std::ops::AddAssign for Resealed {
    fn add_assign(&mut self, more: Self) {
        self.changed += more.changed;
        self.shut += more.shut;
        self.traces |= more.traces;
    }
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
    /// Events are committed, profiles are not: each is kept by a store of its own, and only one of them failed.
    #[error("events are committed, profiles are not: {reason}")]
    Profiles {
        /// What became of the profiles.
        reason: Box<StoreError>,
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
