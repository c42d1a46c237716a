//! A store that keeps a batch and cannot say so: the connection breaks at the commit, the disk fails after it.

use super::*;
use crate::ids::OsRandom;
use crate::store::ledger::BatchId;
use crate::store::{self, StoreSettings};

/// Longer than any disk takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps what it is given, and says that it failed so many times.
struct Mute {
    store: Arc<dyn Store>,
    times: AtomicUsize,
}

#[async_trait]
impl Store for Mute {
    fn cached(&self, key: &ProfileKey) -> Option<LiveProfile> {
        self.store.cached(key)
    }

    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError> {
        self.store.load(key).await
    }

    fn create(&self, key: &ProfileKey) -> LiveProfile {
        self.store.create(key)
    }

    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        self.store.write(batch).await
    }

    fn next_batch(&self) -> BatchId {
        self.store.next_batch()
    }

    async fn write_once(&self, id: BatchId, batch: Vec<Write>) -> Result<(), StoreError> {
        self.store.write_once(id, batch).await?;
        let times = self.times.load(Ordering::SeqCst);
        self.times.store(times.saturating_sub(1), Ordering::SeqCst);
        if times > 0 { Err(StoreError::Closed) } else { Ok(()) }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn batch_whose_outcome_is_unknown_is_kept_once_however_often_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noren.db").display().to_string();
    let store = store::open(&path, &StoreSettings::default(), &OsRandom).unwrap();
    let mute = Arc::new(Mute { store, times: AtomicUsize::new(2) });
    let (recorder, worker) = Recorder::new(mute.clone(), RecorderSettings { patience: PATIENCE, ..settings() });
    let mut workers = tokio::task::JoinSet::new();
    workers.spawn(worker.run());
    for _ in 0..10 {
        recorder.record(page_view());
    }
    assert!(recorder.record_committed([click()]).await.is_err());
    while recorder.flush().await.is_err() {}
    recorder.record(page_view());
    recorder.shutdown().await.unwrap();
    assert_eq!(mute.times.load(Ordering::SeqCst), 0);
    let database = rusqlite::Connection::open(path).unwrap();
    let events: u32 = database.query_row("SELECT count(*) FROM events", (), |row| row.get(0)).unwrap();
    assert_eq!(events, 12);
}
