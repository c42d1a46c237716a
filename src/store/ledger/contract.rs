//! What every ledger must hold, whatever it is made of.
//!
//! A backend's tests call [`holds`] with a way to open it again and again, and one to ask it in SQL, which gives one text.

use super::{BatchId, Ledger};
use crate::commerce::{Line, Order, Search};
use crate::event::{Arm, Event, What};
use crate::ids::{SiteId, VisitorId};
use crate::store::ProfileKey;
use crate::store::coupons::{CodeAsk, Holder, Issued, PoolState, Step, Supply};
use crate::store::records::{Before, Erased};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Runs the whole contract.
pub(in crate::store) async fn holds(open: impl Fn() -> Arc<dyn Ledger>, text: impl AsyncFn(&str) -> String) {
    holder_gets_the_same_code_again(&open).await;
    holder_who_asks_everywhere_at_once_gets_one_code(&open).await;
    listed_codes_are_each_given_once(&open).await;
    listed_code_that_expires_first_goes_first(&*open()).await;
    code_is_once_on_a_site(&*open()).await;
    limits_are_exact(&open).await;
    raised_limit_gives_more(&*open()).await;
    code_ceases_to_hold(&*open()).await;
    what_can_be_given_is_known_without_taking_it(&*open()).await;
    returned_code_goes_to_another(&*open()).await;
    code_of_which_something_became_does_not_go_back(&open).await;
    code_is_redeemed_once(&*open()).await;
    events_are_kept_once_a_batch(&open, &text).await;
    orders_and_refunds_are_kept_once(&open, &text).await;
    whatever_a_page_says_can_be_kept(&*open(), &text).await;
    erased_visitor_is_gone_and_their_code_stays_taken(&*open(), &text).await;
    what_was_kept_long_enough_is_swept(&*open(), &text).await;
    open().ping().await.unwrap();
}

fn holder(number: u32) -> Holder {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Holder::Visitor(VisitorId(id))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(in crate::store) fn ask(site: &str, holder: Holder, supply: Supply) -> CodeAsk {
    CodeAsk { site: SiteId::new(site), pool: "night".into(), holder, supply, at: at(0), expires: None }
}

pub(in crate::store) fn pattern(limit: u64) -> Supply {
    Supply::Pattern { pattern: "N-????-????".into(), limit }
}

fn fixed(limit: u64) -> Supply {
    Supply::Fixed { code: "YORU500".into(), limit }
}

pub(in crate::store) fn codes(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("L-{number}")).collect()
}

async fn given(ledger: &dyn Ledger, ask: &CodeAsk) -> Issued {
    ledger.reserve(ask).await.unwrap().expect("there is a code")
}

async fn pool(ledger: &dyn Ledger, site: &str) -> PoolState {
    ledger.pool(&SiteId::new(site), "night", at(0)).await.unwrap()
}

