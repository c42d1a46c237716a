//! What the site's clock says: `now.*`.

#![expect(clippy::unnecessary_wraps, reason = "all observers have one signature")]

use super::Facts;
use super::holidays;
use super::value::Value;
use std::borrow::Cow;

type Seen<'a> = Option<Value<'a>>;

pub(super) fn hour<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Int(facts.now.hour().into()))
}

pub(super) fn minute<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Int(facts.now.minute().into()))
}

pub(super) fn weekday<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Int(facts.now.weekday().to_sunday_zero_offset().into()))
}

pub(super) fn date<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::String(Cow::Owned(facts.now.date().to_string())))
}

pub(super) fn is_holiday<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Bool(holidays::is_public_holiday(facts.now.date())))
}
