//! What the fields of a request mean.

use super::body::{Found, is_json};
use super::text;
use crate::commerce::{Line, Search, number};
use crate::event::What;
use crate::site::taps::{Conditions, Field, Form, FormEvent, Named, Success, truthy};
use encoding_rs::Encoding;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Most of one thing that are put into a cart at once.
const MOST: f64 = 1_000_000.0;

/// The fields of one request.
pub(super) struct Fields<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: Found,
}

impl Fields<'_> {
    /// Whether conditions hold.
    pub(super) fn hold(&self, conditions: &Conditions, charset: Option<&'static Encoding>) -> bool {
        let known: Vec<(&str, Option<String>)> =
            conditions.fields().map(|named| (named.name.as_str(), self.named(named, charset))).collect();
        conditions
            .hold(|named| known.iter().find(|(name, _)| *name == named.name).and_then(|(_, value)| value.as_deref()))
    }

    /// What the visitor did, if the fields tell.
    pub(super) fn what(&self, form: &Form) -> Option<What> {
        let value = |fields: &[Field]| fields.iter().find_map(|field| self.value(field, form.charset));
        let id = form.id.iter().filter_map(|field| self.value(field, form.charset)).find(|id| id != "0");
        let number = |fields: &[Field]| value(fields).and_then(|text| number::machine(&text));
        let quantity = number(&form.quantity).filter(|many| *many >= 0.0).map_or(1.0, |many| many.min(MOST)) as u32;
        let price = number(&form.price).filter(|price| *price >= 0.0);
        Some(match form.event {
            FormEvent::AddToCart if quantity == 0 => return None,
            FormEvent::AddToCart => What::AddToCart(Line { id: id?, name: value(&form.name), price, quantity }),
            FormEvent::RemoveFromCart => {
                let id = id.unwrap_or_default();
                What::RemoveFromCart(Line { id, name: value(&form.name), price, quantity: quantity.max(1) })
            }
            FormEvent::BeginCheckout => {
                What::BeginCheckout { value: number(&form.value).filter(|value| *value >= 0.0) }
            }
            FormEvent::Search => What::Search(Search { term: value(&form.term)?, results: None }),
            FormEvent::Login => What::Login,
        })
    }

    fn value(&self, field: &Field, charset: Option<&'static Encoding>) -> Option<String> {
        let found = match field {
            Field::Named(named) => self.named(named, charset),
            Field::Query(name) => self.of_query(name, charset),
            Field::Segment(number) => self.segment(*number),
        };
        text::clean(&found?)
    }

    fn named(&self, named: &Named, charset: Option<&'static Encoding>) -> Option<String> {
        let of_body = match &self.body {
            Found::None => None,
            Found::Form(form) => form.text(&named.name).and_then(|found| text::decode(found, charset)),
            Found::Json(json) => named.pointer.find(json).into_iter().find_map(scalar),
        };
        of_body.or_else(|| self.of_query(&named.name, charset))
    }

    /// A field of the query; of several of one name, the last counts.
    pub(super) fn of_query(&self, name: &str, charset: Option<&'static Encoding>) -> Option<String> {
        super::urlencoded::field(self.query, name).and_then(|found| text::decode(&found, charset))
    }

    fn segment(&self, number: i64) -> Option<String> {
        let mut segments = self.path.split('/').filter(|segment| !segment.is_empty());
        let back = usize::try_from(number.unsigned_abs().checked_sub(1)?).ok()?;
        let segment = if number > 0 { segments.nth(back) } else { segments.nth_back(back) }?;
        Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())
    }
}

/// Whether an answer says that a form was taken.
pub(super) fn is_taken(success: &Success, answer: &Value) -> bool {
    let something = |pointer: &crate::site::taps::Pointer| pointer.find(answer).into_iter().any(truthy);
    success.json.as_ref().is_none_or(something) && !success.json_not.as_ref().is_some_and(something)
}

/// A text, a number or a truth value as a text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether an answer's content type is JSON.
pub(super) fn is_json_type(kind: &str) -> bool {
    is_json(kind.split(';').next().unwrap_or_default().trim())
}
