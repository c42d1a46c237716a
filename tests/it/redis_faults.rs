//! Whatever becomes of Redis, pages go on, whole and with what needs no history; events are kept; and what is the matter is over
//! when its cause is.

use crate::own_faults::{Row, await_flush, click};
use crate::shared_store::{PATIENT, recorded, rules_on};
use crate::support::redis::{Cluster, Server};
use crate::support::{Gateway, Origin, Rules, Visitor, eventually};
use std::sync::atomic::{AtomicBool, Ordering};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// A gateway on Redis, and a visitor who has seen a page.
struct Browsing {
    gateway: Gateway,
    visitor: Visitor,
    shop: (Origin, Rules),
}

impl Browsing {
    fn begin(profiles: &str) -> Self {
        Self::begin_with(profiles, "")
    }

    /// With pages that wait for their profiles.
    fn begin_patiently(profiles: &str) -> Self {
        Self::begin_with(profiles, PATIENT)
    }

    fn begin_with(profiles: &str, more: &str) -> Self {
        let origin = Origin::page("", HTML);
        let rules = rules_on(&origin, profiles, more);
        let gateway = Gateway::serve(rules.path());
        let mut visitor = Visitor::default();
        visitor.visit(gateway.address(), "/");
        Self { gateway, visitor, shop: (origin, rules) }
    }

    /// Waits until somebody new is known on their third page, by way of Redis alone.
    fn await_recovery(&self) {
        await_flush(&self.gateway);
        eventually("profiles are written and read", || {
            let beside = Gateway::serve_beside(self.shop.1.path(), &self.gateway);
            let mut stranger = Visitor::default();
            let gateways = [&self.gateway, &self.gateway, &beside];
            let known = gateways.map(|gateway| {
                let known = stranger.visit(gateway.address(), "/").has("known/a");
                await_flush(gateway);
                known
            });
            (known == [false, false, true]).then_some(())
        });
    }

    fn await_log(&self, words: &str) {
        eventually(words, || self.gateway.log().contains(words).then_some(()));
    }
}

#[test]
fn redis_that_is_down_at_the_start_is_used_once_it_is_up() {
    let mut server = Server::start(&[]);
    server.kill();
    let mut browsing = Browsing::begin(&server.url());
    let mut row = Row::begin(&browsing.gateway);
    row.browse(&mut browsing.visitor, 20);
    assert_eq!(click(&browsing.gateway, &browsing.visitor), 204, "the ledger is well");
    row.end("Redis down at the start", "20 pages, whole; a click: 204", "`store`, writes `refused`");
    browsing.await_log("no connection to the store");
    server.restart();
    browsing.await_log("the store is back");
    browsing.await_recovery();
}

#[test]
fn redis_that_goes_down_costs_no_page_and_no_event() {
    let mut server = Server::start(&[]);
    let mut browsing = Browsing::begin(&server.url());
    await_flush(&browsing.gateway);
    let mut row = Row::begin(&browsing.gateway);
    server.kill();
    row.browse(&mut browsing.visitor, 20);
    assert_eq!(click(&browsing.gateway, &browsing.visitor), 204, "the ledger is well");
    row.end("Redis killed", "20 pages, whole; a click: 204", "`store`, writes `refused`");
    // It comes back empty: what the gateway knows is written anew.
    server.restart();
    browsing.await_recovery();
    let beside = Gateway::serve_beside(browsing.shop.1.path(), &browsing.gateway);
    await_flush(&browsing.gateway);
    eventually("what happened meanwhile is known everywhere", || {
        browsing.visitor.visit(beside.address(), "/").has("known/a").then_some(())
    });
}

#[test]
fn redis_that_hangs_keeps_no_page_waiting() {
    let mut server = Server::start(&[]);
    let mut browsing = Browsing::begin(&server.url());
    await_flush(&browsing.gateway);
    let mut row = Row::begin(&browsing.gateway);
    server.hang();
    row.browse(&mut browsing.visitor, 40);
    eventually("the click is kept", || (click(&browsing.gateway, &browsing.visitor) == 204).then_some(()));
    browsing.await_log("no connection to the store");
    row.browse(&mut browsing.visitor, 40);
    row.end("Redis hangs (SIGSTOP)", "80 pages, whole; a click: 204", "`store`, `profile_late`, writes `refused`");
    server.go_on();
    browsing.await_recovery();
}

