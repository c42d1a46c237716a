//! The presets against saved pages that have each platform's structure.

use super::*;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What stands beside a saved page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Where it was saved from.
    address: String,
    content: Content,
}

fn saved_pages() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/platforms");
    let list = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut pages = Vec::new();
    for dir in list(&root) {
        let id = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let html = list(&dir).into_iter().filter(|file| file.extension().is_some_and(|end| end == "html"));
        pages.extend(html.map(|file| (id.clone(), file)));
    }
    pages.sort();
    pages
}

fn answer(page: &Path) -> (Answer, Content) {
    let text = std::fs::read_to_string(page.with_extension("json")).unwrap();
    let Expected { address, content } =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, "text/html".parse().unwrap())]);
    (
        Answer { url: address.parse().unwrap(), status: StatusCode::OK, headers, body: std::fs::read(page).unwrap() },
        content,
    )
}

#[test]
fn saved_pages_of_every_platform_tell_what_stands_on_them() {
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (id, page) in saved_pages() {
        let (answer, expected) = answer(&page);
        let preset = preset(&id).unwrap_or_else(|| panic!("no preset {id}"));
        let told = tell(preset, &answer).unwrap().content;
        if told != expected {
            let pretty = |content: &Content| serde_json::to_string_pretty(content).unwrap();
            wrong.push(format!(
                "{id}/{}\nexpected {}\nfound {}",
                page.file_name().unwrap().display(),
                pretty(&expected),
                pretty(&told)
            ));
        }
        seen.insert(id);
    }
    assert!(wrong.is_empty(), "{} pages:\n{}", wrong.len(), wrong.join("\n\n"));
    assert_eq!(seen.len(), presets().len(), "every platform has saved pages");
}

#[test]
fn every_saved_page_is_taken_for_its_own_platform() {
    let mut wrong = Vec::new();
    for (id, page) in saved_pages() {
        let found = detect(&answer(&page).0).unwrap();
        if choice(&found).map(|preset| preset.id) != Some(id.as_str()) {
            wrong.push(format!(
                "{}: {:?}",
                page.display(),
                found.iter().map(|found| (found.preset.id, &found.signs)).collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn signs_that_do_not_suffice_name_no_platform() {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, "text/html".parse().unwrap())]);
    let body = b"<!doctype html><div id=bodyWrapper></div>".to_vec();
    let found =
        detect(&Answer { url: "https://shop.example/".parse().unwrap(), status: StatusCode::OK, headers, body })
            .unwrap();
    assert_eq!(found.first().map(|found| (found.preset.id, found.weight)), Some(("oscommerce", 2)));
    assert_eq!(choice(&found).map(|preset| preset.id), Some("generic"));
}
