//! Fuzz target: any rule files through the whole loader.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

use super::files::{File, SiteFiles};
use super::{HostTable, LoadOptions, compile, names};
use crate::action::Lowering;
use crate::config::diagnostic::Problems;
use crate::config::gateway::{self, Gateway};
use crate::config::render::{Style, human, records};
use crate::config::source::{self, Sources};
use crate::facts::FactSource;
use crate::facts::attributes::AttributeId;
use crate::facts::value::{Type, Value};
use crate::ids::{SiteId, VisitorId};
use crate::scenario::decide::{DecideContext, decide};
use crate::scenario::trace::{Outcome, Trace};
use crate::site::Site;
use crate::transform::{Coding, Edit, Limits, OutCoding, Page, Transform};
use bytes::BytesMut;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = "<!doctype html><html><head><title>t</title></head><body><main id=top class=x><h1>a</h1><p>b</p></main></body></html>";

/// Each file begins with a line `=== PATH`, the path being relative to the site's folder; `gateway.toml` is the process's own.
/// What comes before the first such line is a scenario.
pub fn files(data: &[u8]) {
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    let mut gateway = None;
    let mut site = None;
    let mut read = SiteFiles {
        id: SiteId::new("shop"),
        site: File { stem: "site".into(), path: "sites/shop/site.toml".into(), text: None },
        segments: None,
        scenarios: Vec::new(),
        templates: Vec::new(),
        problems: Problems::default(),
        sources: Sources::default(),
    };
    for (name, bytes) in split(data) {
        if name == gateway::FILE {
            let path = Path::new(gateway::FILE);
            let text = source::take(path, bytes.to_vec(), &mut sources, &mut problems);
            gateway = text.and_then(|text| Gateway::parse(&text, path, &mut problems));
            continue;
        }
        let path = Path::new("sites/shop").join(name);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let text = source::take(&path, bytes.to_vec(), &mut read.sources, &mut read.problems);
        let file = File { stem, path, text };
        match name.split_once('/') {
            None if name == "segments.toml" => read.segments = Some(file),
            None => site = Some(file),
            Some(("templates", _)) if names::is_name(&file.stem) => read.templates.push(file),
            Some(_) if names::is_name(&file.stem) => read.scenarios.push(file),
            Some(_) => {}
        }
    }
    read.scenarios.sort_by(|a, b| a.path.cmp(&b.path));
    read.templates.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(file) = site {
        read.site = file;
    } else {
        let least = "hosts = [\"shop.example\"]\norigin = \"http://127.0.0.1:8101\"\n";
        let path = PathBuf::from("sites/shop/site.toml");
        let text = source::take(&path, least.into(), &mut read.sources, &mut read.problems);
        read.site = File { stem: "site".into(), path, text };
    }
    let _ = read.fingerprint();

    let options = LoadOptions { prefix: "q7x".into(), now: "2026-11-22T12:00:00Z".parse().expect("a moment") };
    let mut compiled = compile(read, &gateway.unwrap_or_default(), &options);
    let site = HostTable::default().admit(&mut compiled);
    assert_eq!(site.is_none(), compiled.problems.has_errors(), "refused for no reason, or taken with errors");
    problems.append(compiled.problems);
    sources.append(compiled.sources);
    shown(&problems, &sources);
    if let Some(site) = site {
        served(&site);
    }
}

fn split(data: &[u8]) -> Vec<(&str, &[u8])> {
    let mut found = Vec::new();
    let mut name = "scenarios/first.toml";
    let (mut from, mut at) = (0, 0);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(next) = line.strip_prefix(b"=== ").and_then(|rest| std::str::from_utf8(rest).ok()) {
            found.push((name, data.get(from..at).unwrap_or_default()));
            // A path that is equal to another must not be another file.
            name = next.trim_ascii().trim_end_matches('/');
            from = at + line.len();
        }
        at += line.len();
    }
    found.push((name, data.get(from..).unwrap_or_default()));
    let mut names = BTreeSet::new();
    found.retain(|(name, bytes)| !bytes.is_empty() && names.insert(Path::new(*name)));
    found
}

