//! What was really delivered: only that is recorded, and what was not is given back.

use super::claims::{Grant, Held};
use super::late::{Deferred, Snapshot};
use super::{Exchange, Guest, Outcome, lock};
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
    /// Arms in the plan. Those without edits are delivered with the head: control arms that are certain.
    pub(super) arms: Vec<Planned>,
    /// What is being prepared while something is claimed.
    pub(super) held: Vec<Held>,
    /// What the arms that are decided late are decided from.
    pub(super) snapshot: Option<Box<Snapshot>>,
    /// An arm was left out because one of its actions failed.
    pub(super) lost: bool,
}

pub(super) struct Planned {
    pub(super) arm: Arm,
    /// It shows nothing.
    pub(super) control: bool,
    /// It is decided as the page streams by.
    pub(super) late: bool,
    /// By what.
    pub(super) deferred: Option<Box<Deferred>>,
    /// Taken back if the arm was not delivered; nothing is reserved for whoever is no visitor.
    pub(super) reservation: Option<Reservation>,
    /// Given back if the arm was not delivered.
    pub(super) grant: Option<Box<Grant>>,
    /// Index of its first and one past its last edit in the transform.
    pub(super) edits: Range<usize>,
}

impl Exchange {
    pub(super) fn forget_arms(&mut self) {
        let arms = std::mem::take(&mut self.delivery.arms);
        self.give_back(arms);
        let held = std::mem::take(&mut self.delivery.held);
        self.release(held.into_iter().map(|held| (held.reservation, held.grant)));
    }

    /// Gives back what was reserved and claimed for arms that are not delivered.
    pub(super) fn give_back(&self, arms: Vec<Planned>) {
        self.release(arms.into_iter().map(|planned| (planned.reservation, planned.grant)));
    }

    /// Gives back what is not used up. Nothing of it may have left.
    pub(super) fn release(&self, unused: impl Iterator<Item = (Option<Reservation>, Option<Box<Grant>>)>) {
        let mut profile = None;
        let grants = unused.filter_map(|(reservation, grant)| {
            if let (Some(reservation), Some(live)) = (reservation, &self.delivery.profile) {
                profile.get_or_insert_with(|| lock(live)).unreserve(&reservation);
            }
            grant
        });
        let grants: Vec<Box<Grant>> = grants.collect();
        drop(profile);
        self.gateway.take_back(grants.into_iter());
    }

    /// Records what was really delivered; gives back what was not.
    pub(super) fn record(&mut self, outcome: &Outcome) {
        let transform = self.transform.take().map(|held| held.into_inner().unwrap_or_else(PoisonError::into_inner));
        let written = transform.as_ref().map(Transform::applied).unwrap_or_default();
        if let Some(bailed) = transform.as_ref().and_then(Transform::bailed_out) {
            self.gave_up(bailed, &written);
        }
        let (delivered, not): (Vec<Planned>, Vec<Planned>) =
            std::mem::take(&mut self.delivery.arms).into_iter().partition(|planned| {
                outcome.status != 0 && (planned.edits.is_empty() || was_applied(&planned.edits, &written))
            });
        self.give_back(not);
        self.forget_arms();
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
        let inserted = delivered.iter().filter(|planned| !planned.control).count() as u64;
        if inserted > 0 {
            self.gateway.metrics.insertions.with_label_values(&[self.site.id.as_str()]).inc_by(inserted);
        }
        if let Some(profile) = &profile {
            {
                let mut profile = lock(profile);
                for planned in &delivered {
                    self.site.rules.exposed(&mut profile, &planned.arm, at.as_second());
                }
            }
            if self.will.consent.analytics {
                writes.extend(delivered.into_iter().map(|planned| event(What::Exposure(planned.arm))));
            }
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
        for Planned { arm, edits, late, .. } in &self.delivery.arms {
            // One that is decided late may not have been wanted there.
            if !edits.is_empty() && !late && !was_applied(edits, written) {
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
