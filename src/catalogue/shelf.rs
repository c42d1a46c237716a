//! The products of one site in memory: by id, by page, by words, by when they were last seen.

use super::index::{Index, Place, best};
use super::words::folded;
use crate::commerce::Product;
use crate::store::products::{Kept, Price};
use ahash::{AHashMap, AHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of;

/// Most pages of one product.
const MOST_PAGES: usize = 4;
/// Most currencies of one product.
const MOST_PRICES: usize = 4;
/// Moving a product to the front more often tells nothing.
const SEEN_EVERY: i64 = 60;
/// That a product was seen once more is written no more often.
const WRITTEN_EVERY: i64 = 3_600;
/// Products that fit by their words, of which the names are looked at.
const LOOKED_AT: usize = 64;

/// All that is known.
#[derive(Default)]
pub(super) struct Shelf {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    ids: AHashMap<String, u32>,
    /// Path and query → product; `true`: the page itself says that its address is this, without a query.
    pages: AHashMap<String, (u32, bool)>,
    /// By when they were last seen.
    order: BTreeSet<(i64, u32)>,
    categories: BTreeMap<Vec<String>, usize>,
    index: Index,
    bytes: usize,
    changed: AHashSet<String>,
    gone: AHashSet<String>,
}

struct Slot {
    kept: Kept,
    bytes: usize,
    /// When it was last handed out to be written, Unix seconds.
    written: i64,
}

/// Where a product was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// Address of its own page, and whether the page itself says so.
    pub(super) page: Option<(&'a str, bool)>,
    /// It was on its own page, and not in a list.
    pub(super) own: bool,
    /// The page may be another for other visitors: what is known stands.
    pub(super) personal: bool,
    /// Unix seconds.
    pub(super) now: i64,
}

impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.index.bytes()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Kept> {
        self.at(*self.ids.get(id)?)
    }

    /// The product of a page. An address with more in its query is the same page where the page says so.
    pub(super) fn by_page(&self, page: &str) -> Option<&Kept> {
        let number = match (self.pages.get(page), page.split_once('?')) {
            (Some((number, _)), _) => *number,
            (None, Some((path, _))) => self.pages.get(path).filter(|(_, itself)| *itself)?.0,
            (None, None) => return None,
        };
        self.at(number)
    }

    /// Whether a product says nothing new: then nothing need be locked for it.
    pub(super) fn knows(&self, product: &Product, source: Source<'_>) -> bool {
        let Some(kept) = self.by_id(&product.id) else { return false };
        let page_is_known = source.page.is_none_or(|(page, _)| kept.pages.iter().any(|known| known == page));
        let fresh = source.now - kept.seen < SEEN_EVERY && (!source.own || source.now - kept.read < SEEN_EVERY);
        page_is_known && fresh && {
            let merged = merged(kept, product, source);
            merged.product == kept.product && merged.prices == kept.prices
        }
    }

    /// Takes a product in.
    pub(super) fn learn(&mut self, product: &Product, source: Source<'_>) {
        let Some(number) = self.ids.get(&product.id).copied() else {
            let kept = Kept {
                product: product.clone(),
                prices: first_prices(product, source.now),
                seen: source.now,
                read: if source.own && !source.personal { source.now } else { 0 },
                pages: Vec::new(),
            };
            let number = self.put(kept);
            self.turn_to(number, source.page);
            self.changed.insert(product.id.clone());
            return;
        };
        let Some(kept) = self.at(number) else { return };
        let written = self.slots.get(number as usize).and_then(Option::as_ref).map_or(0, |slot| slot.written);
        let merged = merged(kept, product, source);
        let changed = merged.product != kept.product || merged.prices != kept.prices;
        if changed || source.now - written >= WRITTEN_EVERY {
            self.changed.insert(product.id.clone());
        }
        self.replace(number, merged);
        self.turn_to(number, source.page);
    }

    /// Takes in what was kept, unless something newer was learnt already.
    pub(super) fn restore(&mut self, kept: Kept) {
        if kept.product.id.is_empty() || self.ids.contains_key(&kept.product.id) {
            return;
        }
        let pages = kept.pages.clone();
        let number = self.put(Kept { pages: Vec::new(), ..kept });
        for page in &pages {
            let (address, itself) = page.strip_suffix('#').map_or((page.as_str(), false), |page| (page, true));
            self.turn_to(number, Some((address, itself)));
        }
    }

    /// Forgets the product that was not seen for the longest time; false if there is none.
    pub(super) fn forget_oldest(&mut self) -> bool {
        let Some((_, number)) = self.order.first().copied() else { return false };
        if let Some(slot) = self.take(number) {
            let id = slot.kept.product.id;
            self.changed.remove(&id);
            self.gone.insert(id);
        }
        true
    }

    /// What changed since it was asked last, and what is gone.
    pub(super) fn changes(&mut self) -> (Vec<Kept>, Vec<String>) {
        let changed = std::mem::take(&mut self.changed);
        let kept: Vec<Kept> = changed.iter().filter_map(|id| self.for_store(id)).collect();
        for kept in &kept {
            if let Some(Some(slot)) =
                self.ids.get(&kept.product.id).and_then(|number| self.slots.get_mut(*number as usize))
            {
                slot.written = kept.seen;
            }
        }
        (kept, std::mem::take(&mut self.gone).into_iter().collect())
    }

    /// What could not be kept is tried again.
    pub(super) fn changed_still(
        &mut self,
        changed: impl IntoIterator<Item = String>,
        gone: impl IntoIterator<Item = String>,
    ) {
        self.changed.extend(changed.into_iter().filter(|id| self.ids.contains_key(id)));
        self.gone.extend(gone.into_iter().filter(|id| !self.ids.contains_key(id)));
    }

    /// Categories, and how many products each has.
    pub(super) fn categories(&self) -> impl Iterator<Item = (&[String], usize)> {
        self.categories.iter().map(|(path, count)| (path.as_slice(), *count))
    }

    /// Products that fit a text, the best first.
    pub(super) fn find(&self, text: &str, most: usize) -> Vec<&Kept> {
        let mut ranked = self.index.find(text);
        best(&mut ranked, most.max(LOOKED_AT));
        let wanted = folded(text.trim());
        let mut found: Vec<(u32, i64, u32, &Kept)> = ranked
            .into_iter()
            .filter_map(|(number, score)| {
                let kept = self.at(number)?;
                let name = folded(kept.product.name.as_deref().unwrap_or_default());
                // The text as a whole tells more than its parts.
                let whole = match () {
                    () if name == wanted => 24,
                    () if name.starts_with(&wanted) => 12,
                    () if name.contains(&wanted) => 8,
                    () => 0,
                };
                let sold_out = kept.product.in_stock == Some(false);
                Some((score + whole + u32::from(!sold_out) * 2, kept.seen, number, kept))
            })
            .collect();
        found.sort_unstable_by_key(|(score, seen, number, _)| (std::cmp::Reverse((*score, *seen)), *number));
        found.into_iter().take(most).map(|(.., kept)| kept).collect()
    }

    fn at(&self, number: u32) -> Option<&Kept> {
        Some(&self.slots.get(number as usize)?.as_ref()?.kept)
    }

    /// As it is written: a page that gives its own address is marked.
    fn for_store(&self, id: &str) -> Option<Kept> {
        let mut kept = self.by_id(id)?.clone();
        for page in &mut kept.pages {
            if self.pages.get(page).is_some_and(|(_, itself)| *itself) {
                page.push('#');
            }
        }
        Some(kept)
    }

    fn put(&mut self, kept: Kept) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX >> 2)
        });
        let bytes = size_of_kept(&kept);
        self.bytes += bytes;
        self.gone.remove(&kept.product.id);
        self.ids.insert(kept.product.id.clone(), number);
        self.order.insert((kept.seen, number));
        self.enter(number, &kept.product);
        if let Some(slot) = self.slots.get_mut(number as usize) {
            *slot = Some(Slot { written: kept.seen, kept, bytes });
        }
        number
    }

    fn take(&mut self, number: u32) -> Option<Slot> {
        let slot = self.slots.get_mut(number as usize)?.take()?;
        self.bytes -= slot.bytes;
        self.ids.remove(&slot.kept.product.id);
        for page in &slot.kept.pages {
            self.unturn(number, page);
        }
        self.order.remove(&(slot.kept.seen, number));
        self.leave(number, &slot.kept.product);
        self.free.push(number);
        Some(slot)
    }

    fn replace(&mut self, number: u32, kept: Kept) {
        let Some(slot) = self.slots.get_mut(number as usize).and_then(Option::take) else { return };
        self.order.remove(&(slot.kept.seen, number));
        self.order.insert((kept.seen, number));
        let words = |product: &Product| (product.name.clone(), product.category.clone(), product.brand.clone());
        if words(&slot.kept.product) != words(&kept.product) {
            self.leave(number, &slot.kept.product);
            self.enter(number, &kept.product);
        }
        let bytes = size_of_kept(&kept);
        self.bytes = self.bytes - slot.bytes + bytes;
        if let Some(place) = self.slots.get_mut(number as usize) {
            *place = Some(Slot { kept, bytes, written: slot.written });
        }
    }

    /// Notes that a page is a product's.
    fn turn_to(&mut self, number: u32, page: Option<(&str, bool)>) {
        let Some((page, itself)) = page else { return };
        let known = self.pages.get(page).copied();
        if known == Some((number, itself)) {
            return;
        }
        if let Some((other, _)) = known.filter(|(other, _)| *other != number)
            && let Some(Some(slot)) = self.slots.get_mut(other as usize)
        {
            slot.kept.pages.retain(|known| known != page);
        }
        self.pages.insert(page.to_owned(), (number, itself));
        let Some(Some(slot)) = self.slots.get_mut(number as usize) else { return };
        let pages = &mut slot.kept.pages;
        if !pages.iter().any(|known| known == page) {
            pages.push(page.to_owned());
        }
        let oldest = if pages.len() > MOST_PAGES { Some(pages.remove(0)) } else { None };
        let (id, bytes) = (slot.kept.product.id.clone(), size_of_kept(&slot.kept));
        self.bytes = self.bytes - slot.bytes + bytes;
        slot.bytes = bytes;
        self.changed.insert(id);
        if let Some(oldest) = oldest {
            self.unturn(number, &oldest);
        }
    }

    fn unturn(&mut self, number: u32, page: &str) {
        if self.pages.get(page).is_some_and(|(known, _)| *known == number) {
            self.pages.remove(page);
        }
    }

    fn enter(&mut self, number: u32, product: &Product) {
        self.index.insert(number, &texts(product));
        if !product.category.is_empty() {
            *self.categories.entry(product.category.clone()).or_default() += 1;
        }
    }

    fn leave(&mut self, number: u32, product: &Product) {
        self.index.remove(number, &texts(product));
        if let Some(count) = self.categories.get_mut(&product.category) {
            *count -= 1;
            if *count == 0 {
                self.categories.remove(&product.category);
            }
        }
    }
}

