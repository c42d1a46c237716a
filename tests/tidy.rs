//! Checks what the compiler cannot see: who imports whom, what stands behind which seam, and how long files are.

#![expect(
    clippy::unwrap_used,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a test of this repository's own files"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom, in the order in which data flows. A module that is not named as a key may not exist.
const ALLOWED: &[(&str, &str)] = &[
    ("main", "cli"),
    (
        "cli",
        "app action certs clock commerce config demo exports facts geo ids imports reload rules scenario site store telemetry visitor web webhooks world",
    ),
    (
        "app",
        "admission catalogue certs clock config demo exchange geo ids ops proxy recorder reload rules site store telemetry transform visitor webhooks world",
    ),
    // The hot path, downwards.
    ("proxy", "clock exchange ids plan site world"),
    (
        "exchange",
        "action admission catalogue client clock commerce config event facts fuzzing geo ids imports plan recorder scenario site store taps telemetry transform visitor world",
    ),
    ("admission", "config ids site world"),
    ("world", "ids site"),
    ("site", "action client facts ids scenario store transform visitor"),
    ("scenario", "action config event facts fuzzing ids store visitor"),
    ("action", "config facts fuzzing transform"),
    ("visitor", "clock fuzzing ids"),
    ("facts", "commerce ids store visitor"),
    ("geo", "facts"),
    ("plan", "event transform"),
    ("catalogue", "commerce ids store"),
    ("taps", "commerce event site transform"),
    ("transform", "commerce fuzzing"),
    ("exports", "event ids store"),
    ("webhooks", "clock event exports ids site store telemetry web world"),
    ("web", ""),
    ("imports", "clock commerce event facts ids store visitor"),
    ("recorder", "clock event ids store telemetry"),
    ("store", "clock commerce event ids"),
    ("event", "commerce ids"),
    ("commerce", ""),
    ("client", "action"),
    // The control plane.
    ("reload", "certs clock config ids rules site telemetry world"),
    ("rules", "action client commerce config event facts fuzzing ids scenario site store transform visitor world"),
    ("certs", "clock config"),
    ("config", ""),
    ("ops", "telemetry"),
    ("telemetry", ""),
    ("clock", ""),
    ("ids", ""),
    // For tests alone.
    ("fuzzing", ""),
    // The built-in shop is an ordinary origin: it knows nothing of the gateway.
    ("demo", "clock ids"),
];

/// What may be named where.
const SEAMS: &[(&str, &[&str])] = &[
    ("pingora", &["src/proxy/"]),
    ("lol_html", &["src/transform/"]),
    ("axum", &["src/ops.rs", "src/demo/"]),
    ("rusqlite", &["src/store/"]),
    ("redis", &["src/store/"]),
    ("tokio_postgres", &["src/store/"]),
    ("deadpool_postgres", &["src/store/"]),
    ("maxminddb", &["src/geo.rs"]),
    ("minijinja", &["src/action/", "src/demo/"]),
    ("anyhow", &["src/main.rs", "src/cli/", "src/app.rs", "src/app/"]),
    ("notify", &["src/reload.rs", "src/reload/"]),
    ("prometheus", &["src/telemetry.rs"]),
];

/// What may stand at the top of the repository besides dotfiles.
const TOP: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "LICENSE",
    "README.ja.md",
    "README.md",
    "benches",
    "certs",
    "deny.toml",
    "rules",
    "src",
    "tests",
];

const LONGEST_FILE: usize = 500;

