//! What a template sees: a tree of names, with the facts that it uses as leaves.
//!
//! Decides which facts a template may use. Facts are looked up when, and only when, a template that uses them is drawn.

use super::template::{Given, InvalidTemplate};
use super::{Code, words};
use crate::config::reader::suggest;
use crate::facts::FactSource;
use crate::facts::attributes::{ATTRIBUTES, AttributeId, Known, Shape, find};
use crate::facts::value::{Type, Value as Fact};
use minijinja::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Names and what they stand for.
#[derive(Debug, Default)]
pub(super) struct Branch(BTreeMap<Box<str>, Node>);

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Node {
    /// The same for everybody.
    Fixed(Value),
    /// A fact, with its key.
    Fact(AttributeId, Option<Box<str>>),
    /// Comes with a code from a pool.
    Given(Given),
    /// A text or an address that uses facts, by the name of its template.
    Template {
        /// Name of the template.
        name: &'static str,
        /// What it sees.
        facts: Branch,
        /// It is an address.
        is_url: bool,
    },
    /// More names.
    Branch(Branch),
}

/// Renders a template by its name: with what it sees, and whether it is an address.
type Render<'r, E> = dyn Fn(&'static str, Value, bool) -> Result<String, E> + 'r;

impl Branch {
    /// Puts a node at a dotted path.
    pub(super) fn put(&mut self, path: &str, node: Node) {
        match path.split_once('.') {
            None => {
                self.0.insert(path.into(), node);
            }
            Some((first, rest)) => self.branch(first).put(rest, node),
        }
    }

    /// Puts a fact at the name by which a template's source uses it.
    pub(super) fn put_fact(&mut self, name: &str, source: &str, fields: &[&str]) -> Result<(), InvalidTemplate> {
        let refuse = |code, message, help| Err(InvalidTemplate { code, message, help, field: None });
        // `customer.attr.size` is another way to write `customer.attr["size"]`.
        let dotted = name.rsplit_once('.').and_then(|(map, key)| find(map).map(|id| (id, vec![key])));
        let whole = find(name).map(|id| (id, subscripts(source, name)));
        let Some((id, keys)) = whole.or(dotted) else {
            let known = ATTRIBUTES.iter().map(|a| a.name).chain(fields.iter().copied());
            let help = suggest(name, known).map(|best| format!("did you mean `{best}`?"));
            return refuse("unknown-attribute", format!("unknown attribute `{name}`"), help);
        };
        let Some(attribute) = id.get() else { return Ok(()) };
        if attribute.known == Known::Later {
            let message = format!("`{}` is not observed by this version", attribute.name);
            return refuse("not-observed", message, Some("it comes from consent or chat".into()));
        }
        match attribute.shape {
            Shape::Plain if attribute.name == name => self.put(name, Node::Fact(id, None)),
            Shape::Map if keys.is_empty() => {
                let message = format!("`{name}` needs a key in quotes");
                return refuse("bad-template", message, Some(format!("write `{name}[\"…\"]`")));
            }
            Shape::Map => {
                let map = attribute.name.split('.').fold(self, |at, part| at.branch(part));
                for key in keys {
                    map.0.insert(key.into(), Node::Fact(id, Some(key.into())));
                }
            }
            Shape::Plain | Shape::Call => {
                let message = format!("`{name}` cannot be printed");
                return refuse("bad-template", message, Some("ask for it in the scenario's `when`".into()));
            }
        }
        Ok(())
    }

    /// The branch at a name; what stood there gives way.
    fn branch(&mut self, name: &str) -> &mut Branch {
        let node = self.0.entry(name.into()).or_insert_with(|| Node::Branch(Branch::default()));
        if !matches!(node, Node::Branch(_)) {
            *node = Node::Branch(Branch::default());
        }
        let Node::Branch(branch) = node else { unreachable!("it was made a branch just now") };
        branch
    }

    /// Whether no fact is in it.
    pub(super) fn is_fixed(&self) -> bool {
        self.0.values().all(|node| match node {
            Node::Fixed(_) => true,
            Node::Fact(..) | Node::Given(_) => false,
            Node::Template { facts: branch, .. } | Node::Branch(branch) => branch.is_fixed(),
        })
    }

