//! What every backend must hold, whatever it is made of.
//!
//! A backend's tests call [`holds`] with a way to open its store again and again, and one to count the events it has.

use super::exports::Span;
use super::records::{Erased, Kept};
use super::{LiveProfile, ProfileKey, Store, Write};
use crate::commerce::Order;
use crate::event::{Arm, Event, What};
use crate::ids::{SiteId, VisitorId};
use crate::store::profile::{Profile, ScenarioHistory};
use jiff::Timestamp;
use std::sync::Arc;

/// Runs the whole contract. `open` gives a store on the same data each time, with memory for a few profiles only.
pub(super) async fn holds(open: impl Fn() -> Arc<dyn Store>, count_events: impl Fn(&SiteId) -> usize) {
    stranger_has_a_default_profile(&*open()).await;
    written_state_is_there_after_reopening(&open).await;
    loads_at_once_give_one_profile(&open).await;
    profile_held_through_eviction_is_the_same(&*open()).await;
    unwritten_state_survives_eviction_while_it_waits(&*open()).await;
    created_profile_is_found_by_loads(&*open()).await;
    profile_written_twice_in_a_batch_has_its_last_state(&open).await;
    events_are_kept(&open, &count_events).await;
    order_is_kept_once(&open, &count_events).await;
    sites_do_not_share_visitors(&*open()).await;
    visitor_who_is_erased_does_not_come_back(&open, &count_events).await;
    browsers_of_a_customer_are_found(&open).await;
    profiles_are_read_out_page_by_page(&open).await;
    processes_that_overlap_lose_no_count(&open).await;
    open().ping().await.unwrap();
}

pub(super) fn key(site: &str, visitor: u32) -> ProfileKey {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&visitor.to_be_bytes());
    ProfileKey { site: SiteId::new(site), visitor: VisitorId(id) }
}

pub(super) fn click(key: &ProfileKey) -> Write {
    let arm = Arm { scenario: "welcome".into(), variant: "a".into() };
    Write::Event(Event {
        site: key.site.clone(),
        visitor: key.visitor,
        at: Timestamp::UNIX_EPOCH,
        what: What::Click(arm),
    })
}

pub(super) fn put(key: &ProfileKey, profile: &LiveProfile) -> Vec<Write> {
    vec![Write::Profile(key.clone(), profile.clone())]
}

pub(super) fn expose(profile: &LiveProfile) {
    let mut profile = profile.lock().unwrap();
    profile.pageviews += 1;
    profile.scenarios.entry("welcome".into()).or_default().exposures += 1;
}

pub(super) fn exposures(profile: &LiveProfile) -> u32 {
    profile.lock().unwrap().scenarios.get("welcome").map_or(0, |scenario| scenario.exposures)
}

/// Loads so many others that a small cache has room for nothing else.
async fn crowd_out(store: &dyn Store) {
    for visitor in 0..500 {
        store.load(&key("crowd", visitor)).await.unwrap();
    }
}

async fn stranger_has_a_default_profile(store: &dyn Store) {
    let key = key("stranger", 1);
    assert!(store.cached(&key).is_none());
    let profile = store.load(&key).await.unwrap();
    assert_eq!(*profile.lock().unwrap(), Profile::default());
    assert!(store.is_shared() || Arc::ptr_eq(&profile, &store.cached(&key).unwrap()));
}

async fn written_state_is_there_after_reopening(open: &impl Fn() -> Arc<dyn Store>) {
    let key = key("reopened", 1);
    let state = Profile {
        visits: 7,
        spent: 12.5,
        scenarios: [("welcome".to_owned(), ScenarioHistory { exposures: 2, ..ScenarioHistory::default() })].into(),
        tags: ["常連".to_owned()].into(),
        ..Profile::default()
    };
    for visits in [7, 8] {
        let store = open();
        let profile = store.load(&key).await.unwrap();
        *profile.lock().unwrap() = Profile { visits, ..state.clone() };
        store.write(put(&key, &profile)).await.unwrap();
    }
    assert_eq!(*open().load(&key).await.unwrap().lock().unwrap(), Profile { visits: 8, ..state });
}

async fn loads_at_once_give_one_profile(open: &impl Fn() -> Arc<dyn Store>) {
    let store = open();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let store = store.clone();
        tasks.spawn(async move { store.load(&key("at once", 1)).await.unwrap() });
    }
    let profiles = tasks.join_all().await;
    assert!(profiles.iter().all(|profile| Arc::ptr_eq(profile, &profiles[0])));
}

