//! Takes what happened off the visitor's time: a bounded queue, written in batches.
//!
//! Decides when to write, what to drop when the store does not keep up, and what to try again. A profile waits once, however often
//! it changed, and is written as it is then. Knows nothing of what the events mean or how the store keeps them.

mod online;

pub use online::Online;

use crate::event::{Event, What};
use crate::store::ledger::BatchId;
use crate::store::presence::Seen;
use crate::store::{LiveProfile, ProfileKey, Store, StoreError, Write};
use ahash::AHashMap;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};

/// How the recorder works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderSettings {
    /// The longest that anything waits while the store is well: what `kill -9` costs at most.
    pub interval: Duration,
    /// So many waiting writes are written at once.
    pub batch: usize,
    /// The most events, and the most profiles, that wait.
    pub capacity: usize,
    /// How long a failing store is given at shutdown.
    pub patience: Duration,
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self { interval: Duration::from_millis(200), batch: 2_000, capacity: 50_000, patience: Duration::from_secs(5) }
    }
}

/// The queue's front end; clones share it.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    ended: watch::Receiver<Option<Result<(), StoreError>>>,
}

/// Its back end: someone must [`run`](Worker::run) it.
pub struct Worker {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    online: Option<Arc<Online>>,
    ended: watch::Sender<Option<Result<(), StoreError>>>,
}

/// The recorder's own numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecorderStats {
    /// Writes that wait.
    pub queued: usize,
    /// Writes committed.
    pub written: u64,
    /// Batches that the store refused, each try counted.
    pub refused: u64,
    /// Writes given up at shutdown.
    pub failed: u64,
    /// Writes dropped for want of room, by kind: an event's name, or `profile`.
    pub dropped: BTreeMap<&'static str, u64>,
}

impl Recorder {
    /// Makes a recorder and its worker.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settings: RecorderSettings) -> (Self, Worker) {
        let shared = Arc::new(Shared {
            settings,
            queue: Mutex::default(),
            filled: Notify::new(),
            urgent: Notify::new(),
            closing: watch::Sender::new(false),
        });
        let (ended, end) = watch::channel(None);
        (Self { shared: shared.clone(), ended: end }, Worker { shared, store, online: None, ended })
    }

    /// Has something written soon. Never waits; when there is no room, it is dropped and counted.
    pub fn record(&self, write: Write) {
        self.shared.enter(|queue, capacity| queue.push(write, capacity));
    }

    /// Writes at once, together, and returns when that is committed.
    ///
    /// # Errors
    /// When it is not committed. Events are then forgotten, as the caller knows of it; the profiles' states are still tried again.
    pub async fn record_committed(&self, writes: impl IntoIterator<Item = Write>) -> Result<(), StoreError> {
        let writes: Vec<_> = writes.into_iter().collect();
        let (done, committed) = oneshot::channel();
        self.shared.enter(|queue, capacity| {
            if queue.closed || queue.len() >= capacity {
                for write in &writes {
                    queue.count_dropped(write);
                }
            } else {
                queue.committed.push(Committed { writes, done });
            }
        });
        self.shared.urgent.notify_one();
        committed.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Returns when all that was recorded before is committed.
    ///
    /// # Errors
    /// When the store refuses it. It is tried again all the same.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.record_committed([]).await
    }

    /// Takes nothing more, writes all that waits, and ends the worker.
    ///
    /// # Errors
    /// When the store still refused it after the settings' patience.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        self.shared.queue().closed = true;
        self.shared.closing.send_replace(true);
        self.shared.filled.notify_one();
        self.shared.urgent.notify_one();
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or(Err(StoreError::Closed))
    }

    /// The numbers so far.
    #[must_use]
    pub fn stats(&self) -> RecorderStats {
        let queue = self.shared.queue();
        RecorderStats { queued: queue.len() + queue.under_way, ..queue.stats.clone() }
    }
}

struct Shared {
    settings: RecorderSettings,
    queue: Mutex<Queue>,
    /// Something came into the empty queue.
    filled: Notify,
    /// The interval need not be waited out.
    urgent: Notify,
    closing: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    pending: Pending,
    committed: Vec<Committed>,
    closed: bool,
    /// The log was told that there is no room.
    told_full: bool,
    /// The log was told that profiles cannot be written, while events are.
    told_profiles: bool,
    under_way: usize,
    stats: RecorderStats,
}

/// Writes that nobody waits for. A profile is among them once.
#[derive(Default)]
struct Pending {
    events: Vec<Event>,
    profiles: AHashMap<ProfileKey, LiveProfile>,
}

