//! Whatever of Noren's own fails, the page goes on: complete, as the shop sent it or with what does not depend on what failed.
//! The failure is counted by kind and named in the log, and it is over when its cause is.
//!
//! Panics, hanging stores and parsers that give up are injected beside the code, in `src/exchange/tests.rs`.

use crate::support::faults::{Memory, memory, report};
use crate::support::gateway::faketime;
use crate::support::rules::scenario;
use crate::support::{Connection, Ending, Gateway, Origin, Request, Rules, Visitor, eventually, inserting};
use std::process::Command;
use std::time::{Duration, Instant};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// One scenario for all, one that needs history.
fn rules_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<i>hello</i>"));
    rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
    rules
}

pub(crate) fn written(gateway: &Gateway) -> f64 {
    gateway.metric("noren_recorder_writes", "result=\"written\"")
}

/// Waits until everything that was recorded has reached the disk.
pub(crate) fn await_flush(gateway: &Gateway) {
    eventually("what happened is on the disk", || {
        let waiting =
            gateway.metric("noren_requests_in_flight", "") + gateway.metric("noren_recorder_queue_length", "");
        (waiting == 0.0 && written(gateway) > 0.0).then_some(())
    });
}

/// A click on what the scenario `hello` shows; its answer's status.
pub(crate) fn click(gateway: &Gateway, visitor: &Visitor) -> u16 {
    let report = r#"{"e":"click","a":"hello/a"}"#;
    let mut connection = Connection::open(gateway.address());
    let head = format!(
        "POST /gw/e HTTP/1.1\r\nHost: shop.example\r\nOrigin: http://shop.example\r\nCookie: {}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n{report}",
        visitor.cookie_header(),
        report.len()
    );
    connection.send_bytes(head.as_bytes());
    connection.head().status
}

/// One row of the table of our own faults, written when it ends.
pub(crate) struct Row<'a> {
    gateway: &'a Gateway,
    before: Memory,
    longest: Duration,
}

impl<'a> Row<'a> {
    /// The fault begins.
    pub(crate) fn begin(gateway: &'a Gateway) -> Self {
        Self { gateway, before: memory(gateway), longest: Duration::ZERO }
    }

    /// Gets a page.
    pub(crate) fn page<T>(&mut self, get: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let got = get();
        self.longest = self.longest.max(start.elapsed());
        got
    }

    /// Looks at pages, see [`browse`].
    pub(crate) fn browse(&mut self, visitor: &mut Visitor, pages: usize) {
        self.longest = self.longest.max(browse(self.gateway, visitor, pages));
    }

    /// The fault ends; memory must have stayed as it was.
    pub(crate) fn end(self, fault: &str, seen: &str, counted: &str) {
        let (before, after) = (self.before, memory(self.gateway));
        let megabytes = |kilobytes: u64| format!("{:.1} MB", kilobytes as f64 / 1024.0);
        let [at_first, at_last, peak] = [before.now, after.now, after.peak].map(megabytes);
        let head = "| fault | what the client saw | longest page | memory before | after | peak | counted as |\n|---|---|---|---|---|---|---|";
        let longest = self.longest.as_millis();
        let row = format!("| {fault} | {seen} | {longest} ms | {at_first} | {at_last} | {peak} | {counted} |");
        report(&format!("own-faults-{}", fault.replace(' ', "-")), &format!("{head}\n{row}\n"));
        assert!(after.peak < before.now + 24 * 1024, "{before:?} to {after:?}");
    }
}

/// Looks at pages over one connection that is kept, all of them whole and with what does not need the store. Says how
/// long the longest took.
fn browse(gateway: &Gateway, visitor: &mut Visitor, pages: usize) -> Duration {
    let mut connection = Connection::open(gateway.address());
    let mut longest = Duration::ZERO;
    for page in 0..pages {
        let start = Instant::now();
        let response = visitor.visit_over(&mut connection, "/");
        longest = longest.max(start.elapsed());
        assert_eq!((response.status, response.ending, response.count("hello/a")), (200, Ending::Complete, 1), "{page}");
    }
    longest
}

