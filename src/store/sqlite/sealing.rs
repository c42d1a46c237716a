//! The embedded store's secret, and sealing what is there already.
//!
//! Done a portion a transaction, so that a gateway that serves writes in between; only the last step holds it up: it writes the whole
//! file anew, since a page of the file keeps what was deleted of it.

use super::{SqliteStore, failed, schema};
use crate::ids::{SiteId, VisitorId};
use crate::store::seal::{CannotOpen, EventRow, OrderDetails, Sealing, is_name};
use crate::store::{ProfileKey, Resealed, StoreError};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, TransactionBehavior, params};
use std::path::Path;
use std::time::Duration;

/// Rows that one transaction takes, and the pause after it.
const PORTION: i64 = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// How long the last step waits for those who read.
const WIPE: Duration = Duration::from_secs(30);

/// Sees that what is sealed can be opened; a store in which nothing is yet gets its secret.
pub(super) fn begin(
    connection: &mut Connection,
    sealing: &Sealing,
    path: &Path,
) -> std::result::Result<Sealing, StoreError> {
    let mut secret = || -> Result<Option<Vec<u8>>> {
        let look = "SELECT secret FROM sealing";
        let found = connection.query_row(look, (), |row| row.get(0)).optional()?;
        let Some(fresh) = sealing.fresh().filter(|_| found.is_none()) else { return Ok(found) };
        // Another process may be quicker: its secret is the secret.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("INSERT OR IGNORE INTO sealing (id, secret) VALUES (1, ?1)", [fresh])?;
        let found = transaction.query_row(look, (), |row| row.get(0))?;
        transaction.commit()?;
        Ok(Some(found))
    };
    let secret = secret().map_err(|error| schema::cannot_open(path, &error))?;
    sealing.with(secret.as_deref(), &path.display().to_string())
}

/// An event's details, which begin at a column.
pub(super) fn event_row(row: &Row<'_>, first: usize) -> Result<EventRow> {
    let parameters: Option<String> = row.get(first + 1)?;
    Ok(EventRow {
        path: row.get(first)?,
        parameters: parameters.and_then(|text| serde_json::from_str(&text).ok()),
        sealed: row.get(first + 2)?,
    })
}

/// A row that no key opens.
pub(super) fn shut(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error))
}

/// What one portion did, and where the next begins; `None`: there is no next.
struct Portion<P> {
    done: Resealed,
    next: Option<P>,
}

impl<P> Portion<P> {
    fn new() -> Self {
        Self { done: Resealed::default(), next: None }
    }

    /// What is to be written of a row, if anything.
    fn count<T>(&mut self, anew: std::result::Result<Option<T>, CannotOpen>) -> Option<T> {
        match anew {
            Ok(anew) => {
                self.done.changed += u64::from(anew.is_some());
                anew
            }
            Err(_) => {
                self.done.shut += 1;
                None
            }
        }
    }
}

impl SqliteStore {
    pub(super) async fn reseal_all(&self) -> std::result::Result<Resealed, StoreError> {
        let mut done = self.portions(i64::MIN, profiles).await?;
        done += self.portions(i64::MIN, events).await?;
        done += self.portions(i64::MIN, messages).await?;
        done += self.portions(<[String; 2]>::default(), orders).await?;
        done += self.portions(<(String, String, Vec<u8>)>::default(), holders).await?;
        done += self.portions(<[String; 3]>::default(), redemptions).await?;
        if done.shut == 0 {
            // Only now may an older key be forgotten.
            let sealing = self.sealing.clone();
            self.change(move |connection| secret(connection, &sealing)).await?;
        }
        let path = self.location.clone();
        let wiped = tokio::task::spawn_blocking(move || wipe(Path::new(&*path))).await;
        let wiped = wiped.map_err(|_| StoreError::Closed)?;
        done.traces = !wiped.map_err(|error| failed(&self.location, &error))?;
        Ok(done)
    }

