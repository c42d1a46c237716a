//! Messages that wait, in PostgreSQL.
//!
//! What changes several rows never waits for one while it holds another: a row that somebody else has is left to them, or is changed by
//! itself.

use super::events::Rows;
use super::{BATCH, CALL, PostgresLedger, text};
use crate::event::Event;
use crate::ids::SiteId;
use crate::store::StoreError;
use crate::store::outbox::{Asked, HookId, Message, Outbox, Wants, first_due, key, moment};
use crate::store::seal::{CannotOpen, Sealing};
use async_trait::async_trait;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

impl PostgresLedger {
    /// Runs a statement, and says how many rows it changed.
    async fn run(&self, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<usize, StoreError> {
        let client = self.client().await?;
        let done = async { client.execute(&client.prepare_cached(statement).await?, values).await };
        let done = tokio::time::timeout(BATCH, done).await;
        self.settle(client, done).map(|rows| rows as usize)
    }

    async fn rows(&self, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await?;
        let done = async { client.query(&client.prepare_cached(statement).await?, values).await };
        let done = tokio::time::timeout(CALL, done).await;
        self.settle(client, done)
    }
}

#[async_trait]
impl Outbox for PostgresLedger {
    fn watch(&self, wants: Arc<dyn Wants>) {
        self.asked.set(wants);
    }

    async fn hooks(&self) -> Result<Vec<(HookId, Timestamp)>, StoreError> {
        // From one hook to the next along the index: there are few of them, and many messages.
        let look = "
            WITH RECURSIVE hooks (hook) AS (
                SELECT min(hook) FROM outbox
                UNION ALL
                SELECT (SELECT min(hook) FROM outbox WHERE outbox.hook > hooks.hook) FROM hooks WHERE hooks.hook IS NOT NULL
            )
            SELECT hook, (SELECT min(due) FROM outbox WHERE outbox.hook = hooks.hook) FROM hooks WHERE hook IS NOT NULL";
        let rows = self.rows(look, &[]).await?;
        // One that was emptied in the meantime has no time.
        let hooks =
            rows.iter().filter_map(|row| Some((HookId::of_key(row.get(0))?, moment(row.get::<_, Option<i64>>(1)?))));
        Ok(hooks.collect())
    }

    async fn lease(
        &self,
        hook: &HookId,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Message>, StoreError> {
        // Whether a message is the first of its visitor's is looked at before it is locked, and stays so: earlier ones only go.
        let lease = "
            WITH taken AS MATERIALIZED (
                SELECT id FROM outbox AS first WHERE hook = $1 AND due <= $3 AND NOT EXISTS (
                    SELECT 1 FROM outbox AS earlier
                    WHERE earlier.site = $2 AND earlier.visitor = first.visitor AND earlier.hook = $1
                    AND (earlier.at, earlier.id) < (first.at, first.id)
                )
                ORDER BY due, id LIMIT $5 FOR UPDATE SKIP LOCKED
            )
            UPDATE outbox SET due = $4, tries = tries + 1 FROM taken WHERE outbox.id = taken.id
            RETURNING at, outbox.id, visitor, kind, scenario, variant, path, parameters, sealed, message, tries";
        let (key, site) = (hook.key(), hook.site.as_str());
        let (now, until, most) = (now.as_millisecond(), until.as_millisecond(), most as i64);
        let rows = self.rows(lease, &[&key, &site, &now, &until, &most]).await?;
        let sealing = self.sealing()?;
        let messages = rows.iter().map(|row| message(row, &hook.site, sealing).map_err(|error| self.shut(error)));
        messages.collect()
    }

    async fn done(&self, numbers: Vec<i64>) -> Result<(), StoreError> {
        // One by one: none is held while another is waited for. Who looked whether it is due may have it locked for a moment.
        for number in numbers {
            self.run("DELETE FROM outbox WHERE id = $1", &[&number]).await?;
        }
        Ok(())
    }

    async fn put_off(&self, hook: &HookId, message: &Message, due: Timestamp) -> Result<(), StoreError> {
        let due = due.as_millisecond();
        let mine = "UPDATE outbox SET due = $2 WHERE id = $1 AND tries = $3";
        if self.run(mine, &[&message.number, &due, &message.tries]).await? == 0 {
            return Ok(());
        }
        let others = "
            UPDATE outbox SET due = $4 WHERE id IN (
                SELECT id FROM outbox WHERE site = $1 AND visitor = $2 AND hook = $3 AND due < $4 FOR UPDATE SKIP LOCKED
            )";
        let (site, visitor, key) = (hook.site.as_str(), message.event.visitor.0.as_slice(), hook.key());
        self.run(others, &[&site, &visitor, &key, &due]).await.map(drop)
    }

    async fn count(&self, hook: &HookId, now: Timestamp) -> Result<u64, StoreError> {
        let count = "SELECT count(*) FROM outbox WHERE hook = $1 AND at <= $2";
        let rows = self.rows(count, &[&hook.key(), &now.as_millisecond()]).await?;
        Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0) as u64))
    }

    async fn remove(&self, hook: &HookId, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let remove = "
            DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE hook = $1 AND at < $2 ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED
            )";
        self.run(remove, &[&hook.key(), &before.as_millisecond(), &(most as i64)]).await
    }

    async fn trim(&self, hook: &HookId, now: Timestamp, keep: u64, most: usize) -> Result<usize, StoreError> {
        let beyond = self.count(hook, now).await?.saturating_sub(keep).min(most as u64);
        if beyond == 0 {
            return Ok(0);
        }
        let trim = "
            DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE hook = $1 ORDER BY at, id LIMIT $2 FOR UPDATE SKIP LOCKED
            )";
        self.run(trim, &[&hook.key(), &(beyond as i64)]).await
    }
}