fn texts(product: &Product) -> Vec<(&str, Place)> {
    let name = product.name.as_deref().map(|name| (name, Place::Name));
    let id = (product.id.as_str(), Place::Name);
    let categories = product.category.iter().map(|level| (level.as_str(), Place::Category));
    let brand = product.brand.as_deref().map(|brand| (brand, Place::Brand));
    name.into_iter().chain([id]).chain(categories).chain(brand).collect()
}

/// What is known, with what was read now.
fn merged(kept: &Kept, new: &Product, source: Source<'_>) -> Kept {
    let mut all = kept.clone();
    all.seen = all.seen.max(source.now);
    if source.own && !source.personal {
        all.read = all.read.max(source.now);
    }
    let fill = |known: &mut Option<String>, new: &Option<String>, over: bool| {
        if new.is_some() && (over || known.is_none()) {
            known.clone_from(new);
        }
    };
    let over = source.own && !source.personal;
    let product = &mut all.product;
    fill(&mut product.name, &new.name, over);
    fill(&mut product.brand, &new.brand, over);
    fill(&mut product.image, &new.image, over);
    fill(&mut product.url, &new.url, over);
    if !new.category.is_empty() && (over || product.category.is_empty()) {
        product.category.clone_from(&new.category);
    }
    if new.in_stock.is_some() && (!source.personal || product.in_stock.is_none()) {
        product.in_stock = new.in_stock;
    }
    if let Some(amount) = new.price {
        price(&mut all.prices, new.currency.as_ref(), amount, source);
    }
    let first = all.prices.first();
    (all.product.price, all.product.currency) =
        (first.map(|price| price.amount), first.and_then(|price| price.currency.clone()));
    all
}

