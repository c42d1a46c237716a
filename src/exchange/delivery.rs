//! What was really delivered: only that is recorded, and what was not is given back.

use super::{Exchange, Guest, Outcome};
use crate::commerce::Content;
use crate::event::{Arm, Event, What};
use crate::facts::Customer;
use crate::store::profile::Reservation;
use crate::store::{LiveProfile, Write};
use crate::transform::{BailOut, Transform};
use std::ops::Range;
use std::sync::{Arc, PoisonError};

/// What a response delivers, and what of it must be recorded once it has.
#[derive(Default)]
pub(super) struct Delivery {
    /// The visitor, with the profile that the exposures were reserved in.
    pub(super) profile: Option<LiveProfile>,
    /// A page view was entered.
    pub(super) page_view: Option<Arc<str>>,
    /// What the shop said of its customer by the mapping in `site.toml`.
    pub(super) customer: Customer,
    /// What the page said, once it was read.
    pub(super) said: Option<Content>,
    /// Arms in the plan; the control arms, which have no edits, are delivered with the head.
    pub(super) arms: Vec<Planned>,
    /// An arm was left out because one of its actions failed.
    pub(super) lost: bool,
}

pub(super) struct Planned {
    pub(super) arm: Arm,
    /// Taken back if the arm was not delivered; nothing is reserved for whoever is no visitor.
    pub(super) reservation: Option<Reservation>,
    /// Index of its first and one past its last edit in the transform.
    pub(super) edits: Range<usize>,
}

impl Exchange {
    pub(super) fn forget_arms(&mut self) {
        let arms = std::mem::take(&mut self.delivery.arms);
        self.give_back(&arms);
    }

    /// Gives back what was reserved for arms that are not delivered.
    pub(super) fn give_back(&self, arms: &[Planned]) {
        if let Some(profile) = &self.delivery.profile {
            let mut profile = profile.lock().unwrap_or_else(PoisonError::into_inner);
            arms.iter().filter_map(|planned| planned.reservation.as_ref()).for_each(|held| profile.unreserve(held));
        }
    }

    /// Records what was really delivered; gives back what was not.
    pub(super) fn record(&mut self, outcome: &Outcome) {
        let transform = self.transform.take().map(|held| held.into_inner().unwrap_or_else(PoisonError::into_inner));
        let written = transform.as_ref().map(Transform::applied).unwrap_or_default();
        if let Some(bailed) = transform.as_ref().and_then(Transform::bailed_out) {
            self.gave_up(bailed, &written);
        }
        let Guest::Visitor { id, .. } = self.guest else { return };
        let profile = self.delivery.profile.take();
        if profile.as_ref().is_some_and(is_erased) {
            return;
        }
        // What this page made happen is not owed to what it delivers.
        let said = self.delivery.said.take().unwrap_or_default();
        let mut writes = self.page_happened(id, profile.as_ref(), &said);
        let at = self.gateway.clock.now();
        let event = |what| Write::Event(Event { site: self.site.id.clone(), visitor: id, at, what });
        let mut delivered = 0;
        for Planned { arm, reservation, edits } in std::mem::take(&mut self.delivery.arms) {
            let control = edits.is_empty();
            let applied = was_applied(&edits, &written);
            if outcome.status != 0 && (control || applied) {
                delivered += u64::from(!control);
                if let Some(profile) = &profile {
                    let mut profile = profile.lock().unwrap_or_else(PoisonError::into_inner);
                    self.site.rules.exposed(&mut profile, &arm, at.as_second());
                }
                if self.will.consent.analytics && profile.is_some() {
                    writes.push(event(What::Exposure(arm)));
                }
            } else if let (Some(held), Some(profile)) = (reservation, &profile) {
                profile.lock().unwrap_or_else(PoisonError::into_inner).unreserve(&held);
            }
        }
        if delivered > 0 {
            self.gateway.metrics.insertions.with_label_values(&[self.site.id.as_str()]).inc_by(delivered);
        }
        if let Some(profile) = &profile {
            self.gateway.recorder.record(Write::Profile(self.key(id), profile.clone()));
        }
        self.gateway.record_all(writes);
        // Last, so that all of this page is in what may be moved.
        if let Some(profile) = profile {
            self.settle_customer(id, &profile, &said);
        }
    }

    /// Counts a page on which edits were given up; where that is a failure of ours, whose edits they were.
    fn gave_up(&self, why: BailOut, written: &[bool]) {
        self.gateway.metrics.skipped.with_label_values(&[why.as_str()]).inc();
        let (kind, reason) = match why {
            BailOut::ParserLimit => ("parser_limit", "a tag or the nesting is larger than the parser's limit"),
            BailOut::ParserFailed => ("parser_failed", "the parser gave up"),
            // These say what the page is, not that anything failed.
            _ => return,
        };
        for Planned { arm, edits, .. } in &self.delivery.arms {
            if !edits.is_empty() && !was_applied(edits, written) {
                self.gateway.failure(&self.site.id, kind, Some(&arm.scenario), reason);
            }
        }
    }
}

/// The visitor had everything erased while this page was on its way.
pub(super) fn is_erased(profile: &LiveProfile) -> bool {
    profile.lock().unwrap_or_else(PoisonError::into_inner).erased
}

fn was_applied(edits: &Range<usize>, written: &[bool]) -> bool {
    edits.clone().any(|index| written.get(index).copied().unwrap_or(false))
}
