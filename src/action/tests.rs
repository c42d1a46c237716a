//! Kinds as a merchant meets them: TOML in, edits or placed problems out.

use super::*;
use crate::config::diagnostic::{Problem, Problems};
use crate::config::reader::Table;
use crate::facts::attributes::AttributeId;
use crate::facts::value::Value;
use crate::transform::{Position, Target};
use std::cell::RefCell;
use std::path::Path;
use toml::de::DeTable;

mod gallery;

struct NoFacts;

impl FactSource for NoFacts {
    fn fact(&self, _: AttributeId, _: Option<&str>) -> Option<Value<'_>> {
        None
    }
}

/// Reads `[KIND]` of a file as the rules do.
fn read(kind: &str, toml: &str) -> Result<Box<dyn Action>, Vec<Problem>> {
    let problems = RefCell::new(Problems::default());
    let parsed = DeTable::parse(toml).unwrap();
    let templates = |name: &str| match name {
        "card" => Some("<section><h2>{{ title }}</h2></section><p>{{ text }}</p>".to_owned()),
        "broken" => Some("<section>".to_owned()),
        _ => None,
    };
    let names = ["card".to_owned(), "broken".to_owned()];
    let cx = ReadContext {
        templates: &templates,
        template_names: &names,
        has_pool: &|name| name == "night500",
        pool_names: &["night500".to_owned()],
        locale: "ja",
        prefix: "gw",
        scenario: "first-visit",
        variant: "a",
    };
    let mut table = Table::root(&parsed, Path::new("scenarios/x.toml"), &problems);
    let kind = KINDS.iter().find(|k| k.name == kind).unwrap();
    let action = (kind.read)(&mut table, &cx);
    table.finish();
    let problems = problems.into_inner();
    assert_eq!(action.is_none(), problems.0.iter().any(|p| p.code != "unknown-key"), "{problems:?}");
    if problems.0.is_empty() { Ok(action.unwrap()) } else { Err(problems.0) }
}

fn lower(action: &dyn Action, locale: &str) -> (Lowered, String) {
    let cx = Lowering { facts: &NoFacts, locale, prefix: "gw", scenario: "first-visit", variant: "a", codes: &[] };
    let lowered = action.lower(&cx).unwrap();
    let html = String::from_utf8(lowered.edits[0].html.to_vec()).unwrap();
    (lowered, html)
}

fn drawn(kind: &str, toml: &str) -> String {
    lower(read(kind, toml).unwrap().as_ref(), "ja").1
}

/// Code and source text of the one problem.
fn problem(kind: &str, toml: &str) -> (&'static str, String) {
    let problems = read(kind, toml).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    (problems[0].code, toml[problems[0].span.clone()].to_owned())
}

#[test]
fn the_least_html_action_is_marked_and_goes_to_the_start_of_the_body() {
    let action = read("html", "html = '<div>hello</div>'\nplace = { at = 'body', position = 'prepend' }").unwrap();
    let (lowered, html) = lower(action.as_ref(), "en");
    assert_eq!(html, "<div data-gw=\"first-visit/a\">hello</div>");
    assert_eq!(lowered.edits[0].position, Position::Prepend);
    assert!(matches!(lowered.edits[0].target, Target::First(_)));
    assert!(!lowered.needs_style && !lowered.needs_runtime && lowered.wants_runtime);
}

#[test]
fn a_trigger_hides_every_top_level_element_until_the_runtime_shows_it() {
    let action =
        read("html", "html = '<p>a</p><p>b</p>'\nshow = { after = '10s', scroll = '50%', exit = true }").unwrap();
    let (lowered, html) = lower(action.as_ref(), "ja");
    assert_eq!(html.matches("data-gw-show=\"after:10000 scroll:50 exit\"").count(), 2, "{html}");
    assert!(lowered.needs_style && lowered.needs_runtime);
}

#[test]
fn the_visitors_language_is_taken_and_the_sites_is_the_fallback() {
    let action = read("banner", "text = { en = 'Hello', ja = 'ようこそ' }").unwrap();
    assert!(lower(action.as_ref(), "en").1.contains("Hello"));
    assert!(lower(action.as_ref(), "en").1.contains("aria-label=\"Close\""));
    for locale in ["ja", "de"] {
        assert!(lower(action.as_ref(), locale).1.contains("&#x3088;&#x3046;&#x3053;&#x305d;"), "{locale}");
    }
}

#[test]
fn what_needs_no_facts_is_drawn_once_and_shared() {
    let action = read("banner", "title = 'Sale'\ntext = '50% & more'").unwrap();
    let cx =
        Lowering { facts: &NoFacts, locale: "ja", prefix: "gw", scenario: "first-visit", variant: "a", codes: &[] };
    let (one, two) = (action.lower(&cx).unwrap(), action.lower(&cx).unwrap());
    assert_eq!(one.edits[0].html.as_ptr(), two.edits[0].html.as_ptr());
    assert!(one.needs_style && !one.needs_runtime);
}

