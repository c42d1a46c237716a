//! A site's products, as JSON: nothing asks for them but by site.

use super::SqliteStore;
use crate::ids::SiteId;
use crate::store::StoreError;
use crate::store::products::{Kept, Products};
use async_trait::async_trait;
use rusqlite::params;

#[async_trait]
impl Products for SqliteStore {
    async fn put(&self, site: &SiteId, products: Vec<Kept>, gone: Vec<String>) -> Result<(), StoreError> {
        let site = site.clone();
        self.change(move |connection| {
            let mut remove = connection.prepare_cached("DELETE FROM products WHERE site = ?1 AND id = ?2")?;
            for id in &gone {
                remove.execute(params![site.as_str(), id])?;
            }
            let mut put = connection
                .prepare_cached("INSERT OR REPLACE INTO products (site, id, seen, body) VALUES (?1, ?2, ?3, ?4)")?;
            for kept in &products {
                let body = serde_json::to_string(kept)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                put.execute(params![site.as_str(), kept.product.id, kept.seen, body])?;
            }
            Ok(())
        })
        .await
    }

    async fn all(&self, site: &SiteId) -> Result<Vec<Kept>, StoreError> {
        let site = site.clone();
        self.look(move |connection| {
            let mut select =
                connection.prepare_cached("SELECT body FROM products WHERE site = ?1 ORDER BY seen DESC, id")?;
            let rows = select.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
            let bodies: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
            // What cannot be read any more is learnt again.
            Ok(bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect())
        })
        .await
    }
}
