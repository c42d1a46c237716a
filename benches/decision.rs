//! How long deciding takes, by number of scenarios, and compiling conditions.
//!
//! Rule sets are drawn as merchants write them: three to six predicates a condition out of a pool of a few thousand,
//! with patterns among them, and a small share that holds on a given page.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::HeaderMap;
use jiff::Zoned;
use noren::facts::{Customer, Facts, Geo};
use noren::ids::{SiteId, VisitorId};
use noren::scenario::condition::{Scope, check};
use noren::scenario::decide::{DecideContext, decide};
use noren::scenario::{Caps, RuleSet, Scenario, Schedule, Variant};
use noren::store::profile::{PageViewed, Profile, SourceSeen};
use std::hint::black_box;

const SIZES: &[usize] = &[10, 200, 1_000, 10_000];

/// A small generator of numbers, so that every run draws the same rules.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let index = self.below(words.len() as u64) as usize;
        words.get(index).copied().unwrap_or_default()
    }
}

fn predicate(draw: &mut Draw) -> String {
    match draw.below(16) {
        0 => format!("visitor.visits >= {}", draw.below(40) + 2),
        1 => format!("visitor.spent > {}", draw.below(300) * 100 + 50),
        2 => format!("visitor.orders == {}", draw.below(12)),
        3 => format!("session.pages < {}", draw.below(30) + 2),
        4 => format!("page.kind in [\"{}\", \"cart\"]", draw.of(&["product", "category", "home", "search"])),
        5 => format!("page.path.startsWith(\"/category/{}/\")", draw.below(300)),
        6 => format!("page.query[\"utm_campaign\"] == \"c{}\"", draw.below(400)),
        7 => format!("source.kind == \"{}\"", draw.of(&["search", "social", "ad", "email", "direct"])),
        8 => format!("customer.rank == \"r{}\"", draw.below(20)),
        9 => format!("customer.attr[\"store\"] == \"s{}\"", draw.below(400)),
        10 => format!("geo.region == \"{:02}\"", draw.below(47) + 1),
        11 => format!("\"t{}\" in visitor.tags", draw.below(200)),
        12 => format!("(now.hour >= {} || now.hour < {})", draw.below(4) + 20, draw.below(5) + 1),
        13 => format!("!(device.kind == \"{}\")", draw.of(&["phone", "tablet", "desktop"])),
        14 => format!("customer.age >= {}", draw.below(60) + 10),
        _ if draw.below(8) == 0 => format!("page.path.matches(\"^/item/{}[0-9]*$\")", draw.below(18)),
        _ => format!("locale.startsWith(\"{}\")", draw.of(&["ja", "en", "zh", "ko"])),
    }
}

fn conditions(count: usize) -> Vec<String> {
    let mut draw = Draw(count as u64);
    (0..count)
        .map(|_| {
            // One in 40 has a single predicate, so that some scenarios hold.
            let predicates = if draw.below(40) == 0 { 1 } else { 3 + draw.below(4) };
            (0..predicates).map(|_| predicate(&mut draw)).collect::<Vec<_>>().join(" && ")
        })
        .collect()
}

/// Conditions that the checker has nothing to say about: two draws may contradict each other.
fn sound(count: usize) -> Vec<String> {
    let scope = Scope::default();
    let drawn = conditions(count * 2).into_iter();
    drawn.filter(|text| check(text, &scope).is_ok_and(|c| c.warnings().is_empty())).take(count).collect()
}

fn rules(conditions: &[String]) -> RuleSet {
    let scope = Scope::default();
    let compiled = conditions.iter().enumerate().filter_map(|(n, text)| {
        let variants = ["control", "a"].map(|name| Variant { name: name.into(), weight: 50, actions: Vec::new() });
        let scenario = Scenario {
            id: format!("scenario-{n}").into(),
            name: String::new(),
            priority: (n % 100) as i32,
            slot: Some(format!("slot-{}", n % 5).into()),
            schedule: Schedule::default(),
            caps: Caps { per_session: Some(3), ..Caps::default() },
            variants: variants.into(),
            goal: None,
        };
        check(text, &scope).ok().map(|condition| (scenario, condition))
    });
    RuleSet::build(compiled.collect())
}

fn decision(c: &mut Criterion) {
    let site = SiteId::new("shop");
    let visitor = VisitorId([7; 16]);
    let Ok(now) = "2026-11-20T22:30:00+09:00[Asia/Tokyo]".parse::<Zoned>() else { return };
    let mut headers = HeaderMap::new();
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1";
    headers.insert("user-agent", http::HeaderValue::from_static(agent));
    headers.insert("accept-language", http::HeaderValue::from_static("ja,en;q=0.8"));
    let mut profile = Profile { orders: 2, spent: 12_345.0, ..Profile::default() };
    profile.tags.extend(["t1".to_owned(), "t17".to_owned()]);
    let source = SourceSeen { kind: "search".into(), ..SourceSeen::default() };
    for _ in 0..6 {
        let at = now.timestamp();
        profile.page_viewed(&PageViewed { at, path: "/category/7/shoes", source: &source, session_timeout: 1800 });
    }
    let geo = Geo { country: Some("JP".into()), region: Some("13".into()) };
    let customer = Customer { fields: vec![("rank".into(), "r3".into()), ("age".into(), "34".into())] };
    let mut group = c.benchmark_group("decide");
    for size in SIZES {
        let rules = rules(&sound(*size));
        group.bench_with_input(BenchmarkId::from_parameter(size), &rules, |b, rules| {
            b.iter(|| {
                let facts = Facts {
                    path: black_box("/category/7/shoes"),
                    query: "utm_campaign=c7&color=red",
                    host: "shop.example",
                    headers: &headers,
                    page_kind: "category",
                    status: Some(200),
                    history: Some(&profile),
                    id_known: true,
                    is_bot: false,
                    now: &now,
                    geo: Some(&geo),
                    customer: &customer,
                    content: None,
                    catalogued: None,
                    streaming: false,
                    currency: "JPY",
                    free_shipping_from: None,
                    consent: noren::visitor::consent::Consent::FULL,
                };
                let cx = DecideContext {
                    site: &site,
                    visitor: Some(&visitor),
                    history: Some(&profile),
                    facts: &facts,
                    now: &now,
                    holdout: 500,
                };
                decide(rules, &cx, None)
            });
        });
    }
    group.finish();
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group.sample_size(10);
    let size = 10_000;
    let conditions = sound(size);
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| rules(black_box(&conditions))));
    group.finish();
}

criterion_group!(benches, decision, compile);
criterion_main!(benches);
