use super::*;
use crate::clock::SystemClock;
use crate::ids::SiteId;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// No test waits so long unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    dir: TempDir,
    world: Arc<ArcSwap<World>>,
    reloader: Option<Reloader>,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap(), world: Arc::default(), reloader: None };
        fs::create_dir_all(bench.path("rules/sites")).unwrap();
        fs::create_dir(bench.path("certs")).unwrap();
        bench
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a site by the way of its file, as `> file` does.
    fn site(&self, name: &str, host: &str, origin_port: u16) {
        let folder = self.path("rules/sites").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("site.toml"), text(host, origin_port)).unwrap();
    }

    /// With a poll that never comes, so that only what the system tells is seen.
    fn told_only(mut self) -> Self {
        self.start(Duration::from_secs(3600));
        assert_eq!(self.status().watching, Watching::Told);
        self
    }

    fn start(&mut self, poll: Duration) {
        let setup = Setup {
            rules: Some(self.path("rules")),
            given: Vec::new(),
            prefix: "q7x".into(),
            world: self.world.clone(),
            certs: Some(Arc::new(CertStore::of_folder(self.path("certs")))),
            clock: Arc::new(SystemClock),
            poll,
        };
        self.reloader = Some(Reloader::start(setup).unwrap());
    }

    fn handle(&self) -> StatusHandle {
        self.reloader().status()
    }

    fn status(&self) -> Status {
        self.handle().snapshot()
    }

    fn reloader(&self) -> &Reloader {
        self.reloader.as_ref().unwrap()
    }

    /// The port of the origin that a host leads to.
    fn port(&self, host: &str) -> Option<u16> {
        let world = self.world.load_full();
        world.site_for_host(host).map(|site| site.origin.addresses[0].port)
    }

    #[track_caller]
    fn expect(&self, host: &str, port: impl Into<Option<u16>>) {
        let port = port.into();
        let came = self.handle().wait_until(PATIENCE, |_| self.port(host) == port);
        assert!(came, "{host} leads to {:?}, not {port:?}\n{:#?}", self.port(host), self.status());
    }

    #[track_caller]
    fn expect_stale(&self, site: &str, stale: bool) {
        let id = SiteId::new(site);
        let came =
            self.handle().wait_until(PATIENCE, |status| status.sites.get(&id).is_some_and(|at| at.stale == stale));
        assert!(came, "{:#?}", self.status());
    }
}

fn text(host: &str, port: u16) -> String {
    format!("hosts = [\"{host}\"]\norigin = \"http://127.0.0.1:{port}\"\n")
}

#[test]
fn what_is_there_at_the_start_is_served_at_once() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    let bench = bench.told_only();
    assert_eq!(bench.port("a.example"), Some(1));
    let status = bench.status();
    assert_eq!((status.loads, status.refusals, status.sites.len()), (1, 0, 1));
}

#[test]
fn every_way_of_writing_a_file_is_noticed() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    let bench = bench.told_only();
    let file = bench.path("rules/sites/a/site.toml");

    bench.site("a", "a.example", 2);
    bench.expect("a.example", 2);

    let beside = bench.path("rules/sites/a/.site.toml.swp");
    fs::write(&beside, text("a.example", 3)).unwrap();
    fs::rename(&beside, &file).unwrap();
    bench.expect("a.example", 3);

    fs::remove_file(&file).unwrap();
    fs::write(&file, text("a.example", 4)).unwrap();
    bench.expect("a.example", 4);

    bench.site("b", "b.example", 5);
    bench.expect("b.example", 5);
    assert_eq!(bench.port("a.example"), Some(4));
}

#[test]
fn a_refused_site_serves_its_last_good_rules_and_says_so() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    bench.site("b", "b.example", 2);
    let bench = bench.told_only();
    let before = bench.world.load_full();
    fs::write(bench.path("rules/sites/a/site.toml"), "hosts = [\"a.example\"]\norgin = 3\n").unwrap();
    bench.expect_stale("a", true);
    assert_eq!(bench.port("a.example"), Some(1));
    let status = bench.status();
    let report = status.sites[&SiteId::new("a")].report.clone().unwrap();
    assert!(report.contains("site.toml:2:1: error[unknown-key]"), "{report}");
    assert_eq!((status.loads, status.refusals), (2, 1));

    bench.site("a", "a.example", 3);
    bench.expect("a.example", 3);
    bench.expect_stale("a", false);
    let after = bench.world.load_full();
    let same = |host| Arc::ptr_eq(before.site_for_host(host).unwrap(), after.site_for_host(host).unwrap());
    assert!(same("b.example") && !same("a.example"), "an unchanged site is not built again");
}

#[test]
fn a_file_that_is_half_written_is_waited_for() {
    use std::io::Write;
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    let bench = bench.told_only();
    // The first half alone is a sound file.
    let mut file = fs::File::create(bench.path("rules/sites/a/site.toml")).unwrap();
    file.write_all(text("a.example", 2).as_bytes()).unwrap();
    file.flush().unwrap();
    bench.site("b", "b.example", 9);
    file.write_all(b"locale = \"en\"\n").unwrap();
    drop(file);
    bench.expect("a.example", 2);
    let locale = bench.world.load().site_for_host("a.example").unwrap().locale.clone();
    assert_eq!((locale.as_str(), bench.status().refusals), ("en", 0));
}

