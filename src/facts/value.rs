//! Values of facts and their types.

use std::borrow::Cow;

/// The type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A 64-bit signed integer.
    Int,
    /// An IEEE 754 double.
    Double,
    /// Unicode text.
    String,
    /// A list of texts (`visitor.tags`).
    Strings,
}

impl Type {
    /// The name in CEL and in the reference.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Strings => "list of string",
        }
    }
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Int`].
    Int(i64),
    /// See [`Type::Double`].
    Double(f64),
    /// See [`Type::String`].
    String(Cow<'a, str>),
    /// See [`Type::Strings`].
    Strings(Vec<Cow<'a, str>>),
}

impl Value<'_> {
    /// Its type.
    #[must_use]
    pub fn ty(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Strings(_) => Type::Strings,
        }
    }

    /// The same value, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Strings(list) => Value::Strings(list.into_iter().map(|item| Cow::Owned(item.into_owned())).collect()),
        }
    }
}
