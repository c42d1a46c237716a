//! What is kept of a visitor in Redis: their profile and their claims. Events are the ledger's.

use super::row::{ERASED, Writer};
use super::script::Call;
use super::{RedisStore, TOGETHER, hex, name};
use crate::ids::{SiteId, VisitorId};
use crate::store::live::lock;
use crate::store::records::{Before, Erased, Kept, Records};
use crate::store::seal::is_sealed;
use crate::store::{ProfileKey, StoreError, codec};
use async_trait::async_trait;
use redis::Value;
use std::sync::atomic::Ordering;

#[async_trait]
impl Records for RedisStore {
    async fn about(&self, key: &ProfileKey, _most: usize) -> Result<Kept, StoreError> {
        let row = self.read(key).await?.filter(|row| !row.is_erased());
        let profile = match row.map(|row| codec::decode(&row.body)) {
            // It is no reason to say that there is none.
            Some(Err(error @ codec::InvalidProfile::Sealed)) => {
                return Err(StoreError::Backend { location: self.link.place().to_string(), reason: error.to_string() });
            }
            decoded => decoded.and_then(|profile| serde_json::to_value(profile.ok()?).ok()),
        };
        Ok(Kept { profile, ..Kept::default() })
    }

    async fn erase(&self, key: &ProfileKey) -> Result<Erased, StoreError> {
        self.live.erase(key);
        lock(&self.attempts).remove(key);
        let mut call = Call::over([name(key, "p"), name(key, "c")]);
        let write = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        call.arg(Writer { process: self.process, write }.to_bytes()).number(ERASED);
        let was_there = self.run_one(&self.scripts.erase, call).await? == Value::Int(1);
        self.forget(key).await?;
        Ok(Erased { profiles: usize::from(was_there), ..Erased::default() })
    }

    async fn browsers_of(&self, customer: &ProfileKey) -> Result<Vec<VisitorId>, StoreError> {
        let pointer = hex(customer.visitor);
        let mut browsers = Vec::new();
        for names in self.names_of(&customer.site).await?.chunks(TOGETHER) {
            for (visitor, row) in self.rows_of(&customer.site, names).await? {
                if is_sealed(&row.body) {
                    // It may be theirs: nobody is told that they were erased.
                    return Err(StoreError::Backend {
                        location: self.link.place().to_string(),
                        reason: codec::InvalidProfile::Sealed.to_string(),
                    });
                }
                // Only what has these digits at all is worth being read.
                let may_point = memchr::memmem::find(&row.body, pointer.as_bytes()).is_some();
                if may_point && codec::decode(&row.body).is_ok_and(|own| own.joined == Some(customer.visitor)) {
                    browsers.push(visitor);
                }
            }
        }
        Ok(browsers)
    }

    /// Redis forgets by itself: from now on, after the site's own time.
    async fn sweep(&self, site: &SiteId, before: &Before, _most: usize) -> Result<usize, StoreError> {
        lock(&self.kept_since).insert(site.clone(), before.profiles.as_second());
        Ok(0)
    }

    async fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        Ok(Vec::new())
    }
}
