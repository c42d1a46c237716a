//! Profiles, caps, presence and messages in Redis or Valkey, for several machines.
//!
//! All keys of one visitor are in one slot (`{site:visitor}`), so that a script runs on whatever node of a cluster has them. A
//! profile is read for every page view, while the shop works: another machine may have written it. It is written by comparing
//! revisions; whoever finds another one there takes that in first ([`super::merge`]). What must be exact to the last count is
//! claimed ([`claims`]).

mod address;
mod claims;
mod keeper;
mod link;
mod presence;
mod records;
mod row;
mod scan;
mod script;
mod sealing;

pub(super) use address::is_redis;

use super::exports::Exports;
use super::live::{Committed, Found, LiveProfiles, Row, lock};
use super::presence::Listeners;
use super::records::Records;
use super::seal::Sealing;
use super::{Claim, LiveProfile, ProfileKey, Resealed, Store, StoreError, StoreSettings, Write, codec};
use crate::ids::{Random, SiteId, VisitorId};
use address::Address;
use ahash::AHashMap;
use async_trait::async_trait;
use link::{Link, is_of_key};
use redis::{RedisResult, Value, cmd};
use row::{StoredRow, Writer};
use script::{Call, Script};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The open store.
pub(super) struct RedisStore {
    link: Link,
    live: Arc<LiveProfiles>,
    listeners: Arc<Listeners>,
    /// Unlike any other process's.
    process: u64,
    /// Numbers the writes.
    writes: AtomicU64,
    /// Writes whose answer has not come, or never will.
    attempts: Mutex<AHashMap<ProfileKey, Vec<Attempt>>>,
    scripts: Scripts,
    sealing: Sealing,
    /// What is sealed there can be opened.
    admitted: AtomicBool,
    keep: Duration,
    /// Of sites that keep profiles for less: from when on.
    kept_since: Mutex<AHashMap<SiteId, i64>>,
    /// What is being read out.
    listed: Mutex<Option<scan::Listed>>,
}

struct Scripts {
    put: Script,
    erase: Script,
    reseal: Script,
    claim: Script,
    unclaim: Script,
    saw: Script,
    online: Script,
}

/// A profile's state that was sent, and may have been written.
struct Attempt {
    write: u64,
    body: Arc<[u8]>,
}

/// Unanswered writes of one profile that are remembered.
const ATTEMPTS: usize = 4;
/// Profiles that are written together.
const TOGETHER: usize = 256;
/// Failures after which the rest is left for later: the part of a cluster that is well gets its writes, and nobody waits long.
const FAILURES: usize = 2;
/// Times that a write gives way to those of others before it is left for the next batch.
const ROUNDS: usize = 8;

impl RedisStore {
    /// Opens the store. That its servers are down is no error: it connects as soon as they are back.
    pub(super) fn open(location: &str, settings: &StoreSettings, random: &dyn Random) -> Result<Self, StoreError> {
        let address = Address::parse(location)?;
        let mut process = [0; 8];
        random.fill(&mut process);
        let process = u64::from_be_bytes(process);
        let listeners = Arc::new(Listeners::default());
        Ok(Self {
            link: Link::new(address, process, listeners.clone()),
            live: Arc::new(LiveProfiles::new(settings)),
            listeners,
            process,
            writes: AtomicU64::new(0),
            attempts: Mutex::default(),
            scripts: Scripts {
                put: Script::new(row::PUT),
                erase: Script::new(row::ERASE),
                reseal: Script::new(sealing::RESEAL),
                claim: Script::new(claims::CLAIM),
                unclaim: Script::new(claims::UNCLAIM),
                saw: Script::new(presence::SAW),
                online: Script::new(presence::ONLINE_NOW),
            },
            sealing: Sealing::new(settings.sealer.clone()),
            admitted: AtomicBool::new(false),
            keep: settings.keep,
            kept_since: Mutex::default(),
            listed: Mutex::default(),
        })
    }

    /// Runs a script over one key.
    async fn run_one(&self, script: &Script, call: Call) -> Result<Value, StoreError> {
        let answer = self.link.run(script, vec![call]).await?.into_iter().next();
        answer.ok_or(StoreError::Closed)?.map_err(|error| self.link.failed(&error))
    }

