//! Templates: from a merchant's texts to one fragment a language, prepared as far as possible at load.
//!
//! Decides which facts a template uses, and refuses what it cannot know. Escaping is not done here: printed values are
//! only bounded, and [`super::markup`] escapes them where they land, so that no filter or block can turn it off.

use super::ActionError;
use super::markup::{self, VALUE_END, VALUE_START};
use crate::facts::FactSource;
use crate::facts::attributes::{Attribute, AttributeId, Shape};
use crate::facts::value::{Type, Value as Fact};
use bytes::Bytes;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// Work that one template may do: far more than any card needs, and less than a visitor could notice.
const FUEL: u64 = 20_000;

/// What a template is made of, for one language.
pub(super) struct Source<'a> {
    /// The frame: a fragment of markup.
    pub frame: &'a str,
    /// What the frame may print: `title`, `button.href`. Names do not collide with facts.
    pub fields: Vec<(&'static str, Field)>,
    /// What the frame may print although this action leaves it out.
    pub absent: &'a [&'static str],
    /// Attributes for each top-level element, escaped, with a leading blank.
    pub marker: &'a str,
    /// All attributes that templates may use.
    pub attributes: &'static [Attribute],
}

/// A value that the frame may print.
#[derive(Debug, Clone)]
pub(super) enum Field {
    /// A text; it may use facts.
    Text(String),
    /// An address; it may use facts, which are percent-encoded.
    Url(String),
    /// Fixed.
    Fixed(Value),
}

/// A fragment, as ready as it can be.
#[derive(Debug)]
pub(super) enum Drawn {
    /// It needs no facts.
    Ready(Bytes),
    /// It is rendered for each page.
    Live(Box<Live>),
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidTemplate {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong; the field's name and the line are part of it.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The field that it is in; `None` for the frame.
    pub field: Option<&'static str>,
}

impl Drawn {
    /// Compiles, checks and, if it can, renders.
    pub(super) fn new(source: &Source<'_>) -> Result<(Self, Vec<Box<str>>), InvalidTemplate> {
        let mut env = ENGINE.clone();
        let mut scope = Branch::default();
        let frame = markup::clean(source.frame).into_owned();
        add(&mut env, FRAME, frame, None)?;
        let names: Vec<&str> =
            source.fields.iter().map(|(name, _)| *name).chain(source.absent.iter().copied()).collect();
        use_facts(&env, FRAME, None, source.attributes, &names, &mut scope)?;
        for (name, field) in &source.fields {
            let (text, is_url) = match field {
                Field::Fixed(value) => {
                    scope.put(name, Node::Fixed(value.clone()));
                    continue;
                }
                Field::Text(text) => (text, false),
                Field::Url(text) => (text, true),
            };
            let text = markup::clean(text);
            if !["{{", "{%", "{#"].iter().any(|open| text.contains(open)) {
                scope.put(name, Node::Fixed(Value::from(text.as_ref())));
                continue;
            }
            add(&mut env, name, text.into_owned(), Some(name))?;
            let mut own = Branch::default();
            use_facts(&env, name, Some(name), source.attributes, &[], &mut own)?;
            scope.put(name, Node::Template { name, facts: own, is_url });
        }
        let live = Live { env, scope, marker: source.marker.into() };
        // Once with every fact and once with none: that finds unknown filters, endless loops and markup that breaks the page.
        let full = live.render(&Sample(source.attributes)).map_err(Failure::into_invalid)?;
        if live.scope.is_fixed() {
            return Ok((Self::Ready(full.html), full.origins));
        }
        let bare = live.render(&Sample(&[]));
        if let Err(Failure::Markup(problem)) = bare {
            return Err(Failure::Markup(problem).into_invalid());
        }
        Ok((Self::Live(Box::new(live)), full.origins))
    }

