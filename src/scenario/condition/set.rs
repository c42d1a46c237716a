//! All conditions of a site, judged together.
//!
//! Each fact that any of them uses is observed once a request; each predicate is answered once, however many conditions
//! share it; and what the `cel` crate must evaluate is evaluated at most once, and only if all else in a conjunct holds.

use super::Checked;
use super::formula::{Atom, FactRef, Formula, Kind, Opaque, Test};
use super::normal::{Leaf, disjunction};
use super::table::{Classes, GROUP, Patterns, is_classed, words};
use crate::facts::FactSource;
use ahash::AHashMap;
use std::ops::Range;
use std::sync::Arc;

/// Conjuncts a condition may have before it is kept as a tree.
const MAX_CONJUNCTS: usize = 24;

/// A literal: bit 0 set is the negation; below [`OPAQUE`] a position in the truth bitset, above it an opaque's number.
type Bit = u32;
const OPAQUE: Bit = 1 << 31;

/// Compiled conditions, numbered in the order in which they were added.
#[derive(Debug, Default)]
pub struct ConditionSet {
    facts: Vec<ObservedFact>,
    words: usize,
    rules: Vec<Rule>,
    /// Ends of the conjuncts in `literals`.
    conjuncts: Vec<u32>,
    literals: Vec<Bit>,
    opaques: Vec<Arc<Opaque>>,
}

/// A fact that conditions use, and where its literals stand.
#[derive(Debug)]
struct ObservedFact {
    fact: FactRef,
    tables: Vec<(Range<usize>, Table)>,
}

#[derive(Debug)]
enum Table {
    Classes(Classes),
    Patterns(Patterns),
}

#[derive(Debug)]
enum Rule {
    /// Any of these conjuncts.
    Any(Range<u32>),
    /// Too many conjuncts.
    Tree(Box<Tree>),
}

#[derive(Debug)]
enum Tree {
    Constant(bool),
    Literal(Bit),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

/// Memory that evaluations reuse.
#[derive(Debug, Default)]
pub struct Scratch {
    bits: Vec<u64>,
    /// By opaque: not asked yet, or its answer.
    answers: Vec<Option<Option<bool>>>,
    matches: Vec<u32>,
}

impl ConditionSet {
    /// Which conditions hold, by number, ascending.
    pub fn evaluate<'s>(&self, source: &dyn FactSource, scratch: &'s mut Scratch) -> &'s [u32] {
        self.observe(source, scratch);
        let Scratch { bits, answers, matches } = scratch;
        let mut judge = Judge { set: self, source, bits, answers };
        matches.clear();
        for (number, rule) in self.rules.iter().enumerate() {
            if judge.holds(rule) {
                matches.push(number as u32);
            }
        }
        matches
    }

    /// How many conditions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// All facts that are ever observed.
    pub fn facts(&self) -> impl Iterator<Item = &FactRef> {
        self.facts.iter().map(|observed| &observed.fact)
    }

    /// Fills the truth bitset.
    fn observe(&self, source: &dyn FactSource, scratch: &mut Scratch) {
        scratch.bits.resize(self.words, 0);
        scratch.answers.clear();
        scratch.answers.resize(self.opaques.len(), None);
        for observed in &self.facts {
            let value = observed.fact.value(source);
            for (place, table) in &observed.tables {
                let Some(bits) = scratch.bits.get_mut(place.clone()) else { continue };
                match table {
                    Table::Classes(table) => table.fill(value.as_ref(), bits),
                    Table::Patterns(table) => table.fill(value.as_ref(), bits),
                }
            }
        }
    }
}

/// One request's answers.
struct Judge<'j> {
    set: &'j ConditionSet,
    source: &'j dyn FactSource,
    bits: &'j [u64],
    answers: &'j mut [Option<Option<bool>>],
}

