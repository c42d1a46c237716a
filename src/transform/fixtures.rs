//! Runs `tests/fixtures/rewrite/*/`: `src.html`, `edits.toml` and `expected.html`, in random pieces and every coding.

use super::testing::{Chunks, decode, edit, encode, page, run};
use super::{Coding, Edit, OutCoding, Position};
use std::path::Path;

#[test]
fn fixtures_come_out_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rewrite");
    let mut names: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 8, "the fixtures are where they are looked for");
    for path in names {
        check(&path);
    }
}

fn check(path: &Path) {
    let name = path.file_name().unwrap().to_string_lossy();
    let source = std::fs::read(path.join("src.html")).unwrap();
    let expected = std::fs::read(path.join("expected.html")).unwrap();
    let settings: toml::Table = std::fs::read_to_string(path.join("edits.toml")).unwrap().parse().unwrap();
    let edits: Vec<Edit> = settings["edit"].as_array().unwrap().iter().map(read_edit).collect();
    let charset = settings.get("charset").and_then(toml::Value::as_str);
    let mut chunks = Chunks::new();
    for (coding, out) in [
        (Coding::Identity, OutCoding::Identity),
        (Coding::Gzip, OutCoding::Gzip),
        (Coding::Brotli, OutCoding::Zstd),
        (Coding::Zstd, OutCoding::Brotli),
    ] {
        let coded = encode(coding, &source);
        for _ in 0..8 {
            let outcome = run(&page(coding, charset), &edits, out, &chunks.split(&coded)).unwrap();
            let body = decode(out.coding(), &outcome.body);
            assert!(
                body == expected,
                "{name}, {coding:?} to {out:?}:\n{}\nexpected:\n{}",
                body.escape_ascii(),
                expected.escape_ascii()
            );
            let reason = outcome.bail_out.map(super::BailOut::as_str);
            assert_eq!(reason, settings.get("bail_out").and_then(toml::Value::as_str), "{name}");
        }
    }
}

fn read_edit(value: &toml::Value) -> Edit {
    let text = |key: &str| value.get(key).and_then(toml::Value::as_str).unwrap_or_default();
    let position = match text("position") {
        "before" => Position::Before,
        "after" => Position::After,
        "append" => Position::Append,
        "replace" => Position::Replace,
        "remove" => Position::Remove,
        _ => Position::Prepend,
    };
    edit(text("at"), position, text("html"))
}
