//! What a page, or an answer of the shop, said: it enters the visitor's profile, becomes events, and reaches goals.

use super::{Exchange, Gateway};
use crate::commerce::Content;
use crate::event::{Event, What};
use crate::ids::VisitorId;
use crate::site::Site;
use crate::store::profile::{Said, shopping};
use crate::store::{LiveProfile, ProfileKey, Write};
use std::sync::{Arc, PoisonError};

/// Who learns: a visitor, the profile they have now, and where they are.
pub(super) struct Learner<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) visitor: VisitorId,
    /// Names the profile: the visitor's own, or their customer's.
    pub(super) key: &'a ProfileKey,
    pub(super) profile: &'a LiveProfile,
    /// Kind of page by its address; `other` if that says nothing.
    pub(super) kind: &'a str,
    /// What happens may be counted: events are kept.
    pub(super) analytics: bool,
}

impl Gateway {
    /// Takes in what was said, and has all that happened by it recorded.
    pub(super) fn learnt(self: &Arc<Self>, who: &Learner<'_>, content: &Content) {
        let events = self.learn(who, content);
        let writes = self.enter(who, events);
        self.record_all(writes);
    }

    /// Takes in what was said. What happened by it has yet to be [entered](Self::enter).
    pub(super) fn learn(&self, who: &Learner<'_>, content: &Content) -> Vec<What> {
        let said = Said { at: self.clock.now().as_second(), kind: who.kind, currency: &who.site.currency };
        who.profile.lock().unwrap_or_else(PoisonError::into_inner).learn(content, &said)
    }

    /// Counts what happened and sees which goals it reaches: all that is to be recorded of it.
    pub(super) fn enter(&self, who: &Learner<'_>, events: Vec<What>) -> Vec<Write> {
        if events.is_empty() {
            return Vec::new();
        }
        let at = self.clock.now();
        let day = shopping::day(&at.to_zoned(who.site.time_zone.clone()));
        let mut happened = Vec::with_capacity(events.len());
        {
            let mut profile = who.profile.lock().unwrap_or_else(PoisonError::into_inner);
            for what in events {
                profile.shop.count(what.name(), day);
                let reached = who.site.rules.reached(&mut profile, &what, at.as_second());
                happened.push(what);
                happened.extend(reached);
            }
        }
        let event = |what| Write::Event(Event { site: who.site.id.clone(), visitor: who.visitor, at, what });
        let profile = Write::Profile(who.key.clone(), who.profile.clone());
        happened.retain(|_| who.analytics);
        happened.into_iter().map(event).chain([profile]).collect()
    }

    /// Has writes recorded; an order at once.
    pub(super) fn record_all(self: &Arc<Self>, writes: impl IntoIterator<Item = Write>) {
        let mut urgent = false;
        for write in writes {
            urgent |= matches!(&write, Write::Event(event) if matches!(event.what, What::Purchase(_)));
            self.recorder.record(write);
        }
        if urgent {
            let gateway = self.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "only hurries what is recorded already; a store that fails is tried again by the recorder"
            )]
            tokio::spawn(async move { drop(gateway.recorder.flush().await) });
        }
    }
}

impl Exchange {
    /// What a page view, and what its page said, made happen.
    pub(super) fn page_happened(&mut self, visitor: VisitorId, profile: &LiveProfile) -> Vec<Write> {
        let Some(path) = self.delivery.page_view.take() else { return Vec::new() };
        let key = self.key(visitor);
        let analytics = self.will.consent.analytics;
        let who = Learner { site: &self.site, visitor, key: &key, profile, kind: self.kind, analytics };
        let content = self.delivery.said.take().unwrap_or_default();
        let mut events = vec![What::PageView { path }];
        events.extend(self.gateway.learn(&who, &content));
        self.gateway.enter(&who, events)
    }
}