async fn profile_held_through_eviction_is_the_same(store: &dyn Store) {
    let held = store.load(&key("held", 1)).await.unwrap();
    crowd_out(store).await;
    assert!(Arc::ptr_eq(&held, &store.load(&key("held", 1)).await.unwrap()));
}

async fn unwritten_state_survives_eviction_while_it_waits(store: &dyn Store) {
    let key = key("dirty", 1);
    let profile = store.load(&key).await.unwrap();
    expose(&profile);
    let waiting = put(&key, &profile);
    drop(profile);
    crowd_out(store).await;
    assert_eq!(exposures(&store.load(&key).await.unwrap()), 1);
    store.write(waiting).await.unwrap();
    crowd_out(store).await;
    assert_eq!(exposures(&store.load(&key).await.unwrap()), 1, "and from the backend, once it is written");
}

async fn created_profile_is_found_by_loads(store: &dyn Store) {
    let key = key("created", 1);
    let created = store.create(&key);
    assert!(store.is_shared() || Arc::ptr_eq(&created, &store.cached(&key).unwrap()));
    assert!(Arc::ptr_eq(&created, &store.load(&key).await.unwrap()));
    assert!(Arc::ptr_eq(&created, &store.create(&key)));
}

async fn profile_written_twice_in_a_batch_has_its_last_state(open: &impl Fn() -> Arc<dyn Store>) {
    let key = key("twice", 1);
    let store = open();
    let profile = store.create(&key);
    expose(&profile);
    store.write([put(&key, &profile), put(&key, &profile)].concat()).await.unwrap();
    expose(&profile);
    store.write(put(&key, &profile)).await.unwrap();
    assert_eq!(exposures(&profile), 2);
    assert_eq!(exposures(&open().load(&key).await.unwrap()), 2);
}

async fn events_are_kept(open: &impl Fn() -> Arc<dyn Store>, count_events: &impl Fn(&SiteId) -> usize) {
    let key = key("events", 1);
    let view = What::PageView { path: "/あ".into() };
    let view =
        Write::Event(Event { site: key.site.clone(), visitor: key.visitor, at: Timestamp::UNIX_EPOCH, what: view });
    open().write(vec![click(&key), view, click(&key)]).await.unwrap();
    open().write(Vec::new()).await.unwrap();
    assert_eq!(count_events(&key.site), 3);
    assert_eq!(count_events(&SiteId::new("event")), 0);
}

/// A thank-you page is loaded again, in other tabs, on other machines.
async fn order_is_kept_once(open: &impl Fn() -> Arc<dyn Store>, count_events: &impl Fn(&SiteId) -> usize) {
    let purchase = |visitor, id: &str| {
        let key = key("orders", visitor);
        let what = What::Purchase(Arc::new(Order { id: id.into(), ..Order::default() }));
        Write::Event(Event { site: key.site, visitor: key.visitor, at: Timestamp::UNIX_EPOCH, what })
    };
    open().write(vec![purchase(1, "N-1"), purchase(1, "N-1"), purchase(2, "N-1")]).await.unwrap();
    open().write(vec![purchase(1, "N-1"), purchase(1, "N-2")]).await.unwrap();
    assert_eq!(count_events(&SiteId::new("orders")), 2);
}

async fn sites_do_not_share_visitors(store: &dyn Store) {
    let profile = store.load(&key("one", 1)).await.unwrap();
    expose(&profile);
    store.write(put(&key("one", 1), &profile)).await.unwrap();
    assert_eq!(exposures(&store.load(&key("two", 1)).await.unwrap()), 0);
}

