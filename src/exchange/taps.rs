//! Reading along: what a visitor's request and the shop's JSON answer say is looked at as it passes, and told at the end.
//!
//! Whatever fails here fails alone: the bytes have gone on already.

use super::learn::Overheard;
use super::{Exchange, Gateway, Guest, Outcome, RequestView, headers, load::Load};
use crate::admission::{Reserved, Room};
use crate::catalogue::Lesson;
use crate::event::What;
use crate::ids::VisitorId;
use crate::site::Site;
use crate::taps::{Heard, Tap};
use crate::visitor::Caller;
use crate::visitor::consent::Consent;
use http::{HeaderMap, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A request that is read along.
pub(super) struct Tapped {
    tap: Tap,
    host: String,
    visitor: Option<VisitorId>,
    body_memory: Option<Reserved>,
    answer_memory: Option<Reserved>,
}

impl Gateway {
    /// Whether the site's taps name a request, and whose it is: a visitor who is known by the cookie, or one who is being given it
    /// with this page.
    pub(super) fn tap(
        &self,
        site: &Site,
        request: &RequestView<'_>,
        guest: Guest,
        consent: Consent,
        load: &Load,
    ) -> Option<Box<Tapped>> {
        let taps = site.platform.layout().taps.clone();
        if (taps.forms.is_empty() && taps.apis.is_empty()) || !site.enabled || load.is_strained() {
            return None;
        }
        let tap = catch_unwind(AssertUnwindSafe(|| {
            let mut tap = Tap::of(&taps, request.method, request.path, request.query)?;
            let caller = Caller::of(request.method, request.headers);
            if matches!(caller, Caller::Bot | Caller::Prefetch) || request.headers.contains_key(headers::HOP) {
                return None;
            }
            let visitor = match guest {
                Guest::Visitor { id, known: true, .. } => Some(id),
                Guest::Visitor { id, .. } if *request.method == http::Method::GET => Some(id),
                _ if !consent.any() => None,
                _ => self
                    .keys
                    .recognise(&site.id, &site.cookie, request.headers, self.clock.now())
                    .map(|identity| identity.visitor),
            };
            if visitor.is_none() {
                tap.forget_forms();
            }
            Some(Box::new(Tapped {
                tap,
                host: request.host.to_owned(),
                visitor,
                body_memory: None,
                answer_memory: None,
            }))
        }));
        tap.unwrap_or_else(|_| {
            self.failure(&site.id, "panic", None, "reading a request panicked");
            None
        })
    }
}

impl Exchange {
    /// A piece of the request's body goes by, to be looked at and not to be held.
    pub fn request_body(&mut self, piece: &[u8]) {
        self.listen(|tapped| tapped.tap.request(piece));
    }

    /// The request goes to the shop, for the first time or once more.
    pub(super) fn tap_request(&mut self, request: &RequestView<'_>) {
        let Some(bytes) = self.listen(|tapped| {
            tapped.body_memory = None;
            tapped.tap.sent(request.headers)
        }) else {
            return;
        };
        let memory = self.memory_for_reading(bytes);
        let Some(tapped) = &mut self.tapped else { return };
        if bytes > 0 && memory.is_none() {
            tapped.tap.pass_over();
        }
        tapped.body_memory = memory;
    }

    /// The head of the answer has come.
    pub(super) fn tap_answer(&mut self, status: StatusCode, headers: &HeaderMap) {
        let Some(bytes) = self.listen(|tapped| tapped.tap.answered(status, headers)) else { return };
        let memory = self.memory_for_reading(bytes);
        let Some(tapped) = &mut self.tapped else { return };
        if bytes > 0 && memory.is_none() {
            tapped.tap.pass_over_answer();
        }
        tapped.answer_memory = memory;
    }

    /// A piece of the answer goes by.
    pub(super) fn overhear(&mut self, piece: Option<&[u8]>) {
        let (Some(tapped), Some(piece)) = (&self.tapped, piece) else { return };
        if tapped.tap.is_listening() {
            let began = self.gateway.clock.monotonic();
            self.listen(|tapped| tapped.tap.answer(piece));
            self.own += self.gateway.clock.monotonic().duration_since(began);
        }
    }

    /// What was learnt, once all has ended; and by whose doing. Nothing of an answer that broke off.
    pub(super) fn heard(&mut self, outcome: &Outcome) -> Option<(String, Option<VisitorId>, Heard)> {
        let Tapped { tap, host, visitor, .. } = *self.tapped.take()?;
        if outcome.status == 0 {
            return None;
        }
        let heard = catch_unwind(AssertUnwindSafe(|| tap.heard()));
        if heard.is_err() {
            self.gateway.failure(&self.site.id, "panic", None, "reading what was sent panicked");
        }
        Some((host, visitor, heard.ok()?))
    }

    /// Tells what was learnt: of products to the catalogue, of the visitor's doings to the recorder.
    pub(super) fn tell_heard(&mut self, outcome: &Outcome) {
        let Some((host, visitor, heard)) = self.heard(outcome) else { return };
        if heard.content.product.is_some() || !heard.content.listed.is_empty() {
            self.gateway.catalogues.of(&self.site.id).learn(&Lesson {
                content: &heard.content,
                host: &host,
                page: None,
                personal: false,
                most: self.site.max_products,
                at: self.gateway.clock.now(),
            });
        }
        let Some(visitor) = visitor else { return };
        // Whoever was minted for a page that did not introduce them is nobody.
        if matches!(self.guest, Guest::Visitor { known: false, .. }) && self.delivery.profile.is_none() {
            return;
        }
        let Heard { done, mut content } = heard;
        // A search's answer says more of it than its form.
        let done = done.filter(|done| !(content.search.is_some() && matches!(done, What::Search(_))));
        // What an answer says of products is said to the page that asked, which may show many.
        (content.product, content.listed) = (None, Vec::new());
        if done.is_some() || !content.is_empty() {
            let (site, kind) = (self.site.clone(), self.kind);
            self.gateway.overheard(Overheard { site, visitor, consent: self.will.consent, kind, done, content });
        }
    }

    /// Does something with what is read along, if there is such a thing. Where that panics, there is no more.
    pub(super) fn listen<T>(&mut self, work: impl FnOnce(&mut Tapped) -> T) -> Option<T> {
        let tapped = self.tapped.as_mut()?;
        let done = catch_unwind(AssertUnwindSafe(|| work(tapped))).ok();
        if done.is_none() {
            self.tapped = None;
            self.gateway.failure(&self.site.id, "panic", None, "reading along panicked");
        }
        done
    }

    pub(super) fn memory_for_reading(&self, bytes: usize) -> Option<Reserved> {
        let room = Room::of(&self.gateway.settings.load().limits, &self.site.limits);
        if bytes > 0 { self.load.for_reading(bytes, &room) } else { None }
    }
}
