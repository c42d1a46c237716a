//! What goes wrong when a proxy rewrites HTML, case by case: each was a fault of somebody's.

use super::BailOut;
use super::Position::{After, Append, Before, Prepend, Remove, Replace};
use super::testing::{Chunks, Outcome, edit, page, rewrite, run};
use super::{Coding, OutCoding};

const DIV: &str = "<div data-gw>&#x4eca;&#x65e5;</div>";
const LINKS: &str = "<link rel=stylesheet href=/gw/s.css><script defer src=/gw/r.js></script>";

fn outcome(html: &[u8], charset: Option<&str>, edits: &[super::Edit]) -> Outcome {
    let mut chunks = Chunks::new();
    run(&page(Coding::Identity, charset), edits, OutCoding::Identity, &chunks.split(html)).unwrap()
}

/// The body without what was put in.
fn without(body: &[u8], inserted: &str) -> Vec<u8> {
    let mut rest = body.to_vec();
    while let Some(at) = memchr::memmem::find(&rest, inserted.as_bytes()) {
        rest.drain(at..at + inserted.len());
    }
    rest
}

#[test]
fn legacy_charsets_keep_every_byte_around_insertions() {
    let text = "<!doctype html><html><head><title>表示ソ能ﾊﾝｶｸｶﾅ</title>CHARSET</head><body><h1 title=\"ー表ソ\">ポ十ﾎﾟ</h1><p>貼構\\~</p>噂ソ</body></html>";
    for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP] {
        for by_meta in [false, true] {
            let meta = if by_meta { format!("<meta charset={}>", encoding.name()) } else { String::new() };
            let text = text.replace("CHARSET", &meta);
            let (html, _, lossy) = encoding.encode(&text);
            assert!(!lossy);
            let declared = (!by_meta).then_some(encoding.name());
            for _ in 0..16 {
                let edits = [
                    edit("h1", Before, DIV),
                    edit("h1", Prepend, "<!--gw-->"),
                    edit("p", After, DIV),
                    edit("body", Append, DIV),
                ];
                let outcome = outcome(&html, declared, &edits);
                assert_eq!(outcome.applied, [true; 4], "{encoding:?}");
                assert_eq!(without(&without(&outcome.body, DIV), "<!--gw-->"), *html, "{encoding:?}");
                let (shown, _) = encoding.decode_without_bom_handling(&outcome.body);
                assert!(shown.contains("噂ソ<div data-gw>") && shown.contains("ポ十"), "{encoding:?}: {shown}");
            }
        }
    }
}

#[test]
fn policy_in_a_meta_is_kept_to() {
    let edits = [edit("head!", Prepend, LINKS), edit("body", Prepend, DIV)];
    for (policy, delivered) in [
        ("default-src 'self'", true),
        ("img-src *", true),
        ("script-src 'nonce-abc' 'strict-dynamic'; style-src 'self'", true),
        ("script-src 'none'", false),
        ("default-src https://other.example", false),
        ("script-src &#39;sha256-x&#39; &#39;strict-dynamic&#39;", false),
    ] {
        let html = format!(
            "<!doctype html><html><head><meta http-equiv=Content-Security-Policy content=\"{policy}\"></head><body>a</body></html>"
        );
        let (body, applied) = rewrite(&html, &edits);
        assert_eq!(applied, [true, delivered], "{policy}: {body}");
        let why = outcome(html.as_bytes(), Some("utf-8"), &edits).bail_out;
        assert_eq!(why, (!delivered).then_some(BailOut::Policy), "{policy}");
    }
}

#[test]
fn amp_pages_are_byte_identical() {
    for start in ["<html amp>", "<html \u{26a1}>", "<html lang=ja AMP4ADS>", "<html \u{26a1}\u{fe0f} lang=ja>"] {
        let html = format!("<!doctype html>{start}<head></head><body><p>a</p></body></html>");
        let outcome = outcome(
            html.as_bytes(),
            Some("utf-8"),
            &[edit("head!", Prepend, LINKS), edit("p", After, DIV), edit("body", Append, DIV)],
        );
        assert_eq!((outcome.body, outcome.bail_out), (html.into_bytes(), Some(BailOut::Amp)));
    }
}

