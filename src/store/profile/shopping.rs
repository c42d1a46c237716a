//! What a visitor did in the shop, as far as it is remembered.
//!
//! Everything here is bounded, and written short: a profile is stored with each page view.

use crate::commerce::{Cart, Line, MAX_LINES};
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Products that are remembered.
pub const MAX_PRODUCTS: usize = 64;
/// Categories, and brands, and price bands, that are remembered each.
pub const MAX_LIKINGS: usize = 32;
/// Orders that are remembered.
pub const MAX_ORDERS: usize = 16;
/// Days over which events are counted, today included.
pub const MAX_DAYS: i64 = 90;
/// Changes of a cart that are remembered until it is shown.
const MAX_TOLD: usize = 16;
/// The same search within so many seconds is one: its results were loaded again, or paged through.
const SAME_SEARCH: i64 = 30 * 60;
/// Longest id or name that is remembered, in bytes.
const MAX_NAME: usize = 64;
/// Events that are counted by day.
pub const COUNTED: &[&str] = &[
    "page_view",
    "view_item",
    "search",
    "add_to_cart",
    "remove_from_cart",
    "begin_checkout",
    "purchase",
    "login",
    "view_promotion",
    "select_promotion",
    "dismiss_promotion",
];

/// What a visitor did in the shop. Times are Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shopping {
    /// The cart as the shop showed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartSeen>,
    /// Products viewed, the last viewed last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<Viewed>,
    /// Categories of the products viewed, each level by itself, the last viewed last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Liking>,
    /// Their brands, the last viewed last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<Liking>,
    /// Their prices by band: `2000-4999`, the last viewed last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Liking>,
    /// Orders, the last one last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OrderSeen>,
    /// By event name: days (since 1970, by the site's clock) and how often, the last day last.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, Vec<(i64, u32)>>,
    /// The last search: a hash of its term, and when it was last done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<(u64, i64)>,
    /// Is at the till.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_checkout: bool,
}

/// A cart as it is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CartSeen {
    /// Product, how many, and the price of one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<(String, u32, Option<f64>)>,
    /// Number of things.
    pub items: u32,
    /// Value of the goods, in the site's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// When it last changed.
    pub changed: i64,
    /// What came in (or, below 0, left) by forms since the shop last showed its lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<(String, i64)>,
}

/// A product and when it was last viewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewed(pub String, pub i64);

/// How much a visitor likes something: one for each view, half of it gone after [`HALF_LIFE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Liking {
    /// What.
    #[serde(rename = "n")]
    pub name: String,
    /// As of `at`.
    #[serde(rename = "s")]
    pub score: f64,
    /// When it was last viewed.
    #[serde(rename = "t")]
    pub at: i64,
    /// A category that has others within it.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub outer: bool,
}

/// Half of a liking is gone after so many seconds: 30 days.
pub const HALF_LIFE: i64 = 30 * 86_400;

/// An order: a hash of its id, when it was placed, and its value in the site's currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderSeen(pub u64, pub i64, pub f64);

impl Shopping {
    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes a search; false if it is the last one going on.
    pub fn searched(&mut self, term: &str, at: i64) -> bool {
        let hash = super::hash_of(term);
        let last = self.search.replace((hash, at));
        last.is_none_or(|(known, before)| known != hash || at.saturating_sub(before) > SAME_SEARCH)
    }

    /// Notes a product's view.
    pub fn product_viewed(&mut self, id: &str, at: i64) {
        let id = short(id);
        self.products.retain(|seen| seen.0 != id);
        self.products.push(Viewed(id, at));
        trim(&mut self.products, MAX_PRODUCTS);
    }

    /// When a product was last viewed, as far as it is remembered.
    #[must_use]
    pub fn product_seen(&self, id: &str) -> Option<i64> {
        let id = cut(id);
        self.products.iter().rev().find(|seen| seen.0 == id).map(|seen| seen.1)
    }

    /// Notes an order; false if it is one that is remembered.
    pub fn ordered(&mut self, id: &str, at: i64, value: f64) -> bool {
        let hash = super::hash_of(id);
        if self.orders.iter().any(|order| order.0 == hash) {
            return false;
        }
        self.orders.push(OrderSeen(hash, at, value));
        trim(&mut self.orders, MAX_ORDERS);
        true
    }

