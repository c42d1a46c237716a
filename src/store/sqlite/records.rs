//! What is kept of a visitor, in SQLite.

use super::coupons::disown;
use super::{SqliteStore, sealing};
use crate::ids::{SiteId, VisitorId};
use crate::store::coupons::Holder;
use crate::store::exports::visitor;
use crate::store::records::{Before, Erased, Kept, KeptEvent, Records};
use crate::store::seal::{Sealing, is_sealed};
use crate::store::{ProfileKey, StoreError, codec};
use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

#[async_trait]
impl Records for SqliteStore {
    async fn about(&self, key: &ProfileKey, most: usize) -> Result<Kept, StoreError> {
        let (key, sealing) = (key.clone(), self.sealing.clone());
        self.look(move |connection| {
            let body = connection
                .prepare_cached("SELECT body FROM profiles WHERE site = ?1 AND visitor = ?2")?
                .query_row(params![key.site.as_str(), key.visitor.0], |row| row.get::<_, Vec<u8>>(0))
                .optional()?;
            let mut events = connection
                .prepare_cached(
                    "SELECT at, kind, scenario, variant, path, parameters, sealed FROM events
                     WHERE site = ?1 AND visitor = ?2 ORDER BY at, rowid LIMIT ?3",
                )?
                .query_map(params![key.site.as_str(), key.visitor.0, most as i64 + 1], |row| kept(row, &key, &sealing))?
                .collect::<Result<Vec<_>, _>>()?;
            let more = events.len() > most;
            events.truncate(most);
            let coupons = connection
                .prepare_cached("SELECT given, pool, code FROM coupon_grants WHERE site = ?1 AND holder = ?2")?
                .query_map(params![key.site.as_str(), Holder::Visitor(key.visitor).key()], |row| {
                    Ok(KeptEvent::coupon(row.get(0)?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?))
                })?
                .collect::<Result<Vec<_>, _>>()?;
            events.extend(coupons);
            Ok(Kept {
                profile: body.map(|body| shown(&sealing.profile_of(&key, &body))).transpose()?.flatten(),
                events,
                more,
            })
        })
        .await
    }

    async fn erase(&self, key: &ProfileKey) -> Result<Erased, StoreError> {
        self.live.erase(key);
        let key = key.clone();
        self.change(move |connection| {
            let change = |sql| connection.prepare_cached(sql)?.execute(params![key.site.as_str(), key.visitor.0]);
            change("DELETE FROM outbox WHERE site = ?1 AND visitor = ?2")?;
            Ok(Erased {
                profiles: change("DELETE FROM profiles WHERE site = ?1 AND visitor = ?2")?,
                events: change("DELETE FROM events WHERE site = ?1 AND visitor = ?2")?,
                coupons: disown(connection, &key.site, &Holder::Visitor(key.visitor))?,
                orders: change("UPDATE orders SET visitor = x'' WHERE site = ?1 AND visitor = ?2")?,
            })
        })
        .await
    }

    async fn browsers_of(&self, customer: &ProfileKey) -> Result<Vec<VisitorId>, StoreError> {
        let (key, sealing) = (customer.clone(), self.sealing.clone());
        // What a visitor wrote stands in the JSON with its quotes escaped, and is never taken for this.
        let pointer = format!("\"joined\":\"{:032x}\"", u128::from_be_bytes(key.visitor.0)).into_bytes();
        self.look(move |connection| {
            // What is sealed is opened one by one.
            let mut pointing = connection.prepare(
                "SELECT visitor, body FROM profiles
                 WHERE site = ?1 AND (instr(body, ?2) > 0 OR substr(body, 1, 1) = x'FE')",
            )?;
            let found = pointing.query_map(params![key.site.as_str(), pointer], |row| {
                let Some(visitor) = visitor(row.get_ref(0)?.as_blob()?) else { return Ok(None) };
                let own = ProfileKey { site: key.site.clone(), visitor };
                let body = sealing.profile_of(&own, row.get_ref(1)?.as_blob()?);
                if is_sealed(&body) {
                    // It may be theirs: nobody is told that they were erased.
                    return Err(sealing::shut(codec::InvalidProfile::Sealed));
                }
                Ok(memchr::memmem::find(&body, &pointer).map(|_| visitor))
            })?;
            found.filter_map(Result::transpose).collect()
        })
        .await
    }

    async fn sweep(&self, site: &SiteId, before: &Before, most: usize) -> Result<usize, StoreError> {
        let (site, before, most) = (site.clone(), *before, most as i64);
        self.change(move |connection| {
            let profiles = connection
                .prepare_cached(
                    "DELETE FROM profiles WHERE rowid IN
                     (SELECT rowid FROM profiles WHERE site = ?1 AND seen < ?2 LIMIT ?3)",
                )?
                .execute(params![site.as_str(), before.profiles.as_second(), most])?;
            let events = connection
                .prepare_cached(
                    "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE site = ?1 AND at < ?2 LIMIT ?3)",
                )?
                .execute(params![site.as_str(), before.events.as_millisecond(), most])?;
            let messages = connection
                .prepare_cached(
                    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE site = ?1 AND at < ?2 LIMIT ?3)",
                )?
                .execute(params![site.as_str(), before.events.as_millisecond(), most])?;
            Ok(profiles.max(events).max(messages))
        })
        .await
    }

    async fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        self.look(|connection| {
            let mut sites =
                connection.prepare("SELECT DISTINCT site FROM profiles UNION SELECT DISTINCT site FROM events")?;
            sites.query_map((), |row| Ok(SiteId::new(row.get_ref(0)?.as_str()?)))?.collect()
        })
        .await
    }
}

/// A profile as it is shown. One that is sealed and cannot be opened is no reason to say that there is none.
fn shown(body: &[u8]) -> rusqlite::Result<Option<serde_json::Value>> {
    match codec::decode(body) {
        Err(error @ codec::InvalidProfile::Sealed) => Err(sealing::shut(error)),
        decoded => Ok(decoded.ok().and_then(|profile| serde_json::to_value(profile).ok())),
    }
}

fn kept(row: &rusqlite::Row<'_>, key: &ProfileKey, sealing: &Sealing) -> rusqlite::Result<KeptEvent> {
    let (at, name): (i64, String) = (row.get(0)?, row.get(1)?);
    let (scenario, variant): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
    let (path, parameters) =
        sealing.event_of((&key.site, &key.visitor.0, at, &name), sealing::event_row(row, 4)?).map_err(sealing::shut)?;
    Ok(KeptEvent {
        at: Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
        name,
        arm: scenario.zip(variant).map(|(scenario, variant)| format!("{scenario}/{variant}")),
        path,
        parameters,
    })
}
