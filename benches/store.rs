//! The store: what a page view waits for (a cached profile, a profile from the file), and what its writer gets done.

#![expect(clippy::expect_used, reason = "a bench that cannot run should say so and stop")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use noren::event::{Arm, Event, What};
use noren::ids::{OsRandom, SiteId, VisitorId};
use noren::store::profile::{PathViews, Profile, ScenarioHistory};
use noren::store::{ProfileKey, Sealer, Store, StoreSettings, Write, open};
use std::hint::black_box;
use std::sync::Arc;
use tokio::runtime::Runtime;

fn key(visitor: u64) -> ProfileKey {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&visitor.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    ProfileKey { site: SiteId::new("shop"), visitor: VisitorId(id) }
}

/// A visitor who has looked around: 20 paths, 5 scenarios.
fn regular() -> Profile {
    let history = ScenarioHistory { exposures: 3, session: 2, session_exposures: 1, ..ScenarioHistory::default() };
    Profile {
        visits: 2,
        pageviews: 30,
        paths: (0..20).map(|n| PathViews { path: u64::MAX - n, views: 2, visit: 2 }).collect(),
        scenarios: (0..5).map(|n| (format!("scenario-{n}"), history.clone())).collect(),
        ..Profile::default()
    }
}

fn batch(store: &dyn Store, from: u64) -> Vec<Write> {
    let page_view = |visitor| Event {
        site: SiteId::new("shop"),
        visitor,
        at: Timestamp::UNIX_EPOCH,
        what: What::PageView { path: "/products/noren".into() },
    };
    let exposure = What::Exposure(Arm { scenario: "scenario-1".into(), variant: "coupon".into() });
    let mut writes = Vec::new();
    for visitor in from..from + 500 {
        let key = key(visitor);
        let profile = store.create(&key);
        if let Ok(mut profile) = profile.lock() {
            *profile = regular();
        }
        let page_view = page_view(key.visitor);
        writes.push(Write::Event(Event { what: exposure.clone(), ..page_view.clone() }));
        writes.push(Write::Event(page_view));
        writes.push(Write::Profile(key, profile));
    }
    writes
}

fn store(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let path = folder.path().join("noren.db").display().to_string();
    let open = |cache_bytes| -> Arc<dyn Store> {
        open(&path, &StoreSettings { cache_bytes, ..StoreSettings::default() }, &OsRandom).expect("the store opens")
    };
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("store");

    let large = open(256 << 20);
    let mut from = 0;
    group.throughput(Throughput::Elements(1500));
    group.bench_function("write: 500 page views with an exposure and their profiles", |b| {
        b.iter_batched(
            || {
                from += 500;
                batch(&*large, from)
            },
            |writes| runtime.block_on(large.write(writes)).expect("it is written"),
            BatchSize::PerIteration,
        );
    });

    group.throughput(Throughput::Elements(1));
    let known = key(501);
    let _held = runtime.block_on(large.load(&known)).expect("it is there");
    group.bench_function("cached", |b| b.iter(|| black_box(large.cached(black_box(&known)))));
    group.bench_function("load: in memory", |b| {
        b.iter(|| runtime.block_on(large.load(black_box(&known))).expect("it is there"));
    });

    let small = open(0);
    let mut visitor = 500;
    group.bench_function("load: from the file", |b| {
        b.iter(|| {
            visitor = if visitor + 1 < from { visitor + 1 } else { 500 };
            runtime.block_on(small.load(&key(visitor))).expect("it is there")
        });
    });
}

/// The same with what says something of people sealed, and without, side by side: only their ratio counts.
fn sealed(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the databases");
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "c2VhbGVkIGFzIHRoZSBiZW5jaCBzZWFscywgMzIgYnQ=\n").expect("a file of keys");
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("sealing");
    for name in ["plain", "sealed"] {
        let sealer = (name == "sealed")
            .then(|| Arc::new(Sealer::read(&keys, true, Arc::new(OsRandom)).expect("a key of 32 bytes")));
        let path = folder.path().join(name).display().to_string();
        // Nothing stays in memory: each load reads the file.
        let settings = StoreSettings { cache_bytes: 0, sealer, ..StoreSettings::default() };
        let store = open(&path, &settings, &OsRandom).expect("the store opens");
        let mut from = 0;
        group.throughput(Throughput::Elements(1500));
        group.bench_function(format!("{name}: 500 page views with an exposure and their profiles"), |b| {
            b.iter_batched(
                || {
                    from += 500;
                    batch(&*store, from)
                },
                |writes| runtime.block_on(store.write(writes)).expect("it is written"),
                BatchSize::PerIteration,
            );
        });
        let mut visitor = 500;
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{name}: load from the file"), |b| {
            b.iter(|| {
                visitor = if visitor + 1 < from { visitor + 1 } else { 500 };
                runtime.block_on(store.load(&key(visitor))).expect("it is there")
            });
        });
    }
}

criterion_group!(benches, store, sealed);
criterion_main!(benches);
