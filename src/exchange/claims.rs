//! What must be granted elsewhere before it is delivered: deliveries that several machines count, and coupon codes.
//!
//! A page waits for it no longer than `claim_deadline`. What is not granted by then is left out, and the next best is shown. What is
//! granted too late, or granted and then not delivered, goes back, but only if it is certain that nothing of it has left.
//!
//! The arms of a scenario run dry together: one is delivered, or counted if it shows nothing, only where the codes of all the others
//! could be had too. Else the visitors of one arm would be those of richer days.

use super::compose::{Visit, chosen};
use super::{Exchange, Gateway, STORE_PATIENCE};
use crate::action::Code;
use crate::commerce::Order;
use crate::event::Arm;
use crate::ids::{SiteId, VisitorId};
use crate::plan::Plan;
use crate::scenario::decide::{Choice, Decision};
use crate::scenario::{Cooldown, Scenario, Variant};
use crate::site::{Per, Pool, Site};
use crate::store::coupons::{CodeAsk, Holder, Issued, Step};
use crate::store::profile::{Profile, Reservation, ScenarioHistory};
use crate::store::{Claim, ProfileKey, Rest, StoreError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use smallvec::SmallVec;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};

/// So often is decided anew because of what was refused; then without anything that must be claimed.
const ROUNDS: usize = 4;

/// A delivery that is being prepared.
pub(super) struct Held {
    pub(super) scenario: usize,
    /// It is counted in the visitor's profile.
    pub(super) reservation: Option<Reservation>,
    pub(super) grant: Option<Box<Grant>>,
}

/// What was granted for one delivery.
pub(super) struct Grant {
    key: ProfileKey,
    claim: Option<Claim>,
    codes: Vec<(CodeAsk, Issued)>,
}

/// What is asked for one delivery.
pub(super) struct Wanted {
    scenario: usize,
    id: Arc<str>,
    claim: Option<Claim>,
    /// The codes that it shows.
    asks: Vec<CodeAsk>,
    /// Those that the scenario's other arms would show, and whether this visitor would have had theirs since an earlier page.
    rivals: Vec<(CodeAsk, bool)>,
    /// No code can be had.
    in_vain: bool,
}

/// What became of it.
struct Answered {
    scenario: usize,
    grant: Option<Box<Grant>>,
}

impl Grant {
    /// The codes, as templates need them.
    pub(super) fn codes(&self, zone: &TimeZone) -> Vec<Code> {
        let code = |(ask, issued): &(CodeAsk, Issued)| Code {
            pool: ask.pool.clone(),
            text: issued.code.clone(),
            until: issued.expires.map(|expires| expires.to_zoned(zone.clone())),
        };
        self.codes.iter().map(code).collect()
    }
}

impl Exchange {
    /// Whether a choice must be granted elsewhere before it is delivered.
    pub(super) fn must_claim(&self, choice: &Choice) -> bool {
        chosen(&self.site, choice).is_some_and(|(scenario, _)| {
            scenario.has_pool() || (scenario.caps.counts() && self.gateway.store.is_shared())
        })
    }

    /// Counts all choices in the profile, under its lock, and says what must be granted besides.
    pub(super) fn hold(
        &mut self,
        visit: &Visit<'_>,
        decision: &Decision,
        mut profile: Option<&mut Profile>,
    ) -> Vec<Wanted> {
        let site = self.site.clone();
        let mut wanted = Vec::new();
        for choice in &decision.choices {
            let Some((scenario, variant)) = chosen(&site, choice) else { continue };
            let known = profile.as_deref().and_then(|profile| profile.scenarios.get(&*scenario.id).cloned());
            let reservation = profile.as_deref_mut().map(|profile| profile.reserve(&scenario.id, visit.at));
            let before = self.delivery.held.iter_mut().find(|held| held.scenario == choice.scenario);
            if let Some(held) = before {
                held.reservation = reservation;
                continue;
            }
            self.delivery.held.push(Held { scenario: choice.scenario, reservation, grant: None });
            if self.must_claim(choice) {
                let member = profile.as_deref().and_then(member_of);
                let codes = asks(&site, variant, visit, member.as_ref());
                let rivals = rivals(&site, (scenario, variant), visit, member.as_ref());
                let (in_vain, asks) = (codes.is_none() || rivals.is_none(), codes.unwrap_or_default());
                // Whoever was counted before has, or would have, a code: nobody gives theirs back because the pool is empty.
                let had = known.as_ref().is_some_and(|known| known.exposures > 0);
                let rivals = rivals.into_iter().flatten().map(|ask| (ask, had)).collect();
                let claim = profile.as_deref().filter(|_| !in_vain);
                let claim = claim.and_then(|profile| self.claim_of(scenario, profile, known, visit.at));
                wanted.push(Wanted {
                    scenario: choice.scenario,
                    id: scenario.id.clone(),
                    claim,
                    asks,
                    rivals,
                    in_vain,
                });
            }
        }
        wanted
    }

