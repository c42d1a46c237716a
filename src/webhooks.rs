//! Tells other programs of events: takes what waits in the outbox, and sees that each hook gets it once at least and each visitor's
//! in order.
//!
//! Decides whom to tell when, what to try again and what to give up. It runs beside everything else: nothing waits for it, and what
//! a hook has not taken waits in the store. Knows nothing of requests, of how events come about, or of how messages are kept.

mod round;
mod schedule;
pub mod send;
pub mod signature;

use crate::clock::Clock;
use crate::ids::{Random, SiteId, VisitorId};
use crate::site::webhooks::Webhook;
use crate::store::outbox::{HookId, Wants};
use crate::store::{ProfileKey, Store, StoreError, joined};
use crate::telemetry::Metrics;
use crate::web;
use crate::world::World;
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use round::Standing;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, timeout};

/// How often it is looked whether anything is due.
const TICK: Duration = Duration::from_secs(1);
/// How often what waits is counted, and what waits too long or for nobody is dropped.
const KEEPING: Duration = Duration::from_secs(15);
/// Messages under way at once, to all hooks together.
const ALL: usize = 256;
/// Messages dropped by one transaction.
const PORTION: usize = 1000;
/// How old a message is before it is dropped because nobody knows its hook: another gateway may have newer rules than this one.
const UNKNOWN_HOOK: SignedDuration = SignedDuration::from_mins(10);
/// The same where the whole site is unknown: its rules may have errors since the start.
const UNKNOWN_SITE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long it is looked who a visitor is.
const MEMBER: Duration = Duration::from_secs(1);

/// Who wants to be told, by the rules that are in force.
struct Listeners(Arc<ArcSwap<World>>);

impl Wants for Listeners {
    fn hooks(&self, site: &SiteId, event: &str) -> SmallVec<[Arc<str>; 2]> {
        let world = self.0.load();
        let hooks = world.site(site).into_iter().flat_map(|site| &site.webhooks);
        hooks.filter(|hook| hook.events.contains(&event)).map(|hook| hook.name.clone()).collect()
    }
}

/// Tells hooks of events: someone must [`run`](Self::run) it.
pub struct Deliverer {
    shared: Arc<Shared>,
    standings: HashMap<HookId, Standing>,
    rounds: JoinSet<(HookId, Standing)>,
    /// The log was told that the store does not answer.
    told: bool,
    kept: Option<Instant>,
}

/// Returns once it is told to stop.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What all rounds share.
struct Shared {
    world: Arc<ArcSwap<World>>,
    store: Arc<dyn Store>,
    client: OnceLock<send::Client>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Metrics,
    room: Arc<Semaphore>,
}

impl Shared {
    /// A hook as the rules have it now.
    fn hook(&self, id: &HookId) -> Option<Arc<Webhook>> {
        let world = self.world.load();
        world.site(&id.site)?.webhooks.iter().find(|hook| hook.name == id.name).cloned()
    }

    /// The shop's own number of the member that a visitor is, as far as it is known. A store that is slow to say so holds up no
    /// message: it goes without.
    async fn member(&self, site: &SiteId, visitor: VisitorId) -> Option<String> {
        let key = ProfileKey { site: site.clone(), visitor };
        let found = timeout(MEMBER, joined::load(&*self.store, &key)).await.ok()?.ok()?;
        let profile = found.profile.lock().unwrap_or_else(PoisonError::into_inner);
        profile.member.fields.get("id").cloned()
    }

    /// The client. It is made when it is needed: a machine without certificates of authorities can do without hooks.
    fn client(&self) -> std::io::Result<&send::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = web::client()?;
        Ok(self.client.get_or_init(|| made))
    }

    fn count(&self, id: &HookId, result: &str, count: usize) {
        self.metrics.webhook_deliveries.with_label_values(&[id.site.as_str(), &id.name, result]).inc_by(count as u64);
    }

    fn chance(&self) -> u16 {
        let mut chance = [0; 2];
        self.random.fill(&mut chance);
        u16::from_le_bytes(chance)
    }
}

impl Deliverer {
    /// Makes one that is to be run. From now on events put messages into the outbox.
    #[must_use]
    pub fn new(
        world: Arc<ArcSwap<World>>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        metrics: Metrics,
    ) -> Self {
        store.outbox().watch(Arc::new(Listeners(world.clone())));
        let (room, client) = (Arc::new(Semaphore::new(ALL)), OnceLock::new());
        Self {
            shared: Arc::new(Shared { world, store, client, clock, random, metrics, room }),
            standings: HashMap::new(),
            rounds: JoinSet::new(),
            told: false,
            kept: None,
        }
    }