/// The way in which Kubernetes exchanges all files of a volume at once.
#[test]
fn a_config_map_is_exchanged_whole() {
    let bench = Bench::new();
    let site = bench.path("rules/sites/a");
    let fill = |version: &str, port| {
        fs::create_dir_all(site.join(version)).unwrap();
        fs::write(site.join(version).join("site.toml"), text("a.example", port)).unwrap();
        symlink(version, site.join("..data_tmp")).unwrap();
        fs::rename(site.join("..data_tmp"), site.join("..data")).unwrap();
    };
    fill("..one", 1);
    symlink("..data/site.toml", site.join("site.toml")).unwrap();
    let bench = bench.told_only();
    bench.expect("a.example", 1);
    for (version, port) in [("..two", 2), ("..three", 3)] {
        fill(version, port);
        bench.expect("a.example", port);
    }
}

#[test]
fn a_rules_folder_that_vanishes_takes_nothing_with_it() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    let bench = bench.told_only();
    fs::rename(bench.path("rules"), bench.path("away")).unwrap();
    assert!(bench.handle().wait_until(PATIENCE, |status| status.rules_report.is_some()));
    assert_eq!(bench.port("a.example"), Some(1));
    fs::create_dir(bench.path("rules")).unwrap();
    bench.site("a", "a.example", 2);
    bench.expect("a.example", 2);
    // The new folder is watched like the old one.
    bench.site("a", "a.example", 3);
    bench.expect("a.example", 3);
    assert!(bench.status().rules_report.is_none());
}

#[test]
fn a_link_to_the_rules_may_be_pointed_elsewhere() {
    let mut bench = Bench::new();
    fs::remove_dir_all(bench.path("rules")).unwrap();
    for (version, port) in [("one", 1), ("two", 2)] {
        fs::create_dir_all(bench.path(version).join("sites/a")).unwrap();
        fs::write(bench.path(version).join("sites/a/site.toml"), text("a.example", port)).unwrap();
    }
    symlink("one", bench.path("rules")).unwrap();
    bench.start(Duration::from_secs(3600));
    bench.expect("a.example", 1);
    symlink("two", bench.path("next")).unwrap();
    fs::rename(bench.path("next"), bench.path("rules")).unwrap();
    bench.expect("a.example", 2);
    fs::write(bench.path("two/sites/a/site.toml"), text("a.example", 3)).unwrap();
    bench.expect("a.example", 3);
}

#[test]
fn what_the_system_does_not_tell_is_found_by_looking() {
    let mut bench = Bench::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(bench.path("rules/sites/a")).unwrap();
    let real = elsewhere.path().join("real.toml");
    fs::write(&real, text("a.example", 1)).unwrap();
    symlink(&real, bench.path("rules/sites/a/site.toml")).unwrap();
    bench.start(Duration::from_millis(20));
    bench.expect("a.example", 1);
    fs::write(&real, text("a.example", 2)).unwrap();
    bench.expect("a.example", 2);
}

#[test]
fn a_removed_site_is_served_no_more_and_frees_its_hosts() {
    let mut bench = Bench::new();
    bench.site("a", "a.example", 1);
    bench.site("b", "a.example", 2);
    bench.start(Duration::from_millis(20));
    bench.expect("a.example", 1);
    bench.expect_stale("b", true);
    fs::remove_dir_all(bench.path("rules/sites/a")).unwrap();
    bench.expect("a.example", 2);
    bench.expect_stale("b", false);
    fs::remove_dir_all(bench.path("rules/sites/b")).unwrap();
    bench.expect("a.example", None);
    assert!(bench.status().sites.is_empty());
}

#[test]
fn two_sites_may_exchange_their_hosts() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    bench.site("b", "b.example", 2);
    bench.site("c", "c.example", 3);
    let bench = bench.told_only();
    bench.site("a", "b.example", 1);
    bench.expect_stale("a", true);
    bench.site("c", "a.example", 3);
    bench.expect_stale("c", true);
    assert_eq!((bench.port("a.example"), bench.port("c.example")), (Some(1), Some(3)), "who waits keeps what it has");
    bench.site("b", "c.example", 2);
    for (host, port) in [("b.example", 1), ("c.example", 2), ("a.example", 3)] {
        bench.expect(host, port);
    }
}

#[test]
fn settings_that_need_a_restart_are_named_and_limits_take_effect() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    let bench = bench.told_only();
    fs::write(bench.path("rules/gateway.toml"), "threads = 3\nhttps_redirect = true\n").unwrap();
    assert!(bench.handle().wait_until(PATIENCE, |status| status.needs_restart == ["threads"]));
    assert!(bench.reloader().gateway().load().https_redirect);
    let redirects = || bench.world.load().site_for_host("a.example").unwrap().https_redirect;
    assert!(bench.handle().wait_until(PATIENCE, |_| redirects()));
}

#[test]
fn certificates_are_exchanged_and_an_order_is_served() {
    let bench = Bench::new().told_only();
    let made = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
    fs::write(bench.path("certs/shop.example.pem"), made.cert.pem()).unwrap();
    fs::write(bench.path("certs/shop.example.key"), made.signing_key.serialize_pem()).unwrap();
    assert!(bench.handle().wait_until(PATIENCE, |status| status.certificates == 1));
    let ticket = bench.reloader().reload_now();
    assert!(bench.handle().wait_until(PATIENCE, |status| status.served >= ticket));
}

#[test]
fn many_reloads_in_a_row_lose_nothing() {
    let bench = Bench::new();
    bench.site("a", "a.example", 1);
    let bench = bench.told_only();
    for port in 2..60 {
        bench.site("a", "a.example", port);
        bench.expect("a.example", port);
    }
    assert_eq!(bench.status().refusals, 0);
}
