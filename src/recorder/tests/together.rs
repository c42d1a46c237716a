//! Cache, recorder and file together, under many requests at once and two processes.

use super::*;
use crate::ids::OsRandom;
use crate::store::{self, StoreSettings};
use tokio::task::JoinSet;

const VISITORS: u8 = 20;
const TABS: usize = 8;
const PAGES: usize = 300;

fn key(visitor: u8) -> ProfileKey {
    ProfileKey { site: SiteId::new("busy"), visitor: VisitorId([visitor; 16]) }
}

/// Opens pages of one visitor after another; the profile is let go of after each.
async fn browse(store: Arc<dyn Store>, recorder: Recorder, tab: usize) {
    for page in 0..PAGES {
        let key = key((tab * 7 + page) as u8 % VISITORS);
        let profile = store.load(&key).await.unwrap();
        profile.lock().unwrap().scenarios.entry("welcome".into()).or_default().exposures += 1;
        recorder.record(Write::Profile(key, profile));
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_count_is_lost_however_requests_and_processes_meet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noren.db").display().to_string();
    // Room for about one profile: nearly every load is a miss.
    let settings = StoreSettings { cache_bytes: 2 << 10, ..StoreSettings::default() };
    let open = || store::open(&path, &settings, &OsRandom).unwrap();

    let mut tabs = JoinSet::new();
    let mut workers = JoinSet::new();
    let mut recorders = Vec::new();
    for _ in 0..2 {
        let store = open();
        let often = RecorderSettings { interval: Duration::from_millis(1), ..RecorderSettings::default() };
        let (recorder, worker) = Recorder::new(store.clone(), often);
        workers.spawn(worker.run());
        for tab in 0..TABS {
            tabs.spawn(browse(store.clone(), recorder.clone(), tab));
        }
        recorders.push(recorder);
    }
    tabs.join_all().await;
    for recorder in &recorders {
        recorder.shutdown().await.unwrap();
        assert_eq!(recorder.stats().dropped, BTreeMap::new());
    }
    workers.join_all().await;

    let store = open();
    let mut counted = 0;
    for visitor in 0..VISITORS {
        counted += store.load(&key(visitor)).await.unwrap().lock().unwrap().scenarios["welcome"].exposures;
    }
    assert_eq!(counted as usize, 2 * TABS * PAGES);
}
