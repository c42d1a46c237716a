//! What the visitor did in the shop before: `viewed(…)`, `count(…)`, their cycle of orders, what they like.

use super::Facts;
use super::attributes::{arguments, period};
use super::value::Value;
use crate::store::profile::shopping::{self, Liking};
use std::borrow::Cow;

const DAY: i64 = 86_400;

type Seen<'a> = Option<Value<'a>>;

pub(super) fn viewed<'a>(facts: &'a Facts<'a>, key: Option<&str>) -> Seen<'a> {
    let shop = &facts.history?.shop;
    let mut arguments = arguments(key?);
    let (what, which, within) = (arguments.next()?, arguments.next()?, period(arguments.next()?)?);
    let at = match what {
        "product" => shop.product_seen(which),
        "category" => shopping::last_viewed(&shop.categories, which),
        "brand" => shopping::last_viewed(&shop.brands, which),
        _ => return None,
    };
    Some(Value::Bool(at.is_some_and(|at| now(facts).saturating_sub(at) <= within)))
}

pub(super) fn count<'a>(facts: &'a Facts<'a>, key: Option<&str>) -> Seen<'a> {
    let shop = &facts.history?.shop;
    let mut arguments = arguments(key?);
    let (event, days) = (arguments.next()?, period(arguments.next()?)? / DAY);
    let today = shopping::day(facts.now);
    Some(Value::Int(i64::try_from(shop.counted(event, today, days)).unwrap_or(i64::MAX)))
}

pub(super) fn purchase_cycle_days<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.history?.shop.purchase_cycle().map(Value::Double)
}

pub(super) fn days_until_next_order<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let profile = facts.history?;
    let since = now(facts).saturating_sub(profile.last_order?);
    Some(Value::Double(profile.shop.purchase_cycle()? - since as f64 / DAY as f64))
}

pub(super) fn favourite_category<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    favourite(facts, &facts.history?.shop.categories)
}

pub(super) fn favourite_brand<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    favourite(facts, &facts.history?.shop.brands)
}

pub(super) fn price_band<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    favourite(facts, &facts.history?.shop.prices)
}

pub(super) fn typical_price<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    shopping::typical_price(&facts.history?.shop.prices, now(facts)).map(Value::Double)
}

fn favourite<'a>(facts: &Facts<'_>, likings: &'a [Liking]) -> Seen<'a> {
    let favourite = shopping::favourite(likings, now(facts))?;
    Some(Value::String(Cow::Borrowed(favourite.name.as_str())))
}

fn now(facts: &Facts<'_>) -> i64 {
    facts.now.timestamp().as_second()
}
