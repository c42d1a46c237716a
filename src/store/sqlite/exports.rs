//! Reads out what is kept in SQLite.

use super::{SqliteStore, sealing};
use crate::ids::{SiteId, VisitorId};
use crate::store::exports::{EventPlace, Exports, Span, StoredEvent, StoredOrder, arm, visitor};
use crate::store::profile::Profile;
use crate::store::seal::{OrderDetails, Sealing};
use crate::store::{ProfileKey, StoreError, codec};
use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};

#[async_trait]
impl Exports for SqliteStore {
    async fn events(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<EventPlace>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let (site, sealing, until) = (site.clone(), self.sealing.clone(), span.until.as_millisecond());
        let after = after.unwrap_or(EventPlace { at: span.since.as_millisecond(), number: i64::MIN });
        self.look(move |connection| {
            connection
                .prepare_cached(
                    "SELECT at, rowid, visitor, kind, scenario, variant, path, parameters, sealed
                     FROM events INDEXED BY events_by_age
                     WHERE site = ?1 AND (at, rowid) > (?2, ?3) AND at < ?4 ORDER BY at, rowid LIMIT ?5",
                )?
                .query_map(params![site.as_str(), after.at, after.number, until, most as i64], |row| {
                    event(row, &site, &sealing)
                })?
                .collect()
        })
        .await
    }

    async fn profiles(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<VisitorId>,
        most: usize,
    ) -> Result<Vec<(VisitorId, Profile)>, StoreError> {
        let (site, sealing) = (site.clone(), self.sealing.clone());
        let (since, until) = (span.since.as_second(), span.until.as_second());
        let after = after.map_or(Vec::new(), |visitor| visitor.0.to_vec());
        self.look(move |connection| {
            connection
                .prepare_cached(
                    "SELECT visitor, body FROM profiles INDEXED BY sqlite_autoindex_profiles_1
                     WHERE site = ?1 AND visitor > ?2 AND seen >= ?3 AND seen < ?4 ORDER BY visitor LIMIT ?5",
                )?
                .query_map(params![site.as_str(), after, since, until, most as i64], |row| {
                    let key = ProfileKey { site: site.clone(), visitor: whose(row, 0)? };
                    let profile = codec::decode(&sealing.profile_of(&key, row.get_ref(1)?.as_blob()?));
                    Ok((key.visitor, profile.map_err(|error| unreadable(1, error))?))
                })?
                .collect()
        })
        .await
    }

    async fn orders(&self, site: &SiteId, ids: &[String]) -> Result<Vec<StoredOrder>, StoreError> {
        let (site, ids, sealing) = (site.clone(), ids.to_vec(), self.sealing.clone());
        self.look(move |connection| {
            let mut order = connection.prepare_cached(
                "SELECT visitor, value, refunded, sealed FROM orders WHERE site = ?1 AND id IN (?2, ?3)",
            )?;
            let mut found = Vec::new();
            for id in ids {
                let name = sealing.order_name(&site, &id);
                let stored = order
                    .query_row(params![site.as_str(), id, name], |row| {
                        let details = match row.get_ref(3)?.as_blob_or_null()? {
                            Some(sealed) => sealing.order_of(&site, &name, sealed).map_err(sealing::shut)?,
                            None => OrderDetails { id: None, value: row.get(1)?, refunded: row.get(2)? },
                        };
                        Ok((visitor(row.get_ref(0)?.as_blob()?), details))
                    })
                    .optional()?;
                found.extend(stored.map(|(visitor, OrderDetails { value, refunded, .. })| StoredOrder {
                    id,
                    visitor,
                    value,
                    refunded,
                }));
            }
            Ok(found)
        })
        .await
    }
}

/// An event of the columns `at`, number, `visitor`, `kind`, `scenario`, `variant`, `path`, `parameters` and `sealed`.
pub(super) fn event(row: &Row<'_>, site: &SiteId, sealing: &Sealing) -> rusqlite::Result<StoredEvent> {
    let (at, visitor, name): (i64, _, String) = (row.get(0)?, whose(row, 2)?, row.get(3)?);
    let (path, parameters) =
        sealing.event_of((site, &visitor.0, at, &name), sealing::event_row(row, 6)?).map_err(sealing::shut)?;
    let place = EventPlace { at, number: row.get(1)? };
    Ok(StoredEvent { place, visitor, name, arm: arm(row.get(4)?, row.get(5)?), path, parameters })
}

fn whose(row: &Row<'_>, column: usize) -> rusqlite::Result<VisitorId> {
    visitor(row.get_ref(column)?.as_blob()?).ok_or_else(|| unreadable(column, "no visitor"))
}

fn unreadable(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}