#[test]
fn fragments_and_json_that_say_they_are_pages_are_byte_identical() {
    for (body, why) in [
        ("<td>a</td><td>b</td>", BailOut::Fragment),
        ("<div class=x><p>a</p></div>", BailOut::Fragment),
        ("<!-- part --><li>a", BailOut::Fragment),
        ("{\"html\":\"<body><p>a</p></body>\"}", BailOut::NotMarkup),
        ("  [1]", BailOut::NotMarkup),
        ("plain <p>text</p>", BailOut::NotMarkup),
    ] {
        let edits =
            [edit("head!", Prepend, LINKS), edit("p", Before, DIV), edit("td", Append, DIV), edit("body", Append, DIV)];
        let outcome = outcome(body.as_bytes(), Some("utf-8"), &edits);
        assert_eq!(String::from_utf8(outcome.body).unwrap(), body);
        assert_eq!((outcome.bail_out, outcome.applied), (Some(why), vec![false; 4]), "{body}");
    }
}

#[test]
fn end_of_body_is_found_among_decoys_and_nothing_lost_counts_as_delivered() {
    for (html, expected) in [
        ("<body>a</body></html>", Some("<body>a[*]</body></html>")),
        ("<body>a</html>", Some("<body>a[*]</html>")),
        ("<body>a", Some("<body>a[*]")),
        ("<body>a</body>b</body>", Some("<body>a[*]</body>b</body>")),
        ("<body><script>'</body>'</script>a</body>", Some("<body><script>'</body>'</script>a[*]</body>")),
        ("<body><!-- </body> -->a</body>", Some("<body><!-- </body> -->a[*]</body>")),
        ("<body><textarea></body></textarea>a</body>", Some("<body><textarea></body></textarea>a[*]</body>")),
        ("<body><template></body></template>a</body>", Some("<body><template></body></template>a[*]</body>")),
        ("<body><svg><title></body></title></svg>a</body>", Some("<body><svg><title></body></title></svg>a[*]</body>")),
        ("<body><table><tr><td></body></table>a</body>", Some("<body><table><tr><td></body></table>a[*]</body>")),
        ("<body title='</body>'>a</body>", Some("<body title='</body>'>a[*]</body>")),
        // What is open at the end of the body goes on behind it: the one clean place is the end of the page.
        ("<body><p>a</body>\n", Some("<body><p>a</body>\n[*]")),
        ("<body><div><b>a</div></body></html>\n", Some("<body><div><b>a</div>[*]</body></html>\n")),
        // These swallow all that follows.
        ("<body><script>a</body>", None),
        ("<body><!-- a</body>", None),
        ("<body><textarea>a</body>", None),
        ("<body><style>a</body>", None),
        ("<body><template>a</body>", None),
        ("<body><svg>a</body>", None),
        ("<body><select><option>a</body>", None),
        ("<body><plaintext>a</body>", None),
        ("<body>a<p title='</body>", None),
        ("<body>a</", None),
        ("<frameset><frame></frameset></html>", None),
    ] {
        let html = format!("<!doctype html>{html}");
        let (body, applied) = rewrite(&html, &[edit("body", Append, DIV)]);
        let expected = expected.map(|text| format!("<!doctype html>{text}"));
        assert_eq!(body.replace(DIV, "[*]"), *expected.as_ref().unwrap_or(&html));
        assert_eq!(applied, [expected.is_some()], "{html}");
    }
}

#[test]
fn markup_that_browsers_read_in_different_ways_passes_whole() {
    for inside in [
        "<style></select><p>a</p></style>",
        "<textarea></select></textarea>",
        "<title></select><p></title>",
        "<xmp><p></xmp>",
    ] {
        let html = format!("<!doctype html><body><h1>a</h1><select>{inside}</select><p>b</p></body>");
        let edits = [edit("body", Prepend, DIV), edit("p", Before, DIV), edit("body", Append, DIV)];
        let outcome = outcome(html.as_bytes(), Some("utf-8"), &edits);
        assert_eq!(without(&outcome.body, DIV), html.as_bytes());
        assert!(outcome.applied[0], "what stands before it is right");
        assert_eq!(outcome.applied[1..], [false, false], "{inside}");
        assert_eq!(outcome.bail_out, Some(BailOut::Ambiguous));
    }
}

