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
/// A position that is always true, in a word of its own.
const TRUE: Bit = 0;

/// Compiled conditions, numbered in the order in which they were added.
#[derive(Debug, Default)]
pub struct ConditionSet {
    facts: Vec<ObservedFact>,
    words: usize,
    /// How many conditions there are.
    len: usize,
    /// In the order of their conditions.
    conjuncts: Vec<Conjunct>,
    /// The conjuncts' literals beyond the first two.
    literals: Vec<Bit>,
    /// Conditions with too many conjuncts.
    trees: Vec<(u32, Tree)>,
    opaques: Vec<Arc<Opaque>>,
    /// By condition: whether the page's own content has a say in it.
    needs_content: Vec<bool>,
}

/// Literals that make a condition hold together. The two least probable stand here, so that one look at two words of
/// the bitset, without a branch between them, rejects nearly all.
#[derive(Debug)]
struct Conjunct {
    first: Bit,
    second: Bit,
    rest: Range<u32>,
    condition: u32,
}

/// A fact that conditions use, and where its literals stand.
#[derive(Debug)]
struct ObservedFact {
    fact: FactRef,
    of_content: bool,
    tables: Vec<(Range<usize>, Table)>,
}

#[derive(Debug)]
enum Table {
    Classes(Classes),
    Patterns(Patterns),
}

#[derive(Debug)]
enum Tree {
    Constant(bool),
    Literal(Bit),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

/// What an opaque part said, if it was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    NotAsked,
    Said(Option<bool>),
    /// It may yet say either.
    Either,
}

/// Memory that evaluations reuse.
#[derive(Debug, Default)]
pub struct Scratch {
    bits: Vec<u64>,
    answers: Vec<Answer>,
    matches: Vec<u32>,
    /// Places in `bits` of what may still come.
    pending: Vec<Range<usize>>,
    undecided: Vec<u32>,
}

/// What a page that is still streaming by makes of the conditions; all others do not hold, whatever it may say yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged<'s> {
    /// Conditions that hold, whatever it may say yet: by number, ascending.
    pub holds: &'s [u32],
    /// Conditions that may come to hold with what it has not said yet: by number, ascending.
    pub undecided: &'s [u32],
}

