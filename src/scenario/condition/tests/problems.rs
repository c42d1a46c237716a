//! What the checker says, as an operator would see it.

use super::Table;
use crate::config::diagnostic::Severity;
use crate::facts::attributes::find;
use crate::facts::value::Value;
use crate::scenario::condition::{ConditionProblem, ConditionSetBuilder, Scope, Scratch, check};

fn scope() -> Scope {
    let segments = [
        ("vip", r#"customer.rank == "gold" || visitor.spent >= 50000"#),
        ("circle_a", "segment.circle_b"),
        ("circle_b", "segment.circle_a || true"),
        ("broken", "visitor.vists > 1"),
        ("nested", "!segment.vip"),
    ];
    Scope {
        segments: segments.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        scenario_ids: ["welcome".to_owned()].into(),
    }
}

fn problems(text: &str) -> Vec<ConditionProblem> {
    match check(text, &scope()) {
        Ok(checked) => checked.warnings().to_vec(),
        Err(problems) => problems,
    }
}

/// Code and the text that it points at.
fn said(text: &str) -> Vec<(&'static str, String)> {
    problems(text).into_iter().map(|p| (p.code, text.get(p.span).unwrap_or("?").to_owned())).collect()
}

#[test]
fn each_problem_points_at_the_part_it_is_about() {
    for (text, code, place) in [
        ("visitor.vists >= 3 && true", "unknown-attribute", "visitor.vists"),
        ("segment.vpi", "unknown-segment", "segment.vpi"),
        ("true && segment.circle_a", "segment-cycle", "segment.circle_a"),
        ("segment.vip || segment.broken", "bad-segment", "segment.broken"),
        (r#"seen("welcom")"#, "unknown-scenario", r#"seen("welcom")"#),
        ("seen(visitor.visits)", "wrong-arguments", "seen(visitor.visits)"),
        ("chat.operators_online > 3 && true", "not-observed", "chat.operators_online"),
        (r#"viewed("category", "shoes")"#, "wrong-arguments", r#"viewed("category", "shoes")"#),
        (r#"viewed("kind", "shoes", "7d")"#, "unknown-value", r#""kind""#),
        (r#"viewed("brand", "Noren", "7 days")"#, "bad-time", r#""7 days""#),
        (r#"count("view_itm", "30d") >= 3"#, "unknown-value", r#""view_itm""#),
        (r#"count("view_item", "36h") >= 3"#, "bad-time", r#""36h""#),
        (r#"count("view_item", "91d") >= 3"#, "bad-time", r#""91d""#),
        (r#"count("view_item", "30d") < 0"#, "never-holds", r#"count("view_item", "30d") < 0"#),
        (r#"visitor.visits == "3""#, "wrong-type", r#"visitor.visits == "3""#),
        (r#"customer.attr["age"] >= 30"#, "wrong-type", r#"customer.attr["age"] >= 30"#),
        ("visitor.visits", "wrong-type", "visitor.visits"),
        ("visitor.visits && true", "wrong-type", "visitor.visits"),
        ("visitor.visits.contains(\"1\")", "wrong-type", "visitor.visits"),
        ("is_bot < true", "wrong-type", "is_bot < true"),
        ("visitor.spent / 2 > 1.0", "wrong-type", "visitor.spent / 2"),
        (r#"visitor.tags == "vip""#, "wrong-type", r#"visitor.tags == "vip""#),
        (r#"visitor.tags.contains("vip")"#, "wrong-type", "visitor.tags"),
        (r#"page.path in "/sale""#, "wrong-type", r#""/sale""#),
        ("page.path in [1]", "wrong-type", "1"),
        ("customer.rank == null", "wrong-type", "customer.rank == null"),
        (r#"page.path.starts_with("/a")"#, "unknown-function", r#"page.path.starts_with("/a")"#),
        ("len(page.path) > 3", "unknown-function", "len(page.path)"),
        (r#"page.path.matches("(")"#, "invalid-regex", r#""(""#),
        (r#"page.path.matches("(?=a)")"#, "invalid-regex", r#""(?=a)""#),
        (r#"page.path.matches("(a{500}){500}")"#, "invalid-regex", r#""(a{500}){500}""#),
        (r#"page.kind == "produkt""#, "unknown-value", r#""produkt""#),
        (r#"page.kind in ["cart", "produkt"]"#, "unknown-value", r#""produkt""#),
        ("page.query == \"x\"", "missing-key", "page.query"),
        ("now.hour > 25", "never-holds", "now.hour > 25"),
        ("visitor.visits < 1 && page.views > 2 && visitor.visits > 5", "never-holds", "visitor.visits < 1"),
        ("visitor.visits < 3 && visitor.visits > 5", "never-holds", "visitor.visits < 3 && visitor.visits > 5"),
        (
            r#"page.path == "/a" && page.path.startsWith("/b")"#,
            "never-holds",
            r#"page.path == "/a" && page.path.startsWith("/b")"#,
        ),
        (
            r#"page.kind == "cart" && page.kind == "home""#,
            "never-holds",
            r#"page.kind == "cart" && page.kind == "home""#,
        ),
        ("is_bot && !is_bot", "never-holds", "is_bot && !is_bot"),
        ("false", "never-holds", "false"),
        ("now.hour < 24 && is_bot", "always-true", "now.hour < 24"),
        ("is_bot || now.hour > 25", "never-holds", "now.hour > 25"),
        ("{\"a\": 1}.a == 1", "unsupported", "{\"a\": 1}"),
        ("is_bot = true", "syntax", "="),
        ("is_bot and true", "syntax", "and"),
        ("is_bot &", "syntax", "&"),
        ("(is_bot && true", "syntax", "("),
        ("is_bot)", "syntax", ")"),
        ("page.path == \"日本", "syntax", "\"日本"),
        ("page.path == “日本”", "syntax", "“"),
        ("is_bot　&& true", "syntax", "　"),
        ("is_bot &&", "syntax", "&&"),
        ("is_bot true", "syntax", "true"),
        ("", "syntax", ""),
        ("has(is_bot)", "syntax", "is_bot)"),
    ] {
        let said = said(text);
        assert!(said.iter().any(|(c, p)| (*c, p.as_str()) == (code, place)), "{text}: {said:?} {:?}", problems(text));
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "visitor.vists >= 3 && now.hours < 3 && page.kind == \"produkt\"";
    let codes: Vec<_> = said(text).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["unknown-attribute", "unknown-attribute", "unknown-value"]);
}

#[test]
fn remedies_say_what_to_write() {
    for (text, help) in [
        ("visitor.vists >= 3", "did you mean `visitor.visits`?"),
        ("visits >= 3", "did you mean `visitor.visits`?"),
        ("vip", "did you mean `segment.vip`?"),
        (r#"page.kind == "produkt""#, "did you mean `product`?"),
        (r#"visitor.visits == "3""#, "leave the quotes away: `3`"),
        (r#"customer.attr["age"] >= 30"#, r#"write `int(customer.attr["age"])`"#),
        ("customer.rank == null", "ask `has(customer.rank)`"),
        (r#"visitor.tags.contains("vip")"#, r#"write `"vip" in visitor.tags`"#),
        ("now.hour > 25", "from 0 to 23"),
        ("is_bot and true", "write `&&`"),
        (r#"page.path.starts_with("/a")"#, "did you mean `startsWith`?"),
        (r#"count("view_itm", "30d") >= 3"#, "did you mean `view_item`?"),
        (r#"count("view_item", "91d") >= 3"#, "90 days at most"),
    ] {
        let said: Vec<String> = problems(text).into_iter().filter_map(|p| p.help).collect();
        assert!(said.iter().any(|said| said.contains(help)), "{text}: {said:?}");
    }
}

#[test]
fn what_is_only_suspicious_is_not_refused() {
    let checked = check("visitor.visits >= 1 && is_bot", &scope()).unwrap();
    assert_eq!(
        checked.warnings().iter().map(|w| (w.code, w.severity)).collect::<Vec<_>>(),
        [("always-true", Severity::Warning)]
    );
}

#[test]
fn ordinary_conditions_pass_without_a_word() {
    for text in [
        "true",
        "visitor.visits >= 3 && visitor.orders == 0 && (now.hour >= 22 || now.hour < 3) && page.kind in [\"product\", \"cart\"] && !segment.vip",
        "segment.nested && !seen(\"welcome\")",
        "page.query.utm_source == \"line\" || \"coupon\" in page.query",
        "has(customer.rank) && customer.rank != \"gold\"",
        "visitor.tags.exists(t, t.startsWith(\"vip\")) && size(visitor.tags) > 2",
        "int(customer.attr[\"age\"]) >= 30 && visitor.spent / 2.0 > 100.0",
        "page.path.matches(\"^/item/[0-9]+$\") // a comment",
        "viewed(\"category\", \"靴\", \"7d\") && count(\"view_item\", \"2w\") > 3 && !cart.contains(\"SKU-1\")",
    ] {
        assert_eq!(problems(text), [], "{text}");
    }
}

#[test]
fn no_text_overflows_the_stack() {
    for text in [
        "1+".repeat(2000) + "1",
        format!("a{}", "[0]".repeat(1300)),
        format!("a{}", ".b".repeat(2000)),
        "(".repeat(4000),
        "!".repeat(4000) + "is_bot",
        "is_bot&&".repeat(500) + "is_bot",
        "a?b:".repeat(1000) + "a",
        "a in ".repeat(800) + "a",
        "[".repeat(4000),
        "f(".repeat(2000),
        format!("a{}", ".map(a,a)".repeat(400)),
        "a.all(a,".repeat(400),
        "{a:".repeat(1300),
        "is_bot || ".repeat(4000),
        "\u{0}\u{feff}\"".into(),
    ] {
        let _ = check(&text, &scope());
    }
}

#[test]
fn segments_that_multiply_or_nest_without_end_are_refused() {
    let doubling = |n: usize| format!("segment.s{0} && (is_bot || segment.s{0})", n + 1);
    let mut segments: std::collections::BTreeMap<String, String> =
        (0..30).map(|n| (format!("s{n}"), doubling(n))).collect();
    segments.insert("s30".into(), "is_bot".into());
    let scope = Scope { segments, ..Scope::default() };
    let codes = |text| check(text, &scope).unwrap_err().into_iter().map(|p| p.code).collect::<Vec<_>>();
    assert_eq!(codes("segment.s0"), ["too-complex"]);
    assert_eq!(codes("(segment.s0 ? 1 : 2) == 1"), ["too-complex"]);
    assert!(check("segment.s27", &scope).is_ok());
}

#[test]
fn a_predicate_shared_by_many_conditions_asks_its_fact_once() {
    let mut builder = ConditionSetBuilder::default();
    for n in 0..500 {
        let text = format!("page.path.startsWith(\"/sale\") && visitor.visits >= {} && size(page.path) > 2", n % 7 + 2);
        builder.add(&check(&text, &scope()).unwrap());
    }
    let set = builder.build();
    let table =
        Table::default().with("page.path", Value::String("/sale/1".into())).with("visitor.visits", Value::Int(4));
    let found = set.evaluate(&table, &mut Scratch::default()).len();
    assert_eq!(found, (0..500).filter(|n| n % 7 + 2 <= 4).count());
    // Each fact once for the rows, and once more for the one opaque predicate.
    assert_eq!(table.asked.get(), 3);
    assert_eq!(set.facts().filter(|fact| Some(fact.attribute) == find("visitor.spent")).count(), 0);
}
