//! Finds products by words: an inverted index that is kept up to date product by product.

use super::words::{folded, terms};
use ahash::AHashMap;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Most products that a term of a query is followed to: what more products have tells nothing.
const MOST_OF_A_TERM: usize = 20_000;
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
const TERM: usize = 64;

impl Posting {
    fn new(number: u32, place: Place) -> Self {
        Self(number << 2 | place as u32)
    }

    fn number(self) -> u32 {
        self.0 >> 2
    }

    fn weight(self) -> u32 {
        match self.0 & 3 {
            0 => 2,
            1 => 3,
            _ => 8,
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
                list.insert(at, Posting::new(number, place));
                self.bytes += size_of::<Posting>();
            }
        }
    }

    /// Takes a product out, which was put in with the same texts.
    pub(super) fn remove(&mut self, number: u32, texts: &[(&str, Place)]) {
        for (term, _) in of_product(texts) {
            let Some(list) = self.postings.get_mut(term.as_str()) else { continue };
            if let Ok(at) = list.binary_search_by_key(&number, |posting| posting.number()) {
                list.remove(at);
                self.bytes -= size_of::<Posting>();
            }
            if list.is_empty() {
                self.bytes -= TERM + term.len();
                self.postings.remove(term.as_str());
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
        let all = common(&lists);
        if all.is_empty() && lists.len() > 1 { most(&lists) } else { all }
    }

    /// Products with a term that begins so.
    fn beginning_with(&self, start: &str) -> List<'_> {
        let mut beginning = self
            .postings
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(term, _)| term.starts_with(start))
            .peekable();
        let exact = beginning.next_if(|(term, _)| term.len() == start.len()).map(|(_, list)| list.as_slice());
        if beginning.peek().is_none() {
            return List::Exact(exact.unwrap_or_default());
        }
        let mut found: Ranked =
            exact.unwrap_or_default().iter().map(|posting| (posting.number(), posting.weight() + 1)).collect();
        for (_, list) in beginning {
            let room = MOST_OF_A_TERM.saturating_sub(found.len());
            found.extend(list.iter().take(room).map(|posting| (posting.number(), posting.weight())));
            if room <= list.len() {
                break;
            }
        }
        let cut = found.len() >= MOST_OF_A_TERM;
        // Of several words of a product, the one that fits best counts.
        found.sort_unstable_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1)));
        found.dedup_by_key(|(number, _)| *number);
        List::Several { found, cut }
    }
}

/// Products of a term of a query, in the order of their numbers.
enum List<'a> {
    /// Of the one term that there is.
    Exact(&'a [Posting]),
    /// Of several that begin with it; not all of them, if it was `cut`.
    Several { found: Ranked, cut: bool },
}

impl List<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Exact(list) => list.len(),
            Self::Several { found, .. } => found.len(),
        }
    }

    /// How well a product fits.
    fn score(&self, number: u32) -> Option<u32> {
        match self {
            // The word itself fits better than what only begins like it.
            Self::Exact(list) => {
                let at = list.binary_search_by_key(&number, |posting| posting.number()).ok()?;
                list.get(at).map(|posting| posting.weight() + 1)
            }
            Self::Several { found, cut } => match found.binary_search_by_key(&number, |(other, _)| *other) {
                Ok(at) => found.get(at).map(|(_, score)| *score),
                Err(_) => cut.then_some(0),
            },
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u32> {
        let (exact, several) = match self {
            Self::Exact(list) => (*list, &[][..]),
            Self::Several { found, .. } => (&[][..], found.as_slice()),
        };
        exact.iter().map(|posting| posting.number()).chain(several.iter().map(|(number, _)| *number))
    }
}

/// What is in all lists, of which the first is the shortest.
fn common(lists: &[List<'_>]) -> Ranked {
    let Some(shortest) = lists.first() else { return Vec::new() };
    let fits = |number: u32| {
        let mut sum = 0;
        for list in lists {
            sum += list.score(number)?;
        }
        Some((number, sum))
    };
    shortest.numbers().take(MOST_OF_A_TERM).filter_map(fits).collect()
}

/// What is in three lists of five, at least.
fn most(lists: &[List<'_>]) -> Ranked {
    let enough = (lists.len() * 3).div_ceil(5);
    let mut counted: AHashMap<u32, usize> = AHashMap::new();
    for number in lists.iter().flat_map(|list| list.numbers().take(MOST_OF_A_TERM / 4)) {
        *counted.entry(number).or_default() += 1;
    }
    let sum = |number: u32| lists.iter().filter_map(|list| list.score(number)).sum();
    counted.into_iter().filter(|(_, count)| *count >= enough).map(|(number, _)| (number, sum(number))).collect()
}

/// The terms of a product, each with its best place.
fn of_product(texts: &[(&str, Place)]) -> Vec<(String, Place)> {
    let mut all: Vec<(String, Place)> = Vec::new();
    for (text, place) in texts {
        terms(&folded(text), |term| {
            if all.len() < MOST_OF_A_PRODUCT {
                all.push((term.to_owned(), *place));
            }
        });
    }
    all.sort_unstable_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
    all.dedup_by(|a, b| a.0 == b.0);
    all
}
