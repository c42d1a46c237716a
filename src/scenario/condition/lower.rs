//! Turns a checked expression into a [`Formula`]: atoms where there are, the `cel` crate for the rest.

use super::Scope;
use super::check::regex;
use super::formula::{Atom, FactRef, Formula, Kind, Literal, Opaque, OpaqueFact, Order, Pattern, Test};
use super::names::{Name, name, tested, text};
use super::opaque::evaluate_constant;
use super::parse::{self, Parsed, visit};
use crate::facts::attributes::Shape;
use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Largest formula, its segments inlined.
const MAX_NODES: usize = 4096;

/// How deep segments may use segments: formulas are walked, and opaque parts evaluated, by recursion.
const MAX_SEGMENTS: usize = 8;

/// Why a condition could not be lowered, though each part of it is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotLowered {
    /// A segment uses itself: the names on the way.
    Cycle(Vec<String>),
    /// A segment cannot be used: it has problems of its own.
    BadSegment(String),
    /// It grew beyond [`MAX_NODES`] or [`MAX_SEGMENTS`].
    TooComplex,
}

pub(super) struct Lowering<'a> {
    scope: &'a Scope,
    /// Everything was checked before.
    trusted: bool,
    /// Segments that are being inlined.
    path: Vec<String>,
    /// Segments that were inlined.
    pub(super) used: BTreeMap<String, String>,
    nodes: usize,
}

/// One text under lowering: the condition's, or a segment's.
struct Text<'a> {
    parsed: &'a Parsed,
    source: &'a str,
    /// Place of the segment's name in the condition, for everything that a segment says.
    place: Option<Range<usize>>,
}

