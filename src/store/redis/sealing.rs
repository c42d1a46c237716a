//! The store's secret in Redis, and sealing the profiles that are there already.
//!
//! Profiles and the pages on which visitors are, are sealed. Not so what scripts judge or sort: when a visitor was last seen, and how often
//! which scenario was delivered to which visitor's number.

use super::row::HEAD;
use super::script::Call;
use super::{RedisStore, hex};
use crate::ids::{SiteId, VisitorId};
use crate::store::{ProfileKey, Resealed, StoreError};
use redis::{FromRedisValue, Value, cmd, from_redis_value};
use std::sync::atomic::Ordering;

/// Where the secret lies.
const SECRET: &str = "noren:sealing";
/// Keys that a server is asked to look at in one step.
const STEP: usize = 500;

/// Writes a row anew if it is still the one that was read; how long it is kept stays as it is.
pub(super) const RESEAL: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
    return 1
end
return 0
";

impl RedisStore {
    /// Sees that what is sealed there can be opened, before anything is read or written. Nobody waits for anybody else's look.
    pub(super) async fn admit(&self) -> Result<(), StoreError> {
        if self.admitted.load(Ordering::Acquire) {
            return Ok(());
        }
        let look = || async { self.link.ask::<Option<Vec<u8>>>(cmd("GET").arg(SECRET)).await };
        let mut found = look().await?;
        if found.is_none()
            && let Some(fresh) = self.sealing.fresh()
        {
            // A replica takes none: what can be read there is read, and nothing can be written.
            let Ok(_) = self.link.ask::<Value>(cmd("SET").arg(SECRET).arg(fresh).arg("NX")).await else {
                return Ok(());
            };
            found = look().await?;
        }
        self.sealing.with(found.as_deref(), self.link.place())?;
        self.admitted.store(true, Ordering::Release);
        Ok(())
    }

    pub(super) async fn reseal_all(&self) -> Result<Resealed, StoreError> {
        self.admit().await?;
        let mut done = Resealed::default();
        for node in self.link.nodes().await? {
            let mut cursor = b"0".to_vec();
            loop {
                let mut scan = cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg("noren:{*}:p").arg("COUNT").arg(STEP);
                let (next, keys): (Vec<u8>, Vec<Vec<u8>>) = read(self.link.ask_node(node.as_ref(), scan).await?)?;
                for key in keys {
                    if let Some(profile) = std::str::from_utf8(&key).ok().and_then(profile_of) {
                        self.reseal_one(&profile, &mut done).await?;
                    }
                }
                if next == b"0" {
                    break;
                }
                cursor = next;
            }
        }
        if done.shut == 0
            && let Some(stored) = self.link.ask::<Option<Vec<u8>>>(cmd("GET").arg(SECRET)).await?
            && let Some(secret) = self.sealing.with(Some(&stored), self.link.place())?.secret_anew(&stored)
        {
            // Only now may an older key be forgotten.
            self.link.ask::<Value>(cmd("SET").arg(SECRET).arg(secret).arg("XX")).await?;
        }
        Ok(done)
    }

    async fn reseal_one(&self, key: &ProfileKey, done: &mut Resealed) -> Result<(), StoreError> {
        let name = super::name(key, "p");
        let Some(row) = self.link.ask::<Option<Vec<u8>>>(cmd("GET").arg(&name)).await? else { return Ok(()) };
        // What was erased has no profile.
        let Some((head, body)) = row.split_at_checked(HEAD).filter(|(_, body)| !body.is_empty()) else { return Ok(()) };
        match self.sealing.profile_anew(key, body) {
            Ok(None) => {}
            Ok(Some(anew)) => {
                let mut call = Call::new(name);
                call.arg(row.as_slice()).arg([head, &anew].concat());
                // Whoever was quicker has written it as it is written now.
                let written: u64 = read(self.run_one(&self.scripts.reseal, call).await?)?;
                done.changed += written;
            }
            Err(_) => done.shut += 1,
        }
        Ok(())
    }
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|error| StoreError::Backend {
        location: "redis".into(),
        reason: format!("it answers what was not asked: {error}"),
    })
}

/// Whose profile a key has.
fn profile_of(key: &str) -> Option<ProfileKey> {
    let (site, visitor) = key.strip_prefix("noren:{")?.strip_suffix("}:p")?.rsplit_once(':')?;
    let id = VisitorId(u128::from_str_radix(visitor, 16).ok()?.to_be_bytes());
    (hex(id) == visitor).then(|| ProfileKey { site: SiteId::new(site), visitor: id })
}