    /// Delivers until it is told to stop, and then ends what is under way.
    pub async fn run(mut self, stop: watch::Receiver<bool>) {
        let mut stopped = stop.clone();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told_to_stop(&mut stopped) => break,
                Some(ended) = self.rounds.join_next(), if !self.rounds.is_empty() => self.ended(ended),
                _ = ticks.tick() => self.look(&stop).await,
            }
        }
        while let Some(ended) = self.rounds.join_next().await {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<(HookId, Standing), tokio::task::JoinError>) {
        match ended {
            Ok((hook, standing)) => {
                self.standings.insert(hook, standing);
            }
            // What it had taken comes back by itself. All standings that are out are forgotten: their hooks are looked at anew.
            Err(_) => self.standings.retain(|_, standing| !standing.is_out),
        }
    }

    /// Begins a round for each hook for which something is due.
    async fn look(&mut self, stop: &watch::Receiver<bool>) {
        let now = self.shared.clock.monotonic();
        let keeps = self.kept.is_none_or(|kept| now.duration_since(kept) >= KEEPING);
        if !keeps && self.shared.world.load().sites().all(|site| site.webhooks.is_empty()) {
            return;
        }
        let hooks = match self.shared.store.outbox().hooks().await {
            Ok(hooks) => hooks,
            Err(error) => {
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!(%error, "webhooks wait for the store");
                }
                return;
            }
        };
        if std::mem::take(&mut self.told) {
            tracing::info!("webhooks have their store back");
        }
        if keeps {
            self.kept = Some(now);
            self.keep(&hooks).await;
        }
        let wall = self.shared.clock.now();
        for (id, due) in hooks {
            let standing = self.standings.entry(id.clone()).or_default();
            if due > wall || standing.is_out || standing.rests(now) || self.shared.hook(&id).is_none() {
                continue;
            }
            standing.is_out = true;
            let round = round::run(self.shared.clone(), id, standing.clone(), stop.clone());
            self.rounds.spawn(round);
        }
    }

    /// Counts what waits, and drops what nobody will take.
    async fn keep(&mut self, hooks: &[(HookId, Timestamp)]) {
        // A hook for which nothing waits any more is no longer among them.
        self.shared.metrics.webhook_backlog.reset();
        let known: HashSet<&HookId> = hooks.iter().map(|(id, _)| id).collect();
        self.standings.retain(|id, standing| standing.is_out || known.contains(id));
        for (id, _) in hooks {
            if let Err(error) = self.keep_one(id).await {
                tracing::warn!(site = %id.site, hook = &*id.name, %error, "old messages could not be dropped");
            }
        }
    }

    async fn keep_one(&self, id: &HookId) -> Result<(), StoreError> {
        let outbox = self.shared.store.outbox();
        let hook = self.shared.hook(id);
        let (age, result) = match &hook {
            Some(hook) => (SignedDuration::try_from(hook.give_up).unwrap_or(UNKNOWN_SITE), "expired"),
            None if self.shared.world.load().site(&id.site).is_some() => (UNKNOWN_HOOK, "removed"),
            None => (UNKNOWN_SITE, "removed"),
        };
        let now = self.shared.clock.now();
        let before = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let mut dropped = 0;
        while let portion @ 1.. = outbox.remove(id, before, PORTION).await? {
            dropped += portion;
        }
        self.dropped(id, result, dropped);
        let mut waiting = outbox.count(id, now).await?;
        if let Some(hook) = hook.filter(|hook| waiting > hook.max_waiting) {
            let mut dropped = 0;
            while let portion @ 1.. = outbox.trim(id, now, hook.max_waiting, PORTION).await? {
                dropped += portion;
            }
            self.dropped(id, "overflowed", dropped);
            waiting = outbox.count(id, now).await?;
        }
        let gauge = self.shared.metrics.webhook_backlog.with_label_values(&[id.site.as_str(), &id.name]);
        gauge.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        Ok(())
    }

    fn dropped(&self, id: &HookId, result: &str, count: usize) {
        if count > 0 {
            self.shared.count(id, result, count);
            tracing::warn!(site = %id.site, hook = &*id.name, count, why = result, "messages were dropped");
        }
    }
}

#[cfg(test)]
mod tests;
