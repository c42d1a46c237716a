//! Coupons in PostgreSQL. Giving a code is one statement, committed by itself: either all of it happened, or nothing.
//!
//! Machines that give codes of a list pass over those that others are just giving; those that count towards a limit wait for each
//! other at the pool's row. A holder who asks in two places at once meets the unique index on holders: the second try finds what
//! the first was given.

use super::{CALL, PostgresLedger, text};
use crate::ids::SiteId;
use crate::store::StoreError;
use crate::store::codes::CodeMaker;
use crate::store::coupons::{CodeAsk, Coupons, Holder, Issued, PoolState, Step, Supply, folded};
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Object};
use jiff::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// Codes added by one statement.
const PORTION: usize = 5_000;
/// So many codes that are there already, and a pattern is taken for used up.
const TRIES: usize = 64;

const EVERYBODYS: i16 = 2;
const REDEEMED: i16 = 3;

#[async_trait]
impl Coupons for PostgresLedger {
    async fn add_codes(
        &self,
        site: &SiteId,
        pool: &str,
        codes: &[String],
        expires: Option<Timestamp>,
    ) -> Result<usize, StoreError> {
        let mut added = 0;
        for portion in codes.chunks(PORTION) {
            let client = self.client().await?;
            let done = tokio::time::timeout(super::BATCH, add(&client, site, pool, portion, expires)).await;
            added += self.settle(client, done)?;
        }
        Ok(added)
    }

    async fn reserve(&self, plain: &CodeAsk) -> Result<Option<Issued>, StoreError> {
        let client = self.client().await?;
        let named = self.sealing()?.ask(plain);
        let done = tokio::time::timeout(CALL, async {
            let asked = Ask::of(&named);
            rename(&client, plain, &asked).await?;
            reserve(&client, &asked, &self.maker).await
        })
        .await;
        self.settle(client, done)
    }

    async fn can_give(&self, plain: &CodeAsk) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let named = self.sealing()?.ask(plain);
        let done = tokio::time::timeout(CALL, async {
            let asked = Ask::of(&named);
            rename(&client, plain, &asked).await?;
            can_give(&client, &asked).await
        })
        .await;
        self.settle(client, done)
    }

    async fn mark(&self, plain: &CodeAsk, step: Step) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let named = self.sealing()?.ask(plain);
        let done = tokio::time::timeout(CALL, async {
            let asked = Ask::of(&named);
            rename(&client, plain, &asked).await?;
            match step {
                Step::Returned => give_back(&client, &asked).await,
                Step::Seen => see(&client, &asked).await,
            }
        })
        .await;
        self.settle(client, done)
    }

    async fn redeemed(&self, site: &SiteId, code: &str, order: &str, at: Timestamp) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let plain = text(order);
        let name = self.sealing()?.order_name(site, &plain);
        let done = tokio::time::timeout(CALL, redeem(&client, site, &text(code), [&name, &plain], at)).await;
        self.settle(client, done)
    }

    async fn disown(&self, site: &SiteId, holder: &Holder) -> Result<usize, StoreError> {
        let client = self.client().await?;
        let named = self.sealing()?.holder(site, holder);
        let done = tokio::time::timeout(super::BATCH, async {
            let by_number = disown(&client, site, holder).await?;
            Ok(by_number + if named == *holder { 0 } else { disown(&client, site, &named).await? })
        })
        .await;
        self.settle(client, done)
    }

    async fn pool(&self, site: &SiteId, pool: &str, at: Timestamp) -> Result<PoolState, StoreError> {
        let client = self.client().await?;
        let done = tokio::time::timeout(super::BATCH, state(&client, site, pool, at)).await;
        self.settle(client, done)
    }

    async fn pools(&self) -> Result<Vec<(SiteId, String)>, StoreError> {
        let client = self.client().await?;
        let query = client.query("SELECT site, pool FROM coupon_pools ORDER BY site, pool", &[]);
        let done = tokio::time::timeout(CALL, query).await;
        let rows = self.settle(client, done)?;
        Ok(rows.iter().map(|row| (SiteId::new(row.get(0)), row.get(1))).collect())
    }
}

