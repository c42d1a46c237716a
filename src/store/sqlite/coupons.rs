//! Coupons in the embedded store. Each call is a part of the writer's transaction: no two are ever at work at once, and all that
//! wait are committed together.

use super::SqliteStore;
use crate::ids::SiteId;
use crate::store::StoreError;
use crate::store::codes::CodeMaker;
use crate::store::coupons::{CodeAsk, Coupons, Holder, Issued, PoolState, Step, Supply, earlier, folded};
use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use std::sync::Arc;

/// What a code of a site may be.
const FREE: i64 = 0;
const SOMEBODYS: i64 = 1;
const EVERYBODYS: i64 = 2;
const REDEEMED: i64 = 3;

/// Codes added in one transaction: others' writes come between.
const PORTION: usize = 2_000;
/// So many codes that are there already, and a pattern is taken for used up.
const TRIES: usize = 64;

#[async_trait]
impl Coupons for SqliteStore {
    async fn add_codes(
        &self,
        site: &SiteId,
        pool: &str,
        codes: &[String],
        expires: Option<Timestamp>,
    ) -> std::result::Result<usize, StoreError> {
        let pool: Arc<str> = pool.into();
        let mut added = 0;
        for portion in codes.chunks(PORTION) {
            let (site, pool, portion) = (site.clone(), pool.clone(), portion.to_vec());
            added += self.change(move |connection| add(connection, &site, &pool, &portion, expires)).await?;
        }
        Ok(added)
    }

    async fn reserve(&self, plain: &CodeAsk) -> std::result::Result<Option<Issued>, StoreError> {
        let ask = self.sealing.ask(plain);
        // Most look at what is theirs already: that needs no turn with the writer.
        let asked = ask.clone();
        if let Some(held) = self.look(move |connection| held(connection, &asked)).await?
            && held.kept
        {
            return Ok(held.issued(ask.at));
        }
        let (plain, maker) = (plain.clone(), self.maker.clone());
        self.change(move |connection| {
            rename(connection, &plain, &ask)?;
            reserve(connection, &ask, &maker)
        })
        .await
    }

    async fn can_give(&self, plain: &CodeAsk) -> std::result::Result<bool, StoreError> {
        let (plain, ask) = (plain.clone(), self.sealing.ask(plain));
        self.look(move |connection| {
            // Who is there by their plain number is not renamed by a question.
            let is_named = plain.holder == ask.holder || held(connection, &plain)?.is_none();
            can_give(connection, if is_named { &ask } else { &plain })
        })
        .await
    }

    async fn mark(&self, plain: &CodeAsk, step: Step) -> std::result::Result<bool, StoreError> {
        let (plain, ask) = (plain.clone(), self.sealing.ask(plain));
        self.change(move |connection| {
            rename(connection, &plain, &ask)?;
            match step {
                Step::Returned => give_back(connection, &ask),
                Step::Seen => see(connection, &ask),
            }
        })
        .await
    }

    async fn redeemed(
        &self,
        site: &SiteId,
        code: &str,
        order: &str,
        at: Timestamp,
    ) -> std::result::Result<bool, StoreError> {
        let (site, code, plain) = (site.clone(), code.to_owned(), order.to_owned());
        let name = self.sealing.order_name(&site, order);
        self.change(move |connection| redeem(connection, &site, &code, [&name, &plain], at)).await
    }

    async fn disown(&self, site: &SiteId, holder: &Holder) -> std::result::Result<usize, StoreError> {
        let (named, site, holder) = (self.sealing.holder(site, holder), site.clone(), holder.clone());
        self.change(move |connection| {
            let by_number = disown(connection, &site, &holder)?;
            Ok(by_number + if named == holder { 0 } else { disown(connection, &site, &named)? })
        })
        .await
    }

    async fn pool(&self, site: &SiteId, pool: &str, at: Timestamp) -> std::result::Result<PoolState, StoreError> {
        let (site, pool) = (site.clone(), pool.to_owned());
        self.look(move |connection| state(connection, &site, &pool, at)).await
    }

    async fn pools(&self) -> std::result::Result<Vec<(SiteId, String)>, StoreError> {
        self.look(|connection| {
            let mut rows = connection.prepare("SELECT site, pool FROM coupon_pools ORDER BY site, pool")?;
            rows.query_map((), |row| Ok((SiteId::new(row.get_ref(0)?.as_str()?), row.get(1)?)))?.collect()
        })
        .await
    }
}

