//! What is known about a request, lazily.
//!
//! Decides nothing: it only observes. Each fact is declared once, in [`attributes`].

pub mod attributes;
mod calendar;
mod content;
mod customer;
mod device;
mod history;
pub mod holidays;
pub mod pattern;
mod request;
mod shop;
pub mod source;
pub mod value;

pub use customer::{read_date, read_gender};

use crate::commerce::{Content, Product};
use crate::store::profile::Profile;
use crate::visitor::consent::Consent;
use attributes::{AttributeId, Known};
use http::HeaderMap;
use jiff::Zoned;
use value::Value;

/// The kinds of pages (DESIGN's `page.kind`).
pub const PAGE_KINDS: &[&str] =
    &["home", "category", "product", "cart", "checkout", "thankyou", "search", "account", "other"];

/// Anything that can be asked for facts: a live request, or a table in a test or in `noren explain`.
pub trait FactSource {
    /// The value of an attribute, or `None` when it is not known.
    ///
    /// `key` is the argument of attributes that take one: `page.query["utm_source"]`, `seen("welcome")`.
    fn fact(&self, attribute: AttributeId, key: Option<&str>) -> Option<Value<'_>>;

    /// Whether what is to be known of an attribute may still come, or change, while the page streams by. What is pending is neither
    /// known nor missing.
    fn is_pending(&self, _attribute: AttributeId, _key: Option<&str>) -> bool {
        false
    }
}

/// A live request's facts: borrowed inputs, observed only when asked.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Path without query, as the client sent it.
    pub path: &'a str,
    /// Raw query, without the question mark.
    pub query: &'a str,
    /// Host that the client asked for, without port.
    pub host: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// Kind of page by the site's URL patterns (`home`, `product`, …; `other` if none matches).
    pub page_kind: &'a str,
    /// Status of the origin's answer.
    pub status: Option<u16>,
    /// The visitor's history with this page view already entered; `None` for bots and others who are no visitors.
    pub history: Option<&'a Profile>,
    /// Whether the visitor came with a valid cookie.
    pub id_known: bool,
    /// Whether the user agent names itself a robot.
    pub is_bot: bool,
    /// Now, in the site's time zone.
    pub now: &'a Zoned,
    /// Where the client's address is registered.
    pub geo: Option<&'a Geo>,
    /// What the shop says of its customer.
    pub customer: &'a Customer,
    /// What the page has said so far; `None` if it is not read, or not yet.
    pub content: Option<&'a Content>,
    /// What is known of this address's product from earlier views of the page, by whomever.
    pub catalogued: Option<&'a Product>,
    /// The page is being read and has not ended: what it has not said it may still say.
    pub streaming: bool,
    /// The site's currency, ISO 4217.
    pub currency: &'a str,
    /// Value of a cart from which on shipping is free.
    pub free_shipping_from: Option<f64>,
    /// What the visitor allows.
    pub consent: Consent,
}

impl Facts<'_> {
    /// The language that the browser prefers, without region: `en` for `en-US`.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        language(self.headers)
    }
}

/// The language that a request's sender prefers, without region.
#[must_use]
pub fn language(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(http::header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    request::preferred_language(header)?.split('-').next()
}

impl FactSource for Facts<'_> {
    fn fact(&self, attribute: AttributeId, key: Option<&str>) -> Option<Value<'_>> {
        (attribute.get()?.observe)(self, key)
    }

    fn is_pending(&self, attribute: AttributeId, key: Option<&str>) -> bool {
        if !self.streaming {
            return false;
        }
        let Some(attribute) = attribute.get().filter(|attribute| attribute.known == Known::Content) else {
            return false;
        };
        // What only the catalogue or earlier pages say, this page may yet correct.
        let own = Facts { catalogued: None, history: None, ..*self };
        (attribute.observe)(&own, key).is_none()
    }
}

/// Place of the client's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Geo {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// ISO 3166-2 subdivision without the country (`13` is Tokyo).
    pub region: Option<String>,
}

/// What the shop says of its customer, by the mapping in `site.toml`: attribute name (`rank`, `age`, `attr.x`) → text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    /// Pairs of field and value, as the shop wrote it.
    pub fields: Vec<(Box<str>, Box<str>)>,
}

#[cfg(test)]
pub(crate) mod tests;
