//! What every outbox must hold, whatever it is made of.

use super::{HookId, Message, SETTLING, Wants};
use crate::commerce::{Cart, Line, Order};
use crate::event::{Event, What};
use crate::ids::{SiteId, VisitorId};
use crate::store::ProfileKey;
use crate::store::exports::Span;
use crate::store::ledger::Ledger;
use crate::store::records::Before;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// Page views and abandoned carts are wanted by `all`; orders by `all` and `orders`. Of the site `silent` nothing is.
struct Tests;

impl Wants for Tests {
    fn hooks(&self, site: &SiteId, event: &str) -> SmallVec<[Arc<str>; 2]> {
        let hooks: &[&str] = match event {
            _ if site.as_str() == "silent" => &[],
            "page_view" | "abandoned_cart" => &["all"],
            "purchase" => &["all", "orders"],
            _ => &[],
        };
        hooks.iter().map(|hook| Arc::from(*hook)).collect()
    }
}

/// Runs the whole contract. `open` gives another process on the same data each time.
pub(in crate::store) async fn holds(open: impl Fn() -> Arc<dyn Ledger>) {
    let open = || {
        let ledger = open();
        ledger.outbox().watch(Arc::new(Tests));
        ledger
    };
    wanted_events_become_messages_once(&open).await;
    first_message_of_a_visitor_holds_back_the_others(&*open()).await;
    several_gateways_share_and_what_one_has_taken_comes_back(&open).await;
    erased_and_swept_visitors_have_no_messages(&*open()).await;
    what_is_too_old_or_too_much_goes(&*open()).await;
    what_is_foreseen_is_told_unless_its_visitor_comes_back(&open).await;
}

fn hook(site: &str, name: &str) -> HookId {
    HookId { site: SiteId::new(site), name: name.into() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn visitor(number: u8) -> VisitorId {
    VisitorId([number; 16])
}

fn view(site: &str, of: u8, seconds: i64, path: &str) -> Event {
    let what = What::PageView { path: path.into() };
    Event { site: SiteId::new(site), visitor: visitor(of), at: at(seconds), what }
}

async fn keep(ledger: &dyn Ledger, events: Vec<Event>) {
    ledger.append(ledger.next_batch(), events).await.unwrap();
}

/// Takes what is due at a second, for ten.
async fn take(ledger: &dyn Ledger, hook: &HookId, second: i64, most: usize) -> Vec<Message> {
    let mut taken = ledger.outbox().lease(hook, at(second), at(second + 10), most).await.unwrap();
    taken.sort_by_key(|message| (message.event.place.at, message.number));
    taken
}

fn paths(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.event.path.as_deref().unwrap_or_default()).collect()
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.number).collect()
}

async fn wanted_events_become_messages_once(open: &impl Fn() -> Arc<dyn Ledger>) {
    let (one, two) = (open(), open());
    let order = Order { id: "N-1".into(), value: Some(500.0), ..Order::default() };
    let purchase = |site: &str| Event { what: What::Purchase(Arc::new(order.clone())), ..view(site, 1, 2, "") };
    let events = vec![
        view("wanted", 1, 1, "/a\0b"),
        purchase("wanted"),
        purchase("wanted"),
        Event { what: What::Login, ..view("wanted", 1, 3, "") },
        purchase("silent"),
    ];
    let batch = one.next_batch();
    one.append(batch, events.clone()).await.unwrap();
    // The sender was not told that it went well.
    one.append(batch, events.clone()).await.unwrap();
    two.append(batch, events).await.unwrap();
    // A thank-you page is loaded again.
    keep(&*two, vec![purchase("wanted")]).await;

    let waiting: HashMap<_, _> = one.outbox().hooks().await.unwrap().into_iter().collect();
    let wanted =
        HashMap::from([(hook("wanted", "all"), at(1) + SETTLING), (hook("wanted", "orders"), at(2) + SETTLING)]);
    assert_eq!(waiting, wanted);
    let (all, orders) = (hook("wanted", "all"), hook("wanted", "orders"));
    assert_eq!(
        (one.outbox().count(&all, at(60)).await.unwrap(), one.outbox().count(&orders, at(60)).await.unwrap()),
        (2, 1)
    );

    let orders = take(&*two, &orders, 60, 10).await;
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((order.event.name.as_str(), order.event.visitor, order.tries), ("purchase", visitor(1), 1));
    assert_eq!(order.event.place.at, at(2).as_millisecond());
    assert_eq!(order.event.parameters.as_ref().unwrap()["transaction_id"], "N-1");
    assert!(order.id.strip_prefix("msg_").is_some_and(|id| id.len() == 32), "{}", order.id);
    let all = take(&*two, &all, 60, 10).await;
    assert_eq!(all.len(), 1);
    assert!(all[0].event.path.as_ref().unwrap().starts_with("/a") && all[0].id != order.id);
    one.outbox().done(numbers(&[all, orders].concat())).await.unwrap();
}

