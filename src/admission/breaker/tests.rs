use super::*;
use crate::clock::{Clock, SystemClock};
use proptest::prelude::*;

fn settings() -> Settings {
    Settings { failures: 5000, pages: 4, window: at(10), pause: at(30), probes: 2, ..Settings::default() }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

struct Bench {
    began: Instant,
    site: Arc<SiteLoad>,
    version: usize,
}

impl Bench {
    fn new() -> Self {
        Self { began: SystemClock.monotonic(), site: Arc::default(), version: 1 }
    }

    fn ask(&self, seconds: u64) -> Option<Trial> {
        self.site.try_page(self.began + at(seconds), self.version).0
    }

    /// A page that is let through, and ends at once.
    fn page(&self, seconds: u64, fails: bool) -> Option<Change> {
        let mut trial = self.ask(seconds).expect("the page is let through");
        if fails {
            trial.fail("test");
        }
        trial.settle(self.began + at(seconds), &settings())
    }

    /// Four failures at zero seconds: off until 30 seconds.
    fn opened() -> Self {
        let bench = Self::new();
        let changes: Vec<_> = (0..4).map(|_| bench.page(0, true)).collect();
        let opened = Change::Opened { pages: 4, failed: 4, pause: at(30) };
        assert_eq!(changes, [None, None, None, Some(opened)]);
        bench
    }
}

#[test]
fn failures_below_the_share_or_of_too_few_pages_change_nothing() {
    let bench = Bench::new();
    let outcomes = [true, true, true, false, false, false, false, false, true, false, true];
    // After three failures alone there are too few pages; after the fourth page half of them must fail, and later fewer do.
    for (page, fails) in outcomes.into_iter().enumerate() {
        let change = bench.page(0, fails);
        assert_eq!(change, None, "page {page}");
    }
    assert!(bench.ask(0).is_some());
}

#[test]
fn a_share_of_failures_that_is_reached_opens() {
    let bench = Bench::new();
    assert_eq!([true, false, false].map(|fails| bench.page(0, fails)), [None; 3]);
    assert_eq!(bench.page(0, true), Some(Change::Opened { pages: 4, failed: 2, pause: at(30) }));
    assert!(bench.ask(29).is_none());
}

#[test]
fn failures_that_lie_back_are_forgotten() {
    let bench = Bench::new();
    assert_eq!([0, 1, 2].map(|second| bench.page(second, true)), [None; 3]);
    // The first two have left the window of ten seconds; parts of it leave as a whole.
    assert_eq!((bench.page(11, false), bench.page(12, true)), (None, None));
    assert_eq!((bench.page(100, true), bench.page(100, true), bench.page(100, true)), (None, None, None));
    assert!(matches!(bench.page(100, true), Some(Change::Opened { pages: 4, failed: 4, .. })));
}

#[test]
fn few_probes_are_let_through_and_close_it_when_all_succeed() {
    let bench = Bench::opened();
    let (first, second) = (bench.ask(30).unwrap(), bench.ask(30).unwrap());
    assert!(bench.ask(30).is_none(), "two are enough");
    let now = bench.began + at(31);
    assert_eq!(first.settle(now, &settings()), None);
    assert!(bench.ask(31).is_none(), "one succeeded, one is under way");
    assert_eq!(second.settle(now, &settings()), Some(Change::Closed));
    // It begins anew: what failed before counts no more.
    assert_eq!([true, true, true].map(|fails| bench.page(31, fails)), [None; 3]);
}

#[test]
fn a_probe_that_fails_opens_again_for_longer_each_time() {
    let bench = Bench::opened();
    let mut now = 30;
    for pause in [60, 120, 240, 480, 480] {
        assert!(bench.ask(now - 1).is_none());
        assert_eq!(bench.page(now, true), Some(Change::StillOpen { pause: at(pause) }));
        now += pause;
    }
    assert_eq!((bench.page(now, false), bench.page(now, false)), (None, Some(Change::Closed)));
}

#[test]
fn a_probe_that_tells_nothing_makes_room_for_another() {
    let bench = Bench::opened();
    drop((bench.ask(30), bench.ask(30)));
    assert_eq!((bench.page(30, false), bench.page(30, false)), (None, Some(Change::Closed)));
}

#[test]
fn late_outcomes_count_for_nothing() {
    let bench = Bench::new();
    let mut early = bench.ask(0).unwrap();
    early.fail("test");
    assert!((0..4).filter_map(|_| bench.page(0, true)).count() == 1);
    let (mut slow, stale) = (bench.ask(30).unwrap(), bench.ask(30).unwrap());
    // Of before it opened: no probe.
    assert_eq!(early.settle(bench.began + at(30), &settings()), None);
    slow.fail("test");
    assert!(slow.settle(bench.began + at(30), &settings()).is_some());
    // Of a round that is over.
    let (first, _second) = (bench.ask(90).unwrap(), bench.ask(90).unwrap());
    assert_eq!(stale.settle(bench.began + at(90), &settings()), None);
    assert_eq!(first.settle(bench.began + at(90), &settings()), None, "one of two");
}

#[test]
fn new_rules_are_tried_at_once() {
    let mut bench = Bench::opened();
    assert!(bench.ask(1).is_none());
    bench.version = 2;
    let (trial, change) = bench.site.try_page(bench.began + at(1), bench.version);
    assert!(trial.is_some());
    assert_eq!(change, Some(Change::Closed));
}

proptest! {
    /// Whatever happens: it never lets through more probes than it should, and once all is well it closes.
    #[test]
    fn it_always_recovers(steps in prop::collection::vec((0_u64..40, 0_u8..4), 1..200)) {
        let bench = Bench::new();
        let (mut now, mut held) = (0, Vec::new());
        for (wait, what) in steps {
            now += wait;
            match what {
                0 => held.extend(bench.ask(now)),
                1 => drop(held.pop()),
                fails => {
                    if let Some(mut trial) = held.pop().or_else(|| bench.ask(now)) {
                        if fails == 2 {
                            trial.fail("test");
                        }
                        trial.settle(bench.began + at(now), &settings());
                    }
                }
            }
            if let State::Probing { under_way, succeeded } = bench.site.breaker.core.lock().state {
                prop_assert!(under_way + succeeded <= settings().probes);
            }
        }
        held.clear();
        now += 30 << DOUBLINGS;
        for _ in 0..settings().probes {
            bench.page(now, false);
        }
        prop_assert!(!bench.site.breaker.tripped.load(Ordering::Acquire));
    }
}
