//! What a shop's pages say, as data: products, carts, orders, searches, members.
//!
//! Names follow schema.org and GA4. Knows nothing of how it is found or what is made of it. Whoever fills these in keeps to the
//! limits here, so that no page can make them large.

pub mod number;

use serde::{Deserialize, Serialize};

/// Longest text of a field, in bytes.
pub const MAX_TEXT: usize = 512;
/// Most lines of a cart or an order, and most products of a list, that are remembered.
pub const MAX_LINES: usize = 100;

/// What one answer of the shop said. What it did not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// Kind of page as the page itself shows it; one of `facts::PAGE_KINDS`.
    pub kind: Option<String>,
    /// Text of `<title>`.
    pub title: Option<String>,
    /// The page's own product.
    pub product: Option<Product>,
    /// Products of a list: a category, a search's results.
    pub listed: Vec<Product>,
    /// The cart as shown; one without lines is empty.
    pub cart: Option<Cart>,
    /// The order that was just placed.
    pub order: Option<Order>,
    /// A search and how it went.
    pub search: Option<Search>,
    /// The shop's member.
    pub member: Option<Member>,
}

/// A product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    /// The shop's own id: SKU or number.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Category, the outermost first.
    pub category: Vec<String>,
    /// Brand.
    pub brand: Option<String>,
    /// Price, tax as the shop shows it.
    pub price: Option<f64>,
    /// ISO 4217; `None`: the site's.
    pub currency: Option<String>,
    /// Whether it can be bought now.
    pub in_stock: Option<bool>,
    /// Address of its picture.
    pub image: Option<String>,
    /// Address of its page.
    pub url: Option<String>,
}

/// A line of a cart or an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// The product's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Price of one.
    pub price: Option<f64>,
    /// How many.
    pub quantity: u32,
}

/// A cart as the shop shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cart {
    /// Lines.
    pub lines: Vec<Line>,
    /// Number of things, if it is shown without the lines (a badge in the header).
    pub items: Option<u32>,
    /// Value of the goods.
    pub value: Option<f64>,
    /// ISO 4217; `None`: the site's.
    pub currency: Option<String>,
}

impl Cart {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.map_or(self.lines.is_empty(), |items| items == 0)
    }
}

/// An order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// The shop's number. Without one there is no order.
    pub id: String,
    /// What was paid in all.
    pub value: Option<f64>,
    /// Thereof tax.
    pub tax: Option<f64>,
    /// Thereof shipping.
    pub shipping: Option<f64>,
    /// ISO 4217; `None`: the site's.
    pub currency: Option<String>,
    /// Coupon codes that were redeemed.
    pub coupons: Vec<String>,
    /// Lines.
    pub lines: Vec<Line>,
}

/// A search in the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// What was searched for.
    pub term: String,
    /// How many results.
    pub results: Option<u64>,
}

/// What the shop shows of its member. Fields are texts as shown; `facts` reads them as their types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Whether somebody is logged in.
    pub logged_in: Option<bool>,
    /// The shop's own id of the member.
    pub id: Option<String>,
    /// Other fields by the names of `customer.*` (`rank`, `points`, `gender`, `birth_date`, `name`, `attr.x`) and their texts.
    pub fields: Vec<(String, String)>,
}

impl Content {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Cuts a text to [`MAX_TEXT`] bytes at a character's boundary, without the space around it.
#[must_use]
pub fn bounded(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(bounded("  湯呑み "), "湯呑み");
        let long = "あ".repeat(MAX_TEXT);
        assert_eq!(bounded(&long), "あ".repeat(MAX_TEXT / 3));
    }
}