async fn first_message_of_a_visitor_holds_back_the_others(ledger: &dyn Ledger) {
    let (hook, outbox) = (hook("order", "all"), ledger.outbox());
    // As a recorder writes them: what somebody waits for comes last, whenever it was.
    keep(ledger, vec![view("order", 1, 3, "/3"), view("order", 2, 9, "/other"), view("order", 1, 1, "/1")]).await;
    keep(ledger, vec![view("order", 1, 2, "/2")]).await;
    assert_eq!(paths(&take(ledger, &hook, 1, 10).await), [""; 0], "another gateway may still have an earlier one");
    let taken = take(ledger, &hook, 10, 10).await;
    assert_eq!(paths(&taken), ["/1", "/other"]);
    assert_eq!(paths(&take(ledger, &hook, 11, 10).await), [""; 0], "both are taken");

    // The first is put off: it keeps its name, and nothing of its visitor's passes it.
    outbox.put_off(&hook, &taken[0], at(30)).await.unwrap();
    outbox.done(vec![taken[1].number]).await.unwrap();
    assert_eq!(outbox.hooks().await.unwrap().into_iter().find(|(known, _)| *known == hook).unwrap().1, at(30));
    assert_eq!(paths(&take(ledger, &hook, 29, 10).await), [""; 0]);
    let again = take(ledger, &hook, 30, 10).await;
    assert_eq!((paths(&again), again[0].tries), (vec!["/1"], 2));
    assert_eq!(again[0].id, taken[0].id);

    // Who took it before has no say any more.
    outbox.put_off(&hook, &taken[0], at(900)).await.unwrap();
    outbox.done(vec![again[0].number]).await.unwrap();
    for path in ["/2", "/3"] {
        let next = take(ledger, &hook, 31, 10).await;
        assert_eq!(paths(&next), [path]);
        outbox.done(numbers(&next)).await.unwrap();
    }
    assert_eq!(outbox.count(&hook, at(60)).await.unwrap(), 0);

    // Nobody's number is used again: somebody may be late in saying that a message is done.
    keep(ledger, vec![view("order", 1, 40, "/4")]).await;
    outbox.done(vec![again[0].number, taken[1].number]).await.unwrap();
    assert_eq!(paths(&take(ledger, &hook, 50, 10).await), ["/4"]);
}

async fn several_gateways_share_and_what_one_has_taken_comes_back(open: &impl Fn() -> Arc<dyn Ledger>) {
    let hook = hook("shared", "all");
    let events = (0..200_u8).map(|number| view("shared", number % 50, i64::from(number), &format!("/{number}")));
    keep(&*open(), events.collect()).await;
    let log = Arc::new(Mutex::new(Vec::new()));
    // One takes some, and is killed.
    let lost: HashSet<i64> = numbers(&take(&*open(), &hook, 500, 20).await).into_iter().collect();
    assert_eq!(lost.len(), 20);
    let gateways = [open(), open(), open()];
    for second in [505, 505, 505, 505, 511, 511, 511, 511] {
        let mut tasks = JoinSet::new();
        for gateway in &gateways {
            let (gateway, hook, log) = (gateway.clone(), hook.clone(), log.clone());
            tasks.spawn(async move {
                let taken = take(&*gateway, &hook, second, 40).await;
                log.lock().unwrap().extend(taken.iter().cloned().map(|message| (second, message)));
                gateway.outbox().done(numbers(&taken)).await.unwrap();
            });
        }
        tasks.join_all().await;
    }
    let mut delivered: HashMap<VisitorId, Vec<i64>> = HashMap::new();
    for (second, message) in log.lock().unwrap().iter() {
        assert!(*second > 510 || !lost.contains(&message.number), "it is somebody's");
        delivered.entry(message.event.visitor).or_default().push(message.event.place.at);
    }
    let all: Vec<&Vec<i64>> = delivered.values().collect();
    assert_eq!((all.len(), all.iter().map(|times| times.len()).sum::<usize>()), (50, 200), "each once");
    assert!(all.iter().all(|times| times.is_sorted()), "{all:?}");
}

