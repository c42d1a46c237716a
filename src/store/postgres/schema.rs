//! The tables in PostgreSQL, and their versions.

use deadpool_postgres::Object;
use tokio_postgres::Error;

/// Step n leads from version n to n + 1. A step that was released is never edited: add another.
///
/// While machines are brought up to date one by one, older programs work on the newer's tables: a step only adds, and an older
/// program takes newer tables as they are.
const STEPS: &[&str] = &[
    "
    CREATE TABLE events (
        id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        site       TEXT   NOT NULL,
        at         BIGINT NOT NULL,  -- Unix milliseconds
        visitor    BYTEA  NOT NULL,
        kind       TEXT   NOT NULL,
        scenario   TEXT,
        variant    TEXT,
        path       TEXT,
        parameters JSONB             -- GA4's
    );
    -- Reports ask for one scenario, or for page views (which have none), of a site over a time.
    CREATE INDEX events_for_reports ON events (site, scenario, at);
    CREATE INDEX events_of_visitor ON events (site, visitor);
    CREATE INDEX events_by_age ON events (site, at);

    -- The first purchase of each order id.
    CREATE TABLE orders (
        site     TEXT   NOT NULL,
        id       TEXT   NOT NULL,
        at       BIGINT NOT NULL,  -- Unix milliseconds
        visitor  BYTEA  NOT NULL,
        value    DOUBLE PRECISION,  -- what was paid in all
        refunded DOUBLE PRECISION NOT NULL DEFAULT 0,
        PRIMARY KEY (site, id)
    );
    CREATE INDEX orders_of_visitor ON orders (site, visitor);

    -- The last batches of events of each process: one whose sender was not told comes again.
    CREATE TABLE batches (
        process BIGINT NOT NULL,
        number  BIGINT NOT NULL,
        PRIMARY KEY (process, number)
    );

    -- Each code of a site.
    CREATE TABLE coupon_codes (
        id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        site    TEXT   NOT NULL,
        code    TEXT   NOT NULL,
        folded  TEXT   NOT NULL,    -- to find one that was typed
        pool    TEXT   NOT NULL,
        state   SMALLINT NOT NULL,  -- 0 free, 1 somebody's, 2 everybody's, 3 redeemed
        expires BIGINT NOT NULL,    -- Unix milliseconds; the largest number is never
        CONSTRAINT coupon_code_once UNIQUE (site, code)
    );
    CREATE INDEX coupon_codes_free ON coupon_codes (site, pool, expires, id) WHERE state = 0;
    CREATE INDEX coupon_codes_folded ON coupon_codes (site, folded);

    -- Whose a code is.
    CREATE TABLE coupon_grants (
        site    TEXT    NOT NULL,
        pool    TEXT    NOT NULL,
        holder  BYTEA   NOT NULL,  -- v and a visitor, c and a customer
        code    TEXT    NOT NULL,
        shared  BOOLEAN NOT NULL,  -- it is everybody's
        given   BIGINT  NOT NULL,  -- Unix microseconds
        expires BIGINT,            -- Unix milliseconds
        kept    BOOLEAN NOT NULL DEFAULT FALSE,  -- it was handed out again: it cannot go back
        seen    BIGINT,            -- Unix milliseconds
        CONSTRAINT coupon_holder_once PRIMARY KEY (site, pool, holder)
    );
    CREATE UNIQUE INDEX coupon_grants_once ON coupon_grants (site, code) WHERE NOT shared;
    CREATE INDEX coupon_grants_of_holder ON coupon_grants (site, holder);

    -- Pools; of those with a limit, how far they are.
    CREATE TABLE coupon_pools (
        site    TEXT   NOT NULL,
        pool    TEXT   NOT NULL,
        taken   BIGINT NOT NULL DEFAULT 0,
        most    BIGINT,
        PRIMARY KEY (site, pool)
    ) WITH (fillfactor = 10);  -- few rows that change often

    CREATE TABLE coupon_redemptions (
        site     TEXT   NOT NULL,
        code     TEXT   NOT NULL,
        order_id TEXT   NOT NULL,
        pool     TEXT   NOT NULL,
        at       BIGINT NOT NULL,  -- Unix milliseconds
        PRIMARY KEY (site, code, order_id)
    );
    CREATE INDEX coupon_redemptions_of_pool ON coupon_redemptions (site, pool);

    -- Written to see whether it can be.
    CREATE TABLE ping (id INTEGER PRIMARY KEY CHECK (id = 1), count BIGINT NOT NULL) WITH (fillfactor = 10);
    INSERT INTO ping VALUES (1, 0);
",
    "
    CREATE TABLE products (
        site TEXT   NOT NULL,
        id   TEXT   NOT NULL,
        seen BIGINT NOT NULL,  -- Unix seconds
        body TEXT   NOT NULL,  -- see store/products.rs
        PRIMARY KEY (site, id)
    );
",
    "
    -- Messages about events that hooks want.
    CREATE TABLE outbox (
        id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message    TEXT   NOT NULL DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
        site       TEXT   NOT NULL,
        hook       TEXT   NOT NULL,  -- SITE/NAME
        due        BIGINT NOT NULL,  -- Unix milliseconds: not before; of one that is taken, when it comes back
        tries      BIGINT NOT NULL DEFAULT 0,
        at         BIGINT NOT NULL,  -- from here on as in events
        visitor    BYTEA  NOT NULL,
        kind       TEXT   NOT NULL,
        scenario   TEXT,
        variant    TEXT,
        path       TEXT,
        parameters JSONB
    );
    CREATE INDEX outbox_due ON outbox (hook, due, id);
    CREATE INDEX outbox_by_age ON outbox (hook, at, id);
    CREATE INDEX outbox_of_visitor ON outbox (site, visitor, hook, at, id);
",
    "
    -- What is sealed, see store/seal/rows.rs; the plain columns beside it are then empty.
    ALTER TABLE events ADD COLUMN sealed BYTEA;
    ALTER TABLE orders ADD COLUMN sealed BYTEA;
    ALTER TABLE outbox ADD COLUMN sealed BYTEA;
    -- The store's secret, sealed.
    CREATE TABLE sealing (id INTEGER PRIMARY KEY CHECK (id = 1), secret BYTEA NOT NULL);
",
];