#[test]
fn a_banner_escapes_its_own_texts() {
    let html = drawn("banner", "title = '<b> & \"'\nbutton = { label = 'go', href = '/a?b=1&c=2' }");
    assert!(html.contains("&lt;b&gt; &amp; &quot;"), "{html}");
    assert!(html.contains("href=\"/a?b=1&amp;c=2\""), "{html}");
    assert!(html.is_ascii());
}

#[test]
fn a_template_of_the_site_draws_in_place_of_the_built_in_one() {
    let html = drawn("banner", "template = 'card'\ntitle = 'T'\ntext = 'x'");
    assert_eq!(html, "<section data-gw=\"first-visit/a\"><h2>T</h2></section><p data-gw=\"first-visit/a\">x</p>");
}

#[test]
fn an_element_can_be_taken_away() {
    let action = read("html", "place = { at = '.old', position = 'remove', all = true }").unwrap();
    let (lowered, html) = lower(action.as_ref(), "ja");
    assert_eq!((lowered.edits[0].position, html.as_str()), (Position::Remove, ""));
    assert!(matches!(lowered.edits[0].target, Target::All(_)));
}

#[test]
fn a_popup_is_a_labelled_modal_dialog_that_needs_the_runtime() {
    let (lowered, html) =
        lower(read("popup", "title = 'Hi'\ntext = 'there'\nshow = { exit = true }").unwrap().as_ref(), "en");
    assert!(
        html.starts_with("<dialog data-gw=\"first-visit/a\" data-gw-show=\"exit\" class=\"gw gw-light gw-"),
        "{html}"
    );
    let label = html.split("aria-labelledby=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(html.contains(&format!("id=\"{label}\"")) && html.contains("aria-modal=\"true\""), "{html}");
    assert!(lowered.needs_style && lowered.needs_runtime);
}

#[test]
fn coupon_of_a_pool_shows_the_code_that_was_given_and_its_deadline() {
    let toml = "title = 'x'\namount = '500円OFF'\npool = 'night500'\ncountdown = true";
    let action = read("coupon", toml).unwrap();
    assert_eq!(action.pool().map(AsRef::as_ref), Some("night500"));
    let cx = Lowering { facts: &NoFacts, locale: "en", prefix: "gw", scenario: "s", variant: "a", codes: &[] };
    assert!(action.lower(&cx).is_err(), "never without a code");
    let until: jiff::Zoned = "2026-12-01T00:00:00+09:00[Asia/Tokyo]".parse().unwrap();
    for until in [Some(until), None] {
        let has_deadline = until.is_some();
        let codes = [Code { pool: "night500".into(), text: "<N-1>".into(), until }];
        let lowered = action.lower(&Lowering { codes: &codes, ..cx }).unwrap();
        let html = String::from_utf8(lowered.edits[0].html.to_vec()).unwrap();
        assert!(html.contains(">&lt;N-1&gt;</code>"), "{html}");
        assert_eq!(html.contains("datetime=\"2026-12-01T00:00:00+09:00\""), has_deadline, "{html}");
        assert_eq!(html.contains("role=\"timer\""), has_deadline, "{html}");
    }
}

#[test]
fn a_coupon_shows_code_amount_and_deadline() {
    let toml =
        "title = 'x'\namount = '最大1,500円OFF'\ncode = 'A&B'\nuntil = 2026-12-01T00:00:00+09:00\ncountdown = true";
    let (lowered, html) = lower(read("coupon", toml).unwrap().as_ref(), "ja");
    assert!(html.contains("<b class=\"gw-num\">1,500</b>") && html.contains("data-gw-copy=\"A&amp;B\""), "{html}");
    // The first moment of December is the end of the 30th of November.
    assert!(html.contains("datetime=\"2026-12-01T00:00:00+09:00\">11&#x6708;30&#x65e5;"), "{html}");
    assert!(!lowered.needs_runtime, "the code can be read and selected without it");
    assert!(lower(read("coupon", &format!("{toml}\ndisplay = 'popup'")).unwrap().as_ref(), "ja").0.needs_runtime);
}

#[test]
fn a_chat_launcher_loads_nothing_and_names_what_it_may_load() {
    let (lowered, html) = lower(read("chat", "src = 'https://static.example/w.js'").unwrap().as_ref(), "ja");
    assert!(html.contains("data-gw-load=\"https://static.example/w.js\"") && !html.contains(" src="), "{html}");
    assert_eq!(
        lowered.csp_sources,
        ["connect-src", "frame-src", "script-src"]
            .map(|name| Box::<str>::from(format!("{name} https://static.example")))
    );
    assert!(lowered.needs_runtime);
    let (lowered, html) = lower(read("chat", "line = '@shop'").unwrap().as_ref(), "ja");
    assert!(html.contains("href=\"https://line.me/R/ti/p/@shop\"") && lowered.csp_sources.is_empty(), "{html}");
    assert!(!lowered.needs_runtime, "a link works by itself");
}

#[test]
fn facts_are_printed_in_any_text() {
    let action = read(
        "banner",
        "title = '{{ customer.name | default(\"Guest\") }}'\nbutton = { label = 'x', href = '/?m={{ customer.name }}' }",
    );
    let html = lower(action.unwrap().as_ref(), "en").1;
    assert!(html.contains(">Guest<") && html.contains("href=\"/?m=\""), "{html}");
}