/// Gives a holder who is there by their plain number the name that they have now.
fn rename(connection: &Connection, plain: &CodeAsk, ask: &CodeAsk) -> Result<()> {
    if plain.holder == ask.holder {
        return Ok(());
    }
    connection
        .prepare_cached("UPDATE OR IGNORE coupon_grants SET holder = ?3 WHERE site = ?1 AND pool = ?2 AND holder = ?4")?
        .execute(params![ask.site.as_str(), ask.pool, ask.holder.key(), plain.holder.key()])
        .map(drop)
}

/// Forgets which codes are a holder's. They stay taken: nobody knows by whom.
pub(super) fn disown(connection: &Connection, site: &SiteId, holder: &Holder) -> Result<usize> {
    connection
        .prepare_cached("DELETE FROM coupon_grants WHERE site = ?1 AND holder = ?2")?
        .execute(params![site.as_str(), holder.key()])
}

fn add(
    connection: &Connection,
    site: &SiteId,
    pool: &str,
    codes: &[String],
    expires: Option<Timestamp>,
) -> Result<usize> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO coupon_pools (site, pool) VALUES (?1, ?2)")?
        .execute(params![site.as_str(), pool])?;
    let mut added = 0;
    for code in codes {
        added += usize::from(insert_code(connection, site, pool, code, FREE, expires)?);
    }
    Ok(added)
}

/// Adds a code to a site; false if it was there.
fn insert_code(
    connection: &Connection,
    site: &SiteId,
    pool: &str,
    code: &str,
    state: i64,
    expires: Option<Timestamp>,
) -> Result<bool> {
    let expires = expires.map_or(i64::MAX, Timestamp::as_millisecond);
    connection
        .prepare_cached(
            "INSERT INTO coupon_codes (site, code, folded, pool, state, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (site, code) DO NOTHING",
        )?
        .execute(params![site.as_str(), code, folded(code), pool, state, expires])
        .map(|rows| rows == 1)
}

/// A holder's code of a pool.
struct Held {
    code: Arc<str>,
    expires: Option<Timestamp>,
    /// It was handed out more than once.
    kept: bool,
    redeemed: bool,
}

impl Held {
    fn issued(self, at: Timestamp) -> Option<Issued> {
        let holds = !self.redeemed && self.expires.is_none_or(|expires| expires > at);
        holds.then_some(Issued { code: self.code, expires: self.expires, fresh: false })
    }
}

fn held(connection: &Connection, ask: &CodeAsk) -> Result<Option<Held>> {
    connection
        .prepare_cached(
            "SELECT code, expires, kept,
                    EXISTS (SELECT 1 FROM coupon_codes c WHERE c.site = g.site AND c.code = g.code AND c.state = 3)
             FROM coupon_grants g WHERE site = ?1 AND pool = ?2 AND holder = ?3",
        )?
        .query_row(params![ask.site.as_str(), ask.pool, ask.holder.key()], |row| {
            let expires: Option<i64> = row.get(1)?;
            Ok(Held {
                code: row.get(0)?,
                expires: expires.and_then(|at| Timestamp::from_millisecond(at).ok()),
                kept: row.get(2)?,
                redeemed: row.get(3)?,
            })
        })
        .optional()
}

fn reserve(connection: &Connection, ask: &CodeAsk, maker: &CodeMaker) -> Result<Option<Issued>> {
    if let Some(held) = held(connection, ask)? {
        if !held.kept {
            connection
                .prepare_cached("UPDATE coupon_grants SET kept = 1 WHERE site = ?1 AND pool = ?2 AND holder = ?3")?
                .execute(params![ask.site.as_str(), ask.pool, ask.holder.key()])?;
        }
        return Ok(held.issued(ask.at));
    }
    if ask.is_over() {
        return Ok(None);
    }
    let Some((code, expires)) = take(connection, ask, maker)? else { return Ok(None) };
    let expires = earlier(ask.expires, expires);
    connection
        .prepare_cached(
            "INSERT INTO coupon_grants (site, pool, holder, code, shared, given, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            ask.site.as_str(),
            ask.pool,
            ask.holder.key(),
            code,
            matches!(ask.supply, Supply::Fixed { .. }),
            ask.at.as_microsecond(),
            expires.map(Timestamp::as_millisecond),
        ])?;
    Ok(Some(Issued { code, expires, fresh: true }))
}