/// `NOrn`: names the lock under which the tables are changed.
const LOCK: i64 = 0x4E4F_726E;

/// Brings the tables up to date. Of several machines that start at once, one does it and the others wait.
pub(super) async fn migrate(client: &mut Object) -> Result<(), Error> {
    if version(client).await? >= STEPS.len() {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction
        .batch_execute(&format!("SET LOCAL statement_timeout TO 0; SELECT pg_advisory_xact_lock({LOCK})"))
        .await?;
    // Looked at first: a user who may not create a schema may own this one.
    if transaction.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = 'noren'", &[]).await?.is_none() {
        transaction.batch_execute("CREATE SCHEMA noren").await?;
    }
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now())",
        )
        .await?;
    let found = transaction.query_one("SELECT coalesce(max(version), 0) FROM schema_versions", &[]).await?;
    let found = usize::try_from(found.get::<_, i32>(0)).unwrap_or_default();
    for (number, step) in STEPS.iter().enumerate().skip(found) {
        transaction.batch_execute(step).await?;
        transaction.execute("INSERT INTO schema_versions (version) VALUES ($1)", &[&(number as i32 + 1)]).await?;
    }
    transaction.commit().await
}

/// The version of the tables; 0: there are none.
async fn version(client: &Object) -> Result<usize, Error> {
    if client.query_one("SELECT to_regclass('noren.schema_versions') IS NULL", &[]).await?.get(0) {
        return Ok(0);
    }
    let row = client.query_one("SELECT coalesce(max(version), 0) FROM schema_versions", &[]).await?;
    Ok(usize::try_from(row.get::<_, i32>(0)).unwrap_or_default())
}
