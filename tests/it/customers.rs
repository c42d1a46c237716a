//! A customer's browsers have one history, and goals are reached by whoever was delivered an arm.

use crate::support::origin::page;
use crate::support::rules::scenario;
use crate::support::{Gateway, Origin, Rules, Visitor, eventually, inserting};
use rusqlite::Connection;

const HTML: &str = "<!doctype html><html><head></head><body><p>page</p></body></html>";
const MEMBER: &str = "member-number-4711";
const CUSTOMER: &str =
    "[customer]\nid = { response_header = \"X-Member-Id\" }\nis_member = { response_header = \"X-Is-Member\" }\n";

/// A shop that tells on `/mine` who the member is, and on `/bye` that there is none any more.
fn shop(more: &str) -> (Origin, Rules) {
    let origin = Origin::new(|request, wire| {
        let headers = match request.target.as_str() {
            "/mine" => format!("X-Member-Id: {MEMBER}\r\nX-Is-Member: 1\r\n"),
            "/bye" => "X-Is-Member: 0\r\n".to_owned(),
            _ => String::new(),
        };
        wire.send(page(&headers, HTML));
    });
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin.address(), &format!("{CUSTOMER}{more}"));
    (origin, rules)
}

fn database(gateway: &Gateway) -> Connection {
    Connection::open(gateway.data().join("noren.db")).unwrap()
}

/// Waits until so many browsers' profiles point to a customer.
fn await_joined(gateway: &Gateway, browsers: i64) {
    let database = database(gateway);
    eventually("browsers are joined, or parted", || {
        let sql = "SELECT count(*) FROM profiles WHERE CAST(body AS TEXT) LIKE '%\"joined\"%'";
        let found: i64 = database.query_row(sql, (), |row| row.get(0)).unwrap();
        (found == browsers).then_some(())
    });
}

fn events(gateway: &Gateway, kind: &str) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE kind = ?1";
    database(gateway).query_row(sql, [kind], |row| row.get(0)).unwrap()
}

#[test]
fn browsers_of_a_customer_share_history_and_caps_and_keep_their_variants() {
    let (_origin, rules) = shop("");
    rules.scenario("capped", &scenario("page.path == \"/\"", "[caps]\nper_visitor = 3", "<i>capped</i>", "prepend"));
    rules.scenario("known", &inserting("visitor.pageviews >= 6", "<i>known</i>"));
    let html = |name: &str| {
        format!(
            "[[variant]]\nname = '{name}'\n[variant.html]\nhtml = '<i>{name}</i>'\nplace = {{ at = 'body', position = 'append' }}\n"
        )
    };
    rules.scenario("test", &format!("name = 'test'\nwhen = 'true'\n{}{}", html("a"), html("b")));
    let mut gateway = Gateway::serve(rules.path());
    let arm = |response: &crate::support::Response| response.has("test/a");

    // Browsers in both arms: a variant may not follow the customer.
    let mut browsers: Vec<(Visitor, bool)> = Vec::new();
    let mut strangers = 0;
    while browsers.len() < 2 {
        strangers += 1;
        let mut visitor = Visitor::default();
        let first = visitor.visit(gateway.address(), "/elsewhere");
        if browsers.iter().all(|(_, other)| *other != arm(&first)) {
            browsers.push((visitor, arm(&first)));
        }
    }
    let show = |browsers: &mut Vec<(Visitor, bool)>, gateway: &Gateway, browser: usize, path: &str| {
        let (visitor, own) = &mut browsers[browser];
        let response = visitor.visit(gateway.address(), path);
        assert_eq!(arm(&response), *own, "the variant changed");
        assert!(response.all("x-member-id").is_empty(), "the shop's word went on to the visitor");
        (response.has("capped/a"), response.has("known/a"))
    };
    assert_eq!(show(&mut browsers, &gateway, 0, "/"), (true, false));
    assert_eq!(show(&mut browsers, &gateway, 1, "/"), (true, false));
    for browser in [0, 1] {
        assert_eq!(show(&mut browsers, &gateway, browser, "/mine"), (false, false));
        await_joined(&gateway, browser as i64 + 1);
    }
    assert_eq!(show(&mut browsers, &gateway, 0, "/"), (true, true), "the third showing, the seventh page");
    assert_eq!(show(&mut browsers, &gateway, 1, "/"), (false, true), "three were shown already");
    // A page view and what it made of its visitor are written together.
    eventually("all is written", || (events(&gateway, "page_view") == strangers + 6).then_some(()));

    gateway.kill();
    gateway.start_again();
    assert_eq!(show(&mut browsers, &gateway, 1, "/"), (false, true));
    for file in ["noren.db", "noren.db-wal"] {
        let bytes = std::fs::read(gateway.data().join(file)).unwrap_or_default();
        assert!(memchr::memmem::find(&bytes, MEMBER.as_bytes()).is_none(), "{file} holds the member's number");
    }
}

