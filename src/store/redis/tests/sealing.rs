//! Sealed profiles in Redis.

use super::*;
use crate::store::presence::Seen;
use crate::store::{Resealed, Sealer};
use jiff::Timestamp;

fn sealed(url: &str, keys: &[u8]) -> Stores {
    Stores { sealer: Some(Sealer::of_bytes(keys, true)), ..Stores::new(url.to_owned()) }
}

/// Profiles alone.
fn profiles(url: &str, sealer: Option<Arc<Sealer>>) -> RedisStore {
    RedisStore::open(url, &StoreSettings { sealer, ..StoreSettings::default() }, &OsRandom).unwrap()
}

fn tagged(tag: &str) -> crate::store::profile::Profile {
    crate::store::profile::Profile { tags: [tag.to_owned()].into(), pageviews: 1, ..Default::default() }
}

async fn write(store: &dyn Store, visitor: u32, tag: &str) {
    let profile = store.create(&key("s", visitor));
    *profile.lock().unwrap() = tagged(tag);
    store.write(put(&key("s", visitor), &profile)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_redis_holds_the_contract() {
    let server = Server::start(&[]);
    sealed(&server.url(), &[1]).hold_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_shows_nothing_of_what_is_sealed() {
    let server = Server::start(&[]);
    for (stores, shows) in [(Stores::new(server.url()), true), (sealed(&server.url(), &[1]), false)] {
        server.ask(&["FLUSHALL"]);
        let opened = stores.open();
        write(&*opened.store, 1, "shy-tag").await;
        let seen = Seen {
            site: key("s", 1).site,
            visitor: key("s", 1).visitor,
            path: "/shy-path".into(),
            at: Timestamp::UNIX_EPOCH,
        };
        opened.presence.saw(vec![seen.clone()]).await.unwrap();
        let profile = server.ask(&["GET", &name(&key("s", 1), "p")]);
        let pages = server.ask(&["HGETALL", "noren:{s}:pages"]);
        assert_eq!((profile.contains("shy-tag"), pages.contains("shy-path")), (shows, shows));
        assert_eq!(stores.open().store.load(&key("s", 1)).await.unwrap().lock().unwrap().tags.len(), 1);
        let online = stores.open().presence.online(&seen.site, seen.at, 9).await.unwrap();
        assert_eq!(&*online[0].path, "/shy-path");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_of_before_is_sealed_while_it_serves_and_an_older_key_can_go() {
    let cluster = Cluster::start();
    let plain = profiles(&cluster.url(), None);
    let sealed = |keys: &[u8]| profiles(&cluster.url(), Some(Sealer::of_bytes(keys, true)));
    for visitor in 0..40 {
        write(&plain, visitor, "shy-tag").await;
    }
    plain.records().erase(&key("s", 40)).await.unwrap();
    let shown = || {
        (0..40)
            .filter(|n| cluster.0.iter().any(|node| node.ask(&["GET", &name(&key("s", *n), "p")]).contains("shy-tag")))
            .count()
    };
    assert_eq!(shown(), 40);

    let first = sealed(&[1]);
    assert_eq!(first.reseal().await.unwrap(), Resealed { changed: 40, ..Resealed::default() });
    assert_eq!(shown(), 0);
    assert_eq!(first.reseal().await.unwrap(), Resealed::default(), "once is enough");
    let left: i64 = cluster
        .0
        .iter()
        .map(|node| node.ask(&["TTL", &name(&key("s", 7), "p")]).trim_start_matches(':').parse().unwrap_or(-1))
        .max()
        .unwrap();
    assert!(left > 390 * 86_400, "it is kept as long as before: {left}");

    let both = sealed(&[2, 1]);
    assert_eq!(both.reseal().await.unwrap().changed, 40);
    let second = sealed(&[2]);
    assert_eq!(*second.load(&key("s", 7)).await.unwrap().lock().unwrap(), tagged("shy-tag"));

    let refused = first_error(&sealed(&[1])).await;
    assert!(refused.contains("none of the encryption keys opens it"), "{refused}");
    let refused = first_error(&profiles(&cluster.url(), None)).await;
    assert!(refused.contains("it is sealed, and no key is given"), "{refused}");
}

async fn first_error(store: &dyn Store) -> String {
    let ping = store.ping().await.unwrap_err();
    assert!(matches!(ping, StoreError::Open { .. }));
    let profile = store.create(&key("s", 7));
    store.write(put(&key("s", 7), &profile)).await.unwrap_err();
    store.load(&key("s", 8)).await.unwrap_err();
    ping.to_string()
}