    fn claim_of(
        &self,
        scenario: &Scenario,
        profile: &Profile,
        known: Option<ScenarioHistory>,
        at: Timestamp,
    ) -> Option<Claim> {
        let caps = &scenario.caps;
        if !caps.counts() || !self.gateway.store.is_shared() {
            return None;
        }
        let mut id = [0; 8];
        self.gateway.random.fill(&mut id);
        Some(Claim {
            id: u64::from_le_bytes(id),
            scenario: scenario.id.clone(),
            at,
            visit: profile.visits,
            session: profile.session.started,
            page: profile.pageviews,
            per_session: caps.per_session,
            per_visitor: caps.per_visitor,
            rest: caps.cooldown.map(|cooldown| match cooldown {
                Cooldown::Pages(pages) => Rest::Pages(pages),
                Cooldown::Time(time) => Rest::Time(time),
            }),
            known: known.unwrap_or_default(),
        })
    }

    /// Has claimed what must be; decides anew without what was refused; composes what remains.
    pub(super) async fn claim_and_compose(
        &mut self,
        visit: &Visit<'_>,
        mut decision: Decision,
        mut wanted: Vec<Wanted>,
    ) -> Plan {
        let mut late = pin!(sleep(self.gateway.settings.load().limits.claim_deadline));
        let mut refused: SmallVec<[usize; 4]> = SmallVec::new();
        for round in 1.. {
            let asked: SmallVec<[usize; 4]> = wanted.iter().map(|wanted| wanted.scenario).collect();
            let answers = self.ask(visit, wanted, late.as_mut()).await;
            let in_time = answers.is_some();
            for Answered { scenario, grant } in answers.into_iter().flatten() {
                if let Some(held) = self.delivery.held.iter_mut().find(|held| held.scenario == scenario) {
                    held.grant = grant;
                }
            }
            let granted = |exchange: &Self, index| {
                exchange.delivery.held.iter().any(|held| held.scenario == index && held.grant.is_some())
            };
            let all = refused.len();
            refused.extend(asked.into_iter().filter(|index| !granted(self, *index)));
            if refused.len() == all {
                break;
            }
            let may_ask = in_time && round < ROUNDS;
            (decision, wanted) = self.decide_anew(visit, &refused, may_ask);
            if wanted.is_empty() {
                break;
            }
        }
        self.compose_held(visit, &decision)
    }

    /// Decides without what was refused and, unless more may be asked for, without all that must be claimed and is not granted.
    fn decide_anew(&mut self, visit: &Visit<'_>, refused: &[usize], may_ask: bool) -> (Decision, Vec<Wanted>) {
        let live = visit.profile.clone();
        let mut profile = live.as_ref().map(super::lock);
        let shared = self.gateway.store.is_shared();
        // What this page has counted must not stand in its own way.
        for held in &mut self.delivery.held {
            if let (Some(profile), Some(reservation)) = (profile.as_deref_mut(), held.reservation.take()) {
                profile.unreserve(&reservation);
            }
        }
        let site = self.site.clone();
        let may = |index: usize| {
            let granted = || self.delivery.held.iter().any(|held| held.scenario == index && held.grant.is_some());
            let needs_none =
                || site.rules.scenarios.get(index).is_some_and(|it| !(it.has_pool() || shared && it.caps.counts()));
            !refused.contains(&index) && (may_ask || granted() || needs_none())
        };
        let decision = self.judge(visit, profile.as_deref(), may);
        // What is chosen no more goes back.
        let chosen = |held: &Held| decision.choices.iter().any(|choice| choice.scenario == held.scenario);
        let (kept, dropped) = std::mem::take(&mut self.delivery.held).into_iter().partition(chosen);
        self.delivery.held = kept;
        let wanted = self.hold(visit, &decision, profile.as_deref_mut());
        drop(profile);
        let dropped: Vec<Held> = dropped;
        self.gateway.take_back(dropped.into_iter().filter_map(|held| held.grant));
        (decision, wanted)
    }