impl Text<'_> {
    fn span(&self, node: &IdedExpr) -> Range<usize> {
        self.place.clone().unwrap_or_else(|| self.parsed.span(node, self.source))
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn new(scope: &'a Scope) -> Self {
        Self { scope, trusted: false, path: Vec::new(), used: BTreeMap::new(), nodes: 0 }
    }

    /// For texts that were checked before, with a scope that may lack what only the checker asks for.
    pub(super) fn again(scope: &'a Scope) -> Self {
        Self { trusted: true, ..Self::new(scope) }
    }

    pub(super) fn condition(&mut self, parsed: &Parsed, source: &str) -> Result<Formula, NotLowered> {
        self.formula(&Text { parsed, source, place: None }, &parsed.expression)
    }

    fn formula(&mut self, text: &Text<'_>, node: &IdedExpr) -> Result<Formula, NotLowered> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(NotLowered::TooComplex);
        }
        let kind = self.kind(text, node)?;
        Ok(Formula { span: text.span(node), kind })
    }

    fn kind(&mut self, text: &Text<'_>, node: &IdedExpr) -> Result<Kind, NotLowered> {
        if let Some(Name::Segment(segment)) = name(node, &[]) {
            return self.inline(&segment, text.span(node));
        }
        if let Expr::Call(call) = &node.expr {
            match (call.func_name.as_str(), call.args.as_slice()) {
                (op::LOGICAL_AND, _) => return Ok(Kind::And(self.flat(text, node, op::LOGICAL_AND)?)),
                (op::LOGICAL_OR, _) => return Ok(Kind::Or(self.flat(text, node, op::LOGICAL_OR)?)),
                (op::LOGICAL_NOT, [inner]) => return Ok(Kind::Not(Box::new(self.formula(text, inner)?))),
                (op::NOT_EQUALS, [left, right]) => {
                    if let Some(atom) = equality(left, right) {
                        let inner = Formula { span: text.span(node), kind: Kind::Atom(Box::new(atom)) };
                        return Ok(Kind::Not(Box::new(inner)));
                    }
                }
                _ => {}
            }
        }
        if let Some(atom) = atom(node) {
            return Ok(Kind::Atom(Box::new(atom)));
        }
        if is_constant(node) {
            return Ok(Kind::Constant(match evaluate_constant(node) {
                Some(cel::Value::Bool(truth)) => Some(truth),
                _ => None,
            }));
        }
        self.opaque(node)
    }

    /// The operands of a chain of one connective.
    fn flat(&mut self, text: &Text<'_>, node: &IdedExpr, connective: &str) -> Result<Vec<Formula>, NotLowered> {
        let mut parts = Vec::new();
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            match &node.expr {
                Expr::Call(call) if call.func_name == connective => pending.extend(call.args.iter().rev()),
                _ => parts.push(self.formula(text, node)?),
            }
        }
        Ok(parts)
    }

    fn inline(&mut self, segment: &str, place: Range<usize>) -> Result<Kind, NotLowered> {
        let parsed = self.enter(segment)?;
        let source = self.scope.segments.get(segment).map(String::as_str).unwrap_or_default();
        let inlined = self.formula(&Text { parsed: &parsed, source, place: Some(place) }, &parsed.expression)?;
        self.path.pop();
        Ok(inlined.kind)
    }

    fn enter(&mut self, segment: &str) -> Result<Parsed, NotLowered> {
        if let Some(start) = self.path.iter().position(|name| name == segment) {
            let mut cycle: Vec<String> = self.path.iter().skip(start).cloned().collect();
            cycle.push(segment.to_owned());
            return Err(NotLowered::Cycle(cycle));
        }
        if self.path.len() >= MAX_SEGMENTS {
            return Err(NotLowered::TooComplex);
        }
        let bad = || NotLowered::BadSegment(segment.to_owned());
        let source = self.scope.segments.get(segment).ok_or_else(bad)?;
        let parsed = parse::parse(source).map_err(|_| bad())?;
        if !self.trusted {
            let mut checker = super::check::Checker::new(source, &parsed, self.scope);
            checker.condition();
            if !checker.problems.is_empty() {
                return Err(bad());
            }
        }
        self.used.insert(segment.to_owned(), source.clone());
        self.path.push(segment.to_owned());
        Ok(parsed)
    }

    fn opaque(&mut self, node: &IdedExpr) -> Result<Kind, NotLowered> {
        let mut facts = Vec::new();
        let expression = self.detach(node, &mut facts, &mut Vec::new())?;
        Ok(Kind::Opaque(Arc::new(Opaque { facts, expression })))
    }

    /// Copies an expression with facts replaced by variables, segments by their texts, and ids by 0.
    fn detach(
        &mut self,
        node: &IdedExpr,
        facts: &mut Vec<OpaqueFact>,
        locals: &mut Vec<String>,
    ) -> Result<IdedExpr, NotLowered> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(NotLowered::TooComplex);
        }
        match name(node, locals) {
            Some(Name::Fact(fact)) => return Ok(variable(facts, OpaqueFact { fact, known: false })),
            Some(Name::Segment(segment)) => {
                let parsed = self.enter(&segment)?;
                let inlined = self.detach(&parsed.expression, facts, &mut Vec::new())?;
                self.path.pop();
                return Ok(inlined);
            }
            _ => {}
        }
        if let Some(fact) = known(node, locals) {
            return Ok(variable(facts, OpaqueFact { fact, known: true }));
        }
        let mut copy = node.clone();
        copy.id = 0;
        let mut failed = None;
        let mut each = |this: &mut Self, child: &mut IdedExpr, locals: &mut Vec<String>| {
            // The first failure is the one to tell.
            if failed.is_none() {
                match this.detach(child, facts, locals) {
                    Ok(detached) => *child = detached,
                    Err(error) => failed = Some(error),
                }
            }
        };
        match &mut copy.expr {
            Expr::Call(call) => {
                if let Some(target) = &mut call.target {
                    each(self, target, locals);
                }
                call.args.iter_mut().for_each(|child| each(self, child, locals));
            }
            Expr::Select(select) => each(self, &mut select.operand, locals),
            Expr::List(list) => list.elements.iter_mut().for_each(|child| each(self, child, locals)),
            Expr::Comprehension(fold) => {
                each(self, &mut fold.iter_range, locals);
                each(self, &mut fold.accu_init, locals);
                locals.extend([fold.iter_var.clone(), fold.accu_var.clone()]);
                for part in [&mut fold.loop_cond, &mut fold.loop_step, &mut fold.result] {
                    each(self, part, locals);
                }
                locals.truncate(locals.len() - 2);
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(pair) = &mut entry.expr {
                        each(self, &mut pair.key, locals);
                        each(self, &mut pair.value, locals);
                    }
                }
            }
            _ => {}
        }
        failed.map_or(Ok(copy), Err)
    }
}

/// The variable that stands for a fact in an opaque expression.
fn variable(facts: &mut Vec<OpaqueFact>, fact: OpaqueFact) -> IdedExpr {
    let index = facts.iter().position(|known| *known == fact).unwrap_or_else(|| {
        facts.push(fact);
        facts.len() - 1
    });
    IdedExpr { id: 0, expr: Expr::Ident(Opaque::variable(index)) }
}

