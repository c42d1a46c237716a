use super::*;
use crate::transform::Position::{After, Append, Before, Prepend, Remove, Replace};
use crate::transform::testing::{edit, rewrite};
use bytes::BytesMut;

/// Rewrites a page by one edit that puts a comment somewhere, shown as `[*]`.
fn put(html: &str, at: &str, position: crate::transform::Position) -> String {
    rewrite(html, &[edit(at, position, "<!--*-->")]).0.replace("<!--*-->", "[*]")
}

#[test]
fn each_position_is_where_its_name_says() {
    let html = "<!doctype html><body><main class=x><p>a</p></main><hr class=y></body>";
    for (at, position, expected) in [
        (".x", Before, "<!doctype html><body>[*]<main class=x><p>a</p></main><hr class=y></body>"),
        (".x", Prepend, "<!doctype html><body><main class=x>[*]<p>a</p></main><hr class=y></body>"),
        (".x", Append, "<!doctype html><body><main class=x><p>a</p>[*]</main><hr class=y></body>"),
        (".x", After, "<!doctype html><body><main class=x><p>a</p></main>[*]<hr class=y></body>"),
        (".x", Replace, "<!doctype html><body>[*]<hr class=y></body>"),
        (".x", Remove, "<!doctype html><body><hr class=y></body>"),
        (".y", After, "<!doctype html><body><main class=x><p>a</p></main><hr class=y>[*]</body>"),
        (".y", Replace, "<!doctype html><body><main class=x><p>a</p></main>[*]</body>"),
        ("body", Prepend, "<!doctype html><body>[*]<main class=x><p>a</p></main><hr class=y></body>"),
        ("body", Append, "<!doctype html><body><main class=x><p>a</p></main><hr class=y>[*]</body>"),
    ] {
        assert_eq!(put(html, at, position), expected, "{at} {position:?}");
    }
}

#[test]
fn edits_of_one_place_keep_the_order_of_the_plan() {
    let html = "<!doctype html><body><p class=x>a</p>";
    let edits = [
        edit(".x", Remove, ""),
        edit("p", After, "[1]"),
        edit(".x", Before, "[2]"),
        edit("p", Before, "[3]"),
        edit("p", After, "[4]"),
        edit("p", Prepend, "[5]"),
    ];
    let (body, applied) = rewrite(html, &edits);
    assert_eq!(body, "<!doctype html><body>[2][3][1][4]");
    assert_eq!(applied, [true, true, true, true, true, false], "what is inside of a removed element was not delivered");
    let nested =
        rewrite("<!doctype html><div><p>a</p></div>", &[edit("p", Before, "[1]"), edit("div", Prepend, "[2]")]).0;
    assert_eq!(nested, "<!doctype html><div>[2][1]<p>a</p></div>");
    let ends = rewrite("<!doctype html><div><p>a</p></div>", &[edit("div", Append, "[1]"), edit("p", After, "[2]")]).0;
    assert_eq!(ends, "<!doctype html><div><p>a</p>[2][1]</div>");
}

#[test]
fn first_takes_one_and_all_takes_each() {
    let html = "<!doctype html><body><i>1</i><i>2</i>";
    assert_eq!(put(html, "i", Prepend), "<!doctype html><body><i>[*]1</i><i>2</i>");
    assert_eq!(put(html, "all:i", Append), "<!doctype html><body><i>1[*]</i><i>2[*]</i>");
    assert_eq!(put(html, "all:i", Remove), "<!doctype html><body>");
}

#[test]
fn odd_beginnings_of_pages_give_one_place_however_they_come() {
    // `rewrite` sends each in pieces of eight kinds, and sees that they do not matter.
    for html in [
        "<!doctype><f<html>",
        "<!doctype html><h\u{f4}ml><head><title>t</title></head><body>x</body>",
        "<!doctype html><html, amp><head></head>x",
        "<!doctype html><htel amp><head></head>x",
        "<!doctype html><dl><dt><plaintext><p>x<head>",
        "<!doctype html>\0\0x</head><body>y",
        "<!doctype html>\0 <p>x<body>y",
        "<!-- <head> --><!doctype html><title><head></title><head>x",
    ] {
        for (at, position) in [("head!", Prepend), ("body", Prepend), ("body", Append), ("all:body", Before)] {
            let (body, applied) = rewrite(html, &[edit(at, position, "<!--*-->")]);
            assert_eq!(body.matches("<!--*-->").count(), usize::from(applied[0]), "{at} {position:?}: {body}");
            assert_eq!(body.replace("<!--*-->", ""), html);
        }
    }
}

