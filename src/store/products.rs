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

#[cfg(test)]
pub(super) mod contract {
    use super::*;

    /// What every backend must hold. `open` gives a store on the same data each time.
    pub(in crate::store) async fn holds<S>(open: impl Fn() -> S, products: impl Fn(&S) -> &dyn Products) {
        let (shop, other) = (SiteId::new("shop"), SiteId::new("other"));
        let kept = |id: &str, seen: i64| Kept {
            product: Product {
                id: id.into(),
                name: Some("湯呑み\u{0}".into()),
                price: Some(1200.0),
                ..Product::default()
            },
            prices: vec![Price { currency: Some("JPY".into()), amount: 1200.0, before: Some(1500.0), changed: 7 }],
            pages: vec!["/item/1?a=b".into()],
            seen,
            read: seen - 1,
        };
        let ids = |found: Vec<Kept>| found.into_iter().map(|kept| kept.product.id).collect::<Vec<_>>();
        let store = open();
        assert_eq!(products(&store).all(&shop).await.unwrap(), []);
        let first = vec![kept("a", 1), kept("b", 2), kept("c", 3)];
        products(&store).put(&shop, first, Vec::new()).await.unwrap();
        products(&store).put(&other, vec![kept("a", 1)], vec!["b".into()]).await.unwrap();
        products(&store).put(&shop, vec![kept("a", 9)], vec!["b".into(), "unknown".into()]).await.unwrap();
        products(&store).put(&shop, Vec::new(), Vec::new()).await.unwrap();
        drop(store);

        let store = open();
        let found = products(&store).all(&shop).await.unwrap();
        assert_eq!((found[0].seen, found[0].prices.clone()), (9, kept("a", 9).prices));
        assert_eq!((found[0].pages.clone(), found[0].product.price), (kept("a", 9).pages, Some(1200.0)));
        assert_eq!(ids(found), ["a", "c"], "the latest seen first");
        assert_eq!(ids(products(&store).all(&other).await.unwrap()), ["a"]);
    }
}
