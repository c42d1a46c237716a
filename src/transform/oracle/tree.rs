//! Parses a page before and after with html5ever, and compares.

use super::{BailOut, Edit, Position};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::fmt::Write as _;

/// What the judge says.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transform) enum Judged {
    /// All edits are there, and the rest of the tree is the shop's.
    Right,
    /// The same, but some edits were given up.
    GivenUp(Option<BailOut>),
    /// What was cut out had left something open: said so, and not judged.
    CutOpen,
    /// A frameset took the body's place behind the edit, and our node with it; or it found the place taken. Only a page that
    /// shows nothing, has no `<body>`, and has an element that matches before its `<frameset>` can come to this.
    Frameset,
    /// The trees differ, and the judge is the one that errs.
    Misjudged,
    /// The trees differ.
    Wrong(String),
}

impl Judged {
    /// The edits put in one and the same marked markup, and cut out one element at most.
    pub(in crate::transform) fn new(
        shop: &str,
        ours: &str,
        edits: &[Edit],
        applied: &[bool],
        why: Option<BailOut>,
    ) -> Self {
        let cuts = edits.iter().any(|edit| matches!(edit.position, Position::Replace | Position::Remove));
        let html = edits.iter().find(|edit| !edit.html.is_empty());
        let html = html.and_then(|edit| std::str::from_utf8(&edit.html).ok()).unwrap_or_default();
        let (inserted, bare) =
            if html.is_empty() { (0, ours.to_owned()) } else { (ours.matches(html).count(), ours.replace(html, "")) };
        if applied.contains(&true) != (inserted > 0 || bare != shop) {
            return Self::Wrong(format!("applied says {applied:?}, {inserted} are there: {ours:?}"));
        }
        let shops = if bare == shop { vec![shop.to_owned()] } else { mark_cut(shop, &bare) };
        if shops.is_empty() || (bare != shop && !cuts) {
            return Self::Wrong(format!("bytes of the shop's are changed:\n{shop:?}\n{bare:?}"));
        }
        if bare != shop && why.is_some() {
            return Self::CutOpen;
        }
        let (found, nodes) = outline(ours);
        let wanted: Vec<_> = shops.iter().map(|shop| outline(shop).0).collect();
        let each = outline(html).1.max(1);
        if nodes == inserted * each && wanted.contains(&found) {
            return if !applied.contains(&false) && why.is_none() { Self::Right } else { Self::GivenUp(why) };
        }
        let has_frameset = |tree: &String| ["<html frameset>", "<html frameset "].iter().any(|tag| tree.contains(tag));
        if wanted.iter().any(has_frameset) && (wanted.contains(&found) || !has_frameset(&found)) {
            return Self::Frameset;
        }
        if is_misjudged(shop) {
            return Self::Misjudged;
        }
        Self::Wrong(format!(
            "{nodes} of {inserted} x {each} are nodes:\n{shop:?}\n{ours:?}\n{}\n{found}",
            wanted.concat()
        ))
    }
}

/// Pages that html5ever 0.40 and browsers read in different ways: where HTML stands in svg or math, the element in which it
/// does is special, so that no list item, formatting or other end tag reaches through it. html5ever forgets that.
fn is_misjudged(shop: &str) -> bool {
    let shop = shop.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| shop.contains(word));
    (shop.contains("<svg") && has(&["<desc", "<title", "<foreignobject"]))
        || (shop.contains("<math") && has(&["<mi", "<mo", "<mn", "<ms", "<mtext", "<annotation-xml"]))
}

/// The pages with a mark in the tag with which a range begins that is missing in `bare`: more than one, if like stands by like.
fn mark_cut(shop: &str, bare: &str) -> Vec<String> {
    let prefix = shop.bytes().zip(bare.bytes()).take_while(|(a, b)| a == b).count();
    let Some(length) = shop.len().checked_sub(bare.len()) else { return Vec::new() };
    let same = |start: &usize| shop.as_bytes().get(start + length..) == bare.as_bytes().get(*start..);
    let marked = |start: usize| {
        let tag =
            shop.get(start..)?.strip_prefix('<').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))?;
        let name = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))?;
        let (before, after) = shop.split_at(start + 1 + name);
        Some(format!("{before} data-gw {after}"))
    };
    (0..=prefix).rev().take_while(same).filter_map(marked).collect()
}

/// The tree as text without our nodes, and the number of these.
pub(super) fn outline(html: &str) -> (String, usize) {
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
    let (mut text, mut ours) = (String::new(), 0);
    describe(dom.document.clone(), &mut text, &mut ours);
    // Two texts with nothing between them are one: the quotes fall out.
    (text.replace("\"\"", ""), ours)
}

/// Without recursion: pages nest deeper than stacks.
fn describe(document: Handle, text: &mut String, ours: &mut usize) {
    let mut todo = vec![Some(document)];
    while let Some(next) = todo.pop() {
        let Some(node) = next else {
            *text += "</>\n";
            continue;
        };
        match &node.data {
            NodeData::Comment { contents } if &**contents == "gw" => *ours += 1,
            NodeData::Comment { contents } => drop(write!(text, "<!--{contents}-->")),
            NodeData::Text { contents } => drop(write!(text, "\"{}\"", contents.borrow().replace('"', "'"))),
            NodeData::Element { name, attrs, template_contents, .. } => {
                if attrs.borrow().iter().any(|attr| &*attr.name.local == "data-gw") {
                    *ours += 1;
                    continue;
                }
                let attrs: Vec<_> =
                    attrs.borrow().iter().map(|attr| format!(" {}={:?}", attr.name.local, attr.value)).collect();
                let _ = write!(
                    text,
                    "<{} {}{}>",
                    name.ns.get(name.ns.len().saturating_sub(4)..).unwrap_or_default(),
                    name.local,
                    attrs.concat().replace("\"\"", "''")
                );
                todo.push(None);
                if let Some(contents) = &*template_contents.borrow() {
                    todo.push(Some(contents.clone()));
                }
            }
            _ => {}
        }
        todo.extend(node.children.borrow().iter().rev().cloned().map(Some));
    }
}
