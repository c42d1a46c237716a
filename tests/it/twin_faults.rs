//! Whatever becomes of Redis, of PostgreSQL, or of both at once, pages go on, whole; and what is the matter is over when its cause is:
//! the next visitors get codes, those before have theirs, caps hold, and no page view is kept twice.

use crate::ledger_faults::signal;
use crate::own_faults::await_flush;
use crate::support::faults::report;
use crate::support::redis::Server;
use crate::support::{Ending, Gateway, Visitor, eventually};
use crate::twins::{CAPPED, Got, POOLS, Twins};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Pages that are looked at while something is the matter.
const PAGES: usize = 40;
/// Pages wait no longer than this, but for as long as a busy machine may take.
const BRISK: &str = "[limits]\nprofile_deadline = '200ms'\nclaim_deadline = '300ms'\n[breaker]\nslow_page = '60s'\n";

/// Both gateways, and a visitor who has seen all that there is to see.
struct Scene {
    twins: Twins,
    visitor: Visitor,
    got: Got,
    /// Names the pages.
    turns: AtomicUsize,
    table: String,
}

impl Scene {
    fn begin() -> Self {
        let twins = Twins::start(500, BRISK);
        let table = "| fault | what clients saw | longest page | counted as | page views kept | kept twice | caps overshot | codes lost |\n\
                     |---|---|--:|---|--:|--:|--:|--:|\n"
            .to_owned();
        let (visitor, got) = (Visitor::default(), Got::default());
        let mut scene = Self { twins, visitor, got, turns: AtomicUsize::new(0), table };
        (scene.visitor, scene.got) = scene.await_health();
        scene
    }

    fn visit(&self, gateway: &Gateway, visitor: &mut Visitor, got: &mut Got) -> String {
        let path = format!("/{}", self.turns.fetch_add(1, Ordering::SeqCst));
        let page = visitor.visit(gateway.address(), &path);
        assert_eq!((page.status, page.ending, page.count("hello/a")), (200, Ending::Complete, 1), "{}", page.text());
        got.take(&page);
        path
    }

    /// Waits until somebody new gets, on both gateways, all that there is to get; then their caps have held.
    fn await_health(&self) -> (Visitor, Got) {
        eventually("a new visitor gets codes, and all that caps allow", || {
            let (mut visitor, mut got) = (Visitor::default(), Got::default());
            for page in 0..8 {
                let gateway = &self.twins.gateways[page % 2];
                self.visit(gateway, &mut visitor, &mut got);
                await_flush(gateway);
            }
            let has_all = POOLS.iter().all(|(_, begins)| got.code(begins).is_some());
            let has_seen_all = CAPPED.iter().all(|(name, _, most)| got.shown[name] >= *most);
            assert_eq!(got.overshot(), 0, "{got:?}");
            (has_all && has_seen_all).then_some((visitor, got))
        })
    }

    /// What was counted as failed so far, by gateway: where that has grown, the pair is another.
    fn failures(&self) -> BTreeSet<(String, String)> {
        let text: Vec<String> = self.twins.gateways.iter().map(Gateway::metrics).collect();
        let lines = text.iter().flat_map(|text| text.lines()).filter_map(|line| line.rsplit_once(' '));
        let kinds = lines.filter_map(|(series, count)| {
            let kind = if series.starts_with("noren_failures_total{") {
                series.split_once("kind=\"")?.1.split('"').next()?
            } else if series.starts_with("noren_recorder_writes") && series.contains("refused") && count != "0" {
                "writes refused"
            } else {
                return None;
            };
            Some((kind.to_owned(), count.to_owned()))
        });
        kinds.collect()
    }

