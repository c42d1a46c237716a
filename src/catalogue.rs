//! What the shops sell, learnt from their own pages as they pass: by id, by page, by words.
//!
//! Decides what is believed and what is forgotten. Knows nothing of how pages are read, and of stores only that what it has may be
//! written there and be asked back at the next start.
//!
//! Entries are a product's id; addresses only lead to them, so whoever invents queries makes no entries. The rule for whoever
//! teaches: only answers of the shop with status 200 to GET, whole, as [`Lesson`]s.

pub mod address;
mod index;
mod keep;
mod shelf;
mod words;

pub use keep::Keeper;

use crate::commerce::{Content, Product};
use crate::ids::SiteId;
use crate::store::products::{Kept, Price};
use ahash::AHashMap;
use jiff::Timestamp;
use parking_lot::RwLock;
use shelf::{Shelf, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Pages without a product of which it is known when they were read.
const MOST_LISTS: usize = 5_000;

/// All sites' catalogues.
pub struct Catalogues {
    sites: RwLock<AHashMap<SiteId, Arc<Catalogue>>>,
    /// Bytes of all, and the most that they may take.
    bytes: Arc<AtomicUsize>,
    most_bytes: usize,
}

/// The products of one site.
pub struct Catalogue {
    shelf: RwLock<Shelf>,
    lists: RwLock<Lists>,
    /// What was kept is there.
    restored: AtomicBool,
    all_bytes: Arc<AtomicUsize>,
    most_bytes: usize,
}

/// When lists of products were last read: the latest, and those before them.
#[derive(Default)]
struct Lists {
    now: AHashMap<String, i64>,
    before: AHashMap<String, i64>,
}

/// A page that says something of products.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// What it says.
    pub content: &'a Content,
    /// The host that it was asked of, without port.
    pub host: &'a str,
    /// Path and query of the page; `None` for an answer that is no page, but data of the shop's.
    pub page: Option<(&'a str, &'a str)>,
    /// It may be another for other visitors, who are not logged in: it adds, and changes nothing that is known.
    pub personal: bool,
    /// Most products of the site.
    pub most: usize,
    /// When.
    pub at: Timestamp,
}

/// A product as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// What the shop says of it.
    pub product: Product,
    /// Its prices, one a currency.
    pub prices: Vec<Price>,
    /// When a page or a list last showed it.
    pub seen: Timestamp,
}

/// A category and how many products are in it or below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The outermost first.
    pub path: Vec<String>,
    /// Products.
    pub products: usize,
}

impl Catalogues {
    /// Catalogues that take so many bytes at most, all together.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self { sites: RwLock::default(), bytes: Arc::default(), most_bytes }
    }

    /// A site's catalogue; an empty one for a site never seen.
    #[must_use]
    pub fn of(&self, site: &SiteId) -> Arc<Catalogue> {
        if let Some(known) = self.sites.read().get(site) {
            return known.clone();
        }
        let empty = || {
            Arc::new(Catalogue {
                shelf: RwLock::default(),
                lists: RwLock::default(),
                restored: AtomicBool::new(false),
                all_bytes: self.bytes.clone(),
                most_bytes: self.most_bytes,
            })
        };
        self.sites.write().entry(site.clone()).or_insert_with(empty).clone()
    }

    /// Bytes of all, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Products of all.
    #[must_use]
    pub fn products(&self) -> usize {
        self.sites.read().values().map(|site| site.len()).sum()
    }

    fn all(&self) -> Vec<(SiteId, Arc<Catalogue>)> {
        self.sites.read().iter().map(|(id, site)| (id.clone(), site.clone())).collect()
    }
}

impl Catalogue {
    /// Learns what a page says.
    pub fn learn(&self, lesson: &Lesson<'_>) {
        let now = lesson.at.as_second();
        match (&lesson.content.product, lesson.page) {
            (Some(product), Some((path, query))) => {
                let Some(own) = address::canonical(path, query) else { return };
                let linked = product.url.as_deref().and_then(|url| address::linked(lesson.host, url));
                // Where the page gives its own address without a query, queries do not make another page of it.
                let itself = linked.is_some_and(|(to, query)| query.is_empty() && to == path);
                let page = Some((if itself { path } else { own.as_str() }, itself));
                let source = Source { page, own: true, personal: lesson.personal, now };
                self.take_in(product, source, lesson.most);
            }
            (Some(product), None) => self.learn_linked(product, lesson, now),
            (None, Some((path, query))) if !lesson.content.listed.is_empty() && !lesson.personal => {
                if let Some(own) = address::canonical(path, query) {
                    self.lists.write().note(own, now);
                }
            }
            (None, _) => {}
        }
        for product in &lesson.content.listed {
            self.learn_linked(product, lesson, now);
        }
    }

