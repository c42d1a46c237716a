//! Keeps rules and certificates as their files are, while requests are served.
//!
//! Decides when files are read again; what they mean is decided in `rules` and `certs`. Each site is taken whole or not at all:
//! one that is refused keeps serving its last good rules. Everything here happens on a thread of its own.

mod keeper;
mod pending;
mod signature;
mod status;
mod watcher;

pub use status::{SiteStatus, Status, StatusHandle, Watching};

use crate::certs::CertStore;
use crate::clock::Clock;
use crate::config::gateway::Gateway;
use crate::site::Site;
use crate::world::World;
use arc_swap::ArcSwap;
use keeper::Keeper;
use pending::Pending;
use status::Board;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use watcher::{Change, Watcher};

/// What is watched, and where it goes.
pub struct Setup {
    /// The rules folder; none for a gateway whose sites are all given.
    pub rules: Option<PathBuf>,
    /// Sites that come from no file. They win over files that name the same hosts.
    pub given: Vec<Arc<Site>>,
    /// The prefix of sites that name none.
    pub prefix: String,
    /// The sites, exchanged whenever rules change.
    pub world: Arc<ArcSwap<World>>,
    /// The certificates, exchanged in place.
    pub certs: Option<Arc<CertStore>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How often everything is looked through, in case the system tells nothing or not all.
    pub poll: Duration,
}

/// How often [`Setup::poll`] is by default.
pub const POLL: Duration = Duration::from_secs(2);

/// Reads rules and certificates, and reads them again whenever they change, until it is dropped.
pub struct Reloader {
    gateway: Arc<ArcSwap<Gateway>>,
    board: Arc<Board>,
    orders: Sender<Wake>,
    tickets: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

/// What wakes the thread.
enum Wake {
    Changed(Change),
    Now(u64),
    Stop,
}

impl Reloader {
    /// Reads everything once, then starts to watch. Problems of files are no error here: see [`Reloader::status`].
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let gateway = Arc::new(ArcSwap::default());
        let board = Arc::new(Board::default());
        let (orders, wakes) = channel();
        let (poll, clock) = (setup.poll, setup.clock.clone());
        let folders =
            [setup.rules.clone(), setup.certs.as_ref().and_then(|certs| certs.folder().map(ToOwned::to_owned))];
        let mut keeper = Keeper::new(setup, gateway.clone(), board.clone());
        // Watched before they are read, so that no change falls between.
        let told = orders.clone();
        let watcher = Watcher::new(folders, move |change| drop(told.send(Wake::Changed(change))));
        keeper.serve();
        keeper.read_all(false);
        let turn = Turn { keeper, watcher, pending: Pending::default(), clock, poll, next_poll: None };
        let thread = std::thread::Builder::new().name("reload".to_owned()).spawn(move || turn.run(&wakes))?;
        Ok(Self { gateway, board, orders, tickets: AtomicU64::new(0), thread: Some(thread) })
    }

    /// The settings of `gateway.toml` as they are now. Those that need a restart are here too, without effect.
    #[must_use]
    pub fn gateway(&self) -> Arc<ArcSwap<Gateway>> {
        self.gateway.clone()
    }

    /// How each site and the certificates stand, now and later.
    #[must_use]
    pub fn status(&self) -> StatusHandle {
        StatusHandle(self.board.clone())
    }

    /// Has everything read again (SIGHUP), changed or not. Gives a ticket: once [`Status::served`] has reached it, it is done.
    pub fn reload_now(&self) -> u64 {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.orders.send(Wake::Now(ticket));
        ticket
    }

    /// Stops watching, and waits until the thread has ended.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        let _ = self.orders.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own things.
struct Turn {
    keeper: Keeper,
    watcher: Watcher,
    pending: Pending,
    clock: Arc<dyn Clock>,
    poll: Duration,
    next_poll: Option<Instant>,
}

impl Turn {
    fn run(mut self, wakes: &Receiver<Wake>) {
        self.keeper.tell_watching(self.watcher.state());
        loop {
            let now = self.clock.monotonic();
            let poll_at = *self.next_poll.get_or_insert(now + self.poll);
            let wake_at = self.pending.due_at().map_or(poll_at, |due| due.min(poll_at));
            match wakes.recv_timeout(wake_at.saturating_duration_since(now)) {
                Ok(Wake::Changed(change)) => self.pending.note(change, self.clock.monotonic()),
                Ok(Wake::Now(ticket)) => {
                    self.keeper.read_all(true);
                    self.keeper.tell_served(ticket);
                }
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.clock.monotonic();
            if self.pending.due_at().is_some_and(|due| due <= now) {
                let changes = std::mem::take(&mut self.pending);
                self.keeper.read_changed(&changes);
                self.renew_watch();
            } else if poll_at <= now {
                let parts = self.keeper.look();
                self.renew_watch();
                // Looking through ten thousand sites takes its time: never more than a twentieth of ours.
                let done = self.clock.monotonic();
                let taken = done.saturating_duration_since(now);
                self.next_poll = Some(done + (self.poll / parts).max(taken * 20));
            }
        }
    }

    fn renew_watch(&mut self) {
        if self.watcher.renew() {
            // What happened while nobody looked.
            self.keeper.read_all(false);
            self.keeper.tell_watching(self.watcher.state());
        }
    }
}

#[cfg(test)]
mod tests;
