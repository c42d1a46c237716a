//! Rows into profiles and orders.
//!
//! What a batch changes is written together: whoever is killed in the middle and begins anew finds each batch done or not begun.

use super::table::{BadRow, Order, Row, Says};
use crate::event::{Event, What};
use crate::ids::{SiteId, VisitorId};
use crate::store::exports::StoredOrder;
use crate::store::profile::{News, OrderImported, Profile, shopping};
use crate::store::{LiveProfile, ProfileKey, Store, StoreError, Write};
use crate::visitor::customers::CustomerKey;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Takes rows into a store.
pub struct Intake {
    /// Where they go.
    pub store: Arc<dyn Store>,
    /// The site whose members they are of.
    pub site: SiteId,
    /// Names members.
    pub names: Arc<CustomerKey>,
    /// The site's currency. Amounts in another are not added up.
    pub currency: String,
    /// The site's clock.
    pub time_zone: TimeZone,
    /// Now.
    pub now: Timestamp,
    /// Nothing is written, and no profile changes: each batch is tried on copies.
    pub dry_run: bool,
}

/// Rows by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of somebody, or an order, of whom nothing was known.
    pub new: usize,
    /// Something changed by them.
    pub changed: usize,
    /// All of it was known.
    pub same: usize,
}

/// What became of rows.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    /// Those that were taken in.
    pub counts: Counts,
    /// Those for which there was no room.
    pub bad: Vec<BadRow>,
}

/// Rows in one write.
const BATCH: usize = 10_000;
/// Profiles loaded at a time.
const AT_ONCE: usize = 16;
/// How long to wait before a write is tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