    /// Asks for what is wanted until it is too late. What is granted later than that is given back.
    async fn ask(&self, visit: &Visit<'_>, wanted: Vec<Wanted>, late: Pin<&mut Sleep>) -> Option<Vec<Answered>> {
        let visitor = visit.visitor?;
        let (gateway, key, count) = (self.gateway.clone(), self.key(visitor), wanted.len() as u64);
        let (answer, mut answered) = oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "it must come to its end even if the page does not wait for it")]
        tokio::spawn(async move {
            let (answers, uncertain) = gateway.claim(key, wanted).await;
            let unwanted = answer.send(answers).err().into_iter().flatten().filter_map(|answered| answered.grant);
            gateway.give_back(unwanted.chain(uncertain).map(|grant| *grant)).await;
        });
        let answers = tokio::select! {
            biased;
            answers = &mut answered => answers.ok(),
            () = late => {
                answered.close();
                answered.try_recv().ok()
            }
        };
        if answers.is_none() {
            self.gateway.metrics.claims.with_label_values(&["late"]).inc_by(count);
            self.gateway.failure(&self.site.id, "claim_late", None, "what a page claimed was not granted in time");
        }
        answers
    }
}

impl Gateway {
    /// Claims what is wanted; also says what may have been granted although it looks as if it was not.
    async fn claim(&self, key: ProfileKey, wanted: Vec<Wanted>) -> (Vec<Answered>, Vec<Box<Grant>>) {
        let site = &key.site;
        let claims: Vec<Claim> = wanted.iter().filter_map(|wanted| wanted.claim.clone()).collect();
        let mut uncertain = Vec::new();
        let counted = if claims.is_empty() {
            Vec::new()
        } else {
            match in_time(self.store.claim(&key, &claims)).await {
                Ok(counted) => counted,
                Err(reason) => {
                    self.failure(site, "claim", None, &reason);
                    let back = |claim| Box::new(Grant { key: key.clone(), claim: Some(claim), codes: Vec::new() });
                    uncertain.extend(claims.into_iter().map(back));
                    Vec::new()
                }
            }
        };
        let mut counted = counted.into_iter();
        let mut answers = Vec::with_capacity(wanted.len());
        for Wanted { scenario, id, claim, asks, rivals, in_vain } in wanted {
            let may = !in_vain && (claim.is_none() || counted.next().unwrap_or(false));
            let mut grant = may.then(|| Box::new(Grant { key: key.clone(), claim, codes: Vec::new() }));
            for (ask, had) in &rivals {
                if grant.is_some() && !self.could_reserve(ask, *had, &id).await {
                    uncertain.extend(grant.take());
                }
            }
            for ask in &asks {
                let Some(given) = &mut grant else { break };
                match self.reserve(ask, &id).await {
                    Some(issued) => given.codes.push((ask.clone(), issued)),
                    None => uncertain.extend(grant.take()),
                }
            }
            let outcome = if grant.is_some() { "granted" } else { "refused" };
            self.metrics.claims.with_label_values(&[outcome]).inc();
            answers.push(Answered { scenario, grant });
        }
        (answers, uncertain)
    }

    async fn reserve(&self, ask: &CodeAsk, scenario: &str) -> Option<Issued> {
        match in_time(self.store.coupons().reserve(ask)).await {
            Ok(Some(issued)) => Some(issued),
            Ok(None) => {
                self.pool_is_empty(ask, scenario);
                None
            }
            Err(reason) => {
                self.failure(&ask.site, "coupon", Some(scenario), &reason);
                None
            }
        }
    }

    /// Whether a rival of the visitor's arm could give them its code. `had`: it would have, on an earlier page.
    async fn could_reserve(&self, ask: &CodeAsk, had: bool, scenario: &str) -> bool {
        match in_time(self.store.coupons().can_give(ask)).await {
            Ok(true) => true,
            Ok(false) if had && ask.expires.is_none_or(|expires| expires > ask.at) => true,
            Ok(false) => {
                self.pool_is_empty(ask, scenario);
                false
            }
            // A ledger that cannot be asked gives nobody a code.
            Err(reason) => {
                self.failure(&ask.site, "coupon", Some(scenario), &reason);
                false
            }
        }
    }

    fn pool_is_empty(&self, ask: &CodeAsk, scenario: &str) {
        self.failure(&ask.site, "pool_empty", Some(scenario), &format!("the pool {} has no code left", ask.pool));
    }

