//! What is kept of a visitor in PostgreSQL: events and coupons. Profiles are elsewhere.

use super::coupons::disown;
use super::{BATCH, PostgresLedger, text};
use crate::ids::SiteId;
use crate::store::coupons::Holder;
use crate::store::records::{Before, Erased, Kept, KeptEvent, Records};
use crate::store::seal::{CannotOpen, EventRow, Sealing};
use crate::store::{ProfileKey, StoreError};
use async_trait::async_trait;
use deadpool_postgres::Object;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};

#[async_trait]
impl Records for PostgresLedger {
    async fn about(&self, key: &ProfileKey, most: usize) -> Result<Kept, StoreError> {
        let client = self.client().await?;
        let done = tokio::time::timeout(BATCH, about(&client, key, most)).await;
        let (rows, coupons) = self.settle(client, done)?;
        let sealing = self.sealing()?;
        let events = rows.iter().take(most).map(|row| kept(row, key, sealing).map_err(|error| self.shut(error)));
        let mut events = events.collect::<Result<Vec<_>, _>>()?;
        events.extend(coupons.iter().map(|row| KeptEvent::coupon(row.get(0), row.get(1), row.get(2))));
        Ok(Kept { profile: None, events, more: rows.len() > most })
    }

    async fn erase(&self, key: &ProfileKey) -> Result<Erased, StoreError> {
        let mut client = self.client().await?;
        let done = tokio::time::timeout(BATCH, erase(&mut client, key)).await;
        self.settle(client, done)
    }

    async fn sweep(&self, site: &SiteId, before: &Before, most: usize) -> Result<usize, StoreError> {
        let client = self.client().await?;
        let (site, before, most) = (text(site.as_str()), before.events.as_millisecond(), most as i64);
        let sweep = async {
            let mut removed = 0;
            for table in ["events", "outbox"] {
                let sweep = format!(
                    "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE site = $1 AND at < $2 LIMIT $3 FOR UPDATE SKIP LOCKED)"
                );
                removed = removed.max(client.execute(&sweep, &[&site, &before, &most]).await?);
            }
            Ok::<_, Error>(removed)
        };
        let done = tokio::time::timeout(BATCH, sweep).await;
        self.settle(client, done).map(|rows| rows as usize)
    }

    async fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        let client = self.client().await?;
        // From one site to the next along the index: there are few of them, and many events.
        let look = "
            WITH RECURSIVE sites AS (
                (SELECT site FROM events ORDER BY site LIMIT 1)
                UNION ALL
                SELECT (SELECT site FROM events WHERE events.site > sites.site ORDER BY site LIMIT 1) FROM sites WHERE site IS NOT NULL
            )
            SELECT site FROM sites WHERE site IS NOT NULL UNION SELECT site FROM coupon_pools";
        let done = tokio::time::timeout(BATCH, client.query(look, &[])).await;
        let rows = self.settle(client, done)?;
        Ok(rows.iter().map(|row| SiteId::new(row.get(0))).collect())
    }
}

/// Events, one more than are asked for if there are, and coupons.
async fn about(client: &Object, key: &ProfileKey, most: usize) -> Result<(Vec<Row>, Vec<Row>), Error> {
    let (site, visitor) = (text(key.site.as_str()), key.visitor.0.as_slice());
    let events = "
        SELECT at, kind, scenario, variant, path, parameters, sealed FROM events
        WHERE site = $1 AND visitor = $2 ORDER BY at, id LIMIT $3";
    let events = client.query(events, &[&site, &visitor, &(most as i64 + 1)]).await?;
    let coupons = "SELECT given, pool, code FROM coupon_grants WHERE site = $1 AND holder = $2";
    let coupons = client.query(coupons, &[&site, &Holder::Visitor(key.visitor).key()]).await?;
    Ok((events, coupons))
}

async fn erase(client: &mut Object, key: &ProfileKey) -> Result<Erased, Error> {
    let (site, visitor) = (text(key.site.as_str()), key.visitor.0.as_slice());
    let transaction = client.transaction().await?;
    let events = "DELETE FROM events WHERE site = $1 AND visitor = $2";
    let events = transaction.execute(events, &[&site, &visitor]).await? as usize;
    transaction.execute("DELETE FROM outbox WHERE site = $1 AND visitor = $2", &[&site, &visitor]).await?;
    let orders = "UPDATE orders SET visitor = '' WHERE site = $1 AND visitor = $2";
    let orders = transaction.execute(orders, &[&site, &visitor]).await? as usize;
    let coupons = disown(&transaction, &key.site, &Holder::Visitor(key.visitor)).await?;
    transaction.commit().await?;
    Ok(Erased { profiles: 0, events, coupons, orders })
}

fn kept(row: &Row, key: &ProfileKey, sealing: &Sealing) -> Result<KeptEvent, CannotOpen> {
    let (at, name): (i64, &str) = (row.get(0), row.get(1));
    let (scenario, variant): (Option<String>, Option<String>) = (row.get(2), row.get(3));
    let details = EventRow { path: row.get(4), parameters: row.get(5), sealed: row.get(6) };
    let (path, parameters) = sealing.event_of((&key.site, &key.visitor.0, at, name), details)?;
    Ok(KeptEvent {
        at: Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
        name: name.to_owned(),
        arm: scenario.zip(variant).map(|(scenario, variant)| format!("{scenario}/{variant}")),
        path,
        parameters,
    })
}
