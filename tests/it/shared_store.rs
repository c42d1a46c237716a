//! Several gateways in front of one shop, with one Redis between them.

use crate::own_faults::{await_flush, click};
use crate::support::redis::{Cluster, Server};
use crate::support::rules::scenario;
use crate::support::{Gateway, Origin, Rules, Visitor, eventually, inserting};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// Has pages wait for their profiles: how fast these machines are is not what is asked.
pub(crate) const PATIENT: &str = "[limits]\nprofile_deadline = '10s'\n";

/// What everybody sees, what needs history, and what is seen twice at most; profiles are kept at `profiles`.
pub(crate) fn rules_on(origin: &Origin, profiles: &str, more: &str) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<i>hello</i>"));
    rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
    rules.scenario("capped", &scenario("true", "[caps]\nper_visitor = 2", "<i>capped</i>", "prepend"));
    rules.write("gateway.toml", &format!("[store]\nprofiles = '{profiles}'\n{more}"));
    rules
}

/// Page views of the visitor whose events a gateway has recorded.
pub(crate) fn recorded(gateway: &Gateway) -> u64 {
    let database = rusqlite::Connection::open(gateway.data().join("noren.db")).unwrap();
    let count = "SELECT count(*) FROM events WHERE kind = 'page_view'";
    database.query_row(count, (), |row| row.get::<_, i64>(0)).unwrap() as u64
}

fn online(gateway: &Gateway) -> u64 {
    gateway.count("noren_visitors_online", "site=\"shop\"")
}

#[test]
fn visitor_is_one_and_the_same_on_every_gateway() {
    let server = Server::start(&[]);
    let origin = Origin::page("", HTML);
    let rules = rules_on(&origin, &server.url(), PATIENT);
    let one = Gateway::serve(rules.path());
    let other = Gateway::serve_beside(rules.path(), &one);
    let mut visitor = Visitor::default();
    let mut pages = Vec::new();
    for gateway in [&one, &other, &one, &other, &other, &one] {
        let page = visitor.visit(gateway.address(), "/");
        pages.push((page.count("known/a"), page.count("capped/a")));
        await_flush(gateway);
    }
    assert_eq!(pages, [(0, 1), (0, 1), (1, 0), (1, 0), (1, 0), (1, 0)]);
    eventually("both count the visitor who is on the site", || {
        (online(&one) == 1 && online(&other) == 1).then_some(())
    });
}

#[test]
fn gateways_share_a_cluster() {
    let cluster = Cluster::start();
    let origin = Origin::page("", HTML);
    let rules = rules_on(&origin, &cluster.url(), PATIENT);
    let one = Gateway::serve(rules.path());
    let other = Gateway::serve_beside(rules.path(), &one);
    for _ in 0..6 {
        let mut visitor = Visitor::default();
        let mut pages = Vec::new();
        for gateway in [&one, &other, &one] {
            let page = visitor.visit(gateway.address(), "/");
            pages.push((page.count("known/a"), page.count("capped/a")));
            await_flush(gateway);
        }
        assert_eq!(pages, [(0, 1), (0, 1), (1, 0)]);
    }
}

/// Visitors browse through both gateways at once; one gateway is killed, and its visitors go on through the other.
#[test]
fn killed_gateway_costs_the_other_nothing() {
    const VISITORS: usize = 8;
    const PAGES: usize = 30;
    let server = Server::start(&[]);
    let origin = Origin::page("", HTML);
    let rules = rules_on(&origin, &server.url(), PATIENT);
    let mut one = Gateway::serve(rules.path());
    let other = Gateway::serve_beside(rules.path(), &one);
    let (doomed, safe) = (one.address(), other.address());
    let (gone, seen_before) = (AtomicBool::new(false), AtomicUsize::new(0));
    let visitors: Vec<(Visitor, usize, usize)> = std::thread::scope(|scope| {
        let browsing: Vec<_> = (0..VISITORS)
            .map(|number| {
                let (gone, seen_before) = (&gone, &seen_before);
                scope.spawn(move || {
                    let mut visitor = Visitor::default();
                    let (mut shown, mut seen) = (0, 0);
                    // Everybody is known before the gateway goes.
                    for page in 0..PAGES {
                        let on_doomed = (number + page) % 2 == 0 && !gone.load(Ordering::SeqCst);
                        let request = visitor.request("/");
                        let page = if on_doomed { try_fetch(doomed, &request) } else { None };
                        let page = page.unwrap_or_else(|| crate::support::fetch(safe, &request));
                        assert_eq!((page.status, page.count("hello/a")), (200, 1));
                        visitor.keep(&page);
                        shown += page.count("capped/a");
                        seen += 1;
                        seen_before.fetch_add(1, Ordering::SeqCst);
                    }
                    (visitor, shown, seen)
                })
            })
            .collect();
        eventually("half of all pages are seen", || {
            (seen_before.load(Ordering::SeqCst) > VISITORS * PAGES / 2).then_some(())
        });
        one.kill();
        gone.store(true, Ordering::SeqCst);
        browsing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    await_flush(&other);
    for (mut visitor, _, seen) in visitors {
        assert_eq!(seen, PAGES);
        let page = visitor.visit(safe, "/");
        assert_eq!((page.count("known/a"), page.count("capped/a")), (1, 0));
        assert_eq!(click(&other, &visitor), 204);
    }
    await_flush(&other);
    let all = recorded(&one) + recorded(&other);
    let most = (VISITORS * (PAGES + 1)) as u64;
    // What the killed one had not written within its interval may be lost; nothing is doubled.
    assert!(all <= most && all > most / 2, "{all} of {most}");
    let profiles: u64 = server.ask(&["EVAL", COUNT_PAGES, "0"]).trim_start_matches(':').parse().expect("a number");
    assert!(profiles <= most && profiles > most / 2, "{profiles} of {most}");
}

/// Adds up the page views of all profiles.
const COUNT_PAGES: &str = "local sum = 0 for _, key in ipairs(redis.call('KEYS', '*:p')) do \
    sum = sum + tonumber(string.match(redis.call('GET', key), '\"pageviews\":(%d+)')) end return sum";

/// `None` if the gateway is gone before its answer is whole.
fn try_fetch(address: std::net::SocketAddr, request: &crate::support::Request) -> Option<crate::support::Response> {
    std::panic::catch_unwind(|| crate::support::fetch(address, request))
        .ok()
        .filter(|page| page.ending == crate::support::Ending::Complete)
}