    /// The fragment for one page.
    pub(super) fn draw(&self, kind: &'static str, facts: &dyn FactSource) -> Result<Bytes, ActionError> {
        match self {
            Self::Ready(html) => Ok(html.clone()),
            Self::Live(live) => match live.render(facts) {
                Ok(fragment) => Ok(fragment.html),
                Err(failure) => Err(ActionError { kind, reason: failure.to_string() }),
            },
        }
    }
}

/// A template that needs facts.
pub(super) struct Live {
    env: Environment<'static>,
    scope: Branch,
    marker: Box<str>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Live {
    fn render(&self, facts: &dyn FactSource) -> Result<markup::Fragment, Failure> {
        let scope = self.scope.evaluate(&self.env, facts)?;
        let rendered =
            self.env.get_template(FRAME).and_then(|t| t.render(scope)).map_err(|e| Failure::Template(None, e))?;
        Ok(markup::finish(&rendered, &self.marker)?)
    }
}

const FRAME: &str = "frame";

/// Filters that would mark a value as safe, or escape it a second time.
const REFUSED_FILTERS: [&str; 5] = ["safe", "escape", "e", "tojson", "pprint"];

/// The engine that all templates share; a clone shares its filters.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    // What is printed is escaped once, by the writer.
    for name in REFUSED_FILTERS {
        env.remove_filter(name);
    }
    for name in ["debug", "dict", "namespace"] {
        env.remove_global(name);
    }
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    env.set_fuel(Some(FUEL));
    env.set_formatter(|out, _, value| {
        if value.is_undefined() || value.is_none() {
            return Ok(());
        }
        let text = match value.as_str() {
            Some(text) => markup::clean(text).into_owned(),
            None => markup::clean(&value.to_string()).into_owned(),
        };
        write!(out, "{VALUE_START}{text}{VALUE_END}").map_err(minijinja::Error::from)
    });
    env.add_filter("money", money);
    env.add_filter("parts", parts);
    env
});

/// `{{ cart.value | money }}`: 12800 → 12,800.
fn money(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if number <= -0.5 { format!("-{grouped}") } else { grouped }
}

/// `{{ amount | parts }}`: "Up to 500円OFF" → ["Up to ", "500", "円OFF"], so that the number can be set larger.
fn parts(text: &str) -> Vec<String> {
    let is_number = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
    let Some(start) = text.find(is_number) else { return vec![String::new(), text.to_owned(), String::new()] };
    let (before, rest) = text.split_at(start);
    let end = rest.find(|c| !is_number(c) && !matches!(c, ',' | '.')).unwrap_or(rest.len());
    let (number, after) = rest.split_at(end);
    [before.trim(), number, after.trim()].map(str::to_owned).to_vec()
}

fn add(
    env: &mut Environment<'static>,
    name: &'static str,
    source: String,
    field: Option<&'static str>,
) -> Result<(), InvalidTemplate> {
    env.add_template_owned(name, source).map_err(|error| Failure::Template(field, error).into_invalid())
}

