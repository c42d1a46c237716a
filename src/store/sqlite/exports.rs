//! Reads out what is kept in SQLite.

use super::SqliteStore;
use crate::ids::{SiteId, VisitorId};
use crate::store::exports::{EventPlace, Exports, Span, StoredEvent, StoredOrder, arm, visitor};
use crate::store::profile::Profile;
use crate::store::{StoreError, codec};
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
        let (site, until) = (site.clone(), span.until.as_millisecond());
        let after = after.unwrap_or(EventPlace { at: span.since.as_millisecond(), number: i64::MIN });
        self.look(move |connection| {
            connection
                .prepare_cached(
                    "SELECT at, rowid, visitor, kind, scenario, variant, path, parameters
                     FROM events INDEXED BY events_by_age
                     WHERE site = ?1 AND (at, rowid) > (?2, ?3) AND at < ?4 ORDER BY at, rowid LIMIT ?5",
                )?
                .query_map(params![site.as_str(), after.at, after.number, until, most as i64], event)?
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
        let (site, since, until) = (site.clone(), span.since.as_second(), span.until.as_second());
        let after = after.map_or(Vec::new(), |visitor| visitor.0.to_vec());
        self.look(move |connection| {
            connection
                .prepare_cached(
                    "SELECT visitor, body FROM profiles INDEXED BY sqlite_autoindex_profiles_1
                     WHERE site = ?1 AND visitor > ?2 AND seen >= ?3 AND seen < ?4 ORDER BY visitor LIMIT ?5",
                )?
                .query_map(params![site.as_str(), after, since, until, most as i64], |row| {
                    let profile = codec::decode(row.get_ref(1)?.as_blob()?);
                    Ok((whose(row, 0)?, profile.map_err(|error| unreadable(1, error))?))
                })?
                .collect()
        })
        .await
    }

    async fn orders(&self, site: &SiteId, ids: &[String]) -> Result<Vec<StoredOrder>, StoreError> {
        let (site, ids) = (site.clone(), ids.to_vec());
        self.look(move |connection| {
            let mut order =
                connection.prepare_cached("SELECT visitor, value, refunded FROM orders WHERE site = ?1 AND id = ?2")?;
            let mut found = Vec::new();
            for id in ids {
                let stored = order
                    .query_row(params![site.as_str(), id], |row| {
                        Ok((visitor(row.get_ref(0)?.as_blob()?), row.get(1)?, row.get(2)?))
                    })
                    .optional()?;
                found.extend(stored.map(|(visitor, value, refunded)| StoredOrder { id, visitor, value, refunded }));
            }
            Ok(found)
        })
        .await
    }
}

/// An event of the columns `at`, number, `visitor`, `kind`, `scenario`, `variant`, `path` and `parameters`.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let parameters: Option<String> = row.get(7)?;
    Ok(StoredEvent {
        place: EventPlace { at: row.get(0)?, number: row.get(1)? },
        visitor: whose(row, 2)?,
        name: row.get(3)?,
        arm: arm(row.get(4)?, row.get(5)?),
        path: row.get(6)?,
        parameters: parameters.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

fn whose(row: &Row<'_>, column: usize) -> rusqlite::Result<VisitorId> {
    visitor(row.get_ref(column)?.as_blob()?).ok_or_else(|| unreadable(column, "no visitor"))
}

fn unreadable(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}
