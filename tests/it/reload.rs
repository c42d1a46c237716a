//! Rules change while pages are served.

use crate::support::rules::{MountedRules, scenario, write};
use crate::support::{Connection, Ending, Gateway, Origin, Request, Response, Rules, Visitor, eventually, inserting};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// Two scenarios of one generation: one opens the page, one closes it.
fn write_generation(root: &Path, origin: SocketAddr, generation: &str) {
    let site = format!("hosts = ['shop.example']\norigin = 'http://{origin}'\nprefix = 'gw'\n");
    write(root, "sites/shop/site.toml", &site);
    for (name, position) in [("first", "prepend"), ("second", "append")] {
        let text = scenario("true", "", &format!("<i>{name} of {generation}</i>"), position);
        write(root, &format!("sites/shop/scenarios/{name}.toml"), &text);
    }
}

/// The generation that a response is of, if it is wholly of one.
fn generation(response: &Response) -> Option<&'static str> {
    ["old", "new"].into_iter().find(|generation| {
        let other = if *generation == "old" { "new" } else { "old" };
        response.status == 200
            && response.ending == Ending::Complete
            && response.has(&format!("first of {generation}<"))
            && response.has(&format!("second of {generation}<"))
            && !response.has(&format!("of {other}<"))
    })
}

#[test]
fn every_page_is_wholly_old_or_wholly_new_while_rules_are_exchanged_200_times() {
    let origin = Origin::page("", HTML);
    let mut rules = MountedRules::new(|root| write_generation(root, origin.address(), "old"));
    let gateway = Gateway::serve(rules.path());
    let address = gateway.address();
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let load = || {
            let mut connection = Connection::open(address);
            while !done.load(Ordering::SeqCst) {
                let response = connection.exchange(&Request::page("/"));
                assert!(
                    generation(&response).is_some(),
                    "{:?}\n{}",
                    response.head,
                    String::from_utf8_lossy(&response.body)
                );
                served.fetch_add(1, Ordering::SeqCst);
            }
        };
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
        let exchanges = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut connection = Connection::open(address);
            for round in 0..200 {
                let next = if round % 2 == 0 { "new" } else { "old" };
                rules.swap(|root| write_generation(root, origin.address(), next));
                eventually("the exchanged rules are in effect", || {
                    assert!(workers.iter().all(|worker| !worker.is_finished()), "a page failed in round {round}");
                    (generation(&connection.exchange(&Request::page("/"))) == Some(next)).then_some(())
                });
            }
        }));
        done.store(true, Ordering::SeqCst);
        for worker in workers {
            worker.join().unwrap();
        }
        exchanges.unwrap();
    });
    assert!(served.load(Ordering::SeqCst) >= 200, "too little load to show anything: {served:?}");
}

/// Waits until the page of `host` holds `text`.
fn await_page(gateway: &Gateway, host: &str, text: &str) {
    eventually(text, || gateway.fetch(&Request::page("/").host(host)).has(text).then_some(()));
}

#[test]
fn broken_rules_keep_the_last_good_ones_of_their_site_alone() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<i>good</i>"));
    rules.site("other", "other.example", origin.address(), "");
    let gateway = Gateway::serve(rules.path());
    assert!(gateway.fetch(&Request::page("/")).has("<i data-gw=\"hello/a\">good</i>"));

    rules.scenario("hello", &inserting("visitor.vists >= 1", "<i>broken</i>"));
    // Another site's change shows that the reload has happened.
    rules.write("sites/other/scenarios/later.toml", &inserting("true", "<i>later</i>"));
    await_page(&gateway, "other.example", "later</i>");
    assert!(gateway.fetch(&Request::page("/")).has("good</i>"));
    eventually("the log names the mistake", || gateway.log().contains("visitor.vists").then_some(()));

    rules.scenario("hello", &inserting("true", "<i>mended</i>"));
    await_page(&gateway, "shop.example", "mended</i>");
}

#[test]
fn sites_come_and_go_without_a_restart() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    let gateway = Gateway::serve(rules.path());
    rules.site("second", "second.example", origin.address(), "");
    rules.write("sites/second/scenarios/hello.toml", &inserting("true", "<i>second</i>"));
    await_page(&gateway, "second.example", "second</i>");

    std::fs::remove_dir_all(rules.path().join("sites/second")).unwrap();
    eventually("the removed site is gone", || {
        (gateway.fetch(&Request::page("/").host("second.example")).status == 421).then_some(())
    });
    assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
}

#[test]
fn changed_rules_apply_to_open_connections_and_known_visitors() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    let gateway = Gateway::serve(rules.path());
    let mut connection = Connection::open(gateway.address());
    let mut visitor = Visitor::default();
    assert_eq!(visitor.visit_over(&mut connection, "/").count("data-gw"), 0);
    rules.scenario("hello", &inserting("true", "<i>hello</i>"));
    eventually("the new scenario is in effect", || {
        visitor.visit_over(&mut connection, "/").has("hello/a").then_some(())
    });
}