impl Judge<'_> {
    fn holds(&mut self, rule: &Rule) -> bool {
        match rule {
            Rule::Any(conjuncts) => conjuncts.clone().any(|conjunct| self.conjunct(conjunct as usize)),
            Rule::Tree(tree) => self.tree(tree),
        }
    }

    /// Literals stand the least probable first and opaque ones last.
    fn conjunct(&mut self, conjunct: usize) -> bool {
        let ends = &self.set.conjuncts;
        let start = conjunct.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
        let end = ends.get(conjunct).map_or(0, |end| *end as usize);
        let literals = self.set.literals.get(start..end).unwrap_or_default();
        literals.iter().all(|literal| self.literal(*literal))
    }

    fn literal(&mut self, bit: Bit) -> bool {
        if bit & OPAQUE == 0 {
            let word = self.bits.get(bit as usize / 64).copied().unwrap_or(0);
            return word >> (bit % 64) & 1 == 1;
        }
        let number = (bit & !OPAQUE) as usize / 2;
        let (Some(answer), Some(opaque)) = (self.answers.get_mut(number), self.set.opaques.get(number)) else {
            return false;
        };
        let source = self.source;
        *answer.get_or_insert_with(|| opaque.evaluate(source)) == Some(bit & 1 == 0)
    }

    fn tree(&mut self, tree: &Tree) -> bool {
        match tree {
            Tree::Constant(truth) => *truth,
            Tree::Literal(bit) => self.literal(*bit),
            Tree::All(parts) => parts.iter().all(|part| self.tree(part)),
            Tree::Any(parts) => parts.iter().any(|part| self.tree(part)),
        }
    }
}

/// Gathers conditions; predicates that occur in several are kept once.
#[derive(Debug, Default)]
pub struct ConditionSetBuilder {
    atoms: Vec<Atom>,
    atom_numbers: AHashMap<Atom, u32>,
    opaques: Vec<Arc<Opaque>>,
    opaque_numbers: AHashMap<String, u32>,
    /// With atoms' numbers in place of positions.
    rules: Vec<Rule>,
    conjuncts: Vec<u32>,
    literals: Vec<Bit>,
}

impl ConditionSetBuilder {
    /// Adds a condition. Its number is how many were added before.
    pub fn add(&mut self, condition: &Checked) {
        let rule = match disjunction(&condition.formula, MAX_CONJUNCTS) {
            Some(conjuncts) => {
                let first = self.conjuncts.len() as u32;
                for mut conjunct in conjuncts {
                    conjunct.sort_by_key(|literal| improbability(&literal.leaf, literal.positive));
                    for literal in conjunct {
                        let bit = self.bit(&literal.leaf, literal.positive);
                        self.literals.push(bit);
                    }
                    self.conjuncts.push(self.literals.len() as u32);
                }
                Rule::Any(first..self.conjuncts.len() as u32)
            }
            None => Rule::Tree(Box::new(self.tree(&condition.formula, true))),
        };
        self.rules.push(rule);
    }

    fn tree(&mut self, formula: &Formula, positive: bool) -> Tree {
        match &formula.kind {
            Kind::Constant(truth) => Tree::Constant(*truth == Some(positive)),
            Kind::Atom(atom) => Tree::Literal(self.bit(&Leaf::Atom(atom), positive)),
            Kind::Opaque(opaque) => Tree::Literal(self.bit(&Leaf::Opaque(opaque), positive)),
            Kind::Not(inner) => self.tree(inner, !positive),
            Kind::And(parts) | Kind::Or(parts) => {
                let all = matches!(formula.kind, Kind::And(_)) == positive;
                let parts = parts.iter().map(|part| self.tree(part, positive)).collect();
                if all { Tree::All(parts) } else { Tree::Any(parts) }
            }
        }
    }

