//! Pages of any bytes under any edits: no byte is lost, the pieces do not matter, and to a browser the page is the same but for
//! what was inserted.

use crate::fuzzing::{Input, Numbers};
use crate::transform::{
    BailOut, Coding, Edit, Limits, OutCoding, Page, Position, Selector, Target, Transform, TransformError,
};
use bytes::{Bytes, BytesMut};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::fmt::Write as _;

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
        // Which of two fit places at the start of the page is taken depends on how much of the page has come by then.
        let body = |outcome: &Outcome| {
            let heads = edits.iter().enumerate().filter(|(_, edit)| is_of_the_start(edit));
            heads.fold(outcome.body.clone(), |body, (number, _)| without(&body, mark(number).as_bytes()))
        };
        let (one, other) = (body(&whole), body(&pieced));
        assert!(one == other, "the pieces matter:\n{}\n{}", show(&one), show(&other));
        for (number, edit) in edits.iter().enumerate().filter(|(_, edit)| !is_of_the_start(edit)) {
            let delivered = |outcome: &Outcome| outcome.applied.get(number).copied();
            assert_eq!(delivered(&whole), delivered(&pieced), "the pieces matter to {edit:?}");
        }
    }
    for outcome in [&whole, &pieced] {
        judge(html, charset, &edits, outcome);
    }
}

/// An edit whose place is guessed where the page leaves tags out.
fn is_of_the_start(edit: &Edit) -> bool {
    match &edit.target {
        Target::Head => true,
        Target::First(selector) | Target::All(selector) => selector.is_body(),
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
    if memchr::memmem::find(html, b"<!--gw").is_some() {
        return;
    }
    let mut plain = outcome.body.clone();
    let mut inserted = 0;
    for (number, edit) in edits.iter().enumerate() {
        let found = memchr::memmem::find_iter(&outcome.body, &mark(number)).count();
        let delivered = outcome.applied.get(number).copied().unwrap_or_default();
        assert!(edit.position == Position::Remove || delivered == (found > 0), "edit {number}: {delivered}, {found}");
        assert!(found < 2 || matches!(edit.target, Target::All(_)), "edit {number} was carried out {found} times");
        inserted += found;
        plain = without(&plain, mark(number).as_bytes());
    }
    if edits.iter().any(|edit| matches!(edit.position, Position::Replace | Position::Remove)) {
        return;
    }
    assert!(plain == html, "a byte was lost:\n{}\n{}", show(html), show(&outcome.body));
    let (Ok(html), Ok(body)) = (std::str::from_utf8(html), std::str::from_utf8(&outcome.body)) else { return };
    if inserted == 0 || charset.is_none_or(|charset| charset != "utf-8") || is_unjudgeable(html) {
        return;
    }
    let ((shop, _), (ours, nodes)) = (outline(html), outline(body));
    // What is put at the very end may be swallowed by an element that the page left open; nothing essential is put there.
    if nodes < inserted && body.ends_with("-->") {
        return;
    }
    assert!(nodes == inserted, "{nodes} of {inserted} are nodes in {body:?}");
    assert!(ours == shop, "{body:?}\n{shop}\n{ours}");
}

/// Markup whose meaning depends on the tree around it: there a streaming parser and a browser may part ways. And a late
/// `<frameset>` takes the body away, the shop's elements and ours.
fn is_unjudgeable(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    let foreign = html.contains("<svg") || html.contains("<math");
    html.contains("<frameset")
        || (foreign && ["<![cdata[", "<style", "<title", "<script"].iter().any(|start| html.contains(start)))
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

/// The tree as text without our comments, and the number of these.
fn outline(html: &str) -> (String, usize) {
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
    let (mut text, mut ours) = (String::new(), 0);
    describe(&dom.document, &mut text, &mut ours);
    (text.replace("\"\"", ""), ours)
}

fn describe(node: &Handle, text: &mut String, ours: &mut usize) {
    match &node.data {
        NodeData::Comment { contents } if contents.len() == 3 && contents.starts_with("gw") => *ours += 1,
        NodeData::Comment { contents } => drop(write!(text, "<!--{contents}-->")),
        // Two texts with nothing between them are one: the quotes fall out.
        NodeData::Text { contents } => drop(write!(text, "\"{}\"", contents.borrow().replace('"', "'"))),
        NodeData::Element { name, attrs, template_contents, .. } => {
            let attrs: Vec<_> =
                attrs.borrow().iter().map(|attr| format!(" {}={}", attr.name.local, attr.value)).collect();
            let _ = write!(text, "<{}{}>", name.local, attrs.concat());
            if let Some(contents) = &*template_contents.borrow() {
                describe(contents, text, ours);
            }
        }
        _ => {}
    }
    for child in node.children.borrow().iter() {
        describe(child, text, ours);
    }
    if matches!(node.data, NodeData::Element { .. }) {
        *text += "</>";
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
#[test]
fn no_page_loses_a_byte_and_browsers_see_the_shops_tree() {
    crate::fuzzing::replay("rewrite", 1200, rewrite);
}