    async fn read(&self, key: &ProfileKey) -> Result<Option<StoredRow>, StoreError> {
        self.admit().await?;
        let bytes: Option<Vec<u8>> = self.link.ask(cmd("GET").arg(name(key, "p"))).await?;
        bytes.map(|bytes| self.parse(key, &bytes)).transpose()
    }

    fn parse(&self, key: &ProfileKey, bytes: &[u8]) -> Result<StoredRow, StoreError> {
        let mut row = StoredRow::read(bytes).ok_or_else(|| StoreError::Backend {
            location: self.link.place().to_string(),
            reason: "what is kept of a visitor is not Noren's".into(),
        })?;
        row.body = self.sealing.profile_of(key, &row.body);
        Ok(row)
    }

    /// What a row tells: whose it is, and what of ours is in it.
    fn row(&self, key: &ProfileKey, row: StoredRow) -> Row {
        let base = row.contains_of(self.process).and_then(|write| {
            let attempts = lock(&self.attempts);
            attempts.get(key)?.iter().find(|attempt| attempt.write == write).map(|attempt| attempt.body.clone())
        });
        let foreign = row.is_foreign(self.process);
        Row { committed: Committed { revision: row.revision, body: row.body }, foreign, base }
    }

    /// Writes profiles' present states, each over what is known to be there; what others have written since is taken in first.
    async fn put_all(&self, profiles: AHashMap<ProfileKey, LiveProfile>) -> Result<(), StoreError> {
        let mut profiles = profiles.into_iter();
        let (mut failures, mut outcome) = (0, Ok(()));
        loop {
            let some = profiles.by_ref().take(TOGETHER).map(|(key, live)| {
                let over = self.live.committed(&key).revision;
                Put { key, live, over, body: Arc::default(), write: 0 }
            });
            let some: Vec<Put> = some.collect();
            if some.is_empty() || failures == FAILURES {
                return outcome;
            }
            if let Err(error) = self.put_some(some).await {
                failures += 1;
                outcome = Err(error);
            }
        }
    }

    async fn put_some(&self, mut left: Vec<Put>) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            left = self.put_round(left).await?;
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Backend { location: self.link.place().to_string(), reason: "others keep writing".into() })
    }

    /// Tries once; gives those back that must be tried again.
    async fn put_round(&self, mut puts: Vec<Put>) -> Result<Vec<Put>, StoreError> {
        // Nothing is written any more of what was erased here.
        puts.retain(|put| !lock(&put.live).erased);
        self.admit().await?;
        let calls: Vec<Call> = puts.iter_mut().map(|put| self.prepare(put)).collect();
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.link.run(&self.scripts.put, calls).await?;
        let (mut again, mut failure) = (Vec::new(), None);
        for (put, answer) in puts.into_iter().zip(answers) {
            match self.settle(put, answer) {
                Ok(None) => {}
                Ok(Some(put)) => again.push(put),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(again), Err)
    }

    fn prepare(&self, put: &mut Put) -> Call {
        // Its failure leaves an empty body, which is a default profile: a profile can always be written as JSON.
        let keep = {
            let profile = lock(&put.live);
            put.body = codec::encode(&profile).unwrap_or_default().into();
            self.keep_for(&put.key.site, profile.touched())
        };
        put.write = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        let mut attempts = lock(&self.attempts);
        let attempts = attempts.entry(put.key.clone()).or_default();
        if attempts.len() == ATTEMPTS {
            attempts.remove(0);
        }
        attempts.push(Attempt { write: put.write, body: put.body.clone() });
        let mut call = Call::new(name(&put.key, "p"));
        call.arg(row::revision_text(put.over))
            .arg(Writer { process: self.process, write: put.write }.to_bytes())
            .arg(self.sealing.profile(&put.key, &put.body))
            .number(keep);
        call
    }

    /// How long a profile is kept that was last touched then, in seconds.
    fn keep_for(&self, site: &SiteId, seen: i64) -> u64 {
        let since = lock(&self.kept_since).get(site).copied();
        let kept = since.and_then(|since| u64::try_from(seen.saturating_sub(since)).ok());
        self.keep.as_secs().min(kept.unwrap_or(u64::MAX)).max(1)
    }

    /// Takes an answer in; gives the write back if it must be tried again.
    fn settle(&self, mut put: Put, answer: RedisResult<Value>) -> Result<Option<Put>, StoreError> {
        match answer {
            Ok(Value::BulkString(revision)) => {
                lock(&self.attempts).remove(&put.key);
                let revision =
                    std::str::from_utf8(&revision).ok().and_then(|text| text.parse().ok()).unwrap_or(put.over);
                self.live.set_committed(&put.key, &put.live, Committed { revision, body: put.body });
                Ok(None)
            }
            Ok(Value::Array(row)) => {
                let Some(Value::BulkString(bytes)) = row.first() else { return Ok(Some(put)) };
                let absorbed = self.parse(&put.key, bytes).and_then(|row| {
                    put.over = row.revision;
                    if row.is_erased() {
                        self.live.reset(&put.key, &put.live);
                        return Ok(false);
                    }
                    let row = self.row(&put.key, row);
                    self.live.absorb(&put.key, &put.live, row).map(|()| true).map_err(|error| StoreError::Backend {
                        location: self.link.place().to_string(),
                        reason: error.to_string(),
                    })
                });
                // This one was not written, and what was is taken in.
                lock(&self.attempts).remove(&put.key);
                match absorbed {
                    Ok(again) => Ok(again.then_some(put)),
                    // Only a newer program writes what this one cannot read: its word stands.
                    Err(error) => {
                        tracing::warn!(site = %put.key.site, %error, "left a profile to the process that wrote it");
                        Ok(None)
                    }
                }
            }
            Ok(_) => Ok(Some(put)),
            Err(error) if is_of_key(&error) => {
                lock(&self.attempts).remove(&put.key);
                tracing::warn!(site = %put.key.site, %error, "left a profile whose key is another program's");
                Ok(None)
            }
            Err(error) => Err(self.link.failed(&error)),
        }
    }
}