/// Writes whose sender waits for them.
struct Committed {
    writes: Vec<Write>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, push: impl FnOnce(&mut Queue, usize)) {
        let mut queue = self.queue();
        let before = queue.len();
        push(&mut queue, self.settings.capacity);
        let after = queue.len();
        drop(queue);
        if before == 0 {
            self.filled.notify_one();
        }
        if before < self.settings.batch && after >= self.settings.batch {
            self.urgent.notify_one();
        }
    }
}

impl Pending {
    fn len(&self) -> usize {
        self.events.len() + self.profiles.len()
    }

    /// Takes a write in, or gives it back when there is no room.
    fn push(&mut self, write: Write, capacity: usize) -> Option<Write> {
        match write {
            // There is room for orders when there is none for what is only counted.
            Write::Event(event) if self.events.len() < capacity || is_order(&event) => self.events.push(event),
            Write::Profile(key, profile) if self.profiles.len() < capacity || self.profiles.contains_key(&key) => {
                self.profiles.insert(key, profile);
            }
            write => return Some(write),
        }
        None
    }
}

/// Orders are few, and are never dropped.
fn is_order(event: &Event) -> bool {
    matches!(event.what, What::Purchase(_) | What::Refund { .. })
}

impl Queue {
    fn len(&self) -> usize {
        self.pending.len() + self.committed.len()
    }

    fn push(&mut self, write: Write, capacity: usize) {
        let left = if self.closed { Some(write) } else { self.pending.push(write, capacity) };
        if let Some(write) = left {
            self.count_dropped(&write);
        }
    }

    fn count_dropped(&mut self, write: &Write) {
        let kind = match write {
            Write::Event(event) => event.what.name(),
            Write::Profile(..) => "profile",
        };
        *self.stats.dropped.entry(kind).or_default() += 1;
        // Once for as long as it lasts.
        if !self.closed && !std::mem::replace(&mut self.told_full, true) {
            let site = match write {
                Write::Event(event) => &event.site,
                Write::Profile(key, _) => &key.site,
            };
            tracing::error!(%site, kind, "no room: what happens is not recorded until the store keeps up");
        }
    }
}

impl Worker {
    /// Has visitors who view pages noted as being on the site.
    #[must_use]
    pub fn noting(mut self, online: Arc<Online>) -> Self {
        self.online = Some(online);
        self
    }

