//! Sealed files: what somebody reads who has the file and no key.

use super::*;
use crate::commerce::{Order, Product, Search};
use crate::event::What;
use crate::ids::VisitorId;
use crate::store::coupons::{CodeAsk, Holder, Supply};
use crate::store::exports::Span;
use crate::store::ledger::contract::{ask, pattern};
use crate::store::outbox::Wants;
use crate::store::profile::shopping::{Liking, Shopping};
use crate::store::profile::{MemberSeen, Profile};
use crate::store::sqlite::backup::{backup, is_sealed};
use crate::store::{Resealed, codec};
use jiff::Timestamp;
use smallvec::SmallVec;

/// What says something of a person: words that stand nowhere else.
const PERSONAL: [&str; 9] = [
    "shy-rank",
    "shy-category",
    "shy-landing",
    "shy-tag",
    "/shy-path",
    "shy search term",
    "shy product",
    "ORDER-SHY-1",
    "member-shy",
];

#[expect(clippy::unnecessary_wraps, reason = "as stores are given it")]
fn keys(keys: &[u8]) -> Option<Arc<Sealer>> {
    Some(Sealer::of_bytes(keys, true))
}

fn person() -> Profile {
    let mut profile = Profile {
        pageviews: 3,
        tags: ["shy-tag".to_owned()].into(),
        member: MemberSeen { fields: [("rank".to_owned(), "shy-rank".to_owned())].into(), ..MemberSeen::default() },
        shop: Shopping {
            categories: vec![Liking { name: "shy-category".into(), score: 1.0, at: 1, outer: false }],
            ..Shopping::default()
        },
        ..Profile::default()
    };
    profile.session.landing_path = "/shy-landing".into();
    profile
}

fn event(what: What) -> Write {
    let ProfileKey { site, visitor } = key("shop", 1);
    Write::Event(Event { site, visitor, at: Timestamp::UNIX_EPOCH, what })
}

fn purchase(value: f64) -> What {
    What::Purchase(Arc::new(Order { id: "ORDER-SHY-1".into(), value: Some(value), ..Order::default() }))
}

fn refund(value: f64) -> What {
    What::Refund { order: "ORDER-SHY-1".into(), value: Some(value) }
}

fn member() -> CodeAsk {
    ask("shop", Holder::Customer("member-shy".into()), pattern(9))
}

fn everybody() -> CodeAsk {
    CodeAsk {
        pool: "all".into(),
        ..ask("shop", Holder::Visitor(VisitorId([1; 16])), Supply::Fixed { code: "ALL".into(), limit: 9 })
    }
}

/// A hook that is told everything.
struct All;

impl Wants for All {
    fn hooks(&self, _: &SiteId, _: &str) -> SmallVec<[Arc<str>; 2]> {
        [Arc::from("all")].into_iter().collect()
    }
}

/// A person's visit, what the shop learns of them, and what others are to be told of it.
async fn visit(store: &SqliteStore) {
    Store::outbox(store).watch(Arc::new(All));
    let profile = store.create(&key("shop", 1));
    *profile.lock().unwrap() = person();
    let product = Product { id: "P-1".into(), name: Some("shy product".into()), ..Product::default() };
    let mut writes = put(&key("shop", 1), &profile);
    writes.extend([
        event(What::PageView { path: "/shy-path".into() }),
        event(What::Search(Search { term: "shy search term".into(), results: None })),
        event(What::ViewItem(Arc::new(product))),
        event(purchase(500.0)),
        event(What::Login),
    ]);
    store.write(writes).await.unwrap();
    store.reserve(&member()).await.unwrap().unwrap();
    store.reserve(&everybody()).await.unwrap().unwrap();
    assert!(store.redeemed(&SiteId::new("shop"), "ALL", "ORDER-SHY-1", Timestamp::UNIX_EPOCH).await.unwrap());
}