#[test]
fn head_edits_find_the_head_or_what_stands_in_for_it() {
    for (html, expected) in [
        ("<!doctype html><html><head><title>t</title>", "<!doctype html><html><head>[*]<title>t</title>"),
        ("<!doctype html><html><body class=b><p>", "<!doctype html><html><body class=b>[*]<p>"),
        ("<!doctype html>\n<title>t</title><p>", "<!doctype html>\n[*]<title>t</title><p>"),
        ("<!-- <head> --><!doctype html><html><body>", "<!-- <head> --><!doctype html><html><body>[*]"),
        ("<html><title>t</title><body>", "<html>[*]<title>t</title><body>"),
        ("<HTML><HEAD\n>x", "<HTML><HEAD\n>[*]x"),
        ("<!doctype html><header>no head</header>", "<!doctype html>[*]<header>no head</header>"),
    ] {
        assert_eq!(put(html, "head!", Prepend), expected);
    }
}

#[test]
fn head_edits_do_not_push_the_charset_to_where_browsers_do_not_look() {
    let edits = [edit("head!", Prepend, &format!("<!--{}-->", "x".repeat(293))), edit("p", Prepend, "[*]")];
    for (filler, kept_in_front) in [(400, true), (800, false)] {
        let head = format!("<head><!--{}-->", "c".repeat(filler));
        let html = format!(
            "<!doctype html>{head}<meta http-equiv=Content-Type content='text/html; charset=euc-jp'><title>t</title></head><p>a"
        );
        let page = crate::transform::testing::page(crate::transform::Coding::Identity, None);
        let out = crate::transform::OutCoding::Identity;
        let body = crate::transform::testing::run(&page, &edits, out, &[html.as_bytes()]).unwrap().body;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(body.find("xxx").unwrap() < body.find("<meta").unwrap(), kept_in_front, "{filler}");
        assert!(body.contains("<p>[*]a"));
        assert!(kept_in_front || body.contains("euc-jp'><!--xxx"));
    }
}

#[test]
fn body_start_is_found_without_its_tag() {
    for (html, expected) in [
        ("<html><head><title>t</title></head><p>a", "<html><head><title>t</title></head>[*]<p>a"),
        ("<!doctype html><title>t</title><p>a", "<!doctype html><title>t</title>[*]<p>a"),
        ("<html><head></head>\n<body id=b><p>a", "<html><head></head>\n<body id=b>[*]<p>a"),
    ] {
        assert_eq!(put(html, "body", Prepend), expected);
    }
}

#[test]
fn end_of_body_is_its_own_tag_or_the_end_of_the_document() {
    for (html, expected) in [
        ("<body>a</body></html>", "<body>a[*]</body></html>"),
        ("<html><body>a</html>", "<html><body>a[*]</html>"),
        ("<html><head></head><p>a</html>\n", "<html><head></head><p>a[*]</html>\n"),
        ("<body>a", "<body>a[*]"),
        ("<!doctype html><p>a", "<!doctype html><p>a[*]"),
        ("<body>a</body>b</body>", "<body>a[*]</body>b</body>"),
        ("<body><script>'</body>'</script>a</body>", "<body><script>'</body>'</script>a[*]</body>"),
        ("<body><!-- </body> -->a</body>", "<body><!-- </body> -->a[*]</body>"),
        ("<body><textarea></body></textarea>a</body>", "<body><textarea></body></textarea>a[*]</body>"),
        ("<body><template></body></template>a</body>", "<body><template></body></template>a[*]</body>"),
        ("<body><svg></body></svg>a</body>", "<body><svg></body></svg>a[*]</body>"),
        ("<body><svg><g/></svg>a</body>", "<body><svg><g/></svg>a[*]</body>"),
    ] {
        assert_eq!(put(html, "body", Append), expected);
    }
}

#[test]
fn fragments_amp_and_templates_are_left_alone() {
    for html in [
        "<td class=x>a</td>",
        "<div class=x></div>",
        "<!doctype html><html amp><body class=x>a</body>",
        "<!doctype html><html ⚡><body class=x>a</body>",
        "<!doctype html><html lang=ja \u{26a1}\u{fe0f}><body class=x>a</body>",
        "<!doctype html><template><p class=x>a</p></template>",
    ] {
        for position in [Before, Prepend, Append, Remove] {
            assert_eq!(put(html, ".x", position), html);
        }
        if !html.contains("<template") {
            assert_eq!(put(html, "head!", Prepend), html);
            assert_eq!(put(html, "body", Append), html);
        }
    }
}

#[test]
fn html_head_and_body_are_never_taken_away_and_nothing_stands_around_them() {
    let html = "<!doctype html><html class=h><head class=d></head><body class=b>a</body></html>";
    for at in [".h", ".d", ".b", "body"] {
        for position in [Replace, Remove] {
            assert_eq!(put(html, at, position), html, "{at} {position:?}");
        }
    }
    assert!(put(html, ".b", Before).contains("<body class=b>[*]a"));
    assert!(put(html, ".b", After).contains("a[*]</body>"));
    assert!(put(html, ".h", Append).contains("a[*]</body>"));
    assert!(put(html, ".d", Append).contains("[*]</head>"));
}

