//! Says what is wrong with a parsed condition: names and types. All problems at once, each with its place.

mod calls;
mod ty;

use super::names::{Name, name, tested, text};
use super::parse::Parsed;
use super::{ConditionProblem, Scope};
use crate::config::diagnostic::Severity;
use crate::config::reader::suggest;
use crate::facts::attributes::{ATTRIBUTES, Attribute, AttributeId, Known, Parameter, arguments, period};
use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use std::ops::Range;
use ty::Ty;

pub(super) use calls::regex;

/// Walks one condition and gathers what is wrong with it.
pub(super) struct Checker<'a> {
    source: &'a str,
    parsed: &'a Parsed,
    scope: &'a Scope,
    locals: Vec<String>,
    pub(super) problems: Vec<ConditionProblem>,
    /// Segments named in the text, with their places.
    pub(super) segments: Vec<(String, Range<usize>)>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(source: &'a str, parsed: &'a Parsed, scope: &'a Scope) -> Self {
        Self { source, parsed, scope, locals: Vec::new(), problems: Vec::new(), segments: Vec::new() }
    }

    /// Checks a whole condition.
    pub(super) fn condition(&mut self) {
        let root = &self.parsed.expression;
        self.expect_truth(root, "a condition");
    }

    fn error(&mut self, node: &IdedExpr, code: &'static str, message: String, help: Option<String>) {
        let span = self.parsed.span(node, self.source);
        self.problems.push(ConditionProblem { span, code, message, help, severity: Severity::Error });
    }

    fn written(&self, node: &IdedExpr) -> &'a str {
        self.source.get(self.parsed.span(node, self.source)).unwrap_or_default()
    }

    fn expect_truth(&mut self, node: &IdedExpr, what: &str) {
        let ty = self.ty(node);
        if matches!(ty, Ty::Bool | Ty::Any) {
            return;
        }
        let written = self.written(node);
        let help = match ty {
            Ty::Int | Ty::Double => format!("compare it, as in `{written} > 0`"),
            Ty::Text => format!("compare it, as in `{written} == \"…\"`, or ask `has({written})`"),
            Ty::Texts | Ty::List => format!("ask for a member, as in `\"…\" in {written}`"),
            _ => "write something that is true or false".to_owned(),
        };
        self.error(node, "wrong-type", format!("{what} must be true or false, not {}", ty.named()), Some(help));
    }

    fn ty(&mut self, node: &IdedExpr) -> Ty {
        if let Some(found) = name(node, &self.locals) {
            return self.named(node, found);
        }
        match &node.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ty::Bool,
                LiteralValue::Int(_) | LiteralValue::UInt(_) => Ty::Int,
                LiteralValue::Double(_) => Ty::Double,
                LiteralValue::String(_) => Ty::Text,
                LiteralValue::Null => Ty::Null,
                LiteralValue::Bytes(_) => Ty::Other,
            },
            Expr::Select(select) if select.test => {
                match tested(node, &self.locals) {
                    Some(found @ (Name::Fact(_) | Name::Unknown(_))) => {
                        self.named(node, found);
                    }
                    Some(Name::Keyed(id) | Name::Uncalled(id)) => {
                        let message = format!("`has` asks for a fact, and `{}` needs an argument", id.name());
                        self.error(
                            node,
                            "wrong-arguments",
                            message,
                            id.get().map(|a| format!("as in `{}`", a.example)),
                        );
                    }
                    Some(Name::Segment(_)) => {
                        let help = Some("write the segment's name alone".to_owned());
                        self.error(node, "wrong-arguments", "`has` asks for a fact, not for a segment".into(), help);
                    }
                    None => {
                        self.ty(&select.operand);
                    }
                }
                Ty::Bool
            }
            Expr::Select(select) => {
                let ty = self.ty(&select.operand);
                if ty != Ty::Any {
                    let message = format!("{} has no field `{}`", ty.named(), select.field);
                    self.error(node, "wrong-type", message, None);
                }
                Ty::Any
            }
            Expr::List(list) => {
                let types: Vec<Ty> = list.elements.iter().map(|element| self.ty(element)).collect();
                if !types.is_empty() && types.iter().all(|ty| *ty == Ty::Text) { Ty::Texts } else { Ty::List }
            }
            Expr::Comprehension(fold) => self.fold(node, fold),
            Expr::Call(call) => self.call(node, call),
            // A local variable; anything else was a name.
            Expr::Ident(_) => Ty::Any,
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                let message = "maps and structures have no place in a condition".to_owned();
                self.error(node, "unsupported", message, Some("use a list, as in `x in [\"a\", \"b\"]`".into()));
                Ty::Any
            }
        }
    }

    fn named(&mut self, node: &IdedExpr, found: Name) -> Ty {
        match found {
            Name::Fact(fact) => {
                let Some(attribute) = fact.attribute.get() else { return Ty::Any };
                self.observed(node, attribute);
                if let Some(key) = fact.key.as_deref() {
                    for (place, (parameter, argument)) in attribute.parameters.iter().zip(arguments(key)).enumerate() {
                        self.argument((node, place), attribute, *parameter, argument);
                    }
                }
                Ty::of(attribute.ty)
            }
            Name::Keyed(id) => {
                let help = id.get().map(|a| format!("as in `{}`", a.example));
                self.error(node, "missing-key", format!("`{}` needs a key in brackets", id.name()), help);
                Ty::Any
            }
            Name::Uncalled(id) => self.uncalled(node, id),
            Name::Segment(segment) => {
                let span = self.parsed.span(node, self.source);
                if self.scope.segments.contains_key(&segment) {
                    self.segments.push((segment, span));
                } else {
                    let help = one_of("segments", &segment, self.scope.segments.keys().map(String::as_str));
                    self.error(node, "unknown-segment", format!("there is no segment `{segment}`"), Some(help));
                }
                Ty::Bool
            }
            Name::Unknown(unknown) => {
                let help = self.nearest(&unknown);
                self.error(node, "unknown-attribute", format!("there is no `{unknown}`"), help);
                Ty::Any
            }
        }
    }

    fn uncalled(&mut self, node: &IdedExpr, id: AttributeId) -> Ty {
        let Some(attribute) = id.get() else { return Ty::Any };
        self.observed(node, attribute);
        if attribute.known != Known::Later {
            let message = match attribute.parameters.len() {
                1 => format!("`{}` needs one text in quotes as its argument", attribute.name),
                many => format!("`{}` needs {many} texts in quotes as its arguments", attribute.name),
            };
            self.error(node, "wrong-arguments", message, Some(format!("as in `{}`", attribute.example)));
        }
        Ty::of(attribute.ty)
    }

    fn observed(&mut self, node: &IdedExpr, attribute: &Attribute) {
        if attribute.known == Known::Later {
            let message = format!("`{}` is not observed by this version", attribute.name);
            let help = "it comes from consent or chat, which conditions cannot ask for yet".into();
            self.error(node, "not-observed", message, Some(help));
        }
    }

    /// Checks an argument of a call; `call` has it at a place.
    fn argument(
        &mut self,
        (call, place): (&IdedExpr, usize),
        attribute: &Attribute,
        parameter: Parameter,
        argument: &str,
    ) {
        let node = match &call.expr {
            Expr::Call(call) => call.args.get(place),
            _ => None,
        };
        let node = node.unwrap_or(call);
        match parameter {
            Parameter::Text => {}
            Parameter::Scenario => self.scenario(call, attribute, argument),
            Parameter::Word(words) => {
                if !words.contains(&argument) {
                    let help = one_of("words", argument, words.iter().copied());
                    let message = format!("`{}` does not know \"{argument}\"", attribute.name);
                    self.error(node, "unknown-value", message, Some(help));
                }
            }
            Parameter::Time => {
                if period(argument).is_none() {
                    let help = "write a number and `m`, `h`, `d` or `w`, as in `\"7d\"`".to_owned();
                    self.error(node, "bad-time", format!("\"{argument}\" is no time"), Some(help));
                }
            }
            Parameter::Days(most) => {
                if period(argument).is_none_or(|seconds| seconds % 86_400 != 0 || seconds / 86_400 > most) {
                    let help = format!("write whole days or weeks, {most} days at most, as in `\"30d\"`");
                    self.error(node, "bad-time", format!("\"{argument}\" is no number of days"), Some(help));
                }
            }
        }
    }

    fn scenario(&mut self, node: &IdedExpr, attribute: &Attribute, id: &str) {
        if !self.scope.scenario_ids.contains(id) {
            let help = one_of("scenarios", id, self.scope.scenario_ids.iter().map(String::as_str));
            let message = format!("`{}` asks for a scenario `{id}` that the site does not have", attribute.name);
            self.error(node, "unknown-scenario", message, Some(help));
        }
    }

    /// The registry's name nearest to an unknown one.
    fn nearest(&self, unknown: &str) -> Option<String> {
        let names = ATTRIBUTES.iter().map(|attribute| attribute.name);
        if let Some(best) = suggest(unknown, names.clone()) {
            return Some(format!("did you mean `{best}`?"));
        }
        // `visits` for `visitor.visits`
        let tail = |name: &&str| name.rsplit_once('.').is_some_and(|(_, tail)| tail == unknown);
        if let Some(best) = names.clone().find(tail) {
            return Some(format!("did you mean `{best}`?"));
        }
        if self.scope.segments.contains_key(unknown) {
            return Some(format!("did you mean `segment.{unknown}`?"));
        }
        let (family, _) = unknown.split_once('.')?;
        let family: Vec<&str> = names.filter(|name| name.split('.').next() == Some(family)).collect();
        (!family.is_empty()).then(|| format!("there are: {}", family.join(", ")))
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Ty {
        let name = call.func_name.as_str();
        match (name, &call.target, call.args.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, None, parts) => {
                let symbol = if name == op::LOGICAL_AND { "&&" } else { "||" };
                for part in parts {
                    self.expect_truth(part, &format!("each side of `{symbol}`"));
                }
                Ty::Bool
            }
            (op::LOGICAL_NOT, None, [inner]) => {
                self.expect_truth(inner, "what `!` negates");
                Ty::Bool
            }
            (op::NOT_STRICTLY_FALSE, None, [inner]) => self.ty(inner),
            (op::CONDITIONAL, None, [condition, then, otherwise]) => {
                self.expect_truth(condition, "what stands before `?`");
                let (then, otherwise) = (self.ty(then), self.ty(otherwise));
                if then == otherwise { then } else { Ty::Any }
            }
            (op::EQUALS | op::NOT_EQUALS, None, [left, right]) => self.equality(node, left, right),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, None, [left, right]) => {
                self.ordering(node, left, right)
            }
            (op::IN, None, [item, container]) => self.membership(node, item, container),
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, None, [left, right]) => {
                self.arithmetic(node, name, left, right)
            }
            (op::NEGATE, None, [inner]) => {
                let ty = self.ty(inner);
                if !(ty.is_number() || ty == Ty::Any) {
                    self.error(node, "wrong-type", format!("`-` wants a number, not {}", ty.named()), None);
                }
                ty
            }
            (op::INDEX, None, [container, index]) => self.index(node, container, index),
            (_, Some(target), arguments) => self.method(node, name, target, arguments),
            (_, None, arguments) => self.function(node, name, arguments),
        }
    }

    fn equality(&mut self, node: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Ty {
        let (a, b) = (self.ty(left), self.ty(right));
        self.compare_types(node, (left, a), (right, b));
        self.closed(left, right);
        self.closed(right, left);
        Ty::Bool
    }

    fn ordering(&mut self, node: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Ty {
        let (a, b) = (self.ty(left), self.ty(right));
        let unordered = [a, b].into_iter().find(|ty| matches!(ty, Ty::Bool | Ty::Texts | Ty::List | Ty::Null));
        if let Some(ty) = unordered {
            let help = (ty == Ty::Bool).then(|| "write it alone, or negate it with `!`".to_owned());
            self.error(node, "wrong-type", format!("{} has no order", ty.named()), help);
        } else {
            self.compare_types(node, (left, a), (right, b));
        }
        Ty::Bool
    }

    fn compare_types(&mut self, node: &IdedExpr, left: (&IdedExpr, Ty), right: (&IdedExpr, Ty)) {
        if left.1.comparable(right.1) {
            return;
        }
        let message = format!("this compares {} with {}, which never agree", left.1.named(), right.1.named());
        let help = self.remedy(left, right).or_else(|| self.remedy(right, left));
        self.error(node, "wrong-type", message, help);
    }

    /// What to do about a fact of one type that meets another.
    fn remedy(&self, fact: (&IdedExpr, Ty), other: (&IdedExpr, Ty)) -> Option<String> {
        let written = self.written(fact.0);
        if other.1 == Ty::Null {
            return Some(format!("ask `has({written})`"));
        }
        let value = text(other.0).unwrap_or_default();
        match (fact.1, other.1) {
            (Ty::Text, Ty::Int) if name(fact.0, &self.locals).is_some() => {
                Some(format!("`{written}` is a text: write `int({written})`, or put the number in quotes"))
            }
            (Ty::Text, Ty::Double) => Some(format!("`{written}` is a text: write `double({written})`")),
            (Ty::Int | Ty::Double, Ty::Text) if value.parse::<f64>().is_ok() => {
                Some(format!("leave the quotes away: `{value}`"))
            }
            (Ty::Bool, Ty::Text) if matches!(value, "true" | "false") => {
                Some(format!("leave the quotes away: `{value}`"))
            }
            (Ty::Texts, Ty::Text) => Some(format!("ask for a member: `{} in {written}`", self.written(other.0))),
            _ => None,
        }
    }

    /// Reports a text that an attribute with a closed set of values never has.
    fn closed(&mut self, fact: &IdedExpr, literal: &IdedExpr) {
        let Some(Name::Fact(fact)) = name(fact, &self.locals) else { return };
        let (Some(attribute), Some(value)) = (fact.attribute.get(), text(literal)) else { return };
        if attribute.values.is_empty() || attribute.values.contains(&value) {
            return;
        }
        let help = one_of("values", value, attribute.values.iter().copied());
        self.error(literal, "unknown-value", format!("`{}` is never \"{value}\"", attribute.name), Some(help));
    }

    fn membership(&mut self, node: &IdedExpr, item: &IdedExpr, container: &IdedExpr) -> Ty {
        if let Some(Name::Keyed(id)) = name(container, &self.locals) {
            if text(item).is_none() {
                let help = id.get().map(|a| format!("as in `\"color\" in {}`", a.name));
                self.error(item, "wrong-type", format!("a key of `{}` is a text in quotes", id.name()), help);
            }
            return Ty::Bool;
        }
        let ty = self.ty(item);
        if let Expr::List(list) = &container.expr {
            for element in &list.elements {
                let element_ty = self.ty(element);
                self.compare_types(element, (item, ty), (element, element_ty));
                self.closed(item, element);
            }
            return Ty::Bool;
        }
        let container_ty = self.ty(container);
        match container_ty {
            Ty::Texts => self.compare_types(node, (item, ty), (container, Ty::Text)),
            Ty::List | Ty::Any => {}
            _ => {
                let help = match container_ty {
                    Ty::Text => Some(format!("for a part of a text write `{}.contains(…)`", self.written(container))),
                    _ => Some("write a list in brackets, as in `x in [1, 2]`".to_owned()),
                };
                let message = format!("what stands after `in` must be a list, not {}", container_ty.named());
                self.error(container, "wrong-type", message, help);
            }
        }
        Ty::Bool
    }

    fn arithmetic(&mut self, node: &IdedExpr, operator: &str, left: &IdedExpr, right: &IdedExpr) -> Ty {
        let (a, b) = (self.ty(left), self.ty(right));
        let symbol = operator.trim_matches('_');
        let help = match (a, b) {
            (Ty::Any, other) | (other, Ty::Any) => return other,
            (Ty::Int, Ty::Int) => return Ty::Int,
            (Ty::Double, Ty::Double) if operator != op::MODULO => return Ty::Double,
            (Ty::Text, Ty::Text) if operator == op::ADD => return Ty::Text,
            (a, b) if a.is_list() && b.is_list() && operator == op::ADD => return Ty::List,
            (Ty::Int | Ty::Double, Ty::Int | Ty::Double) => {
                Some("write whole numbers with a decimal point, as in `2.0`, or convert with `double(…)`".to_owned())
            }
            _ => None,
        };
        let message = format!("`{symbol}` cannot join {} and {}", a.named(), b.named());
        self.error(node, "wrong-type", message, help);
        Ty::Any
    }

    fn index(&mut self, node: &IdedExpr, container: &IdedExpr, index: &IdedExpr) -> Ty {
        if let Some(Name::Keyed(id)) = name(container, &self.locals) {
            let help = id.get().map(|a| format!("as in `{}`", a.example));
            self.error(index, "missing-key", format!("the key of `{}` must be a text in quotes", id.name()), help);
            return Ty::Any;
        }
        let ty = self.ty(container);
        self.ty(index);
        match ty {
            Ty::Texts => Ty::Text,
            Ty::List | Ty::Any => Ty::Any,
            _ => {
                self.error(node, "wrong-type", format!("{} has no members", ty.named()), None);
                Ty::Any
            }
        }
    }
}

/// The word that was meant, or the words that there are.
fn one_of<'w>(what: &str, word: &str, known: impl Iterator<Item = &'w str> + Clone) -> String {
    if let Some(best) = suggest(word, known.clone()) {
        return format!("did you mean `{best}`?");
    }
    let listed: Vec<&str> = known.take(12).collect();
    if listed.is_empty() { format!("there are no {what} yet") } else { format!("{what}: {}", listed.join(", ")) }
}
