//! Keeps catalogues over restarts: what changed is written in batches, what was kept comes back when a site is first asked for.

use super::Catalogues;
use crate::ids::SiteId;
use crate::store::products::Kept;
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// How often what changed is written.
const INTERVAL: Duration = Duration::from_secs(2);
/// Most products that are written at once.
const BATCH: usize = 500;

/// Writes what changed, and brings back what was kept.
pub struct Keeper {
    catalogues: Arc<Catalogues>,
    store: Arc<dyn Store>,
}

impl Keeper {
    /// A keeper; someone must [`run`](Self::run) it.
    #[must_use]
    pub fn new(catalogues: Arc<Catalogues>, store: Arc<dyn Store>) -> Self {
        Self { catalogues, store }
    }

    /// Works until it is told to stop, and writes then what has changed.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut failed = false;
        loop {
            let stopped = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            let written = self.turn().await;
            if let Err(error) = &written
                && !failed
            {
                tracing::warn!(%error, "the catalogue cannot be kept; it is tried again");
            }
            failed = written.is_err();
            if stopped {
                return;
            }
        }
    }

    /// Brings back what is not there yet, and writes what has changed.
    ///
    /// # Errors
    /// When the store fails: what was not written is written the next time.
    pub async fn turn(&self) -> Result<(), StoreError> {
        for (site, catalogue) in self.catalogues.all() {
            if !catalogue.restored.load(Ordering::Acquire) {
                for kept in self.store.products().all(&site).await? {
                    catalogue.restore(kept);
                }
                catalogue.restored.store(true, Ordering::Release);
            }
            let (changed, gone) = catalogue.shelf.write().changes();
            self.write(&site, changed, gone).await?;
        }
        Ok(())
    }

    async fn write(&self, site: &SiteId, changed: Vec<Kept>, gone: Vec<String>) -> Result<(), StoreError> {
        let mut batches = changed.chunks(BATCH).map(<[Kept]>::to_vec).collect::<Vec<_>>().into_iter();
        let mut gone = gone;
        while let Some(batch) = batches.next().or_else(|| (!gone.is_empty()).then(Vec::new)) {
            let leaving = std::mem::take(&mut gone);
            if let Err(error) = self.store.products().put(site, batch.clone(), leaving.clone()).await {
                let ids = batch.into_iter().chain(batches.flatten()).map(|kept| kept.product.id);
                self.catalogues.of(site).shelf.write().changed_still(ids, leaving);
                return Err(error);
            }
        }
        Ok(())
    }
}
