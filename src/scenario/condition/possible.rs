//! Finds conditions that can never hold, and comparisons that always do.

use super::breaks::Breaks;
use super::formula::{Atom, Formula, Literal as Constant, Test};
use super::normal::{Conjunct, Leaf, Literal, disjunction, literals};
use super::{ConditionProblem, Severity};
use crate::facts::attributes::Attribute;
use crate::facts::value::{Type, Value};
use std::borrow::Cow;

/// Conjuncts beyond which nothing is proved.
const CAP: usize = 256;

/// What a formula's logic says against it.
pub(super) fn problems(source: &str, formula: &Formula) -> Vec<ConditionProblem> {
    let mut found: Vec<ConditionProblem> = Vec::new();
    for literal in literals(formula) {
        let Leaf::Atom(atom) = literal.leaf else { continue };
        // Of an open set of texts, the candidates are only those that the literal itself names.
        let open = atom.fact.attribute.get().is_none_or(|a| a.ty == Type::String && a.values.is_empty());
        if let Some(candidates) = candidates(&[&literal]).filter(|_| !open) {
            let answers: Vec<bool> = candidates.iter().flatten().map(|value| admits(&literal, Some(value))).collect();
            if !answers.is_empty() && answers.iter().all(|answer| *answer) && atom.test != Test::Known {
                found.push(always(source, atom, &literal));
            }
        }
    }
    if let Some(conjuncts) = disjunction(formula, CAP) {
        let conflicts: Vec<Vec<&Literal<'_>>> = conjuncts.iter().filter_map(conflict).collect();
        if conflicts.len() == conjuncts.len() {
            found.push(never(source, conflicts.first().map_or(&[], |first| first.as_slice())));
        } else {
            for conflict in &conflicts {
                if let [alone] = conflict.as_slice() {
                    let mut problem = never(source, &[alone]);
                    problem.severity = Severity::Warning;
                    if !found.contains(&problem) {
                        found.push(problem);
                    }
                }
            }
        }
    }
    found
}

fn always(source: &str, atom: &Atom, literal: &Literal<'_>) -> ConditionProblem {
    let written = source.get(literal.span.clone()).unwrap_or_default();
    ConditionProblem {
        span: literal.span.clone(),
        code: "always-true",
        message: format!("`{written}` holds whenever `{}` is known", atom.fact.attribute.name()),
        help: atom.fact.attribute.get().and_then(bounds),
        severity: Severity::Warning,
    }
}

fn never(source: &str, conflict: &[&Literal<'_>]) -> ConditionProblem {
    let span =
        conflict.iter().map(|literal| literal.span.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    let mut written: Vec<String> = Vec::new();
    for literal in conflict {
        let text = format!("`{}`", source.get(literal.span.clone()).unwrap_or_default());
        if !written.contains(&text) {
            written.push(text);
        }
    }
    let message = match written.as_slice() {
        [] => "this condition can never hold".to_owned(),
        [one] => format!("{one} can never hold"),
        _ => format!("{} can never hold together", written.join(" and ")),
    };
    let attribute = conflict.first().and_then(|literal| match literal.leaf {
        Leaf::Atom(atom) => atom.fact.attribute.get(),
        Leaf::Opaque(_) => None,
    });
    ConditionProblem {
        span: span.unwrap_or(0..source.len()),
        code: "never-holds",
        message,
        help: attribute.and_then(bounds),
        severity: Severity::Error,
    }
}

fn bounds(attribute: &Attribute) -> Option<String> {
    if !attribute.values.is_empty() {
        return Some(format!("`{}` is one of: {}", attribute.name, attribute.values.join(", ")));
    }
    match attribute.range? {
        (least, i64::MAX) => Some(format!("`{}` is at least {least}", attribute.name)),
        (least, greatest) => Some(format!("`{}` is from {least} to {greatest}", attribute.name)),
    }
}

/// The fewest literals of a conjunct that no value of their fact satisfies together.
fn conflict<'c, 'f>(conjunct: &'c Conjunct<'f>) -> Option<Vec<&'c Literal<'f>>> {
    let fact = |literal: &Literal<'f>| match literal.leaf {
        Leaf::Atom(atom) => Some(&atom.fact),
        Leaf::Opaque(_) => None,
    };
    let all: Vec<&Literal<'f>> = conjunct.iter().filter(|literal| fact(literal).is_some()).collect();
    for (index, one) in all.iter().enumerate() {
        if impossible(&[one]) {
            return Some(vec![one]);
        }
        for other in all.iter().take(index).filter(|other| fact(other) == fact(one)) {
            if impossible(&[other, one]) {
                return Some(vec![other, one]);
            }
        }
    }
    all.iter().find_map(|one| {
        let group: Vec<&Literal<'f>> = all.iter().filter(|other| fact(other) == fact(one)).copied().collect();
        impossible(&group).then_some(group)
    })
}

fn impossible(group: &[&Literal<'_>]) -> bool {
    let Some(candidates) = candidates(group) else { return false };
    !candidates.iter().any(|value| group.iter().all(|literal| admits(literal, value.as_ref())))
}

fn admits(literal: &Literal<'_>, value: Option<&Value<'_>>) -> bool {
    match literal.leaf {
        Leaf::Atom(atom) => atom.test.holds(value) == Some(literal.positive),
        Leaf::Opaque(_) => true,
    }
}

/// Values that stand for all that a fact can have, as far as some literals about it can tell; `None` if no finite
/// number of them does. The absent value is the first.
fn candidates(group: &[&Literal<'_>]) -> Option<Vec<Option<Value<'static>>>> {
    let atoms: Vec<(&Atom, bool)> = group
        .iter()
        .filter_map(|literal| match literal.leaf {
            Leaf::Atom(atom) => Some((atom, literal.positive)),
            Leaf::Opaque(_) => None,
        })
        .collect();
    let attribute = atoms.first()?.0.fact.attribute.get()?;
    let text = |text: &str| Value::String(Cow::Owned(text.to_owned()));
    let values: Vec<Value<'static>> = match attribute.ty {
        Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Type::Int => {
            let (least, greatest) = attribute.range.unwrap_or((i64::MIN, i64::MAX));
            let breaks = Breaks::of(atoms.iter().map(|(atom, _)| &atom.test));
            let inside = breaks.ints.into_iter().filter(|int| (least..=greatest).contains(int));
            inside.chain([least]).map(Value::Int).collect()
        }
        Type::Double => {
            let least = attribute.range.map_or(f64::NEG_INFINITY, |(least, _)| least as f64);
            let breaks = Breaks::of(atoms.iter().map(|(atom, _)| &atom.test));
            breaks.doubles.into_iter().filter(|double| *double >= least).chain([least]).map(Value::Double).collect()
        }
        Type::String if !attribute.values.is_empty() => attribute.values.iter().map(|value| text(value)).collect(),
        Type::String => {
            // One of the texts that it must equal, if it must equal any.
            let equal = atoms.iter().find_map(|(atom, positive)| match (&atom.test, positive) {
                (Test::In(constants), true) => Some(constants),
                _ => None,
            })?;
            let texts = equal.iter().filter_map(|constant| match constant {
                Constant::String(value) => Some(text(value)),
                _ => None,
            });
            texts.collect()
        }
        Type::Strings => return None,
    };
    Some(std::iter::once(None).chain(values.into_iter().map(Some)).collect())
}
