//! Chooses which of a shop's addresses a request goes to.
//!
//! Smooth weighted round-robin over the healthy ones; an address that fails is left alone for a while; names are
//! looked up anew every half minute. Knows nothing of HTTP.

use crate::clock::Clock;
use crate::ids::SiteId;
use crate::site::{Origin, OriginAddress, Site};
use ahash::AHashMap;
use arc_swap::ArcSwapOption;
use smallvec::SmallVec;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long a looked-up name is believed.
const RESOLVE_AGAIN: Duration = Duration::from_secs(30);
/// Failures in a row after which an address is taken out.
const FAILURES_TO_TAKE_OUT: u32 = 3;
/// How long it stays out without an active health check.
const TIME_OUT: Duration = Duration::from_secs(10);
/// Longest rotation; weights are scaled down to fit.
const LONGEST_ROTATION: u32 = 256;

/// All shops' addresses and what is known of their health.
pub struct Peers {
    pools: RwLock<AHashMap<SiteId, Arc<Pool>>>,
    clock: Arc<dyn Clock>,
    began: Instant,
}

/// One shop's addresses.
pub struct Pool {
    origin: Origin,
    targets: Vec<Target>,
    /// Indexes into `targets`, each as often as its weight says, well mixed.
    rotation: Vec<usize>,
    cursor: AtomicUsize,
}

/// One address.
pub struct Target {
    /// As the rules give it.
    pub address: OriginAddress,
    resolved: ArcSwapOption<Resolved>,
    failures: AtomicU32,
    /// Milliseconds since `Peers::began` until which it is left alone.
    out_until: AtomicI64,
}

struct Resolved {
    addresses: Vec<SocketAddr>,
    at: Instant,
}

/// Why no address could be given.
#[derive(Debug, thiserror::Error)]
#[error("the name `{host}` could not be looked up: {reason}")]
pub struct ResolveError {
    /// The name.
    pub host: String,
    /// The resolver's words.
    pub reason: String,
}

