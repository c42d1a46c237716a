//! How long it takes to read and compile a site's files: the demo's own, and one with 200 scenarios.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to say")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use noren::rules::{LoadOptions, load_rules};
use std::fs;
use std::hint::black_box;
use std::path::Path;

fn options() -> LoadOptions {
    LoadOptions { prefix: "gw".into(), now: Timestamp::UNIX_EPOCH }
}

/// Writes a site whose conditions differ, as those of a busy shop do.
fn generate(folder: &Path, scenarios: usize) {
    let scenario_folder = folder.join("sites/shop/scenarios");
    fs::create_dir_all(&scenario_folder).expect("a temporary folder can be written");
    fs::write(folder.join("sites/shop/site.toml"), "hosts = [\"shop.example\"]\norigin = \"http://127.0.0.1:1\"\n")
        .expect("a temporary folder can be written");
    for number in 0..scenarios {
        let text = format!(
            "name = \"Scenario {number}\"\nwhen = '''visitor.visits >= {} && page.kind in [\"product\", \"cart\"] && (now.hour >= {} || \
             source.kind == \"search\")'''\npriority = {number}\nslot = \"s{}\"\n[caps]\nper_session = 1\n[[variant]]\nname = \"control\"\n\
             [[variant]]\nname = \"shown\"\n[variant.banner]\ntext = {{ ja = \"{{{{ customer.name }}}}さま\", en = \"Hello {number}\" }}\n",
            number % 9 + 1,
            number % 24,
            number % 7,
        );
        fs::write(scenario_folder.join(format!("s{number}.toml")), text).expect("a temporary folder can be written");
    }
}

fn site_load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("site_load");
    let demo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"));
    group.throughput(Throughput::Elements(16));
    group.bench_function("demo, 16 scenarios", |bencher| bencher.iter(|| black_box(load_rules(demo, &options()))));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    generate(folder.path(), 200);
    let loaded = load_rules(folder.path(), &options());
    assert_eq!(loaded.good_sites().count(), 1, "{:?}", loaded.problems.0.first());
    group.throughput(Throughput::Elements(200));
    group.bench_function("200 scenarios", |bencher| bencher.iter(|| black_box(load_rules(folder.path(), &options()))));
    group.finish();
}

criterion_group!(benches, site_load);
criterion_main!(benches);
