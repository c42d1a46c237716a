//! Reads events and orders out of PostgreSQL. Profiles are elsewhere.

use super::{BATCH, PostgresLedger, text};
use crate::ids::{SiteId, VisitorId};
use crate::store::StoreError;
use crate::store::exports::{EventPlace, Exports, Span, StoredEvent, StoredOrder, arm, visitor};
use crate::store::profile::Profile;
use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

#[async_trait]
impl Exports for PostgresLedger {
    async fn events(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<EventPlace>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let client = self.client().await?;
        let after = after.unwrap_or(EventPlace { at: span.since.as_millisecond(), number: i64::MIN });
        let look = "
            SELECT at, id, visitor, kind, scenario, variant, path, parameters FROM events
            WHERE site = $1 AND at >= $2 AND (at, id) > ($2, $3) AND at < $4 ORDER BY at, id LIMIT $5";
        let (site, until, most) = (text(site.as_str()), span.until.as_millisecond(), most as i64);
        let after: [&(dyn ToSql + Sync); 5] = [&site, &after.at, &after.number, &until, &most];
        let done = tokio::time::timeout(BATCH, client.query(look, &after)).await;
        Ok(self.settle(client, done)?.iter().map(event).collect())
    }

    async fn profiles(
        &self,
        _: &SiteId,
        _: &Span,
        _: Option<VisitorId>,
        _: usize,
    ) -> Result<Vec<(VisitorId, Profile)>, StoreError> {
        let reason = "profiles are kept elsewhere".to_owned();
        Err(StoreError::Backend { location: self.location.to_string(), reason })
    }

    async fn orders(&self, site: &SiteId, ids: &[String]) -> Result<Vec<StoredOrder>, StoreError> {
        let client = self.client().await?;
        let ids: Vec<String> = ids.iter().map(|id| text(id)).collect();
        let look = "SELECT id, visitor, value, refunded FROM orders WHERE site = $1 AND id = ANY($2)";
        let done = tokio::time::timeout(BATCH, client.query(look, &[&text(site.as_str()), &ids])).await;
        let orders = self.settle(client, done)?;
        Ok(orders
            .iter()
            .map(|row| StoredOrder {
                id: row.get(0),
                visitor: visitor(row.get(1)),
                value: row.get(2),
                refunded: row.get(3),
            })
            .collect())
    }
}

/// An event of the columns `at`, number, `visitor`, `kind`, `scenario`, `variant`, `path` and `parameters`.
pub(super) fn event(row: &Row) -> StoredEvent {
    StoredEvent {
        place: EventPlace { at: row.get(0), number: row.get(1) },
        visitor: visitor(row.get(2)).unwrap_or(VisitorId([0; 16])),
        name: row.get(3),
        arm: arm(row.get(4), row.get(5)),
        path: row.get(6),
        parameters: row.get(7),
    }
}
