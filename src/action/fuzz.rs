//! Fuzz target: any value in any place of any markup, and any template, judged by a browser's parser.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

use super::escape;
use super::markup::{self, VALUE_END, VALUE_START, clean};
use super::template::{Drawn, Field, Source};
use crate::facts::FactSource;
use crate::facts::attributes::AttributeId;
use crate::facts::value::{Type, Value};
use crate::fuzzing::Input;
use html5ever::driver::ParseOpts;
use html5ever::parse_document;
use html5ever::tendril::TendrilSink;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::fmt::Write as _;

const MARK: &str = " data-gw=\"s/v\"";
/// A name that no markup of ours or of a merchant has: if a browser sees it as markup, a value has become markup.
const NEVER: &str = "zq9";
const ATTACKS: &[&str] = &[
    "",
    "\"><zq9>",
    "' zq9=1 x='",
    "</script><zq9>",
    "</style><zq9>",
    "</textarea></title><zq9>",
    "--><zq9>",
    "]]><zq9>",
    "`zq9=1",
    "&quot; zq9=1",
    "&lt;zq9>",
    "\n<zq9\n",
    "javascript:zq9",
    "//zq9.example",
];

/// A frame, a line `====`, and a value. Slots for the value are `{}`; a frame with `{{` is a template.
pub fn templates(data: &[u8]) {
    let mut input = Input::new(data);
    let attack = *input.of(ATTACKS);
    let first = input.flag();
    let text = input.text();
    let (frame, value) = text.split_once("\n====\n").unwrap_or((&text, ""));
    let value = if first { format!("{attack}{value}") } else { format!("{value}{attack}") };
    if frame.to_ascii_lowercase().contains(NEVER) {
        return;
    }
    if frame.contains("{{") || frame.contains("{%") {
        template(frame, &value);
    } else {
        slots(frame, &value);
    }
}

/// Whatever the value, a browser sees the elements and attributes that it sees with a harmless one.
fn slots(frame: &str, value: &str) {
    let frame = clean(frame);
    let with = |value: &str| {
        let value = format!("{VALUE_START}{}{VALUE_END}", clean(value));
        markup::finish(&frame.replace("{}", &value), MARK)
    };
    let (harmless, tried) = (with("x"), with(value));
    assert_eq!(harmless.is_ok(), tried.is_ok(), "a value decides whether the markup is right: {harmless:?}, {tried:?}");
    let (Ok(harmless), Ok(tried)) = (harmless, tried) else { return };
    let (harmless, tried) = (Seen::of(&harmless.html), Seen::of(&tried.html));
    assert_eq!(harmless.shape, tried.shape, "a value became markup");
    for ((tag, name, before), (.., after)) in harmless.attributes.iter().zip(&tried.attributes) {
        if before != after && escape::is_url(name) {
            address(tag, before, after);
        }
    }
}

/// An address into which a value went: harmless, and where it is run, of the same host.
fn address(tag: &str, before: &str, after: &str) {
    let page = url::Url::parse("https://shop.example/a/b").expect("an address");
    let (Ok(before), Ok(after)) = (page.join(before), page.join(after)) else { return };
    let harmless = ["https", "http", "mailto", "tel", "sms"];
    assert!(harmless.contains(&after.scheme()), "a value made <{tag}> run {after}");
    if escape::loads_code(tag) {
        assert_eq!(before.origin(), after.origin(), "a value chose where <{tag}> loads from");
    }
}

/// Whatever the template does with its facts, none of them becomes markup.
fn template(frame: &str, value: &str) {
    let fields = vec![
        ("title", Field::Text("Dear {{ customer.name }}, {{ visitor.visits }}".into())),
        ("href", Field::Url("/s?q={{ page.query.q }}".into())),
        ("whole", Field::Url("{{ customer.name }}".into())),
        ("flag", Field::Fixed(true.into())),
    ];
    let source = Source { frame, fields, absent: &["text"], marker: MARK, language: "en" };
    let Ok((drawn, _)) = Drawn::new(&source) else { return };
    for facts in [Hostile(Some(value)), Hostile(None)] {
        if let Ok(html) = drawn.draw("html", &facts, None) {
            let seen = Seen::of(&html);
            assert!(!seen.shape.contains(NEVER), "a fact became markup: {}", html.escape_ascii());
        }
    }
}