/// Forgets which codes are a holder's. They stay taken: nobody knows by whom.
pub(super) async fn disown(client: &impl GenericClient, site: &SiteId, holder: &Holder) -> Result<usize, Error> {
    let forget = "DELETE FROM coupon_grants WHERE site = $1 AND holder = $2";
    client.execute(forget, &[&text(site.as_str()), &holder.key()]).await.map(|rows| rows as usize)
}

/// What is asked, in the columns' types.
struct Ask<'a> {
    site: String,
    pool: String,
    holder: Vec<u8>,
    supply: &'a Supply,
    at: Timestamp,
    millisecond: i64,
    given: i64,
    expires: i64,
    is_over: bool,
}

impl<'a> Ask<'a> {
    fn of(ask: &'a CodeAsk) -> Self {
        Self {
            site: text(ask.site.as_str()),
            pool: text(&ask.pool),
            holder: ask.holder.key(),
            supply: &ask.supply,
            at: ask.at,
            millisecond: ask.at.as_millisecond(),
            given: ask.at.as_microsecond(),
            expires: ask.expires.map_or(i64::MAX, Timestamp::as_millisecond),
            is_over: ask.is_over(),
        }
    }
}

async fn query(client: &Object, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, values).await
}

async fn execute(client: &Object, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, values).await
}

/// Gives a holder who is there by their plain number the name that they have now.
async fn rename(client: &Object, plain: &CodeAsk, asked: &Ask<'_>) -> Result<(), Error> {
    let before = plain.holder.key();
    if before == asked.holder {
        return Ok(());
    }
    let rename = "
        UPDATE coupon_grants SET holder = $3 WHERE site = $1 AND pool = $2 AND holder = $4
            AND NOT EXISTS (SELECT 1 FROM coupon_grants WHERE site = $1 AND pool = $2 AND holder = $3)";
    execute(client, rename, &[&asked.site, &asked.pool, &asked.holder, &before]).await.map(drop)
}

async fn add(
    client: &Object,
    site: &SiteId,
    pool: &str,
    codes: &[String],
    expires: Option<Timestamp>,
) -> Result<usize, Error> {
    // In one order everywhere: two machines that add the same codes never wait for each other in a ring.
    let mut codes: Vec<String> = codes.iter().map(|code| text(code)).collect();
    codes.sort_unstable();
    codes.dedup();
    let folded: Vec<String> = codes.iter().map(|code| folded(code)).collect();
    let expires = expires.map_or(i64::MAX, Timestamp::as_millisecond);
    let added = execute(
        client,
        "WITH known AS (INSERT INTO coupon_pools (site, pool) VALUES ($1::text, $2::text) ON CONFLICT DO NOTHING)
         INSERT INTO coupon_codes (site, pool, code, folded, state, expires)
         SELECT $1::text, $2::text, code, folded, 0, $5::bigint FROM unnest($3::text[], $4::text[]) AS new (code, folded)
         ON CONFLICT (site, code) DO NOTHING",
        &[&text(site.as_str()), &text(pool), &codes, &folded, &expires],
    )
    .await?;
    Ok(added as usize)
}