impl Peers {
    /// Starts with no pools.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let began = clock.monotonic();
        Self { pools: RwLock::default(), clock, began }
    }

    /// The pool of a site: the one known, as long as the site's origin has not changed.
    #[must_use]
    pub fn pool(&self, site: &Site) -> Arc<Pool> {
        let known = self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&site.id).cloned();
        if let Some(pool) = known
            && pool.origin == site.origin
        {
            return pool;
        }
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        let entry = pools.entry(site.id.clone()).or_insert_with(|| Arc::new(Pool::new(&site.origin)));
        if entry.origin != site.origin {
            *entry = Arc::new(Pool::new(&site.origin));
        }
        entry.clone()
    }

    /// All pools: for health checks and metrics.
    #[must_use]
    pub fn pools(&self) -> Vec<(SiteId, Arc<Pool>)> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        pools.iter().map(|(id, pool)| (id.clone(), pool.clone())).collect()
    }

    /// Forgets the pools of sites that are gone.
    pub fn retain(&self, keep: impl Fn(&SiteId) -> bool) {
        self.pools.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| keep(id));
    }

    /// Chooses an address that is not among those already tried; where all are out of service, one of them all the
    /// same: a request that may fail is better than one that must.
    #[must_use]
    pub fn choose(&self, pool: &Pool, tried: &[usize]) -> Option<usize> {
        let now = self.now();
        let start = pool.cursor.fetch_add(1, Ordering::Relaxed);
        let length = pool.rotation.len().max(1);
        let mixed = (0..length).filter_map(|step| pool.rotation.get((start + step) % length).copied());
        let spares = (0..pool.targets.len()).filter(|index| !pool.rotation.contains(index));
        let order: SmallVec<[usize; 16]> = mixed.chain(spares).filter(|index| !tried.contains(index)).collect();
        order
            .iter()
            .copied()
            .find(|index| pool.targets.get(*index).is_some_and(|t| t.out_until.load(Ordering::Relaxed) <= now))
            .or_else(|| order.first().copied())
    }

    /// Looks up an address's name, or takes it from the last half minute.
    ///
    /// # Errors
    /// When the name is unknown and was never known; an older answer is used as long as there is one.
    pub async fn resolve(&self, target: &Target, turn: usize) -> Result<SocketAddr, ResolveError> {
        let OriginAddress { host, port, .. } = &target.address;
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            return Ok(SocketAddr::new(ip, *port));
        }
        let known = target.resolved.load_full();
        let now = self.clock.monotonic();
        let fresh = known.as_ref().filter(|known| now.duration_since(known.at) < RESOLVE_AGAIN);
        let resolved = match fresh {
            Some(fresh) => fresh.clone(),
            None => match tokio::net::lookup_host((host.as_str(), *port)).await {
                Ok(found) => {
                    let made = Arc::new(Resolved { addresses: found.collect(), at: now });
                    target.resolved.store(Some(made.clone()));
                    made
                }
                Err(error) => known.ok_or_else(|| ResolveError { host: host.clone(), reason: error.to_string() })?,
            },
        };
        let index = turn % resolved.addresses.len().max(1);
        resolved
            .addresses
            .get(index)
            .copied()
            .ok_or_else(|| ResolveError { host: host.clone(), reason: "it has no address".into() })
    }

    /// Notes that an address answered.
    pub fn succeeded(&self, target: &Target) {
        if target.failures.swap(0, Ordering::Relaxed) > 0 {
            target.out_until.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that an address did not answer.
    pub fn failed(&self, target: &Target) {
        // The next connection may go to another of the name's addresses.
        if target.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_TO_TAKE_OUT {
            self.take_out(target, TIME_OUT);
        }
    }

    /// Puts an address back into service: a health check found it well.
    pub fn put_back(&self, target: &Target) {
        target.failures.store(0, Ordering::Relaxed);
        target.out_until.store(0, Ordering::Relaxed);
    }

    /// Takes an address out of service for some time.
    pub fn take_out(&self, target: &Target, span: Duration) {
        let until = self.now() + i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        target.out_until.store(until, Ordering::Relaxed);
    }

    /// How many of a pool's addresses are out of service.
    #[must_use]
    pub fn out_of_service(&self, pool: &Pool) -> usize {
        let now = self.now();
        pool.targets.iter().filter(|target| target.out_until.load(Ordering::Relaxed) > now).count()
    }

    fn now(&self) -> i64 {
        i64::try_from(self.clock.monotonic().duration_since(self.began).as_millis()).unwrap_or(i64::MAX)
    }
}

impl Pool {
    fn new(origin: &Origin) -> Self {
        let targets = origin
            .addresses
            .iter()
            .map(|address| Target {
                address: address.clone(),
                resolved: ArcSwapOption::empty(),
                failures: AtomicU32::new(0),
                out_until: AtomicI64::new(0),
            })
            .collect();
        let rotation = rotation(&origin.addresses.iter().map(|address| address.weight).collect::<Vec<_>>());
        Self { origin: origin.clone(), targets, rotation, cursor: AtomicUsize::new(0) }
    }

    /// An address by its index.
    #[must_use]
    pub fn target(&self, index: usize) -> Option<&Target> {
        self.targets.get(index)
    }

    /// All addresses.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The origin that the pool was made for.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Smooth weighted round-robin (nginx's method), worked out once for a whole round.
fn rotation(weights: &[u32]) -> Vec<usize> {
    let sum: u32 = weights.iter().sum();
    let scale = sum.div_ceil(LONGEST_ROTATION).max(1);
    let weights: Vec<i64> = weights.iter().map(|w| if *w == 0 { 0 } else { i64::from((w / scale).max(1)) }).collect();
    let total: i64 = weights.iter().sum();
    let mut current = vec![0_i64; weights.len()];
    let mut order = Vec::new();
    for _ in 0..total {
        for (value, weight) in current.iter_mut().zip(&weights) {
            *value += weight;
        }
        let Some((best, value)) = current.iter_mut().enumerate().rev().max_by_key(|(_, value)| **value) else { break };
        *value -= total;
        order.push(best);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn origin(weights: &[u32]) -> Origin {
        Origin {
            addresses: weights
                .iter()
                .map(|weight| OriginAddress { tls: false, host: "127.0.0.1".into(), port: 80, weight: *weight })
                .collect(),
            host: None,
            http2: false,
            verify: true,
            ca: None,
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            health: None,
        }
    }

    #[test]
    fn weights_are_shared_out_without_bursts() {
        assert_eq!(rotation(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(rotation(&[3, 0]), [0, 0, 0]);
        assert!(rotation(&[10_000, 1]).len() <= 300);
    }

    #[test]
    fn a_failing_address_is_left_alone_and_a_spare_steps_in() {
        let peers = Peers::new(Arc::new(SystemClock));
        let pool = Pool::new(&origin(&[1, 0]));
        assert_eq!(peers.choose(&pool, &[]), Some(0));
        for _ in 0..FAILURES_TO_TAKE_OUT {
            peers.failed(&pool.targets[0]);
        }
        assert_eq!(peers.choose(&pool, &[]), Some(1));
        assert_eq!(peers.out_of_service(&pool), 1);
        peers.succeeded(&pool.targets[0]);
        assert_eq!(peers.choose(&pool, &[]), Some(0));
    }

    #[test]
    fn a_retry_goes_to_another_address_and_ends_when_all_were_tried() {
        let peers = Peers::new(Arc::new(SystemClock));
        let pool = Pool::new(&origin(&[1, 1]));
        let first = peers.choose(&pool, &[]).unwrap();
        let second = peers.choose(&pool, &[first]).unwrap();
        assert_ne!(first, second);
        assert_eq!(peers.choose(&pool, &[first, second]), None);
    }

    #[test]
    fn when_all_are_out_one_is_tried_all_the_same() {
        let peers = Peers::new(Arc::new(SystemClock));
        let pool = Pool::new(&origin(&[1]));
        peers.take_out(&pool.targets[0], Duration::from_secs(60));
        assert_eq!(peers.choose(&pool, &[]), Some(0));
    }
}
