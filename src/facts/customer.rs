//! What the shop says of its customer: texts by the mapping in `site.toml`, from its pages and from imports, read as the types that
//! conditions expect.
//!
//! A text that cannot be read as its type is an unknown fact, not a wrong one.

use super::Facts;
use super::value::Value;
use crate::commerce::Member;
use jiff::civil::Date;
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
    read_gender(field(facts, "gender")?).map(text)
}

/// A gender in the words that shops and registries use; `None` if it is not known.
#[must_use]
pub fn read_gender(text: &str) -> Option<&'static str> {
    Some(match text.to_lowercase().as_str() {
        "f" | "female" | "woman" | "w" | "女性" | "女" | "2" => "female",
        "m" | "male" | "man" | "男性" | "男" | "1" => "male",
        "" | "0" | "unknown" | "不明" | "9" => return None,
        _ => "other",
    })
}

pub(super) fn age<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let said = || number(field(facts, "age")?);
    let counted = || {
        let (born, today) = (born(facts)?, facts.now.date());
        let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
        Some(i64::from(today.year()) - i64::from(born.year()) - i64::from(!had_birthday))
    };
    said().or_else(counted).filter(|age| (0..=150).contains(age)).map(Value::Int)
}

pub(super) fn birth_month<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let said = || number(field(facts, "birth_month")?);
    let counted = || Some(i64::from(born(facts)?.month()));
    said().or_else(counted).filter(|month| (1..=12).contains(month)).map(Value::Int)
}

fn born(facts: &Facts<'_>) -> Option<Date> {
    read_date(field(facts, "birth_date")?)
}

/// A day as shops and spreadsheets write it: `1985-04-02`, `1985/4/2`, `19850402`.
#[must_use]
pub fn read_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let parts: Vec<&str> = match text.len() {
        8 if text.bytes().all(|byte| byte.is_ascii_digit()) => vec![text.get(..4)?, text.get(4..6)?, text.get(6..)?],
        _ => text.split(['-', '/', '.']).collect(),
    };
    let [year, month, day] = parts.try_into().ok()?;
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
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

    #[test]
    fn age_is_counted_from_the_day_of_birth() {
        let mut request = Request::default();
        let today = request.now.date();
        let mut of = |born: Date| {
            request.customer.fields = vec![("birth_date".into(), born.to_string().replace('-', "/").into())];
            (request.fact("customer.age", None), request.fact("customer.birth_month", None))
        };
        let thirty = Date::new(today.year() - 30, today.month(), 1).unwrap();
        assert_eq!(of(thirty), (Some(Value::Int(30)), Some(Value::Int(today.month().into()))));
        assert_eq!(of(thirty.checked_add(jiff::Span::new().months(1)).unwrap()).0, Some(Value::Int(29)));
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for text in ["1985-04-02", "1985/4/2", "19850402", " 1985.04.2 "] {
            assert_eq!(read_date(text), Some(Date::constant(1985, 4, 2)), "{text}");
        }
        for text in
            ["", "1985", "85-04-02", "1985-13-01", "1985-02-30", "2/4/1985", "1985-04-02T10:00", "１９８５-04-02"]
        {
            assert_eq!(read_date(text), None, "{text}");
        }
    }
}