/// A question about one fact and constants.
fn atom(node: &IdedExpr) -> Option<Atom> {
    if let Some(fact) = known(node, &[]) {
        return Some(Atom { fact, test: Test::Known });
    }
    if let Some(fact) = fact(node) {
        return Some(Atom { fact, test: Test::Truth });
    }
    let Expr::Call(call) = &node.expr else { return None };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (op::EQUALS, [left, right]) => equality(left, right),
        (op::IN, [item, container]) => membership(item, container),
        (name, [left, right]) if order(name).is_some() => {
            let order = order(name)?;
            if let (Some(fact), Some(literal)) = (fact(left), constant(right)) {
                return Some(Atom { fact, test: Test::Compare(order, literal) });
            }
            Some(Atom { fact: fact(right)?, test: Test::Compare(order.flipped(), constant(left)?) })
        }
        _ => method(call),
    }
}

fn order(operator: &str) -> Option<Order> {
    Some(match operator {
        op::LESS => Order::Less,
        op::LESS_EQUALS => Order::AtMost,
        op::GREATER => Order::Greater,
        op::GREATER_EQUALS => Order::AtLeast,
        _ => return None,
    })
}

fn equality(left: &IdedExpr, right: &IdedExpr) -> Option<Atom> {
    let (fact, literal) = match (fact(left), fact(right)) {
        (Some(fact), None) => (fact, constant(right)?),
        (None, Some(fact)) => (fact, constant(left)?),
        _ => return None,
    };
    Some(Atom { fact, test: Test::In([literal].into()) })
}

fn membership(item: &IdedExpr, container: &IdedExpr) -> Option<Atom> {
    if let Some(fact) = fact(item)
        && let Expr::List(list) = &container.expr
    {
        let literals: Option<Vec<Literal>> = list.elements.iter().map(constant).collect();
        return Some(Atom { fact, test: Test::In(literals?.into()) });
    }
    Some(Atom { fact: fact(container)?, test: Test::Lists(constant(item)?) })
}

fn method(call: &CallExpr) -> Option<Atom> {
    let fact = fact(call.target.as_deref()?)?;
    let [argument] = call.args.as_slice() else { return None };
    let Literal::String(part) = constant(argument)? else { return None };
    let test = match call.func_name.as_str() {
        "startsWith" => Test::StartsWith(part),
        "endsWith" => Test::EndsWith(part),
        "contains" => Test::Contains(part),
        "matches" => Test::Matches(Pattern { regex: regex(&part).ok()?, text: part }),
        _ => return None,
    };
    Some(Atom { fact, test })
}

fn fact(node: &IdedExpr) -> Option<FactRef> {
    match name(node, &[])? {
        Name::Fact(fact) => Some(fact),
        _ => None,
    }
}

/// `has(f)`, or `"k" in page.query`.
fn known(node: &IdedExpr, locals: &[String]) -> Option<FactRef> {
    match &node.expr {
        Expr::Select(select) if select.test => match tested(node, locals)? {
            Name::Fact(fact) => Some(fact),
            _ => None,
        },
        Expr::Call(call) if call.func_name == op::IN => {
            let [key, container] = call.args.as_slice() else { return None };
            let Name::Keyed(attribute) = name(container, locals)? else { return None };
            attribute.get().filter(|a| a.shape == Shape::Map)?;
            Some(FactRef { attribute, key: Some(text(key)?.into()) })
        }
        _ => None,
    }
}

/// The value of an expression without facts.
fn constant(node: &IdedExpr) -> Option<Literal> {
    match &node.expr {
        Expr::Literal(literal) => Some(match literal {
            LiteralValue::Boolean(truth) => Literal::Bool(*truth.inner()),
            LiteralValue::Int(number) => Literal::Int(*number.inner()),
            LiteralValue::Double(number) => Literal::Double(*number.inner()),
            LiteralValue::String(text) => Literal::String(text.inner().into()),
            // Compares like the int of its value, if there is one.
            LiteralValue::UInt(number) => Literal::Int(i64::try_from(*number.inner()).ok()?),
            LiteralValue::Bytes(_) | LiteralValue::Null => return None,
        }),
        _ if is_constant(node) => match evaluate_constant(node)? {
            cel::Value::Bool(truth) => Some(Literal::Bool(truth)),
            cel::Value::Int(number) => Some(Literal::Int(number)),
            cel::Value::Float(number) if !number.is_nan() => Some(Literal::Double(number)),
            cel::Value::String(text) => Some(Literal::String(text.as_str().into())),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression names nothing and loops over nothing.
fn is_constant(node: &IdedExpr) -> bool {
    let mut constant = true;
    visit(node, &mut |node| {
        constant &= !matches!(node.expr, Expr::Ident(_) | Expr::Comprehension(_) | Expr::Unspecified);
        if let Expr::Call(call) = &node.expr {
            constant &= !(call.target.is_none() && crate::facts::attributes::find(&call.func_name).is_some());
        }
    });
    constant
}
