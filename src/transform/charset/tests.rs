use super::*;
use crate::transform::testing::{edit, page, run};
use crate::transform::{Coding, OutCoding, Position};
use encoding_rs::{EUC_JP, SHIFT_JIS};

fn encoding(start: &[u8], declared: Option<&'static Encoding>) -> Result<&'static Encoding, BailOut> {
    match sniff(start, declared, true) {
        Sniffed::Markup(markup) => Ok(markup.encoding),
        Sniffed::Untouched(why) => Err(why),
        Sniffed::More => panic!("everything is there"),
    }
}

#[test]
fn bom_beats_header_beats_meta() {
    let meta = b"<meta charset=euc-jp>";
    assert_eq!(encoding(&[b"\xEF\xBB\xBF".as_slice(), meta].concat(), Some(SHIFT_JIS)), Ok(UTF_8));
    assert_eq!(encoding(meta, Some(SHIFT_JIS)), Ok(SHIFT_JIS));
    assert_eq!(encoding(meta, None), Ok(EUC_JP));
    assert_eq!(encoding(b"<p>", None), Ok(WINDOWS_1252));
}

#[test]
fn meta_is_found_as_browsers_find_it() {
    for (html, expected) in [
        ("<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=x-sjis'>", Ok(SHIFT_JIS)),
        ("<meta name=charset content=x><meta charset = \"windows-31j\" />", Ok(SHIFT_JIS)),
        ("<!-- <meta charset=utf-8> --><meta charset=euc-jp>", Ok(EUC_JP)),
        ("<meta charset=utf-16le>", Ok(UTF_8)),
        ("<meta charset=iso-2022-jp>", Err(BailOut::Charset)),
        ("<meta charset=hz-gb-2312>", Err(BailOut::Charset)),
        ("<meta charset=klingon>", Err(BailOut::Charset)),
        ("<body><meta charset=euc-jp>", Ok(WINDOWS_1252)),
    ] {
        assert_eq!(encoding(html.as_bytes(), None), expected, "{html}");
    }
}

#[test]
fn what_is_no_markup_is_untouched() {
    for body in ["{\"a\":1}", " [1]", "plain", "", " \n", "\u{feff}{}"] {
        assert_eq!(encoding(body.as_bytes(), Some(UTF_8)), Err(BailOut::NotMarkup), "{body:?}");
    }
    assert_eq!(encoding(b"\xFF\xFE<\0p\0", Some(UTF_8)), Err(BailOut::Charset));
}

#[test]
fn no_more_is_held_back_than_is_needed() {
    let waits = |start: &[u8], declared| sniff(start, declared, false) == Sniffed::More;
    assert!(!waits(b"<!doctype html>", Some(UTF_8)), "the header has said all");
    assert!(!waits(b"<html>", Some(UTF_8)));
    assert!(waits(b"<!doc", Some(UTF_8)));
    assert!(waits(b"<html>", None), "a meta may follow");
    assert!(!waits(b"<html><head><meta charset=utf-8>", None));
    assert!(!waits(b"<html><head></head>", None), "none can follow");
    assert!(!waits(&[b"<!--".as_slice(), &[b'x'; WINDOW]].concat(), None), "browsers give up here, too");
}

#[test]
fn doctype_is_seen_behind_declarations_and_comments() {
    let doctype =
        |html: &str| matches!(sniff(html.as_bytes(), Some(UTF_8), true), Sniffed::Markup(Markup { doctype: true, .. }));
    assert!(doctype("<?xml version=\"1.0\"?>\n<!-- x > y -->\n<!DOCTYPE html>"));
    assert!(doctype("\u{feff} <!doctype html>"));
    assert!(!doctype("<p><!doctype html>"));
    assert!(!doctype("<!-- <!doctype html> -->"));
}

#[test]
fn escape_in_a_page_of_unknown_charset_ends_the_rewriting() {
    let html = b"<html><head></head><body><p>a</p>\x1b$B<p class=x>$\"\x1b(B</p></body></html>";
    let edits = [edit("head!", Position::Prepend, "<!--h-->"), edit(".x", Position::Prepend, "[x]")];
    for pieces in [vec![html.as_slice()], html.chunks(1).collect()] {
        let outcome = run(&page(Coding::Identity, None), &edits, OutCoding::Identity, &pieces).unwrap();
        let expected = [b"<html><head><!--h-->".as_slice(), &html[12..]].concat();
        assert_eq!(outcome.body, expected);
        assert_eq!((outcome.applied, outcome.bail_out), (vec![true, false], Some(BailOut::Charset)));
    }
}