fn can_give(connection: &Connection, ask: &CodeAsk) -> Result<bool> {
    if let Some(held) = held(connection, ask)? {
        return Ok(held.issued(ask.at).is_some());
    }
    match &ask.supply {
        _ if ask.is_over() => Ok(false),
        Supply::Listed => connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM coupon_codes WHERE site = ?1 AND pool = ?2 AND state = 0 AND expires > ?3)",
            )?
            .query_row(params![ask.site.as_str(), ask.pool, ask.at.as_millisecond()], |row| row.get(0)),
        Supply::Pattern { limit, .. } => has_room(connection, ask, *limit),
        Supply::Fixed { code, limit } => {
            let state: Option<i64> = connection
                .prepare_cached("SELECT state FROM coupon_codes WHERE site = ?1 AND code = ?2")?
                .query_row(params![ask.site.as_str(), code], |row| row.get(0))
                .optional()?;
            Ok(state.is_none_or(|state| state == EVERYBODYS) && has_room(connection, ask, *limit)?)
        }
    }
}

/// Whether fewer than so many of a pool are counted.
fn has_room(connection: &Connection, ask: &CodeAsk, limit: u64) -> Result<bool> {
    let taken: Option<i64> = connection
        .prepare_cached("SELECT taken FROM coupon_pools WHERE site = ?1 AND pool = ?2")?
        .query_row(params![ask.site.as_str(), ask.pool], |row| row.get(0))
        .optional()?;
    Ok(taken.unwrap_or(0).unsigned_abs() < limit)
}

/// Takes a code out of the supply, and tells when it ceases to hold by itself.
fn take(connection: &Connection, ask: &CodeAsk, maker: &CodeMaker) -> Result<Option<(Arc<str>, Option<Timestamp>)>> {
    match &ask.supply {
        Supply::Listed => take_listed(connection, ask),
        Supply::Pattern { pattern, limit } => {
            for _ in 0..TRIES {
                let code = maker.make(pattern);
                if insert_code(connection, &ask.site, &ask.pool, &code, SOMEBODYS, None)? {
                    let counted = count_up(connection, ask, *limit)?;
                    if !counted {
                        delete_code(connection, ask, &code)?;
                    }
                    return Ok(counted.then(|| (code.into(), None)));
                }
            }
            Ok(None)
        }
        Supply::Fixed { code, limit } => {
            insert_code(connection, &ask.site, &ask.pool, code, EVERYBODYS, None)?;
            let state: i64 = connection
                .prepare_cached("SELECT state FROM coupon_codes WHERE site = ?1 AND code = ?2")?
                .query_row(params![ask.site.as_str(), code], |row| row.get(0))?;
            // One person's code is not to become everybody's.
            let given = state == EVERYBODYS && count_up(connection, ask, *limit)?;
            Ok(given.then(|| (code.clone(), None)))
        }
    }
}

/// The listed code that expires first.
fn take_listed(connection: &Connection, ask: &CodeAsk) -> Result<Option<(Arc<str>, Option<Timestamp>)>> {
    connection
        .prepare_cached(
            "UPDATE coupon_codes SET state = 1 WHERE id = (
                 SELECT id FROM coupon_codes WHERE site = ?1 AND pool = ?2 AND state = 0 AND expires > ?3 ORDER BY expires, id LIMIT 1
             ) RETURNING code, expires",
        )?
        .query_row(params![ask.site.as_str(), ask.pool, ask.at.as_millisecond()], |row| {
            Ok((row.get(0)?, Timestamp::from_millisecond(row.get(1)?).ok()))
        })
        .optional()
}

/// Counts one more of a pool, unless it has reached its limit.
fn count_up(connection: &Connection, ask: &CodeAsk, limit: u64) -> Result<bool> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO coupon_pools (site, pool, taken, most) VALUES (?1, ?2, 0, ?3)
             ON CONFLICT (site, pool) DO UPDATE SET most = ?3 WHERE most IS NOT ?3",
        )?
        .execute(params![ask.site.as_str(), ask.pool, limit])?;
    connection
        .prepare_cached("UPDATE coupon_pools SET taken = taken + 1 WHERE site = ?1 AND pool = ?2 AND taken < most")?
        .execute(params![ask.site.as_str(), ask.pool])
        .map(|rows| rows == 1)
}

fn delete_code(connection: &Connection, ask: &CodeAsk, code: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM coupon_codes WHERE site = ?1 AND code = ?2")?
        .execute(params![ask.site.as_str(), code])
        .map(drop)
}