#[test]
fn full_disk_costs_no_page_and_nothing_is_lost_when_there_is_room_again() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    let mut gateway = Gateway::serve_by(rules.path(), |program| {
        // A file that may not grow then fails as on a full disk, instead of ending the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program);
        command
    });
    let limit = |bytes: &str| {
        let id = gateway.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}:unlimited")]).status();
        assert!(status.expect("prlimit, of util-linux").success());
    };
    let mut visitor = Visitor::default();
    browse(&gateway, &mut visitor, 1);
    await_flush(&gateway);
    assert_eq!(click(&gateway, &visitor), 204);
    let before = written(&gateway);

    // Nothing can be written any more, the log included.
    let mut row = Row::begin(&gateway);
    limit("0");
    row.browse(&mut visitor, 20);
    assert_eq!(click(&gateway, &visitor), 503, "a click is acknowledged only once it is committed");
    eventually("the store refuses", || {
        (gateway.metric("noren_recorder_writes", "result=\"refused\"") > 0.0).then_some(())
    });
    assert!(written(&gateway) <= before);
    assert!(gateway.metric("noren_failures_total", "kind=\"store\"") > 0.0);

    row.end("full disk", "20 pages, whole; a click: 503", "`store`, writes `refused`");
    limit("unlimited");
    eventually("the store is back", || gateway.log().contains("the store is back").then_some(()));
    await_flush(&gateway);
    assert_eq!(click(&gateway, &visitor), 204);
    gateway.kill();
    gateway.start_again();
    assert!(visitor.visit(gateway.address(), "/").has("known/a"), "what happened meanwhile was lost");
}

#[test]
fn locked_store_costs_no_page() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    let gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    browse(&gateway, &mut visitor, 1);
    await_flush(&gateway);
    let before = written(&gateway);

    let other = rusqlite::Connection::open(gateway.data().join("noren.db")).unwrap();
    let mut row = Row::begin(&gateway);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    row.browse(&mut visitor, 10);
    assert_eq!(click(&gateway, &visitor), 503, "a click is acknowledged only once it is committed");
    eventually("what happened waits", || (gateway.metric("noren_recorder_queue_length", "") > 0.0).then_some(()));
    assert!(written(&gateway) <= before);
    eventually("the log names the failure", || {
        gateway
            .log()
            .lines()
            .any(|line| line.contains("\"kind\":\"store\"") && line.contains("\"site\":\"shop\""))
            .then_some(())
    });

    row.end("locked store", "10 pages, whole; a click: 503", "`store`, writes `refused`");
    other.execute_batch("ROLLBACK").unwrap();
    await_flush(&gateway);
    assert!(written(&gateway) > before);
}

#[test]
fn removed_store_acknowledges_nothing_until_it_is_back() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    let mut gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    browse(&gateway, &mut visitor, 1);
    await_flush(&gateway);
    let (file, aside) = (gateway.data().join("noren.db"), gateway.data().join("aside.db"));
    let mut row = Row::begin(&gateway);
    std::fs::rename(&file, &aside).unwrap();
    row.browse(&mut visitor, 3);
    assert_eq!(click(&gateway, &visitor), 503, "what goes to a file without a name is lost");
    assert!(gateway.log().contains("was removed or replaced"), "{}", gateway.log());
    row.end("removed store", "3 pages, whole; a click: 503", "`store`, writes `refused`");
    std::fs::rename(&aside, &file).unwrap();
    await_flush(&gateway);
    assert_eq!(click(&gateway, &visitor), 204);
    gateway.kill();
    gateway.start_again();
    assert!(visitor.visit(gateway.address(), "/").has("known/a"), "what happened meanwhile was lost");
}

#[test]
fn damaged_store_costs_what_needs_history_and_nothing_else() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    let mut gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    browse(&gateway, &mut visitor, 4);
    await_flush(&gateway);
    // A new process knows nothing yet, so that it must ask the store.
    gateway.terminate();
    gateway.await_end();
    gateway.start_again();
    // The log beside it, too: what was not yet carried over from there would be read from there.
    for (name, header) in [("noren.db", 100), ("noren.db-wal", 32)] {
        let file = gateway.data().join(name);
        let Ok(mut bytes) = std::fs::read(&file) else { continue };
        bytes.iter_mut().skip(header).for_each(|byte| *byte = 0xA5);
        std::fs::write(&file, bytes).unwrap();
    }
    let mut row = Row::begin(&gateway);
    for _ in 0..5 {
        let page = row.page(|| visitor.visit(gateway.address(), "/"));
        assert_eq!((page.status, page.count("hello/a"), page.count("known/a")), (200, 1, 0));
    }
    eventually("the failure is counted", || {
        (gateway.metric("noren_failures_total", "kind=\"store\"") >= 5.0).then_some(())
    });
    let log = gateway.log();
    let named = log.lines().filter(|line| line.contains("failed open") && line.contains("\"kind\":\"store\""));
    assert_eq!(named.count(), 1, "named once, not with every page:\n{log}");
    row.end("damaged store", "5 pages, whole, without what needs history", "`store`");
}

