//! The profiles in memory: a bounded cache, and the promise that one visitor has one [`LiveProfile`].
//!
//! The cache may let go of a profile at any time. While somebody still holds it (a request, or a write that waits), the
//! registry beside the cache finds it again, so that nobody gets a second copy. Knows nothing of the backend.

use super::merge::merge;
use super::profile::Profile;
use super::{LiveProfile, ProfileKey, StoreError, StoreSettings, codec};
use ahash::{AHashMap, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::oneshot;

/// All profiles in memory.
pub(super) struct LiveProfiles {
    cache: moka::sync::Cache<ProfileKey, Cached, RandomState>,
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    /// Grows when another process has written: whatever was read before must be read again.
    generation: AtomicU64,
}

#[derive(Clone)]
struct Cached {
    profile: LiveProfile,
    weight: u32,
    generation: u64,
}

#[derive(Default)]
struct Shard {
    entries: AHashMap<ProfileKey, Entry>,
    sweep_at: usize,
}

#[derive(Default)]
struct Entry {
    profile: Weak<Mutex<Profile>>,
    committed: Committed,
    generation: u64,
    loading: bool,
    waiting: Vec<oneshot::Sender<Loaded>>,
}

/// The state that the backend has of a profile; by default, that of one it has never seen.
#[derive(Clone, Default)]
pub(super) struct Committed {
    /// Grows by one with each write.
    pub revision: i64,
    /// Encoded.
    pub body: Arc<[u8]>,
}

/// What the backend answered.
pub(super) struct Row {
    pub committed: Committed,
    /// Another process wrote it.
    pub foreign: bool,
    /// What of ours it contains, where that is not what we know to be committed: a write whose answer never came.
    pub base: Option<Arc<[u8]>>,
}

/// A load's outcome.
pub(super) type Loaded = Result<LiveProfile, StoreError>;

/// What [`LiveProfiles::find`] found.
pub(super) enum Found {
    /// It is in memory.
    Live(LiveProfile),
    /// Somebody is fetching it already.
    Awaited(oneshot::Receiver<Loaded>),
    /// It must be fetched.
    Fetch(Fetch, oneshot::Receiver<Loaded>),
}

impl LiveProfiles {
    pub(super) fn new(settings: &StoreSettings) -> Self {
        let hasher = RandomState::new();
        let cache = moka::sync::Cache::builder()
            .weigher(|_: &ProfileKey, cached: &Cached| cached.weight)
            .max_capacity(settings.cache_bytes)
            .time_to_idle(settings.cache_idle)
            .build_with_hasher(hasher.clone());
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { cache, shards, hasher, generation: AtomicU64::new(0) }
    }

    /// The profile, if it is in memory and nobody else has written since.
    pub(super) fn get(&self, key: &ProfileKey) -> Option<LiveProfile> {
        let generation = self.generation();
        if let Some(cached) = self.cache.get(key) {
            return (cached.generation == generation).then_some(cached.profile);
        }
        let live = self.shard(key).entries.get(key).and_then(|entry| entry.live(generation))?;
        Some(live)
    }

    /// The profile, or who brings it. All who ask while it is under way get the one that comes.
    pub(super) fn find(self: &Arc<Self>, key: &ProfileKey) -> Found {
        let generation = self.generation();
        let mut shard = self.shard(key);
        let entry = shard.entry(key);
        match entry.live(generation) {
            Some(live) => Found::Live(live),
            None => self.fetch(key, entry, generation),
        }
    }

    /// Who brings the profile from the backend, even if it is in memory: another machine may have written it.
    pub(super) fn find_anew(self: &Arc<Self>, key: &ProfileKey) -> Found {
        let generation = self.generation();
        self.fetch(key, self.shard(key).entry(key), generation)
    }

    fn fetch(self: &Arc<Self>, key: &ProfileKey, entry: &mut Entry, generation: u64) -> Found {
        let (answer, wait) = oneshot::channel();
        // Whoever went on without it does not wait any more: a store that hangs must not gather them.
        if entry.waiting.len() >= entry.waiting.capacity() {
            entry.waiting.retain(|waiting| !waiting.is_closed());
        }
        entry.waiting.push(answer);
        if std::mem::replace(&mut entry.loading, true) {
            return Found::Awaited(wait);
        }
        let held = entry.profile.upgrade();
        Found::Fetch(Fetch { profiles: self.clone(), key: key.clone(), held, generation, done: false }, wait)
    }

    /// A profile for a visitor that the backend cannot know yet.
    pub(super) fn create(&self, key: &ProfileKey) -> LiveProfile {
        let generation = self.generation();
        let mut shard = self.shard(key);
        let entry = shard.entry(key);
        if let Some(live) = entry.profile.upgrade() {
            return live;
        }
        let live = entry.fill(Profile::default(), Committed::default(), generation);
        for waiting in entry.waiting.drain(..) {
            let _ = waiting.send(Ok(live.clone()));
        }
        drop(shard);
        self.keep(key, &live, generation, 0);
        live
    }

    /// What the backend has of a profile that somebody holds.
    pub(super) fn committed(&self, key: &ProfileKey) -> Committed {
        self.shard(key).entries.get(key).map(|entry| entry.committed.clone()).unwrap_or_default()
    }

    /// Remembers what was committed.
    pub(super) fn set_committed(&self, key: &ProfileKey, live: &LiveProfile, committed: Committed) {
        let size = committed.body.len();
        let mut shard = self.shard(key);
        let entry = shard.entry(key);
        // A reader may have been faster than the writer's answer, and have found what others wrote over it.
        if committed.revision > entry.committed.revision {
            entry.committed = committed;
        }
        let generation = entry.generation;
        drop(shard);
        // Entered anew for its new weight.
        self.keep(key, live, generation, size);
    }

    /// Takes in what another process wrote to a profile that is held here.
    pub(super) fn absorb(&self, key: &ProfileKey, live: &LiveProfile, row: Row) -> Result<(), codec::InvalidProfile> {
        self.shard(key).entry(key).absorb(live, row)
    }

    /// Empties a profile for whoever holds it, and forgets it.
    pub(super) fn erase(&self, key: &ProfileKey) {
        let live = self.cache.remove(key).map(|cached| cached.profile);
        let entry = self.shard(key).entries.remove(key).and_then(|entry| entry.profile.upgrade());
        for live in live.iter().chain(&entry) {
            *lock(live) = Profile { erased: true, ..Profile::default() };
        }
    }

    /// Begins a profile anew that somebody else has erased.
    pub(super) fn reset(&self, key: &ProfileKey, live: &LiveProfile) {
        self.shard(key).entry(key).reset(live);
    }

    /// Has every profile read again before its next use: another process wrote.
    pub(super) fn distrust(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn keep(&self, key: &ProfileKey, live: &LiveProfile, generation: u64, size: usize) {
        let weight = u32::try_from(PROFILE_BYTES + size * PARSED_TO_ENCODED).unwrap_or(u32::MAX);
        self.cache.insert(key.clone(), Cached { profile: live.clone(), weight, generation });
    }

    fn shard(&self, key: &ProfileKey) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "there are SHARDS of them")]
        lock(&self.shards[index])
    }
}