    /// A fault: pages of somebody known and of somebody new meanwhile, on both gateways; afterwards all is as it should be.
    fn suffers<T>(&mut self, fault: &str, begin: impl FnOnce(&mut Twins) -> T, end: impl FnOnce(&mut Twins, T)) {
        self.twins.await_flush();
        let before = self.failures();
        let state = begin(&mut self.twins);
        let mut viewed = Vec::new();
        let (mut visitor, mut got) = (self.visitor.clone(), self.got.clone());
        let (mut stranger, mut theirs) = (Visitor::default(), Got::default());
        let mut longest = Duration::ZERO;
        for gateway in &self.twins.gateways {
            for _ in 0..PAGES / 4 {
                for (who, got) in [(&mut visitor, &mut got), (&mut stranger, &mut theirs)] {
                    let start = Instant::now();
                    viewed.push(self.visit(gateway, who, got));
                    longest = longest.max(start.elapsed());
                }
            }
        }
        let now = self.failures();
        let counted: BTreeSet<String> = now.difference(&before).map(|(kind, _)| format!("`{kind}`")).collect();
        let counted: Vec<String> = counted.into_iter().collect();
        end(&mut self.twins, state);
        self.await_health();
        // Who had codes has the same again, and who had seen all that caps allow sees no more of it.
        let has_again = || {
            let mut again = Got::default();
            for gateway in &self.twins.gateways {
                self.visit(gateway, &mut visitor.clone(), &mut again);
            }
            again.codes == self.got.codes
        };
        eventually("the visitor's codes are shown again", || has_again().then_some(()));
        for gateway in &self.twins.gateways {
            self.visit(gateway, &mut visitor, &mut got);
        }
        assert_eq!((got.overshot(), theirs.overshot()), (0, 0), "{fault}: {got:?} {theirs:?}");
        assert_eq!(got.codes, self.got.codes, "{fault}");
        self.twins.await_flush();
        let kept = self.twins.kept_views();
        assert!(kept.values().all(|times| *times == 1), "{fault}: page views are kept once");
        let missed = viewed.iter().filter(|path| !kept.contains_key(*path)).count();
        let (all, kept, longest) = (viewed.len(), viewed.len() - missed, longest.as_millis());
        let _ = writeln!(
            self.table,
            "| {fault} | {all} pages, whole | {longest} ms | {} | {kept} | 0 | 0 | 0 |",
            counted.join(", ")
        );
    }
}

fn replica(redis: &Server, of: &[&str]) {
    redis.ask(&[&["REPLICAOF"], of].concat());
}

#[test]
fn whatever_happens_to_redis_and_postgres_pages_go_on_and_nothing_is_doubled() {
    let mut scene = Scene::begin();
    scene.suffers(
        "PostgreSQL down, Redis well",
        |twins| twins.postgres.stop(),
        |twins, ()| twins.postgres.start_again(),
    );
    scene.suffers(
        "PostgreSQL hangs (SIGSTOP), Redis well",
        |twins| signal(&twins.postgres, "STOP"),
        |twins, ()| signal(&twins.postgres, "CONT"),
    );
    scene.suffers(
        "Redis hangs (SIGSTOP), PostgreSQL well",
        |twins| twins.redis.hang(),
        |twins, ()| twins.redis.go_on(),
    );
    scene.suffers(
        "Redis is a replica, PostgreSQL well",
        |twins| replica(&twins.redis, &["127.0.0.1", "1"]),
        |twins, ()| replica(&twins.redis, &["NO", "ONE"]),
    );
    scene.suffers(
        "Redis and PostgreSQL hang (SIGSTOP)",
        |twins| {
            twins.redis.hang();
            signal(&twins.postgres, "STOP");
        },
        |twins, ()| {
            twins.redis.go_on();
            signal(&twins.postgres, "CONT");
        },
    );
    // What Redis had is gone with it: gateways write anew what they know.
    scene.suffers("Redis down, PostgreSQL well", |twins| twins.redis.kill(), |twins, ()| twins.redis.restart());
    scene.suffers(
        "Redis and PostgreSQL down",
        |twins| {
            twins.redis.kill();
            twins.postgres.stop();
        },
        |twins, ()| {
            twins.postgres.start_again();
            twins.redis.restart();
        },
    );
    report("twin-faults", &scene.table);
}
