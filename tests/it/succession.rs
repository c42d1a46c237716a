//! One takes another's place: an address of the shop that of one which is gone, a new process that of the one under way.

use crate::support::process::free_address;
use crate::support::rules::scenario;
use crate::support::{Gateway, Origin, Request, Rules, Visitor, fetch};
use std::sync::atomic::{AtomicBool, Ordering};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

#[test]
fn request_goes_to_another_address_of_the_shop_when_one_is_gone() {
    let origin = Origin::page("", HTML);
    let rules = Rules::new();
    let (gone, well) = (free_address(), origin.address());
    rules.write(
        "sites/shop/site.toml",
        &format!("hosts = ['shop.example']\norigin = ['http://{gone}', 'http://{well}']\nprefix = 'gw'\n"),
    );
    let gateway = Gateway::serve(rules.path());
    for _ in 0..20 {
        assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
    }
    assert_eq!(origin.received().len(), 20);
    assert!(gateway.metric("noren_origin_addresses_down", "site=\"shop\"") > 0.5, "it is left alone by now");
}

#[test]
fn health_check_takes_an_ailing_address_out_before_a_visitor_meets_it() {
    let well = Origin::page("", HTML);
    let ailing = Origin::fixed("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let rules = Rules::new();
    let (one, other) = (ailing.address(), well.address());
    rules.write(
        "sites/shop/site.toml",
        &format!(
            "hosts = ['shop.example']\norigin = ['http://{one}', 'http://{other}']\nprefix = 'gw'\n[upstream.health]\npath = '/health'\ninterval = '1s'\n"
        ),
    );
    let gateway = Gateway::serve(rules.path());
    crate::support::eventually("the ailing address is out", || {
        (gateway.metric("noren_origin_addresses_down", "site=\"shop\"") > 0.5).then_some(())
    });
    for _ in 0..10 {
        assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
    }
    assert!(ailing.received().iter().all(|request| request.target == "/health"));
}

#[test]
fn next_process_takes_over_without_a_failed_request_or_a_forgotten_visitor() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    rules.scenario("once", &scenario("true", "[caps]\nper_visitor = 1", "<i>once</i>", "prepend"));
    let mut gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    assert!(visitor.visit(gateway.address(), "/").has("once/a"));

    let address = gateway.address();
    let done = AtomicBool::new(false);
    let (status, answers) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    // A slow machine may have answered few by then.
                    while !done.load(Ordering::Relaxed) || answers.len() < 10 {
                        answers.push(fetch(address, &Request::page("/")).status);
                    }
                    answers
                })
            })
            .collect();
        let status = gateway.upgrade();
        // What the next one answers alone counts, too.
        assert_eq!(fetch(address, &Request::page("/")).status, 200);
        done.store(true, Ordering::Relaxed);
        let answers: Vec<u16> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (status, answers)
    });
    assert!(status.success(), "the old process ended with {status}");
    assert!(answers.iter().all(|answer| *answer == 200), "{answers:?}");
    assert!(!visitor.visit(gateway.address(), "/").has("once/a"), "shown a second time");
}
