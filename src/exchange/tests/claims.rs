//! What must be granted elsewhere is granted before it is shown, or is not shown.

use super::*;
use crate::action::Code;
use crate::site::Per;
use crate::store::Claim;
use crate::store::coupons::{CodeAsk, Coupons, Holder, Issued, PoolState, Step, Supply};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio::sync::Notify;

/// Shows a code of its pool, or its own name.
#[derive(Debug)]
struct Shows {
    html: String,
    pool: Option<Arc<str>>,
}

impl Action for Shows {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn pool(&self) -> Option<&Arc<str>> {
        self.pool.as_ref()
    }

    fn lower(&self, cx: &Lowering<'_>) -> Result<Lowered, ActionError> {
        let code =
            |pool: &Arc<str>| cx.codes.iter().find(|code: &&Code| code.pool == *pool).map(|code| code.text.clone());
        let html = self.pool.as_ref().map_or_else(|| self.html.clone(), |pool| code(pool).unwrap().to_string());
        let target = Target::First(Selector::parse("p").unwrap());
        let edit = Edit { target, position: Position::Before, html: Bytes::from(format!("<b>{html}</b>")) };
        Ok(Lowered { edits: vec![edit], ..Lowered::default() })
    }
}

/// A store that other machines share, and a ledger.
#[derive(Default)]
struct Shared {
    profile: LiveProfile,
    by_several: bool,
    hangs: AtomicBool,
    fails: AtomicBool,
    /// Wakes what hangs.
    wake: Notify,
    /// Deliveries that other machines have left, by scenario; any number of those that are not named.
    left: Mutex<BTreeMap<String, u32>>,
    claimed: Mutex<Vec<Claim>>,
    free: Mutex<Vec<&'static str>>,
    given: Mutex<Vec<(Holder, &'static str)>>,
    steps: Mutex<Vec<Step>>,
    /// Tells of each step and each claim that is given back.
    stepped: Notify,
}

impl Shared {
    async fn trouble(&self) -> Result<(), StoreError> {
        if self.hangs.load(Ordering::SeqCst) {
            self.wake.notified().await;
        }
        if self.fails.load(Ordering::SeqCst) { Err(StoreError::Closed) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Shared {
    fn cached(&self, _: &ProfileKey) -> Option<LiveProfile> {
        Some(self.profile.clone())
    }

    async fn load(&self, _: &ProfileKey) -> Result<LiveProfile, StoreError> {
        Ok(self.profile.clone())
    }

    fn create(&self, _: &ProfileKey) -> LiveProfile {
        self.profile.clone()
    }

    async fn write(&self, _: Vec<Write>) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_shared(&self) -> bool {
        self.by_several
    }

    async fn claim(&self, _: &ProfileKey, claims: &[Claim]) -> Result<Vec<bool>, StoreError> {
        self.trouble().await?;
        let mut left = self.left.lock().unwrap();
        let mut granted = Vec::new();
        for claim in claims {
            let may = match left.get_mut(&*claim.scenario) {
                Some(0) => false,
                Some(more) => {
                    *more -= 1;
                    true
                }
                None => true,
            };
            if may {
                self.claimed.lock().unwrap().push(claim.clone());
            }
            granted.push(may);
        }
        Ok(granted)
    }

    async fn unclaim(&self, _: &ProfileKey, claims: &[Claim]) -> Result<(), StoreError> {
        self.claimed.lock().unwrap().retain(|held| claims.iter().all(|claim| claim.id != held.id));
        self.stepped.notify_one();
        Ok(())
    }

    fn coupons(&self) -> &dyn Coupons {
        self
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Coupons for Shared {
    async fn add_codes(&self, _: &SiteId, _: &str, _: &[String], _: Option<Timestamp>) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn reserve(&self, ask: &CodeAsk) -> Result<Option<Issued>, StoreError> {
        self.trouble().await?;
        let mut given = self.given.lock().unwrap();
        let known = given.iter().find(|(holder, _)| *holder == ask.holder).map(|(_, code)| *code);
        let fresh = known.is_none();
        let Some(code) = known.or_else(|| self.free.lock().unwrap().pop()) else { return Ok(None) };
        if fresh {
            given.push((ask.holder.clone(), code));
        }
        Ok(Some(Issued { code: code.into(), expires: ask.expires, fresh }))
    }

    async fn can_give(&self, ask: &CodeAsk) -> Result<bool, StoreError> {
        self.trouble().await?;
        let has = self.given.lock().unwrap().iter().any(|(holder, _)| *holder == ask.holder);
        Ok(has || !self.free.lock().unwrap().is_empty())
    }

    async fn mark(&self, ask: &CodeAsk, step: Step) -> Result<bool, StoreError> {
        if step == Step::Returned {
            self.given.lock().unwrap().retain(|(holder, _)| *holder != ask.holder);
        }
        self.steps.lock().unwrap().push(step);
        self.stepped.notify_one();
        Ok(true)
    }

    async fn redeemed(&self, _: &SiteId, code: &str, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        Ok(self.given.lock().unwrap().iter().any(|(_, given)| *given == code))
    }

    async fn disown(&self, _: &SiteId, holder: &Holder) -> Result<usize, StoreError> {
        self.given.lock().unwrap().retain(|(given, _)| given != holder);
        Ok(0)
    }

    async fn pool(&self, _: &SiteId, _: &str, _: Timestamp) -> Result<PoolState, StoreError> {
        Ok(PoolState::default())
    }

    async fn pools(&self) -> Result<Vec<(SiteId, String)>, StoreError> {
        Ok(Vec::new())
    }
}

/// A scenario of the slot `top`, by descending priority in the order of the names' second letters. `p…` hands out codes, `c…` is capped.
fn scenario(id: &str) -> (Scenario, crate::scenario::condition::Checked) {
    let pool = id.starts_with('p').then(|| "night".into());
    let variant = Variant { name: "a".into(), weight: 1, actions: vec![Box::new(Shows { html: id.to_owned(), pool })] };
    let scenario = Scenario {
        id: id.into(),
        name: String::new(),
        priority: -i32::from(id.as_bytes()[1]),
        slot: Some("top".into()),
        schedule: Schedule::default(),
        caps: Caps { per_visitor: id.starts_with('c').then_some(1), ..Caps::default() },
        variants: vec![variant],
        goal: None,
    };
    (scenario, check("true", &Scope::default()).unwrap())
}

/// A test between a code of the pool and nothing.
fn trial() -> (Scenario, crate::scenario::condition::Checked) {
    let (mut scenario, condition) = scenario("p1");
    scenario.variants.push(Variant { name: "control".into(), weight: 1, actions: Vec::new() });
    (scenario, condition)
}

/// A shop that waits as long as it takes.
fn shop(store: &Arc<Shared>, scenarios: &[&str]) -> Shop {
    shop_with_patience(store, scenarios, Duration::from_secs(600))
}

fn shop_with_patience(store: &Arc<Shared>, scenarios: &[&str], claim_deadline: Duration) -> Shop {
    open(store, scenarios.iter().map(|id| scenario(id)).collect(), claim_deadline)
}

fn open(
    store: &Arc<Shared>,
    scenarios: Vec<(Scenario, crate::scenario::condition::Checked)>,
    claim_deadline: Duration,
) -> Shop {
    let rules = RuleSet::build(scenarios);
    let pool =
        Pool { name: "night".into(), supply: Supply::Listed, per: Per::Visitor, expires: None, first_visit: true };
    let mut settings = Settings::default();
    settings.limits.claim_deadline = claim_deadline;
    Shop::open(rules, vec![pool], store.clone(), settings)
}

fn shared(store: Shared) -> Arc<Shared> {
    Arc::new(Shared { by_several: true, ..store })
}

/// What is shown.
fn shown(served: &Served) -> &str {
    served.body.split("<b>").nth(1).and_then(|rest| rest.split("</b>").next()).unwrap_or("")
}

fn exposures(store: &Shared, scenario: &str) -> u32 {
    store.profile.lock().unwrap().scenarios.get(scenario).map_or(0, |history| history.exposures)
}

#[tokio::test]
async fn refused_claims_give_way_to_the_next_best_of_the_slot() {
    let store = shared(Shared { left: Mutex::new([("c1".into(), 0), ("c2".into(), 0)].into()), ..Shared::default() });
    let shop = shop(&store, &["c1", "c2", "c3", "x4"]);
    assert_eq!(shown(&shop.page().await), "c3");
    let claimed = store.claimed.lock().unwrap();
    assert_eq!(claimed.iter().map(|claim| &*claim.scenario).collect::<Vec<_>>(), ["c3"]);
    assert_eq!(claimed[0].known, crate::store::profile::ScenarioHistory::default());
    assert_eq!(["c1", "c2", "c3"].map(|id| exposures(&store, id)), [0, 0, 1]);
}

#[tokio::test]
async fn a_long_row_of_refusals_ends_in_what_needs_no_claim() {
    let all: Vec<String> = ('a'..='z').map(|letter| format!("c{letter}")).collect();
    let left = all.iter().map(|id| (id.clone(), 0)).collect();
    let store = shared(Shared { left: Mutex::new(left), ..Shared::default() });
    let mut ids: Vec<&str> = all.iter().map(String::as_str).collect();
    ids.push("x~");
    assert_eq!(shown(&shop(&store, &ids).page().await), "x~");
    assert!(store.claimed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_store_of_one_machine_is_not_asked() {
    let store = Arc::new(Shared { fails: AtomicBool::new(true), ..Shared::default() });
    let shop = shop(&store, &["c1", "x2"]);
    let pages = [shop.page().await, shop.page().await];
    assert_eq!(pages.each_ref().map(shown), ["c1", "x2"]);
}

#[tokio::test]
async fn ailing_ledger_costs_what_it_must_grant_and_nothing_else() {
    for hangs in [true, false] {
        let store = shared(Shared { free: Mutex::new(vec!["CODE"]), ..Shared::default() });
        store.hangs.store(hangs, Ordering::SeqCst);
        store.fails.store(!hangs, Ordering::SeqCst);
        let patience = if hangs { Duration::from_millis(1) } else { Duration::from_secs(600) };
        let shop = shop_with_patience(&store, &["p1", "c2", "x3"], patience);
        assert_eq!(shown(&shop.page().await), "x3", "hangs: {hangs}");
        let failed = ["claim_late", "coupon", "claim"].map(|kind| shop.failures(kind) > 0);
        assert_eq!(failed, [hangs, !hangs, !hangs]);
        assert_eq!(["p1", "c2"].map(|id| exposures(&store, id)), [0, 0]);
    }
}

#[tokio::test]
async fn what_is_granted_too_late_is_given_back() {
    let store = shared(Shared { free: Mutex::new(vec!["CODE"]), ..Shared::default() });
    store.hangs.store(true, Ordering::SeqCst);
    let shop = shop_with_patience(&store, &["p1", "x2"], Duration::from_millis(1));
    assert_eq!(shown(&shop.page().await), "x2");
    store.wake.notify_one();
    store.stepped.notified().await;
    assert_eq!(*store.steps.lock().unwrap(), [Step::Returned]);
}

#[tokio::test]
async fn visitor_gets_the_same_code_again_and_nobody_else_gets_it() {
    let store = shared(Shared { free: Mutex::new(vec!["TWO", "ONE"]), ..Shared::default() });
    let shop = shop(&store, &["p1", "x2"]);
    let [one, two] = [shop.cookie(), shop.cookie()].map(|cookie| [(COOKIE, cookie)]);
    assert_eq!(shown(&shop.serve(&one, &[], PAGE).await), "ONE");
    assert_eq!(shown(&shop.serve(&two, &[], PAGE).await), "TWO");
    assert_eq!(shown(&shop.serve(&one, &[], PAGE).await), "ONE");
    assert_eq!(shown(&shop.page().await), "x2", "the pool is empty");
    assert_eq!((shop.failures("pool_empty"), shop.named()), (1, vec!["shop pool_empty p1".to_owned()]));
    assert!(store.steps.lock().unwrap().is_empty());
}

/// What a visitor sees of a trial of `p1` on a page, and how many exposures that was.
async fn tried(shop: &Shop, store: &Shared, cookie: &HeaderValue) -> (String, u32) {
    let before = exposures(store, "p1");
    let page = shop.serve(&[(COOKIE, cookie.clone())], &[], PAGE).await;
    (shown(&page).to_owned(), exposures(store, "p1") - before)
}

#[tokio::test]
async fn arms_of_a_trial_run_dry_together() {
    let store = Arc::new(Shared::default());
    let shop = open(&store, vec![trial(), scenario("x2")], Duration::from_secs(600));
    let begin_with = |free: &[&'static str]| {
        *store.profile.lock().unwrap() = crate::store::profile::Profile::default();
        store.given.lock().unwrap().clear();
        *store.free.lock().unwrap() = free.to_vec();
    };
    // While there is a code, an arm is known by what it shows.
    let mut arms = [("ONE", None), ("", None)];
    while let Some((_, None)) = arms.iter().find(|(_, cookie)| cookie.is_none()) {
        begin_with(&["ONE"]);
        let cookie = shop.cookie();
        let (seen, counted) = tried(&shop, &store, &cookie).await;
        assert_eq!(counted, 1);
        arms.iter_mut().find(|(shows, _)| *shows == seen).unwrap().1 = Some(cookie);
    }
    for (shows, cookie) in arms {
        let cookie = cookie.unwrap();
        begin_with(&[]);
        assert_eq!(tried(&shop, &store, &cookie).await, ("x2".to_owned(), 0), "`{shows}`: the pool is dry");
        begin_with(&["ONE"]);
        store.fails.store(true, Ordering::SeqCst);
        assert_eq!(tried(&shop, &store, &cookie).await, ("x2".to_owned(), 0), "`{shows}`: the ledger fails");
        store.fails.store(false, Ordering::SeqCst);
        assert_eq!(tried(&shop, &store, &cookie).await, (shows.to_owned(), 1));
        assert_eq!(store.free.lock().unwrap().len(), usize::from(shows.is_empty()), "who sees nothing takes nothing");
        store.free.lock().unwrap().clear();
        assert_eq!(
            tried(&shop, &store, &cookie).await,
            (shows.to_owned(), 1),
            "`{shows}`: what they have stays theirs"
        );
    }
}

#[tokio::test]
async fn code_that_did_not_leave_goes_back_and_one_that_did_stays() {
    let store = shared(Shared { free: Mutex::new(vec!["ONE"]), ..Shared::default() });
    let shop = shop(&store, &["p1"]);
    let known = [(COOKIE, shop.cookie())];
    let placeless = PAGE.replace("<p>", "<i>");
    assert_eq!(shop.serve(&known, &[], &placeless).await.body, placeless);
    store.stepped.notified().await;
    assert_eq!((store.steps.lock().unwrap().clone(), exposures(&store, "p1")), (vec![Step::Returned], 0));
    store.free.lock().unwrap().push("ONE");
    assert_eq!(shown(&shop.serve(&known, &[], PAGE).await), "ONE");
    // It is theirs now: that a later page has no place for it takes nothing away.
    shop.serve(&known, &[], &placeless).await;
    assert_eq!(shown(&shop.serve(&known, &[], PAGE).await), "ONE");
    assert_eq!(store.steps.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn claim_of_a_page_that_has_no_place_for_it_is_given_back() {
    let store = shared(Shared::default());
    let shop = shop(&store, &["c1"]);
    let placeless = PAGE.replace("<p>", "<i>");
    assert_eq!(shop.serve(&[], &[], &placeless).await.body, placeless);
    store.stepped.notified().await;
    assert!(store.claimed.lock().unwrap().is_empty());
    assert_eq!(exposures(&store, "c1"), 0);
}

#[tokio::test]
async fn two_tabs_at_once_never_overshoot_a_cap() {
    for is_shared in [true, false] {
        let store = Arc::new(Shared { by_several: is_shared, ..Shared::default() });
        store.left.lock().unwrap().insert("c1".into(), 1);
        let shop = shop(&store, &["c1", "x2"]);
        let cookie = [(COOKIE, shop.cookie())];
        let (one, two) = tokio::join!(shop.serve(&cookie, &[], PAGE), shop.serve(&cookie, &[], PAGE));
        let mut all = [shown(&one), shown(&two)];
        all.sort_unstable();
        assert_eq!(all, ["c1", "x2"], "shared: {is_shared}");
    }
}

#[tokio::test]
async fn code_for_a_page_that_nobody_waits_for_goes_back() {
    let store = shared(Shared { free: Mutex::new(vec!["ONE"]), ..Shared::default() });
    store.hangs.store(true, Ordering::SeqCst);
    let shop = shop(&store, &["p1"]);
    {
        let page = shop.page();
        tokio::pin!(page);
        // It reserves, and waits for the ledger.
        while exposures(&store, "p1") == 0 {
            tokio::select! {
                biased;
                _ = &mut page => panic!("nothing was granted yet"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    store.wake.notify_one();
    store.stepped.notified().await;
    assert_eq!(*store.steps.lock().unwrap(), [Step::Returned]);
}

#[tokio::test]
async fn codes_of_an_order_are_redeemed() {
    let store = shared(Shared { free: Mutex::new(vec!["ONE"]), ..Shared::default() });
    let shop = shop(&store, &["p1"]);
    shop.page().await;
    let order = crate::commerce::Order {
        id: "1".to_owned(),
        coupons: vec!["ONE".to_owned(), "OURS?".to_owned()],
        ..crate::commerce::Order::default()
    };
    assert_eq!(shop.gateway.redeemed(&SiteId::new("shop"), &order, SystemClock.now()).await.unwrap(), 1);
}
