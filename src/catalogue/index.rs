//! Finds products by words: an inverted index that is kept up to date product by product.

use super::words::{folded, terms};
use ahash::AHashMap;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Most products that a query is followed to: what more products have tells nothing.
const MOST_OF_A_TERM: usize = 20_000;
/// The word itself fits better than what only begins like it.
const EXACT: u8 = 1;
/// Most terms of a query.
const MOST_TERMS: usize = 24;
/// Most terms of a product.
const MOST_OF_A_PRODUCT: usize = 256;

/// Where a term stands in a product. The later, the more it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Brand = 0,
    Category = 1,
    Name = 2,
    /// The first of its name.
    Beginning = 3,
}

/// Terms, and the products that have them in the order of their numbers.
#[derive(Default)]
pub(super) struct Index {
    postings: BTreeMap<Box<str>, Vec<Posting>>,
    bytes: usize,
}

/// A product's number, and the best place of the term in it.
#[derive(Clone, Copy)]
struct Posting(u32);

/// Products, each with how well it fits.
pub(super) type Ranked = Vec<(u32, u32)>;

/// What a postings list costs besides its elements: a node of the map, the vector, the text.
const TERM: usize = 80;

impl Posting {
    fn new(number: u32, place: Place) -> Self {
        Self(number << 2 | place as u32)
    }

    fn number(self) -> u32 {
        self.0 >> 2
    }

    fn weight(self) -> u8 {
        match self.0 & 3 {
            0 => 2,
            1 => 3,
            2 => 8,
            _ => 9,
        }
    }
}

impl Index {
    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn insert(&mut self, number: u32, texts: &[(&str, Place)]) {
        for (term, place) in of_product(texts) {
            let added = TERM + term.len();
            let list = self.postings.entry(term.into_boxed_str()).or_insert_with(|| {
                self.bytes += added;
                Vec::new()
            });
            if let Err(at) = list.binary_search_by_key(&number, |posting| posting.number()) {
                let before = list.capacity();
                list.insert(at, Posting::new(number, place));
                self.bytes += (list.capacity() - before) * size_of::<Posting>();
            }
        }
    }

    /// Takes a product out, which was put in with the same texts.
    pub(super) fn remove(&mut self, number: u32, texts: &[(&str, Place)]) {
        for (term, _) in of_product(texts) {
            let Some(list) = self.postings.get_mut(term.as_str()) else { continue };
            if let Ok(at) = list.binary_search_by_key(&number, |posting| posting.number()) {
                list.remove(at);
            }
            if list.is_empty() {
                self.bytes -= TERM + term.len() + list.capacity() * size_of::<Posting>();
                self.postings.remove(term.as_str());
            } else if list.len() < list.capacity() / 4 {
                let before = list.capacity();
                list.shrink_to(before / 2);
                self.bytes -= (before - list.capacity()) * size_of::<Posting>();
            }
        }
    }

    /// Products that have all terms of a text or, where there is none such, most of them; unordered.
    pub(super) fn find(&self, text: &str) -> Ranked {
        let mut wanted: SmallVec<[String; 8]> = SmallVec::new();
        let folded = folded(text);
        terms(&folded, |term| {
            if wanted.len() < MOST_TERMS && !wanted.iter().any(|known| known == term) {
                wanted.push(term.to_owned());
            }
        });
        // Behind a pair, the single character that ends its run asks for nothing new.
        let pairs = wanted.clone();
        wanted.retain(|term| {
            let single = term.chars().nth(1).is_none() && !term.is_ascii();
            !(single && pairs.iter().any(|pair| pair.len() > term.len() && pair.ends_with(term.as_str())))
        });
        let mut lists: Vec<List<'_>> = wanted.iter().map(|term| self.beginning_with(term)).collect();
        lists.sort_by_key(List::len);
        let all = common(&mut lists);
        if all.is_empty() && lists.len() > 1 { most(&lists) } else { all }
    }

    /// Products with a term that begins so.
    fn beginning_with(&self, start: &str) -> List<'_> {
        let from = (Bound::Included(start), Bound::Unbounded);
        let mut beginning =
            self.postings.range::<str, _>(from).take_while(|(term, _)| term.starts_with(start)).peekable();
        let exact = beginning.next_if(|(term, _)| term.len() == start.len()).map(|(_, list)| list.as_slice());
        let exact = exact.unwrap_or_default();
        if beginning.peek().is_none() {
            return List::Exact { list: exact, at: 0 };
        }
        let mut all = Marks::default();
        for posting in exact {
            all.mark(*posting, EXACT);
        }
        for posting in beginning.flat_map(|(_, list)| list) {
            all.mark(*posting, 0);
        }
        List::Several(all)
    }
}

