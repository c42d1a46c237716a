//! Events and orders in PostgreSQL: a batch is one transaction.

use super::outbox::Messages;
use super::{BATCH, PostgresLedger, text};
use crate::event::{Event, What};
use crate::store::exports::Exports;
use crate::store::ledger::{BatchId, Ledger, REMEMBERED};
use crate::store::outbox::{Asked, Outbox};
use crate::store::products::Products;
use crate::store::seal::{OrderDetails, Sealing};
use crate::store::{Resealed, StoreError};
use ahash::AHashSet;
use async_trait::async_trait;
use deadpool_postgres::{Object, Transaction};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

/// Events inserted by one statement.
const PORTION: usize = 5_000;

#[async_trait]
impl Ledger for PostgresLedger {
    fn next_batch(&self) -> BatchId {
        self.batches.next()
    }

    async fn append(&self, batch: BatchId, events: Vec<Event>) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let how = (&self.asked, self.sealing()?);
        let done = tokio::time::timeout(BATCH, append(&mut client, how, batch, &events)).await;
        self.settle(client, done)
    }

    fn exports(&self) -> &dyn Exports {
        self
    }

    fn products(&self) -> &dyn Products {
        self
    }

    async fn reseal(&self) -> Result<Resealed, StoreError> {
        self.reseal_all().await
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let client = self.client().await?;
        let done = tokio::time::timeout(super::CALL, client.batch_execute("UPDATE ping SET count = count + 1")).await;
        self.settle(client, done)
    }
}

async fn append(
    client: &mut Object,
    (asked, sealing): (&Asked, &Sealing),
    batch: BatchId,
    events: &[Event],
) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    if batch.is_some() && !is_new(&transaction, batch).await? {
        return transaction.rollback().await;
    }
    let first = place_orders(&transaction, sealing, events).await?;
    refund(&transaction, sealing, events).await?;
    let mut rows = Rows::default();
    let mut messages = Messages::default();
    for (index, event) in events.iter().enumerate() {
        if event.what.foreseen().is_some() {
            messages.foresee(asked, event);
        } else if !matches!(event.what, What::Purchase(_)) || first.contains(&index) {
            rows.push(event, sealing);
            messages.push(asked, sealing, event);
        }
        if rows.sites.len() == PORTION {
            std::mem::take(&mut rows).insert(&transaction).await?;
            std::mem::take(&mut messages).insert(&transaction, sealing).await?;
        }
    }
    rows.insert(&transaction).await?;
    messages.insert(&transaction, sealing).await?;
    transaction.commit().await
}

/// Notes a batch; false if it was kept before.
async fn is_new(transaction: &Transaction<'_>, batch: BatchId) -> Result<bool, Error> {
    let insert = "INSERT INTO batches (process, number) VALUES ($1, $2) ON CONFLICT (process, number) DO NOTHING";
    let insert = transaction.prepare_cached(insert).await?;
    let inserted = transaction.execute(&insert, &[&batch.process, &batch.number]).await?;
    let forget = transaction.prepare_cached("DELETE FROM batches WHERE process = $1 AND number <= $2").await?;
    transaction.execute(&forget, &[&batch.process, &(batch.number - REMEMBERED)]).await?;
    Ok(inserted == 1)
}

/// Notes the orders of a batch, and tells which purchases were the first of theirs.
///
/// They are inserted in the order of their names: two machines that place the same orders never wait for each other in a ring.
async fn place_orders(
    transaction: &Transaction<'_>,
    sealing: &Sealing,
    events: &[Event],
) -> Result<AHashSet<usize>, Error> {
    let mut orders = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        if let What::Purchase(order) = &event.what {
            let id = text(&order.id);
            let name = sealing.order_name(&event.site, &id);
            orders.entry((text(event.site.as_str()), name)).or_insert((index, event, id, order.value));
        }
    }
    if orders.is_empty() {
        return Ok(AHashSet::new());
    }
    let (mut sites, mut names, mut times, mut visitors) = <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    let (mut values, mut sealed, mut plain) = <(Vec<_>, Vec<_>, Vec<_>)>::default();
    for ((site, name), (_, event, id, value)) in &orders {
        let value = value.filter(|value| value.is_finite());
        let details = OrderDetails { id: Some(id.clone()), value, refunded: 0.0 };
        let row = sealing.order(&event.site, name, &details);
        sites.push(site);
        names.push(name);
        times.push(event.at.as_millisecond());
        visitors.push(event.visitor.0.as_slice());
        values.push(value.filter(|_| row.is_none()));
        sealed.push(row);
        plain.push(id);
    }
    // One that is there by its plain number, from before there was a key, is there.
    let insert = "
        INSERT INTO orders (site, id, at, visitor, value, sealed)
        SELECT site, name, at, visitor, value, sealed
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::float8[], $6::bytea[], $7::text[])
            AS new (site, name, at, visitor, value, sealed, plain)
        WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.site = new.site AND orders.id = new.plain)
        ON CONFLICT (site, id) DO NOTHING RETURNING site, id";
    let insert = transaction.prepare_cached(insert).await?;
    let columns: [&(dyn ToSql + Sync); 7] = [&sites, &names, &times, &visitors, &values, &sealed, &plain];
    let placed = transaction.query(&insert, &columns).await?;
    Ok(placed.iter().filter_map(|row| orders.get(&(row.get(0), row.get(1))).map(|(index, ..)| *index)).collect())
}

