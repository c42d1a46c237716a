//! Pages of any bytes under any edits: no byte is lost, the pieces do not matter, and to a browser the page is the same but for
//! what was inserted.

use crate::fuzzing::{Input, Numbers};
use crate::transform::oracle::Judged;
use crate::transform::{
    BailOut, Coding, Edit, Limits, OutCoding, Page, Position, Selector, Target, Transform, TransformError,
};
use bytes::{Bytes, BytesMut};

const SELECTORS: &[&str] = &[
    "body",
    "p",
    "div",
    "li",
    "b",
    "td",
    "main",
    "html > *",
    "a[href]",
    ".x",
    "dd",
    "#top",
    "tr",
    "svg",
    "h1",
    "*",
    "pre",
    "select",
    "option",
    "table",
    "ul > li:first-child",
    "[class~=\"x\"] p",
    "button",
    "html",
    "head",
    "form",
];
const POSITIONS: &[Position] =
    &[Position::Before, Position::After, Position::Prepend, Position::Append, Position::Replace, Position::Remove];
const CHARSETS: &[&str] = &["utf-8", "shift_jis", "euc-jp", "windows-1252"];

/// The last bytes choose the edits, the rest is the page.
pub fn rewrite(data: &[u8]) {
    let mut input = Input::new(data);
    let edits: Vec<Edit> = (0..=input.below(3)).map(|number| edit(&mut input, number)).collect();
    let charset = (!input.flag()).then(|| *input.of(CHARSETS));
    let parser_memory = *input.of(&[64 * 1024, 512]);
    let mut numbers = Numbers::new(u64::from(input.byte()));
    let html = input.rest();

    let limits = Limits { parser_memory, ..Limits::default() };
    let whole = run(&edits, charset, limits, &[html]).expect("identity does not fail");
    let pieced = run(&edits, charset, limits, &numbers.pieces(html)).expect("identity does not fail");
    // How much a parser holds back, and so where it gives up, depends on the pieces.
    if whole.bail_out.is_none() && pieced.bail_out.is_none() {
        let (one, other) = (&whole.body, &pieced.body);
        assert!(one == other, "the pieces matter:\n{}\n{}", show(one), show(other));
        assert_eq!(whole.applied, pieced.applied, "the pieces matter to {edits:?}");
    }
    for outcome in [&whole, &pieced] {
        judge(html, charset, &edits, outcome);
    }
}

fn edit(input: &mut Input<'_>, number: usize) -> Edit {
    let place = input.byte();
    let selector = input.of(SELECTORS);
    let selector = Selector::parse(selector).expect("a selector");
    let target = match place % 4 {
        0 => Target::Head,
        1 => Target::All(selector),
        _ => Target::First(selector),
    };
    let position = if matches!(target, Target::Head) { Position::Prepend } else { *input.of(POSITIONS) };
    let html = if position == Position::Remove { String::new() } else { mark(number) };
    Edit { target, position, html: html.into() }
}

fn mark(number: usize) -> String {
    format!("<!--gw{number}-->")
}

struct Outcome {
    body: Vec<u8>,
    applied: Vec<bool>,
    bail_out: Option<BailOut>,
}

fn run(edits: &[Edit], charset: Option<&str>, limits: Limits, pieces: &[&[u8]]) -> Result<Outcome, TransformError> {
    let charset = charset.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
    let page = Page { coding: Coding::Identity, charset, has_body: true };
    let mut transform = Transform::new(&page, edits.to_vec(), limits, OutCoding::Identity)?;
    let mut body = BytesMut::new();
    for piece in pieces {
        if let Some(same) = transform.push_bytes(Bytes::copy_from_slice(piece), &mut body)? {
            body.extend_from_slice(&same);
        }
    }
    transform.finish(&mut body)?;
    Ok(Outcome { body: body.to_vec(), applied: transform.applied(), bail_out: transform.bailed_out() })
}

fn judge(html: &[u8], charset: Option<&str>, edits: &[Edit], outcome: &Outcome) {
    // What looks like ours would be taken for ours.
    if [&b"<!--gw"[..], b"data-gw"].iter().any(|ours| memchr::memmem::find(html, ours).is_some()) {
        return;
    }
    let mut plain = outcome.body.clone();
    for (number, edit) in edits.iter().enumerate() {
        let found = memchr::memmem::find_iter(&outcome.body, &mark(number)).count();
        let delivered = outcome.applied.get(number).copied().unwrap_or_default();
        assert!(edit.position == Position::Remove || delivered == (found > 0), "edit {number}: {delivered}, {found}");
        assert!(found < 2 || matches!(edit.target, Target::All(_)), "edit {number} was carried out {found} times");
        plain = without(&plain, mark(number).as_bytes());
    }
    let cuts: Vec<_> =
        edits.iter().filter(|edit| matches!(edit.position, Position::Replace | Position::Remove)).collect();
    assert!(plain == html || !cuts.is_empty(), "a byte was lost:\n{}\n{}", show(html), show(&outcome.body));
    // The judge reads UTF-8, and sees where one thing is missing.
    let one_cut = matches!(*cuts, [] | [Edit { target: Target::First(_), .. }]);
    let (Ok(html), Ok(body)) = (std::str::from_utf8(html), String::from_utf8(outcome.body.clone())) else { return };
    if !one_cut || charset != Some("utf-8") {
        return;
    }
    // To the judge all that we put in is the same.
    let body = (0..edits.len()).fold(body, |body, number| body.replace(&mark(number), "<!--gw-->"));
    let same: Vec<_> = edits.iter().map(|edit| with_html(edit, "<!--gw-->")).collect();
    if let Judged::Wrong(why) = Judged::new(html, &body, &same, &outcome.applied, outcome.bail_out) {
        panic!("{why}");
    }
}

fn with_html(edit: &Edit, html: &'static str) -> Edit {
    let html = if edit.html.is_empty() { Bytes::new() } else { Bytes::from_static(html.as_bytes()) };
    Edit { html, ..edit.clone() }
}

fn without(body: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(body.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(body, mark) {
        kept.extend_from_slice(body.get(from..at).unwrap_or_default());
        from = at + mark.len();
    }
    kept.extend_from_slice(body.get(from..).unwrap_or_default());
    kept
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
#[test]
fn no_page_loses_a_byte_and_browsers_see_the_shops_tree() {
    crate::fuzzing::replay("rewrite", 1200, rewrite);
}