impl Intake {
    /// Takes rows in, each member's in their order; all of them have these fields.
    ///
    /// # Errors
    /// When the store fails. Rows of batches before are written; all of them can be taken in again.
    pub async fn take(&self, fields: &[String], rows: Vec<Row>) -> Result<Taken, StoreError> {
        let mut rows: Vec<(VisitorId, Row)> =
            rows.into_iter().map(|row| (self.names.name(&self.site, &row.member), row)).collect();
        // Names are random: in their order, a batch touches few pages of a store's index.
        rows.sort_by_key(|(name, _)| *name);
        let mut taken = Taken::default();
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(rest.len().min(BATCH));
            self.take_batch(fields, batch, &mut taken).await?;
            rest = after;
        }
        taken.bad.sort_by_key(|bad| bad.line);
        Ok(taken)
    }

    async fn take_batch(
        &self,
        fields: &[String],
        rows: &[(VisitorId, Row)],
        taken: &mut Taken,
    ) -> Result<(), StoreError> {
        let mut names: Vec<VisitorId> = rows.iter().map(|(name, _)| *name).collect();
        names.dedup();
        let mut profiles = self.load(&names).await?;
        if self.dry_run {
            for live in profiles.values_mut() {
                let copy = lock(live).clone();
                *live = Arc::new(Mutex::new(copy));
            }
        }
        let mut orders = self.orders(rows).await?;
        let mut touched: HashSet<VisitorId> = HashSet::new();
        let mut writes = Vec::new();
        for (name, row) in rows {
            let Some(live) = profiles.get(name) else { continue };
            let events = writes.len();
            let news = match &row.says {
                Says::Member { fields: values, tags } => {
                    let fields = fields.iter().map(String::as_str).zip(values.iter().map(Option::as_deref));
                    lock(live).imported(fields, tags, self.now.as_second())
                }
                Says::Order(order) => Ok(self.order(*name, order, &mut lock(live), &mut orders, &mut writes)),
            };
            match news {
                Ok(news) => taken.counts += news,
                Err(full) => taken.bad.push(BadRow { line: row.line, column: None, reason: full.to_string() }),
            }
            if matches!(news, Ok(News::New | News::Changed)) || writes.len() > events {
                touched.insert(*name);
            }
        }
        if self.dry_run {
            return Ok(());
        }
        let mut changed: Vec<_> = profiles.into_iter().filter(|(name, _)| touched.contains(name)).collect();
        changed.sort_by_key(|(name, _)| *name);
        let key = |visitor| ProfileKey { site: self.site.clone(), visitor };
        writes.extend(changed.iter().map(|(name, live)| Write::Profile(key(*name), live.clone())));
        let mut unwritten = Unwritten(&changed);
        let written = self.write(writes).await;
        if written.is_ok() {
            unwritten.0 = &[];
        }
        written
    }

    async fn load(&self, names: &[VisitorId]) -> Result<HashMap<VisitorId, LiveProfile>, StoreError> {
        let mut loads = JoinSet::new();
        for part in names.chunks(names.len().div_ceil(AT_ONCE).max(1)) {
            let (store, site, part) = (self.store.clone(), self.site.clone(), part.to_vec());
            loads.spawn(async move {
                let mut loaded = Vec::with_capacity(part.len());
                for visitor in part {
                    loaded.push((visitor, store.load(&ProfileKey { site: site.clone(), visitor }).await?));
                }
                Ok::<_, StoreError>(loaded)
            });
        }
        let mut profiles = HashMap::with_capacity(names.len());
        while let Some(part) = loads.join_next().await {
            profiles.extend(part.unwrap_or(Err(StoreError::Closed))?);
        }
        Ok(profiles)
    }

    /// The orders of these rows that are kept already.
    async fn orders(&self, rows: &[(VisitorId, Row)]) -> Result<HashMap<String, StoredOrder>, StoreError> {
        let id = |(_, row): &(VisitorId, Row)| match &row.says {
            Says::Order(order) => Some(order.order.id.clone()),
            Says::Member { .. } => None,
        };
        let ids: Vec<String> = rows.iter().filter_map(id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let known = self.store.exports().orders(&self.site, &ids).await?;
        Ok(known.into_iter().map(|order| (order.id.clone(), order)).collect())
    }

    /// An order of a row: entered unless it is kept already, by whomever; and what of it was undone since.
    fn order(
        &self,
        visitor: VisitorId,
        told: &Order,
        profile: &mut Profile,
        known: &mut HashMap<String, StoredOrder>,
        writes: &mut Vec<Write>,
    ) -> News {
        let (order, now) = (&told.order, self.now.as_second());
        let mut news = News::Same;
        let is_own = order.currency.as_ref().is_none_or(|currency| *currency == self.currency);
        let mut enter = |at, what| writes.push(Write::Event(Event { site: self.site.clone(), visitor, at, what }));
        let stored = known.entry(order.id.clone()).or_insert_with(|| {
            news = News::New;
            profile.order_imported(
                &OrderImported {
                    id: &order.id,
                    at: told.at.as_second(),
                    day: shopping::day(&told.at.to_zoned(self.time_zone.clone())),
                    paid: order.value.filter(|_| is_own).unwrap_or(0.0),
                },
                now,
            );
            enter(told.at, What::Purchase(Arc::new(order.clone())));
            StoredOrder { id: order.id.clone(), visitor: Some(visitor), value: order.value, refunded: 0.0 }
        });
        let more = told.refunded.min(stored.value.unwrap_or(0.0)) - stored.refunded;
        if more >= 0.005 {
            stored.refunded += more;
            if stored.visitor == Some(visitor) {
                profile.refund_imported(&order.id, if is_own { more } else { 0.0 }, now);
            }
            enter(self.now, What::Refund { order: order.id.as_str().into(), value: Some(more) });
            news = if news == News::New { News::New } else { News::Changed };
        }
        news
    }

    /// Writes a batch; one whose outcome is not known is tried again, and kept once.
    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let id = self.store.next_batch();
        for pause in PAUSES {
            match self.store.write_once(id, batch.clone()).await {
                Err(error) if !matches!(error, StoreError::Closed) => {
                    tracing::warn!(%error, "an import is tried again");
                }
                done => return done,
            }
            tokio::time::sleep(pause).await;
        }
        self.store.write_once(id, batch).await
    }
}

/// Profiles that are changed in memory alone, until they are written: whoever gives up waiting for that leaves them so.
struct Unwritten<'a>(&'a [(VisitorId, LiveProfile)]);

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        for (_, live) in self.0 {
            lock(live).not_written();
        }
    }
}

impl AddAssign<News> for Counts {
    fn add_assign(&mut self, news: News) {
        *match news {
            News::New => &mut self.new,
            News::Changed => &mut self.changed,
            News::Same => &mut self.same,
        } += 1;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.same += other.same;
    }
}

fn lock(profile: &LiveProfile) -> MutexGuard<'_, Profile> {
    profile.lock().unwrap_or_else(PoisonError::into_inner)
}
