//! Reads, as they stream, what visitors send to a shop and what its own JSON answers say: the fields that the site's
//! [`Taps`] name, and nothing else.
//!
//! Bytes are looked at and never changed or waited for. What is kept is bounded: of forms the named fields, of JSON
//! [`LONGEST_BODY`] and [`LONGEST_ANSWER`] until it is read. Knows nothing of visitors, profiles or the proxy.

mod answer;
mod body;
mod form;
mod json;
mod multipart;
mod text;
mod urlencoded;

use crate::commerce::Content;
use crate::event::What;
use crate::site::taps::{Asked, Form, Named, Taps, Verdict};
use body::Body;
use http::{HeaderMap, Method, StatusCode};
use json::Answer;
use smallvec::SmallVec;
use std::sync::Arc;

/// Bytes of a request's body that are read at most.
pub const LONGEST_BODY: usize = 64 * 1024;
/// Decoded bytes of an answer that are read at most.
pub const LONGEST_ANSWER: usize = 256 * 1024;

/// One request that the site's taps name, and its answer.
pub struct Tap {
    taps: Arc<Taps>,
    forms: SmallVec<[usize; 4]>,
    apis: SmallVec<[usize; 4]>,
    method: Method,
    path: String,
    query: String,
    body: Body,
    /// The form that was taken, or may have been.
    verdicts: SmallVec<[Verdict; 4]>,
    answer: Option<Answer>,
}

/// What was learnt of one request and its answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// What the visitor did.
    pub done: Option<What>,
    /// What the answer said.
    pub content: Content,
}

impl Tap {
    /// Whether a request is one that is to be read.
    #[must_use]
    pub fn of(taps: &Arc<Taps>, method: &Method, path: &str, query: &str) -> Option<Self> {
        let head = form::Fields { path, query, body: body::Found::None };
        let has_body = has_body(method);
        let named = |asked: &Asked, by_head: bool| {
            asked.names(method, path) && (!by_head || head.hold(&asked.conditions, None))
        };
        let forms = taps.forms.iter().enumerate().filter(|(_, form)| named(&form.asked, !has_body));
        let forms: SmallVec<[usize; 4]> = forms.map(|(index, _)| index).collect();
        let apis = taps.apis.iter().enumerate().filter(|(_, api)| named(&api.asked, true));
        let apis: SmallVec<[usize; 4]> = apis.map(|(index, _)| index).collect();
        if forms.is_empty() && apis.is_empty() {
            return None;
        }
        Some(Self {
            taps: taps.clone(),
            forms,
            apis,
            method: method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: Body::None,
            verdicts: SmallVec::new(),
            answer: None,
        })
    }

    /// There is nobody whose doings could be told: only what the shop says of its products is of use.
    pub fn forget_forms(&mut self) {
        self.forms.clear();
    }

    /// The head goes to the shop, for the first time or once more: its body will come from the beginning. Says how many bytes of
    /// the body may be kept.
    pub fn sent(&mut self, headers: &HeaderMap) -> usize {
        self.body = if has_body(&self.method) && !self.forms.is_empty() {
            Body::new(headers, self.named())
        } else {
            Body::None
        };
        self.body.footprint()
    }

    /// The body is not to be read after all.
    pub fn pass_over(&mut self) {
        self.body = Body::None;
    }

    fn named(&self) -> Vec<Named> {
        let mut named: Vec<Named> = Vec::new();
        for field in self.forms.iter().filter_map(|index| self.taps.forms.get(*index)).flat_map(Form::body_fields) {
            if !named.iter().any(|known| known.name == field.name) {
                named.push(field.clone());
            }
        }
        named
    }

    /// A piece of the request's body goes by.
    pub fn request(&mut self, piece: &[u8]) {
        self.body.push(piece);
    }

    /// The head of the answer has come. Says how many bytes reading the answer may take; 0 if it is not read.
    pub fn answered(&mut self, status: StatusCode, headers: &HeaderMap) -> usize {
        let own = if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) };
        let judge = |index: &usize| {
            self.taps.forms.get(*index).map_or(Verdict::No, |form| form.success.judge(&own, status, headers))
        };
        self.verdicts = self.forms.iter().map(judge).collect();
        if !matches!(status, StatusCode::OK | StatusCode::CREATED) {
            self.apis.clear();
        }
        if !self.apis.is_empty() || self.verdicts.contains(&Verdict::Read) {
            self.answer = Answer::new(headers);
        }
        self.answer.as_ref().map_or(0, Answer::footprint)
    }

    /// Whether pieces of the answer are wanted.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.answer.is_some()
    }

    /// The answer is not to be read after all.
    pub fn pass_over_answer(&mut self) {
        self.answer = None;
    }

    /// A piece of the answer goes by.
    pub fn answer(&mut self, piece: &[u8]) {
        if let Some(answer) = &mut self.answer
            && !answer.push(piece)
        {
            self.answer = None;
        }
    }

    /// What was learnt, once the answer has ended.
    #[must_use]
    pub fn heard(self) -> Heard {
        let fields = form::Fields { path: &self.path, query: &self.query, body: self.body.finish() };
        let forms = || {
            self.forms
                .iter()
                .zip(&self.verdicts)
                .filter_map(|(index, verdict)| Some((self.taps.forms.get(*index)?, *verdict)))
        };
        let apis: SmallVec<[_; 4]> = self.apis.iter().filter_map(|index| self.taps.apis.get(*index)).collect();
        let json = self.answer.and_then(|answer| {
            let of_forms = forms().flat_map(|(form, _)| form.success.json.iter().chain(&form.success.json_not));
            answer.read(of_forms.chain(apis.iter().flat_map(|api| &api.pointers)).collect::<Vec<_>>())
        });
        let done =
            forms().find(|(form, _)| fields.hold(&form.asked.conditions, form.charset)).and_then(|(form, verdict)| {
                let taken = match verdict {
                    Verdict::Yes => true,
                    Verdict::No => false,
                    Verdict::Read => json.as_ref().is_some_and(|json| form::is_taken(&form.success, json)),
                };
                if taken { fields.what(form) } else { None }
            });
        let mut content = Content::default();
        if let Some(json) = &json {
            for api in apis {
                answer::read(api, json, self.method == Method::GET, &fields, &mut content);
            }
        }
        Heard { done, content }
    }
}

/// The body of the other methods means nothing (RFC 9110 §9.3.1).
fn has_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::DELETE)
}

#[cfg(test)]
mod tests;
