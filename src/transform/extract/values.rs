//! What single fields have been said to be, each with how far its source is trusted; and what they make together.

use super::links::{Links, path_of};
use super::recipe::{Field, Total};
use super::text;
use crate::commerce::number::{self, count};
use crate::commerce::{Line, Product, bounded};

/// Most steps of a category, and coupon codes.
pub(super) const MOST: usize = 16;

/// A value, with the rank of its source: the less, the more it is trusted.
#[derive(Debug, Clone)]
pub(super) struct Best<T>(pub(super) Option<(u8, T)>);

/// A product or a line under way.
#[derive(Debug, Default)]
pub(super) struct Row {
    id: Best<String>,
    name: Best<String>,
    pub(super) category: Best<Vec<String>>,
    brand: Best<String>,
    price: Best<f64>,
    currency: Best<String>,
    in_stock: Best<bool>,
    out_of_stock: Best<bool>,
    image: Best<String>,
    url: Best<String>,
    quantity: Best<f64>,
    total: Best<f64>,
}

/// A cart or an order as a whole, under way.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) id: Best<String>,
    pub(super) items: Best<f64>,
    pub(super) value: Best<f64>,
    pub(super) tax: Best<f64>,
    pub(super) shipping: Best<f64>,
    pub(super) currency: Best<String>,
    pub(super) coupons: Best<Vec<String>>,
    pub(super) empty: bool,
}

/// What a source gave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    /// Text for people.
    Text(&'a str),
    /// An attribute's or a script's value.
    Value(&'a str),
    /// Its mere presence.
    Presence,
}

impl Row {
    pub(super) fn knows(&self, field: Field, rank: u8) -> bool {
        match field {
            Field::Id => self.id.is_known(rank),
            Field::Name => self.name.is_known(rank),
            Field::Category => self.category.0.as_ref().is_some_and(|(known, _)| *known < rank),
            Field::Brand => self.brand.is_known(rank),
            Field::Price => self.price.is_known(rank),
            Field::Currency => self.currency.is_known(rank),
            Field::InStock => self.in_stock.is_known(rank),
            Field::OutOfStock => self.out_of_stock.is_known(rank),
            Field::Image => self.image.is_known(rank),
            Field::Url => self.url.is_known(rank),
            Field::Quantity => self.quantity.is_known(rank),
            Field::Total => self.total.is_known(rank),
        }
    }

    pub(super) fn put(&mut self, field: Field, rank: u8, given: Given<'_>, links: &Links) -> bool {
        match field {
            Field::Id => self.id.put(rank, given.text()),
            Field::Name => self.name.put(rank, given.text()),
            Field::Category => self.category.add(rank, given.text()),
            Field::Brand => self.brand.put(rank, given.text()),
            Field::Price => self.price.put(rank, given.number()),
            Field::Currency => self.currency.put(rank, given.currency()),
            Field::InStock => self.in_stock.put(rank, Some(true)),
            Field::OutOfStock => self.out_of_stock.put(rank, Some(true)),
            Field::Image => self.image.put(rank, given.text().and_then(|text| links.absolute(&text))),
            Field::Url => self.url.put(rank, given.text().and_then(|text| links.absolute(&text))),
            Field::Quantity => self.quantity.put(rank, given.number()),
            Field::Total => self.total.put(rank, given.number()),
        }
    }

    fn is_in_stock(&self) -> Option<bool> {
        match (self.in_stock.get(), self.out_of_stock.get()) {
            (_, Some(true)) => Some(false),
            (in_stock, _) => in_stock.copied(),
        }
    }

    /// A product, if there is anything; of sources that are trusted less than one, or of all.
    pub(super) fn product(&self, below: Option<u8>) -> Option<Product> {
        let product = self.product_where(|rank| below.is_none_or(|below| rank >= below));
        let id = if product.id.is_empty() && below.is_none() {
            product.url.as_deref().map(path_of).unwrap_or_default()
        } else {
            product.id.clone()
        };
        let product = Product { id, ..product };
        (product != Product::default()).then_some(product)
    }

    /// Of sources that are trusted more than one.
    pub(super) fn product_above(&self, rank: u8) -> Product {
        self.product_where(|found| found < rank)
    }

    fn product_where(&self, counts: impl Fn(u8) -> bool) -> Product {
        let stock = [&self.in_stock, &self.out_of_stock].iter().any(|mark| mark.rank().is_some_and(&counts));
        Product {
            id: self.id.of(&counts).unwrap_or_default(),
            name: self.name.of(&counts),
            category: self.category.of(&counts).unwrap_or_default(),
            brand: self.brand.of(&counts),
            price: self.price.of(&counts),
            currency: self.currency.of(&counts),
            in_stock: self.is_in_stock().filter(|_| stock),
            image: self.image.of(&counts),
            url: self.url.of(&counts),
        }
    }

    /// A line, if it says of what.
    pub(super) fn line(&self) -> Option<Line> {
        let from_url = || self.url.get().map(|url| path_of(url));
        let id = self.id.get().cloned().or_else(from_url).unwrap_or_default();
        let name = self.name.get().cloned();
        if id.is_empty() && name.is_none() {
            return None;
        }
        let quantity = self.quantity.get().copied().and_then(count).unwrap_or(1);
        let of_total = || self.total.get().filter(|_| quantity > 0).map(|total| total / f64::from(quantity));
        Some(Line { id, name, price: self.price.get().copied().or_else(of_total), quantity })
    }
}

impl Totals {
    pub(super) fn knows(&self, field: Total, rank: u8) -> bool {
        match field {
            Total::Id => self.id.is_known(rank),
            Total::Items => self.items.is_known(rank),
            Total::Value => self.value.is_known(rank),
            Total::Tax => self.tax.is_known(rank),
            Total::Shipping => self.shipping.is_known(rank),
            Total::Currency => self.currency.is_known(rank),
            Total::Coupon => self.coupons.0.as_ref().is_some_and(|(known, _)| *known < rank),
            Total::Empty => self.empty,
        }
    }

    pub(super) fn put(&mut self, field: Total, rank: u8, given: Given<'_>) -> bool {
        match field {
            Total::Id => self.id.put(rank, given.text()),
            Total::Items => self.items.put(rank, given.number()),
            Total::Value => self.value.put(rank, given.number()),
            Total::Tax => self.tax.put(rank, given.number()),
            Total::Shipping => self.shipping.put(rank, given.number()),
            Total::Currency => self.currency.put(rank, given.currency()),
            Total::Coupon => self.coupons.add(rank, given.text()),
            Total::Empty => !std::mem::replace(&mut self.empty, true),
        }
    }
}

impl Given<'_> {
    pub(super) fn text(self) -> Option<String> {
        let (Self::Text(given) | Self::Value(given)) = self else { return None };
        Some(bounded(given)).filter(|text| !text.is_empty())
    }

    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Text(given) => number::human(given),
            Self::Value(given) => number::machine(given),
            Self::Presence => None,
        }
    }

    fn currency(self) -> Option<String> {
        self.text().as_deref().and_then(currency)
    }
}

