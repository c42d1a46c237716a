use super::*;
use std::io::Write as _;

fn brotli(bytes: &[u8]) -> usize {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 11, 22).write_all(bytes).unwrap();
    out.len()
}

fn source() -> String {
    ["base", "beacon", "trigger", "dialog", "coupon", "chat", "keep", "start"]
        .map(|name| std::fs::read_to_string(format!("{}/src/client/{name}.js", env!("CARGO_MANIFEST_DIR"))).unwrap())
        .concat()
}

#[test]
fn runtime_and_styles_keep_to_their_budget() {
    let (script, style) = (runtime("gw"), stylesheet("gw", []));
    assert!(brotli(&script.bytes) <= 6 * 1024, "runtime: {}", brotli(&script.bytes));
    assert!(brotli(&style.bytes) <= 6 * 1024, "style: {}", brotli(&style.bytes));
}

#[test]
fn runtime_does_nothing_that_a_content_security_policy_or_trusted_types_forbids() {
    let source = source();
    for word in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "Function(",
        "document.write",
        ".style",
        "setAttribute('style",
    ] {
        assert!(!source.contains(word), "{word}");
    }
}

#[test]
fn the_sources_are_as_the_build_script_wants_them() {
    for line in source().lines() {
        assert!(!line.contains("/*") && line.matches('`').count() % 2 == 0, "{line}");
        assert!(!line.trim().contains(" // "), "a comment stands on a line of its own: {line}");
    }
}

#[test]
fn everything_is_named_after_the_prefix_and_by_its_content() {
    let (one, two) = (runtime("gw"), runtime("q7x"));
    for asset in [&one, &two, &stylesheet("q7x", [])] {
        assert!(asset.bytes.is_ascii());
        assert!(!asset.bytes.windows(5).any(|w| w.eq_ignore_ascii_case(b"noren")), "{}", asset.name);
    }
    assert_ne!(one.name, two.name);
    assert_eq!(one.name, runtime("gw").name);
}

#[test]
fn every_accent_gets_its_colours() {
    let css = stylesheet("gw", [Accent::parse("#fc0").unwrap()]);
    let css = std::str::from_utf8(&css.bytes).unwrap();
    assert!(css.contains(".gw-ffcc00{--gw-a:#ffcc00;--gw-on:#171717;"), "{}", &css[css.len() - 300..]);
}

#[test]
fn every_declaration_is_important() {
    let css = include_str!(concat!(env!("OUT_DIR"), "/style.css"));
    assert_eq!(css.matches('{').count(), css.matches('}').count());
    let declarations = css.split(['{', '}', ';']).filter(|part| part.ends_with("!important")).count();
    assert!(declarations > 200, "{declarations}");
    assert!(!css.contains("animation"), "an animation would lose against what is important");
}
