//! What is known of a site's products, kept for the next start.
//!
//! The catalogue in memory is what is asked; a store only gives it back. What was not written is learnt again as pages pass.

use super::StoreError;
use crate::commerce::Product;
use crate::ids::SiteId;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Keeps products.
#[async_trait]
pub trait Products: Send + Sync {
    /// Puts products of a site over what it has of the same ids, and takes some out.
    async fn put(&self, site: &SiteId, products: Vec<Kept>, gone: Vec<String>) -> Result<(), StoreError>;

    /// All products of a site, the latest seen first.
    async fn all(&self, site: &SiteId) -> Result<Vec<Kept>, StoreError>;
}

/// Keeps none: where a store has no place for them, they are learnt anew after each start.
pub struct NoProducts;

#[async_trait]
impl Products for NoProducts {
    async fn put(&self, _: &SiteId, _: Vec<Kept>, _: Vec<String>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn all(&self, _: &SiteId) -> Result<Vec<Kept>, StoreError> {
        Ok(Vec::new())
    }
}

/// A product, and what is known of it besides what the shop's pages say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// What the pages say; its price is that in [`Kept::prices`] which the site asks for first.
    pub product: Product,
    /// Its prices, one a currency.
    pub prices: Vec<Price>,
    /// Addresses of its pages: path and query.
    pub pages: Vec<String>,
    /// When a page or a list last showed it, Unix seconds.
    pub seen: i64,
    /// When its own page was last read, Unix seconds; 0: never.
    pub read: i64,
}

/// A price in one currency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Price {
    /// ISO 4217; `None`: the site's.
    pub currency: Option<String>,
    /// How much.
    pub amount: f64,
    /// How much it was before that.
    pub before: Option<f64>,
    /// When it changed, Unix seconds.
    pub changed: i64,
}