#[test]
fn redis_that_is_slow_keeps_no_page_waiting() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut browsing = Browsing::begin(&server.url());
    await_flush(&browsing.gateway);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                server.ask(&["DEBUG", "SLEEP", "0.3"]);
            }
        });
        let mut row = Row::begin(&browsing.gateway);
        row.browse(&mut browsing.visitor, 40);
        eventually("the click is kept", || (click(&browsing.gateway, &browsing.visitor) == 204).then_some(()));
        row.end("Redis answers after 300 ms", "40 pages, whole; a click: 204", "`profile_late`");
        done.store(true, Ordering::SeqCst);
    });
    browsing.await_recovery();
}

#[test]
fn redis_that_may_only_be_read_is_read() {
    let server = Server::start(&[]);
    let mut browsing = Browsing::begin_patiently(&server.url());
    for _ in 0..3 {
        browsing.visitor.visit(browsing.gateway.address(), "/");
    }
    await_flush(&browsing.gateway);
    // A replica whose master is gone: it answers what it has.
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let mut row = Row::begin(&browsing.gateway);
    row.browse(&mut browsing.visitor, 20);
    assert!(browsing.visitor.visit(browsing.gateway.address(), "/").has("known/a"));
    assert_eq!(click(&browsing.gateway, &browsing.visitor), 204, "the ledger is well");
    browsing.await_log("became a replica");
    row.end("Redis is a replica", "20 pages, whole, with what needs history; a click: 204", "writes `refused`");
    server.ask(&["REPLICAOF", "NO", "ONE"]);
    browsing.await_recovery();
}

#[test]
fn replica_that_is_promoted_is_found() {
    let mut master = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    eventually("the replica follows", || {
        replica.ask(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
    });
    let mut browsing = Browsing::begin_patiently(&format!("{},127.0.0.1:{}", master.url(), replica.port));
    for _ in 0..3 {
        browsing.visitor.visit(browsing.gateway.address(), "/");
    }
    await_flush(&browsing.gateway);
    eventually("the replica has it all", || (replica.ask(&["DBSIZE"]) == master.ask(&["DBSIZE"])).then_some(()));
    let mut row = Row::begin(&browsing.gateway);
    master.kill();
    row.browse(&mut browsing.visitor, 10);
    replica.ask(&["REPLICAOF", "NO", "ONE"]);
    row.browse(&mut browsing.visitor, 10);
    row.end("Redis failed over", "20 pages, whole", "`store`, writes `refused`");
    browsing.await_recovery();
    let page = browsing.visitor.visit(browsing.gateway.address(), "/");
    assert_eq!((page.count("known/a"), page.count("capped/a")), (1, 0), "the visitor and their caps are known");
}

#[test]
fn cluster_whose_slot_moves_loses_nobody() {
    let cluster = Cluster::start();
    let mut browsing = Browsing::begin_patiently(&cluster.url());
    for _ in 0..2 {
        browsing.visitor.visit(browsing.gateway.address(), "/");
    }
    await_flush(&browsing.gateway);
    let nodes = &cluster.0;
    let id = |node: &Server| node.ask(&["CLUSTER", "MYID"]).lines().last().unwrap().trim().to_owned();
    let at = nodes.iter().position(|node| node.ask(&["KEYS", "*:p"]).contains(":p")).expect("the visitor is there");
    let (from, to) = (&nodes[at], &nodes[(at + 1) % nodes.len()]);
    let keys = from.ask(&["KEYS", "noren:*"]);
    let keys: Vec<&str> = keys.lines().map(str::trim).filter(|line| line.starts_with("noren:{shop:")).collect();
    let slot = from.ask(&["CLUSTER", "KEYSLOT", keys[0]]).trim_start_matches(':').to_owned();
    let mut row = Row::begin(&browsing.gateway);
    to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
    from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
    row.browse(&mut browsing.visitor, 3);
    let moved: Vec<String> =
        keys.iter().map(|key| from.ask(&["MIGRATE", "127.0.0.1", &to.port.to_string(), key, "0", "5000"])).collect();
    assert!(moved.iter().all(|answer| answer == "+OK" || answer == "+NOKEY"), "{moved:?}");
    row.browse(&mut browsing.visitor, 3);
    for node in [to, from, &nodes[(at + 2) % nodes.len()]] {
        node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
    }
    row.browse(&mut browsing.visitor, 3);
    await_flush(&browsing.gateway);
    let page = browsing.visitor.visit(browsing.gateway.address(), "/");
    assert_eq!((page.count("known/a"), page.count("capped/a")), (1, 0));
    row.end("Redis Cluster moves a slot", "10 pages, whole, with what needs history", "nothing");
    await_flush(&browsing.gateway);
    let profile = to.ask(&["GET", keys.iter().find(|key| key.ends_with(":p")).unwrap()]);
    assert!(profile.contains(&format!("\"pageviews\":{}", recorded(&browsing.gateway))), "{profile}");
}