/// Every problem has its place, one line, and a remedy, and is drawn without harm to a terminal.
fn shown(problems: &Problems, sources: &Sources) {
    for problem in &problems.0 {
        assert!(problem.help.as_ref().is_some_and(|help| !help.is_empty()), "no remedy: {problem:?}");
        assert!(!problem.message.contains('\n') && !problem.message.is_empty(), "not one line: {problem:?}");
        let source = sources.get(&problem.file);
        assert!(source.is_none_or(|source| source.get(problem.span.clone()).is_some()), "no such place: {problem:?}");
    }
    let drawn = human(problems, sources, Style { root: Path::new(""), colour: false });
    let harmful = drawn.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(harmful, None, "{drawn:?}");
    assert_eq!(records(problems, sources, Path::new("rules")).len(), problems.0.len());
}

/// What was taken can be served: conditions answer, actions lower, and their edits go into a page.
fn served(site: &Site) {
    assert!(!format!("{site:?}").is_empty());
    let _ = (site.page_kind("/", "a=b"), site.page_kind("/a/b.html", ""), site.rules.may_insert());
    let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(site.time_zone.clone());
    for facts in [Known(true), Known(false)] {
        let visitor = VisitorId([1; 16]);
        let cx = DecideContext {
            site: &site.id,
            visitor: Some(&visitor),
            history: None,
            facts: &facts,
            now: &now,
            holdout: site.holdout,
        };
        let mut trace = Trace::default();
        let decision = decide(&site.rules, &cx, Some(&mut trace));
        assert_eq!(decision, decide(&site.rules, &cx, None), "to be explained changes the decision");
        for failed in trace.scenarios.iter().flat_map(|scenario| match &scenario.outcome {
            Outcome::ConditionFailed { parts } => parts.as_slice(),
            _ => &[],
        }) {
            assert!(!failed.text.is_empty(), "a part without a place is blamed");
        }
        for scenario in &site.rules.scenarios {
            for variant in &scenario.variants {
                let cx = Lowering {
                    facts: &facts,
                    locale: "en",
                    prefix: &site.prefix,
                    scenario: &scenario.id,
                    variant: &variant.name,
                    codes: &[],
                };
                for lowered in variant.actions.iter().filter_map(|action| action.lower(&cx).ok()) {
                    carried_out(lowered.edits);
                }
            }
        }
    }
}

fn carried_out(edits: Vec<Edit>) {
    assert!(edits.iter().all(|edit| edit.html.is_ascii()), "not ASCII");
    let page = Page { coding: Coding::Identity, charset: Some(encoding_rs::UTF_8), has_body: true };
    let mut transform = Transform::new(&page, edits, Limits::default(), OutCoding::Identity).expect("identity");
    let mut out = BytesMut::new();
    transform.push(PAGE.as_bytes(), &mut out).expect("identity does not fail");
    transform.finish(&mut out).expect("identity does not fail");
}

/// All facts, or none.
struct Known(bool);

impl FactSource for Known {
    fn fact(&self, attribute: AttributeId, _: Option<&str>) -> Option<Value<'_>> {
        let attribute = attribute.get().filter(|_| self.0)?;
        Some(match attribute.ty {
            Type::Bool => Value::Bool(true),
            Type::Int => Value::Int(i64::MAX),
            Type::Double => Value::Double(f64::MAX),
            Type::String => Value::String("</script>\"'>日本\u{0}".into()),
            Type::Strings => Value::Strings(vec!["a".into(), "<b>".into()]),
        })
    }
}

#[cfg(test)]
#[test]
fn no_rule_file_makes_the_loader_panic_or_lose_a_place() {
    crate::fuzzing::replay("rules", 500, files);
}
