//! A customer's browsers share one profile: each browser's own is then but a pointer to it.
//!
//! One more look into the cache for members, none for everybody else. Variants are chosen by the browser's id all the same: they
//! must not change under a visitor because they log in, and a visitor who was in two arms in two browsers before cannot be in one
//! after. What the customer then does counts for both.

use super::profile::Profile;
use super::{LiveProfile, ProfileKey, Store, StoreError};
use crate::ids::VisitorId;
use std::sync::PoisonError;

/// A profile, and the name it is kept by: the visitor's, or their customer's.
#[derive(Debug, Clone)]
pub struct Found {
    /// Name.
    pub key: ProfileKey,
    /// Profile.
    pub profile: LiveProfile,
}

impl Found {
    /// The customer whose profile it is, if it is not the visitor's own.
    #[must_use]
    pub fn customer_of(&self, visitor: VisitorId) -> Option<VisitorId> {
        Some(self.key.visitor).filter(|name| *name != visitor)
    }
}

/// The profile that a visitor has now, if all that leads to it is in memory.
#[must_use]
pub fn cached(store: &dyn Store, key: &ProfileKey) -> Option<Found> {
    let own = store.cached(key)?;
    match customer_of(&own) {
        None => Some(Found { key: key.clone(), profile: own }),
        Some(customer) => {
            let key = ProfileKey { site: key.site.clone(), visitor: customer };
            Some(Found { profile: store.cached(&key)?, key })
        }
    }
}

/// The profile that a visitor has now.
///
/// # Errors
/// As [`Store::load`].
pub async fn load(store: &dyn Store, key: &ProfileKey) -> Result<Found, StoreError> {
    let own = store.load(key).await?;
    match customer_of(&own) {
        None => Ok(Found { key: key.clone(), profile: own }),
        Some(customer) => {
            let key = ProfileKey { site: key.site.clone(), visitor: customer };
            Ok(Found { profile: store.load(&key).await?, key })
        }
    }
}

fn customer_of(profile: &LiveProfile) -> Option<VisitorId> {
    profile.lock().unwrap_or_else(PoisonError::into_inner).joined
}

impl Profile {
    /// Moves all that is remembered of a visitor into their customer's profile, and points there from now on. False if that is done
    /// already.
    pub fn join(&mut self, customer: VisitorId, shared: &mut Profile, session_timeout: i64) -> bool {
        let own = std::mem::replace(self, Profile { joined: Some(customer), ..Profile::default() });
        let moved = own.pageviews > 0 || !own.scenarios.is_empty();
        let pointed = own.joined == Some(customer);
        if moved {
            let theirs = std::mem::take(shared);
            *shared = super::merge::join(theirs, own, session_timeout);
        }
        moved || !pointed
    }

    /// Ends pointing to a customer. What was shown in this browser stays shown; all else is the customer's.
    pub fn part(&mut self, shared: &Profile) {
        let mut scenarios = shared.scenarios.clone();
        for history in scenarios.values_mut() {
            history.windows.clear();
            (history.session, history.session_exposures, history.last_exposure_page) = (0, 0, 0);
        }
        *self = Profile { scenarios, ..Profile::default() };
    }
}
