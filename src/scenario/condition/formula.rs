//! A condition as a formula over atoms, and what each atom says of a value.
//!
//! The reference semantics: three-valued (Kleene), as CEL prescribes. The row tables are filled by asking
//! [`Test::holds`], so that there is one definition of what a comparison means.

use crate::facts::FactSource;
use crate::facts::attributes::{AttributeId, Known, Shape, arguments};
use crate::facts::value::Value;
use cel::IdedExpr;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// Names a fact: an attribute, and its argument where it takes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactRef {
    /// The attribute.
    pub attribute: AttributeId,
    /// The argument of `page.query["…"]` or `seen("…")`; several are one text (`attributes::key`).
    pub key: Option<Arc<str>>,
}

impl FactRef {
    /// Whether it is known from the page's own content, so that it may come while the page streams.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        self.attribute.get().is_some_and(|attribute| attribute.known == Known::Content)
    }

    /// Whether it may still come, or change.
    pub fn is_pending(&self, source: &dyn FactSource) -> bool {
        self.is_of_content() && source.is_pending(self.attribute, self.key.as_deref())
    }

    /// Observes it.
    pub fn value<'s>(&self, source: &'s dyn FactSource) -> Option<Value<'s>> {
        source.fact(self.attribute, self.key.as_deref())
    }
}

impl std::fmt::Display for FactRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.attribute.name();
        match (&self.key, self.attribute.get().map(|attribute| attribute.shape)) {
            (None, _) => f.write_str(name),
            (Some(key), Some(Shape::Call)) => {
                let written: Vec<String> = arguments(key).map(|argument| format!("{argument:?}")).collect();
                write!(f, "{name}({})", written.join(", "))
            }
            (Some(key), _) => write!(f, "{name}[{key:?}]"),
        }
    }
}

/// A constant in a condition.
#[derive(Debug, Clone)]
pub enum Literal {
    /// `true`
    Bool(bool),
    /// `3`
    Int(i64),
    /// `0.5`
    Double(f64),
    /// `"cart"`
    String(Arc<str>),
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            // By bits: this is the identity of a literal in the text, not CEL's equality.
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Bool(b) => (0u8, b).hash(state),
            Self::Int(n) => (1u8, n).hash(state),
            Self::Double(d) => (2u8, d.to_bits()).hash(state),
            Self::String(s) => (3u8, s).hash(state),
        }
    }
}

impl Literal {
    /// CEL's equality: across types false, but for numbers, which compare as doubles when one of them is one.
    #[must_use]
    pub fn equals(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::String(a), Value::String(b)) => **a == **b,
            _ => self.compare(value) == Some(Ordering::Equal),
        }
    }

    /// How a value stands to this literal, where CEL orders the two: `None` is CEL's error.
    #[must_use]
    pub fn compare(&self, value: &Value<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Int(a), Value::Int(b)) => Some(b.cmp(a)),
            (Self::Int(a), Value::Double(b)) => b.partial_cmp(&(*a as f64)),
            (Self::Double(a), Value::Int(b)) => (*b as f64).partial_cmp(a),
            (Self::Double(a), Value::Double(b)) => b.partial_cmp(a),
            (Self::String(a), Value::String(b)) => Some((**b).cmp(&**a)),
            (Self::Bool(a), Value::Bool(b)) => Some(b.cmp(a)),
            _ => None,
        }
    }
}

/// An ordering operator, the fact on its left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Order {
    /// The operator with its sides swapped.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }

    /// Whether an ordering satisfies it.
    #[must_use]
    pub fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

/// What an atom asks of its fact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// `has(f)`
    Known,
    /// `f` itself, a truth value.
    Truth,
    /// `f == x` (one literal), `f in [x, y]`
    In(Arc<[Literal]>),
    /// `f < x` and its kin.
    Compare(Order, Literal),
    /// `f.startsWith(x)`
    StartsWith(Arc<str>),
    /// `f.endsWith(x)`
    EndsWith(Arc<str>),
    /// `f.contains(x)`
    Contains(Arc<str>),
    /// `f.matches(x)`
    Matches(Pattern),
    /// `x in f`, a list of texts
    Lists(Literal),
}