    fn bit(&mut self, leaf: &Leaf<'_>, positive: bool) -> Bit {
        let negated = Bit::from(!positive);
        match leaf {
            Leaf::Atom(atom) => {
                let next = self.atoms.len() as u32;
                if let Some(number) = self.atom_numbers.get(*atom) {
                    return number * 2 + negated;
                }
                self.atoms.push((*atom).clone());
                self.atom_numbers.insert((*atom).clone(), next);
                next * 2 + negated
            }
            Leaf::Opaque(opaque) => {
                let next = self.opaques.len() as u32;
                let number = *self.opaque_numbers.entry(format!("{opaque:?}")).or_insert(next);
                if number == next {
                    self.opaques.push(Arc::clone(opaque));
                }
                OPAQUE | (number * 2 + negated)
            }
        }
    }

    /// Lays out the literals of each fact and works out its rows.
    #[must_use]
    pub fn build(self) -> ConditionSet {
        let mut by_fact: AHashMap<&FactRef, usize> = AHashMap::new();
        let mut facts: Vec<(&FactRef, Vec<usize>)> = Vec::new();
        for (number, atom) in self.atoms.iter().enumerate() {
            let slot = *by_fact.entry(&atom.fact).or_insert(facts.len());
            if slot == facts.len() {
                facts.push((&atom.fact, Vec::new()));
            }
            if let Some((_, atoms)) = facts.get_mut(slot) {
                atoms.push(number);
            }
        }
        let test = |number: &usize| self.atoms.get(*number).map(|atom| &atom.test);
        let mut position: Vec<u32> = vec![0; self.atoms.len()];
        let mut word = 0;
        let mut observed = Vec::with_capacity(facts.len());
        for (fact, atoms) in facts {
            let (classed, patterns): (Vec<usize>, Vec<usize>) =
                atoms.into_iter().partition(|number| test(number).is_some_and(is_classed));
            let mut tables = Vec::new();
            let mut lay = |group: &[usize], make: &dyn Fn(&[&Test]) -> Table| {
                for (index, number) in group.iter().enumerate() {
                    if let Some(position) = position.get_mut(*number) {
                        *position = (word * 64 + index * 2) as u32;
                    }
                }
                let tests: Vec<&Test> = group.iter().filter_map(test).collect();
                tables.push((word..word + words(group.len()), make(&tests)));
                word += words(group.len());
            };
            for group in classed.chunks(GROUP) {
                lay(group, &|tests| Table::Classes(Classes::new(tests)));
            }
            if !patterns.is_empty() {
                lay(&patterns, &|tests| Table::Patterns(Patterns::new(tests)));
            }
            observed.push(ObservedFact { fact: fact.clone(), tables });
        }
        let place = |bit: Bit| match position.get(bit as usize / 2) {
            Some(position) if bit & OPAQUE == 0 => position + (bit & 1),
            _ => bit,
        };
        let mut rules = self.rules;
        for rule in &mut rules {
            if let Rule::Tree(tree) = rule {
                tree.place(&place);
            }
        }
        ConditionSet {
            facts: observed,
            words: word,
            rules,
            conjuncts: self.conjuncts,
            literals: self.literals.into_iter().map(place).collect(),
            opaques: self.opaques,
        }
    }
}

impl Tree {
    fn place(&mut self, place: &dyn Fn(Bit) -> Bit) {
        match self {
            Self::Constant(_) => {}
            Self::Literal(bit) => *bit = place(*bit),
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.place(place)),
        }
    }
}

/// A guess at how often a literal holds, in hundredths; conjuncts fail fastest on the least probable.
fn improbability(leaf: &Leaf<'_>, positive: bool) -> u32 {
    let Leaf::Atom(atom) = leaf else { return 1000 };
    let percent = match &atom.test {
        Test::Known => 80,
        Test::Truth => 30,
        Test::In(literals) => (5 * literals.len() as u32).min(60),
        Test::Compare(..) => 40,
        Test::StartsWith(_) | Test::EndsWith(_) | Test::Contains(_) | Test::Matches(_) => 10,
        Test::Lists(_) => 8,
    };
    if positive { percent } else { 100 - percent }
}
