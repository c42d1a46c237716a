use super::*;
use crate::store::contract::key;

fn profiles() -> Arc<LiveProfiles> {
    Arc::new(LiveProfiles::new(&StoreSettings { cache_bytes: 16 << 10, ..StoreSettings::default() }))
}

#[tokio::test]
async fn fetch_that_is_given_up_answers_all_and_the_next_one_starts_anew() {
    let profiles = profiles();
    let Found::Fetch(fetch, first) = profiles.find(&key("s", 1)) else { panic!("nothing is there yet") };
    let Found::Awaited(second) = profiles.find(&key("s", 1)) else { panic!("it is under way") };
    drop(fetch);
    assert!(matches!(first.await, Ok(Err(StoreError::Closed))));
    assert!(matches!(second.await, Ok(Err(StoreError::Closed))));
    assert!(matches!(profiles.find(&key("s", 1)), Found::Fetch(..)));
}

#[tokio::test]
async fn load_that_nobody_waits_for_any_more_still_fills_the_cache() {
    let profiles = profiles();
    let Found::Fetch(fetch, wait) = profiles.find(&key("s", 1)) else { panic!("nothing is there yet") };
    drop(wait);
    fetch.finish(Ok(None), "here");
    assert!(profiles.get(&key("s", 1)).is_some());
}

#[test]
fn registry_forgets_what_nobody_holds() {
    let profiles = profiles();
    for visitor in 0..100_000 {
        profiles.create(&key("s", visitor));
    }
    profiles.cache.run_pending_tasks();
    let entries: usize = profiles.shards.iter().map(|shard| lock(shard).entries.len()).sum();
    assert!(entries < 20_000, "{entries}");
}

fn row(revision: i64, visits: u32, foreign: bool) -> Row {
    let body = codec::encode(&Profile { visits, ..Profile::default() }).unwrap().into();
    Row { committed: Committed { revision, body }, foreign, base: None }
}

#[test]
fn row_that_is_older_or_our_own_changes_nothing() {
    let profiles = profiles();
    let held = profiles.create(&key("s", 1));
    lock(&held).visits = 2;
    profiles.set_committed(&key("s", 1), &held, Committed { revision: 5, body: Arc::default() });
    for (row, visits) in [(row(5, 9, true), 2), (row(6, 9, false), 2), (row(6, 9, true), 2), (row(7, 9, true), 9)] {
        profiles.absorb(&key("s", 1), &held, row).unwrap();
        assert_eq!(lock(&held).visits, visits);
    }
}

#[tokio::test]
async fn profile_that_is_let_go_of_while_it_is_read_again_is_not_set_back() {
    let profiles = profiles();
    // As if the cache had let go of it: nobody but us holds it.
    let committed = Committed { revision: 2, body: Arc::default() };
    let state = Profile { visits: 2, ..Profile::default() };
    let held = profiles.shard(&key("s", 1)).entry(&key("s", 1)).fill(state, committed, 0);
    profiles.distrust();
    let Found::Fetch(fetch, wait) = profiles.find(&key("s", 1)) else { panic!("it must be read again") };
    drop(held);
    fetch.finish(Ok(Some(row(1, 1, true))), "here");
    assert_eq!(lock(&wait.await.unwrap().unwrap()).visits, 2);
}

#[test]
fn failed_reading_leaves_what_is_in_memory() {
    let profiles = profiles();
    let held = profiles.create(&key("s", 1));
    profiles.distrust();
    assert!(profiles.get(&key("s", 1)).is_none());
    let Found::Fetch(fetch, _wait) = profiles.find(&key("s", 1)) else { panic!("it must be read again") };
    fetch.finish(Err(StoreError::Closed), "here");
    assert!(Arc::ptr_eq(&held, &profiles.create(&key("s", 1))));
}
