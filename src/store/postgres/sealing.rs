//! The ledger's secret in PostgreSQL, and sealing what is there already, a portion a transaction.
//!
//! The server keeps what a row was until its own VACUUM, and in its log: that is for whoever runs it.

use super::events::cleaned;
use super::{BATCH, PostgresLedger};
use crate::ids::SiteId;
use crate::store::seal::{CannotOpen, EventRow, OrderDetails, Sealing, is_name};
use crate::store::{Resealed, StoreError};
use deadpool_postgres::{Object, Transaction};
use tokio_postgres::{Error, Row};

/// Rows that one transaction takes.
const PORTION: i64 = 500;

/// The secret that the ledger has, or gets now.
pub(super) async fn secret(client: &Object, sealing: &Sealing) -> Result<Option<Vec<u8>>, Error> {
    if let Some(fresh) = sealing.fresh() {
        // Of several machines that start at once, one is the first: its secret is the secret.
        let put = "INSERT INTO sealing (id, secret) SELECT 1, $1 WHERE NOT EXISTS (SELECT 1 FROM sealing)
                   ON CONFLICT (id) DO NOTHING";
        client.execute(put, &[&fresh]).await?;
    }
    Ok(client.query_opt("SELECT secret FROM sealing", &[]).await?.map(|row| row.get(0)))
}

/// Where a table has been gone through to: by number, or by texts and bytes.
#[derive(Default)]
struct Place {
    id: i64,
    texts: [String; 3],
    bytes: Vec<u8>,
}

/// The tables, each with its way to be gone through.
#[derive(Clone, Copy)]
enum Table {
    Events,
    Messages,
    Orders,
    Holders,
    Redemptions,
}

impl Table {
    /// Of the two that have events' details.
    fn of_details(self) -> &'static str {
        if matches!(self, Self::Messages) { "outbox" } else { "events" }
    }
}

impl PostgresLedger {
    pub(super) async fn reseal_all(&self) -> Result<Resealed, StoreError> {
        let mut all = Resealed::default();
        for table in [Table::Events, Table::Messages, Table::Orders, Table::Holders, Table::Redemptions] {
            let mut from = Some(Place { id: i64::MIN, ..Place::default() });
            while let Some(place) = from {
                let mut client = self.client().await?;
                let done = tokio::time::timeout(BATCH, portion(&mut client, self.sealing()?, table, &place)).await;
                let (done, next) = self.settle(client, done)?;
                all += done;
                from = next;
            }
        }
        if all.shut == 0 {
            // Only now may an older key be forgotten.
            let client = self.client().await?;
            let done = tokio::time::timeout(BATCH, secret_anew(&client, self.sealing()?)).await;
            self.settle(client, done)?;
        }
        Ok(all)
    }
}

async fn secret_anew(client: &Object, sealing: &Sealing) -> Result<(), Error> {
    let stored = client.query_opt("SELECT secret FROM sealing", &[]).await?;
    match stored.and_then(|row| sealing.secret_anew(row.get(0))) {
        Some(secret) => client.execute("UPDATE sealing SET secret = $1", &[&secret]).await.map(drop),
        None => Ok(()),
    }
}

/// Goes through some rows of a table; says where the next begin.
async fn portion(
    client: &mut Object,
    sealing: &Sealing,
    table: Table,
    after: &Place,
) -> Result<(Resealed, Option<Place>), Error> {
    let transaction = client.transaction().await?;
    let [one, two, three] = &after.texts;
    let rows = match table {
        Table::Events | Table::Messages => {
            let look = format!(
                "SELECT id, site, visitor, at, kind, path, parameters, sealed FROM {}
                 WHERE id > $1 AND (path IS NOT NULL OR parameters IS NOT NULL OR sealed IS NOT NULL)
                 ORDER BY id LIMIT $2 FOR UPDATE",
                table.of_details()
            );
            transaction.query(&look, &[&after.id, &PORTION]).await?
        }
        Table::Orders => {
            let look = "
                SELECT site, id, value, refunded, sealed FROM orders
                WHERE (site, id) > ($1, $2) ORDER BY site, id LIMIT $3 FOR UPDATE";
            transaction.query(look, &[one, two, &PORTION]).await?
        }
        Table::Holders => {
            let look = "
                SELECT site, pool, holder FROM coupon_grants
                WHERE (site, pool, holder) > ($1, $2, $3) ORDER BY site, pool, holder LIMIT $4 FOR UPDATE";
            transaction.query(look, &[one, two, &after.bytes, &PORTION]).await?
        }
        Table::Redemptions => {
            let look = "
                SELECT site, code, order_id FROM coupon_redemptions
                WHERE (site, code, order_id) > ($1, $2, $3) ORDER BY site, code, order_id LIMIT $4 FOR UPDATE";
            transaction.query(look, &[one, two, three, &PORTION]).await?
        }
    };
    let mut done = Resealed::default();
    for row in &rows {
        let written = match table {
            Table::Events | Table::Messages => event(&transaction, sealing, table, row).await?,
            Table::Orders => order(&transaction, sealing, row).await?,
            Table::Holders => Ok(holder(&transaction, sealing, row).await?),
            Table::Redemptions => Ok(redemption(&transaction, sealing, row).await?),
        };
        match written {
            Ok(written) => done.changed += u64::from(written),
            Err(_) => done.shut += 1,
        }
    }
    let next = rows.last().map(|row| match table {
        Table::Events | Table::Messages => Place { id: row.get(0), ..Place::default() },
        Table::Orders => Place { texts: [row.get(0), row.get(1), String::new()], ..Place::default() },
        Table::Holders => {
            Place { texts: [row.get(0), row.get(1), String::new()], bytes: row.get(2), ..Place::default() }
        }
        Table::Redemptions => Place { texts: [row.get(0), row.get(1), row.get(2)], ..Place::default() },
    });
    transaction.commit().await?;
    Ok((done, next))
}

