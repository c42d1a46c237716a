//! What happened, as data.
//!
//! Names follow GA4 where it has one. Knows nothing of how events are kept.

use crate::commerce::{Cart, Line, Order, Product, Search};
use crate::ids::{SiteId, VisitorId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// One thing that happened on a site.
#[derive(Debug, Clone)]
pub struct Event {
    /// The site.
    pub site: SiteId,
    /// The visitor. Bots and prefetches are no visitors, and have no events.
    pub visitor: VisitorId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// The names of all events: in the store ([`What::name`]), and as others are told them.
pub const NAMES: [(&str, &str); 15] = [
    ("page_view", "page_view"),
    ("exposure", "experiment_viewed"),
    ("view_promotion", "view_promotion"),
    ("select_promotion", "select_promotion"),
    ("dismiss_promotion", "dismiss_promotion"),
    ("conversion", "conversion"),
    ("view_item", "view_item"),
    ("add_to_cart", "add_to_cart"),
    ("remove_from_cart", "remove_from_cart"),
    (ABANDONED_CART, ABANDONED_CART),
    ("begin_checkout", "begin_checkout"),
    ("purchase", "purchase"),
    ("refund", "refund"),
    ("search", "search"),
    ("login", "login"),
];

/// The name of [`What::AbandonedCart`].
pub const ABANDONED_CART: &str = "abandoned_cart";

/// How others are told an event that has this name in the store.
#[must_use]
pub fn told_name(stored: &str) -> &str {
    NAMES.iter().find(|(name, _)| *name == stored).map_or(stored, |(_, told)| told)
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A document was served (`page_view`).
    PageView {
        /// Path without query.
        path: Arc<str>,
    },
    /// An action was delivered in a response (`experiment_viewed` when exported).
    Exposure(Arm),
    /// The action was on the visitor's screen (`view_promotion`).
    View(Arm),
    /// The visitor followed it (`select_promotion`).
    Click(Arm),
    /// The visitor closed it.
    Dismiss(Arm),
    /// The arm's scenario reached its goal.
    Conversion {
        /// The arm.
        arm: Arm,
        /// What the visitor did: a purchase's value, in the site's currency.
        value: Option<f64>,
    },
    /// A product's page was served (`view_item`).
    ViewItem(Arc<Product>),
    /// Something came into the cart (`add_to_cart`).
    AddToCart(Line),
    /// Something left the cart (`remove_from_cart`).
    RemoveFromCart(Line),
    /// Nobody will have come back to a cart (`abandoned_cart`). It is foreseen: its time is yet to come, and it takes the place of what
    /// was foreseen of the same visitor before; of an empty cart, nothing is. It is for those who want to be told, and no store keeps
    /// it among what happened.
    AbandonedCart(Arc<Cart>),
    /// The visitor went to the till (`begin_checkout`).
    BeginCheckout {
        /// Value of the cart, in the site's currency.
        value: Option<f64>,
    },
    /// An order was placed (`purchase`). A store keeps the first of each order id on a site, and no other.
    Purchase(Arc<Order>),
    /// An order, or a part of it, was undone (`refund`).
    Refund {
        /// The order's id.
        order: Arc<str>,
        /// How much; `None`: all of it.
        value: Option<f64>,
    },
    /// The visitor searched the shop (`search`).
    Search(Search),
    /// The visitor logged in (`login`).
    Login,
}

/// A scenario and the variant that the visitor is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Arm {
    /// Scenario id (its file's name without `.toml`).
    pub scenario: Arc<str>,
    /// Variant name.
    pub variant: Arc<str>,
}

impl What {
    /// The event's name on the wire and in the store.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PageView { .. } => "page_view",
            Self::Exposure(_) => "exposure",
            Self::View(_) => "view_promotion",
            Self::Click(_) => "select_promotion",
            Self::Dismiss(_) => "dismiss_promotion",
            Self::Conversion { .. } => "conversion",
            Self::ViewItem(_) => "view_item",
            Self::AddToCart(_) => "add_to_cart",
            Self::RemoveFromCart(_) => "remove_from_cart",
            Self::AbandonedCart(_) => ABANDONED_CART,
            Self::BeginCheckout { .. } => "begin_checkout",
            Self::Purchase(_) => "purchase",
            Self::Refund { .. } => "refund",
            Self::Search(_) => "search",
            Self::Login => "login",
        }
    }

    /// The arm that it is about.
    #[must_use]
    pub fn arm(&self) -> Option<&Arm> {
        match self {
            Self::Exposure(arm)
            | Self::View(arm)
            | Self::Click(arm)
            | Self::Dismiss(arm)
            | Self::Conversion { arm, .. } => Some(arm),
            _ => None,
        }
    }

    /// The cart that nobody will have come back to, where that is what it is about.
    #[must_use]
    pub fn foreseen(&self) -> Option<&Cart> {
        match self {
            Self::AbandonedCart(cart) => Some(cart),
            _ => None,
        }
    }

    /// The path that it is about.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::PageView { path } => Some(path),
            _ => None,
        }
    }

    /// Its parameters in GA4's form, where it has any.
    #[must_use]
    pub fn parameters(&self) -> Option<Value> {
        Some(match self {
            Self::ViewItem(product) => json!({ "items": [item(product)] }),
            Self::AddToCart(line) | Self::RemoveFromCart(line) => json!({ "items": [line_item(line)] }),
            Self::AbandonedCart(cart) => without_nulls(json!({
                "value": cart.value,
                "currency": cart.currency,
                "number_of_items": cart.items,
                "items": cart.lines.iter().map(line_item).collect::<Vec<_>>(),
            })),
            Self::Conversion { value: Some(value), .. } | Self::BeginCheckout { value: Some(value) } => {
                json!({ "value": value })
            }
            Self::Purchase(order) => purchase(order),
            Self::Refund { order, value } => without_nulls(json!({ "transaction_id": order, "value": value })),
            Self::Search(search) => {
                without_nulls(json!({ "search_term": search.term, "number_of_results": search.results }))
            }
            _ => return None,
        })
    }
}