    async fn portions<P: Send + 'static>(
        &self,
        first: P,
        portion: fn(&Connection, &Sealing, &P) -> Result<Portion<P>>,
    ) -> std::result::Result<Resealed, StoreError> {
        let (mut all, mut from) = (Resealed::default(), Some(first));
        while let Some(place) = from {
            let sealing = self.sealing.clone();
            let Portion { done, next } = self.change(move |connection| portion(connection, &sealing, &place)).await?;
            all += done;
            from = next;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(all)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "portions of all tables are taken alike")]
fn profiles(connection: &Connection, sealing: &Sealing, after: &i64) -> Result<Portion<i64>> {
    let mut portion = Portion::new();
    let mut look = connection
        .prepare_cached("SELECT rowid, site, visitor, body FROM profiles WHERE rowid > ?1 ORDER BY rowid LIMIT ?2")?;
    let mut put = connection.prepare_cached("UPDATE profiles SET body = ?2 WHERE rowid = ?1")?;
    let mut rows = look.query([*after, PORTION])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        portion.next = Some(id);
        let visitor = row.get_ref(2)?.as_blob()?.try_into().map(VisitorId);
        let Ok(visitor) = visitor else { continue };
        let key = ProfileKey { site: SiteId::new(row.get_ref(1)?.as_str()?), visitor };
        if let Some(body) = portion.count(sealing.profile_anew(&key, row.get_ref(3)?.as_blob()?)) {
            put.execute(params![id, body])?;
        }
    }
    Ok(portion)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "portions of all tables are taken alike")]
fn events(connection: &Connection, sealing: &Sealing, after: &i64) -> Result<Portion<i64>> {
    details("events", connection, sealing, *after)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "portions of all tables are taken alike")]
fn messages(connection: &Connection, sealing: &Sealing, after: &i64) -> Result<Portion<i64>> {
    details("outbox", connection, sealing, *after)
}

fn details(table: &str, connection: &Connection, sealing: &Sealing, after: i64) -> Result<Portion<i64>> {
    let mut portion = Portion::new();
    let mut look = connection.prepare_cached(&format!(
        "SELECT rowid, site, visitor, at, kind, path, parameters, sealed FROM {table}
         WHERE rowid > ?1 AND (path IS NOT NULL OR parameters IS NOT NULL OR sealed IS NOT NULL) ORDER BY rowid LIMIT ?2",
    ))?;
    let mut put = connection
        .prepare_cached(&format!("UPDATE {table} SET path = ?2, parameters = ?3, sealed = ?4 WHERE rowid = ?1"))?;
    let mut rows = look.query([after, PORTION])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        portion.next = Some(id);
        let site = SiteId::new(row.get_ref(1)?.as_str()?);
        let whose = (&site, row.get_ref(2)?.as_blob()?, row.get(3)?, row.get_ref(4)?.as_str()?);
        if let Some(anew) = portion.count(sealing.event_anew(whose, event_row(row, 5)?)) {
            put.execute(params![id, anew.path, anew.parameters.map(|value| value.to_string()), anew.sealed])?;
        }
    }
    Ok(portion)
}

