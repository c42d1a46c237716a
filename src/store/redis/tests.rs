mod claims;
mod sealing;
pub(crate) mod server;

use super::*;
use crate::ids::{OsRandom, SiteId};
use crate::store::contract::{self, click, expose, exposures, key, put};
use crate::store::presence::tests::{messages_hold, presence_holds};
use crate::store::{Opened, Sealer, open_apart};
use server::{Cluster, Server, until};

/// A server of profiles, and a file for the events.
struct Stores {
    url: String,
    folder: tempfile::TempDir,
    sealer: Option<Arc<Sealer>>,
}

impl Stores {
    fn new(url: String) -> Self {
        Self { url, folder: tempfile::tempdir().unwrap(), sealer: None }
    }

    fn ledger(&self) -> String {
        self.folder.path().join("noren.db").display().to_string()
    }

    fn open(&self) -> Opened {
        let few = StoreSettings { cache_bytes: 32 << 10, sealer: self.sealer.clone(), ..StoreSettings::default() };
        open_apart(&self.url, &self.ledger(), &few, &OsRandom).unwrap()
    }

    fn count_events(&self, site: &SiteId) -> usize {
        let database = rusqlite::Connection::open(self.ledger()).unwrap();
        let count = "SELECT count(*) FROM events WHERE site = ?1";
        database.query_row(count, [site.as_str()], |row| row.get::<_, u32>(0)).unwrap() as usize
    }