#[test]
fn failing_template_is_named_with_its_scenario_and_the_page_is_the_shops() {
    let origin = Origin::page("ETag: \"1\"\r\nCache-Control: max-age=60\r\n", HTML);
    let rules = Rules::shop(origin.address());
    // Quadratic in what the visitor asks for: sound for short words, too much work for long ones.
    let costly = "<p>{% for a in page.query[\"q\"] %}{% for b in page.query[\"q\"] %}x{% endfor %}{% endfor %}</p>";
    rules.scenario("costly", &inserting("page.path == '/search'", costly));
    let gateway = Gateway::serve(rules.path());
    assert!(gateway.fetch(&Request::page("/search?q=tea")).has("costly/a"), "{}", gateway.log());
    let costly = format!("/search?q={}", "a".repeat(1_000));
    let mut row = Row::begin(&gateway);
    for _ in 0..3 {
        let response = row.page(|| gateway.fetch(&Request::page(&costly)));
        assert_eq!((response.status, response.text().as_str()), (200, HTML));
        assert_eq!((response.header("etag"), response.header("cache-control")), (Some("\"1\""), Some("max-age=60")));
    }
    assert!((gateway.metric("noren_failures_total", "kind=\"template\"") - 3.0).abs() < 0.1);
    let log = gateway.log();
    let named: Vec<&str> = log.lines().filter(|line| line.contains("\"kind\":\"template\"")).collect();
    assert!(
        named.len() == 1 && named[0].contains("\"scenario\":\"costly\"") && named[0].contains("\"site\":\"shop\""),
        "{named:?}"
    );
    row.end("template that works too long", "3 pages, as the shop sent them", "`template`, with its scenario");
}

#[test]
fn parser_that_gives_up_within_a_page_costs_no_byte() {
    let rows = "<tr><td>row</td></tr>".repeat(2_000);
    let html = format!(
        "<!DOCTYPE html><html><head></head><body><table>{rows}</table><img alt=\"{}\">{rows}<footer></footer></body></html>",
        "x".repeat(300_000)
    );
    let origin = Origin::page("", &html);
    let rules = Rules::shop(origin.address());
    rules.scenario("early", &inserting("true", "<i>early</i>"));
    rules.scenario("late", &scenario("true", "", "<i>late</i>", "prepend").replace("'body'", "'img[alt], footer'"));
    let gateway = Gateway::serve(rules.path());
    let mut row = Row::begin(&gateway);
    let response = row.page(|| gateway.fetch(&Request::page("/")));
    let expected = html.replace("<body>", "<body><i data-gw=\"early/a\">early</i>");
    assert_eq!(response.ending, Ending::Complete);
    assert!(response.text() == expected, "{} bytes, {} expected", response.body.len(), expected.len());
    eventually("the failure is counted", || {
        (gateway.metric("noren_failures_total", "kind=\"parser_limit\"") > 0.5).then_some(())
    });
    let log = gateway.log();
    let named: Vec<&str> = log.lines().filter(|line| line.contains("\"kind\":\"parser_limit\"")).collect();
    assert!(named.len() == 1 && named[0].contains("\"scenario\":\"late\""), "{named:?}");
    row.end(
        "parser at its limit within a page",
        "the page, whole, with what came before",
        "`parser_limit`, with its scenario",
    );
}