/// All holders ask at once, by turns of two processes. The codes given.
async fn rush(open: &impl Fn() -> Arc<dyn Ledger>, asks: impl Iterator<Item = CodeAsk>) -> Vec<Issued> {
    let processes = [open(), open()];
    let mut tasks = JoinSet::new();
    for (turn, ask) in asks.enumerate() {
        let ledger = processes[turn % 2].clone();
        tasks.spawn(async move { ledger.reserve(&ask).await.unwrap() });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

fn distinct(issued: &[Issued]) -> usize {
    issued.iter().map(|issued| &issued.code).collect::<HashSet<_>>().len()
}

async fn holder_gets_the_same_code_again(open: &impl Fn() -> Arc<dyn Ledger>) {
    let site = "again";
    for (number, holder) in [holder(1), Holder::Customer("会員1".into()), holder(2)].into_iter().enumerate() {
        let ask = ask(site, holder, pattern(10));
        let first = given(&*open(), &ask).await;
        assert!(first.fresh);
        for _ in 0..2 {
            let later = CodeAsk { at: at(5), ..ask.clone() };
            assert_eq!(given(&*open(), &later).await, Issued { fresh: false, ..first.clone() });
        }
        assert_eq!(pool(&*open(), site).await.given, number as u64 + 1);
    }
    let pools = open().pools().await.unwrap();
    assert!(pools.contains(&(SiteId::new(site), "night".to_owned())), "{pools:?}");
    let elsewhere = CodeAsk { pool: "other".into(), ..ask(site, holder(1), pattern(10)) };
    assert!(given(&*open(), &elsewhere).await.fresh, "another pool is another matter");
}

async fn holder_who_asks_everywhere_at_once_gets_one_code(open: &impl Fn() -> Arc<dyn Ledger>) {
    open().add_codes(&SiteId::new("tabs listed"), "night", &codes(50), None).await.unwrap();
    for (site, supply) in [("tabs listed", Supply::Listed), ("tabs pattern", pattern(50)), ("tabs fixed", fixed(50))] {
        let tabs = (0..40).map(|tab| CodeAsk { at: at(tab), ..ask(site, holder(1), supply.clone()) });
        let issued = rush(open, tabs).await;
        assert_eq!((issued.len(), distinct(&issued)), (40, 1), "{site}");
        assert_eq!(issued.iter().filter(|issued| issued.fresh).count(), 1, "{site}");
        let state = pool(&*open(), site).await;
        assert_eq!((state.free, state.given), (Some(49), 1), "{site}: nothing is lost");
    }
}

async fn listed_codes_are_each_given_once(open: &impl Fn() -> Arc<dyn Ledger>) {
    let site = "listed";
    assert_eq!(pool(&*open(), site).await, PoolState::default());
    assert_eq!(open().add_codes(&SiteId::new(site), "night", &codes(120), None).await.unwrap(), 120);
    assert_eq!(pool(&*open(), site).await.free, Some(120));
    let first = rush(open, (0..100).map(|n| ask(site, holder(n), Supply::Listed))).await;
    assert_eq!((first.len(), distinct(&first)), (100, 100));
    let rest: Vec<_> = rush(open, (100..140).map(|n| ask(site, holder(n), Supply::Listed))).await;
    // Whoever met a code in another's hand may ask again: in the end all are given.
    let again = rush(open, (100..140).map(|n| ask(site, holder(n), Supply::Listed))).await;
    assert!(rest.len() <= again.len());
    let late = rush(open, (140..180).map(|n| ask(site, holder(n), Supply::Listed))).await;
    let all = [first, again, late].concat();
    assert_eq!((all.len(), distinct(&all)), (120, 120));
    let state = pool(&*open(), site).await;
    assert_eq!(state, PoolState { free: Some(0), given: 120, seen: 0, redeemed: 0 });
}

async fn listed_code_that_expires_first_goes_first(ledger: &dyn Ledger) {
    let site = SiteId::new("first");
    for (code, expires) in [("NEVER", None), ("LATE", Some(at(900))), ("SOON", Some(at(60))), ("GONE", Some(at(-1)))] {
        ledger.add_codes(&site, "night", &[code.to_owned()], expires).await.unwrap();
    }
    assert_eq!(pool(ledger, "first").await.free, Some(3));
    let mut order = Vec::new();
    for n in 0..4 {
        let ask = CodeAsk { expires: Some(at(300)), ..ask("first", holder(n), Supply::Listed) };
        order.extend(ledger.reserve(&ask).await.unwrap().map(|issued| (issued.code.to_string(), issued.expires)));
    }
    let expected = [("SOON", at(60)), ("LATE", at(300)), ("NEVER", at(300))];
    assert_eq!(order, expected.map(|(code, expires)| (code.to_owned(), Some(expires))));
}

async fn code_is_once_on_a_site(ledger: &dyn Ledger) {
    let (one, two) = (SiteId::new("once 1"), SiteId::new("once 2"));
    let twice = [codes(3), codes(2)].concat();
    assert_eq!(ledger.add_codes(&one, "night", &twice, None).await.unwrap(), 3);
    assert_eq!(ledger.add_codes(&one, "day", &codes(5), None).await.unwrap(), 2);
    assert_eq!(ledger.add_codes(&two, "night", &codes(5), None).await.unwrap(), 5);
    assert_eq!(pool(ledger, "once 1").await.free, Some(3));
    // Nor does one person's code become everybody's.
    let supply = Supply::Fixed { code: "L-0".into(), limit: 9 };
    assert_eq!(
        ledger.reserve(&CodeAsk { pool: "all".into(), ..ask("once 1", holder(1), supply) }).await.unwrap(),
        None
    );
    // A pattern that can become one code only gives it to one holder.
    let supply = Supply::Pattern { pattern: "SAME".into(), limit: 9 };
    assert!(given(ledger, &ask("once 2", holder(1), supply.clone())).await.fresh);
    assert_eq!(ledger.reserve(&ask("once 2", holder(2), supply)).await.unwrap(), None);
}

async fn limits_are_exact(open: &impl Fn() -> Arc<dyn Ledger>) {
    for (site, supply, kinds) in [("exact pattern", pattern(60), 60), ("exact fixed", fixed(60), 1)] {
        let issued = rush(open, (0..100).map(|n| ask(site, holder(n), supply.clone()))).await;
        assert_eq!((issued.len(), distinct(&issued)), (60, kinds), "{site}");
        let state = pool(&*open(), site).await;
        assert_eq!((state.free, state.given), (Some(0), 60), "{site}");
    }
}

async fn raised_limit_gives_more(ledger: &dyn Ledger) {
    for (holder_number, limit, gets) in [(1, 1, true), (2, 1, false), (2, 2, true), (3, 0, false), (1, 0, true)] {
        let issued = ledger.reserve(&ask("raised", holder(holder_number), fixed(limit))).await.unwrap();
        assert_eq!(issued.is_some(), gets, "holder {holder_number}, limit {limit}");
    }
}

async fn code_ceases_to_hold(ledger: &dyn Ledger) {
    let ask = CodeAsk { expires: Some(at(60)), ..ask("ceases", holder(1), pattern(9)) };
    assert_eq!(given(ledger, &ask).await.expires, Some(at(60)));
    let later = CodeAsk { at: at(59), expires: Some(at(500)), ..ask.clone() };
    assert_eq!(given(ledger, &later).await.expires, Some(at(60)), "asking again does not make it hold longer");
    assert_eq!(ledger.reserve(&CodeAsk { at: at(60), ..later }).await.unwrap(), None, "nor is there a second one");
    let stranger = CodeAsk { holder: holder(2), at: at(500), expires: Some(at(500)), ..ask };
    assert_eq!(ledger.reserve(&stranger).await.unwrap(), None, "nobody is given what does not hold any more");
    assert_eq!(pool(ledger, "ceases").await.given, 1);
}

async fn what_can_be_given_is_known_without_taking_it(ledger: &dyn Ledger) {
    ledger.add_codes(&SiteId::new("can listed"), "night", &codes(1), Some(at(60))).await.unwrap();
    for (site, supply) in [("can listed", Supply::Listed), ("can pattern", pattern(1)), ("can fixed", fixed(1))] {
        let [one, two] = [1, 2].map(|n| ask(site, holder(n), supply.clone()));
        let can = async |ask: &CodeAsk| ledger.can_give(ask).await.unwrap();
        assert_eq!((can(&one).await, can(&one).await, can(&two).await), (true, true, true), "{site}: none is taken");
        let over = CodeAsk { at: at(90), expires: Some(at(60)), ..one.clone() };
        assert!(!can(&over).await, "{site}: it would not hold any more");
        let code = given(ledger, &CodeAsk { expires: Some(at(60)), ..one.clone() }).await.code;
        assert_eq!((can(&one).await, can(&two).await), (true, false), "{site}: theirs can be given again");
        assert!(!can(&CodeAsk { at: at(60), ..one.clone() }).await, "{site}: theirs has expired");
        if !matches!(supply, Supply::Fixed { .. }) {
            ledger.redeemed(&one.site, &code, "order", at(1)).await.unwrap();
            assert!(!can(&one).await, "{site}: theirs was redeemed");
        }
    }
}

async fn returned_code_goes_to_another(ledger: &dyn Ledger) {
    ledger.add_codes(&SiteId::new("back listed"), "night", &codes(1), None).await.unwrap();
    for (site, supply) in [("back listed", Supply::Listed), ("back pattern", pattern(1)), ("back fixed", fixed(1))] {
        let [one, two] = [1, 2].map(|n| ask(site, holder(n), supply.clone()));
        given(ledger, &one).await;
        assert_eq!(ledger.reserve(&two).await.unwrap(), None, "{site}");
        assert!(ledger.mark(&one, Step::Returned).await.unwrap(), "{site}");
        assert!(!ledger.mark(&one, Step::Returned).await.unwrap(), "{site}: once");
        assert_eq!(pool(ledger, site).await, PoolState { free: Some(1), ..PoolState::default() }, "{site}");
        assert!(given(ledger, &two).await.fresh, "{site}");
        assert_eq!(ledger.reserve(&one).await.unwrap(), None, "{site}");
    }
}

async fn code_of_which_something_became_does_not_go_back(open: &impl Fn() -> Arc<dyn Ledger>) {
    let ledger = open();
    let stays = async |ask: &CodeAsk, why: &str| {
        assert!(!ledger.mark(ask, Step::Returned).await.unwrap(), "{why}");
        assert!(!given(&*ledger, ask).await.fresh, "{why}");
    };
    let ask = |n| ask("stays", holder(n), pattern(9));
    assert!(!ledger.mark(&ask(0), Step::Seen).await.unwrap(), "nobody has one yet");

    given(&*ledger, &ask(1)).await;
    stays(&CodeAsk { at: at(1), ..ask(1) }, "another ask").await;

    given(&*ledger, &ask(2)).await;
    given(&*open(), &CodeAsk { at: at(1), ..ask(2) }).await;
    stays(&ask(2), "in another tab").await;

    given(&*ledger, &ask(3)).await;
    assert!(ledger.mark(&CodeAsk { at: at(9), ..ask(3) }, Step::Seen).await.unwrap());
    assert!(!ledger.mark(&ask(3), Step::Seen).await.unwrap(), "seen once");
    stays(&ask(3), "seen").await;

    let code = given(&*ledger, &ask(4)).await.code;
    assert!(ledger.redeemed(&SiteId::new("stays"), &code, "N-1", at(2)).await.unwrap());
    assert!(!ledger.mark(&ask(4), Step::Returned).await.unwrap());
    assert_eq!(ledger.reserve(&ask(4)).await.unwrap(), None, "it was redeemed");
    assert_eq!(pool(&*ledger, "stays").await, PoolState { free: Some(5), given: 4, seen: 1, redeemed: 1 });
}

async fn code_is_redeemed_once(ledger: &dyn Ledger) {
    let site = SiteId::new("redeemed");
    let redeem = async |code: &str, order: &str| ledger.redeemed(&site, code, order, at(1)).await.unwrap();
    let listed = ["Ab-1", "Ab-2", "ab-2"].map(str::to_owned);
    ledger.add_codes(&site, "night", &listed, None).await.unwrap();
    assert!(!redeem("strange", "N-1").await);
    assert!(redeem(" aB-1 ", "N-1").await, "as people type it");
    assert!(!redeem("Ab-1", "N-1").await, "the page was loaded again");
    assert!(!redeem("Ab-1", "N-2").await);
    assert!(!redeem("AB-2", "N-3").await, "nobody knows which is meant");
    assert!(redeem("ab-2", "N-3").await);
    // What was redeemed, by whatever way it came to somebody, is not given again.
    assert_eq!(&*given(ledger, &ask("redeemed", holder(1), Supply::Listed)).await.code, "Ab-2");
    assert_eq!(ledger.reserve(&ask("redeemed", holder(2), Supply::Listed)).await.unwrap(), None);

    let everybody = |n| CodeAsk { pool: "all".into(), ..ask("redeemed", holder(n), fixed(9)) };
    given(ledger, &everybody(1)).await;
    given(ledger, &everybody(2)).await;
    assert!(redeem("yoru500", "N-4").await && !redeem("YORU500", "N-4").await && redeem("YORU500", "N-5").await);
    assert!(!given(ledger, &everybody(2)).await.fresh, "everybody's code goes on");
    assert_eq!(ledger.pool(&site, "all", at(0)).await.unwrap().redeemed, 2);
}

fn event(site: &str, what: What) -> Event {
    Event { site: SiteId::new(site), visitor: VisitorId([7; 16]), at: at(0), what }
}

fn click(site: &str) -> Event {
    event(site, What::Click(Arm { scenario: "welcome".into(), variant: "a".into() }))
}

async fn events_are_kept_once_a_batch(open: &impl Fn() -> Arc<dyn Ledger>, text: &impl AsyncFn(&str) -> String) {
    let count = async || text("SELECT CAST(count(*) AS TEXT) FROM events WHERE site = 'batches'").await;
    let (one, two) = (open(), open());
    let ids = [one.next_batch(), one.next_batch(), two.next_batch()];
    assert!(ids.iter().all(|id| id.is_some()) && ids.iter().collect::<HashSet<_>>().len() == 3);
    for id in ids {
        // The sender was not told that the first try went well, and has forgotten one event since.
        one.append(id, vec![click("batches"); 3]).await.unwrap();
        one.append(id, vec![click("batches"); 2]).await.unwrap();
        two.append(id, vec![click("batches"); 2]).await.unwrap();
    }
    assert_eq!(count().await, "9");
    for _ in 0..2 {
        two.append(BatchId::NONE, vec![click("batches")]).await.unwrap();
    }
    one.append(one.next_batch(), Vec::new()).await.unwrap();
    assert_eq!(count().await, "11");
}

/// A thank-you page is loaded again, in other tabs, on other machines.
async fn orders_and_refunds_are_kept_once(open: &impl Fn() -> Arc<dyn Ledger>, text: &impl AsyncFn(&str) -> String) {
    let order = |id: &str, value| Arc::new(Order { id: id.into(), value: Some(value), ..Order::default() });
    let purchase = |id: &str, value| event("orders", What::Purchase(order(id, value)));
    let refund = |id: &str, value| event("orders", What::Refund { order: id.into(), value });
    let ledger = open();
    let batch = vec![purchase("N-1", 500.0), click("orders"), purchase("N-1", 800.0), purchase("N-2", 70.0)];
    ledger.append(ledger.next_batch(), batch).await.unwrap();
    let mut tasks = JoinSet::new();
    for turn in 0..20 {
        let ledger = open();
        let ids = if turn % 2 == 0 { ["N-1", "N-3", "N-4"] } else { ["N-4", "N-3", "N-1"] };
        let batch = ids.map(|id| purchase(id, 90.0)).to_vec();
        tasks.spawn(async move { ledger.append(ledger.next_batch(), batch).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(
        text("SELECT CAST(count(*) AS TEXT) FROM events WHERE site = 'orders' AND kind = 'purchase'").await,
        "4"
    );
    let batch = vec![refund("N-1", Some(200.0)), refund("N-2", None), refund("N-1", Some(1000.0)), refund("N-9", None)];
    ledger.append(ledger.next_batch(), batch).await.unwrap();
    let paid = async |id: &str| {
        let found = ledger.exports().orders(&SiteId::new("orders"), &[id.to_owned()]).await.unwrap();
        (found[0].value, found[0].refunded)
    };
    let paid = [paid("N-1").await, paid("N-2").await, paid("N-3").await];
    assert_eq!(paid, [(Some(500.0), 500.0), (Some(70.0), 70.0), (Some(90.0), 0.0)]);
}

async fn whatever_a_page_says_can_be_kept(ledger: &dyn Ledger, text: &impl AsyncFn(&str) -> String) {
    let odd = "a\0b\u{FFFF}'\"\\u0000\\ 湯呑み \u{1F375}";
    let order = Order { id: odd.into(), value: Some(f64::NAN), lines: vec![Line::default()], ..Order::default() };
    let events = vec![
        event("odd", What::Search(Search { term: odd.into(), results: Some(u64::MAX) })),
        event("odd", What::PageView { path: odd.into() }),
        event("odd", What::Purchase(Arc::new(order.clone()))),
        event("odd", What::Purchase(Arc::new(order))),
        event("odd", What::Refund { order: odd.into(), value: Some(f64::INFINITY) }),
        Event { at: Timestamp::MAX, ..click("odd") },
        Event { at: Timestamp::MIN, ..click("odd") },
    ];
    ledger.append(ledger.next_batch(), events).await.unwrap();
    assert_eq!(text("SELECT CAST(count(*) AS TEXT) FROM events WHERE site = 'odd'").await, "6");
    let odd_ask = CodeAsk {
        pool: odd.into(),
        holder: Holder::Customer(odd.into()),
        at: at(0) + SignedDuration::from_micros(1),
        ..ask("odd", holder(1), pattern(1))
    };
    assert!(given(ledger, &odd_ask).await.fresh);
    assert!(!ledger.redeemed(&SiteId::new("odd"), odd, odd, at(0)).await.unwrap());
    assert!(ledger.mark(&odd_ask, Step::Returned).await.unwrap());
    ledger.add_codes(&SiteId::new("odd"), odd, &[odd.to_owned()], Some(Timestamp::MAX)).await.unwrap();
    assert!(ledger.redeemed(&SiteId::new("odd"), odd, odd, at(0)).await.unwrap());
}

async fn erased_visitor_is_gone_and_their_code_stays_taken(ledger: &dyn Ledger, text: &impl AsyncFn(&str) -> String) {
    let order = Arc::new(Order { id: "N-1".into(), ..Order::default() });
    let events = vec![click("erased"), event("erased", What::Purchase(order)), click("erased too")];
    ledger.append(ledger.next_batch(), events).await.unwrap();
    let key = ProfileKey { site: SiteId::new("erased"), visitor: VisitorId([7; 16]) };
    let code = given(ledger, &ask("erased", Holder::Visitor(key.visitor), fixed(1))).await.code;
    let kept = ledger.about(&key, 10).await.unwrap();
    let names: Vec<&str> = kept.events.iter().map(|event| &*event.name).collect();
    assert_eq!((names, kept.more), (vec!["select_promotion", "purchase", "coupon"], false));
    assert_eq!(kept.events[0].arm.as_deref(), Some("welcome/a"));
    assert!(kept.events[2].parameters.as_ref().unwrap().to_string().contains(&*code));
    assert!(ledger.about(&key, 1).await.unwrap().more);

    assert_eq!(ledger.erase(&key).await.unwrap(), Erased { profiles: 0, events: 2, coupons: 1, orders: 1 });
    assert_eq!(ledger.about(&key, 10).await.unwrap().events, []);
    assert_eq!(text("SELECT CAST(count(*) AS TEXT) FROM events WHERE site = 'erased too'").await, "1");
    assert_eq!(text("SELECT CAST(count(*) AS TEXT) FROM orders WHERE site = 'erased'").await, "1");
    assert_eq!(ledger.reserve(&ask("erased", holder(1), fixed(1))).await.unwrap(), None, "its code was given");
    assert_eq!(ledger.erase(&key).await.unwrap(), Erased::default(), "again, there is nothing");
    let member = Holder::Customer("会員1".into());
    given(ledger, &ask("erased member", member.clone(), fixed(1))).await;
    for left in [1, 0] {
        assert_eq!(ledger.disown(&SiteId::new("erased member"), &member).await.unwrap(), left);
    }
    let grants = "SELECT CAST(count(*) AS TEXT) FROM coupon_grants WHERE site = 'erased member'";
    assert_eq!(text(grants).await, "0");
    assert_eq!(pool(ledger, "erased member").await.free, Some(0), "its code stays taken");
}

async fn what_was_kept_long_enough_is_swept(ledger: &dyn Ledger, text: &impl AsyncFn(&str) -> String) {
    let site = SiteId::new("swept");
    let old = |seconds| Event { at: at(seconds), ..click("swept") };
    ledger.append(ledger.next_batch(), (-5..5).map(old).collect()).await.unwrap();
    assert!(ledger.sites().await.unwrap().contains(&site));
    let before = Before { profiles: at(0), events: at(0) };
    assert_eq!(ledger.sweep(&site, &before, 3).await.unwrap(), 3);
    assert_eq!(ledger.sweep(&site, &before, 3).await.unwrap(), 2);
    assert_eq!(text("SELECT CAST(count(*) AS TEXT) FROM events WHERE site = 'swept'").await, "5");
}
