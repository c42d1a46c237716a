//! What the page itself says, and where it says nothing, what was learnt before: `product.*`, `cart.*`, `search.*`, `page.title`,
//! `page.kind`.

use super::Facts;
use super::value::Value;
use crate::commerce::{Cart, Product, Search};
use crate::store::profile::shopping::{self, CartSeen};
use std::borrow::Cow;

type Seen<'a> = Option<Value<'a>>;

pub(super) fn page_kind<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    // Where addresses do not tell pages apart, the pages themselves do.
    if facts.page_kind != "other" {
        return Some(text(facts.page_kind));
    }
    match facts.content.and_then(|content| content.kind.as_deref()) {
        Some(kind) => Some(text(kind)),
        None if facts.streaming => None,
        None => Some(text("other")),
    }
}

pub(super) fn title<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.content?.title.as_deref().map(text)
}

pub(super) fn product_id<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    product(facts, |product| (!product.id.is_empty()).then_some(product.id.as_str())).map(text)
}

pub(super) fn product_name<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    product(facts, |product| product.name.as_deref()).map(text)
}

pub(super) fn product_category<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    product(facts, |product| product.category.last()).map(|name| text(name))
}

pub(super) fn product_categories<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let path = product(facts, |product| (!product.category.is_empty()).then_some(product.category.as_slice()))?;
    Some(Value::Strings(path.iter().map(|name| Cow::Borrowed(name.as_str())).collect()))
}

pub(super) fn product_brand<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    product(facts, |product| product.brand.as_deref()).map(text)
}

pub(super) fn product_price<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let own = |currency: Option<&str>| currency.is_none_or(|currency| currency == facts.currency);
    product(facts, |product| product.price.filter(|_| own(product.currency.as_deref()))).map(Value::Double)
}

pub(super) fn product_in_stock<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    product(facts, |product| product.in_stock).map(Value::Bool)
}

/// What the page says of its product; failing that, what the catalogue says of the product at its address.
fn product<'a, T>(facts: &Facts<'a>, said: impl Fn(&'a Product) -> Option<T>) -> Option<T> {
    let own = facts.content.and_then(|content| content.product.as_ref());
    if let Some(said) = own.and_then(&said) {
        return Some(said);
    }
    // Another product's entry says nothing of this one.
    let same = |entry: &&Product| own.is_none_or(|own| own.id.is_empty() || own.id == entry.id);
    facts.catalogued.filter(same).and_then(&said)
}

pub(super) fn cart_value<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    value_of(facts).map(Value::Double)
}

pub(super) fn cart_items<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let items = match shown(facts) {
        Some(cart) => shopping::items(cart),
        None => remembered(facts)?.items,
    };
    Some(Value::Int(items.into()))
}

pub(super) fn cart_contains<'a>(facts: &'a Facts<'a>, key: Option<&str>) -> Seen<'a> {
    let id = key?;
    let is_listed = |cart: &&Cart| !cart.lines.is_empty() || shopping::items(cart) == 0;
    let contains = match shown(facts).filter(is_listed) {
        Some(cart) => cart.lines.iter().any(|line| line.id == id && line.quantity > 0),
        None => remembered(facts)?.contains(id),
    };
    Some(Value::Bool(contains))
}

pub(super) fn cart_idle_seconds<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let now = facts.now.timestamp().as_second();
    let idle = match (shown(facts), remembered(facts)) {
        // It changed on the way to this page.
        (Some(cart), seen) if seen.is_none_or(|seen| seen.differs(cart)) => 0,
        (_, Some(seen)) => now.saturating_sub(seen.changed).max(0),
        (_, None) => return None,
    };
    Some(Value::Int(idle))
}

pub(super) fn free_shipping_gap<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Double((facts.free_shipping_from? - value_of(facts)?).max(0.0)))
}

fn value_of(facts: &Facts<'_>) -> Option<f64> {
    match shown(facts) {
        Some(cart) => {
            shopping::value(cart).filter(|_| cart.currency.as_deref().is_none_or(|own| own == facts.currency))
        }
        None => remembered(facts)?.value,
    }
}

fn shown<'a>(facts: &Facts<'a>) -> Option<&'a Cart> {
    facts.content?.cart.as_ref()
}

fn remembered<'a>(facts: &Facts<'a>) -> Option<&'a CartSeen> {
    facts.history?.shop.cart.as_ref()
}

pub(super) fn search_term<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    search(facts).map(|search| text(&search.term))
}

pub(super) fn search_results<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    search(facts)?.results.map(|count| Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn search<'a>(facts: &Facts<'a>) -> Option<&'a Search> {
    facts.content?.search.as_ref()
}

fn text(text: &str) -> Value<'_> {
    Value::String(Cow::Borrowed(text))
}
