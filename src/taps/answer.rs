//! What an answer in JSON says, as [`Content`].

use super::form::{Fields, scalar};
use super::text::clean;
use crate::commerce::{Cart, Content, Line, MAX_LINES, Order, Product, Search, number};
use crate::site::taps::{Api, At, CartAt, LineAt, OrderAt, ProductsAt, Scale, SearchAt, truthy};
use serde_json::Value;

/// Most levels of a category.
const DEEPEST_CATEGORY: usize = 5;

/// Takes in what an entry says of an answer. What an earlier entry said stands.
pub(super) fn read(api: &Api, json: &Value, by_get: bool, request: &Fields<'_>, content: &mut Content) {
    if content.cart.is_none() {
        content.cart = api.cart.as_ref().and_then(|at| cart(at, json));
    }
    if content.order.is_none() {
        content.order = api.order.as_ref().and_then(|at| order(at, json));
    }
    if content.search.is_none() {
        content.search = api.search.as_ref().and_then(|at| search(at, json, request));
    }
    // Whoever posts may have made the answer say what it says.
    for at in api.products.iter().filter(|_| by_get) {
        let found = at.at.find(json).into_iter().filter_map(|value| product(at, value));
        if at.listed {
            let room = MAX_LINES.saturating_sub(content.listed.len());
            content.listed.extend(found.take(room));
        } else if content.product.is_none() {
            content.product = found.take(1).next();
        }
    }
}

fn cart(at: &CartAt, json: &Value) -> Option<Cart> {
    let lines = at.lines.as_ref().and_then(|pointer| pointer.find(json).into_iter().find(|value| is_list(value)));
    let cart = Cart {
        lines: lines.map(|lines| read_lines(&at.line, lines)).unwrap_or_default(),
        items: number(&at.items, json).map(|items| items as u32),
        value: number(&at.value, json),
        currency: currency(&at.currency, json),
    };
    (lines.is_some() || cart.items.is_some() || cart.value.is_some()).then_some(cart)
}

fn order(at: &OrderAt, json: &Value) -> Option<Order> {
    let lines = at.lines.as_ref().and_then(|pointer| pointer.find(json).into_iter().find(|value| is_list(value)));
    Some(Order {
        id: one(&at.id, json)?,
        value: number(&at.value, json),
        tax: number(&at.tax, json),
        shipping: number(&at.shipping, json),
        currency: currency(&at.currency, json),
        coupons: all(&at.coupons, json, MAX_LINES),
        lines: lines.map(|lines| read_lines(&at.line, lines)).unwrap_or_default(),
    })
}

fn search(at: &SearchAt, json: &Value, request: &Fields<'_>) -> Option<Search> {
    let of_query = || clean(&request.of_query(at.query.as_deref()?, None)?);
    let results = number(&at.results, json).map(|results| results as u64);
    Some(Search { term: one(&at.term, json).or_else(of_query)?, results })
}

fn product(at: &ProductsAt, json: &Value) -> Option<Product> {
    Some(Product {
        id: one(&at.id, json)?,
        name: one(&at.name, json),
        category: all(&at.category, json, DEEPEST_CATEGORY),
        brand: one(&at.brand, json),
        price: number(&at.price, json),
        currency: currency(&at.currency, json),
        in_stock: at.in_stock.first(json).map(|value| match &*at.in_stock.is {
            [] => truthy(value) && scalar(value).as_deref() != Some("false"),
            words => scalar(value).is_some_and(|text| words.contains(&text)),
        }),
        image: one(&at.image, json),
        url: one(&at.url, json),
    })
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

fn read_lines(at: &LineAt, lines: &Value) -> Vec<Line> {
    let each: Vec<&Value> = match lines {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    };
    let read = |json: &Value| {
        let quantity = number(&at.quantity, json).map_or(1, |many| many as u32);
        let line = Line { id: one(&at.id, json)?, name: one(&at.name, json), price: number(&at.price, json), quantity };
        (quantity > 0).then_some(line)
    };
    each.into_iter().filter_map(read).take(MAX_LINES).collect()
}

fn one(at: &At, json: &Value) -> Option<String> {
    clean(&scalar(at.first(json)?)?)
}

fn all(at: &At, json: &Value, most: usize) -> Vec<String> {
    let found = at.at.iter().map(|pointer| pointer.find(json)).find(|found| !found.is_empty()).unwrap_or_default();
    found.into_iter().filter_map(|value| clean(&scalar(value)?)).take(most).collect()
}

fn currency(at: &At, json: &Value) -> Option<String> {
    one(at, json)
        .map(|text| text.to_ascii_uppercase())
        .filter(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// A number that is not negative.
fn number(at: &At, json: &Value) -> Option<f64> {
    let read = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number::machine(text),
        _ => None,
    };
    let power = match &at.scale {
        None => 0.0,
        Some(Scale::Fixed(power)) => f64::from(*power),
        Some(Scale::At(pointer)) => pointer.find(json).into_iter().find_map(read)?,
    };
    let number = read(at.first(json)?)?;
    let number = if (1.0..=9.0).contains(&power) { number / 10_f64.powi(power as i32) } else { number };
    (number.is_finite() && number >= 0.0).then_some(number)
}