    async fn hold_all(&self) {
        contract::holds(|| self.open().store, |site| self.count_events(site)).await;
        let (one, other) = (self.open(), self.open());
        presence_holds(&*one.presence, &*other.presence).await;
        messages_hold(&*one.messages, &*other.messages).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_holds_the_contract() {
    let server = Server::start(&[]);
    Stores::new(server.url()).hold_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_cluster_holds_the_contract() {
    let cluster = Cluster::start();
    Stores::new(cluster.url()).hold_all().await;
    let written: Vec<String> = cluster.0.iter().map(|node| node.ask(&["DBSIZE"])).collect();
    assert!(written.iter().all(|count| count != ":0"), "every node has its part: {written:?}");
}

#[tokio::test]
async fn password_is_used_and_not_shown() {
    let server = Server::start(&["--requirepass", "open sesame"]);
    let url = |password: &str| server.url().replace("redis://", &format!("redis://:{password}@"));
    Stores::new(url("open%20sesame")).open().store.ping().await.unwrap();
    let refused = Stores::new(url("wrong")).open().store.ping().await.unwrap_err().to_string();
    assert!(!refused.contains("wrong@") && !refused.contains(":wrong"), "{refused}");
}

#[tokio::test]
async fn server_that_has_forgotten_the_scripts_is_told_them_again() {
    let server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let store = stores.open().store;
    let profile = store.create(&key("s", 1));
    for _ in 0..3 {
        expose(&profile);
        store.write(put(&key("s", 1), &profile)).await.unwrap();
        server.ask(&["SCRIPT", "FLUSH"]);
    }
    assert_eq!(exposures(&stores.open().store.load(&key("s", 1)).await.unwrap()), 3);
}

#[tokio::test]
async fn profile_is_kept_for_as_long_as_is_set() {
    let server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let settings = StoreSettings { keep: Duration::from_secs(1000), ..StoreSettings::default() };
    let store = open_apart(&stores.url, &stores.ledger(), &settings, &OsRandom).unwrap().store;
    let profile = store.create(&key("s", 1));
    store.write(put(&key("s", 1), &profile)).await.unwrap();
    let left: u64 = server.ask(&["TTL", &name(&key("s", 1), "p")]).trim_start_matches(':').parse().unwrap();
    assert!((900..=1000).contains(&left), "{left}");
}

#[tokio::test]
async fn profile_that_a_server_has_lost_is_written_anew_and_is_the_newest() {
    let server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let (one, other) = (stores.open().store, stores.open().store);
    let key = key("s", 1);
    let (in_one, in_other) = (one.load(&key).await.unwrap(), other.load(&key).await.unwrap());
    for _ in 0..3 {
        expose(&in_one);
        one.write(put(&key, &in_one)).await.unwrap();
    }
    other.load(&key).await.unwrap();
    assert_eq!(exposures(&in_other), 3);
    server.ask(&["FLUSHALL"]);
    expose(&in_one);
    one.write(put(&key, &in_one)).await.unwrap();
    expose(&in_other);
    other.write(put(&key, &in_other)).await.unwrap();
    assert_eq!(exposures(&stores.open().store.load(&key).await.unwrap()), 5);
}

#[tokio::test]
async fn key_of_another_program_costs_nobody_else_anything() {
    let server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let store = stores.open().store;
    server.ask(&["SADD", &name(&key("s", 1), "p"), "x"]);
    server.ask(&["SET", &name(&key("s", 2), "p"), "not a row"]);
    let mut writes = Vec::new();
    for visitor in 1..=3 {
        let profile = store.create(&key("s", visitor));
        expose(&profile);
        writes.append(&mut put(&key("s", visitor), &profile));
    }
    store.write(writes).await.unwrap();
    assert_eq!(exposures(&stores.open().store.load(&key("s", 3)).await.unwrap()), 1);
    assert!(stores.open().store.load(&key("s", 2)).await.is_err());
}

/// The answer to a write is lost, the other machine writes over it, and the write is tried again.
#[tokio::test]
async fn write_whose_answer_was_lost_is_counted_once() {
    let mut server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let (one, other) = (stores.open().store, stores.open().store);
    let key = key("s", 1);
    let in_one = one.load(&key).await.unwrap();
    expose(&in_one);
    one.write(put(&key, &in_one)).await.unwrap();
    for round in 2..6 {
        expose(&in_one);
        server.hang();
        // It is in the server's socket, and carried out when the server goes on.
        one.write(put(&key, &in_one)).await.unwrap_err();
        server.go_on();
        let written = || server.ask(&["GET", &name(&key, "p")]).contains(&format!("\"exposures\":{round}"));
        until("the write is carried out", written);
        let in_other = loop {
            match other.load(&key).await {
                Ok(live) => break live,
                Err(_down) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        in_other.lock().unwrap().tags.insert(format!("tag {round}"));
        other.write(put(&key, &in_other)).await.unwrap();
        while one.write(put(&key, &in_one)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(exposures(&in_one), round);
        assert_eq!(in_one.lock().unwrap().tags.len() as u32, round - 1);
    }
    assert_eq!(exposures(&stores.open().store.load(&key).await.unwrap()), 5);
}

/// Machines write one another's visitors all the time, and each loses and reads profiles as it goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_count_is_lost_or_doubled_however_machines_meet() {
    let server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let mut tasks = tokio::task::JoinSet::new();
    for machine in 0..3_u32 {
        let store = stores.open().store;
        for task in 0..4_u32 {
            let store = store.clone();
            tasks.spawn(async move {
                for page in 0..50_u32 {
                    let key = key("meet", (machine + task * 3 + page) % 5);
                    let profile = store.load(&key).await.unwrap();
                    expose(&profile);
                    while store.write(put(&key, &profile)).await.is_err() {}
                }
            });
        }
    }
    tasks.join_all().await;
    let store = stores.open().store;
    let mut counted = 0;
    for visitor in 0..5 {
        counted += exposures(&store.load(&key("meet", visitor)).await.unwrap());
    }
    assert_eq!(counted, 3 * 4 * 50);
}

/// One of the two fails: what the other has is neither lost nor doubled.
#[tokio::test]
async fn batch_that_fails_by_half_is_kept_by_the_other_half() {
    let mut server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let store = stores.open().store;
    let profile = store.load(&key("half", 1)).await.unwrap();
    expose(&profile);
    server.kill();
    let batch = [vec![click(&key("half", 1))], put(&key("half", 1), &profile)].concat();
    let failed = store.write(batch).await.unwrap_err();
    assert!(matches!(failed, StoreError::Profiles { .. }), "{failed}");
    assert_eq!(stores.count_events(&SiteId::new("half")), 1);
}

/// Nothing gathers while a server hangs, and it is found again by itself.
#[tokio::test]
async fn server_that_hangs_and_goes_gathers_nobody_and_is_found_again() {
    let mut server = Server::start(&[]);
    let stores = Stores::new(server.url());
    let store = stores.open().store;
    store.ping().await.unwrap();
    server.hang();
    let mut loads = tokio::task::JoinSet::new();
    for visitor in 0..6_000 {
        let store = store.clone();
        loads.spawn(async move { store.load(&key("crowd", visitor)).await.map(drop) });
    }
    let refused = loads.join_all().await.into_iter().filter(|load| matches!(load, Err(StoreError::Overloaded { .. })));
    assert!(refused.count() > 1_000);
    server.kill();
    while store.ping().await.is_ok() {}
    server.restart();
    while store.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.load(&key("crowd", 1)).await.unwrap();
}
