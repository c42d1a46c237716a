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
        ("<div>", "not closed"),
        ("<b><ul></b>", "not closed before `</b>`"),
        ("</div>", "closes nothing"),
        ("<!-- ", "never closed"),
        ("<a href=\"x", "never closed"),
        ("<a", "never finished"),
        ("<body>x</body>", "may hold no"),
        ("<!doctype html>", "no doctype"),
        ("<script>x", "never closed"),
        ("<script>'<!-- <SCRIPT>'</script>", "do not see the end"),
        ("<script>'<!-- <‹script ›'</script>", "do not see the end"),
        ("<script>'<‹›!-- <script '</script>", "do not see the end"),
        ("<script>'<!‹x›-- <script '</script>", "do not see the end"),
        ("<script>'</scr‹›ipt>'</script>", "within `</script`"),
        ("<svg><g><b/></g></svg>", "cannot stand in a drawing"),
        ("<math><mi>a</mi><p>b</p></math>", "cannot stand in a drawing"),
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
        "<script></script‹ ><img src=x>›>",
        "<b>x</b ‹ ><img src=x>›>",
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
fn what_it_loads_is_collected_by_directive() {
    let html = "<img src=\"//cdn.example/a.png\"><a href=\"https://x.example\">x</a><iframe src='https://f.example:8443/'></iframe>\
        <video poster='/p.jpg' src='https://cdn.example/v.mp4'></video><img src='data:image/gif;base64,R0'>";
    let expected = [
        "img-src https://cdn.example",
        "frame-src https://f.example:8443",
        "img-src 'self'",
        "media-src https://cdn.example",
        "img-src data:",
    ];
    assert_eq!(finish(html, MARK).unwrap().sources, expected.map(Box::from));
}

/// What a browser's parser makes of a fragment: element and attribute names, indented; texts and values apart.
mod parsed {
    use html5ever::driver::ParseOpts;
    use html5ever::tendril::TendrilSink;
    use html5ever::{QualName, local_name, ns, parse_fragment};
    use markup5ever_rcdom::{Handle, NodeData, RcDom};
    use std::fmt::Write;

    pub(super) fn parse(html: &str) -> (String, Vec<String>) {
        let body = QualName::new(None, ns!(html), local_name!("body"));
        let dom = parse_fragment(RcDom::default(), ParseOpts::default(), body, vec![], false).one(html);
        let (mut shape, mut texts) = (String::new(), Vec::new());
        // The parser wraps a fragment in <html>.
        let root = dom.document.children.borrow()[0].clone();
        for child in root.children.borrow().iter() {
            walk(child, 0, &mut shape, &mut texts);
        }
        (shape, texts)
    }

    fn walk(node: &Handle, depth: usize, shape: &mut String, texts: &mut Vec<String>) {
        match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let _ = write!(shape, "\n{:depth$}{}", "", name.local);
                for attribute in attrs.borrow().iter() {
                    let _ = write!(shape, " {}", attribute.name.local);
                    texts.push(attribute.value.to_string());
                }
                for child in node.children.borrow().iter() {
                    walk(child, depth + 1, shape, texts);
                }
            }
            NodeData::Text { contents } => texts.push(contents.borrow().to_string()),
            NodeData::Comment { .. } => shape.push_str(" !comment"),
            _ => shape.push_str(" !other"),
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_value_changes_what_a_browser_sees(value in "\\PC{0,12}|[<>\"'`&;=/ a-z!-]{0,24}|</?(script|b|textarea|p)[ >]|javascript:.{0,5}") {
        let frame = "<p title='\u{1}V\u{2}' data-a=\"x\u{1}V\u{2}y\">\u{1}V\u{2}</p><a href=\"\u{1}V\u{2}\">z</a><a href=\"/?\u{1}V\u{2}\">z</a>\
                     <textarea>a\u{1}V\u{2}</textarea><script>var a = \"\u{1}V\u{2}\";</script>";
        let finished = |value: &str| {
            let html = finish(&frame.replace('V', &clean(value)), MARK).unwrap().html;
            assert!(html.is_ascii());
            parsed::parse(std::str::from_utf8(&html).unwrap())
        };
        let (shape, texts) = finished(&value);
        let (plain, _) = finished("x");
        proptest::prop_assert_eq!(shape, plain);
        let normal = clean(&value).replace("\r\n", "\n").replace('\r', "\n");
        proptest::prop_assert_eq!(&texts[1], &normal);
        let address = texts.iter().rposition(|t| t.starts_with("/?")).unwrap() - 3;
        proptest::prop_assert!(escape::has_harmless_scheme(&texts[address]), "{}", texts[address]);
    }

    #[test]
    fn every_node_at_the_top_is_marked_as_a_browser_sees_it(
        parts in proptest::collection::vec(
            proptest::sample::select(vec!["<p>", "</p>", "<b>", "</b>", "text", "<br>", "<ul>", "<li>", "</li>", "</ul>", "<svg/>", "<div>", "</div>", " ",
                "<i>", "</i>", "<a href=x>", "</a>", "<h2>", "</h2>", "<button>", "</button>", "<dl>", "<dd>", "</dl>", "<option>"]), 0..12),
    ) {
        let source = parts.concat();
        if let Ok(fragment) = finish(&source, MARK) {
            let html = std::str::from_utf8(&fragment.html).unwrap();
            let (shape, _) = parsed::parse(html);
            for line in shape.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')) {
                proptest::prop_assert!(line.contains(" data-gw"), "{source} -> {html} -> {shape}");
            }
        }
    }
}
