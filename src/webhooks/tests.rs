use super::*;
use crate::clock::FixedClock;
use crate::event::{Event, What};
use crate::ids::{OsRandom, VisitorId};
use crate::rules::{LoadOptions, load_rules};
use crate::store::{StoreSettings, Write, open};

/// A world of one site that has hooks by these names.
fn world(names: &[&str], now: Timestamp) -> World {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("sites/shop");
    std::fs::create_dir_all(&site).unwrap();
    let hooks = names.iter().map(|name| {
        format!(
            "[[webhook]]\nname = '{name}'\nurl = 'https://tool.example/'\nevents = ['page_view']\nmax_waiting = 100\n\
             secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n"
        )
    });
    let text =
        format!("hosts = ['shop.example']\norigin = 'http://127.0.0.1:1'\n{}", hooks.collect::<Vec<_>>().concat());
    std::fs::write(site.join("site.toml"), text).unwrap();
    World::new(load_rules(folder.path(), &LoadOptions { prefix: "gw".into(), now }).good_sites())
}

#[tokio::test]
async fn what_nobody_will_take_is_dropped_and_what_may_still_be_taken_waits() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let place = folder.path().join("noren.db").display().to_string();
    let store = open(&place, &StoreSettings::default(), &OsRandom).unwrap();
    let rules = Arc::new(ArcSwap::from_pointee(world(&["tool", "gone"], now)));
    let (clock, metrics) = (Arc::new(FixedClock(now)), Metrics::new().unwrap());
    let mut deliverer = Deliverer::new(rules.clone(), store.clone(), clock, Arc::new(OsRandom), metrics);
    let view = |hours: i64| {
        let what = What::PageView { path: "/".into() };
        let at = now - SignedDuration::from_hours(hours);
        Write::Event(Event { site: SiteId::new("shop"), visitor: VisitorId([7; 16]), at, what })
    };
    store.write((0..104).map(|_| view(1)).chain([view(24 * 4)]).collect()).await.unwrap();

    rules.store(Arc::new(world(&["tool"], now)));
    let hooks = store.outbox().hooks().await.unwrap();
    assert_eq!(hooks.len(), 2);
    deliverer.keep(&hooks).await;
    let result =
        |name, result| deliverer.shared.metrics.webhook_deliveries.with_label_values(&["shop", name, result]).get();
    assert_eq!([result("tool", "expired"), result("tool", "overflowed"), result("gone", "removed")], [1, 4, 105]);
    let gauge = deliverer.shared.metrics.webhook_backlog.with_label_values(&["shop", "tool"]).get();
    assert_eq!(gauge, 100);

    // A site whose rules have errors since the start may come back.
    rules.store(Arc::new(World::default()));
    let hooks = store.outbox().hooks().await.unwrap();
    deliverer.keep(&hooks).await;
    assert_eq!((hooks.len(), store.outbox().count(&hooks[0].0, now).await.unwrap()), (1, 100));
}
