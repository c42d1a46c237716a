//! Reads events and orders out of PostgreSQL. Profiles are elsewhere.

use super::{BATCH, PostgresLedger, text};
use crate::ids::{SiteId, VisitorId};
use crate::store::StoreError;
use crate::store::exports::{EventPlace, Exports, Span, StoredEvent, StoredOrder, arm, visitor};
use crate::store::profile::Profile;
use crate::store::seal::{CannotOpen, EventRow, OrderDetails, Sealing};
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
            SELECT at, id, visitor, kind, scenario, variant, path, parameters, sealed FROM events
            WHERE site = $1 AND at >= $2 AND (at, id) > ($2, $3) AND at < $4 ORDER BY at, id LIMIT $5";
        let (of_site, sealing) = (site, self.sealing()?);
        let (site, until, most) = (text(site.as_str()), span.until.as_millisecond(), most as i64);
        let after: [&(dyn ToSql + Sync); 5] = [&site, &after.at, &after.number, &until, &most];
        let done = tokio::time::timeout(BATCH, client.query(look, &after)).await;
        let rows = self.settle(client, done)?;
        let events = rows.iter().map(|row| event(row, of_site, sealing).map_err(|error| self.shut(error)));
        events.collect()
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
        let sealing = self.sealing()?;
        let ids: Vec<String> = ids.iter().map(|id| text(id)).collect();
        let names: Vec<String> = ids.iter().map(|id| sealing.order_name(site, id)).collect();
        let look = "
            SELECT asked.id, asked.name, visitor, value, refunded, sealed
            FROM unnest($2::text[], $3::text[]) AS asked (id, name)
            JOIN orders ON orders.site = $1 AND orders.id IN (asked.id, asked.name)";
        let done = tokio::time::timeout(BATCH, client.query(look, &[&text(site.as_str()), &ids, &names])).await;
        let orders = self.settle(client, done)?;
        let order = |row: &Row| {
            let details = match row.get::<_, Option<&[u8]>>(5) {
                Some(sealed) => sealing.order_of(site, row.get(1), sealed).map_err(|error| self.shut(error))?,
                None => OrderDetails { id: None, value: row.get(3), refunded: row.get(4) },
            };
            let OrderDetails { value, refunded, .. } = details;
            Ok(StoredOrder { id: row.get(0), visitor: visitor(row.get(2)), value, refunded })
        };
        orders.iter().map(order).collect()
    }
}

/// An event of the columns `at`, number, `visitor`, `kind`, `scenario`, `variant`, `path`, `parameters` and `sealed`.
pub(super) fn event(row: &Row, site: &SiteId, sealing: &Sealing) -> Result<StoredEvent, CannotOpen> {
    let (at, name): (i64, &str) = (row.get(0), row.get(3));
    let details = EventRow { path: row.get(6), parameters: row.get(7), sealed: row.get(8) };
    let (path, parameters) = sealing.event_of((site, row.get(2), at, name), details)?;
    Ok(StoredEvent {
        place: EventPlace { at, number: row.get(1) },
        visitor: visitor(row.get(2)).unwrap_or(VisitorId([0; 16])),
        name: name.to_owned(),
        arm: arm(row.get(4), row.get(5)),
        path,
        parameters,
    })
}
