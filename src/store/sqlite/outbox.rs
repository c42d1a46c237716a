//! Messages that wait, in SQLite.

use super::SqliteStore;
use crate::event::Event;
use crate::ids::SiteId;
use crate::store::StoreError;
use crate::store::outbox::{Asked, HookId, Message, Outbox, Wants, first_due, key, moment};
use crate::store::seal::Sealing;
use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::sync::Arc;

#[async_trait]
impl Outbox for SqliteStore {
    fn watch(&self, wants: Arc<dyn Wants>) {
        self.asked.set(wants);
    }

    async fn hooks(&self) -> Result<Vec<(HookId, Timestamp)>, StoreError> {
        self.look(|connection| {
            // From one hook to the next along the index: there are few of them, and many messages.
            let mut hooks = connection.prepare_cached(
                "WITH RECURSIVE hooks (hook) AS (
                     SELECT min(hook) FROM outbox
                     UNION ALL
                     SELECT (SELECT min(hook) FROM outbox WHERE outbox.hook > hooks.hook) FROM hooks WHERE hooks.hook IS NOT NULL
                 )
                 SELECT hook, (SELECT min(due) FROM outbox WHERE outbox.hook = hooks.hook) FROM hooks WHERE hook IS NOT NULL",
            )?;
            let found = hooks.query_map((), |row| Ok((HookId::of_key(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
            let known = found.filter_map(|row| match row {
                Ok((hook, due)) => hook.map(|hook| Ok((hook, moment(due)))),
                Err(error) => Some(Err(error)),
            });
            known.collect()
        })
        .await
    }

    async fn lease(
        &self,
        hook: &HookId,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let (hook, sealing) = (hook.clone(), self.sealing.clone());
        let (now, until) = (now.as_millisecond(), until.as_millisecond());
        self.change(move |connection| {
            let messages = connection
                .prepare_cached(
                    "SELECT at, id, visitor, kind, scenario, variant, path, parameters, sealed, message, tries + 1
                     FROM outbox AS first INDEXED BY outbox_due
                     WHERE hook = ?1 AND due <= ?2 AND NOT EXISTS (
                         SELECT 1 FROM outbox AS earlier INDEXED BY outbox_of_visitor
                         WHERE earlier.site = ?3 AND earlier.visitor = first.visitor AND earlier.hook = ?1
                         AND (earlier.at, earlier.id) < (first.at, first.id)
                     )
                     ORDER BY due, id LIMIT ?4",
                )?
                .query_map(params![hook.key(), now, hook.site.as_str(), most as i64], |row| {
                    message(row, &hook.site, &sealing)
                })?
                .collect::<Result<Vec<_>, _>>()?;
            for message in &messages {
                connection.prepare_cached("UPDATE outbox SET due = ?2, tries = ?3 WHERE id = ?1")?.execute([
                    message.number,
                    until,
                    message.tries,
                ])?;
            }
            Ok(messages)
        })
        .await
    }

    async fn done(&self, numbers: Vec<i64>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM outbox WHERE id = ?1")?;
            numbers.iter().try_for_each(|number| delete.execute([number]).map(drop))
        })
        .await
    }

    async fn put_off(&self, hook: &HookId, message: &Message, due: Timestamp) -> Result<(), StoreError> {
        let (hook, number, tries, due) = (hook.clone(), message.number, message.tries, due.as_millisecond());
        let visitor = message.event.visitor;
        self.change(move |connection| {
            let mine = connection
                .prepare_cached("UPDATE outbox SET due = ?2 WHERE id = ?1 AND tries = ?3")?
                .execute([number, due, tries])?;
            if mine == 1 {
                connection
                    .prepare_cached(
                        "UPDATE outbox INDEXED BY outbox_of_visitor SET due = ?4
                         WHERE site = ?1 AND visitor = ?2 AND hook = ?3 AND due < ?4",
                    )?
                    .execute(params![hook.site.as_str(), visitor.0, hook.key(), due])?;
            }
            Ok(())
        })
        .await
    }

    async fn count(&self, hook: &HookId, now: Timestamp) -> Result<u64, StoreError> {
        let (hook, now) = (hook.key(), now.as_millisecond());
        self.look(move |connection| count(connection, &hook, now)).await
    }

    async fn remove(&self, hook: &HookId, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let (hook, before) = (hook.key(), before.as_millisecond());
        self.change(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM outbox WHERE id IN
                     (SELECT id FROM outbox WHERE hook = ?1 AND at < ?2 ORDER BY at LIMIT ?3)",
                )?
                .execute(params![hook, before, most as i64])
        })
        .await
    }

    async fn trim(&self, hook: &HookId, now: Timestamp, keep: u64, most: usize) -> Result<usize, StoreError> {
        let (hook, now) = (hook.key(), now.as_millisecond());
        self.change(move |connection| {
            let beyond = count(connection, &hook, now)?.saturating_sub(keep).min(most as u64);
            connection
                .prepare_cached(
                    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE hook = ?1 ORDER BY at, id LIMIT ?2)",
                )?
                .execute(params![hook, beyond as i64])
        })
        .await
    }
}

/// Puts in a message for each hook that wants an event.
pub(super) fn post(connection: &Connection, asked: &Asked, sealing: &Sealing, event: &Event) -> rusqlite::Result<()> {
    for hook in asked.hooks(&event.site, event.what.name()) {
        let (arm, details) = (event.what.arm(), sealing.event(event));
        connection
            .prepare_cached(
                "INSERT INTO outbox (site, hook, due, at, visitor, kind, scenario, variant, path, parameters, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                event.site.as_str(),
                key(&event.site, &hook),
                first_due(event.at),
                event.at.as_millisecond(),
                event.visitor.0,
                event.what.name(),
                arm.map(|arm| &*arm.scenario),
                arm.map(|arm| &*arm.variant),
                details.path,
                details.parameters.map(|parameters| parameters.to_string()),
                details.sealed,
            ])?;
    }
    Ok(())
}

/// Puts what is foreseen of a visitor in the place of what was before, where nobody was told of that yet.
pub(super) fn foresee(
    connection: &Connection,
    asked: &Asked,
    sealing: &Sealing,
    event: &Event,
) -> rusqlite::Result<()> {
    for hook in asked.hooks(&event.site, event.what.name()) {
        connection
            .prepare_cached(
                "DELETE FROM outbox INDEXED BY outbox_of_visitor
                 WHERE site = ?1 AND visitor = ?2 AND hook = ?3 AND kind = ?4 AND tries = 0",
            )?
            .execute(params![event.site.as_str(), event.visitor.0, key(&event.site, &hook), event.what.name()])?;
    }
    if event.what.foreseen().is_some_and(|cart| !cart.is_empty()) {
        post(connection, asked, sealing, event)
    } else {
        Ok(())
    }
}

fn count(connection: &Connection, hook: &str, now: i64) -> rusqlite::Result<u64> {
    let mut count = connection.prepare_cached("SELECT count(*) FROM outbox WHERE hook = ?1 AND at <= ?2")?;
    count.query_row(params![hook, now], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

fn message(row: &Row<'_>, site: &SiteId, sealing: &Sealing) -> rusqlite::Result<Message> {
    let event = super::exports::event(row, site, sealing)?;
    Ok(Message { number: event.place.number, id: row.get(9)?, tries: row.get(10)?, event })
}
