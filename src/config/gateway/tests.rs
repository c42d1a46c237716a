use super::*;
use crate::config::settings::Section;
use std::fmt::Write;

fn load(text: &str) -> (Option<Gateway>, Vec<&'static str>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), text).unwrap();
    let mut problems = Problems::default();
    let gateway = Gateway::load(dir.path(), &mut Sources::default(), &mut problems);
    (gateway, problems.0.iter().map(|problem| problem.code).collect())
}

#[test]
fn no_file_means_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let found = Gateway::load(dir.path(), &mut Sources::default(), &mut Problems::default());
    assert_eq!(found, Some(Gateway::default()));
}

#[test]
fn documented_defaults_are_the_defaults() {
    let mut text = String::new();
    for section in [&GATEWAY, &LIMITS, &BREAKER, &LOG, &STORE] as [&Section; 5] {
        writeln!(text, "{}", section.header).unwrap();
        for setting in section.settings.iter().filter(|setting| !setting.default.is_empty()) {
            writeln!(text, "{} = {}", setting.name, setting.default).unwrap();
        }
    }
    assert_eq!(load(&text), (Some(Gateway::default()), vec![]), "{text}");
}

#[test]
fn every_setting_is_taken() {
    let (gateway, problems) = load(
        r#"
        listen = "[::]:80"
        tls_listen = ["0.0.0.0:443", "[::]:443"]
        ops_listen = "127.0.0.1:9999"
        threads = 3
        trusted_proxies = ["10.1.2.3/8", "192.0.2.7", "2001:db8::/32"]
        geo_database = "geo.mmdb"
        grace_period = "1m"
        limits = { max_file_size = 4096, parser_memory = "1 MiB", profile_deadline = "5ms", max_requests = 7, shed_at = "12.5%" }
        breaker = { failures = "40%", probes = 2, pause = "1m" }
        log = { level = "debug", format = "text" }
        "#,
    );
    assert!(problems.is_empty(), "{problems:?}");
    let gateway = gateway.unwrap();
    assert_eq!(gateway.listen, ["[::]:80".parse().unwrap()]);
    assert_eq!(gateway.tls_listen.len(), 2);
    assert_eq!(gateway.threads, Some(3));
    let proxies: Vec<_> = gateway.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    assert_eq!((gateway.limits.max_file_size, gateway.limits.parser_memory), (4096, 1 << 20));
    assert_eq!((gateway.limits.max_requests, gateway.limits.shed_at), (7, 1250));
    assert_eq!(
        gateway.breaker,
        Breaker { failures: 4000, probes: 2, pause: Duration::from_secs(60), ..Breaker::default() }
    );
    assert_eq!(gateway.log, Log { level: tracing::Level::DEBUG, format: LogFormat::Text });
    assert_eq!(
        Gateway::default().needs_restart(&gateway),
        ["listen", "tls_listen", "ops_listen", "threads", "geo_database", "log"]
    );
}

#[test]
fn all_problems_are_found_at_once() {
    let (gateway, problems) = load(
        "listen = [\"localhost:80\"]\ntrusted_proxies = [\"10.0.0.0/99\"]\nthreads = 0\nlimits.max_ratio = \"x\"\nlisten_tls = 1\n",
    );
    assert_eq!(gateway, None);
    assert_eq!(problems, ["bad-address", "out-of-range", "bad-network", "wrong-type", "unknown-key"]);
}