/// Whether a row was written anew, or that no key opens it.
type Written = Result<bool, CannotOpen>;

async fn event(transaction: &Transaction<'_>, sealing: &Sealing, table: Table, row: &Row) -> Result<Written, Error> {
    let site = SiteId::new(row.get(1));
    let details = EventRow { path: row.get(5), parameters: row.get(6), sealed: row.get(7) };
    let anew = match sealing.event_anew((&site, row.get(2), row.get(3), row.get(4)), details) {
        Ok(Some(anew)) => anew,
        Ok(None) => return Ok(Ok(false)),
        Err(error) => return Ok(Err(error)),
    };
    let put = format!("UPDATE {} SET path = $2, parameters = $3, sealed = $4 WHERE id = $1", table.of_details());
    let put = transaction.prepare_cached(&put).await?;
    let (path, parameters) = (anew.path.as_deref().map(super::text), anew.parameters.map(cleaned));
    transaction.execute(&put, &[&row.get::<_, i64>(0), &path, &parameters, &anew.sealed]).await?;
    Ok(Ok(true))
}

async fn order(transaction: &Transaction<'_>, sealing: &Sealing, row: &Row) -> Result<Written, Error> {
    let (site_name, id, sealed): (&str, &str, Option<&[u8]>) = (row.get(0), row.get(1), row.get(4));
    if sealing.order_is_so(id, sealed) {
        return Ok(Ok(false));
    }
    let site = SiteId::new(site_name);
    let name = if is_name(id) { id.to_owned() } else { sealing.order_name(&site, id) };
    let details = match sealed.map(|sealed| sealing.order_of(&site, &name, sealed)) {
        Some(Ok(details)) => details,
        Some(Err(error)) => return Ok(Err(error)),
        None => OrderDetails { id: Some(id.to_owned()), value: row.get(2), refunded: row.get(3) },
    };
    let sealed = sealing.order(&site, &name, &details);
    let plain = if sealed.is_some() { OrderDetails::default() } else { details };
    let put = "
        UPDATE orders SET id = $3, value = $4, refunded = $5, sealed = $6 WHERE site = $1 AND id = $2
            AND ($2 = $3 OR NOT EXISTS (SELECT 1 FROM orders WHERE site = $1 AND id = $3))";
    let put = transaction.prepare_cached(put).await?;
    let written = transaction.execute(&put, &[&site_name, &id, &name, &plain.value, &plain.refunded, &sealed]).await?;
    if written == 0 {
        // A machine without the key has noted an order that was there by its name.
        transaction.execute("DELETE FROM orders WHERE site = $1 AND id = $2", &[&site_name, &id]).await?;
    }
    Ok(Ok(true))
}

async fn holder(transaction: &Transaction<'_>, sealing: &Sealing, row: &Row) -> Result<bool, Error> {
    let (site, pool, stored): (&str, &str, &[u8]) = (row.get(0), row.get(1), row.get(2));
    let Some(name) = sealing.holder_anew(&SiteId::new(site), stored) else { return Ok(false) };
    let put = "
        UPDATE coupon_grants SET holder = $4 WHERE site = $1 AND pool = $2 AND holder = $3
            AND NOT EXISTS (SELECT 1 FROM coupon_grants WHERE site = $1 AND pool = $2 AND holder = $4)";
    let put = transaction.prepare_cached(put).await?;
    Ok(transaction.execute(&put, &[&site, &pool, &stored, &name]).await? == 1)
}

async fn redemption(transaction: &Transaction<'_>, sealing: &Sealing, row: &Row) -> Result<bool, Error> {
    let (site, code, stored): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
    let name = sealing.order_name(&SiteId::new(site), stored);
    if is_name(stored) || name == stored {
        return Ok(false);
    }
    let there = "DELETE FROM coupon_redemptions WHERE site = $1 AND code = $2 AND order_id = $3";
    transaction.execute(there, &[&site, &code, &name]).await?;
    let put = "UPDATE coupon_redemptions SET order_id = $4 WHERE site = $1 AND code = $2 AND order_id = $3";
    let put = transaction.prepare_cached(put).await?;
    Ok(transaction.execute(&put, &[&site, &code, &stored, &name]).await? == 1)
}
