//! A site's products in PostgreSQL, as JSON: nothing asks for them but by site.

use super::{BATCH, PostgresLedger, text};
use crate::ids::SiteId;
use crate::store::StoreError;
use crate::store::products::{Kept, Products};
use ahash::AHashMap;
use async_trait::async_trait;
use deadpool_postgres::Object;
use tokio_postgres::Error;

#[async_trait]
impl Products for PostgresLedger {
    async fn put(&self, site: &SiteId, products: Vec<Kept>, gone: Vec<String>) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let done = tokio::time::timeout(BATCH, put(&mut client, site, &products, &gone)).await;
        self.settle(client, done)
    }

    async fn all(&self, site: &SiteId) -> Result<Vec<Kept>, StoreError> {
        let client = self.client().await?;
        let done = tokio::time::timeout(BATCH, all(&client, site)).await;
        self.settle(client, done)
    }
}

/// Names, with a site, the lock under which its products are written.
const LOCK: i32 = 0x7072_6F64;

async fn put(client: &mut Object, site: &SiteId, products: &[Kept], gone: &[String]) -> Result<(), Error> {
    let mut rows: AHashMap<String, (i64, String)> = AHashMap::new();
    for kept in products {
        if let Ok(body) = serde_json::to_string(kept) {
            rows.insert(text(&kept.product.id), (kept.seen, body));
        }
    }
    let (mut ids, mut seen, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for (id, (at, body)) in rows {
        ids.push(id);
        seen.push(at);
        bodies.push(body);
    }
    let gone: Vec<String> = gone.iter().map(|id| text(id)).collect();
    let site = site.as_str();
    let transaction = client.transaction().await?;
    // Machines learn the same products at the same time: one after the other, none waits for another's row that waits for its own.
    transaction.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&LOCK, &site]).await?;
    transaction.execute("DELETE FROM products WHERE site = $1 AND id = ANY($2)", &[&site, &gone]).await?;
    transaction
        .execute(
            "INSERT INTO products (site, id, seen, body)
             SELECT $1, id, seen, body FROM unnest($2::TEXT[], $3::BIGINT[], $4::TEXT[]) AS new (id, seen, body)
             ON CONFLICT (site, id) DO UPDATE SET seen = excluded.seen, body = excluded.body
             WHERE products.seen <= excluded.seen",
            &[&site, &ids, &seen, &bodies],
        )
        .await?;
    transaction.commit().await
}

async fn all(client: &Object, site: &SiteId) -> Result<Vec<Kept>, Error> {
    let rows =
        client.query("SELECT body FROM products WHERE site = $1 ORDER BY seen DESC, id", &[&site.as_str()]).await?;
    // What cannot be read any more is learnt again.
    Ok(rows.iter().filter_map(|row| serde_json::from_str(row.get(0)).ok()).collect())
}