    /// Counts an event on a day.
    pub fn count(&mut self, event: &str, day: i64) {
        if !COUNTED.contains(&event) {
            return;
        }
        let days = match self.counts.get_mut(event) {
            Some(days) => days,
            None => self.counts.entry(event.to_owned()).or_default(),
        };
        match days.last_mut() {
            // A clock that was set back counts on the last day that it knows.
            Some((last, count)) if *last >= day => *count = count.saturating_add(1),
            _ => days.push((day, 1)),
        }
        days.retain(|(one, _)| day - one < MAX_DAYS);
    }

    /// How often an event happened within so many days, today included.
    #[must_use]
    pub fn counted(&self, event: &str, today: i64, days: i64) -> u64 {
        let counts = self.counts.get(event).map(Vec::as_slice).unwrap_or_default();
        counts.iter().filter(|(day, _)| today - day < days).map(|(_, count)| u64::from(*count)).sum()
    }

    /// Mean days between orders; `None` before the second.
    #[must_use]
    pub fn purchase_cycle(&self) -> Option<f64> {
        let gaps = self.orders.len().checked_sub(1).filter(|gaps| *gaps > 0)?;
        let times = || self.orders.iter().map(|order| order.1);
        let span = times().max()?.saturating_sub(times().min()?);
        Some(span as f64 / 86_400.0 / gaps as f64)
    }
}

impl CartSeen {
    /// What is remembered of a cart.
    #[must_use]
    pub fn of(cart: &Cart, changed: i64) -> Self {
        let lines: Vec<_> = cart
            .lines
            .iter()
            .take(MAX_LINES)
            .filter(|line| line.quantity > 0)
            .map(|line| (short(&line.id), line.quantity, line.price))
            .collect();
        Self { items: items(cart), value: value(cart), lines, changed, told: Vec::new() }
    }

    /// Notes what came in by a form, or left.
    pub fn told(&mut self, line: &Line, quantity: i64, at: i64) {
        let known = self.lines.iter().find(|(id, _, _)| id == cut(&line.id)).and_then(|(_, _, price)| *price);
        // An empty cart's value is known.
        let value = if self.items == 0 { Some(0.0) } else { self.value };
        self.value = value.zip(line.price.or(known)).map(|(value, price)| (value + price * quantity as f64).max(0.0));
        self.items = u32::try_from((i64::from(self.items) + quantity).max(0)).unwrap_or(u32::MAX);
        self.changed = at;
        match self.told.iter_mut().find(|(id, _)| id == cut(&line.id)) {
            Some((_, told)) => *told = told.saturating_add(quantity),
            None => self.told.push((short(&line.id), quantity)),
        }
        trim(&mut self.told, MAX_TOLD);
    }

    /// Whether a cart is another than this one, as far as it shows itself.
    #[must_use]
    pub fn differs(&self, cart: &Cart) -> bool {
        if cart.lines.is_empty() && items(cart) > 0 {
            // A badge may count things or lines.
            return ![self.items as usize, self.lines.len()].contains(&(items(cart) as usize));
        }
        let mut amounts: BTreeMap<&str, i64> = BTreeMap::new();
        for (id, quantity, _) in &self.lines {
            *amounts.entry(id).or_default() += i64::from(*quantity);
        }
        for line in &cart.lines {
            *amounts.entry(cut(&line.id)).or_default() -= i64::from(line.quantity);
        }
        amounts.values().any(|difference| *difference != 0)
    }

    /// The cart as far as it is known: what the shop showed, and what came and went by forms since.
    #[must_use]
    pub fn now(&self) -> Cart {
        let line = |id: &str, quantity: i64, price| Line {
            id: id.to_owned(),
            name: None,
            price,
            quantity: u32::try_from(quantity.max(0)).unwrap_or(u32::MAX),
        };
        let told = |id: &str| self.told.iter().find(|(told, _)| told == id).map_or(0, |(_, quantity)| *quantity);
        let shown = self
            .lines
            .iter()
            .map(|(id, quantity, price)| line(id, i64::from(*quantity).saturating_add(told(id)), *price));
        let is_new = |id: &str| self.lines.iter().all(|(shown, ..)| shown != id);
        let came = self.told.iter().filter(|(id, _)| is_new(id)).map(|(id, quantity)| line(id, *quantity, None));
        let lines = shown.chain(came).filter(|line| line.quantity > 0).collect();
        Cart { lines, items: Some(self.items), value: self.value, currency: None }
    }

    /// Whether a product is in it.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        let id = cut(id);
        let told = self.told.iter().find(|(told, _)| told == id).map_or(0, |(_, quantity)| *quantity);
        let lines = self.lines.iter().filter(|(line, _, _)| line == id).map(|(_, quantity, _)| i64::from(*quantity));
        lines.sum::<i64>() + told > 0
    }
}

