//! What many profiles cost. Two jobs for `benches/profiles.sh`, which drives a gateway on what this fills:
//!
//! - `fill DATA STORE VISITORS ACTIVE COOKIES` writes that many profiles into the store (`sqlite:PATH` or `redis://…`), and the cookies of
//!   `ACTIVE` of them, spread evenly, into the file COOKIES: sealed with the keys of the data folder.
//! - `p99 BEFORE AFTER` says Noren's own time between two readings of its metrics: median and 99th percentile in µs.
//!
//! Under `cargo bench` without arguments it does nothing: it needs servers.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot run should say so and stop; its output is its result"
)]

use noren::clock::{Clock as _, SystemClock};
use noren::ids::{OsRandom, SiteId, VisitorId};
use noren::store::profile::{PathViews, Profile, ScenarioHistory, Session, SourceSeen};
use noren::store::{ProfileKey, Store, StoreSettings, Write, open_apart};
use noren::visitor::keys::KeyRing;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Profiles in one write.
const BATCH: u64 = 10_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fill", data, store, visitors, active, cookies] => {
            let number = |text: &str| text.parse().expect("a number");
            fill(Path::new(data), store, number(visitors), number(active), Path::new(cookies));
        }
        ["p99", before, after] => own_time(Path::new(before), Path::new(after)),
        _ => println!("nothing to do: it is driven by benches/profiles.sh"),
    }
}

/// A visitor's number: spread over all numbers, as real ones are.
fn visitor(number: u64) -> VisitorId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id[8..].copy_from_slice(&number.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(17).to_be_bytes());
    VisitorId(id)
}

/// Somebody who came yesterday for the third time: ten paths, two scenarios.
fn regular(number: u64, now: i64) -> Profile {
    let yesterday = now - 86_400;
    let source = SourceSeen { kind: "search".into(), host: Some("www.google.com".into()), ..SourceSeen::default() };
    let history = ScenarioHistory {
        exposures: 2,
        session: 3,
        session_exposures: 1,
        last_exposure: Some(yesterday),
        ..ScenarioHistory::default()
    };
    Profile {
        first_seen: now - 40 * 86_400,
        visits: 3,
        pageviews: 14,
        previous_visit: Some(now - 9 * 86_400),
        ended_session_seconds: 700,
        ended_session_pages: 9,
        first_source: Some(source.clone()),
        session: Session {
            started: yesterday - 300,
            last_seen: yesterday,
            pages: 5,
            landing_path: "/category/spring-coats".into(),
            depth: 4,
            source,
        },
        paths: (0..10)
            .map(|n| PathViews { path: number.wrapping_mul(31).wrapping_add(n), views: 1, visit: 3 })
            .collect(),
        scenarios: (0..2).map(|n| (format!("scenario-{n}"), history.clone())).collect(),
        ..Profile::default()
    }
}

fn fill(data: &Path, location: &str, visitors: u64, active: u64, cookies: &Path) {
    let site = SiteId::new("known");
    let now = SystemClock.now();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        // What is filled is not to stay in memory.
        let settings = StoreSettings { cache_bytes: 0, cache_idle: Duration::from_secs(1), ..StoreSettings::default() };
        let ledger = data.join("noren.db").display().to_string();
        let location = if location == "sqlite" { ledger.clone() } else { location.to_owned() };
        let store: Arc<dyn Store> =
            open_apart(&location, &ledger, &settings, &OsRandom).expect("the store opens").store;
        wait_for(&*store).await;
        for from in (0..visitors).step_by(BATCH as usize) {
            let mut batch: Vec<(VisitorId, u64)> =
                (from..visitors.min(from + BATCH)).map(|number| (visitor(number), number)).collect();
            batch.sort_unstable_by_key(|(visitor, _)| visitor.0);
            let writes = batch.into_iter().map(|(visitor, number)| {
                let key = ProfileKey { site: site.clone(), visitor };
                let live = store.create(&key);
                *live.lock().expect("nobody else holds it") = regular(number, now.as_second());
                Write::Profile(key, live)
            });
            store.write(writes.collect()).await.expect("it is written");
        }
    });
    let keys = KeyRing::open(&data.join("keys"), &SystemClock, &OsRandom).expect("keys");
    let mut lines = String::new();
    for turn in 0..active.min(visitors) {
        let number = turn * (visitors / active.min(visitors)).max(1);
        let _ = writeln!(lines, "nrn={}", keys.seal(&site, visitor(number), now, &OsRandom));
    }
    std::fs::write(cookies, lines).expect("the cookies are written");
}

async fn wait_for(store: &dyn Store) {
    for _ in 0..100 {
        if store.ping().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.ping().await.expect("the store answers");
}

/// Reads the histogram of Noren's own time twice, and says what lies between: within a bucket, in proportion.
fn own_time(before: &Path, after: &Path) {
    let buckets = |path: &Path| -> BTreeMap<u64, u64> {
        let text = std::fs::read_to_string(path).expect("metrics");
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix("noren_own_seconds_bucket{le=\"")?.split_once("\"} ")?;
            let bound: f64 = bound.replace("+Inf", "1").parse().ok()?;
            Some(((bound * 1e6).round() as u64, count.trim().parse().ok()?))
        };
        text.lines().filter_map(bucket).collect()
    };
    let (before, after) = (buckets(before), buckets(after));
    let counts: Vec<(u64, u64)> =
        after.iter().map(|(bound, count)| (*bound, count - before.get(bound).unwrap_or(&0))).collect();
    let all = counts.last().map_or(0, |(_, count)| *count) as f64;
    let at = |share: f64| {
        let (mut lower, mut below) = (0.0, 0.0);
        for (bound, count) in &counts {
            let (bound, count) = (*bound as f64, *count as f64);
            if count >= share * all && count > below {
                return lower + (bound - lower) * (share * all - below) / (count - below);
            }
            (lower, below) = (bound, count);
        }
        lower
    };
    println!("{:.0} {:.0}", at(0.5), at(0.99));
}