impl ConditionSet {
    /// Which conditions hold with what is known now, by number, ascending. What is not known now is missing.
    pub fn evaluate<'s>(&self, source: &dyn FactSource, scratch: &'s mut Scratch) -> &'s [u32] {
        self.observe(source, scratch, false);
        let Scratch { bits, answers, matches, .. } = scratch;
        self.collect(&mut Judge { set: self, source, bits, answers }, matches);
        matches
    }

    /// Which conditions hold, and which may yet: what is [pending](FactSource::is_pending) is neither known nor missing.
    pub fn judge<'s>(&self, source: &dyn FactSource, scratch: &'s mut Scratch) -> Judged<'s> {
        self.observe(source, scratch, true);
        let Scratch { bits, answers, matches, pending, undecided } = scratch;
        let mut open = !pending.is_empty();
        for (opaque, answer) in self.opaques.iter().zip(answers.iter_mut()) {
            if opaque.is_pending(source) {
                *answer = Answer::Said(None);
                open = true;
            }
        }
        self.collect(&mut Judge { set: self, source, bits, answers }, matches);
        undecided.clear();
        if open {
            for place in pending.iter() {
                if let Some(bits) = bits.get_mut(place.clone()) {
                    bits.fill(u64::MAX);
                }
            }
            for (opaque, answer) in self.opaques.iter().zip(answers.iter_mut()) {
                if opaque.is_pending(source) {
                    *answer = Answer::Either;
                }
            }
            self.collect(&mut Judge { set: self, source, bits, answers }, undecided);
            undecided.retain(|condition| matches.binary_search(condition).is_err());
        }
        Judged { holds: matches, undecided }
    }

    /// Whether the page's own content has a say in a condition.
    #[must_use]
    pub fn needs_content(&self, condition: usize) -> bool {
        self.needs_content.get(condition).copied().unwrap_or(false)
    }

    fn collect(&self, judge: &mut Judge<'_>, matches: &mut Vec<u32>) {
        matches.clear();
        for conjunct in &self.conjuncts {
            if judge.bit(conjunct.first) & judge.bit(conjunct.second) == 0 {
                continue;
            }
            let rest = self.literals.get(conjunct.rest.start as usize..conjunct.rest.end as usize).unwrap_or_default();
            if matches.last() != Some(&conjunct.condition) && rest.iter().all(|literal| judge.literal(*literal)) {
                matches.push(conjunct.condition);
            }
        }
        if !self.trees.is_empty() {
            matches.extend(self.trees.iter().filter(|(_, tree)| judge.tree(tree)).map(|(condition, _)| *condition));
            matches.sort_unstable();
        }
    }

    /// How many conditions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All facts that are ever observed.
    pub fn facts(&self) -> impl Iterator<Item = &FactRef> {
        let within = self.opaques.iter().flat_map(|opaque| opaque.facts.iter().map(|part| &part.fact));
        self.facts.iter().map(|observed| &observed.fact).chain(within)
    }

    /// Fills the truth bitset. Of what may still come, nothing holds, if it is asked for.
    fn observe(&self, source: &dyn FactSource, scratch: &mut Scratch, streaming: bool) {
        scratch.pending.clear();
        scratch.bits.resize(self.words, 0);
        if let Some(first) = scratch.bits.first_mut() {
            *first = 1;
        }
        scratch.answers.clear();
        scratch.answers.resize(self.opaques.len(), Answer::NotAsked);
        for observed in &self.facts {
            if streaming && observed.of_content && observed.fact.is_pending(source) {
                for (place, _) in &observed.tables {
                    if let Some(bits) = scratch.bits.get_mut(place.clone()) {
                        bits.fill(0);
                    }
                    scratch.pending.push(place.clone());
                }
                continue;
            }
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
    answers: &'j mut [Answer],
}

impl Judge<'_> {
    /// 1 if a literal of the bitset is true.
    fn bit(&self, bit: Bit) -> u64 {
        self.bits.get(bit as usize / 64).map_or(0, |word| word >> (bit % 64) & 1)
    }

    fn literal(&mut self, bit: Bit) -> bool {
        if bit & OPAQUE == 0 {
            return self.bit(bit) == 1;
        }
        let number = (bit & !OPAQUE) as usize / 2;
        let (Some(answer), Some(opaque)) = (self.answers.get_mut(number), self.set.opaques.get(number)) else {
            return false;
        };
        if *answer == Answer::NotAsked {
            *answer = Answer::Said(opaque.evaluate(self.source));
        }
        *answer == Answer::Either || *answer == Answer::Said(Some(bit & 1 == 0))
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
    len: u32,
    /// With atoms' numbers in place of positions: condition, and place in `literals`.
    conjuncts: Vec<(u32, Range<usize>)>,
    literals: Vec<Bit>,
    trees: Vec<(u32, Tree)>,
    needs_content: Vec<bool>,
}

impl ConditionSetBuilder {
    /// Adds a condition. Its number is how many were added before.
    pub fn add(&mut self, condition: &Checked) {
        let condition_number = self.len;
        self.len += 1;
        self.needs_content.push(condition.needs_content());
        let Some(conjuncts) = disjunction(&condition.formula, MAX_CONJUNCTS) else {
            let tree = self.tree(&condition.formula, true);
            self.trees.push((condition_number, tree));
            return;
        };
        for mut conjunct in conjuncts {
            // Opaque literals come last: they are asked only if all else holds.
            conjunct.sort_by_key(|literal| probability(&literal.leaf, literal.positive));
            let start = self.literals.len();
            for literal in conjunct {
                let bit = self.bit(&literal.leaf, literal.positive);
                self.literals.push(bit);
            }
            self.conjuncts.push((condition_number, start..self.literals.len()));
        }
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
        // The first word holds what is always true.
        let mut word = 1;
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
            observed.push(ObservedFact { fact: fact.clone(), of_content: fact.is_of_content(), tables });
        }
        let place = |bit: Bit| match position.get(bit as usize / 2) {
            Some(position) if bit & OPAQUE == 0 => position + (bit & 1),
            _ => bit,
        };
        let mut trees = self.trees;
        for (_, tree) in &mut trees {
            tree.place(&place);
        }
        let (mut conjuncts, mut rest) = (Vec::with_capacity(self.conjuncts.len()), Vec::new());
        for (condition, literals) in self.conjuncts {
            let literals = self.literals.get(literals).unwrap_or_default();
            let (plain, opaque): (Vec<Bit>, Vec<Bit>) =
                literals.iter().map(|bit| place(*bit)).partition(|bit| bit & OPAQUE == 0);
            let mut plain = plain.into_iter();
            let first = plain.next().unwrap_or(TRUE);
            let second = plain.next().unwrap_or(first);
            let start = rest.len() as u32;
            rest.extend(plain.chain(opaque));
            conjuncts.push(Conjunct { first, second, rest: start..rest.len() as u32, condition });
        }
        ConditionSet {
            facts: observed,
            words: word,
            len: self.len as usize,
            conjuncts,
            literals: rest,
            trees,
            opaques: self.opaques,
            needs_content: self.needs_content,
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
fn probability(leaf: &Leaf<'_>, positive: bool) -> u32 {
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