    /// Writes batches until [`Recorder::shutdown`].
    ///
    /// # Errors
    /// When something had to be given up at the end.
    pub async fn run(self) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        loop {
            self.shared.filled.notified().await;
            tokio::select! {
                () = self.shared.urgent.notified() => {}
                () = tokio::time::sleep(self.shared.settings.interval) => {}
            }
            let (batch, closed) = self.take();
            let seen = batch.seen();
            // A store that fails is tried again for as long as we live, and for a little longer.
            tokio::select! {
                biased;
                ((), ()) = async { tokio::join!(self.persist(batch, closed), self.note(seen)) } => {}
                () = self.out_of_patience() => {
                    let mut queue = self.shared.queue();
                    tracing::error!(writes = queue.under_way, "gave up writing: the store failed until the end");
                    queue.stats.failed += queue.under_way as u64;
                    outcome = Err(StoreError::Closed);
                }
            }
            self.shared.queue().under_way = 0;
            if closed {
                self.ended.send_replace(Some(outcome.clone()));
                return outcome;
            }
        }
    }

    /// Empties the queue, and tells whether it will be filled again.
    fn take(&self) -> (Batch, bool) {
        let mut queue = self.shared.queue();
        let batch = Batch { pending: mem::take(&mut queue.pending), committed: mem::take(&mut queue.committed) };
        queue.under_way = batch.pending.len() + batch.committed.len();
        (batch, queue.closed)
    }

    /// Where this panics, nobody is noted; what is written beside it must not end with it.
    async fn note(&self, seen: Vec<Seen>) {
        if let Some(online) = self.online.as_ref().filter(|_| !seen.is_empty()) {
            let mut noting = Box::pin(online.saw(seen));
            poll_fn(|cx| {
                catch_unwind(AssertUnwindSafe(|| noting.as_mut().poll(cx))).unwrap_or_else(|_| {
                    tracing::error!("noting who is on the sites panicked");
                    Poll::Ready(())
                })
            })
            .await;
        }
    }

    /// Writes a batch, however often it takes. Where only the profiles fail, they go back into the queue, unless it is the last one:
    /// events have a store of their own then, and must not wait.
    async fn persist(&self, mut batch: Batch, last: bool) {
        let mut pause = FIRST_PAUSE;
        // A store that fails may have kept the batch all the same: by its name, it is kept once.
        let id = self.store.next_batch();
        loop {
            let writes = batch.writes();
            let count = writes.len() as u64;
            let outcome = if writes.is_empty() { Ok(()) } else { self.write(id, writes).await };
            let Err(error) = outcome else {
                let mut queue = self.shared.queue();
                queue.stats.written += count;
                queue.told_full = false;
                let back = mem::take(&mut queue.told_profiles);
                drop(queue);
                if pause > FIRST_PAUSE || back {
                    tracing::info!(writes = count, "the store is back");
                }
                for one in batch.committed {
                    let _ = one.done.send(Ok(()));
                }
                return;
            };
            if let StoreError::Profiles { reason } = &error {
                self.keep_profiles(&mut batch, reason, last);
                if batch.pending.len() == 0 {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            // Who waits is told now: they know what to do, and must not hang on a store that is down.
            let mut refused = mem::take(&mut batch.committed);
            {
                let mut queue = self.shared.queue();
                refused.append(&mut queue.committed);
                for write in refused.iter().flat_map(|one| &one.writes) {
                    if matches!(write, Write::Profile(..)) {
                        let _ = batch.pending.push(write.clone(), self.shared.settings.capacity);
                    }
                }
                queue.under_way = batch.pending.len();
                queue.stats.refused += 1;
            }
            for one in refused {
                let _ = one.done.send(Err(error.clone()));
            }
            if pause == FIRST_PAUSE {
                tracing::error!(%error, writes = count, "cannot write; trying again");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The events of a batch are committed, its profiles are not: whoever waits for an event need wait no longer.
    fn keep_profiles(&self, batch: &mut Batch, reason: &StoreError, last: bool) {
        let (capacity, events) = (self.shared.settings.capacity, batch.events());
        batch.pending.events.clear();
        for one in mem::take(&mut batch.committed) {
            for write in one.writes {
                if matches!(write, Write::Profile(..)) {
                    let _ = batch.pending.push(write, capacity);
                }
            }
            let _ = one.done.send(Ok(()));
        }
        let mut queue = self.shared.queue();
        queue.stats.written += events as u64;
        queue.stats.refused += 1;
        queue.under_way = batch.pending.len();
        if !mem::replace(&mut queue.told_profiles, true) {
            tracing::error!(error = %reason, "cannot write profiles; trying again");
        }
        if !last {
            for (key, profile) in batch.pending.profiles.drain() {
                let write = Write::Profile(key, profile);
                if let Some(write) = queue.pending.push(write, capacity) {
                    queue.count_dropped(&write);
                }
            }
            self.shared.filled.notify_one();
        }
    }

    /// A store that panics has failed like any other: all that comes later is still to be written.
    async fn write(&self, id: BatchId, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut writing = self.store.write_once(id, writes);
        poll_fn(|cx| {
            catch_unwind(AssertUnwindSafe(|| writing.as_mut().poll(cx))).unwrap_or_else(|_| {
                Poll::Ready(Err(StoreError::Backend { location: "its own code".into(), reason: "it panicked".into() }))
            })
        })
        .await
    }

    async fn out_of_patience(&self) {
        // The sender lives in `shared`: waiting cannot fail.
        let _ = self.shared.closing.subscribe().wait_for(|closing| *closing).await;
        tokio::time::sleep(self.shared.settings.patience).await;
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Drop for Worker {
    /// Without a worker nobody must wait for one.
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.committed.clear();
    }
}

struct Batch {
    pending: Pending,
    committed: Vec<Committed>,
}

impl Batch {
    fn events(&self) -> usize {
        let committed = self.committed.iter().flat_map(|one| &one.writes);
        self.pending.events.len() + committed.filter(|write| matches!(write, Write::Event(_))).count()
    }

    /// Who viewed which page.
    fn seen(&self) -> Vec<Seen> {
        let seen = self.pending.events.iter().filter_map(|event| match &event.what {
            What::PageView { path } => {
                Some(Seen { site: event.site.clone(), visitor: event.visitor, path: path.clone(), at: event.at })
            }
            _ => None,
        });
        seen.collect()
    }

    fn writes(&self) -> Vec<Write> {
        let events = self.pending.events.iter().cloned().map(Write::Event);
        let profiles = self.pending.profiles.iter().map(|(key, profile)| Write::Profile(key.clone(), profile.clone()));
        let committed = self.committed.iter().flat_map(|one| &one.writes).cloned();
        events.chain(profiles).chain(committed).collect()
    }
}

#[cfg(test)]
mod tests;
