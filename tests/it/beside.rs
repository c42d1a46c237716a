//! Commands that run beside a gateway that serves: they are about the stores that `gateway.toml` names, whatever the gateway has in its
//! memory.

use crate::own_faults::await_flush;
use crate::shared_store::PATIENT;
use crate::support::origin::page;
use crate::support::{Gateway, Origin, Rules, Visitor, eventually, inserting};
use std::path::Path;
use std::process::{Command, Output};

const HTML: &str = "<!doctype html><html><head></head><body><p>page</p></body></html>";
const CUSTOMER: &str = "[customer]\nid = { response_header = \"X-Member-Id\" }\n";

/// A shop that tells on `/mine` who the member is.
pub(crate) fn shop_of_members() -> Origin {
    Origin::new(|request, wire| {
        let headers = if request.target == "/mine" { "X-Member-Id: m-4711\r\n" } else { "" };
        wire.send(page(headers, HTML));
    })
}

/// What shows of a member: what was imported of them, and that their browsers have one history.
pub(crate) fn rules_of_members(origin: &Origin, more: &str) -> Rules {
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin.address(), &format!("{CUSTOMER}{more}"));
    rules.scenario("gold", &inserting("customer.rank == \"gold\"", "<i>gold</i>"));
    rules.scenario("silver", &inserting("customer.rank == \"silver\"", "<i>silver</i>"));
    rules.scenario("plan", &inserting("customer.attr[\"plan\"] == \"premium\"", "<i>plan</i>"));
    rules.scenario("buyer", &inserting("visitor.orders == 1", "<i>buyer</i>"));
    rules
}

/// Has a browser log in, and waits until it shows so.
pub(crate) fn log_in(gateway: &Gateway, scenario: &str) -> Visitor {
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/");
    visitor.visit(gateway.address(), "/mine");
    eventually("the browser shows what is known of the member", || {
        visitor.visit(gateway.address(), "/").has(&format!("{scenario}/a")).then_some(())
    });
    visitor
}

/// A gateway, and who calls commands beside it.
struct Beside {
    gateway: Gateway,
    rules: Rules,
}

impl Beside {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noren"));
        command.args(arguments).arg("--rules").arg(self.rules.path()).arg("--data").arg(self.gateway.data());
        command.current_dir(self.gateway.data().parent().unwrap()).output().unwrap()
    }

    /// Its standard output, if it went well.
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.gateway.data().parent().unwrap().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn import(&self, kind: &str, text: &str) -> String {
        let file = self.write("import.csv", text);
        self.succeeds(&["import", kind, &file, "--site", "shop"])
    }
}