/// Every text is the same one, or nothing is known.
struct Hostile<'v>(Option<&'v str>);

impl FactSource for Hostile<'_> {
    fn fact(&self, attribute: AttributeId, _: Option<&str>) -> Option<Value<'_>> {
        let text = self.0?;
        Some(match attribute.get()?.ty {
            Type::Bool => Value::Bool(text.len() % 2 == 0),
            Type::Int => Value::Int(text.len() as i64),
            Type::Double => Value::Double(text.len() as f64 / 3.0),
            Type::String => Value::String(text.into()),
            Type::Strings => Value::Strings(vec![text.into(), "b".into()]),
        })
    }
}

/// What a browser sees of a fragment in the middle of a page.
struct Seen {
    /// Names of elements and attributes, indented.
    shape: String,
    /// Element, attribute, value.
    attributes: Vec<(String, String, String)>,
}

impl Seen {
    fn of(html: &[u8]) -> Self {
        assert!(html.is_ascii(), "not ASCII");
        let html = std::str::from_utf8(html).expect("ASCII");
        assert!(!html.contains([VALUE_START, VALUE_END]), "the bounds of a value are in {html:?}");
        let page = format!("<!doctype html><body><main><i id=before></i>{html}<i id=after></i></main>");
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(page.as_str());
        let mut seen = Self { shape: String::new(), attributes: Vec::new() };
        let body = element(&dom.document, "body").expect("a body");
        let main = element(&body, "main").expect("a main");
        let inside = main.children.borrow();
        let ends = [inside.first(), inside.last()].map(|end| end.and_then(|end| attribute(end, "id")));
        assert_eq!(ends, [Some("before".to_owned()), Some("after".to_owned())], "the page is broken by {html:?}");
        let around =
            body.children.borrow().iter().filter(|child| matches!(child.data, NodeData::Element { .. })).count();
        assert_eq!(around, 1, "the page is broken by {html:?}");
        for child in inside.iter() {
            seen.walk(child, 0);
        }
        seen
    }

    fn walk(&mut self, node: &Handle, depth: usize) {
        match &node.data {
            NodeData::Element { name, attrs, template_contents, .. } => {
                let _ = write!(self.shape, "\n{:depth$}{}", "", name.local);
                for attribute in attrs.borrow().iter() {
                    let _ = write!(self.shape, " {}", attribute.name.local);
                    let (tag, name) = (name.local.to_string(), attribute.name.local.to_string());
                    self.attributes.push((tag, name, attribute.value.to_string()));
                }
                if let Some(contents) = &*template_contents.borrow() {
                    self.walk(contents, depth + 1);
                }
            }
            NodeData::Comment { .. } => self.shape.push_str(" !comment"),
            NodeData::Document | NodeData::Text { .. } => {}
            NodeData::Doctype { .. } | NodeData::ProcessingInstruction { .. } => self.shape.push_str(" !other"),
        }
        for child in node.children.borrow().iter() {
            self.walk(child, depth + 1);
        }
    }
}

/// The first element of a name.
fn element(node: &Handle, wanted: &str) -> Option<Handle> {
    node.children.borrow().iter().find_map(|child| match &child.data {
        NodeData::Element { name, .. } if &*name.local == wanted => Some(child.clone()),
        _ => element(child, wanted),
    })
}

fn attribute(node: &Handle, wanted: &str) -> Option<String> {
    let NodeData::Element { attrs, .. } = &node.data else { return None };
    attrs.borrow().iter().find(|attr| &*attr.name.local == wanted).map(|attr| attr.value.to_string())
}

#[cfg(test)]
#[test]
fn no_value_becomes_markup_in_any_place() {
    crate::fuzzing::replay("templates", 3000, templates);
}