/// All that a store tells whoever has its keys.
async fn told(store: &SqliteStore) -> String {
    let (site, shop) = (SiteId::new("shop"), key("shop", 1));
    let kept = store.records().about(&shop, 99).await.unwrap();
    let events = Exports::events(store, &site, &Span::default(), None, 99).await.unwrap();
    let profiles = Exports::profiles(store, &site, &Span::default(), None, 99).await.unwrap();
    let orders = Exports::orders(store, &site, &["ORDER-SHY-1".to_owned()]).await.unwrap();
    let loaded = store.load(&shop).await.unwrap();
    let loaded = loaded.lock().unwrap().clone();
    let given = store.reserve(&member()).await.unwrap().unwrap();
    assert!(!given.fresh, "the member has the code that they had");
    assert!(!store.redeemed(&site, "ALL", "ORDER-SHY-1", Timestamp::UNIX_EPOCH).await.unwrap(), "once an order");
    let events: Vec<_> = events.iter().map(|event| (&event.name, &event.path, &event.parameters)).collect();
    assert_eq!((events.len(), profiles.len(), orders.len()), (5, 1, 1));
    format!("{kept:?} {events:?} {profiles:?} {:?} {} {loaded:?}", orders[0].value, orders[0].refunded)
}

/// Which of these words stand in the store's files.
fn found(folder: &Folder) -> Vec<&'static str> {
    let files = std::fs::read_dir(folder.path().parent().unwrap()).unwrap();
    let bytes: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let stands = |word: &&str| memchr::memmem::find(&bytes, word.as_bytes()).is_some();
    PERSONAL.into_iter().filter(stands).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sealed_sqlite_holds_the_contracts() {
    let folder = Folder::new();
    contract::holds(|| Arc::new(folder.open_with(keys(&[1])).unwrap()), |site| folder.count_events(site)).await;
    let folder = Folder::new();
    let text = async |query: &str| {
        let database = Connection::open(folder.path()).unwrap();
        database.query_row(query, (), |row| row.get::<_, String>(0)).unwrap()
    };
    crate::store::ledger::contract::holds(|| Arc::new(folder.open_with(keys(&[1])).unwrap()), text).await;
    crate::store::outbox::contract::holds(|| Arc::new(folder.open_with(keys(&[1])).unwrap())).await;
}

#[tokio::test]
async fn reader_of_the_file_without_a_key_sees_nothing_personal() {
    let mut tales = Vec::new();
    for (sealer, sees) in [(None, PERSONAL.to_vec()), (keys(&[1]), Vec::new())] {
        let folder = Folder::new();
        let store = folder.open_with(sealer.clone()).unwrap();
        visit(&store).await;
        assert_eq!(found(&folder), sees, "while it is open, with its log");
        tales.push(told(&store).await);
        drop(store);
        assert_eq!(found(&folder), sees, "once it is closed");
        tales.push(told(&folder.open_with(sealer).unwrap()).await);
        assert_eq!(is_sealed(&folder.path()), sees.is_empty());
    }
    assert!(tales.windows(2).all(|pair| pair[0] == pair[1]), "{tales:#?}");
    assert!(PERSONAL[..7].iter().all(|word| tales[0].contains(word)), "{}", tales[0]);
}

#[tokio::test]
async fn file_of_before_is_sealed_while_it_serves_and_no_trace_is_left() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    visit(&store).await;
    // What is gone by the time that the store is sealed is in the file all the same.
    store.write((0..300).map(|_| event(What::PageView { path: "/shy-path".into() })).collect()).await.unwrap();
    let database = Connection::open(folder.path()).unwrap();
    database.execute("DELETE FROM events WHERE rowid > 5", ()).unwrap();
    let before = told(&store).await;
    assert_eq!(found(&folder), PERSONAL);

    // A gateway with the key serves meanwhile.
    let serving = folder.open_with(keys(&[1])).unwrap();
    assert_eq!(told(&serving).await, before, "what is plain is read");
    drop(store);
    let done = folder.open_with(keys(&[1])).unwrap().reseal_all().await.unwrap();
    // A profile, four events with details and all their messages, an order, and its redemption; `told` has given the member their name.
    assert_eq!(done, Resealed { changed: 7 + 304, shut: 0, traces: false });
    assert_eq!(found(&folder), Vec::<&str>::new());
    assert_eq!(told(&serving).await, before);
    assert_eq!(serving.reseal_all().await.unwrap(), Resealed::default(), "once is enough");

    serving.write(vec![event(purchase(900.0)), event(refund(200.0)), event(refund(100.0))]).await.unwrap();
    let orders = Exports::orders(&serving, &SiteId::new("shop"), &["ORDER-SHY-1".to_owned()]).await.unwrap();
    assert_eq!((orders[0].value, orders[0].refunded), (Some(500.0), 300.0), "the order is known by its name");
}

