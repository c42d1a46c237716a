//! Presence and messages, for all machines.
//!
//! Who is on a site is a sorted set by time, with the pages in a hash beside it. Messages go over the one connection; in a
//! cluster, every node passes them on.

use super::script::Call;
use super::{RedisStore, hex};
use crate::ids::{SiteId, VisitorId};
use crate::store::presence::{MOST, Messages, ONLINE, Online, Presence, Seen, Subscription, gone, path_of};
use crate::store::{ProfileKey, StoreError};
use ahash::AHashMap;
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use redis::{cmd, from_redis_value};

/// Notes visitors. `ARGV`: who was last seen then is gone, most to keep, seconds to keep them, then for each: who, when, path.
pub(super) const SAW: &str = "
for at = 4, #ARGV, 3 do
    redis.call('ZADD', KEYS[1], 'GT', ARGV[at + 1], ARGV[at])
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 2])
end
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1000)
local over = redis.call('ZCARD', KEYS[1]) - #gone - ARGV[2]
if over > 0 then
    gone = redis.call('ZRANGE', KEYS[1], 0, math.min(#gone + over, 1000) - 1)
end
if #gone > 0 then
    redis.call('ZREM', KEYS[1], unpack(gone))
    redis.call('HDEL', KEYS[2], unpack(gone))
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
";

/// Who was seen after a time, the last first: who, when and path of each. `ARGV`: the time, how many at most.
pub(super) const ONLINE_NOW: &str = "
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local told = {}
for at = 1, #found, 2 do
    told[#told + 1] = { found[at], tonumber(found[at + 1]), redis.call('HGET', KEYS[2], found[at]) or '' }
end
return told
";

/// Both keys of a site, in one slot.
fn names(site: &SiteId) -> [String; 2] {
    [format!("noren:{{{site}}}:online"), format!("noren:{{{site}}}:pages")]
}

fn channel(name: &str) -> String {
    format!("noren:to:{name}")
}

impl RedisStore {
    /// A visitor is on their site no more.
    pub(super) async fn forget(&self, key: &ProfileKey) -> Result<(), StoreError> {
        let [online, pages] = names(&key.site);
        let visitor = hex(key.visitor);
        self.link.ask::<i64>(cmd("ZREM").arg(online).arg(&visitor)).await?;
        self.link.ask::<i64>(cmd("HDEL").arg(pages).arg(&visitor)).await.map(drop)
    }
}

#[async_trait]
impl Presence for RedisStore {
    async fn saw(&self, seen: Vec<Seen>) -> Result<(), StoreError> {
        self.admit().await?;
        let mut sites: AHashMap<SiteId, Vec<Seen>> = AHashMap::new();
        for seen in seen {
            sites.entry(seen.site.clone()).or_default().push(seen);
        }
        let calls = sites.iter().filter_map(|(site, seen)| {
            let now = seen.iter().map(|seen| seen.at).max()?;
            let mut call = Call::over(names(site));
            call.number(gone(now)).number(MOST as u64).number(ONLINE.as_secs());
            for seen in seen {
                let key = ProfileKey { site: seen.site.clone(), visitor: seen.visitor };
                let path = path_of(&seen.path);
                call.arg(hex(seen.visitor)).number(seen.at.as_second()).arg(self.sealing.page(&key, &path));
            }
            Some(call)
        });
        let answers = self.link.run(&self.scripts.saw, calls.collect()).await?;
        answers.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(self.link.failed(&error)))
    }

    async fn online(&self, site: &SiteId, now: Timestamp, most: usize) -> Result<Vec<Online>, StoreError> {
        let mut call = Call::over(names(site));
        call.number(gone(now)).number(most as u64);
        let told = self.run_one(&self.scripts.online, call).await?;
        let told: Vec<(String, i64, Vec<u8>)> =
            from_redis_value(told).map_err(|error| self.link.failed(&error.into()))?;
        let online = told.into_iter().filter_map(|(visitor, seen, path)| {
            let visitor = VisitorId(u128::from_str_radix(&visitor, 16).ok()?.to_be_bytes());
            let path = self.sealing.page_of(&ProfileKey { site: site.clone(), visitor }, &path);
            Some(Online { visitor, path: path.into(), seen })
        });
        Ok(online.collect())
    }

    async fn count(&self, site: &SiteId, now: Timestamp) -> Result<u64, StoreError> {
        let [online, _] = names(site);
        self.link.ask(cmd("ZCOUNT").arg(online).arg(format!("({}", gone(now))).arg("+inf")).await
    }
}

#[async_trait]
impl Messages for RedisStore {
    async fn publish(&self, name: &str, message: Bytes) -> Result<(), StoreError> {
        self.link.ask::<i64>(cmd("PUBLISH").arg(channel(name)).arg(&*message)).await.map(drop)
    }

    async fn subscribe(&self, name: &str) -> Subscription {
        let channel = channel(name);
        let subscription = self.listeners.add(&channel);
        self.link.subscribe(channel).await;
        subscription
    }
}
