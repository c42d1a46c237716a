//! Templates: from a merchant's texts to one fragment a language, prepared as far as possible at load.
//!
//! Decides which facts a template uses, and refuses what it cannot know. Escaping is not done here: printed values are
//! only bounded, and [`super::markup`] escapes them where they land, so that no filter or block can turn it off.

use super::markup::{self, Fragment, VALUE_END, VALUE_START};
use super::scope::{Branch, Inputs, Node, SAMPLE_CODE, Sample};
use super::{ActionError, Code};
use crate::facts::FactSource;
use bytes::Bytes;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
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
    /// Its language.
    pub language: &'a str,
    /// Attributes for each top-level element, escaped, with a leading blank.
    pub marker: &'a str,
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
    /// Comes with a code from a pool.
    Given(Given),
}

/// What comes with a code from a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// The code.
    Code,
    /// Its deadline, for machines.
    UntilIso,
    /// Its deadline in words.
    UntilText,
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
    /// Compiles, checks and, if it can, renders; gives the fragment as it is with every fact, too.
    pub(super) fn new(source: &Source<'_>) -> Result<(Self, Fragment), InvalidTemplate> {
        let mut env = ENGINE.clone();
        let mut scope = Branch::default();
        let frame = markup::clean(source.frame).into_owned();
        add(&mut env, FRAME, frame, None)?;
        let names: Vec<&str> =
            source.fields.iter().map(|(name, _)| *name).chain(source.absent.iter().copied()).collect();
        use_facts(&env, FRAME, None, &names, &mut scope)?;
        for (name, field) in &source.fields {
            let (text, is_url) = match field {
                Field::Fixed(value) => {
                    scope.put(name, Node::Fixed(value.clone()));
                    continue;
                }
                Field::Given(given) => {
                    scope.put(name, Node::Given(*given));
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
            use_facts(&env, name, Some(name), &[], &mut own)?;
            scope.put(name, Node::Template { name, facts: own, is_url });
        }
        let live = Live { env, scope, marker: source.marker.into(), language: source.language.into() };
        // Once with every fact and once with none: that finds unknown filters, endless loops and markup that breaks the page.
        let full = live.render(&Sample::Everything, Some(&SAMPLE_CODE)).map_err(Failure::into_invalid)?;
        if live.scope.is_fixed() {
            return Ok((Self::Ready(full.html.clone()), full));
        }
        let bare = live.render(&Sample::Nothing, None);
        if let Err(Failure::Markup(problem)) = bare {
            return Err(Failure::Markup(problem).into_invalid());
        }
        Ok((Self::Live(Box::new(live)), full))
    }

    /// Whether it prints what is known from the page's own content.
    pub(super) fn needs_content(&self) -> bool {
        match self {
            Self::Ready(_) => false,
            Self::Live(live) => live.scope.needs_content(),
        }
    }

    /// The fragment for one page.
    pub(super) fn draw(
        &self,
        kind: &'static str,
        facts: &dyn FactSource,
        code: Option<&Code>,
    ) -> Result<Bytes, ActionError> {
        match self {
            Self::Ready(html) => Ok(html.clone()),
            Self::Live(live) => match live.render(facts, code) {
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
    language: Box<str>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Live {
    fn render(&self, facts: &dyn FactSource, code: Option<&Code>) -> Result<Fragment, Failure> {
        let inputs = Inputs { facts, code, language: &self.language };
        let scope = self.scope.evaluate::<Failure>(&inputs, &|name, scope, is_url| {
            let template = self.env.get_template(name);
            let rendered =
                template.and_then(|t| t.render(scope)).map_err(|error| Failure::Template(Some(name), error))?;
            Ok(if is_url { super::escape::url_text(&rendered) } else { markup::clean(&rendered).into_owned() })
        })?;
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

/// `{{ amount | parts }}`: what comes before a number, the number, and what comes after it, so that it can be set larger.
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

/// Puts the facts that a template uses into its scope.
fn use_facts(
    env: &Environment<'static>,
    template: &'static str,
    field: Option<&'static str>,
    fields: &[&str],
    scope: &mut Branch,
) -> Result<(), InvalidTemplate> {
    let compiled = env.get_template(template).map_err(|error| Failure::Template(field, error).into_invalid())?;
    let mut used: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
    used.sort_unstable();
    for name in used {
        let is_field = fields.iter().any(|f| *f == name || f.split('.').next() == Some(&name));
        if !is_field && !env.globals().any(|(global, _)| global == name) {
            scope.put_fact(&name, compiled.source(), fields).map_err(|problem| InvalidTemplate { field, ..problem })?;
        }
    }
    Ok(())
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
