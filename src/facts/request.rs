//! What the request itself says: `page.*`, `source.*`, `geo.*`, `locale`, `is_bot`.

#![expect(clippy::unnecessary_wraps, reason = "all observers have one signature")]

use super::Facts;
use super::source;
use super::value::Value;
use crate::store::profile::SourceSeen;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

type Seen<'a> = Option<Value<'a>>;

pub(super) fn allows_analytics<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Bool(facts.consent.analytics))
}

pub(super) fn allows_personalisation<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Bool(facts.consent.personalisation))
}

pub(super) fn path<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(text(facts.path))
}

pub(super) fn query<'a>(facts: &'a Facts<'a>, key: Option<&str>) -> Seen<'a> {
    parameter(facts.query, key?).map(Value::String)
}

pub(super) fn status<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.status.map(|status| Value::Int(i64::from(status)))
}

pub(super) fn source_kind<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    let source = source_of(facts);
    let kind = match source {
        Cow::Borrowed(source) => Cow::Borrowed(source.kind.as_str()),
        Cow::Owned(source) => Cow::Owned(source.kind),
    };
    Some(Value::String(if kind.is_empty() { Cow::Borrowed("direct") } else { kind }))
}

pub(super) fn source_host<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    source_part(facts, |source| source.host.as_deref(), |source| source.host)
}

pub(super) fn source_medium<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    source_part(facts, |source| source.medium.as_deref(), |source| source.medium)
}

pub(super) fn source_campaign<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    source_part(facts, |source| source.campaign.as_deref(), |source| source.campaign)
}

pub(super) fn country<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.geo?.country.as_deref().map(text)
}

pub(super) fn region<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    facts.geo?.region.as_deref().map(text)
}

pub(super) fn locale<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    preferred_language(facts.headers.get(http::header::ACCEPT_LANGUAGE)?.to_str().ok()?).map(text)
}

pub(super) fn is_bot<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(Value::Bool(facts.is_bot))
}

fn text(text: &str) -> Value<'_> {
    Value::String(Cow::Borrowed(text))
}

/// The visit's source as the profile remembers it; for those without one, the source of this request.
fn source_of<'a>(facts: &'a Facts<'a>) -> Cow<'a, SourceSeen> {
    match facts.history {
        Some(profile) => Cow::Borrowed(&profile.session.source),
        None => Cow::Owned(source::classify(facts.query, source::referrer(facts.headers), facts.host)),
    }
}

fn source_part<'a>(
    facts: &'a Facts<'a>,
    borrowed: fn(&SourceSeen) -> Option<&str>,
    owned: fn(SourceSeen) -> Option<String>,
) -> Seen<'a> {
    match source_of(facts) {
        Cow::Borrowed(source) => borrowed(source).map(text),
        Cow::Owned(source) => owned(source).map(|part| Value::String(Cow::Owned(part))),
    }
}

/// The first value of a query's parameter, decoded. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn parameter<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name || decode(key) == name).then(|| decode(value))
    })
}

fn decode(part: &str) -> Cow<'_, str> {
    if part.contains('+') {
        let spaced = part.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    if part.contains('%') { percent_decode_str(part).decode_utf8_lossy() } else { Cow::Borrowed(part) }
}

/// The tag with the highest weight, the first of equals (RFC 9110 §12.5.4).
pub(super) fn preferred_language(header: &str) -> Option<&str> {
    let mut best: Option<(&str, f32)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        if tag.is_empty() || tag == "*" || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            continue;
        }
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((tag, weight));
        }
    }
    best.map(|(tag, _)| tag)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Request;
    use super::*;

    #[test]
    fn parameters_are_decoded_and_the_first_of_a_name_counts() {
        let find = |query, name| parameter(query, name).map(Cow::into_owned);
        assert_eq!(find("a=1&b=%E6%98%A5+sale&b=2", "b"), Some("春 sale".into()));
        assert_eq!(find("utm%5Fsource=x", "utm_source"), Some("x".into()));
        assert_eq!(find("flag", "flag"), Some(String::new()));
        assert_eq!(find("a=%FF", "a"), Some("\u{fffd}".into()));
        assert_eq!(find("ab=1", "a"), None);
        assert_eq!(find("", "a"), None);
    }

    #[test]
    fn the_language_with_the_highest_weight_wins() {
        assert_eq!(preferred_language("en;q=0.8, ja-JP, *;q=0.1"), Some("ja-JP"));
        assert_eq!(preferred_language("ja,en"), Some("ja"));
        assert_eq!(preferred_language("*, ja;q=0"), None);
        assert_eq!(preferred_language("<script>, en;q=x"), Some("en"));
    }

    #[test]
    fn without_a_profile_the_source_is_that_of_the_request_and_history_is_unknown() {
        let mut request = Request { history: None, ..Request::default() };
        request.header("referer", "https://www.google.co.jp/");
        assert_eq!(request.fact("source.kind", None), Some(text("search")));
        assert_eq!(request.fact("source.host", None), Some(text("google.co.jp")));
        assert_eq!(request.fact("visitor.visits", None), None);
        assert_eq!(request.fact("visitor.id_known", None), None);
        assert_eq!(request.fact("seen", Some("welcome")), None);
    }
}
