//! Backups under load, what is not taken for one, and tables brought up to date while an older program works on them.

use super::*;
use crate::store::coupons::{Holder, Supply};
use crate::store::ledger::contract::{ask, codes, pattern};
use crate::store::sqlite::backup::{backup, restore};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

fn holder(number: u32) -> Holder {
    Holder::Customer(format!("customer {number}").into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_under_load_holds_all_that_was_acknowledged_before_it_began() {
    let (folder, copy) = (Folder::new(), Folder::new());
    let store = Arc::new(folder.open().unwrap());
    let (acknowledged, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut load = tokio::task::JoinSet::new();
    load.spawn({
        let (store, acknowledged, ended) = (store.clone(), acknowledged.clone(), ended.clone());
        async move {
            for number in 0.. {
                store.write(vec![click(&key("load", number)); 20]).await.unwrap();
                store.reserve(&ask("load", holder(number), pattern(u64::MAX))).await.unwrap().unwrap();
                acknowledged.store(number + 1, Ordering::SeqCst);
                if ended.load(Ordering::SeqCst) {
                    return number + 1;
                }
            }
            0
        }
    });
    while acknowledged.load(Ordering::SeqCst) < 30 {
        tokio::task::yield_now().await;
    }
    let before = acknowledged.load(Ordering::SeqCst);
    let file = folder.0.path().join("backup");
    let (from, to) = (folder.path(), file.clone());
    let beside = [("keys".to_owned(), b"secret".to_vec())];
    tokio::task::spawn_blocking(move || backup(&from, &to, &beside)).await.unwrap().unwrap();
    ended.store(true, Ordering::SeqCst);
    let after = load.join_next().await.unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    std::fs::create_dir(copy.path().parent().unwrap()).unwrap();
    let (beside, moved) = restore(&file, &copy.path(), ".old").unwrap();
    assert_eq!((beside, moved), (vec![("keys".to_owned(), b"secret".to_vec())], None));
    let restored = copy.open().unwrap();
    let events = copy.count_events(&SiteId::new("load"));
    assert!(events % 20 == 0 && (before as usize * 20..=after as usize * 20).contains(&events), "{before}: {events}");
    for number in 0..before {
        let (there, here) = (ask("load", holder(number), pattern(u64::MAX)), store.clone());
        let (there, here) =
            (restored.reserve(&there).await.unwrap().unwrap(), here.reserve(&there).await.unwrap().unwrap());
        assert_eq!(there, here, "holder {number} has the code of before");
    }
    let tables: u32 = Connection::open(copy.path())
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'backup_files'", (), |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn store_in_use_is_not_replaced_and_one_at_rest_is_moved_aside() {
    let folder = Folder::new();
    let file = folder.0.path().join("backup");
    let store = folder.open().unwrap();
    store.write(vec![click(&key("old", 1))]).await.unwrap();
    backup(&folder.path(), &file, &[]).unwrap();
    store.write(vec![click(&key("old", 1))]).await.unwrap();
    let error = restore(&file, &folder.path(), ".old").unwrap_err().to_string();
    assert!(error.contains("a process has it open; stop it first"), "{error}");
    let error = backup(&folder.path(), &file, &[]).unwrap_err().to_string();
    assert!(error.contains("it is there already"), "{error}");
    drop(store);

    let (_, moved) = restore(&file, &folder.path(), ".old").unwrap();
    assert_eq!(folder.count_events(&SiteId::new("old")), 1);
    let moved = Connection::open(moved.unwrap()).unwrap();
    let events: u32 = moved.query_row("SELECT count(*) FROM events", (), |row| row.get(0)).unwrap();
    assert_eq!(events, 2);
}

#[test]
fn what_is_no_sound_backup_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    let file = folder.0.path().join("backup");
    backup(&folder.path(), &file, &[]).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[8192..20000].fill(0x5A);
    std::fs::write(&file, damaged).unwrap();
    let error = restore(&file, &folder.path(), ".old").unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");

    std::fs::write(&file, &whole).unwrap();
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(restore(&file, &folder.path(), ".old").unwrap_err().to_string().contains("its version is 99"));
    Connection::open(&file).unwrap().pragma_update(None, "application_id", 7).unwrap();
    assert!(restore(&file, &folder.path(), ".old").unwrap_err().to_string().contains("it is not Noren's"));
    // A store is no backup: nothing belongs to it.
    let store = folder.0.path().join("copy");
    std::fs::copy(folder.path(), &store).unwrap();
    assert!(restore(&store, &folder.path(), ".old").unwrap_err().to_string().contains("noren backup"));
    let left: Vec<_> =
        std::fs::read_dir(folder.path().parent().unwrap()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["noren.db"]);
    drop(folder.open().unwrap());
}

/// One process takes over from an older one: the older one goes on writing to the newer tables until it ends.
#[tokio::test]
async fn first_version_is_brought_up_to_date_while_an_older_program_writes() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().parent().unwrap()).unwrap();
    let old = Connection::open(folder.path()).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.execute_batch(schema::STEPS[0]).unwrap();
    old.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let write = || {
        old.execute("INSERT INTO events (site, at, visitor, kind, scenario, variant, path) VALUES ('v1', 1, x'01', 'click', 's', 'a', NULL)", ())?;
        let profile =
            "INSERT INTO profiles (site, visitor, revision, process, seen, body) VALUES ('v1', ?1, ?2, 7, 1, x'02')
             ON CONFLICT (site, visitor) DO UPDATE SET revision = excluded.revision, body = excluded.body";
        old.execute(profile, (key("v1", 9).visitor.0, 1))
    };
    write().unwrap();
    let (version_before, store) =
        (old.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(), folder.open().unwrap());
    write().unwrap();
    store.write(vec![click(&key("v1", 1))]).await.unwrap();
    store.add_codes(&SiteId::new("v1"), "night", &codes(3), None).await.unwrap();
    assert!(store.reserve(&ask("v1", holder(1), Supply::Listed)).await.unwrap().is_some());
    write().unwrap();
    assert_eq!(folder.count_events(&SiteId::new("v1")), 4);
    let version: u32 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!((version_before, version as usize), (1, schema::STEPS.len()));
    drop(store);
    drop(folder.open().unwrap());
}