    /// Learns of a product elsewhere than on its own page.
    fn learn_linked(&self, product: &Product, lesson: &Lesson<'_>, now: i64) {
        let linked = product.url.as_deref().and_then(|url| address::linked(lesson.host, url));
        let page = linked.and_then(|(path, query)| address::canonical(&path, query));
        // What is known of the page by itself stands: that something links to it does not say that it shows just this.
        let page = page.as_deref().filter(|page| self.shelf.read().by_page(page).is_none()).map(|page| (page, false));
        self.take_in(product, Source { page, own: false, personal: lesson.personal, now }, lesson.most);
    }

    /// The product of an id.
    #[must_use]
    pub fn product(&self, id: &str) -> Option<Known> {
        self.shelf.read().by_id(id).map(Known::of)
    }

    /// The product of a page, if one is known from earlier.
    #[must_use]
    pub fn product_at(&self, path: &str, query: &str) -> Option<Known> {
        let page = address::canonical(path, query)?;
        self.shelf.read().by_page(&page).map(Known::of)
    }

    /// Whether a page was read no longer ago than `for_long`: then reading it once more tells little.
    #[must_use]
    pub fn is_fresh(&self, path: &str, query: &str, now: Timestamp, for_long: Duration) -> bool {
        let Some(page) = address::canonical(path, query) else { return false };
        let read = self.shelf.read().by_page(&page).map(|kept| kept.read);
        let read = read.or_else(|| self.lists.read().at(&page));
        read.is_some_and(|read| {
            let age = now.as_second() - read;
            read > 0 && u64::try_from(age).unwrap_or(0) < for_long.as_secs()
        })
    }

    /// Products that fit what somebody typed, the best first.
    #[must_use]
    pub fn search(&self, text: &str, most: usize) -> Vec<Known> {
        self.shelf.read().find(text, most).into_iter().map(Known::of).collect()
    }

    /// Categories, those of the most products first.
    #[must_use]
    pub fn categories(&self) -> Vec<Category> {
        let mut counts: AHashMap<Vec<String>, usize> = AHashMap::new();
        for (path, count) in self.shelf.read().categories() {
            for depth in 1..=path.len() {
                *counts.entry(path.get(..depth).unwrap_or(path).to_vec()).or_default() += count;
            }
        }
        let mut all: Vec<Category> = counts.into_iter().map(|(path, products)| Category { path, products }).collect();
        all.sort_unstable_by(|a, b| (b.products, &a.path).cmp(&(a.products, &b.path)));
        all
    }

    /// How many products are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shelf.read().len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shelf.read().bytes()
    }

    fn take_in(&self, product: &Product, source: Source<'_>, most: usize) {
        if product.id.is_empty() || most == 0 || self.shelf.read().knows(product, source) {
            return;
        }
        self.change(|shelf| {
            shelf.learn(product, source);
            while shelf.len() > most && shelf.forget_oldest() {}
        });
    }

    fn restore(&self, kept: Kept) {
        self.change(|shelf| shelf.restore(kept));
    }

    /// Changes something, and keeps to what all sites may take together: whoever grows beyond it forgets.
    fn change(&self, work: impl FnOnce(&mut Shelf)) {
        let mut products = self.shelf.write();
        let before = products.bytes();
        work(&mut products);
        let others = self.all_bytes.load(Ordering::Relaxed).saturating_sub(before);
        while products.len() > 1
            && others + products.bytes() > self.most_bytes
            && products.bytes() > before
            && products.forget_oldest()
        {}
        let after = products.bytes();
        if after >= before {
            self.all_bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.all_bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

impl Drop for Catalogue {
    fn drop(&mut self) {
        self.all_bytes.fetch_sub(self.shelf.get_mut().bytes(), Ordering::Relaxed);
    }
}

impl Lists {
    fn note(&mut self, page: String, at: i64) {
        if self.now.len() >= MOST_LISTS && !self.now.contains_key(&page) {
            self.before = std::mem::take(&mut self.now);
        }
        self.now.insert(page, at);
    }

    fn at(&self, page: &str) -> Option<i64> {
        self.now.get(page).or_else(|| self.before.get(page)).copied()
    }
}

impl Known {
    fn of(kept: &Kept) -> Self {
        Self {
            product: kept.product.clone(),
            prices: kept.prices.clone(),
            seen: Timestamp::from_second(kept.seen).unwrap_or_default(),
        }
    }

    /// What the price was before, and when it came down, if it did.
    #[must_use]
    pub fn price_dropped(&self) -> Option<(f64, Timestamp)> {
        let price = self.prices.first()?;
        let before = price.before.filter(|before| *before > price.amount)?;
        Some((before, Timestamp::from_second(price.changed).ok()?))
    }
}

#[cfg(test)]
mod tests;
