use super::*;
use crate::config::gateway::Limits;
use crate::config::render::{Style, human};
use crate::site::{Per, Pool};
use crate::store::coupons::Supply;
use std::fs;
use std::path::PathBuf;

fn options() -> LoadOptions {
    LoadOptions { prefix: "q7x".into(), now: "2026-11-22T12:00:00Z".parse().unwrap() }
}

/// Loads a rules folder made of the given files.
fn load(files: &[(&str, &str)]) -> LoadedRules {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load_rules(dir.path(), &options())
}

fn drawn(loaded: &LoadedRules) -> String {
    human(&loaded.problems, &loaded.sources, Style { root: Path::new(""), colour: false })
}

fn codes(loaded: &LoadedRules) -> Vec<&'static str> {
    loaded.problems.0.iter().map(|problem| problem.code).collect()
}

/// Loads one site that must be sound.
fn sound(site: &str, more: &[(&str, &str)]) -> Arc<Site> {
    let mut files = vec![("sites/shop/site.toml", site)];
    files.extend_from_slice(more);
    let loaded = load(&files);
    assert!(loaded.problems.0.is_empty(), "{}", drawn(&loaded));
    loaded.good_sites().next().unwrap()
}

const LEAST_SITE: &str = "hosts = [\"shop.example\"]\norigin = \"http://127.0.0.1:8101\"\n";
const LEAST_SCENARIO: &str = r#"
name = "Hello"
when = true
[[variant]]
  [variant.html]
  html  = "<div>hello</div>"
  place = { at = "body", position = "prepend" }
"#;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad-rules");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

#[test]
fn each_kind_of_bad_rule_file_is_shown_with_its_place_and_a_remedy() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 40);
    for folder in fixtures {
        let loaded = load_rules(&folder, &options());
        let text = drawn(&loaded);
        assert!(!loaded.problems.0.is_empty(), "nothing was found in {}", folder.display());
        for problem in &loaded.problems.0 {
            assert!(problem.help.as_ref().is_some_and(|help| !help.is_empty()), "no remedy in\n{text}");
            assert!(!problem.message.contains('\n') && !problem.message.ends_with('.'), "{text}");
            let source = loaded.sources.get(&problem.file);
            assert!(source.is_none_or(|source| source.get(problem.span.clone()).is_some()), "no such place in\n{text}");
        }
        let settings = {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(&folder);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings
        };
        settings.bind(|| insta::assert_snapshot!("problems", text));
    }
}

#[test]
fn the_least_site_and_scenario_are_enough() {
    let site = sound(LEAST_SITE, &[("sites/shop/scenarios/hello.toml", LEAST_SCENARIO)]);
    assert_eq!((site.id.as_str(), site.prefix.as_str(), site.enabled), ("shop", "q7x", true));
    assert_eq!(site.origin.addresses, [crate::site::OriginAddress::parse("http://127.0.0.1:8101").unwrap()]);
    let scenario = &site.rules.scenarios[0];
    assert_eq!((&*scenario.id, scenario.name.as_str()), ("hello", "Hello"));
    let variant = &scenario.variants[0];
    assert_eq!((&*variant.name, variant.weight, variant.actions.len()), ("a", 1, 1));
}

/// What the documentation calls a default is what an empty file gives.
#[test]
fn documented_defaults_of_a_site_are_the_defaults() {
    use std::fmt::Write;
    let mut text = LEAST_SITE.to_owned();
    for section in [&site::SITE, &site::UPSTREAM, &site::COOKIE] {
        writeln!(text, "{}", section.header).unwrap();
        let given = |setting: &&crate::config::settings::Setting| !matches!(setting.default, "" | "required");
        for setting in section.settings.iter().filter(given) {
            writeln!(text, "{} = {}", setting.name, setting.default).unwrap();
        }
    }
    let (plain, spelt_out) = (sound(LEAST_SITE, &[]), sound(&text, &[]));
    assert_eq!(format!("{plain:?}"), format!("{spelt_out:?}"));
}

