//! What the shop says of its customer: texts by the mapping in `site.toml`, from its pages and from imports, read as the types that
//! conditions expect.
//!
//! A text that cannot be read as its type is an unknown fact, not a wrong one.

use super::Facts;
use super::value::Value;
use crate::commerce::Member;
use std::borrow::Cow;

type Seen<'a> = Option<Value<'a>>;

pub(super) fn is_member<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let logged_in = || match member(facts).and_then(|member| member.logged_in) {
        Some(logged_in) => Some(logged_in),
        None => facts.history?.member.logged_in,
    };
    field(facts, "is_member").and_then(truth).or_else(logged_in).map(Value::Bool)
}

pub(super) fn name<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    field(facts, "name").map(text)
}

pub(super) fn rank<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    field(facts, "rank").map(text)
}

pub(super) fn gender<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let gender = match field(facts, "gender")?.to_lowercase().as_str() {
        "f" | "female" | "woman" | "w" | "女性" | "女" | "2" => "female",
        "m" | "male" | "man" | "男性" | "男" | "1" => "male",
        "" | "0" | "unknown" | "不明" | "9" => return None,
        _ => "other",
    };
    Some(text(gender))
}

pub(super) fn age<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    number(field(facts, "age")?).filter(|age| (0..=150).contains(age)).map(Value::Int)
}

pub(super) fn birth_month<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    number(field(facts, "birth_month")?).filter(|month| (1..=12).contains(month)).map(Value::Int)
}

pub(super) fn points<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    number(field(facts, "points")?).map(Value::Int)
}

pub(super) fn attr<'a>(facts: &'a Facts<'a>, key: Option<&str>) -> Seen<'a> {
    let key = key?;
    field_where(facts, |field| field.strip_prefix("attr.") == Some(key)).map(text)
}

/// What this answer says by the mapping of the site, or this page by itself; failing that, what is remembered.
fn field<'a>(facts: &Facts<'a>, name: &str) -> Option<&'a str> {
    field_where(facts, |field| field == name)
}

fn field_where<'a>(facts: &Facts<'a>, is: impl Fn(&str) -> bool) -> Option<&'a str> {
    let mapped = facts.customer.fields.iter().find(|(field, _)| is(field)).map(|(_, value)| &**value);
    let shown = || {
        let (_, value) = member(facts)?.fields.iter().find(|(field, _)| is(field))?;
        Some(value.as_str())
    };
    let remembered = || {
        let (_, value) = facts.history?.member.fields.iter().find(|(field, _)| is(field))?;
        Some(value.as_str())
    };
    mapped.or_else(shown).or_else(remembered).map(str::trim)
}

fn member<'a>(facts: &Facts<'a>) -> Option<&'a Member> {
    facts.content?.member.as_ref()
}

fn text(text: &str) -> Value<'_> {
    Value::String(Cow::Borrowed(text))
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "on" => Some(true),
        "false" | "0" | "no" | "n" | "off" | "" => Some(false),
        _ => None,
    }
}

/// A whole number, thousands separated or not: `1,200`.
fn number(text: &str) -> Option<i64> {
    if text.contains(',') { text.replace(',', "").parse().ok() } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Request;
    use super::*;

    #[test]
    fn texts_become_typed_and_nonsense_becomes_unknown() {
        let mut request = Request::default();
        let mut say = |field: &str, value: &str| request.customer.fields.push((field.into(), value.into()));
        say("age", " 42 ");
        say("points", "12,300");
        say("birth_month", "13");
        say("gender", "女性");
        say("is_member", "Yes");
        say("attr.store", "大阪");
        assert_eq!(request.fact("customer.age", None), Some(Value::Int(42)));
        assert_eq!(request.fact("customer.points", None), Some(Value::Int(12_300)));
        assert_eq!(request.fact("customer.birth_month", None), None);
        assert_eq!(request.fact("customer.gender", None), Some(text("female")));
        assert_eq!(request.fact("customer.is_member", None), Some(Value::Bool(true)));
        assert_eq!(request.fact("customer.attr", Some("store")), Some(text("大阪")));
        assert_eq!(request.fact("customer.attr", Some("age")), None);
        assert_eq!(request.fact("customer.rank", None), None);
    }
}