async fn reserve(client: &Object, ask: &Ask<'_>, maker: &CodeMaker) -> Result<Option<Issued>, Error> {
    let mut tries = 0;
    loop {
        if let Some(answer) = held(client, ask).await? {
            return Ok(answer);
        }
        if ask.is_over {
            return Ok(None);
        }
        match give(client, ask, maker).await {
            Ok(given) => return Ok(given),
            // The holder was quicker in another place, or somebody has the code that was made.
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) && tries < TRIES => tries += 1,
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

async fn can_give(client: &Object, ask: &Ask<'_>) -> Result<bool, Error> {
    if let Some(row) = query(client, HELD, &[&ask.site, &ask.pool, &ask.holder]).await?.first() {
        return Ok(holds(row, ask));
    }
    if ask.is_over {
        return Ok(false);
    }
    let free = "
        SELECT CASE WHEN $4::bigint IS NULL
            THEN EXISTS (SELECT 1 FROM coupon_codes WHERE site = $1::text AND pool = $2::text AND state = 0 AND expires > $3::bigint)
            ELSE $4::bigint > coalesce((SELECT taken FROM coupon_pools WHERE site = $1::text AND pool = $2::text), 0)
                AND NOT EXISTS (SELECT 1 FROM coupon_codes WHERE site = $1::text AND code = $5::text AND state <> 2)
        END";
    let (limit, code) = match ask.supply {
        Supply::Listed => (None, None),
        Supply::Pattern { limit, .. } => (Some(*limit), None),
        Supply::Fixed { code, limit } => (Some(*limit), Some(text(code))),
    };
    let limit = limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = query(client, free, &[&ask.site, &ask.pool, &ask.millisecond, &limit, &code]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// What a holder has of a pool.
const HELD: &str = "
    SELECT code, expires, kept,
           EXISTS (SELECT 1 FROM coupon_codes c WHERE c.site = g.site AND c.code = g.code AND c.state = 3)
    FROM coupon_grants g WHERE site = $1 AND pool = $2 AND holder = $3";

/// Whether it still holds.
fn holds(row: &Row, ask: &Ask<'_>) -> bool {
    !row.get::<_, bool>(3) && issued(row, false).expires.is_none_or(|expires| expires > ask.at)
}

/// What the holder has, handed out again. `None`: nothing.
async fn held(client: &Object, ask: &Ask<'_>) -> Result<Option<Option<Issued>>, Error> {
    let rows = query(client, HELD, &[&ask.site, &ask.pool, &ask.holder]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !row.get::<_, bool>(2) {
        let keep = "UPDATE coupon_grants SET kept = TRUE WHERE site = $1 AND pool = $2 AND holder = $3 AND code = $4";
        let kept = execute(client, keep, &[&ask.site, &ask.pool, &ask.holder, &row.get::<_, &str>(0)]).await?;
        if kept == 0 {
            // It went back just now.
            return Ok(None);
        }
    }
    Ok(Some(holds(row, ask).then(|| issued(row, false))))
}

fn issued(row: &Row, fresh: bool) -> Issued {
    let expires: Option<i64> = row.get(1);
    let expires = expires.and_then(|at| Timestamp::from_millisecond(at).ok());
    Issued { code: row.get::<_, &str>(0).into(), expires, fresh }
}

async fn give(client: &Object, ask: &Ask<'_>, maker: &CodeMaker) -> Result<Option<Issued>, Error> {
    let (limit, rows) = match ask.supply {
        Supply::Listed => (None, give_listed(client, ask).await?),
        Supply::Pattern { pattern, limit } => {
            let code = text(&maker.make(pattern));
            let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
            (Some(limit), give_made(client, ask, &code, limit).await?)
        }
        Supply::Fixed { code, limit } => {
            let (code, limit) = (text(code), i64::try_from(*limit).unwrap_or(i64::MAX));
            (Some(limit), give_fixed(client, ask, &code, limit).await?)
        }
    };
    if let (Some(limit), true) = (limit, rows.is_empty()) {
        // There is none left; perhaps because the limit was lowered, which whoever looks at the pool wants to see.
        let note = "UPDATE coupon_pools SET most = $3 WHERE site = $1 AND pool = $2 AND most IS DISTINCT FROM $3";
        execute(client, note, &[&ask.site, &ask.pool, &limit]).await?;
    }
    Ok(rows.first().map(|row| issued(row, true)))
}

/// The listed code that expires first.
async fn give_listed(client: &Object, ask: &Ask<'_>) -> Result<Vec<Row>, Error> {
    let give = "
        WITH free AS (
            SELECT id FROM coupon_codes WHERE site = $1::text AND pool = $2::text AND state = 0 AND expires > $4::bigint
            ORDER BY expires, id LIMIT 1 FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE coupon_codes c SET state = 1 FROM free WHERE c.id = free.id RETURNING c.code, c.expires
        )
        INSERT INTO coupon_grants (site, pool, holder, code, shared, given, expires)
        SELECT $1::text, $2::text, $3::bytea, code, FALSE, $5::bigint, nullif(least(expires, $6::bigint), 9223372036854775807) FROM taken
        RETURNING code, expires";
    query(client, give, &[&ask.site, &ask.pool, &ask.holder, &ask.millisecond, &ask.given, &ask.expires]).await
}

/// A code that was made for the holder.
async fn give_made(client: &Object, ask: &Ask<'_>, code: &str, limit: i64) -> Result<Vec<Row>, Error> {
    let give = "
        WITH counted AS (
            INSERT INTO coupon_pools AS p (site, pool, taken, most) SELECT $1::text, $2::text, 1, $4::bigint WHERE $4::bigint > 0
            ON CONFLICT (site, pool) DO UPDATE SET taken = p.taken + 1, most = $4::bigint WHERE p.taken < $4::bigint RETURNING 1
        ), made AS (
            INSERT INTO coupon_codes (site, pool, code, folded, state, expires)
            SELECT $1::text, $2::text, $5::text, $6::text, 1, 9223372036854775807 FROM counted RETURNING code
        )
        INSERT INTO coupon_grants (site, pool, holder, code, shared, given, expires)
        SELECT $1::text, $2::text, $3::bytea, code, FALSE, $7::bigint, nullif($8::bigint, 9223372036854775807) FROM made
        RETURNING code, expires";
    let folded = folded(code);
    let values: [&(dyn ToSql + Sync); 8] =
        [&ask.site, &ask.pool, &ask.holder, &limit, &code, &folded, &ask.given, &ask.expires];
    query(client, give, &values).await
}

/// Everybody's code.
async fn give_fixed(client: &Object, ask: &Ask<'_>, code: &str, limit: i64) -> Result<Vec<Row>, Error> {
    let look = "SELECT state FROM coupon_codes WHERE site = $1 AND code = $2";
    let mut state = query(client, look, &[&ask.site, &code]).await?;
    if state.is_empty() {
        let add = "
            INSERT INTO coupon_codes (site, pool, code, folded, state, expires) VALUES ($1, $2, $3, $4, 2, 9223372036854775807)
            ON CONFLICT (site, code) DO NOTHING";
        execute(client, add, &[&ask.site, &ask.pool, &code, &folded(code)]).await?;
        state = query(client, look, &[&ask.site, &code]).await?;
    }
    // One person's code is not to become everybody's.
    if state.first().is_none_or(|row| row.get::<_, i16>(0) != EVERYBODYS) {
        return Ok(Vec::new());
    }
    let give = "
        WITH counted AS (
            INSERT INTO coupon_pools AS p (site, pool, taken, most) SELECT $1::text, $2::text, 1, $4::bigint WHERE $4::bigint > 0
            ON CONFLICT (site, pool) DO UPDATE SET taken = p.taken + 1, most = $4::bigint WHERE p.taken < $4::bigint RETURNING 1
        )
        INSERT INTO coupon_grants (site, pool, holder, code, shared, given, expires)
        SELECT $1::text, $2::text, $3::bytea, $5::text, TRUE, $6::bigint, nullif($7::bigint, 9223372036854775807) FROM counted
        RETURNING code, expires";
    query(client, give, &[&ask.site, &ask.pool, &ask.holder, &limit, &code, &ask.given, &ask.expires]).await
}

async fn give_back(client: &Object, ask: &Ask<'_>) -> Result<bool, Error> {
    let give_back = "
        WITH returned AS (
            DELETE FROM coupon_grants g
            WHERE site = $1::text AND pool = $2::text AND holder = $3::bytea AND given = $4::bigint AND NOT kept AND seen IS NULL
              AND NOT EXISTS (SELECT 1 FROM coupon_codes c WHERE c.site = g.site AND c.code = g.code AND c.state = 3)
            RETURNING code
        ), freed AS (
            UPDATE coupon_codes c SET state = 0 FROM returned WHERE c.site = $1::text AND c.code = returned.code AND c.state = 1 AND $5::boolean
        ), unmade AS (
            DELETE FROM coupon_codes c USING returned WHERE c.site = $1::text AND c.code = returned.code AND c.state = 1 AND $6::boolean
        ), counted AS (
            UPDATE coupon_pools SET taken = taken - 1
            WHERE site = $1::text AND pool = $2::text AND NOT $5::boolean AND EXISTS (SELECT 1 FROM returned)
        )
        SELECT 1 FROM returned";
    let (is_listed, is_made) = (*ask.supply == Supply::Listed, matches!(ask.supply, Supply::Pattern { .. }));
    let values: [&(dyn ToSql + Sync); 6] = [&ask.site, &ask.pool, &ask.holder, &ask.given, &is_listed, &is_made];
    Ok(!query(client, give_back, &values).await?.is_empty())
}

async fn see(client: &Object, ask: &Ask<'_>) -> Result<bool, Error> {
    let see = "UPDATE coupon_grants SET seen = $4 WHERE site = $1 AND pool = $2 AND holder = $3 AND seen IS NULL";
    Ok(execute(client, see, &[&ask.site, &ask.pool, &ask.holder, &ask.millisecond]).await? == 1)
}

/// The order is given by its name, and by its plain number, which it may be there by from before.
async fn redeem(
    client: &Object,
    site: &SiteId,
    code: &str,
    [order, plain]: [&String; 2],
    at: Timestamp,
) -> Result<bool, Error> {
    let site = text(site.as_str());
    // Two codes may differ in their letters' case alone: then only the exact one is meant.
    let look = "
        SELECT id, code, pool, state FROM coupon_codes WHERE site = $1 AND folded = $2 ORDER BY code <> $3 LIMIT 2";
    let alike = query(client, look, &[&site, &folded(code), &code.trim()]).await?;
    let found = match alike.as_slice() {
        [first, others @ ..] if others.is_empty() || first.get::<_, &str>(1) == code.trim() => first,
        _ => return Ok(false),
    };
    let (id, found, pool, state): (i64, &str, &str, i16) = (found.get(0), found.get(1), found.get(2), found.get(3));
    let at = at.as_millisecond();
    let noted = match state {
        REDEEMED => 0,
        EVERYBODYS => {
            let note = "
                INSERT INTO coupon_redemptions (site, code, order_id, pool, at)
                SELECT $1::text, $2::text, $3::text, $4::text, $5::bigint
                WHERE NOT EXISTS (SELECT 1 FROM coupon_redemptions WHERE site = $1 AND code = $2 AND order_id = $6)
                ON CONFLICT (site, code, order_id) DO NOTHING";
            execute(client, note, &[&site, &found, order, &pool, &at, plain]).await?
        }
        // Even if nobody was given it: the shop gave it by other ways, and it must not be given again.
        _ => {
            let note = "
                WITH redeemed AS (UPDATE coupon_codes SET state = 3 WHERE id = $1 AND state IN (0, 1) RETURNING site, code, pool)
                INSERT INTO coupon_redemptions (site, code, order_id, pool, at) SELECT site, code, $2, pool, $3 FROM redeemed";
            execute(client, note, &[&id, order, &at]).await?
        }
    };
    Ok(noted == 1)
}

async fn state(client: &Object, site: &SiteId, pool: &str, at: Timestamp) -> Result<PoolState, Error> {
    let look = "
        SELECT (SELECT CASE WHEN most IS NULL THEN free.count ELSE greatest(most - taken, 0) END
                FROM coupon_pools,
                     LATERAL (SELECT count(*) FROM coupon_codes
                              WHERE most IS NULL AND site = $1 AND pool = $2 AND state = 0 AND expires > $3) free
                WHERE site = $1 AND pool = $2),
               (SELECT count(*) FROM coupon_grants WHERE site = $1 AND pool = $2),
               (SELECT count(seen) FROM coupon_grants WHERE site = $1 AND pool = $2),
               (SELECT count(*) FROM coupon_redemptions WHERE site = $1 AND pool = $2)";
    let rows = query(client, look, &[&text(site.as_str()), &text(pool), &at.as_millisecond()]).await?;
    let count = |column| rows.first().and_then(|row| row.get::<_, Option<i64>>(column)).map(i64::unsigned_abs);
    Ok(PoolState {
        free: count(0),
        given: count(1).unwrap_or_default(),
        seen: count(2).unwrap_or_default(),
        redeemed: count(3).unwrap_or_default(),
    })
}