/// Messages to be inserted, by columns.
#[derive(Default)]
pub(super) struct Messages<'a> {
    hooks: Vec<String>,
    dues: Vec<i64>,
    events: Rows<'a>,
    /// What is foreseen now, by hook and visitor.
    foreseen: BTreeMap<(String, &'a [u8]), &'a Event>,
}

impl<'a> Messages<'a> {
    /// Puts in a message for each hook that wants an event.
    pub(super) fn push(&mut self, asked: &Asked, sealing: &Sealing, event: &'a Event) {
        for hook in asked.hooks(&event.site, event.what.name()) {
            self.hooks.push(key(&event.site, &hook));
            self.dues.push(first_due(event.at));
            self.events.push(event, sealing);
        }
    }

    /// Notes what is foreseen of a visitor, in the place of what was before.
    pub(super) fn foresee(&mut self, asked: &Asked, event: &'a Event) {
        for hook in asked.hooks(&event.site, event.what.name()) {
            self.foreseen.insert((key(&event.site, &hook), &event.visitor.0), event);
        }
    }

    pub(super) async fn insert(mut self, transaction: &Transaction<'_>, sealing: &Sealing) -> Result<(), Error> {
        let foreseen = std::mem::take(&mut self.foreseen);
        if !foreseen.is_empty() {
            // Whoever has one already may go on and tell it.
            let replace = "
                DELETE FROM outbox WHERE id IN (
                    SELECT id FROM outbox
                    JOIN unnest($1::text[], $2::bytea[], $3::text[], $4::text[]) AS now (site, visitor, hook, kind)
                    USING (site, visitor, hook, kind)
                    WHERE tries = 0 FOR UPDATE OF outbox SKIP LOCKED
                )";
            let replace = transaction.prepare_cached(replace).await?;
            let (mut sites, mut visitors, mut hooks, mut kinds) = <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
            for ((hook, visitor), event) in &foreseen {
                sites.push(text(event.site.as_str()));
                visitors.push(*visitor);
                hooks.push(hook);
                kinds.push(event.what.name());
            }
            transaction.execute(&replace, &[&sites, &visitors, &hooks, &kinds]).await?;
        }
        for ((hook, _), event) in foreseen {
            if event.what.foreseen().is_some_and(|cart| !cart.is_empty()) {
                self.hooks.push(hook);
                self.dues.push(first_due(event.at));
                self.events.push(event, sealing);
            }
        }
        if self.hooks.is_empty() {
            return Ok(());
        }
        let insert = "
            INSERT INTO outbox (site, at, visitor, kind, scenario, variant, path, parameters, sealed, hook, due)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
                                 $9::bytea[], $10::text[], $11::bigint[])";
        let insert = transaction.prepare_cached(insert).await?;
        let mut columns = self.events.columns().to_vec();
        columns.extend([&self.hooks as &(dyn ToSql + Sync), &self.dues]);
        transaction.execute(&insert, &columns).await.map(drop)
    }
}

fn message(row: &Row, site: &SiteId, sealing: &Sealing) -> Result<Message, CannotOpen> {
    let event = super::exports::event(row, site, sealing)?;
    Ok(Message { number: event.place.number, id: row.get(9), tries: row.get(10), event })
}
