//! A browser's parser as the judge: what we insert is a node of its own, and without it the tree is the shop's.

use super::testing::{Chunks, edit, page, run};
use super::{Coding, OutCoding, Position};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;
use std::fmt::Write as _;

/// Pieces of soup. Text has no white space: around tables it would move on its own.
const PIECES: &[&str] = &[
    "<div>",
    "</div>",
    "<p>",
    "</p>",
    "<ul>",
    "</ul>",
    "<li>",
    "</li>",
    "<b>",
    "</b>",
    "<a href=x>",
    "</a>",
    "<table>",
    "</table>",
    "<tr>",
    "</tr>",
    "<td>",
    "</td>",
    "<br>",
    "<img src='a>b'>",
    "<span title=\"<p>\">",
    "</span>",
    "<h1>",
    "</h1>",
    "text",
    "&amp;",
    "a<b",
    "<",
    "</",
    "<!---->",
    "<!-- <p> -->",
    "<!-->",
    "</x y>",
    "<?pi?>",
    "<![CDATA[x]]>",
    "<script>",
    "</script>",
    "'<p>'",
    "<!--<script>",
    "<style>",
    "</style>",
    "<textarea>",
    "</textarea>",
    "<title>",
    "</title>",
    "<noscript>",
    "</noscript>",
    "<svg>",
    "</svg>",
    "<g/>",
    "<math>",
    "</math>",
    "<template>",
    "</template>",
    "<main>",
    "</main>",
    "<html>",
    "<head>",
    "</head>",
    "<body>",
    "</body>",
    "</html>",
    "<iframe>",
    "</iframe>",
    "<i\0>",
    "<P CLASS=x>",
    "\0",
    "<dl>",
    "<dt>",
    "<dd>",
];

fn soup() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "<!doctype html>",
        "<!doctype html><html><head></head><body>",
        "<html>",
        "<body>",
        "",
    ]);
    (start, prop::collection::vec(prop::sample::select(PIECES), 0..40))
        .prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
}

fn place() -> impl Strategy<Value = (&'static str, Position)> {
    let at = prop::sample::select(vec![
        "head!", "body", "p", "div", "li", "all:b", "td", "main", "html > *", "a[href]", ".x", "all:dd",
    ]);
    let position = prop::sample::select(vec![Position::Before, Position::After, Position::Prepend, Position::Append]);
    (at, position)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inserted_comments_are_nodes_and_the_rest_of_the_tree_is_the_shops(html in soup(), places in prop::collection::vec(place(), 1..4)) {
        let edits: Vec<_> = places.iter().map(|(at, position)| edit(at, *position, "<!--gw-->")).collect();
        let mut chunks = Chunks::new();
        let outcome = run(&page(Coding::Identity, Some("utf-8")), &edits, OutCoding::Identity, &chunks.split(html.as_bytes())).unwrap();
        let body = String::from_utf8(outcome.body).unwrap();
        prop_assert_eq!(body.replace("<!--gw-->", ""), html.clone(), "no byte of the shop's is changed");
        if is_unjudgeable(&html) {
            return Ok(());
        }
        let inserted = body.matches("<!--gw-->").count();
        let (shop, _) = outline(&html);
        let (ours, nodes) = outline(&body);
        // What is put at the very end may be swallowed by an element that the page left open; nothing essential is put there.
        let swallowed = body.ends_with("<!--gw-->") && nodes < inserted;
        prop_assert!(swallowed || nodes == inserted, "{} of {} are nodes in {:?}", nodes, inserted, body);
        prop_assert!(swallowed || ours == shop, "{:?}\n{}\n{}", body, shop, ours);
    }
}

/// Soup in which a streaming parser and a browser may part ways: inside of svg and math, whether these begin raw text or a
/// CDATA section depends on how many elements an HTML tag has ended, which takes a stack of open elements to know.
fn is_unjudgeable(html: &str) -> bool {
    let foreign = html.contains("<svg>") || html.contains("<math>");
    let raw = ["<![CDATA[", "<style>", "<title>", "<script>", "<iframe>", "<textarea>", "<noscript>"];
    foreign && raw.iter().any(|start| html.contains(start))
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
        NodeData::Comment { contents } if &**contents == "gw" => *ours += 1,
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
