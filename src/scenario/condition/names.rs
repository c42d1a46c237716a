//! What the names in a condition stand for.

use super::formula::FactRef;
use crate::facts::attributes::{self, AttributeId, Shape};
use cel::IdedExpr;
use cel::common::ast::operators::INDEX;
use cel::common::ast::{Expr, LiteralValue};

/// What an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// A fact.
    Fact(FactRef),
    /// An attribute with keys, without its key: `page.query`.
    Keyed(AttributeId),
    /// An attribute that is called, without its arguments or with wrong ones: `seen`.
    Uncalled(AttributeId),
    /// A segment.
    Segment(String),
    /// None of these, as written.
    Unknown(String),
}

/// What an expression names, if it has the form of a name; `locals` are the variables of enclosing `exists`, `all`, ….
pub(super) fn name(node: &IdedExpr, locals: &[String]) -> Option<Name> {
    match &node.expr {
        // `page.query["a"].b` and the like name nothing.
        Expr::Ident(_) | Expr::Select(_) => dotted(node, locals).map(resolve),
        Expr::Call(call) if call.func_name == INDEX => {
            let [container, key] = call.args.as_slice() else { return None };
            match name(container, locals)? {
                Name::Keyed(attribute) => Some(keyed(attribute, text(key)?)),
                _ => None,
            }
        }
        Expr::Call(call) => {
            let called = match &call.target {
                None => call.func_name.clone(),
                Some(target) => format!("{}.{}", dotted(target, locals)?, call.func_name),
            };
            let attribute = attributes::find(&called).filter(|id| id.get().is_some_and(|a| a.shape == Shape::Call))?;
            let wanted = attribute.get().map_or(0, |a| a.parameters.len());
            let texts: Option<Vec<&str>> = call.args.iter().map(text).collect();
            let key = texts.filter(|texts| texts.len() == wanted).and_then(|texts| attributes::key(&texts));
            Some(key.map_or(Name::Uncalled(attribute), |key| keyed(attribute, &key)))
        }
        _ => None,
    }
}

/// What `has(…)` asks for: the operand's name and the tested field.
pub(super) fn tested(node: &IdedExpr, locals: &[String]) -> Option<Name> {
    let Expr::Select(select) = &node.expr else { return None };
    Some(resolve(format!("{}.{}", dotted(&select.operand, locals)?, select.field)))
}

/// The constant text of a string literal.
pub(super) fn text(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn keyed(attribute: AttributeId, key: &str) -> Name {
    Name::Fact(FactRef { attribute, key: Some(key.into()) })
}

/// `a.b.c`, unless its first part is a local variable.
fn dotted(node: &IdedExpr, locals: &[String]) -> Option<String> {
    match &node.expr {
        Expr::Ident(name) => (!locals.contains(name) && !name.starts_with('@')).then(|| name.clone()),
        Expr::Select(select) if !select.test => {
            let mut text = dotted(&select.operand, locals)?;
            text.push('.');
            text.push_str(&select.field);
            Some(text)
        }
        _ => None,
    }
}

fn resolve(text: String) -> Name {
    if let Some(segment) = text.strip_prefix("segment.") {
        return Name::Segment(segment.to_owned());
    }
    if let Some(attribute) = attributes::find(&text) {
        return match attribute.get().map(|a| a.shape) {
            Some(Shape::Map) => Name::Keyed(attribute),
            Some(Shape::Call) => Name::Uncalled(attribute),
            _ => Name::Fact(FactRef { attribute, key: None }),
        };
    }
    // `page.query.color` is `page.query["color"]`.
    if let Some((container, key)) = text.rsplit_once('.')
        && let Some(attribute) = attributes::find(container)
        && attribute.get().is_some_and(|a| a.shape == Shape::Map)
    {
        return keyed(attribute, key);
    }
    Name::Unknown(text)
}
