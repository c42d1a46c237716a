//! The shop's own sessions: a cart and a login behind a cookie, in memory, bounded.

use super::cart::{Cart, Totals};
use super::customers::Customer;
use super::locale::Text;
use crate::ids::Random;
use moka::sync::Cache;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The session cookie's name.
pub(super) const COOKIE: &str = "norendo_session";

/// Most sessions at a time; the least used make way.
const MOST: u64 = 4096;

/// A session ends after that long without a request.
const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// Most orders that a session remembers.
const MOST_ORDERS: usize = 5;

/// All sessions. Those who only look around have none: the first is made when something is to be kept.
#[derive(Debug)]
pub(super) struct Sessions(Cache<[u8; 16], Arc<Mutex<Session>>>);

/// One session, shared by the requests that bring its cookie.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    id: [u8; 16],
    session: Arc<Mutex<Session>>,
}

/// What is kept of somebody who shops.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// What they have chosen.
    pub(super) cart: Cart,
    /// Who they are, once logged in.
    pub(super) customer: Option<&'static Customer>,
    /// Their orders, the latest last.
    pub(super) orders: Vec<Order>,
    /// Said on the next page, once.
    pub(super) notice: Option<Notice>,
}

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Its number.
    pub(super) number: String,
    /// Day, in Japan.
    pub(super) date: String,
    /// What was bought.
    pub(super) cart: Cart,
    /// What it cost.
    pub(super) totals: Totals,
    /// Where the confirmation goes.
    pub(super) email: String,
}

/// Something to be said once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notice {
    /// The words.
    pub(super) text: Text,
    /// Whether it is bad news.
    pub(super) bad: bool,
}

impl Default for Sessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build())
    }
}

impl Sessions {
    /// The session of a cookie's value.
    pub(super) fn find(&self, cookie: &str) -> Option<Handle> {
        let id = parse(cookie)?;
        self.0.get(&id).map(|session| Handle { id, session })
    }

    /// Keeps a session under a new id.
    pub(super) fn keep(&self, session: Session, random: &dyn Random) -> Handle {
        let mut id = [0; 16];
        random.fill(&mut id);
        let session = Arc::new(Mutex::new(session));
        self.0.insert(id, session.clone());
        Handle { id, session }
    }

    /// Moves a session to a new id, so that an id known before the login is worth nothing after it.
    pub(super) fn renew(&self, handle: &Handle, random: &dyn Random) -> Handle {
        self.0.invalidate(&handle.id);
        let session = handle.lock().clone();
        self.keep(session, random)
    }
}

impl Handle {
    /// The session, for as long as the guard lives.
    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cookie's value.
    pub(super) fn cookie(&self) -> String {
        self.id.iter().fold(String::with_capacity(32), |text, byte| format!("{text}{byte:02x}"))
    }
}

impl Session {
    /// Turns the cart into an order, unless it is empty, and forgets the oldest order if there are too many.
    pub(super) fn order(&mut self, number: String, date: String, email: String) {
        if self.cart.is_empty() {
            // The same form, sent twice at once.
            return;
        }
        let totals = self.cart.totals(self.customer);
        let cart = std::mem::take(&mut self.cart);
        if self.orders.len() >= MOST_ORDERS {
            self.orders.remove(0);
        }
        self.orders.push(Order { number, date, cart, totals, email });
    }
}

fn parse(cookie: &str) -> Option<[u8; 16]> {
    if cookie.len() != 32 || !cookie.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(cookie, 16).ok().map(u128::to_be_bytes)
}
