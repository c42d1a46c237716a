use super::*;
use crate::config::render::{Style, human};
use std::fs;
use std::path::PathBuf;

fn options() -> LoadOptions {
    LoadOptions { prefix: "q7x".into(), now: "2026-11-22T12:00:00Z".parse().unwrap() }
}

/// Loads a rules folder made of the given files.
fn load(files: &[(&str, &str)]) -> LoadedRules {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load_rules(dir.path(), &options())
}

fn drawn(loaded: &LoadedRules) -> String {
    human(&loaded.problems, &loaded.sources, Style { root: Path::new(""), colour: false })
}

fn codes(loaded: &LoadedRules) -> Vec<&'static str> {
    loaded.problems.0.iter().map(|problem| problem.code).collect()
}

/// Loads one site that must be sound.
fn sound(site: &str, more: &[(&str, &str)]) -> Arc<Site> {
    let mut files = vec![("sites/shop/site.toml", site)];
    files.extend_from_slice(more);
    let loaded = load(&files);
    assert!(loaded.problems.0.is_empty(), "{}", drawn(&loaded));
    loaded.good_sites().next().unwrap()
}

const LEAST_SITE: &str = "hosts = [\"shop.example\"]\norigin = \"http://127.0.0.1:8101\"\n";
const LEAST_SCENARIO: &str = r#"
name = "Hello"
when = true
[[variant]]
  [variant.html]
  html  = "<div>hello</div>"
  place = { at = "body", position = "prepend" }
"#;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad-rules");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

#[test]
fn each_kind_of_bad_rule_file_is_shown_with_its_place_and_a_remedy() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 40);
    for folder in fixtures {
        let loaded = load_rules(&folder, &options());
        let text = drawn(&loaded);
        assert!(!loaded.problems.0.is_empty(), "nothing was found in {}", folder.display());
        for problem in &loaded.problems.0 {
            assert!(problem.help.as_ref().is_some_and(|help| !help.is_empty()), "no remedy in\n{text}");
            assert!(!problem.message.contains('\n') && !problem.message.ends_with('.'), "{text}");
            let source = loaded.sources.get(&problem.file);
            assert!(source.is_none_or(|source| source.get(problem.span.clone()).is_some()), "no such place in\n{text}");
        }
        let settings = { let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(&folder);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings };
        settings.bind(|| insta::assert_snapshot!("problems", text));
    }
}