/// What all commands do, whatever the stores; what is kept can be looked through in `kept`.
fn commands_are_about_the_stores_of_the_gateway(store: &str, holds_member: impl Fn(&Path) -> bool) {
    let origin = shop_of_members();
    let rules = rules_of_members(&origin, "");
    rules.write("gateway.toml", &format!("{store}\n{PATIENT}"));
    let beside = Beside { gateway: Gateway::serve(rules.path()), rules };
    let gateway = &beside.gateway;

    assert_eq!(
        beside.import("customers", "id,rank,plan\nm-4711,gold,premium\nm-1,silver,\n"),
        "Imported customers: 2 new, 0 changed, 0 the same as before.\n"
    );
    beside.import("orders", "id,order,at,value\nm-4711,N-1,2026-01-02,4200\n");
    let mut browsers = [log_in(gateway, "gold"), log_in(gateway, "gold")];
    for browser in &mut browsers {
        let page = browser.visit(gateway.address(), "/");
        assert!(page.has("plan/a") && page.has("buyer/a") && !page.has("silver/a"));
    }

    // The gateway has the profile in its memory by now.
    let again = beside.import("customers", "id,rank\nm-4711,silver\nm-1,silver\n");
    assert_eq!(again, "Imported customers: 0 new, 1 changed, 1 the same as before.\n");
    eventually("the news shows", || {
        let page = browsers[0].visit(gateway.address(), "/");
        (page.has("silver/a") && !page.has("gold/a") && page.has("plan/a")).then_some(())
    });
    await_flush(gateway);
    let exported = beside.succeeds(&["export", "profiles", "--site", "shop"]);
    assert_eq!(exported.lines().count(), 4, "two members and two browsers: {exported}");
    assert!(exported.contains("\"silver\""), "{exported}");
    let events = beside.succeeds(&["export", "events", "--site", "shop"]);
    assert!(events.contains("\"purchase\"") && events.contains("\"page_view\""), "{events}");

    let codes = beside.write("codes.csv", "A-1\nA-2\n");
    let added = beside.succeeds(&["coupons", "add", "--site", "shop", "--pool", "night", &codes]);
    assert_eq!(added, "Added 2 codes to the pool night of shop.\n");
    assert!(beside.succeeds(&["coupons", "list"]).contains("shop  night     2"));

    let forget = ["forget", "--site", "shop", "--member", "m-4711"];
    let said = beside.succeeds(&forget);
    assert!(said.starts_with("Erased 3 profiles and "), "{said}");
    assert!(said.ends_with(" events. Nothing says any more whose these were: 1 order.\n"), "{said}");
    assert_eq!(beside.succeeds(&forget), "Nothing was kept of this member on this site.\n");
    let left = beside.succeeds(&["export", "profiles", "--site", "shop"]);
    assert_eq!(left.lines().count(), 1, "the other member stays: {left}");
    assert!(!beside.succeeds(&["export", "events", "--site", "shop"]).contains("page_view"));

    // Not from the gateway's memory either, and not when it writes again.
    let shows = |browser: &mut Visitor, path: &str| {
        let page = browser.visit(gateway.address(), path);
        ["gold", "silver", "plan", "buyer"].iter().any(|it| page.has(&format!("{it}/a")))
    };
    for browser in &mut browsers {
        eventually("the gateway has noticed", || (!shows(browser, "/")).then_some(()));
    }
    for path in ["/", "/mine", "/", "/"] {
        for browser in &mut browsers {
            assert!(!shows(browser, path), "{path}");
        }
        await_flush(gateway);
    }
    let known = beside.succeeds(&["export", "profiles", "--site", "shop"]);
    assert!(!known.contains("premium"), "{known}");

    // By the number of one browser, what all of them share goes too.
    beside.import("customers", "id,plan\nm-4711,premium\n");
    let mut visitor = log_in(gateway, "plan");
    await_flush(gateway);
    let data: serde_json::Value =
        serde_json::from_str(&visitor.visit(gateway.address(), "/gw/privacy/data").text()).unwrap();
    let said = beside.succeeds(&["forget", "--site", "shop", "--visitor", data["data"]["visitor"].as_str().unwrap()]);
    assert!(said.starts_with("Erased 2 profiles and "), "{said}");
    eventually("the gateway has noticed", || (!shows(&mut visitor, "/")).then_some(()));
    assert!(!shows(&mut browsers[0], "/mine"));
    assert!(!holds_member(&gateway.data()), "the member's number is stored");
}

#[test]
fn commands_work_on_the_embedded_store_of_a_gateway_that_serves() {
    commands_are_about_the_stores_of_the_gateway("", |data| {
        ["noren.db", "noren.db-wal"].iter().any(|file| {
            let bytes = std::fs::read(data.join(file)).unwrap_or_default();
            memchr::memmem::find(&bytes, b"m-4711").is_some()
        })
    });
}

#[test]
fn commands_work_on_redis_and_postgresql_of_a_gateway_that_serves() {
    let (profiles, ledger) = (crate::support::redis::Server::start(&[]), crate::support::postgres::Cluster::start());
    let store = format!("[store]\nprofiles = '{}'\nledger = '{}'\n", profiles.url(), ledger.url());
    commands_are_about_the_stores_of_the_gateway(&store, |data| {
        assert!(!data.join("noren.db").exists(), "nothing is embedded");
        let keys = profiles.ask(&["KEYS", "*"]);
        assert!(keys.contains(":p"), "profiles are in Redis: {keys}");
        assert_eq!(ledger.sql("SELECT count(*) FROM orders WHERE visitor = ''"), "1");
        keys.contains("m-4711")
    });
}

#[test]
fn member_is_not_looked_for_under_a_new_key() {
    let profiles = crate::support::redis::Server::start(&[]);
    let rules = Rules::new();
    rules.write("gateway.toml", &format!("[store]\nprofiles = '{}'\n", profiles.url()));
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("members.csv"), "id,rank\nm-1,gold\n").unwrap();
    for arguments in [
        ["forget", "--site", "shop", "--member", "m-1"].as_slice(),
        &["import", "customers", "members.csv", "--site", "shop"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noren"));
        command.args(arguments).arg("--rules").arg(rules.path()).args(["--data", "."]).current_dir(folder.path());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && !folder.path().join("customer-key").exists(), "{said}");
        assert!(said.contains("there is no ") && said.contains("--data"), "{said}");
    }
}
