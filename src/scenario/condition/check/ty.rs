//! The checker's types: those of facts, and what expressions make of them.

use crate::facts::value::Type;

/// Type of an expression. `Any` is what is not known, or wrong and reported already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    Int,
    Double,
    Text,
    Texts,
    List,
    Null,
    Other,
    Any,
}

impl Ty {
    pub(super) fn of(ty: Type) -> Self {
        match ty {
            Type::Bool => Self::Bool,
            Type::Int => Self::Int,
            Type::Double => Self::Double,
            Type::String => Self::Text,
            Type::Strings => Self::Texts,
        }
    }

    pub(super) fn named(self) -> &'static str {
        match self {
            Self::Bool => "a truth value",
            Self::Int => "a whole number",
            Self::Double => "a number with decimals",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::List => "a list",
            Self::Null => "null",
            Self::Other | Self::Any => "something else",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::List)
    }

    /// Whether two values can be equal at all.
    pub(super) fn comparable(self, other: Self) -> bool {
        self == other
            || self == Self::Any
            || other == Self::Any
            || (self.is_number() && other.is_number())
            || (self.is_list() && other.is_list())
    }
}