fn orders(connection: &Connection, sealing: &Sealing, after: &[String; 2]) -> Result<Portion<[String; 2]>> {
    let mut portion = Portion::new();
    let mut look = connection.prepare_cached(
        "SELECT site, id, value, refunded, sealed FROM orders WHERE (site, id) > (?1, ?2) ORDER BY site, id LIMIT ?3",
    )?;
    let mut put = connection.prepare_cached(
        "UPDATE OR IGNORE orders SET id = ?3, value = ?4, refunded = ?5, sealed = ?6 WHERE site = ?1 AND id = ?2",
    )?;
    let mut rows = look.query(params![after[0], after[1], PORTION])?;
    while let Some(row) = rows.next()? {
        let (site_name, id): (String, String) = (row.get(0)?, row.get(1)?);
        let (site, sealed) = (SiteId::new(&site_name), row.get_ref(4)?.as_blob_or_null()?);
        portion.next = Some([site_name.clone(), id.clone()]);
        if sealing.order_is_so(&id, sealed) {
            continue;
        }
        let name = if is_name(&id) { id.clone() } else { sealing.order_name(&site, &id) };
        let details = match sealed {
            Some(sealed) => sealing.order_of(&site, &name, sealed).map(Some),
            None => Ok(Some(OrderDetails { id: Some(id.clone()), value: row.get(2)?, refunded: row.get(3)? })),
        };
        let Some(details) = portion.count(details) else { continue };
        let sealed = sealing.order(&site, &name, &details);
        let plain = if sealed.is_some() { OrderDetails::default() } else { details };
        if put.execute(params![site_name, id, name, plain.value, plain.refunded, sealed])? == 0 {
            // A process without the key has noted an order that was there by its name.
            connection.execute("DELETE FROM orders WHERE site = ?1 AND id = ?2", params![site_name, id])?;
        }
    }
    Ok(portion)
}

type OfHolder = (String, String, Vec<u8>);

fn holders(connection: &Connection, sealing: &Sealing, after: &OfHolder) -> Result<Portion<OfHolder>> {
    let mut portion = Portion::new();
    let mut look = connection.prepare_cached(
        "SELECT site, pool, holder FROM coupon_grants WHERE (site, pool, holder) > (?1, ?2, ?3)
         ORDER BY site, pool, holder LIMIT ?4",
    )?;
    let mut put = connection.prepare_cached(
        "UPDATE OR IGNORE coupon_grants SET holder = ?4 WHERE site = ?1 AND pool = ?2 AND holder = ?3",
    )?;
    let mut rows = look.query(params![after.0, after.1, after.2, PORTION])?;
    while let Some(row) = rows.next()? {
        let place: OfHolder = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Some(name) = portion.count(Ok(sealing.holder_anew(&SiteId::new(&place.0), &place.2))) {
            put.execute(params![place.0, place.1, place.2, name])?;
        }
        portion.next = Some(place);
    }
    Ok(portion)
}

fn redemptions(connection: &Connection, sealing: &Sealing, after: &[String; 3]) -> Result<Portion<[String; 3]>> {
    let mut portion = Portion::new();
    let mut look = connection.prepare_cached(
        "SELECT site, code, order_id FROM coupon_redemptions WHERE (site, code, order_id) > (?1, ?2, ?3)
         ORDER BY site, code, order_id LIMIT ?4",
    )?;
    let mut put = connection.prepare_cached(
        "UPDATE OR REPLACE coupon_redemptions SET order_id = ?4 WHERE site = ?1 AND code = ?2 AND order_id = ?3",
    )?;
    let mut rows = look.query(params![after[0], after[1], after[2], PORTION])?;
    while let Some(row) = rows.next()? {
        let place: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        let name = sealing.order_name(&SiteId::new(&place[0]), &place[2]);
        let anew = (!is_name(&place[2]) && name != place[2]).then_some(name);
        if let Some(name) = portion.count(Ok(anew)) {
            put.execute(params![place[0], place[1], place[2], name])?;
        }
        portion.next = Some(place);
    }
    Ok(portion)
}

fn secret(connection: &Connection, sealing: &Sealing) -> Result<()> {
    let stored = connection.query_row("SELECT secret FROM sealing", (), |row| row.get::<_, Vec<u8>>(0)).optional()?;
    match stored.and_then(|stored| sealing.secret_anew(&stored)) {
        Some(secret) => connection.execute("UPDATE sealing SET secret = ?1", [secret]).map(drop),
        None => Ok(()),
    }
}

/// Writes the file anew, so that nothing of what was there before is left in it. False if others read so long that the log beside
/// it could not be emptied.
fn wipe(path: &Path) -> Result<bool> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(WIPE)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| Ok(row.get::<_, i64>(0)? == 0))
}
