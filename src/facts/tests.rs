//! A request for the tests of this module and of those above it.

use super::attributes::find;
use super::value::Value;
use super::{Customer, FactSource, Facts, Geo};
use crate::store::profile::Profile;
use crate::visitor::consent::Consent;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Zoned;

/// Owns what [`Facts`] borrows.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) history: Option<Profile>,
    pub(crate) now: Zoned,
    pub(crate) geo: Option<Geo>,
    pub(crate) customer: Customer,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            path: "/".into(),
            query: String::new(),
            headers: HeaderMap::new(),
            history: Some(Profile { visits: 1, pageviews: 1, ..Profile::default() }),
            now: "2026-11-20T22:30:00+09:00[Asia/Tokyo]".parse().unwrap(),
            geo: None,
            customer: Customer::default(),
        }
    }
}

impl Request {
    pub(crate) fn header(&mut self, name: &'static str, value: &str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            path: &self.path,
            query: &self.query,
            host: "shop.example",
            headers: &self.headers,
            page_kind: "home",
            status: Some(200),
            history: self.history.as_ref(),
            id_known: true,
            is_bot: false,
            now: &self.now,
            geo: self.geo.as_ref(),
            customer: &self.customer,
            content: None,
            catalogued: None,
            streaming: false,
            currency: "JPY",
            free_shipping_from: None,
            consent: Consent::FULL,
        }
    }

    /// One fact, detached from the request.
    pub(crate) fn fact(&self, name: &str, key: Option<&str>) -> Option<Value<'static>> {
        let facts = self.facts();
        facts.fact(find(name).unwrap(), key).map(Value::into_owned)
    }
}

#[test]
fn the_clock_is_the_sites_own() {
    let request = Request { now: "2026-11-22T23:05:00+09:00[Asia/Tokyo]".parse().unwrap(), ..Request::default() };
    assert_eq!(request.fact("now.hour", None), Some(Value::Int(23)));
    assert_eq!(request.fact("now.minute", None), Some(Value::Int(5)));
    assert_eq!(request.fact("now.weekday", None), Some(Value::Int(0)));
    assert_eq!(request.fact("now.date", None), Some(Value::String("2026-11-22".into())));
    assert_eq!(request.fact("now.is_holiday", None), Some(Value::Bool(false)));
}