#[test]
fn markup_is_never_put_where_it_would_be_text() {
    let html = "<!doctype html><script class=x>1</script><p class=x></p>";
    assert_eq!(put(html, ".x", Prepend), "<!doctype html><script class=x>1</script><p class=x>[*]</p>");
    assert_eq!(
        put("<!doctype html><noscript><p class=x></noscript>", ".x", After),
        "<!doctype html><noscript><p class=x></noscript>"
    );
}

#[test]
fn unclosed_element_ends_with_the_one_around_it() {
    let html = "<!doctype html><ul><li class=x>a</ul><p>b";
    assert_eq!(put(html, ".x", Append), "<!doctype html><ul><li class=x>a[*]</ul><p>b");
    assert_eq!(put(html, ".x", Remove), "<!doctype html><ul></ul><p>b");
    assert_eq!(put("<!doctype html><main>a", "main", Append), "<!doctype html><main>a[*]");
}

#[test]
fn ambiguous_markup_is_rewritten_or_passes_whole() {
    let html = "<!doctype html><body><select><style></select><p>a</p></style></select><b>c</b></body>";
    assert_eq!(put(html, "body", Append).replace("[*]", ""), html);
    assert_eq!(put(html, "body", Prepend).replace("[*]", ""), html);
}

#[test]
fn parser_limit_passes_the_rest_and_loses_no_byte() {
    let giant = format!("<!doctype html><body><img src=\"data:{}\"><p>a</p></body>", "A".repeat(300_000));
    let deep = format!("<!doctype html><body>{}<p>a</p></body>", "<div>".repeat(20_000));
    for html in [giant, deep] {
        let (body, applied) = rewrite(&html, &[edit("body", Prepend, "[*]"), edit("p", Append, "[+]")]);
        assert_eq!(body.replace("[*]", "").replace("[+]", ""), html);
        assert!(applied[0]);
    }
}

#[test]
fn what_is_not_ascii_is_only_put_into_utf8() {
    let markup = |encoding| Markup { encoding, guessed: false, meta_end: None, doctype: true };
    for (encoding, expected) in [(encoding_rs::UTF_8, true), (encoding_rs::SHIFT_JIS, false)] {
        let mut rewriter = Rewriter::new(&[edit("p", Prepend, "\u{3042}")], &[], &markup(encoding), 1 << 16);
        rewriter.push(b"<!doctype html><p>", &mut None, &mut BytesMut::new());
        assert_eq!(rewriter.applied(), [expected]);
    }
}

/// A parser that fails at its third call.
struct Failing {
    calls: u32,
    panics: bool,
}

impl Scan for Failing {
    fn write(&mut self, _: &[u8]) -> Result<(), BailOut> {
        self.calls += 1;
        if self.calls < 3 {
            return Ok(());
        }
        assert!(!self.panics, "the parser panics");
        Err(BailOut::ParserFailed)
    }

    fn matches(&mut self) -> Vec<Match> {
        Vec::new()
    }
}

#[test]
fn failing_parser_costs_no_byte() {
    for panics in [false, true] {
        let markup = Markup { encoding: encoding_rs::UTF_8, guessed: false, meta_end: None, doctype: true };
        let mut rewriter = Rewriter::new(&[edit("p", Prepend, "x")], &[], &markup, 1 << 16);
        rewriter.scan = Some(Box::new(Failing { calls: 0, panics }));
        let mut out = BytesMut::new();
        for piece in ["one ", "two ", "three ", "four"] {
            rewriter.push(piece.as_bytes(), &mut None, &mut out);
        }
        rewriter.finish(&mut None, &mut out);
        assert_eq!(&out[..], b"one two three four");
        assert_eq!(rewriter.bailed_out(), Some(BailOut::ParserFailed));
        assert!(rewriter.is_raw());
    }
}

#[test]
fn parsing_stops_with_the_last_edit() {
    let markup = Markup { encoding: encoding_rs::UTF_8, guessed: false, meta_end: None, doctype: true };
    let mut rewriter =
        Rewriter::new(&[edit("p", Prepend, "x"), edit("head!", Prepend, "<!---->")], &[], &markup, 1 << 16);
    let mut out = BytesMut::new();
    rewriter.push(b"<!doctype html><html><head></head>", &mut None, &mut out);
    assert!(!rewriter.is_raw());
    rewriter.push(b"<body><p>a</p><p>b", &mut None, &mut out);
    assert!(rewriter.is_raw());
    assert_eq!(&out[..], b"<!doctype html><html><head><!----></head><body><p>xa</p><p>b");
    assert_eq!(rewriter.held.capacity(), 0, "nothing is kept for a parser that is gone");
}