#[test]
fn modules_import_only_what_the_table_allows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(module, list)| (*module, list.split_whitespace().collect())).collect();
    let mut wrong = Vec::new();
    for (module, imports) in imports() {
        let Some(may) = allowed.get(module.as_str()) else {
            wrong.push(format!("{module}: not in the table"));
            continue;
        };
        for (import, at) in imports {
            if import != module && !may.contains(import.as_str()) {
                wrong.push(format!("{at}: `{module}` imports `{import}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the flow of data:\n{}", wrong.join("\n"));
}

#[test]
fn modules_form_no_cycle() {
    let graph: BTreeMap<String, BTreeSet<String>> = imports()
        .into_iter()
        .map(|(module, list)| {
            let others = list.into_iter().map(|(import, _)| import).filter(|import| *import != module).collect();
            (module, others)
        })
        .collect();
    let mut done = BTreeSet::new();
    for module in graph.keys() {
        visit(module, &graph, &mut Vec::new(), &mut done);
    }
}

fn visit(
    module: &str,
    graph: &BTreeMap<String, BTreeSet<String>>,
    path: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) {
    assert!(!path.iter().any(|seen| seen == module), "a cycle: {} → {module}", path.join(" → "));
    if !done.insert(module.to_owned()) {
        return;
    }
    path.push(module.to_owned());
    for next in graph.get(module).into_iter().flatten() {
        // A finished module cannot lead back here, an unfinished one on the path is a cycle.
        if path.contains(next) || !done.contains(next) {
            visit(next, graph, path, done);
        }
    }
    path.pop();
}

#[test]
fn the_hot_path_never_reaches_the_rule_files() {
    for (module, imports) in imports() {
        if ["proxy", "exchange", "world", "site", "scenario", "transform", "visitor", "facts"]
            .contains(&module.as_str())
        {
            assert!(imports.iter().all(|(import, _)| import != "rules"), "`{module}` imports `rules`");
        }
    }
}

#[test]
fn each_seam_stands_in_one_place() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = code_of(&file);
        let name = file.to_string_lossy().into_owned();
        for (krate, places) in SEAMS {
            if places.iter().any(|place| name.starts_with(place)) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                if names_crate(line, krate) {
                    wrong.push(format!("{name}:{}: names `{krate}`", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "outside their seam:\n{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{}: {lines} lines, more than {LONGEST_FILE}", file.display()));
        }
        let is_tests =
            file.file_name().is_some_and(|name| name == "tests.rs") || file.to_string_lossy().contains("/tests/");
        if !is_tests && !text.starts_with("//!") {
            wrong.push(format!("{}: does not open with `//!`", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_top_level_is_tidy() {
    let output = std::process::Command::new("git").args(["ls-files", "-z"]).output();
    let Ok(output) = output else { return };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let tops: BTreeSet<&str> =
        listed.split('\0').filter_map(|line| line.split('/').next()).filter(|top| !top.is_empty()).collect();
    let strange: Vec<&&str> = tops.iter().filter(|top| !top.starts_with('.') && !TOP.contains(top)).collect();
    assert!(strange.is_empty(), "not at the top level: {strange:?}");
    let keys: Vec<&str> =
        listed.split('\0').filter(|line| line.ends_with(".key") || line.starts_with("data/")).collect();
    assert!(keys.is_empty(), "never committed: {keys:?}");
}

#[test]
fn every_hazard_names_tests_that_exist() {
    let table = fs::read_to_string("tests/HAZARDS.md").unwrap();
    let mut functions = BTreeSet::new();
    for file in rust_files("src").into_iter().chain(rust_files("tests")) {
        let text = fs::read_to_string(file).unwrap();
        functions.extend(text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned)));
    }
    let mut rows = BTreeSet::new();
    for line in table.lines() {
        let Some((row, rest)) = line.strip_prefix("| ").and_then(|line| line.split_once(" | ")) else { continue };
        let Ok(row) = row.parse::<u32>() else { continue };
        rows.insert(row);
        for test in rest.split('`').skip(1).step_by(2).filter(|name| name.contains("::")) {
            let name = test.rsplit("::").next().unwrap();
            assert!(functions.contains(name), "row {row}: no test `{test}`");
        }
    }
    assert!((1..=49).all(|row| rows.contains(&row)), "a hazard has no row: {rows:?}");
}

/// module → imported modules, each with the place of the first import.
fn imports() -> BTreeMap<String, Vec<(String, String)>> {
    let mut all: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for file in sources() {
        let name = file.to_string_lossy().into_owned();
        let module = module_of(&file);
        if module == "lib" || module == "build" {
            continue;
        }
        let entry = all.entry(module.clone()).or_default();
        let root = if module == "main" { "noren::" } else { "crate::" };
        for (number, line) in code_of(&file).lines().enumerate() {
            for (at, _) in line.match_indices(root) {
                let rest = &line[at + root.len()..];
                for import in first_segments(rest) {
                    if import.starts_with(char::is_lowercase) && !entry.iter().any(|(known, _)| *known == import) {
                        entry.push((import, format!("{name}:{}", number + 1)));
                    }
                }
            }
        }
    }
    all
}

/// `{a::b, c}` → a, c; `a::b` → a.
fn first_segments(rest: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if let Some(list) = rest.strip_prefix('{') {
        let mut depth = 0;
        let mut names = vec![word(list.trim_start())];
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => names.push(word(list[at + 1..].trim_start())),
                _ => {}
            }
        }
        names.into_iter().filter(|name| !name.is_empty()).collect()
    } else {
        vec![word(rest)]
    }
}

fn names_crate(line: &str, krate: &str) -> bool {
    line.match_indices(krate).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + krate.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"' || c == ':') && after.starts_with("::")
    })
}

fn module_of(file: &Path) -> String {
    let below = file.strip_prefix("src").unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// A file's code: without comments, and without its unit tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let is_test = file.components().any(|part| part.as_os_str() == "tests");
    if is_test || file.file_name().is_some_and(|name| name == "tests.rs" || name == "contract.rs") {
        return String::new();
    }
    let cut = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..cut].lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<PathBuf> {
    rust_files("src")
}

fn rust_files(root: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
