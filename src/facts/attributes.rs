//! THE registry of attributes: what can be known, its type, how it is observed, and its help text.
//!
//! The condition checker, `noren explain`, the console's forms and the reference all read this table.

mod arguments;
mod table;

use super::Facts;
use super::value::{Type, Value};
use ahash::AHashMap;
use std::sync::LazyLock;

pub use arguments::{arguments, key, period};
pub use table::ATTRIBUTES;

/// Index into [`ATTRIBUTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeId(pub u16);

/// How an attribute is written in a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `visitor.visits`
    Plain,
    /// `page.query["…"]`
    Map,
    /// `seen("…")`
    Call,
}

/// When an attribute can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// From the request alone.
    Request,
    /// From the visitor's history.
    History,
    /// From the response's head.
    Response,
    /// From the page's own content, as it streams by: decided at the last moment, with what earlier pages said where this one
    /// says nothing.
    Content,
    /// Declared, but not observed by this version. Conditions that use it are refused.
    Later,
}

/// An argument of an attribute that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The id of one of the site's scenarios.
    Scenario,
    /// A time: `30m`, `12h`, `7d`, `2w`.
    Time,
    /// Whole days, as many as are remembered at most: `7d`, `2w`.
    Days(i64),
}

/// Observes a fact.
pub type Observe = for<'a> fn(&'a Facts<'a>, Option<&str>) -> Option<Value<'a>>;

/// The declaration of a fact.
#[derive(Debug)]
pub struct Attribute {
    /// Dotted name.
    pub name: &'static str,
    /// Type of the value.
    pub ty: Type,
    /// How it is written.
    pub shape: Shape,
    /// When it can be known.
    pub known: Known,
    /// One sentence for the reference and the console.
    pub help: &'static str,
    /// A condition that uses it.
    pub example: &'static str,
    /// The closed set of values, where there is one: a comparison with any other can never hold.
    pub values: &'static [&'static str],
    /// The least and the greatest number, where there are such: a comparison beyond them can never hold.
    pub range: Option<(i64, i64)>,
    /// What stands in the brackets of a call.
    pub parameters: &'static [Parameter],
    /// Observes it.
    pub observe: Observe,
}

impl Attribute {
    const fn new(name: &'static str, ty: Type, known: Known, observe: Observe) -> Self {
        Self {
            name,
            ty,
            shape: Shape::Plain,
            known,
            help: "",
            example: "",
            values: &[],
            range: None,
            parameters: &[],
            observe,
        }
    }

    /// Declared, and not observed by this version.
    const fn later(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Known::Later, |_, _| None)
    }

    const fn help(mut self, help: &'static str, example: &'static str) -> Self {
        self.help = help;
        self.example = example;
        self
    }

    const fn values(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    const fn range(mut self, least: i64, greatest: i64) -> Self {
        self.range = Some((least, greatest));
        self
    }

    /// A number that counts something.
    const fn count(self) -> Self {
        self.range(0, i64::MAX)
    }

    const fn map(mut self) -> Self {
        self.shape = Shape::Map;
        self
    }

    const fn call(mut self, parameters: &'static [Parameter]) -> Self {
        self.shape = Shape::Call;
        self.parameters = parameters;
        self
    }
}

impl AttributeId {
    /// The declaration.
    #[must_use]
    pub fn get(self) -> Option<&'static Attribute> {
        ATTRIBUTES.get(usize::from(self.0))
    }

    /// The dotted name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.get().map_or("", |attribute| attribute.name)
    }
}

/// An attribute by its dotted name.
#[must_use]
pub fn find(name: &str) -> Option<AttributeId> {
    static BY_NAME: LazyLock<AHashMap<&str, AttributeId>> = LazyLock::new(|| {
        ATTRIBUTES.iter().zip(0..).map(|(attribute, index)| (attribute.name, AttributeId(index))).collect()
    });
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::condition::{Scope, check};

    #[test]
    fn every_attribute_is_explained_and_its_example_is_a_valid_condition_about_it() {
        let scope = Scope { scenario_ids: ["welcome".to_owned()].into(), ..Scope::default() };
        for attribute in ATTRIBUTES {
            assert!(attribute.help.ends_with('.'), "{}: {}", attribute.name, attribute.help);
            assert!(attribute.example.contains(attribute.name), "{}: {}", attribute.name, attribute.example);
            match check(attribute.example, &scope) {
                Ok(checked) => {
                    assert!(attribute.known != Known::Later, "{}", attribute.name);
                    assert_eq!(checked.warnings(), [], "{}", attribute.example);
                }
                Err(problems) => {
                    assert_eq!(attribute.known, Known::Later, "{}: {problems:?}", attribute.example);
                    assert!(problems.iter().all(|p| p.code == "not-observed"), "{}: {problems:?}", attribute.example);
                }
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = ATTRIBUTES.iter().map(|attribute| attribute.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ATTRIBUTES.len());
    }
}