#[test]
fn every_supply_of_coupon_codes_is_taken() {
    let names = ["night500", "thanks", "imported"];
    let scenarios = names.map(|pool| {
        let coupon = format!("[variant.coupon]\ntitle = 'x'\namount = '5%'\npool = '{pool}'");
        (format!("sites/shop/scenarios/{pool}.toml"), format!("name = '{pool}'\nwhen = true\n[[variant]]\n{coupon}"))
    });
    let site = sound(
        r#"
        hosts = ["shop.example"]
        origin = "http://127.0.0.1:1"
        [[pool]]
        name = "night500"
        pattern = "NIGHT-????-????"
        limit = 1000
        expires = 2026-12-01T00:00:00+09:00
        per = "customer"
        [[pool]]
        name = "thanks"
        code = "THANKS"
        limit = 3
        first_visit = true
        [[pool]]
        name = "imported"
        "#,
        &scenarios.each_ref().map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let expires = "2026-11-30T15:00:00Z".parse().ok();
    let pattern = Supply::Pattern { pattern: "NIGHT-????-????".into(), limit: 1000 };
    assert_eq!(
        site.pools,
        [
            Pool { name: "night500".into(), supply: pattern, per: Per::Customer, expires, first_visit: false },
            Pool {
                name: "thanks".into(),
                supply: Supply::Fixed { code: "THANKS".into(), limit: 3 },
                per: Per::Visitor,
                expires: None,
                first_visit: true,
            },
            Pool {
                name: "imported".into(),
                supply: Supply::Listed,
                per: Per::Visitor,
                expires: None,
                first_visit: false
            },
        ]
    );
    assert!(site.rules.scenarios.iter().all(|scenario| scenario.has_pool() && scenario.needs_identity()));
    let waits = |(at, scenario): (usize, &crate::scenario::Scenario)| {
        site.rules.is_for_known(at).then(|| scenario.id.to_string())
    };
    let waiting: Vec<String> = site.rules.scenarios.iter().enumerate().filter_map(waits).collect();
    assert_eq!(waiting, ["imported"], "members are known by their number, and one pool is open to all");
}

#[test]
fn every_setting_of_a_site_is_taken() {
    let site = sound(
        r#"
        hosts = ["Shop.Example", "*.shop.example"]
        prefix = "gw"
        enabled = false
        locale = "en"
        time_zone = "Europe/Paris"
        currency = "EUR"
        session_timeout = "1h"
        holdout = "2.5%"
        free_shipping_from = 59.9
        deliver_by = "script"
        platform = "generic"
        extract.product.name = ["h1", { at = "h2", attr = "title", match = "a" }]
        extract.listed = { row = "li", url = { at = "a", attr = "href" } }
        learn = { pages = false, refresh = "1h", abandoned_cart_after = "30m" }
        https_redirect = true
        origin = [{ url = "https://a.internal", weight = 3 }, { url = "https://b.internal:8443", weight = 0 }]
        upstream = { host = "shop.internal", http2 = true, verify = false, ca = "ca.pem", read_timeout = "5s", health = { path = "/up" } }
        cookie = { name = "v", domain = "shop.example", lifetime = "30d" }
        [pages]
        home = "/"
        product = ["/item/*", "/p/**"]
        [customer]
        rank = { response_header = "X-Rank" }
        attr.plan = { cookie = "plan" }
        [limits]
        max_requests = 300
        rewrite_memory = "16MiB"
        "#,
        &[],
    );
    insta::assert_debug_snapshot!(site);
    assert_eq!(
        (site.page_kind("/item/3", ""), site.page_kind("/item/3/x", ""), site.page_kind("/p/1/2", "")),
        ("product", "other", "product")
    );
}

#[test]
fn every_setting_of_a_scenario_is_taken() {
    let scenario = r#"
        name = "Late night"
        when = "true"
        priority = 20
        slot = "top"
        [schedule]
        from = 2026-11-20
        until = 2026-12-01T00:00:00+09:00
        days = ["fri", "sun"]
        hours = "22:00-03:00"
        [caps]
        per_session = 1
        per_visitor = 3
        cooldown = "2 pages"
        stop_after = ["click", "dismiss", "conversion"]
        [goal]
        event = "purchase"
        within = "3d"
        [[variant]]
        name = "control"
        weight = 20
        [[variant]]
        weight = 80
        html = { html = "<p>hello</p>", place = { at = "body" } }
    "#;
    let site = sound(LEAST_SITE, &[("sites/shop/scenarios/night.toml", scenario)]);
    let found = &site.rules.scenarios[0];
    insta::assert_debug_snapshot!((&found.slot, found.priority, &found.schedule, &found.caps, &found.goal));
    let arms: Vec<_> = found.variants.iter().map(|arm| (&*arm.name, arm.weight, arm.actions.len())).collect();
    assert_eq!(arms, [("control", 20, 0), ("b", 80, 1)]);
}

#[test]
fn a_disabled_scenario_is_checked_but_does_not_run() {
    let off = format!("enabled = false\n{LEAST_SCENARIO}");
    assert!(sound(LEAST_SITE, &[("sites/shop/scenarios/a.toml", &off)]).rules.scenarios.is_empty());
    let loaded =
        load(&[("sites/shop/site.toml", LEAST_SITE), ("sites/shop/scenarios/a.toml", &off.replace("when", "wen"))]);
    assert!(loaded.problems.has_errors());
}

#[test]
fn a_refused_site_does_not_stop_the_others() {
    let loaded = load(&[
        ("sites/bad/site.toml", "hosts = 3"),
        ("sites/good/site.toml", LEAST_SITE),
        ("sites/late/site.toml", LEAST_SITE),
        ("gateway.toml", "listen = 3"),
    ]);
    let good: Vec<_> = loaded.good_sites().map(|site| site.id.to_string()).collect();
    assert_eq!(good, ["good"], "the first by name keeps a host");
    assert!(loaded.gateway.is_none());
    assert_eq!(loaded.sites.len(), 3);
    assert!(codes(&loaded).contains(&"host-taken"));
}

#[test]
fn what_editors_and_kubernetes_leave_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("sites/shop/..2026_11_22/");
    fs::create_dir_all(&real).unwrap();
    fs::write(real.join("site.toml"), LEAST_SITE).unwrap();
    std::os::unix::fs::symlink("..2026_11_22", dir.path().join("sites/shop/..data")).unwrap();
    std::os::unix::fs::symlink("..data/site.toml", dir.path().join("sites/shop/site.toml")).unwrap();
    for litter in [".site.toml.swp", "site.toml~", "#site.toml#", "4913.tmp"] {
        fs::write(dir.path().join("sites/shop").join(litter), "x").unwrap();
    }
    let loaded = load_rules(dir.path(), &options());
    assert!(loaded.problems.0.is_empty(), "{}", drawn(&loaded));
    assert_eq!(loaded.good_sites().count(), 1);
}

#[test]
fn a_fingerprint_changes_with_what_is_read_and_with_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("sites/shop");
    fs::create_dir_all(site.join("templates")).unwrap();
    let fingerprint = || SiteFiles::read(dir.path(), &SiteId::new("shop"), &Limits::default()).fingerprint();
    let mut seen = vec![fingerprint()];
    let mut changed = |file: &str, text: &str, expected: bool| {
        fs::write(site.join(file), text).unwrap();
        let now = fingerprint();
        assert_eq!(!seen.contains(&now), expected, "after writing {file}");
        seen.push(now);
    };
    changed("site.toml", LEAST_SITE, true);
    changed("site.toml", LEAST_SITE, false);
    changed("templates/a.html", "", true);
    changed("templates/b.html", "", true);
    changed("stray.toml", "", true);
    changed("site.toml~", "", false);
}

#[test]
fn an_origin_alone_makes_a_site_for_every_host() {
    let site = site_for_origin("https://shop.example:8443", &options()).unwrap();
    assert_eq!((site.hosts[0].as_str(), site.origin.host.as_deref()), ("*", Some("shop.example:8443")));
    assert!(site_for_origin("shop.example", &options()).is_err());
}