/// Products of a term of a query.
enum List<'a> {
    /// Of the one term that there is, in the order of their numbers; before `at`, none is asked for any more.
    Exact { list: &'a [Posting], at: usize },
    /// Of several that begin with it.
    Several(Marks),
}

/// The best place of some terms in each product, by number; 0: in none.
#[derive(Default)]
struct Marks {
    scores: Vec<u8>,
    count: usize,
}

impl Marks {
    fn mark(&mut self, posting: Posting, more: u8) {
        let number = posting.number() as usize;
        if number >= self.scores.len() {
            self.scores.resize((number + 1).next_power_of_two(), 0);
        }
        if let Some(score) = self.scores.get_mut(number) {
            self.count += usize::from(*score == 0);
            *score = (*score).max(posting.weight() + more);
        }
    }
}

impl List<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Exact { list, .. } => list.len(),
            Self::Several(marks) => marks.count,
        }
    }

    /// How well a product fits. Asked for one after the other, in the order of their numbers.
    fn next_score(&mut self, number: u32) -> Option<u32> {
        match self {
            Self::Exact { list, at } => {
                // Most often it is the next one or not far away: in steps that double, and then exactly.
                let mut step = 1;
                while list.get(*at + step).is_some_and(|posting| posting.number() <= number) {
                    *at += step;
                    step *= 2;
                }
                let end = (*at + step).min(list.len());
                let found = list.get(*at..end)?.binary_search_by_key(&number, |posting| posting.number());
                *at += found.unwrap_or_else(|before| before);
                found.is_ok().then(|| list.get(*at).map(|posting| u32::from(posting.weight() + EXACT)))?
            }
            Self::Several(marks) => {
                marks.scores.get(number as usize).filter(|score| **score > 0).map(|score| u32::from(*score))
            }
        }
    }

    fn numbers(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::Exact { list, .. } => Box::new(list.iter().map(|posting| posting.number())),
            Self::Several(marks) => {
                let marked = marks.scores.iter().zip(0..).filter(|(score, _)| **score > 0);
                Box::new(marked.map(|(_, number)| number))
            }
        }
    }
}

/// What is in all lists, of which the first is the shortest.
fn common(lists: &mut [List<'_>]) -> Ranked {
    let Some((shortest, others)) = lists.split_first_mut() else { return Vec::new() };
    let numbers: Vec<u32> = shortest.numbers().take(MOST_OF_A_TERM).collect();
    let fits = |number: u32| {
        let mut sum = shortest.next_score(number)?;
        for list in others.iter_mut() {
            sum += list.next_score(number)?;
        }
        Some((number, sum))
    };
    numbers.into_iter().filter_map(fits).collect()
}

/// What is in three lists of five, at least.
fn most(lists: &[List<'_>]) -> Ranked {
    let enough = (lists.len() * 3).div_ceil(5);
    let mut counted: AHashMap<u32, usize> = AHashMap::new();
    for number in lists.iter().flat_map(|list| list.numbers().take(MOST_OF_A_TERM / 8)) {
        *counted.entry(number).or_default() += 1;
    }
    let enough = counted.into_iter().filter(|(_, count)| *count >= enough);
    enough.map(|(number, count)| (number, u32::try_from(count).unwrap_or_default())).collect()
}

/// The best of them, so many or a few more: the scores are small numbers.
pub(super) fn best(ranked: &mut Ranked, most: usize) {
    if ranked.len() <= most {
        return;
    }
    let mut with_score = [0_usize; 512];
    let place = |score: u32| (score as usize).min(511);
    for (_, score) in ranked.iter() {
        if let Some(count) = with_score.get_mut(place(*score)) {
            *count += 1;
        }
    }
    let mut better = 0;
    let least = with_score.iter().enumerate().rev().find(|(_, count)| {
        better += **count;
        better >= most
    });
    let least = least.map_or(0, |(score, _)| score);
    ranked.retain(|(_, score)| place(*score) >= least);
    // Of those that fit equally well, some are as good as others.
    if ranked.len() > most {
        ranked.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
        ranked.truncate(most);
    }
}

/// The terms of a product, each with its best place.
fn of_product(texts: &[(&str, Place)]) -> Vec<(String, Place)> {
    let mut all: Vec<(String, Place)> = Vec::new();
    for (text, place) in texts {
        terms(&folded(text), |term| {
            if all.len() < MOST_OF_A_PRODUCT {
                let first = *place == Place::Name && all.is_empty();
                all.push((term.to_owned(), if first { Place::Beginning } else { *place }));
            }
        });
    }
    all.sort_unstable_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
    all.dedup_by(|a, b| a.0 == b.0);
    all
}