impl Test {
    /// What it says of a value: `None` is CEL's error.
    #[must_use]
    pub fn holds(&self, value: Option<&Value<'_>>) -> Option<bool> {
        if let Self::Known = self {
            return Some(value.is_some());
        }
        let value = value?;
        let text = || match value {
            Value::String(text) => Some(&**text),
            _ => None,
        };
        match self {
            Self::Known => Some(true),
            Self::Truth => match value {
                Value::Bool(truth) => Some(*truth),
                _ => None,
            },
            Self::In(literals) => Some(literals.iter().any(|literal| literal.equals(value))),
            Self::Compare(order, literal) => literal.compare(value).map(|ordering| order.admits(ordering)),
            Self::StartsWith(part) => text().map(|text| text.starts_with(&**part)),
            Self::EndsWith(part) => text().map(|text| text.ends_with(&**part)),
            Self::Contains(part) => text().map(|text| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some()),
            Self::Matches(pattern) => text().map(|text| pattern.regex.is_match(text)),
            Self::Lists(literal) => match value {
                Value::Strings(list) => Some(match literal {
                    Literal::String(part) => list.iter().any(|item| **item == **part),
                    _ => false,
                }),
                _ => None,
            },
        }
    }
}

/// A regular expression, known by its text.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written.
    pub text: Arc<str>,
    /// Compiled once, when the condition is checked.
    pub regex: regex::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// A question about one fact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Atom {
    /// The fact.
    pub fact: FactRef,
    /// The question.
    pub test: Test,
}

/// What has no atom form (arithmetic, `? :`, comprehensions): the `cel` crate evaluates it.
#[derive(Debug, Clone, PartialEq)]
pub struct Opaque {
    /// Facts that it uses, each a variable of the expression.
    pub facts: Vec<OpaqueFact>,
    /// The expression, facts replaced by variables and segments inlined.
    pub expression: IdedExpr,
}

impl Opaque {
    /// Whether a fact that it uses may still come, or change.
    pub fn is_pending(&self, source: &dyn FactSource) -> bool {
        self.facts.iter().any(|part| part.fact.is_pending(source))
    }
}

/// A fact within an opaque expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueFact {
    /// The fact.
    pub fact: FactRef,
    /// Only whether it is known: `has(f)`.
    pub known: bool,
}

/// A condition, its segments inlined. Spans are empty unless the text was read with places.
#[derive(Debug, Clone)]
pub struct Formula {
    /// Place in the condition's text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// The forms of a formula.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A constant; `None` is an error whatever the facts are.
    Constant(Option<bool>),
    /// A question about one fact.
    Atom(Box<Atom>),
    /// Anything else.
    Opaque(Arc<Opaque>),
    /// `!f`
    Not(Box<Formula>),
    /// `f && g`
    And(Vec<Formula>),
    /// `f || g`
    Or(Vec<Formula>),
}

impl Formula {
    /// What it says of a request: `None` is CEL's error. For `explain` and tests; requests are judged by the set.
    #[must_use]
    pub fn evaluate(&self, source: &dyn FactSource) -> Option<bool> {
        let all = |parts: &[Self], absorbing: bool| {
            let mut result = Some(!absorbing);
            for part in parts {
                match part.evaluate(source) {
                    Some(truth) if truth == absorbing => return Some(absorbing),
                    Some(_) => {}
                    None => result = None,
                }
            }
            result
        };
        match &self.kind {
            Kind::Constant(truth) => *truth,
            Kind::Atom(atom) => atom.test.holds(atom.fact.value(source).as_ref()),
            Kind::Opaque(part) => part.evaluate(source),
            Kind::Not(inner) => inner.evaluate(source).map(|truth| !truth),
            Kind::And(parts) => all(parts, false),
            Kind::Or(parts) => all(parts, true),
        }
    }
}
