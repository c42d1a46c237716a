//! Keeps what must outlive a request: profiles, caps and events.
//!
//! The traits stand here, apart from the backends; SQL stands in `store/` alone.

pub mod profile;

use crate::event::Event;
use crate::ids::{SiteId, VisitorId};
use async_trait::async_trait;
use profile::Profile;
use std::sync::{Arc, Mutex};

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
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}