#[test]
fn svg_that_ends_without_its_end_tag_does_not_mislead() {
    let html = "<!doctype html><svg><svg><p><iframe><b></iframe><b class=x>a</b></p>";
    assert_eq!(rewrite(html, &[edit("all:b", Before, "[*]")]).0.replace("[*]", ""), html);
    assert!(!rewrite(html, &[edit("all:b", Before, "[*]")]).0.contains("<iframe>[*]"));
}

#[test]
fn giant_tags_and_deep_nesting_lose_no_byte() {
    let giant = format!("<!doctype html><body><p>a</p><img src=\"data:{}\"><h2>b</h2></body>", "A".repeat(300_000));
    let deep = format!("<!doctype html><body><p>a</p>{}<h2>b</h2></body>", "<div>".repeat(100_000));
    for html in [giant, deep] {
        let edits = [edit("p", Before, DIV), edit("h2", Append, DIV), edit("body", Append, DIV), edit("p", After, DIV)];
        let outcome = run(
            &page(Coding::Identity, Some("utf-8")),
            &edits,
            OutCoding::Identity,
            &html.as_bytes().chunks(16_384).collect::<Vec<_>>(),
        )
        .unwrap();
        assert!(without(&outcome.body, DIV) == html.as_bytes());
        assert_eq!(outcome.applied, [true, false, false, true]);
        assert_eq!(outcome.bail_out, Some(BailOut::ParserLimit));
    }
}

#[test]
fn body_behind_a_quarter_megabyte_of_styles_is_found() {
    let html = format!(
        "<!doctype html><html><head><style>{}</style></head><body><p>a</p></body></html>",
        ".a > b{c:d}\n".repeat(20_000)
    );
    assert!(html.find("<body>").unwrap() > 235_000);
    let (body, applied) =
        rewrite(&html, &[edit("head!", Prepend, LINKS), edit("body", Prepend, DIV), edit("p", After, DIV)]);
    assert_eq!(applied, [true; 3]);
    assert_eq!(body.replace(DIV, "").replace(LINKS, ""), html);
    assert!(body.ends_with(&format!("<body>{DIV}<p>a</p>{DIV}</body></html>")));
}

#[test]
fn declarations_comments_and_base_are_passed_over() {
    for start in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\r\n<html xmlns=\"http://www.w3.org/1999/xhtml\">",
        "<!DOCTYPE html><?xml version=\"1.0\"?><html>",
        "<!DOCTYPE html>\n<!--[if IE 7]><html class=\"ie7\"><![endif]-->\n<!--[if gt IE 8]><!--><html><!--<![endif]-->",
    ] {
        let html = format!(
            "{start}<head><base href=\"//elsewhere.example/\"><!--[if IE]><body><![endif]--></head><body><p>a</p></body></html>"
        );
        let (body, applied) =
            rewrite(&html, &[edit("head!", Prepend, LINKS), edit("body", Prepend, DIV), edit("body", Append, DIV)]);
        assert_eq!(applied, [true; 3], "{start}");
        assert_eq!(body.replace(DIV, "").replace(LINKS, ""), html);
        assert!(
            body.contains(&format!("<head>{LINKS}<base")) && body.contains(&format!("<body>{DIV}<p>a</p>{DIV}</body>")),
            "{body}"
        );
    }
}

#[test]
fn edit_that_would_change_more_than_its_place_is_not_made() {
    for (html, at, position) in [
        ("<body><p class=x>a</p>", ".x", Append),
        ("<body><p><span class=x>a</span></p>", ".x", Prepend),
        ("<body><table class=x><tr><td>a</table>", ".x", Prepend),
        ("<body><table><tr class=x><td>a</table>", ".x", Before),
        ("<body><select class=x><option>a</select>", ".x", Append),
        ("<body><svg><g class=x></g></svg>", ".x", Append),
        ("<head><title class=x>a</title></head>", ".x", After),
        ("<body><p>a<div class=x>b</div>c", ".x", Remove),
        ("<body><p>a<div class=x>b</div>c", ".x", Replace),
    ] {
        let html = format!("<!doctype html>{html}");
        let outcome = outcome(html.as_bytes(), Some("utf-8"), &[edit(at, position, DIV)]);
        assert_eq!(String::from_utf8(outcome.body).unwrap(), html, "{position:?}");
        assert_eq!((outcome.applied, outcome.bail_out), (vec![false], Some(BailOut::Misfit)), "{html}");
    }
}