#[test]
fn a_cap_is_never_overshot_by_two_browsers_of_a_customer_at_once() {
    let (_origin, rules) = shop("");
    rules.scenario("capped", &scenario("page.path == \"/\"", "[caps]\nper_visitor = 7", "<i>capped</i>", "prepend"));
    let gateway = Gateway::serve(rules.path());
    let mut browsers = [Visitor::default(), Visitor::default()];
    for (number, visitor) in browsers.iter_mut().enumerate() {
        visitor.visit(gateway.address(), "/mine");
        await_joined(&gateway, number as i64 + 1);
    }
    let shown: usize = std::thread::scope(|scope| {
        let visit = |visitor: &Visitor| {
            let (mut visitor, address) = (visitor.clone(), gateway.address());
            scope.spawn(move || (0..5).filter(|_| visitor.visit(address, "/").has("capped/a")).count())
        };
        let tabs: Vec<_> = browsers.iter().cycle().take(6).map(visit).collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).sum()
    });
    assert_eq!(shown, 7);
}

#[test]
fn a_browser_is_parted_at_logout_only_where_the_site_says_so() {
    for (setting, parts) in [("part_at_logout = true\n", true), ("", false)] {
        let (_origin, rules) = shop(setting);
        rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
        rules
            .scenario("capped", &scenario("page.path == \"/\"", "[caps]\nper_visitor = 1", "<i>capped</i>", "prepend"));
        let gateway = Gateway::serve(rules.path());
        let mut visitor = Visitor::default();
        assert!(visitor.visit(gateway.address(), "/").has("capped/a"));
        visitor.visit(gateway.address(), "/mine");
        await_joined(&gateway, 1);
        visitor.visit(gateway.address(), "/bye");
        if parts {
            await_joined(&gateway, 0);
        }
        let after = visitor.visit(gateway.address(), "/");
        assert_eq!(after.has("known/a"), !parts, "{setting}");
        assert!(!after.has("capped/a"), "what was shown in this browser was shown");
    }
}

#[test]
fn a_goal_is_reached_by_those_who_were_delivered_an_arm_and_ends_the_scenario() {
    let (_origin, rules) = shop("");
    let goal = "[caps]\nstop_after = [\"conversion\"]\n[goal]\npage = \"/thanks\"\n";
    rules.scenario("offer", &scenario("page.path == \"/\"", goal, "<i>offer</i>", "prepend"));
    let gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/thanks");
    assert!(visitor.visit(gateway.address(), "/").has("offer/a"));
    assert!(visitor.visit(gateway.address(), "/").has("offer/a"));
    visitor.visit(gateway.address(), "/thanks");
    visitor.visit(gateway.address(), "/thanks");
    eventually("the goal is reached", || (events(&gateway, "conversion") > 0).then_some(()));
    assert!(!visitor.visit(gateway.address(), "/").has("offer/a"));
    Visitor::default().visit(gateway.address(), "/thanks");
    eventually("all is written", || (events(&gateway, "page_view") == 7).then_some(()));
    assert_eq!(events(&gateway, "conversion"), 1, "once, and for nobody else");
}

#[test]
fn who_has_themselves_forgotten_is_forgotten_as_a_customer_too() {
    let (_origin, rules) = shop("");
    rules.scenario("known", &inserting("visitor.pageviews >= 2", "<i>known</i>"));
    let gateway = Gateway::serve(rules.path());
    let mut browsers = [Visitor::default(), Visitor::default()];
    for (number, visitor) in browsers.iter_mut().enumerate() {
        visitor.visit(gateway.address(), "/mine");
        await_joined(&gateway, number as i64 + 1);
    }
    let [first, second] = &mut browsers;
    assert!(second.visit(gateway.address(), "/").has("known/a"));
    let request = first.request("/gw/privacy").method("POST").header("Origin", "http://shop.example");
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body("do=erase");
    assert_eq!(gateway.fetch(&request).status, 303);
    assert!(!second.visit(gateway.address(), "/").has("known/a"), "the shared history is gone");
}