#[test]
fn every_setting_of_the_reference_is_read_and_no_other() {
    for kind in KINDS {
        assert!(kind.help.ends_with('.') && kind.fields.iter().all(|field| field.help.ends_with('.')), "{}", kind.name);
        let all: Vec<String> = kind.fields.iter().map(|field| format!("{} = 1", field.name)).collect();
        let problems = read(kind.name, &format!("{}\nno_such_setting = 1", all.join("\n"))).unwrap_err();
        let unknown: Vec<&Problem> = problems.iter().filter(|p| p.code == "unknown-key").collect();
        assert_eq!(unknown.len(), 1, "{}: {unknown:?}", kind.name);
        let known = unknown[0].help.as_deref().unwrap();
        for name in known.trim_start_matches("known here: ").split(", ") {
            assert!(
                kind.fields.iter().any(|field| field.name == name),
                "{}: {name} is not in the reference",
                kind.name
            );
        }
    }
}

#[test]
fn every_problem_has_its_place() {
    for (kind, toml, code, place) in [
        ("html", "html = '<div>'", "bad-markup", "'<div>'"),
        ("html", "html = '<b>{{ x'", "bad-template", "'<b>{{ x'"),
        ("html", "html = '<b>{{ visitor.visitz }}</b>'", "unknown-attribute", "'<b>{{ visitor.visitz }}</b>'"),
        ("html", "html = '<b>{{ 1 | safe }}</b>'", "bad-template", "'<b>{{ 1 | safe }}</b>'"),
        (
            "html",
            "html = '{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}{% endfor %}'",
            "bad-template",
            "",
        ),
        ("html", "template = 'cart'", "unknown-template", "'cart'"),
        ("html", "template = 'broken'", "bad-markup", "'broken'"),
        ("html", "html = 'x'\ntemplate = 'card'", "conflict", "'card'"),
        ("html", "html = 'x'\nplace = { at = 'div[' }", "bad-selector", "'div['"),
        ("html", "html = 'x'\nplace = { position = 'inside' }", "unknown-word", "'inside'"),
        ("html", "html = 'x'\nshow = { scroll = '50' }", "bad-percent", "'50'"),
        ("html", "html = 'x'\nshow = { after = '2h' }", "out-of-range", "'2h'"),
        ("html", "html = 'x'\nshow = { afer = '2s' }", "unknown-key", "afer"),
        ("banner", "text = 'x'\naccent = 'red'", "bad-colour", "'red'"),
        ("banner", "text = { japanese = 'x' }", "bad-language", "japanese"),
        (
            "banner",
            "text = 'x'\nbutton = { label = 'x', href = 'javascript:alert(1)' }",
            "bad-url",
            "'javascript:alert(1)'",
        ),
        ("banner", "text = 'x'\nimage = { src = 'data:image/png,x', alt = '' }", "bad-url", "'data:image/png,x'"),
        ("banner", "text = 'x'\ntheme = 'drak'", "unknown-word", "'drak'"),
        ("popup", "title = 'x'\nimage = { src = '/a.png', alt = '', width = 0 }", "out-of-range", "0"),
        ("popup", "title = '{{ chat.open }}'", "not-observed", "'{{ chat.open }}'"),
        ("coupon", "title = 'x'\namount = '5%'\ncode = ' '", "bad-code", "' '"),
        ("coupon", "title = 'x'\namount = '5%'\nuntil = 2026-12-01", "bad-datetime", "2026-12-01"),
        ("coupon", "title = 'x'\namount = '5%'\ncountdown = true", "missing-key", ""),
        ("coupon", "title = 'x'\namount = '5%'\npool = 'night'", "unknown-pool", "'night'"),
        ("coupon", "title = 'x'\namount = '5%'\npool = 'night500'\ncode = 'x'", "code-and-pool", "'x'"),
        ("chat", "href = '/a'\nline = '@b'", "conflict", "'@b'"),
        ("chat", "whatsapp = '+81 90'", "bad-account", "'+81 90'"),
        ("chat", "src = '{{ page.query.c }}'", "bad-url", "'{{ page.query.c }}'"),
        ("chat", "page = 'https://{{ customer.attr.host }}/'", "bad-url", "'https://{{ customer.attr.host }}/'"),
        ("chat", "src = 'data:text/javascript,x'", "bad-url", "'data:text/javascript,x'"),
        ("banner", "text = 'x'\ntitel = 'x'", "unknown-key", "titel"),
    ] {
        let (found, at) = problem(kind, toml);
        assert_eq!(found, code, "{toml}");
        assert!(at == place || place.is_empty(), "{toml}: {at}");
    }
}

#[test]
fn an_empty_action_is_refused() {
    assert_eq!(read("html", "").unwrap_err()[0].code, "missing-key");
    assert_eq!(read("banner", "theme = 'dark'").unwrap_err()[0].code, "missing-key");
    assert_eq!(read("chat", "label = 'x'").unwrap_err()[0].code, "missing-key");
    assert_eq!(read("coupon", "").unwrap_err().len(), 2);
}