    /// Gives back, without waiting, what was granted and of which nothing has left.
    pub(super) fn take_back(self: &Arc<Self>, grants: impl Iterator<Item = Box<Grant>>) {
        let grants: Vec<Grant> = grants.map(|grant| *grant).collect();
        if grants.is_empty() {
            return;
        }
        let gateway = self.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "nobody waits for it, and what is lost of it is only never given to others"
        )]
        tokio::spawn(async move { gateway.give_back(grants.into_iter()).await });
    }

    async fn give_back(&self, grants: impl Iterator<Item = Grant>) {
        for Grant { key, claim, codes } in grants {
            if let Some(claim) = claim
                && let Err(reason) = in_time(self.store.unclaim(&key, &[claim])).await
            {
                self.failure(&key.site, "claim", None, &reason);
            }
            // A code that the holder had before is theirs, whatever becomes of this page.
            for (ask, _) in codes.iter().filter(|(_, issued)| issued.fresh) {
                self.mark(ask, Step::Returned).await;
            }
        }
    }

    async fn mark(&self, ask: &CodeAsk, step: Step) {
        if let Err(reason) = in_time(self.store.coupons().mark(ask, step)).await {
            self.failure(&ask.site, "coupon", None, &reason);
        }
    }

    /// Notes that what an arm handed out was on its visitor's screen.
    pub(super) async fn codes_seen(&self, site: &Site, arm: &Arm, visitor: VisitorId, member: Option<&Arc<str>>) {
        let at = self.clock.now();
        let scenario = site.rules.scenarios.iter().find(|scenario| scenario.id == arm.scenario);
        let variant = scenario.and_then(|it| it.variants.iter().find(|variant| variant.name == arm.variant));
        let Some(variant) = variant else { return };
        for name in variant.pools() {
            if let Some(ask) = pool(site, name).and_then(|pool| ask(site, pool, visitor, member, at)) {
                self.mark(&ask, Step::Seen).await;
            }
        }
    }

    /// Notes an order's coupon codes as redeemed, as far as the ledger can be had.
    pub(super) async fn redeem(&self, site: &SiteId, order: &Order, at: Timestamp) {
        if !order.coupons.is_empty()
            && let Err(reason) = in_time(self.redeemed(site, order, at)).await
        {
            self.failure(site, "coupon", None, &reason);
        }
    }

    /// Notes an order's coupon codes as redeemed, and says how many of them were ours and new. To be called by whoever learns of an
    /// order; to call it again for the same order changes nothing.
    ///
    /// # Errors
    /// When the ledger fails; then it is to be called again.
    pub async fn redeemed(&self, site: &SiteId, order: &Order, at: Timestamp) -> Result<usize, StoreError> {
        let mut ours = 0;
        for code in &order.coupons {
            ours += usize::from(self.store.coupons().redeemed(site, code, &order.id, at).await?);
        }
        Ok(ours)
    }
}

/// The codes that a variant needs; `None` if one of them cannot be had.
fn asks(site: &Site, variant: &Variant, visit: &Visit<'_>, member: Option<&Arc<str>>) -> Option<Vec<CodeAsk>> {
    let visitor = visit.visitor?;
    variant.pools().map(|name| ask(site, pool(site, name)?, visitor, member, visit.at)).collect()
}

/// The codes that a scenario's other arms would need and the visitor's own does not; `None` if one of them cannot be had.
fn rivals(
    site: &Site,
    (scenario, own): (&Scenario, &Variant),
    visit: &Visit<'_>,
    member: Option<&Arc<str>>,
) -> Option<Vec<CodeAsk>> {
    let mut needed: Vec<&Arc<str>> =
        scenario.variants.iter().filter(|it| it.weight > 0).flat_map(Variant::pools).collect();
    needed.sort_unstable();
    needed.dedup();
    let visitor = visit.visitor?;
    let others = needed.into_iter().filter(|name| !own.pools().any(|own| own == *name));
    others.map(|name| ask(site, pool(site, name)?, visitor, member, visit.at)).collect()
}

/// The shop's own id of the member, as its pages have shown it: what a visitor could make up does not count.
pub(super) fn member_of(profile: &Profile) -> Option<Arc<str>> {
    let id = profile.member.fields.get("id").filter(|id| !id.is_empty());
    id.filter(|_| profile.member.logged_in == Some(true)).map(|id| id.as_str().into())
}

fn pool<'s>(site: &'s Site, name: &str) -> Option<&'s Pool> {
    site.pools.iter().find(|pool| *pool.name == *name)
}

fn ask(site: &Site, pool: &Pool, visitor: VisitorId, member: Option<&Arc<str>>, at: Timestamp) -> Option<CodeAsk> {
    let holder = match pool.per {
        Per::Visitor => Holder::Visitor(visitor),
        Per::Customer => Holder::Customer(member?.clone()),
    };
    let supply = pool.supply.clone();
    Some(CodeAsk { site: site.id.clone(), pool: pool.name.clone(), holder, supply, at, expires: pool.expires })
}

async fn in_time<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    match timeout(STORE_PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_hangs) => Err("it does not answer".to_owned()),
    }
}
