mod kill;
mod together;
mod unknown;

use super::*;
use crate::event::{Arm, What};
use crate::ids::{SiteId, VisitorId};
use crate::store::presence::{Presence, Seen};
use crate::store::profile::Profile;
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Keeps batches in memory, and fails when told to.
#[derive(Default)]
struct Memory {
    batches: Mutex<Vec<Vec<Write>>>,
    fails: AtomicBool,
    /// Keeps the events, and fails with the profiles.
    fails_profiles: AtomicBool,
    panics: AtomicBool,
    tries: AtomicUsize,
}

impl Memory {
    fn written(&self) -> Vec<&'static str> {
        let name = |write: &Write| match write {
            Write::Event(event) => event.what.name(),
            Write::Profile(..) => "profile",
        };
        self.batches.lock().unwrap().iter().flatten().map(name).collect()
    }
}

#[async_trait]
impl Store for Memory {
    fn cached(&self, _: &ProfileKey) -> Option<LiveProfile> {
        None
    }

    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError> {
        Ok(self.create(key))
    }

    fn create(&self, _: &ProfileKey) -> LiveProfile {
        LiveProfile::default()
    }

    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "the store panics");
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Backend { location: "memory".into(), reason: "told to".into() });
        }
        let is_event = |write: &Write| matches!(write, Write::Event(_));
        if self.fails_profiles.load(Ordering::SeqCst) && !batch.iter().all(is_event) {
            self.batches.lock().unwrap().push(batch.into_iter().filter(is_event).collect());
            return Err(StoreError::Profiles { reason: Box::new(StoreError::Closed) });
        }
        self.batches.lock().unwrap().push(batch);
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Nothing is written until someone asks: the interval never ends.
fn settings() -> RecorderSettings {
    RecorderSettings { interval: Duration::from_secs(3600), batch: 1000, capacity: 1000, patience: Duration::ZERO }
}

fn start(settings: RecorderSettings) -> (Arc<Memory>, Recorder) {
    let store = Arc::new(Memory::default());
    let (recorder, worker) = Recorder::new(store.clone(), settings);
    #[expect(clippy::disallowed_methods, reason = "the test's own task")]
    tokio::spawn(worker.run());
    (store, recorder)
}

fn event(what: What) -> Write {
    Write::Event(Event { site: SiteId::new("s"), visitor: VisitorId([1; 16]), at: Timestamp::UNIX_EPOCH, what })
}

fn page_view() -> Write {
    event(What::PageView { path: "/".into() })
}

fn click() -> Write {
    event(What::Click(Arm { scenario: "s".into(), variant: "v".into() }))
}