/// Number of things in a cart.
#[must_use]
pub fn items(cart: &Cart) -> u32 {
    cart.items.unwrap_or_else(|| cart.lines.iter().fold(0, |sum, line| sum.saturating_add(line.quantity)))
}

/// Value of a cart, by its lines if the shop shows no sum.
#[must_use]
pub fn value(cart: &Cart) -> Option<f64> {
    if cart.value.is_some() {
        return cart.value;
    }
    let of_line = |line: &Line| Some(line.price? * f64::from(line.quantity));
    if cart.lines.is_empty() && items(cart) > 0 {
        return None;
    }
    cart.lines.iter().map(of_line).sum()
}

/// Notes a view in a list of likings.
pub fn like(likings: &mut Vec<Liking>, name: &str, outer: bool, at: i64) {
    let name = cut(name);
    if name.is_empty() {
        return;
    }
    let known = likings.iter().position(|one| one.name == name).map(|index| likings.remove(index));
    let mut liking = known.unwrap_or_else(|| Liking { name: name.to_owned(), score: 0.0, at, outer });
    liking.score = rounded(liking.score_at(at) + 1.0);
    liking.at = liking.at.max(at);
    liking.outer = outer;
    if likings.len() >= MAX_LIKINGS {
        let score = |one: &Liking| one.score_at(at);
        let least = (0..likings.len())
            .min_by(|a, b| likings.get(*a).map_or(0.0, score).total_cmp(&likings.get(*b).map_or(0.0, score)));
        least.map(|index| likings.remove(index));
    }
    likings.push(liking);
}

impl Liking {
    /// The score as it is now.
    #[must_use]
    pub fn score_at(&self, now: i64) -> f64 {
        let age = now.saturating_sub(self.at).max(0);
        self.score * 0.5_f64.powf(age as f64 / HALF_LIFE as f64)
    }
}

/// The liked most, now.
#[must_use]
pub fn favourite(likings: &[Liking], now: i64) -> Option<&Liking> {
    let inner = likings.iter().filter(|liking| !liking.outer);
    inner.max_by(|a, b| a.score_at(now).total_cmp(&b.score_at(now)))
}

/// When something was last viewed, as far as it is remembered.
#[must_use]
pub fn last_viewed(likings: &[Liking], name: &str) -> Option<i64> {
    let name = cut(name);
    likings.iter().rev().find(|liking| liking.name == name).map(|liking| liking.at)
}

/// The band of a price, from 1, 2 or 5 times a power of ten to below the next: `2000-4999`, `0.5-0.99`.
#[must_use]
pub fn price_band(price: f64) -> Option<String> {
    if !(price.is_finite() && (0.01..1e12).contains(&price)) {
        return None;
    }
    let hundredths = (price * 100.0).round() as u64;
    let steps = (0..15).flat_map(|power| [1, 2, 5].map(|step| step * 10_u64.pow(power)));
    let low = steps.clone().take_while(|step| *step <= hundredths).last()?;
    let high = steps.clone().find(|step| *step > hundredths)?;
    let (low, high) = if low >= 100 {
        ((low / 100).to_string(), (high / 100 - 1).to_string())
    } else {
        (format!("{}", low as f64 / 100.0), format!("{}", (high - 1) as f64 / 100.0))
    };
    Some(if low == high { low } else { format!("{low}-{high}") })
}

/// About what the things viewed cost: the mean of the bands' middles, by liking.
#[must_use]
pub fn typical_price(bands: &[Liking], now: i64) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for band in bands {
        let (low, high) = band.name.split_once('-').unwrap_or((&band.name, &band.name));
        let (Ok(low), Ok(high)) = (low.parse::<f64>(), high.parse::<f64>()) else { continue };
        let weight = band.score_at(now);
        sum += f64::midpoint(low, high) * weight;
        weights += weight;
    }
    (weights > 0.0).then(|| sum / weights)
}

/// The day of a moment by its own clock, counted from 1970.
#[must_use]
pub fn day(now: &Zoned) -> i64 {
    (now.timestamp().as_second() + i64::from(now.offset().seconds())).div_euclid(86_400)
}

/// Keeps the last `most` of a list.
pub(crate) fn trim<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}

/// Two decimals are enough, and short.
pub(crate) fn rounded(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

/// A name as long as is remembered.
pub(crate) fn cut(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default()
}

fn short(name: &str) -> String {
    cut(name).to_owned()
}