fn give_back(connection: &Connection, ask: &CodeAsk) -> Result<bool> {
    let returned: Option<Arc<str>> = connection
        .prepare_cached(
            "DELETE FROM coupon_grants AS g
             WHERE site = ?1 AND pool = ?2 AND holder = ?3 AND given = ?4 AND kept = 0 AND seen IS NULL
               AND NOT EXISTS (SELECT 1 FROM coupon_codes c WHERE c.site = g.site AND c.code = g.code AND c.state = 3)
             RETURNING code",
        )?
        .query_row(params![ask.site.as_str(), ask.pool, ask.holder.key(), ask.at.as_microsecond()], |row| row.get(0))
        .optional()?;
    let Some(code) = returned else { return Ok(false) };
    match &ask.supply {
        Supply::Listed => {
            connection
                .prepare_cached("UPDATE coupon_codes SET state = 0 WHERE site = ?1 AND code = ?2")?
                .execute(params![ask.site.as_str(), code])?;
        }
        Supply::Pattern { .. } => delete_code(connection, ask, &code)?,
        Supply::Fixed { .. } => {}
    }
    if ask.supply != Supply::Listed {
        connection
            .prepare_cached("UPDATE coupon_pools SET taken = taken - 1 WHERE site = ?1 AND pool = ?2")?
            .execute(params![ask.site.as_str(), ask.pool])?;
    }
    Ok(true)
}

fn see(connection: &Connection, ask: &CodeAsk) -> Result<bool> {
    connection
        .prepare_cached(
            "UPDATE coupon_grants SET seen = ?4 WHERE site = ?1 AND pool = ?2 AND holder = ?3 AND seen IS NULL",
        )?
        .execute(params![ask.site.as_str(), ask.pool, ask.holder.key(), ask.at.as_millisecond()])
        .map(|rows| rows == 1)
}

/// The order is given by its name, and by its plain number, which it may be there by from before.
fn redeem(connection: &Connection, site: &SiteId, code: &str, order: [&String; 2], at: Timestamp) -> Result<bool> {
    // Two codes may differ in their letters' case alone: then only the exact one is meant.
    let mut alike = connection.prepare_cached(
        "SELECT id, code, pool, state FROM coupon_codes WHERE site = ?1 AND folded = ?2 ORDER BY code <> ?3 LIMIT 2",
    )?;
    let alike: Vec<(i64, Arc<str>, Arc<str>, i64)> = alike
        .query_map(params![site.as_str(), folded(code), code.trim()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_>>()?;
    let (id, found, pool, state) = match alike.as_slice() {
        [first, others @ ..] if others.is_empty() || *first.1 == *code.trim() => first,
        _ => return Ok(false),
    };
    if *state == REDEEMED {
        return Ok(false);
    }
    if *state != EVERYBODYS {
        // Even if nobody was given it: the shop gave it by other ways, and it must not be given again.
        connection.prepare_cached("UPDATE coupon_codes SET state = 3 WHERE id = ?1")?.execute([id])?;
    }
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO coupon_redemptions (site, code, order_id, pool, at) SELECT ?1, ?2, ?3, ?4, ?5
             WHERE NOT EXISTS (SELECT 1 FROM coupon_redemptions WHERE site = ?1 AND code = ?2 AND order_id = ?6)",
        )?
        .execute(params![site.as_str(), found, order[0], pool, at.as_millisecond(), order[1]])
        .map(|rows| rows == 1)
}

fn state(connection: &Connection, site: &SiteId, pool: &str, at: Timestamp) -> Result<PoolState> {
    let names = params![site.as_str(), pool];
    let limited: Option<Option<i64>> = connection
        .prepare_cached("SELECT max(most - taken, 0) FROM coupon_pools WHERE site = ?1 AND pool = ?2")?
        .query_row(names, |row| row.get(0))
        .optional()?;
    let free = match limited {
        None => None,
        Some(Some(left)) => Some(left.unsigned_abs()),
        Some(None) => connection
            .prepare_cached(
                "SELECT count(*) FROM coupon_codes WHERE site = ?1 AND pool = ?2 AND state = 0 AND expires > ?3",
            )?
            .query_row(params![site.as_str(), pool, at.as_millisecond()], |row| count(row, 0).map(Some))?,
    };
    let (given, seen) = connection
        .prepare_cached("SELECT count(*), count(seen) FROM coupon_grants WHERE site = ?1 AND pool = ?2")?
        .query_row(names, |row| Ok((count(row, 0)?, count(row, 1)?)))?;
    let redeemed = connection
        .prepare_cached("SELECT count(*) FROM coupon_redemptions WHERE site = ?1 AND pool = ?2")?
        .query_row(names, |row| count(row, 0))?;
    Ok(PoolState { free, given, seen, redeemed })
}

fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}
