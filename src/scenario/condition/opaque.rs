//! Lets the `cel` crate evaluate what has no atom form.

use super::formula::Opaque;
use crate::facts::FactSource;
use crate::facts::value::Value;
use cel::{Context, Env, IdedExpr};
use std::sync::{Arc, LazyLock};

/// CEL's standard functions: immutable, and too large to be built for each request.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Opaque {
    /// Name of the variable that stands for fact number `index`.
    pub(super) fn variable(index: usize) -> String {
        format!("fact:{index}")
    }

    /// What it says of a request: `None` is CEL's error, or anything but a truth value.
    pub fn evaluate(&self, source: &dyn FactSource) -> Option<bool> {
        let mut context = Context::with_env(STANDARD.clone());
        for (index, part) in self.facts.iter().enumerate() {
            let value = part.fact.value(source);
            if part.known {
                context.add_variable_from_value(Self::variable(index), cel::Value::Bool(value.is_some()));
            } else if let Some(value) = value {
                // A fact that is not known is left out: naming it is the error that CEL wants.
                context.add_variable_from_value(Self::variable(index), to_cel(&value));
            }
        }
        match cel::Value::resolve(&self.expression, &context) {
            Ok(cel::Value::Bool(truth)) => Some(truth),
            _ => None,
        }
    }
}

/// The value of an expression that uses no facts; `None` is CEL's error.
pub(super) fn evaluate_constant(node: &IdedExpr) -> Option<cel::Value> {
    cel::Value::resolve(node, &Context::with_env(STANDARD.clone())).ok()
}

/// A fact's value as the `cel` crate's.
pub(super) fn to_cel(value: &Value<'_>) -> cel::Value {
    match value {
        Value::Bool(truth) => cel::Value::Bool(*truth),
        Value::Int(number) => cel::Value::Int(*number),
        Value::Double(number) => cel::Value::Float(*number),
        Value::String(text) => cel::Value::from(text.as_ref()),
        Value::Strings(list) => {
            cel::Value::List(Arc::new(list.iter().map(|item| cel::Value::from(item.as_ref())).collect()))
        }
    }
}
