//! Removes what has been kept long enough, a little at a time, so that nothing else waits for it.

use crate::clock::Clock;
use crate::ids::SiteId;
use crate::site::PrivacySettings;
use crate::store::Store;
use crate::store::records::Before;
use crate::world::World;
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The first round comes when the start is over, the others so often.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);
/// Rows of a kind that one transaction removes, and the pause after it.
const PORTION: usize = 1000;
const PAUSE: Duration = Duration::from_millis(100);

/// Wakes the store, and then sweeps for as long as it is polled.
pub(super) async fn run(world: Arc<ArcSwap<World>>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    // A server's tables are made at the first connection: now, and not while the first visitor waits.
    if let Err(error) = store.ping().await {
        tracing::warn!(%error, "the store does not answer yet");
    }
    let mut wait = FIRST;
    loop {
        tokio::time::sleep(wait).await;
        wait = EVERY;
        sweep(&world, &*store, clock.now()).await;
    }
}

/// Removes what is old, of every site of which anything is kept: a site that is not served any more keeps nothing for ever.
async fn sweep(world: &ArcSwap<World>, store: &dyn Store, now: Timestamp) {
    let sites = match store.records().sites().await {
        Ok(sites) => sites,
        Err(error) => return tracing::warn!(%error, "what is old could not be removed"),
    };
    for site in sites {
        let before = before(&world.load(), &site, now);
        let mut removed = 0;
        loop {
            match store.records().sweep(&site, &before, PORTION).await {
                Ok(some) => {
                    removed += some;
                    if some < PORTION {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%site, %error, "what is old could not be removed");
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        if removed > 0 {
            tracing::info!(%site, removed, "removed what has been kept long enough");
        }
    }
}

fn before(world: &World, site: &SiteId, now: Timestamp) -> Before {
    let served = world.sites().find(|served| served.id == *site);
    let keep = served.map_or_else(|| PrivacySettings::default().retention, |site| site.privacy.retention);
    let ago = |kept: Duration| {
        SignedDuration::try_from(kept).ok().and_then(|kept| now.checked_sub(kept).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
    };
    Before { profiles: ago(keep.profiles), events: ago(keep.events) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, What};
    use crate::ids::{OsRandom, VisitorId};
    use crate::store::{ProfileKey, StoreSettings, Write, open};

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_it_may_be_kept_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noren.db");
        let store = open(path.to_str().unwrap(), &StoreSettings::default(), &OsRandom).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let day = |days: i64| now - SignedDuration::from_hours(24 * days);
        let mut writes = Vec::new();
        for (visitor, age) in [(1, 500), (2, 399)] {
            let key = ProfileKey { site: SiteId::new("gone"), visitor: VisitorId([visitor; 16]) };
            let profile = store.create(&key);
            profile.lock().unwrap().session.last_seen = day(age).as_second();
            let event = |age| {
                let what = What::PageView { path: "/".into() };
                Write::Event(Event { site: key.site.clone(), visitor: key.visitor, at: day(age), what })
            };
            writes.extend((0..1500).map(|_| event(age)));
            writes.push(Write::Profile(key.clone(), profile));
        }
        store.write(writes).await.unwrap();
        sweep(&ArcSwap::default(), &*store, now).await;
        for (visitor, kept) in [(1, 0), (2, 1500)] {
            let key = ProfileKey { site: SiteId::new("gone"), visitor: VisitorId([visitor; 16]) };
            let found = store.records().about(&key, 5000).await.unwrap();
            assert_eq!((found.profile.is_some(), found.events.len()), (kept > 0, kept), "{visitor}");
        }
    }
}
