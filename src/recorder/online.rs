//! Who is on the sites now, noted as page views are recorded, and counted now and again.

use crate::clock::Clock;
use crate::ids::SiteId;
use crate::store::presence::{Presence, Seen};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Notes and counts visitors.
pub struct Online {
    presence: Arc<dyn Presence>,
    clock: Arc<dyn Clock>,
    /// Sites that have had visitors since the start.
    counts: Mutex<BTreeMap<SiteId, u64>>,
}

/// How often visitors are counted.
const EVERY: Duration = Duration::from_secs(5);

impl Online {
    /// Notes them there.
    #[must_use]
    pub fn new(presence: Arc<dyn Presence>, clock: Arc<dyn Clock>) -> Self {
        Self { presence, clock, counts: Mutex::default() }
    }

    /// What fails is forgotten: the next page view says it again.
    pub(super) async fn saw(&self, seen: Vec<Seen>) {
        let sites: Vec<SiteId> = seen.iter().map(|seen| seen.site.clone()).collect();
        if self.presence.saw(seen).await.is_ok() {
            let mut counts = self.counts();
            for site in sites {
                counts.entry(site).or_default();
            }
        }
    }

    /// Counts for as long as it is polled.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.count().await;
        }
    }

    async fn count(&self) {
        let sites: Vec<SiteId> = self.counts().keys().cloned().collect();
        for site in sites {
            // A count that cannot be had is not known, and not nothing: the last one stands.
            if let Ok(count) = self.presence.count(&site, self.clock.now()).await {
                self.counts().insert(site, count);
            }
        }
    }

    /// How many visitors are on each site, as last counted, on all machines together.
    #[must_use]
    pub fn now(&self) -> BTreeMap<SiteId, u64> {
        self.counts().clone()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<SiteId, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use crate::ids::VisitorId;
    use crate::store::presence::Here;
    use jiff::Timestamp;

    #[tokio::test]
    async fn visitors_are_counted_while_they_are_there() {
        let here = Arc::new(Here::default());
        let site = SiteId::new("shop");
        let seen = |visitor| Seen {
            site: SiteId::new("shop"),
            visitor: VisitorId([visitor; 16]),
            path: "/".into(),
            at: Timestamp::from_second(1000).unwrap(),
        };
        for (now, expected) in [(1000, 2), (2000, 0)] {
            let online = Online::new(here.clone(), Arc::new(FixedClock(Timestamp::from_second(now).unwrap())));
            online.saw(vec![seen(1), seen(2), seen(1)]).await;
            online.count().await;
            assert_eq!(online.now().get(&site), Some(&expected));
        }
    }
}
