//! THE registry of attributes: what can be known, its type, how it is observed, and its help text.
//!
//! The condition checker, `noren explain`, the console's forms and the reference all read this table.

use super::Facts;
use super::value::{Type, Value};

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
    /// From the page's content: declared, but not observed by this version. Conditions that use it are refused.
    Content,
}

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
    /// Observes it.
    pub observe: for<'a> fn(&'a Facts<'a>, Option<&str>) -> Option<Value<'a>>,
}

/// All attributes.
pub static ATTRIBUTES: &[Attribute] = &[];