    /// Whether it has a fact that is known from the page's own content.
    pub(super) fn needs_content(&self) -> bool {
        self.0.values().any(|node| match node {
            Node::Fixed(_) | Node::Given(_) => false,
            Node::Fact(id, _) => id.get().is_some_and(|attribute| attribute.known == Known::Content),
            Node::Template { facts: branch, .. } | Node::Branch(branch) => branch.needs_content(),
        })
    }

    /// Looks the facts up. What is not known is not there.
    pub(super) fn evaluate<E>(&self, inputs: &Inputs<'_>, render: &Render<'_, E>) -> Result<Value, E> {
        let mut pairs = Vec::with_capacity(self.0.len());
        for (name, node) in &self.0 {
            let value = match node {
                Node::Fixed(value) => value.clone(),
                Node::Branch(branch) => branch.evaluate(inputs, render)?,
                Node::Given(given) => match inputs.given(*given) {
                    Some(value) => value,
                    None => continue,
                },
                Node::Fact(id, key) => match inputs.facts.fact(*id, key.as_deref()) {
                    Some(fact) => to_value(&fact),
                    None => continue,
                },
                Node::Template { name, facts: own, is_url } => {
                    Value::from(render(name, own.evaluate(inputs, render)?, *is_url)?)
                }
            };
            pairs.push((name.as_ref(), value));
        }
        Ok(Value::from_pairs(pairs))
    }
}

/// What a template is drawn from.
pub(super) struct Inputs<'a> {
    pub(super) facts: &'a dyn FactSource,
    pub(super) code: Option<&'a Code>,
    pub(super) language: &'a str,
}

impl Inputs<'_> {
    fn given(&self, given: Given) -> Option<Value> {
        let code = self.code?;
        let until = code.until.as_ref();
        match given {
            Given::Code => Some(Value::from(code.text.as_ref())),
            Given::UntilIso => until.map(|until| Value::from(until.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())),
            Given::UntilText => until.map(|until| Value::from(words::deadline(self.language, until.datetime()))),
        }
    }
}

/// The constant keys that a source subscripts a name with.
fn subscripts<'s>(source: &'s str, name: &str) -> Vec<&'s str> {
    let mut keys = Vec::new();
    for (at, _) in source.match_indices(name) {
        let rest = source.get(at + name.len()..).unwrap_or_default().trim_start();
        let Some(rest) = rest.strip_prefix('[').map(str::trim_start) else { continue };
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        if let Some((key, _)) = rest.get(1..).and_then(|rest| rest.split_once(quote))
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    keys
}

fn to_value(fact: &Fact<'_>) -> Value {
    match fact {
        Fact::Bool(value) => Value::from(*value),
        Fact::Int(value) => Value::from(*value),
        Fact::Double(value) => Value::from(*value),
        Fact::String(value) => Value::from(value.as_ref()),
        Fact::Strings(values) => values.iter().map(|value| Value::from(value.as_ref())).collect(),
    }
}

/// Made-up facts, for the trial at load.
pub(super) enum Sample {
    /// Every fact is known.
    Everything,
    /// None is.
    Nothing,
}

/// A made-up code, for the trial at load.
pub(super) static SAMPLE_CODE: LazyLock<Code> = LazyLock::new(|| Code {
    pool: "".into(),
    text: "SAMPLE-CODE".into(),
    until: Some(jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC)),
});

impl FactSource for Sample {
    fn fact(&self, attribute: AttributeId, _: Option<&str>) -> Option<Fact<'_>> {
        let attribute = attribute.get().filter(|_| matches!(self, Self::Everything))?;
        let text = attribute.values.first().copied().unwrap_or("sample");
        Some(match attribute.ty {
            Type::Bool => Fact::Bool(true),
            Type::Int => Fact::Int(attribute.range.map_or(2, |(least, greatest)| 2.clamp(least, greatest))),
            Type::Double => Fact::Double(2.5),
            Type::String => Fact::String(text.into()),
            Type::Strings => Fact::Strings(vec![text.into()]),
        })
    }
}