/// Not from the memory of this process, nor from that of another which still writes.
async fn visitor_who_is_erased_does_not_come_back(
    open: &impl Fn() -> Arc<dyn Store>,
    count_events: &impl Fn(&SiteId) -> usize,
) {
    let key = key("erased", 1);
    let (store, other) = (open(), open());
    let profile = store.load(&key).await.unwrap();
    expose(&profile);
    store.write([put(&key, &profile), vec![click(&key)]].concat()).await.unwrap();
    let elsewhere = other.load(&key).await.unwrap();
    assert_eq!(exposures(&elsewhere), 1);
    let kept = store.records().about(&key, 10).await.unwrap();
    assert_eq!((kept.profile.unwrap()["pageviews"].as_u64(), kept.events.len(), kept.more), (Some(1), 1, false));

    let erased = store.records().erase(&key).await.unwrap();
    assert_eq!(erased, Erased { profiles: 1, events: 1, coupons: 0, orders: 0 });
    assert_eq!(store.records().erase(&key).await.unwrap(), Erased::default(), "again, there is nothing");
    assert!(profile.lock().unwrap().erased, "who holds it sees it");
    store.write(put(&key, &profile)).await.unwrap();
    expose(&elsewhere);
    other.write(put(&key, &elsewhere)).await.unwrap();
    assert_eq!(open().records().about(&key, 10).await.unwrap(), Kept::default());
    assert_eq!(count_events(&key.site), 0);
    let anew = other.load(&key).await.unwrap();
    assert_eq!(exposures(&anew), 0);
    expose(&anew);
    other.write(put(&key, &anew)).await.unwrap();
    assert_eq!(exposures(&open().load(&key).await.unwrap()), 1, "whoever comes again is new");
}

async fn browsers_of_a_customer_are_found(open: &impl Fn() -> Arc<dyn Store>) {
    let store = open();
    let customer = key("joined", 1000);
    let mut writes = Vec::new();
    for visitor in 1..=600 {
        let profile = store.create(&key("joined", visitor));
        *profile.lock().unwrap() = Profile {
            joined: (visitor % 200 == 0).then_some(customer.visitor),
            // Whoever writes this points nowhere.
            tags: [format!("\"joined\":\"{:032x}\"", u128::from_be_bytes(customer.visitor.0))].into(),
            ..Profile::default()
        };
        writes.extend(put(&key("joined", visitor), &profile));
    }
    store.write(writes).await.unwrap();
    let other = ProfileKey { site: SiteId::new("joine*"), ..customer.clone() };
    let mut found = open().records().browsers_of(&customer).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [200, 400, 600].map(|visitor| key("joined", visitor).visitor));
    assert_eq!(open().records().browsers_of(&other).await.unwrap(), []);
    assert_eq!(open().records().browsers_of(&key("joined", 1)).await.unwrap(), []);
}

async fn profiles_are_read_out_page_by_page(open: &impl Fn() -> Arc<dyn Store>) {
    let (store, span) = (open(), Span::default());
    let site = SiteId::new("read out");
    let mut writes = Vec::new();
    for visitor in 1..=700 {
        let profile = store.create(&key("read out", visitor));
        profile.lock().unwrap().visits = visitor;
        writes.extend(put(&key("read out", visitor), &profile));
    }
    store.write(writes).await.unwrap();
    store.records().erase(&key("read out", 100)).await.unwrap();
    let reader = open();
    let (mut after, mut visits) = (None, Vec::new());
    loop {
        let page = reader.exports().profiles(&site, &span, after, 300).await.unwrap();
        visits.extend(page.iter().map(|(_, profile)| profile.visits));
        match page.last().filter(|_| page.len() == 300) {
            Some((last, _)) => after = Some(*last),
            None => break,
        }
    }
    let expected: Vec<u32> = (1..=700).filter(|visitor| *visitor != 100).collect();
    assert_eq!(visits, expected);
}

/// One process takes over from another: for a while both have the visitor's profile and both write it.
async fn processes_that_overlap_lose_no_count(open: &impl Fn() -> Arc<dyn Store>) {
    let key = key("overlap", 1);
    let (old, new) = (open(), open());
    let (in_old, in_new) = (old.load(&key).await.unwrap(), new.load(&key).await.unwrap());
    for _ in 0..3 {
        expose(&in_old);
        expose(&in_new);
        expose(&in_new);
        new.write(put(&key, &in_new)).await.unwrap();
        old.write(put(&key, &in_old)).await.unwrap();
    }
    assert_eq!(exposures(&in_old), 9, "the later writer has all of it at once");
    // The other one has it as soon as it notices, even though its profile was held all the time.
    new.write(Vec::new()).await.unwrap();
    let seen = new.load(&key).await.unwrap();
    assert!(Arc::ptr_eq(&seen, &in_new));
    assert_eq!(exposures(&seen), 9);
    assert_eq!(exposures(&open().load(&key).await.unwrap()), 9);
}
