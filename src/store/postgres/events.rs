//! Events and orders in PostgreSQL: a batch is one transaction.

use super::outbox::Messages;
use super::{BATCH, PostgresLedger, text};
use crate::event::{Event, What};
use crate::store::StoreError;
use crate::store::exports::Exports;
use crate::store::ledger::{BatchId, Ledger, REMEMBERED};
use crate::store::outbox::{Asked, Outbox};
use crate::store::products::Products;
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
        let done = tokio::time::timeout(BATCH, append(&mut client, &self.asked, batch, &events)).await;
        self.settle(client, done)
    }

    fn exports(&self) -> &dyn Exports {
        self
    }

    fn products(&self) -> &dyn Products {
        self
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

async fn append(client: &mut Object, asked: &Asked, batch: BatchId, events: &[Event]) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    if batch.is_some() && !is_new(&transaction, batch).await? {
        return transaction.rollback().await;
    }
    let first = place_orders(&transaction, events).await?;
    refund(&transaction, events).await?;
    let mut rows = Rows::default();
    let mut messages = Messages::default();
    for (index, event) in events.iter().enumerate() {
        if !matches!(event.what, What::Purchase(_)) || first.contains(&index) {
            rows.push(event);
            messages.push(asked, event);
        }
        if rows.sites.len() == PORTION {
            std::mem::take(&mut rows).insert(&transaction).await?;
            std::mem::take(&mut messages).insert(&transaction).await?;
        }
    }
    rows.insert(&transaction).await?;
    messages.insert(&transaction).await?;
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
/// They are inserted in the order of their ids: two machines that place the same orders never wait for each other in a ring.
async fn place_orders(transaction: &Transaction<'_>, events: &[Event]) -> Result<AHashSet<usize>, Error> {
    let mut orders = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        if let What::Purchase(order) = &event.what {
            orders.entry((text(event.site.as_str()), text(&order.id))).or_insert((index, event, order.value));
        }
    }
    if orders.is_empty() {
        return Ok(AHashSet::new());
    }
    let (mut sites, mut ids, mut times, mut visitors, mut values) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for ((site, id), (_, event, value)) in &orders {
        sites.push(site);
        ids.push(id);
        times.push(event.at.as_millisecond());
        visitors.push(event.visitor.0.as_slice());
        values.push(value.filter(|value| value.is_finite()));
    }
    let insert = "
        INSERT INTO orders (site, id, at, visitor, value)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::float8[])
        ON CONFLICT (site, id) DO NOTHING RETURNING site, id";
    let insert = transaction.prepare_cached(insert).await?;
    let placed = transaction.query(&insert, &[&sites, &ids, &times, &visitors, &values]).await?;
    Ok(placed.iter().filter_map(|row| orders.get(&(row.get(0), row.get(1))).map(|(index, ..)| *index)).collect())
}

async fn refund(transaction: &Transaction<'_>, events: &[Event]) -> Result<(), Error> {
    let mut refunds: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Refund { order, value } => Some((text(event.site.as_str()), text(order), *value)),
            _ => None,
        })
        .collect();
    refunds.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    for (site, order, value) in refunds {
        let update = "
            UPDATE orders SET refunded = least(coalesce(value, 0), refunded + coalesce($3::float8, value, 0))
            WHERE site = $1 AND id = $2";
        let update = transaction.prepare_cached(update).await?;
        transaction.execute(&update, &[&site, &order, &value.filter(|value| !value.is_nan())]).await?;
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
}

impl<'a> Rows<'a> {
    pub(super) fn push(&mut self, event: &'a Event) {
        let arm = event.what.arm();
        self.sites.push(text(event.site.as_str()));
        self.times.push(event.at.as_millisecond());
        self.visitors.push(&event.visitor.0);
        self.kinds.push(event.what.name());
        self.scenarios.push(arm.map(|arm| text(&arm.scenario)));
        self.variants.push(arm.map(|arm| text(&arm.variant)));
        self.paths.push(event.what.path().map(text));
        self.parameters.push(event.what.parameters().map(cleaned));
    }

    async fn insert(self, transaction: &Transaction<'_>) -> Result<(), Error> {
        if self.sites.is_empty() {
            return Ok(());
        }
        let insert = "
            INSERT INTO events (site, at, visitor, kind, scenario, variant, path, parameters)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[])";
        let insert = transaction.prepare_cached(insert).await?;
        transaction.execute(&insert, &self.columns()).await.map(drop)
    }

    /// In the order of the table's.
    pub(super) fn columns(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.sites,
            &self.times,
            &self.visitors,
            &self.kinds,
            &self.scenarios,
            &self.variants,
            &self.paths,
            &self.parameters,
        ]
    }
}

/// JSON as PostgreSQL takes it.
fn cleaned(mut value: Value) -> Value {
    match &mut value {
        Value::String(string) if string.contains('\0') => *string = text(string),
        Value::Array(items) => items.iter_mut().for_each(|item| *item = cleaned(item.take())),
        Value::Object(fields) => fields.values_mut().for_each(|field| *field = cleaned(field.take())),
        _ => {}
    }
    value
}
