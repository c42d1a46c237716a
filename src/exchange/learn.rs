//! What a page, a form or an answer of the shop said: it enters the visitor's profile, becomes events, and reaches goals.

use super::{Exchange, Gateway, InFlight};
use crate::commerce::{Cart, Content};
use crate::event::{ABANDONED_CART, Event, What};
use crate::ids::VisitorId;
use crate::site::Site;
use crate::store::profile::{Profile, Said, shopping};
use crate::store::{LiveProfile, ProfileKey, Write, joined};
use crate::visitor::consent::Consent;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, PoisonError};

/// Seconds for which an empty cart is one that was just emptied.
const EMPTIED: i64 = 60;

/// Who learns: a visitor, the profile they have now, and where they are.
pub(super) struct Learner<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) visitor: VisitorId,
    /// What they allow.
    pub(super) consent: Consent,
    /// The profile and its name: the visitor's own, or their customer's.
    pub(super) profile: Option<(&'a ProfileKey, &'a LiveProfile)>,
    /// Kind of page by its address; `other` if that says nothing.
    pub(super) kind: &'a str,
}

/// What was heard of a visitor apart from their pages: a form, an answer of the shop's cart API.
pub(super) struct Overheard {
    pub(super) site: Arc<Site>,
    pub(super) visitor: VisitorId,
    pub(super) consent: Consent,
    pub(super) kind: &'static str,
    /// What the visitor did.
    pub(super) done: Option<What>,
    /// What the answer said.
    pub(super) content: Content,
}

impl Gateway {
    /// Takes in what was said. What happened by it has yet to be [entered](Self::enter).
    pub(super) fn learn(&self, who: &Learner<'_>, content: &Content) -> Vec<What> {
        let said = Said {
            at: self.clock.now().as_second(),
            kind: who.kind,
            currency: &who.site.currency,
            shared: who.profile.is_some_and(|(key, _)| key.visitor != who.visitor),
        };
        match who.profile {
            Some((_, profile)) => profile.lock().unwrap_or_else(PoisonError::into_inner).learn(content, &said),
            // Nothing is remembered of this visitor, so that nothing is known of what changed.
            None => {
                let mut events = Profile::default().learn(content, &said);
                events.retain(|what| matches!(what, What::ViewItem(_) | What::Search(_) | What::Purchase(_)));
                events
            }
        }
    }

    /// Counts what happened and sees which goals it reaches: all that is to be recorded of it.
    pub(super) fn enter(&self, who: &Learner<'_>, events: Vec<What>) -> Vec<Write> {
        let at = self.clock.now();
        let mut happened = Vec::with_capacity(events.len());
        match who.profile.filter(|_| !events.is_empty()) {
            Some((_, profile)) => {
                let day = shopping::day(&at.to_zoned(who.site.time_zone.clone()));
                let mut profile = profile.lock().unwrap_or_else(PoisonError::into_inner);
                for what in events {
                    profile.shop.count(what.name(), day);
                    let reached = who.site.rules.reached(&mut profile, &what, at.as_second());
                    happened.push(what);
                    happened.extend(reached);
                }
            }
            None => happened = events,
        }
        let event = |what| Write::Event(Event { site: who.site.id.clone(), visitor: who.visitor, at, what });
        let counted = happened.into_iter().map(event).chain(self.foresee(who, at));
        let counted = counted.filter(|_| who.consent.analytics);
        counted.chain(who.profile.map(|(key, profile)| Write::Profile(key.clone(), profile.clone()))).collect()
    }