/// A product as an item of GA4: `item_category` to `item_category5`, the outermost first.
fn item(product: &Product) -> Value {
    let mut item = json!({
        "item_id": product.id,
        "item_name": product.name,
        "item_brand": product.brand,
        "price": product.price,
        "currency": product.currency,
    });
    let levels = ["item_category", "item_category2", "item_category3", "item_category4", "item_category5"];
    if let Value::Object(fields) = &mut item {
        fields.extend(levels.into_iter().zip(&product.category).map(|(key, name)| (key.to_owned(), json!(name))));
    }
    without_nulls(item)
}

fn line_item(line: &Line) -> Value {
    without_nulls(json!({
        "item_id": line.id, "item_name": line.name, "price": line.price, "quantity": line.quantity,
    }))
}

fn purchase(order: &Order) -> Value {
    let coupon = (!order.coupons.is_empty()).then(|| order.coupons.join(","));
    without_nulls(json!({
        "transaction_id": order.id,
        "value": order.value,
        "tax": order.tax,
        "shipping": order.shipping,
        "currency": order.currency,
        "coupon": coupon,
        "items": order.lines.iter().map(line_item).collect::<Vec<_>>(),
    }))
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_the_names_of_ga4() {
        let line = Line { id: "M-1".into(), name: Some("湯呑み".into()), price: Some(1200.0), quantity: 2 };
        let order = Order {
            id: "N-7".into(),
            value: Some(2900.0),
            currency: Some("JPY".into()),
            coupons: vec!["YORU".into()],
            lines: vec![line],
            ..Order::default()
        };
        assert_eq!(
            What::Purchase(Arc::new(order)).parameters(),
            Some(json!({
                "transaction_id": "N-7", "value": 2900.0, "currency": "JPY", "coupon": "YORU",
                "items": [{ "item_id": "M-1", "item_name": "湯呑み", "price": 1200.0, "quantity": 2 }],
            }))
        );
        let product =
            Product { id: "M-1".into(), category: vec!["食器".into(), "湯呑み".into()], ..Product::default() };
        assert_eq!(
            What::ViewItem(Arc::new(product)).parameters(),
            Some(json!({ "items": [{ "item_id": "M-1", "item_category": "食器", "item_category2": "湯呑み" }] }))
        );
    }
}