fn profile(visitor: u8) -> Write {
    let key = ProfileKey { site: SiteId::new("s"), visitor: VisitorId([visitor; 16]) };
    Write::Profile(key, Arc::new(Mutex::new(Profile::default())))
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn flush_writes_all_that_was_recorded_in_one_batch() {
    let (store, recorder) = start(settings());
    recorder.record(page_view());
    recorder.record(click());
    recorder.flush().await.unwrap();
    assert_eq!(store.written(), ["page_view", "select_promotion"]);
    assert_eq!(store.batches.lock().unwrap().len(), 1);
    recorder.flush().await.unwrap();
    let expected = RecorderStats { written: 2, ..RecorderStats::default() };
    assert_eq!(recorder.stats(), expected, "and an empty one asks nothing of the store");
    assert_eq!(store.tries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn store_that_panics_is_tried_again_like_one_that_fails() {
    let (store, recorder) = start(settings());
    store.panics.store(true, Ordering::SeqCst);
    recorder.record(page_view());
    assert!(matches!(recorder.record_committed([click()]).await, Err(StoreError::Backend { .. })));
    store.panics.store(false, Ordering::SeqCst);
    until(|| !store.written().is_empty()).await;
    recorder.record_committed([click()]).await.unwrap();
    assert_eq!(store.written(), ["page_view", "select_promotion"], "what was refused was told, and is not written");
}

/// Panics whenever it is told of somebody.
struct Unsteady(AtomicUsize);

#[async_trait]
impl Presence for Unsteady {
    async fn saw(&self, _: Vec<Seen>) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("presence panics")
    }

    async fn online(
        &self,
        _: &SiteId,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<crate::store::presence::Online>, StoreError> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &SiteId, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[tokio::test]
async fn worker_goes_on_where_noting_who_is_there_panics() {
    let (store, unsteady) = (Arc::new(Memory::default()), Arc::new(Unsteady(AtomicUsize::new(0))));
    let (recorder, worker) = Recorder::new(store.clone(), settings());
    let online = Online::new(unsteady.clone(), Arc::new(crate::clock::SystemClock));
    #[expect(clippy::disallowed_methods, reason = "the test's own task")]
    tokio::spawn(worker.noting(Arc::new(online)).run());
    for _ in 0..3 {
        recorder.record(page_view());
        recorder.flush().await.unwrap();
    }
    assert_eq!((store.written().len(), unsteady.0.load(Ordering::SeqCst)), (3, 3));
    recorder.shutdown().await.unwrap();
}

#[tokio::test]
async fn interval_writes_without_being_asked() {
    let (store, recorder) = start(RecorderSettings { interval: Duration::from_millis(1), ..settings() });
    recorder.record(page_view());
    until(|| store.written().len() == 1).await;
    recorder.record(page_view());
    until(|| store.written().len() == 2).await;
}

#[tokio::test]
async fn full_batch_is_written_before_the_interval_is_over() {
    let (store, recorder) = start(RecorderSettings { batch: 3, ..settings() });
    for _ in 0..3 {
        recorder.record(page_view());
    }
    until(|| store.written().len() == 3).await;
}

#[tokio::test]
async fn profile_that_changes_often_waits_once() {
    let (store, recorder) = start(settings());
    for visitor in [1, 2, 1, 1] {
        recorder.record(profile(visitor));
    }
    assert_eq!(recorder.stats().queued, 2);
    recorder.flush().await.unwrap();
    assert_eq!(store.written(), ["profile", "profile"]);
}

#[tokio::test]
async fn full_queue_drops_and_counts_by_kind() {
    let (store, recorder) = start(RecorderSettings { capacity: 2, ..settings() });
    for write in [page_view(), page_view(), page_view(), click(), profile(1), profile(2), profile(3), profile(1)] {
        recorder.record(write);
    }
    let stats = recorder.stats();
    assert_eq!(stats.queued, 4);
    let dropped = [("page_view", 1), ("select_promotion", 1), ("profile", 1)];
    assert_eq!(stats.dropped, dropped.into());
    assert!(recorder.record_committed([click()]).await.is_err());
    assert_eq!(recorder.stats().dropped["select_promotion"], 2);
    recorder.shutdown().await.unwrap();
    assert_eq!(store.written().len(), 4);
}

#[tokio::test]
async fn acknowledged_means_committed_together_with_what_came_before() {
    let (store, recorder) = start(settings());
    recorder.record(page_view());
    recorder.record_committed([click(), profile(1)]).await.unwrap();
    assert_eq!(store.written(), ["page_view", "select_promotion", "profile"]);
}

#[tokio::test]
async fn refused_click_is_told_and_not_written_later() {
    let (store, recorder) = start(settings());
    store.fails.store(true, Ordering::SeqCst);
    recorder.record(page_view());
    let error = recorder.record_committed([click(), profile(1)]).await.unwrap_err();
    assert_eq!(error.to_string(), "the store at memory failed: told to");
    assert!(recorder.record_committed([click()]).await.is_err(), "nobody hangs on a store that is down");
    assert_eq!(recorder.stats().queued, 2, "what is tried again counts as waiting");

    store.fails.store(false, Ordering::SeqCst);
    until(|| !store.written().is_empty()).await;
    assert_eq!(store.written(), ["page_view", "profile"]);
    let stats = recorder.stats();
    assert_eq!((stats.written, stats.failed), (2, 0));
    assert!(stats.refused >= 2);
}

#[tokio::test]
async fn events_do_not_wait_for_profiles_that_cannot_be_written() {
    let (store, recorder) = start(RecorderSettings { interval: Duration::from_millis(1), ..settings() });
    store.fails_profiles.store(true, Ordering::SeqCst);
    recorder.record_committed([click(), profile(1)]).await.unwrap();
    recorder.record(profile(2));
    for _ in 0..3 {
        recorder.record(page_view());
        recorder.flush().await.unwrap();
    }
    assert_eq!(store.written(), ["select_promotion", "page_view", "page_view", "page_view"]);
    until(|| recorder.stats().queued == 2).await;
    store.fails_profiles.store(false, Ordering::SeqCst);
    until(|| store.written().len() == 6).await;
    assert_eq!(store.written()[4..], ["profile", "profile"], "and no event twice");
    recorder.shutdown().await.unwrap();
    assert_eq!(store.written().len(), 6);
}

#[tokio::test]
async fn profiles_that_cannot_be_written_until_the_end_are_given_up_and_their_events_are_not() {
    let (store, recorder) = start(settings());
    store.fails_profiles.store(true, Ordering::SeqCst);
    recorder.record(page_view());
    recorder.record(profile(1));
    recorder.shutdown().await.unwrap_err();
    assert_eq!(store.written(), ["page_view"]);
    assert_eq!((recorder.stats().failed, recorder.stats().written), (1, 1));
}

#[tokio::test]
async fn shutdown_writes_the_rest_and_takes_no_more() {
    let (store, recorder) = start(settings());
    recorder.record(page_view());
    recorder.shutdown().await.unwrap();
    assert_eq!(store.written(), ["page_view"]);
    recorder.record(page_view());
    assert_eq!(recorder.stats().dropped["page_view"], 1);
    assert!(recorder.record_committed([click()]).await.is_err());
    recorder.shutdown().await.unwrap();
}

#[tokio::test]
async fn shutdown_gives_a_dead_store_up_and_says_so() {
    let (store, recorder) = start(settings());
    store.fails.store(true, Ordering::SeqCst);
    recorder.record(page_view());
    assert!(recorder.shutdown().await.is_err());
    assert_eq!((recorder.stats().failed, recorder.stats().queued), (1, 0));
}

#[tokio::test]
async fn nobody_waits_for_a_worker_that_is_gone() {
    let (recorder, worker) = Recorder::new(Arc::new(Memory::default()), settings());
    let (waiting, ()) = tokio::join!(recorder.record_committed([click()]), async { drop(worker) });
    assert!(waiting.is_err());
    assert!(recorder.record_committed([click()]).await.is_err());
    assert!(recorder.flush().await.is_err());
    assert!(recorder.shutdown().await.is_err());
}