    /// When nobody will have come back to the visitor's cart, for hooks that want to be told. It is the customer's, where there is one:
    /// whoever goes on in another browser has not left it alone.
    fn foresee(&self, who: &Learner<'_>, now: Timestamp) -> Vec<Write> {
        let site = who.site;
        let Some((key, profile)) = who.profile else { return Vec::new() };
        if !site.webhooks.iter().any(|hook| hook.events.contains(&ABANDONED_CART)) {
            return Vec::new();
        }
        let mut cart = match &profile.lock().unwrap_or_else(PoisonError::into_inner).shop.cart {
            // One that has long been empty was so when it was last foreseen.
            Some(cart) if cart.items > 0 || now.as_second() - cart.changed <= EMPTIED => cart.now(),
            _ => return Vec::new(),
        };
        let catalogue = self.catalogues.of(&site.id);
        for line in &mut cart.lines {
            line.name = catalogue.product(&line.id).and_then(|known| known.product.name);
        }
        cart.currency = Some(site.currency.clone());
        let after = SignedDuration::try_from(site.learn.abandoned_cart_after).unwrap_or(SignedDuration::MAX);
        let Ok(at) = now.checked_add(after) else { return Vec::new() };
        let event = |visitor, cart| {
            let what = What::AbandonedCart(Arc::new(cart));
            Write::Event(Event { site: site.id.clone(), visitor, at, what })
        };
        // What was foreseen of the browser, before its customer was known.
        let before = (key.visitor != who.visitor).then(|| event(who.visitor, Cart::default()));
        before.into_iter().chain([event(key.visitor, cart)]).collect()
    }

    /// Has writes recorded; an order at once.
    pub(super) fn record_all(self: &Arc<Self>, writes: impl IntoIterator<Item = Write>) {
        let mut orders = Vec::new();
        for write in writes {
            if let Write::Event(Event { site, at, what: What::Purchase(order), .. }) = &write {
                orders.push((site.clone(), order.clone(), *at));
            }
            self.recorder.record(write);
        }
        if !orders.is_empty() {
            let gateway = self.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "only hurries what is recorded already; a store that fails is tried again by the recorder"
            )]
            tokio::spawn(async move {
                drop(gateway.recorder.flush().await);
                for (site, order, at) in orders {
                    gateway.redeem(&site, &order, at).await;
                }
            });
        }
    }

    /// Takes in what was heard apart from a page, off the visitor's time.
    pub(super) fn overheard(self: &Arc<Self>, heard: Overheard) {
        let (gateway, in_flight) = (self.clone(), InFlight::new(&self.in_flight));
        #[expect(clippy::disallowed_methods, reason = "bounded by the store's patience; a shutdown waits for it")]
        tokio::spawn(async move {
            let Overheard { site, visitor, consent, kind, done, content } = heard;
            let own = ProfileKey { site: site.id.clone(), visitor };
            let loaded = if consent.personalisation {
                gateway.in_time(&site, joined::load(&*gateway.store, &own)).await
            } else {
                None
            };
            if loaded.as_ref().is_some_and(|found| super::delivery::is_erased(&found.profile)) {
                return;
            }
            let profile = loaded.as_ref().map(|found| (&found.key, &found.profile));
            let who = Learner { site: &site, visitor, consent, profile, kind };
            let mut events = Vec::new();
            if let Some(done) = done {
                events.extend(gateway.did(&who, done));
            }
            events.extend(gateway.learn(&who, &content));
            gateway.record_all(gateway.enter(&who, events));
            drop(in_flight);
        });
    }

    /// What a visitor did, unless it is known already.
    fn did(&self, who: &Learner<'_>, what: What) -> Option<What> {
        let at = self.clock.now().as_second();
        match who.profile {
            Some((_, profile)) => profile.lock().unwrap_or_else(PoisonError::into_inner).did(what, at),
            None => Some(what),
        }
    }
}

impl Exchange {
    /// What a page view, and what its page said, made happen.
    pub(super) fn page_happened(
        &mut self,
        visitor: VisitorId,
        profile: Option<&LiveProfile>,
        content: &Content,
    ) -> Vec<Write> {
        let viewed = self.delivery.page_view.take();
        if viewed.is_none() && profile.is_none() {
            return Vec::new();
        }
        let key = self.key(visitor);
        let profile = profile.map(|profile| (&key, profile));
        let who = Learner { site: &self.site, visitor, consent: self.will.consent, profile, kind: self.kind };
        let mut events: Vec<What> = viewed.map(|path| What::PageView { path }).into_iter().collect();
        events.extend(self.gateway.learn(&who, content));
        self.gateway.enter(&who, events)
    }
}