/// The currency's code, if a text is one.
pub(super) fn currency(text: &str) -> Option<String> {
    let code = text::clean(text).to_ascii_uppercase();
    (code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Best<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    pub(super) fn rank(&self) -> Option<u8> {
        self.0.as_ref().map(|(rank, _)| *rank)
    }

    pub(super) fn is_known(&self, rank: u8) -> bool {
        self.rank().is_some_and(|known| known <= rank)
    }

    /// Takes a value that is trusted more than the one that is there. Whether it did.
    pub(super) fn put(&mut self, rank: u8, value: Option<T>) -> bool {
        let Some(value) = value.filter(|_| !self.is_known(rank)) else { return false };
        self.0 = Some((rank, value));
        true
    }

    fn of(&self, counts: impl Fn(u8) -> bool) -> Option<T>
    where
        T: Clone,
    {
        self.0.as_ref().filter(|(rank, _)| counts(*rank)).map(|(_, value)| value.clone())
    }
}

impl<T> Best<Vec<T>> {
    /// Adds to a list of one source.
    fn add(&mut self, rank: u8, value: Option<T>) -> bool {
        let Some(value) = value else { return false };
        match &mut self.0 {
            Some((known, _)) if *known < rank => false,
            Some((known, list)) if *known == rank => {
                let room = list.len() < MOST;
                list.extend(Some(value).filter(|_| room));
                room
            }
            other => {
                *other = Some((rank, vec![value]));
                true
            }
        }
    }
}