/// Finds the facts that a template uses, and puts them into its scope.
fn use_facts(
    env: &Environment<'static>,
    template: &'static str,
    field: Option<&'static str>,
    attributes: &'static [Attribute],
    fields: &[&str],
    scope: &mut Branch,
) -> Result<(), InvalidTemplate> {
    let compiled = env.get_template(template).map_err(|error| Failure::Template(field, error).into_invalid())?;
    let mut used: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
    used.sort_unstable();
    for name in used {
        let is_field = fields.iter().any(|f| *f == name || f.split('.').next() == Some(&name));
        if is_field || env.globals().any(|(global, _)| global == name) {
            continue;
        }
        let unknown = |code, message: String, help| InvalidTemplate { code, message, help, field };
        let find = |wanted: &str| attributes.iter().position(|a| a.name == wanted);
        if let Some(at) = find(&name).filter(|at| attributes.get(*at).is_some_and(|a| a.shape == Shape::Plain)) {
            scope.put(&name, Node::Fact { id: AttributeId(at as u16), key: None });
            continue;
        }
        // `customer.attr.size` and `customer.attr["size"]` are one.
        let with_key = name.rsplit_once('.').and_then(|(map, key)| find(map).map(|at| (map, at, key)));
        if let Some((_, at, key)) =
            with_key.filter(|(_, at, _)| attributes.get(*at).is_some_and(|a| a.shape == Shape::Map))
        {
            scope.put(&name, Node::Fact { id: AttributeId(at as u16), key: Some(key.into()) });
            continue;
        }
        match find(&name).and_then(|at| attributes.get(at).map(|a| (at, a.shape))) {
            Some((at, Shape::Map)) => {
                let keys = subscripts(compiled.source(), &name);
                if keys.is_empty() {
                    return Err(unknown(
                        "bad-template",
                        format!("`{name}` needs a key in quotes"),
                        Some(format!("write `{name}[\"…\"]`")),
                    ));
                }
                for key in keys {
                    scope.put_at(&name, key, Node::Fact { id: AttributeId(at as u16), key: Some(key.into()) });
                }
            }
            Some(_) => {
                return Err(unknown(
                    "bad-template",
                    format!("`{name}` cannot be used in a template"),
                    Some("ask for it in the scenario's `when`".into()),
                ));
            }
            None => {
                let known = attributes.iter().map(|a| a.name).chain(fields.iter().copied());
                let help = crate::config::reader::suggest(&name, known).map(|best| format!("did you mean `{best}`?"));
                return Err(unknown("unknown-attribute", format!("unknown attribute `{name}`"), help));
            }
        }
    }
    Ok(())
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

/// What a template sees, by name.
#[derive(Debug, Default)]
struct Branch(BTreeMap<Box<str>, Node>);

#[derive(Debug)]
enum Node {
    Fixed(Value),
    Fact { id: AttributeId, key: Option<Box<str>> },
    Template { name: &'static str, facts: Branch, is_url: bool },
    Branch(Branch),
}

impl Branch {
    /// Puts a node at a dotted path.
    fn put(&mut self, path: &str, node: Node) {
        match path.split_once('.') {
            None => {
                self.0.insert(path.into(), node);
            }
            Some((first, rest)) => self.child(first).put(rest, node),
        }
    }

    /// Puts a node at a key, which may hold dots, below a dotted path.
    fn put_at(&mut self, path: &str, key: &str, node: Node) {
        let mut at = self;
        for part in path.split('.') {
            at = at.child(part);
        }
        at.0.insert(key.into(), node);
    }

    fn child(&mut self, name: &str) -> &mut Branch {
        let node = self.0.entry(name.into()).or_insert_with(|| Node::Branch(Branch::default()));
        if !matches!(node, Node::Branch(_)) {
            *node = Node::Branch(Branch::default());
        }
        let Node::Branch(branch) = node else { unreachable!("it was made a branch just now") };
        branch
    }

    fn is_fixed(&self) -> bool {
        self.0.values().all(|node| match node {
            Node::Fixed(_) => true,
            Node::Fact { .. } => false,
            Node::Template { facts, .. } => facts.0.is_empty(),
            Node::Branch(branch) => branch.is_fixed(),
        })
    }

    fn evaluate(&self, env: &Environment<'static>, facts: &dyn FactSource) -> Result<Value, Failure> {
        let mut pairs = Vec::with_capacity(self.0.len());
        for (name, node) in &self.0 {
            let value = match node {
                Node::Fixed(value) => value.clone(),
                Node::Branch(branch) => branch.evaluate(env, facts)?,
                Node::Fact { id, key } => match facts.fact(*id, key.as_deref()) {
                    Some(fact) => to_value(&fact),
                    None => continue,
                },
                Node::Template { name, facts: own, is_url } => {
                    let scope = own.evaluate(env, facts)?;
                    let rendered = env
                        .get_template(name)
                        .and_then(|t| t.render(scope))
                        .map_err(|error| Failure::Template(Some(name), error))?;
                    if *is_url {
                        Value::from(super::escape::url_text(&rendered))
                    } else {
                        Value::from(markup::clean(&rendered).as_ref())
                    }
                }
            };
            pairs.push((name.as_ref(), value));
        }
        Ok(Value::from_pairs(pairs))
    }
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

/// Knows every attribute it is given: for the trial at load.
struct Sample(&'static [Attribute]);

impl FactSource for Sample {
    fn fact(&self, attribute: AttributeId, _: Option<&str>) -> Option<Fact<'_>> {
        Some(match self.0.get(usize::from(attribute.0))?.ty {
            Type::Bool => Fact::Bool(true),
            Type::Int => Fact::Int(2),
            Type::Double => Fact::Double(2.5),
            Type::String => Fact::String("sample".into()),
            Type::Strings => Fact::Strings(vec!["sample".into()]),
        })
    }
}

/// Why a render failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{1}")]
    Template(Option<&'static str>, minijinja::Error),
    #[error(transparent)]
    Markup(#[from] markup::InvalidMarkup),
}

impl Failure {
    fn into_invalid(self) -> InvalidTemplate {
        let (field, error) = match self {
            Self::Markup(problem) => {
                return InvalidTemplate {
                    code: "bad-markup",
                    message: problem.message,
                    help: Some(problem.help.into()),
                    field: None,
                };
            }
            Self::Template(field, error) => (field, error),
        };
        let line = error.line().map(|line| format!(" (line {line} of the template)")).unwrap_or_default();
        let detail = error.detail().unwrap_or("").to_owned();
        let help = match error.kind() {
            ErrorKind::UnknownFilter if detail.split(' ').any(|word| REFUSED_FILTERS.contains(&word)) => {
                Some("values are always escaped for where they stand; there is no filter for it".into())
            }
            ErrorKind::OutOfFuel => Some("the template loops too long".into()),
            _ => None,
        };
        let detail = if detail.is_empty() { error.kind().to_string() } else { detail };
        InvalidTemplate { code: "bad-template", message: format!("{detail}{line}"), help, field }
    }
}

#[cfg(test)]
mod tests;