fn price(prices: &mut Vec<Price>, currency: Option<&String>, amount: f64, source: Source<'_>) {
    let room = prices.len() < MOST_PRICES;
    match prices.iter_mut().find(|price| price.currency.as_ref() == currency) {
        Some(price) if !source.personal && (price.amount - amount).abs() > f64::EPSILON => {
            *price = Price { amount, before: Some(price.amount), changed: source.now, currency: price.currency.take() };
        }
        None if room => {
            prices.push(Price { currency: currency.cloned(), amount, before: None, changed: source.now });
        }
        _ => {}
    }
}

fn first_prices(product: &Product, now: i64) -> Vec<Price> {
    let price = |amount| Price { currency: product.currency.clone(), amount, before: None, changed: now };
    product.price.map(price).into_iter().collect()
}

/// What a product costs besides its texts and its slot: its places in the maps, what allocations are rounded up by. Measured.
const OVERHEAD: usize = 352;

/// Bytes of a product, about.
fn size_of_kept(kept: &Kept) -> usize {
    let Kept { product, prices, pages, .. } = kept;
    let texts = [&product.name, &product.brand, &product.image, &product.url, &product.currency];
    let texts: usize = texts.into_iter().flatten().map(String::capacity).sum();
    let lists: usize = product.category.iter().map(|level| level.capacity() + size_of::<String>()).sum();
    let pages: usize = pages.iter().map(|page| 2 * page.capacity() + 3 * size_of::<String>()).sum();
    size_of::<Slot>()
        + 2 * product.id.capacity()
        + OVERHEAD
        + texts
        + lists
        + pages
        + prices.capacity() * size_of::<Price>()
}
