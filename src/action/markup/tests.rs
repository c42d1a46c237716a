use super::*;

const MARK: &str = " data-gw=\"s/v\"";

/// Renders with `‹…›` standing for the bounds of a value.
fn done(text: &str) -> Result<String, InvalidMarkup> {
    let rendered = text.replace('‹', "\u{1}").replace('›', "\u{2}");
    finish(&rendered, MARK).map(|fragment| String::from_utf8(fragment.html.to_vec()).unwrap())
}

#[test]
fn every_top_level_element_is_marked_and_no_other() {
    assert_eq!(
        done("<div><p>a</p></div>\n<img src=x>").unwrap(),
        "<div data-gw=\"s/v\"><p>a</p></div>\n<img data-gw=\"s/v\" src=\"x\">"
    );
}

#[test]
fn top_level_text_is_wrapped() {
    assert_eq!(done("hi <b>you</b>").unwrap(), "<span data-gw=\"s/v\">hi </span><b data-gw=\"s/v\">you</b>");
}

#[test]
fn implied_end_tags_do_not_hide_a_top_level_element() {
    assert_eq!(done("<p>a<p>b").unwrap(), "<p data-gw=\"s/v\">a</p><p data-gw=\"s/v\">b</p>");
}

#[test]
fn markup_that_would_break_the_page_is_refused() {
    for (text, word) in [
        ("<div>", "never closed"),
        ("</div>", "closes nothing"),
        ("<!-- ", "never closed"),
        ("<a href=\"x", "never closed"),
        ("<a", "never finished"),
        ("<body>x</body>", "may hold no"),
        ("<!doctype html>", "no doctype"),
        ("<script>x", "never closed"),
    ] {
        let problem = done(text).unwrap_err();
        assert!(problem.message.contains(word), "{text}: {problem}");
    }
}

#[test]
fn a_hostile_value_stays_inert_in_every_place() {
    let evil = "</script><img src=x onerror=\"alert(1)\">'`--&gt;";
    let text = done(&format!("<b>‹{evil}›</b>")).unwrap();
    assert!(!text.contains("<img") && !text.contains("</script"), "{text}");
    let attribute = done(&format!("<b title='‹{evil}›'>x</b>")).unwrap();
    assert_eq!(attribute.matches('"').count(), 4, "{attribute}");
    assert!(!attribute.contains("<img"), "{attribute}");
    let script = done(&format!("<script>var a = \"‹{evil}\\›\";</script>")).unwrap();
    assert_eq!(script.matches("</script").count(), 1, "{script}");
    assert!(script.contains("\\u003c\\u002fscript\\u003e") && script.contains("\\u005c\";"), "{script}");
    let comment = done("<!-- ‹--><script>x</script>› --><b>y</b>").unwrap();
    assert_eq!(comment, "<b data-gw=\"s/v\">y</b>");
    let textarea = done("<textarea>‹</textarea><b>›</textarea>").unwrap();
    assert!(!textarea.contains("<b>"), "{textarea}");
}

#[test]
fn an_address_from_a_value_cannot_run_script() {
    for evil in ["javascript:alert(1)", " java\nscript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "vbscript:x"] {
        assert!(done(&format!("<a href=\"‹{evil}›\">x</a>")).unwrap().contains("href=\"#\""), "{evil}");
    }
    assert!(done("<a href=\"java‹script:alert(1)›\">x</a>").unwrap().contains("href=\"#\""));
    assert!(done("<a href=\"&#106;avascript:‹x›\">x</a>").unwrap().contains("href=\"#\""));
    assert!(done("<script src=\"‹https://evil.example/x.js›\"></script>").unwrap().contains("src=\"#\""));
    assert!(done("<script src=\"https://ok.example/‹x›.js\"></script>").unwrap().contains("https://ok.example/x.js"));
    assert!(done("<a href=\"‹https://shop.example/a?b=c›\">x</a>").unwrap().contains("\"https://shop.example/a?b=c\""));
}

#[test]
fn a_value_within_an_address_is_percent_encoded() {
    let html = done("<a href=\"/search?a=1&amp;q=‹a&b=c#\"é›\">x</a>").unwrap();
    assert!(html.contains("/search?a=1&amp;q=a%26b%3Dc%23%22%C3%A9\""), "{html}");
}

#[test]
fn places_that_cannot_be_made_safe_take_no_value() {
    for text in [
        "<b onclick=\"‹x›\">a</b>",
        "<b style=\"color:‹x›\">a</b>",
        "<b title=‹x›>a</b>",
        "<b ‹x›=1>a</b>",
        "<‹x›>a</b>",
        "<style>‹x›</style>",
        "<iframe srcdoc=\"‹x›\"></iframe>",
        "<meta http-equiv=\"refresh\" content=\"‹x›\">",
    ] {
        assert!(done(text).is_err(), "{text}");
    }
}

#[test]
fn everything_is_ascii_and_reads_the_same() {
    assert_eq!(done("<b title=\"値\">日本</b>").unwrap(), "<b data-gw=\"s/v\" title=\"&#x5024;\">&#x65e5;&#x672c;</b>");
    assert_eq!(
        done("<script>a='日😀'</script>").unwrap(),
        "<script data-gw=\"s/v\">a='\\u65e5\\ud83d\\ude00'</script>"
    );
    assert_eq!(done("<style>a{content:'日'}</style>").unwrap(), "<style data-gw=\"s/v\">a{content:'\\65e5 '}</style>");
}

#[test]
fn origins_that_it_loads_from_are_collected() {
    let fragment = finish("<img src=\"https://cdn.example/a.png\"><a href=\"https://x.example\">x</a>", MARK).unwrap();
    assert_eq!(fragment.origins, ["https://cdn.example".into()]);
}