#[tokio::test]
async fn order_that_was_noted_before_there_was_a_key_is_kept_once() {
    let folder = Folder::new();
    visit(&folder.open().unwrap()).await;
    let store = folder.open_with(keys(&[1])).unwrap();
    store.write(vec![event(purchase(900.0)), event(refund(200.0))]).await.unwrap();
    let orders = Exports::orders(&store, &SiteId::new("shop"), &["ORDER-SHY-1".to_owned()]).await.unwrap();
    assert_eq!((orders.len(), orders[0].value, orders[0].refunded), (1, Some(500.0), 200.0));
    assert_eq!(folder.count_events(&SiteId::new("shop")), 6, "a refund more");
    assert!(!store.redeemed(&SiteId::new("shop"), "ALL", "ORDER-SHY-1", Timestamp::UNIX_EPOCH).await.unwrap());
}

#[tokio::test]
async fn older_key_can_go_once_all_is_sealed_with_the_newer_and_sealing_can_be_turned_off() {
    let folder = Folder::new();
    let store = folder.open_with(keys(&[1])).unwrap();
    visit(&store).await;
    let before = told(&store).await;
    drop(store);
    let store = folder.open_with(keys(&[2, 1])).unwrap();
    assert_eq!(told(&store).await, before);
    assert_eq!(store.reseal_all().await.unwrap().changed, 10);
    drop(store);
    let store = folder.open_with(keys(&[2])).unwrap();
    assert_eq!(told(&store).await, before);
    drop(store);

    let store = folder.open_with(Some(Sealer::of_bytes(&[2], false))).unwrap();
    assert_eq!(told(&store).await, before);
    assert_eq!(store.reseal_all().await.unwrap().changed, 10);
    assert_eq!(told(&store).await, before);
    assert_eq!(found(&folder), PERSONAL[..8], "a member keeps their name");
}

#[test]
fn store_is_refused_without_its_key_and_stays_as_it_is() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = folder.open_with(keys(&[1])).unwrap();
    runtime.block_on(visit(&store));
    drop(store);
    let before = std::fs::read(folder.path()).unwrap();
    for (sealer, reason) in [
        (None, "it is sealed, and no key is given; name the file of its keys as `encryption_key`"),
        (keys(&[2, 3]), "none of the encryption keys opens it; put the key that it was sealed with back"),
    ] {
        let error = folder.open_with(sealer).err().expect("it is refused").to_string();
        assert!(error.contains("noren.db") && error.contains(reason), "{error}");
    }
    assert_eq!(std::fs::read(folder.path()).unwrap(), before);
    let copy = folder.0.path().join("copy");
    backup(&folder.path(), &copy, &[]).unwrap();
    assert!(is_sealed(&copy));
}

#[tokio::test]
async fn profile_moved_to_another_visitor_is_not_taken_for_theirs() {
    let folder = Folder::new();
    let store = folder.open_with(keys(&[1])).unwrap();
    for visitor in [1, 2, 3] {
        let profile = store.create(&key("moved", visitor));
        expose(&profile);
        store.write(put(&key("moved", visitor), &profile)).await.unwrap();
    }
    drop(store);
    let database = Connection::open(folder.path()).unwrap();
    let body = "(SELECT body FROM profiles WHERE visitor = ?2)";
    let swap = format!("UPDATE profiles SET body = {body} WHERE visitor = ?1");
    database.execute(&swap, [key("", 1).visitor.0, key("", 2).visitor.0]).unwrap();
    let store = folder.open_with(keys(&[1])).unwrap();
    let error = store.load(&key("moved", 1)).await.unwrap_err().to_string();
    assert!(error.contains("sealed with a key that is not in the key file, or is another visitor's"), "{error}");
    assert!(store.records().about(&key("moved", 1), 1).await.is_err(), "nobody is told that nothing is kept");
    assert_eq!(exposures(&store.load(&key("moved", 3)).await.unwrap()), 1);
}

#[tokio::test]
async fn without_a_key_rows_are_as_they_ever_were() {
    let folder = Folder::new();
    visit(&folder.open().unwrap()).await;
    let database = Connection::open(folder.path()).unwrap();
    let body: Vec<u8> = database.query_row("SELECT body FROM profiles", (), |row| row.get(0)).unwrap();
    assert_eq!(body, codec::encode(&person()).unwrap());
    let count = |query: &str| database.query_row(query, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM events WHERE sealed IS NOT NULL"), 0);
    assert_eq!(count("SELECT count(*) FROM orders WHERE sealed IS NULL AND id = 'ORDER-SHY-1' AND value = 500"), 1);
    assert_eq!(count("SELECT count(*) FROM sealing"), 0);
}