async fn refund(transaction: &Transaction<'_>, sealing: &Sealing, events: &[Event]) -> Result<(), Error> {
    let mut refunds: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Refund { order, value } => {
                let id = text(order);
                Some((&event.site, sealing.order_name(&event.site, &id), id, *value))
            }
            _ => None,
        })
        .collect();
    refunds.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    for (of_site, name, id, value) in refunds {
        let (site, value) = (text(of_site.as_str()), value.filter(|value| !value.is_nan()));
        let look = "SELECT sealed FROM orders WHERE site = $1 AND id = $2 AND sealed IS NOT NULL FOR UPDATE";
        let look = transaction.prepare_cached(look).await?;
        let Some(row) = transaction.query_opt(&look, &[&site, &name]).await? else {
            let update = "
                UPDATE orders SET refunded = least(coalesce(value, 0), refunded + coalesce($3::float8, value, 0))
                WHERE site = $1 AND id IN ($2, $4)";
            let update = transaction.prepare_cached(update).await?;
            transaction.execute(&update, &[&site, &id, &value, &name]).await?;
            continue;
        };
        let Ok(details) = sealing.order_of(of_site, &name, row.get(0)) else {
            tracing::warn!(site = %of_site, "a refund of an order that no key opens is not counted");
            continue;
        };
        let details = details.refund(value);
        let sealed = sealing.order(of_site, &name, &details);
        let plain = if sealed.is_some() { OrderDetails::default() } else { details };
        let update = "UPDATE orders SET value = $3, refunded = $4, sealed = $5 WHERE site = $1 AND id = $2";
        let update = transaction.prepare_cached(update).await?;
        transaction.execute(&update, &[&site, &name, &plain.value, &plain.refunded, &sealed]).await?;
    }
    Ok(())
}

/// Events to be inserted, by columns.
#[derive(Default)]
pub(super) struct Rows<'a> {
    sites: Vec<String>,
    times: Vec<i64>,
    visitors: Vec<&'a [u8]>,
    kinds: Vec<&'static str>,
    scenarios: Vec<Option<String>>,
    variants: Vec<Option<String>>,
    paths: Vec<Option<String>>,
    parameters: Vec<Option<Value>>,
    sealed: Vec<Option<Vec<u8>>>,
}

impl<'a> Rows<'a> {
    pub(super) fn push(&mut self, event: &'a Event, sealing: &Sealing) {
        let (arm, details) = (event.what.arm(), sealing.event(event));
        self.sites.push(text(event.site.as_str()));
        self.times.push(event.at.as_millisecond());
        self.visitors.push(&event.visitor.0);
        self.kinds.push(event.what.name());
        self.scenarios.push(arm.map(|arm| text(&arm.scenario)));
        self.variants.push(arm.map(|arm| text(&arm.variant)));
        self.paths.push(details.path.as_deref().map(text));
        self.parameters.push(details.parameters.map(cleaned));
        self.sealed.push(details.sealed);
    }

    async fn insert(self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.sites.is_empty() {
            return Ok(());
        }
        let insert = "
            INSERT INTO events (site, at, visitor, kind, scenario, variant, path, parameters, sealed)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[])";
        let insert = transaction.prepare_cached(insert).await?;
        transaction.execute(&insert, &self.columns()).await.map(drop)
    }

    /// In the order of the table's.
    pub(super) fn columns(&self) -> [&(dyn ToSql + Sync); 9] {
        [
            &self.sites,
            &self.times,
            &self.visitors,
            &self.kinds,
            &self.scenarios,
            &self.variants,
            &self.paths,
            &self.parameters,
            &self.sealed,
        ]
    }
}

/// JSON as PostgreSQL takes it.
pub(super) fn cleaned(mut value: Value) -> Value {
    match &mut value {
        Value::String(string) if string.contains('\0') => *string = text(string),
        Value::Array(items) => items.iter_mut().for_each(|item| *item = cleaned(item.take())),
        Value::Object(fields) => fields.values_mut().for_each(|field| *field = cleaned(field.take())),
        _ => {}
    }
    value
}