/// A profile on its way to the server.
struct Put {
    key: ProfileKey,
    live: LiveProfile,
    /// The revision that is known to be there.
    over: i64,
    body: Arc<[u8]>,
    write: u64,
}

/// A key of a visitor. What stands in braces decides the slot.
fn name(key: &ProfileKey, what: &str) -> String {
    format!("noren:{{{}:{}}}:{what}", key.site, hex(key.visitor))
}

fn hex(visitor: VisitorId) -> String {
    format!("{:032x}", u128::from_be_bytes(visitor.0))
}

#[async_trait]
impl Store for RedisStore {
    /// Nothing: another machine may have written it since.
    fn cached(&self, _key: &ProfileKey) -> Option<LiveProfile> {
        None
    }

    async fn load(&self, key: &ProfileKey) -> Result<LiveProfile, StoreError> {
        let wait = match self.live.find_anew(key) {
            Found::Live(live) => return Ok(live),
            Found::Awaited(wait) => wait,
            Found::Fetch(fetch, wait) => {
                match self.read(key).await {
                    Ok(Some(row)) if row.is_erased() => fetch.finish(Ok(None), self.link.place()),
                    Ok(Some(row)) => fetch.finish(Ok(Some(self.row(key, row))), self.link.place()),
                    Ok(None) => fetch.lost(self.link.place()),
                    Err(error) => fetch.finish(Err(error), self.link.place()),
                }
                wait
            }
        };
        wait.await.unwrap_or(Err(StoreError::Closed))
    }

    fn create(&self, key: &ProfileKey) -> LiveProfile {
        self.live.create(key)
    }

    /// Writes profiles. Events go to the ledger; none comes here.
    async fn write(&self, batch: Vec<Write>) -> Result<(), StoreError> {
        let profiles = batch.into_iter().filter_map(|write| match write {
            Write::Profile(key, live) => Some((key, live)),
            Write::Event(_) => None,
        });
        self.put_all(profiles.collect()).await
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn claim(&self, key: &ProfileKey, claims: &[Claim]) -> Result<Vec<bool>, StoreError> {
        self.claim_all(key, claims).await
    }

    async fn unclaim(&self, key: &ProfileKey, claims: &[Claim]) -> Result<(), StoreError> {
        self.unclaim_all(key, claims).await
    }

    fn records(&self) -> &dyn Records {
        self
    }

    async fn reseal(&self) -> Result<Resealed, StoreError> {
        self.reseal_all().await
    }

    fn exports(&self) -> &dyn Exports {
        self
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.admit().await?;
        // A write that changes nothing: a replica refuses it.
        self.link.ask::<()>(cmd("SET").arg("noren:ping").arg("").arg("EX").arg(60)).await
    }
}

#[cfg(test)]
mod tests;