#[test]
fn rules_folder_that_vanishes_changes_nothing_until_it_is_back() {
    let origin = Origin::page("", HTML);
    let folder = tempfile::TempDir::new().unwrap();
    let (rules, aside) = (folder.path().join("rules"), folder.path().join("aside"));
    let write = |text: &str| {
        let site = format!("hosts = ['shop.example']\norigin = 'http://{}'\nprefix = 'gw'\n", origin.address());
        crate::support::rules::write(&rules, "sites/shop/site.toml", &site);
        crate::support::rules::write(&rules, "sites/shop/scenarios/hello.toml", &inserting("true", text));
    };
    write("<i>old</i>");
    let gateway = Gateway::serve(&rules);
    let mut row = Row::begin(&gateway);
    std::fs::rename(&rules, &aside).unwrap();
    eventually("the log says so", || gateway.log().contains("the rules folder is gone").then_some(()));
    for _ in 0..5 {
        assert!(row.page(|| gateway.fetch(&Request::page("/"))).has("old</i>"));
    }
    row.end("rules folder that vanishes", "5 pages, by the last good rules", "a report in the log");
    std::fs::rename(&aside, &rules).unwrap();
    write("<i>new</i>");
    eventually("the new rules are in effect", || gateway.fetch(&Request::page("/")).has("new</i>").then_some(()));
}

#[test]
fn clock_that_jumps_costs_no_page_and_makes_nobody_a_stranger() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    rules.scenario("rested", &scenario("true", "[caps]\ncooldown = '1h'", "<i>rested</i>", "prepend"));
    let folder = tempfile::TempDir::new().unwrap();
    let clock = folder.path().join("clock");
    let set = |shift: &str| {
        crate::support::rules::write(folder.path(), "clock", shift);
    };
    set("+0s");
    let gateway = Gateway::serve_by(rules.path(), |program| {
        let mut command = Command::new(program);
        command.env("LD_PRELOAD", faketime()).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        command
    });
    let mut visitor = Visitor::default();
    browse(&gateway, &mut visitor, 3);
    let cookie = visitor.cookie_names().len();
    assert_eq!(visitor.visit(gateway.address(), "/").count("rested/a"), 0, "an hour has not passed");
    // Forward by a month, back by a year, back to where it was, and to before the beginning of all counting.
    let mut row = Row::begin(&gateway);
    for (shift, rested) in [("+30d", Some(1)), ("-365d", None), ("+0s", None), ("-20000d", None), ("+60d", Some(1))] {
        set(shift);
        let pages: Vec<_> = (0..4).map(|_| row.page(|| visitor.visit(gateway.address(), "/"))).collect();
        let shown: usize = pages.iter().map(|page| page.count("rested/a")).sum();
        assert!(pages.iter().all(|page| page.status == 200 && page.count("hello/a") == 1), "{shift}");
        assert!(rested.is_none_or(|rested| rested == shown), "{shift}: shown {shown} times");
        assert!(pages.iter().skip(1).all(|page| page.has("known/a")), "{shift}: the visitor is a stranger");
        assert!(shown <= 1, "{shift}: shown {shown} times within an hour");
    }
    assert_eq!((visitor.cookie_names().len(), cookie), (1, 1));
    let seen = "20 pages, whole; the visitor stays known, caps hold";
    row.end("clock that jumps by months and decades", seen, "nothing: it is no failure");
    set("+0s");
    await_flush(&gateway);
    assert!(gateway.metric("noren_failures_total", "kind=\"panic\"") < 0.5, "{}", gateway.log());
}

#[test]
fn broken_geo_database_costs_geo_alone() {
    let origin = Origin::page("", HTML);
    let rules = rules_for(&origin);
    rules.scenario("abroad", &inserting("geo.country != 'JP'", "<i>abroad</i>"));
    let database = rules.path().join("geo.mmdb");
    for content in [&b""[..], b"not a database", &vec![0xA5; 100_000], b"\xAB\xCD\xEFMaxMind.com\xE0"] {
        std::fs::write(&database, content).unwrap();
        rules.write("gateway.toml", &format!("geo_database = '{}'\n", database.display()));
        let gateway = Gateway::serve(rules.path());
        let mut row = Row::begin(&gateway);
        let response = row.page(|| gateway.fetch(&Request::page("/")));
        assert_eq!((response.status, response.count("hello/a"), response.count("abroad/a")), (200, 1, 0));
        row.end("broken geo database", "the page, without what asks for `geo.*`", "an error in the log at the start");
        assert!(gateway.log().contains("geo database"), "{}", gateway.log());
    }
}
