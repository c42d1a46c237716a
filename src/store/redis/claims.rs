//! Claims of deliveries, counted where all machines count.
//!
//! One hash a visitor, one field a scenario: `{t: in all, v: visit, s: in that visit, a: last time, p: last page, l: claim that was
//! last, c: {claim: [visit, time before, page before, claim before]}, o: [claims in order]}`. The rules are those of the scenarios'
//! caps (`scenario/caps.rs`): a claim that the profile's lock would refuse on one machine is refused here.

use super::script::Call;
use super::{RedisStore, name};
use crate::store::claims::Rest;
use crate::store::profile::ScenarioHistory;
use crate::store::{Claim, ProfileKey, StoreError};
use redis::from_redis_value;

/// Judges and counts. `ARGV`: seconds to keep the hash, then for each claim what [`describe`] says.
///
/// What the profile knows and the hash does not, having been lost, counts too (see [`SETTLED`]). A claim of an older visit than the hash has is one
/// of its last: the machine has not heard yet that another began.
pub(super) const CLAIM: &str = "
local granted = {}
for at = 2, #ARGV, 13 do
    local id, scenario, now = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local visit, page = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local per_session, per_visitor = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
    local pages, seconds = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
    local known = { t = tonumber(ARGV[at + 9]), v = tonumber(ARGV[at + 10]), s = tonumber(ARGV[at + 11]) }
    known.a, known.p = string.match(ARGV[at + 12], '^(-?%d*) (%d+)$')
    known.a, known.p = tonumber(known.a), tonumber(known.p)
    local stored = redis.call('HGET', KEYS[1], scenario)
    local h = stored and cjson.decode(stored) or { t = 0, v = 0, s = 0, p = 0, l = '', c = {}, o = {} }
    local yes = h.c[id] ~= nil
    if not yes then
        h.t = math.max(h.t, known.t)
        if known.v > h.v then h.v, h.s = known.v, known.s elseif known.v == h.v then h.s = math.max(h.s, known.s) end
        if known.a and (not h.a or known.a > h.a) then h.a, h.p, h.l = known.a, math.max(h.p, known.p), '' end
        if visit > h.v then h.v, h.s = visit, 0 end
        local rested = not h.a or ((not pages or page - h.p > pages) and (not seconds or now - h.a >= seconds))
        yes = rested and not (per_visitor and h.t >= per_visitor) and not (per_session and h.s >= per_session)
        if yes then
            h.t, h.s = h.t + 1, h.s + 1
            h.c[id] = { h.v, h.a or '', h.p, h.l }
            h.o[#h.o + 1] = id
            if #h.o > 32 then h.c[table.remove(h.o, 1)] = nil end
            h.l, h.a, h.p = id, math.max(now, h.a or now), math.max(page, h.p)
            redis.call('HSET', KEYS[1], scenario, cjson.encode(h))
        end
    end
    granted[#granted + 1] = yes and 1 or 0
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return granted
";

/// Gives back. `ARGV`: for each claim its id and its scenario.
pub(super) const UNCLAIM: &str = "
for at = 1, #ARGV, 2 do
    local id, scenario = ARGV[at], ARGV[at + 1]
    local stored = redis.call('HGET', KEYS[1], scenario)
    local h = stored and cjson.decode(stored)
    local claim = h and h.c[id]
    if claim then
        h.t = math.max(h.t - 1, 0)
        if h.v == claim[1] then h.s = math.max(h.s - 1, 0) end
        if h.l == id then
            h.a, h.p, h.l = tonumber(claim[2]), claim[3], claim[4]
        end
        h.c[id] = nil
        for place, other in ipairs(h.o) do
            if other == id then table.remove(h.o, place) break end
        end
        redis.call('HSET', KEYS[1], scenario, cjson.encode(h))
    end
end
return 1
";

impl RedisStore {
    pub(super) async fn claim_all(&self, key: &ProfileKey, claims: &[Claim]) -> Result<Vec<bool>, StoreError> {
        let mut call = Call::new(name(key, "c"));
        call.number(self.keep.as_secs().max(1));
        for claim in claims {
            describe(&mut call, claim);
        }
        let granted = self.run_one(&self.scripts.claim, call).await?;
        let granted: Vec<u8> = from_redis_value(granted).map_err(|error| self.link.failed(&error.into()))?;
        Ok(granted.into_iter().map(|yes| yes == 1).collect())
    }

    pub(super) async fn unclaim_all(&self, key: &ProfileKey, claims: &[Claim]) -> Result<(), StoreError> {
        let mut call = Call::new(name(key, "c"));
        for claim in claims {
            call.arg(id(claim)).arg(claim.scenario.as_bytes());
        }
        self.run_one(&self.scripts.unclaim, call).await.map(drop)
    }
}

/// Lua's numbers would lose the last digits of an id.
fn id(claim: &Claim) -> String {
    format!("{:016x}", claim.id)
}

/// A profile counts a delivery before it is claimed: what it knows of the last seconds may be claims that are on their way, and
/// would be counted twice.
const SETTLED: i64 = 10;

fn describe(call: &mut Call, claim: &Claim) {
    let (pages, seconds) = match claim.rest {
        Some(Rest::Pages(pages)) => (Some(u64::from(pages)), None),
        Some(Rest::Time(time)) => (None, Some(time.as_secs())),
        None => (None, None),
    };
    let unknown = ScenarioHistory::default();
    let is_settled = |last: i64| claim.at.as_second().saturating_sub(last) >= SETTLED;
    let known = if claim.known.last_exposure.is_some_and(is_settled) { &claim.known } else { &unknown };
    let last = known.last_exposure.map(|at| at.to_string()).unwrap_or_default();
    call.arg(id(claim))
        .arg(claim.scenario.as_bytes())
        .number(claim.at.as_second())
        .number(claim.visit)
        .number(claim.page)
        .optional(claim.per_session)
        .optional(claim.per_visitor)
        .optional(pages)
        .optional(seconds)
        .number(known.exposures)
        .number(known.session)
        .number(known.session_exposures)
        .arg(format!("{last} {}", known.last_exposure_page));
}