async fn erased_and_swept_visitors_have_no_messages(ledger: &dyn Ledger) {
    let hook = hook("erased", "all");
    keep(ledger, vec![view("erased", 1, 1, "/1"), view("erased", 1, 2, "/2"), view("erased", 2, 3, "/3")]).await;
    let taken = take(ledger, &hook, 60, 1).await;
    ledger.erase(&ProfileKey { site: hook.site.clone(), visitor: visitor(1) }).await.unwrap();
    // Whoever was at it notices nothing, and nothing comes back.
    ledger.outbox().put_off(&hook, &taken[0], at(61)).await.unwrap();
    assert_eq!(paths(&take(ledger, &hook, 100, 10).await), ["/3"]);
    assert_eq!(ledger.outbox().count(&hook, at(60)).await.unwrap(), 1);
    ledger.sweep(&hook.site, &Before { profiles: at(0), events: at(4) }, 100).await.unwrap();
    assert_eq!(ledger.outbox().count(&hook, at(60)).await.unwrap(), 0);
}

async fn what_is_too_old_or_too_much_goes(ledger: &dyn Ledger) {
    let (hook, other, outbox) = (hook("old", "all"), hook("old too", "all"), ledger.outbox());
    for site in ["old", "old too"] {
        keep(ledger, (0..10).rev().map(|second| view(site, 1, second, &format!("/{second}"))).collect()).await;
    }
    let before = at(2) + SignedDuration::from_millis(1);
    assert_eq!(outbox.remove(&hook, before, 2).await.unwrap(), 2);
    assert_eq!(outbox.remove(&hook, before, 2).await.unwrap(), 1);
    assert_eq!(outbox.remove(&hook, before, 2).await.unwrap(), 0);
    assert_eq!(outbox.trim(&hook, at(60), 7, 2).await.unwrap(), 0);
    assert_eq!(outbox.trim(&hook, at(60), 4, 2).await.unwrap(), 2);
    assert_eq!(outbox.trim(&hook, at(60), 4, 2).await.unwrap(), 1);
    assert_eq!(paths(&take(ledger, &hook, 60, 10).await), ["/6"], "the oldest of what is left");
    assert_eq!((outbox.count(&hook, at(60)).await.unwrap(), outbox.count(&other, at(60)).await.unwrap()), (4, 10));
}

async fn what_is_foreseen_is_told_unless_its_visitor_comes_back(open: &impl Fn() -> Arc<dyn Ledger>) {
    let (one, two, hook) = (open(), open(), hook("foreseen", "all"));
    let left = |of: u8, seconds: i64, items: u32| {
        let lines = vec![Line { id: "M-1".into(), quantity: items, ..Line::default() }];
        let cart = Cart { lines, items: Some(items), ..Cart::default() };
        Event { what: What::AbandonedCart(Arc::new(cart)), ..view("foreseen", of, seconds, "") }
    };
    let told = |messages: &[Message]| -> Vec<(u8, Value)> {
        let of = |message: &Message| {
            assert_eq!(message.event.name, "abandoned_cart");
            (message.event.visitor.0[0], message.event.parameters.as_ref().unwrap()["number_of_items"].clone())
        };
        messages.iter().map(of).collect()
    };
    keep(&*one, vec![left(1, 100, 1), left(1, 101, 2), left(2, 100, 1), left(3, 100, 1)]).await;
    // By the other gateway one comes back, and another empties the cart.
    keep(&*two, vec![view("foreseen", 1, 50, "/back"), left(1, 150, 3), left(2, 160, 0)]).await;
    assert_eq!(one.outbox().count(&hook, at(99)).await.unwrap(), 1, "what is foreseen does not wait yet");
    assert_eq!(one.outbox().trim(&hook, at(99), 1, 10).await.unwrap(), 0);
    let page = take(&*one, &hook, 99, 10).await;
    assert_eq!(paths(&page), ["/back"], "it holds up nothing");
    one.outbox().done(numbers(&page)).await.unwrap();

    let third = take(&*two, &hook, 120, 10).await;
    assert_eq!(told(&third), [(3, 1.into())], "by its time, of whoever did not come back");
    // Whoever comes back now is too late: it is on its way.
    keep(&*one, vec![left(3, 300, 5)]).await;
    two.outbox().put_off(&hook, &third[0], at(125)).await.unwrap();
    let again = take(&*one, &hook, 125, 10).await;
    assert_eq!((told(&again), again[0].id == third[0].id), (vec![(3, 1.into())], true));
    one.outbox().done(numbers(&again)).await.unwrap();

    let first = take(&*one, &hook, 299, 10).await;
    assert_eq!(told(&first), [(1, 3.into())], "once, with what was in it last");
    one.outbox().done(numbers(&first)).await.unwrap();
    assert_eq!(told(&take(&*two, &hook, 301, 10).await), [(3, 5.into())]);
    let always = Span { since: at(-10), until: at(1000) };
    let happened = one.exports().events(&hook.site, &always, None, 10).await.unwrap();
    assert_eq!(happened.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["page_view"]);
}