const SHARDS: usize = 64;

/// What an empty profile takes with its entries in cache and registry, and what a byte of JSON takes when it is parsed.
const PROFILE_BYTES: usize = 1024;
const PARSED_TO_ENCODED: usize = 3;

/// A profile on its way from the backend. Dropped unanswered, it tells those who wait that the store is closed.
pub(super) struct Fetch {
    profiles: Arc<LiveProfiles>,
    pub(super) key: ProfileKey,
    /// Kept alive while it is read again, so that an old row never makes a second copy.
    held: Option<LiveProfile>,
    generation: u64,
    done: bool,
}

impl Fetch {
    /// Hands over the backend's answer: the row, or that it has none.
    pub(super) fn finish(mut self, row: Result<Option<Row>, StoreError>, location: &str) {
        let fail = |error: codec::InvalidProfile| StoreError::Backend {
            location: location.to_owned(),
            reason: error.to_string(),
        };
        self.answer(row, fail);
    }

    /// The backend has none, and has not been told to erase it: if it ever had one, it has lost it.
    pub(super) fn lost(self, location: &str) {
        let row = if self.held.is_some() { Err(StoreError::Closed) } else { Ok(None) };
        self.finish(row, location);
    }

    fn answer(&mut self, row: Result<Option<Row>, StoreError>, fail: impl Fn(codec::InvalidProfile) -> StoreError) {
        self.done = true;
        // Decoded before the shard is locked; not needed when it is in memory, which is seldom.
        let fresh = match (&self.held, &row) {
            (None, Ok(row)) => {
                Some(row.as_ref().map_or(Ok(Profile::default()), |row| codec::decode(&row.committed.body)))
            }
            _ => None,
        };
        let mut shard = self.profiles.shard(&self.key);
        let entry = shard.entry(&self.key);
        entry.loading = false;
        let waiting = std::mem::take(&mut entry.waiting);
        let mut size = entry.committed.body.len();
        let loaded = match (entry.profile.upgrade(), row, fresh) {
            // It was written once, and is gone: somebody erased it.
            (Some(live), Ok(None), _) if entry.committed.revision > 0 => {
                entry.reset(&live);
                Ok(live)
            }
            // What is in memory is better than nothing.
            (Some(live), Err(_) | Ok(None), _) => Ok(live),
            (Some(live), Ok(Some(row)), _) => entry.absorb(&live, row).map_err(fail).map(|()| {
                entry.generation = self.generation;
                live
            }),
            (None, Ok(row), Some(Ok(profile))) => {
                let committed = row.map(|row| row.committed).unwrap_or_default();
                size = committed.body.len();
                Ok(entry.fill(profile, committed, self.generation))
            }
            (None, Ok(_), Some(Err(error))) => Err(fail(error)),
            (None, Err(error), _) => Err(error),
            (None, Ok(_), None) => Err(StoreError::Closed),
        };
        if loaded.is_err() {
            shard.entries.remove(&self.key);
        }
        drop(shard);
        if let Ok(live) = &loaded {
            self.profiles.keep(&self.key, live, self.generation, size);
        }
        for waiting in waiting {
            let _ = waiting.send(loaded.clone());
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if !self.done {
            self.answer(Err(StoreError::Closed), |_| StoreError::Closed);
        }
    }
}

impl Shard {
    fn entry(&mut self, key: &ProfileKey) -> &mut Entry {
        if self.entries.len() > self.sweep_at {
            self.entries.retain(|_, entry| entry.loading || entry.profile.strong_count() > 0);
            self.sweep_at = 64.max(self.entries.len() * 2);
        }
        self.entries.entry(key.clone()).or_default()
    }
}

impl Entry {
    fn live(&self, generation: u64) -> Option<LiveProfile> {
        (self.generation == generation).then(|| self.profile.upgrade()).flatten()
    }

    fn fill(&mut self, profile: Profile, committed: Committed, generation: u64) -> LiveProfile {
        let live = Arc::new(Mutex::new(profile));
        (self.profile, self.committed, self.generation) = (Arc::downgrade(&live), committed, generation);
        live
    }

    fn reset(&mut self, live: &LiveProfile) {
        *lock(live) = Profile::default();
        self.committed = Committed::default();
    }

    /// The lock order is shard, then profile: nobody may ask for a profile while holding another's lock.
    fn absorb(&mut self, live: &LiveProfile, row: Row) -> Result<(), codec::InvalidProfile> {
        if row.committed.revision <= self.committed.revision {
            return Ok(());
        }
        if row.foreign {
            let base = codec::decode(row.base.as_deref().unwrap_or(&self.committed.body))?;
            let theirs = codec::decode(&row.committed.body)?;
            let mut mine = lock(live);
            *mine = merge(&base, std::mem::take(&mut *mine), theirs);
        }
        self.committed = row.committed;
        Ok(())
    }
}

/// A panic under the lock of one request is no reason to fail all others: a profile is plain data.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
