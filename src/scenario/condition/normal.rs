//! Normal forms: negation pushed down to the leaves, then a disjunction of conjunctions.
//!
//! A leaf and its negation are separate literals, each true only where the leaf is defined. So `a && !a` is dropped, as
//! it never holds, and `a || !a` is kept, as it does not always hold.

use super::formula::{Atom, Formula, Kind, Opaque};
use std::ops::Range;
use std::sync::Arc;

/// What a literal is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Leaf<'f> {
    Atom(&'f Atom),
    Opaque(&'f Arc<Opaque>),
}

/// A leaf or its negation.
#[derive(Debug, Clone)]
pub(super) struct Literal<'f> {
    pub(super) leaf: Leaf<'f>,
    pub(super) positive: bool,
    pub(super) span: &'f Range<usize>,
}

/// Literals that must all hold.
pub(super) type Conjunct<'f> = Vec<Literal<'f>>;

/// The disjunctive normal form, or `None` if it has more than `cap` conjuncts.
pub(super) fn disjunction(formula: &Formula, cap: usize) -> Option<Vec<Conjunct<'_>>> {
    expand(formula, true, cap)
}

fn expand(formula: &Formula, positive: bool, cap: usize) -> Option<Vec<Conjunct<'_>>> {
    let literal = |leaf| Some(vec![vec![Literal { leaf, positive, span: &formula.span }]]);
    match &formula.kind {
        Kind::Constant(truth) => Some(if *truth == Some(positive) { vec![Vec::new()] } else { Vec::new() }),
        Kind::Atom(atom) => literal(Leaf::Atom(atom)),
        Kind::Opaque(opaque) => literal(Leaf::Opaque(opaque)),
        Kind::Not(inner) => expand(inner, !positive, cap),
        Kind::And(parts) if positive => product(parts, positive, cap),
        Kind::Or(parts) if !positive => product(parts, positive, cap),
        Kind::And(parts) | Kind::Or(parts) => {
            let mut union = Vec::new();
            for part in parts {
                union.extend(expand(part, positive, cap)?);
                if union.len() > cap {
                    return None;
                }
            }
            Some(union)
        }
    }
}

fn product(parts: &[Formula], positive: bool, cap: usize) -> Option<Vec<Conjunct<'_>>> {
    let mut conjuncts: Vec<Conjunct<'_>> = vec![Vec::new()];
    for part in parts {
        let alternatives = expand(part, positive, cap)?;
        let mut joined = Vec::with_capacity(conjuncts.len() * alternatives.len().min(cap));
        for conjunct in &conjuncts {
            for alternative in &alternatives {
                if let Some(both) = join(conjunct, alternative) {
                    joined.push(both);
                    if joined.len() > cap {
                        return None;
                    }
                }
            }
        }
        conjuncts = joined;
    }
    Some(conjuncts)
}

/// Both conjuncts' literals, each once; `None` if one is the negation of another.
fn join<'f>(a: &Conjunct<'f>, b: &Conjunct<'f>) -> Option<Conjunct<'f>> {
    let mut both = a.clone();
    for literal in b {
        match both.iter().find(|known| known.leaf == literal.leaf) {
            Some(known) if known.positive != literal.positive => return None,
            Some(_) => {}
            None => both.push(literal.clone()),
        }
    }
    Some(both)
}

/// All literals of a formula, as they stand once negation is pushed down.
pub(super) fn literals(formula: &Formula) -> Vec<Literal<'_>> {
    fn collect<'f>(formula: &'f Formula, positive: bool, found: &mut Vec<Literal<'f>>) {
        match &formula.kind {
            Kind::Constant(_) => {}
            Kind::Atom(atom) => found.push(Literal { leaf: Leaf::Atom(atom), positive, span: &formula.span }),
            Kind::Opaque(opaque) => found.push(Literal { leaf: Leaf::Opaque(opaque), positive, span: &formula.span }),
            Kind::Not(inner) => collect(inner, !positive, found),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| collect(part, positive, found)),
        }
    }
    let mut found = Vec::new();
    collect(formula, true, &mut found);
    found
}
