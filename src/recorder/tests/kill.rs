//! `kill -9` in the midst of writing: what was acknowledged is there afterwards.

use super::*;
use crate::ids::OsRandom;
use crate::store::{self, StoreSettings};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FOLDER: &str = "NOREN_KILL_TEST_FOLDER";
const ROUNDS: u32 = 3;
const ACKNOWLEDGED: u32 = 100;
const PAGE_VIEWS: u32 = 20;

fn open(folder: &Path) -> Arc<dyn Store> {
    let path = folder.join("noren.db").display().to_string();
    store::open(&path, &StoreSettings::default(), &OsRandom).unwrap()
}

fn key(round: u32, visitor: u32) -> ProfileKey {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&round.to_be_bytes());
    id[4..8].copy_from_slice(&visitor.to_be_bytes());
    ProfileKey { site: SiteId::new("killed"), visitor: VisitorId(id) }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["recorder::tests::kill::child_that_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .env("ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let last = lines
            .filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u32>().ok())
            .find(|visitor| *visitor >= ACKNOWLEDGED);
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.push(last.expect("the child writes until it is killed"));
    }

    let store = open(folder.path());
    let total: u32 = acknowledged.iter().map(|last| last + 1).sum();
    for (round, last) in (0..ROUNDS).zip(acknowledged) {
        for visitor in 0..=last {
            let profile = store.load(&key(round, visitor)).await.unwrap();
            assert_eq!(profile.lock().unwrap().pageviews, 1 + visitor, "visitor {visitor} of round {round}");
        }
    }
    let database = rusqlite::Connection::open(folder.path().join("noren.db")).unwrap();
    let count = |sql| database.query_row(sql, (), |row| row.get::<_, u32>(0)).unwrap();
    assert!(count("SELECT count(*) FROM events WHERE kind = 'select_promotion'") >= total);
    // What was recorded before a commit is in it.
    assert!(count("SELECT count(*) FROM events WHERE kind = 'page_view'") >= total * PAGE_VIEWS);
    let sound: String = database.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above, which kills it"]
async fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let round = std::env::var_os("ROUND").and_then(|round| round.to_str()?.parse().ok()).unwrap();
    let store = open(&folder);
    let (recorder, worker) = Recorder::new(store.clone(), RecorderSettings::default());
    #[expect(clippy::disallowed_methods, reason = "the test's own task")]
    tokio::spawn(worker.run());
    for visitor in 0.. {
        for _ in 0..PAGE_VIEWS {
            recorder.record(page_view());
        }
        let key = key(round, visitor);
        let profile = store.create(&key);
        profile.lock().unwrap().pageviews = 1 + visitor;
        recorder.record_committed([click(), Write::Profile(key, profile)]).await.unwrap();
        // Fails once nobody listens: the child never outlives its parent.
        println!("acknowledged {visitor}");
    }
}
