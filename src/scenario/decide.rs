//! Decides what a visitor sees on a page. Pure: the same facts give the same answer.
//!
//! Schedule → condition → holdout and variant → caps → one a slot, by priority. The control arm is a choice like any
//! other: it takes its slot and uses up its caps, so that visitors who see nothing are those who would have seen
//! something, and the arms can be compared.

use super::caps::Cap;
use super::condition::Scratch;
use super::schedule::NotScheduled;
use super::trace::{Trace, Untold};
use super::{RuleSet, Scenario};
use crate::facts::FactSource;
use crate::ids::{SiteId, VisitorId};
use crate::store::profile::Profile;
use crate::visitor::bucket;
use jiff::Zoned;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::sync::Arc;

/// Most choices on one page.
pub const MAX_CHOICES: usize = 16;

/// What a decision is made from.
#[derive(Clone, Copy)]
pub struct DecideContext<'a> {
    /// The site.
    pub site: &'a SiteId,
    /// The visitor; `None` for bots and others who are not known again.
    pub visitor: Option<&'a VisitorId>,
    /// The visitor's history, this page view entered.
    pub history: Option<&'a Profile>,
    /// Facts.
    pub facts: &'a dyn FactSource,
    /// Now, in the site's time zone.
    pub now: &'a Zoned,
    /// Share of visitors that sees nothing, of [`bucket::BUCKETS`].
    pub holdout: u32,
}

/// What a visitor sees on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// By descending priority.
    pub choices: SmallVec<[Choice; 4]>,
    /// The visitor is in the site's holdout.
    pub held_out: bool,
    /// Deciding broke down, and nothing is shown.
    pub failed: bool,
}

/// One scenario that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Index into [`RuleSet::scenarios`].
    pub scenario: usize,
    /// Index into its variants.
    pub variant: usize,
    /// The variant shows nothing. Its exposure counts all the same.
    pub control: bool,
}

/// What became of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Chosen { variant: Arc<str>, control: bool },
    NotScheduled(NotScheduled),
    ConditionFailed,
    NotEnrolled,
    Holdout,
    NoVariant,
    Capped(Cap),
    SlotTaken(Arc<str>),
    PageFull,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Decides; tells everything it considered if a trace is given.
pub fn decide(rules: &RuleSet, cx: &DecideContext<'_>, trace: Option<&mut Trace>) -> Decision {
    with_scratch(|scratch| decide_with(rules, cx, trace, scratch, |_| true))
}

/// Decides among those scenarios, by index, that may be shown: others are as if they did not exist.
pub fn decide_among(rules: &RuleSet, cx: &DecideContext<'_>, may: impl Fn(usize) -> bool) -> Decision {
    with_scratch(|scratch| decide_with(rules, cx, None, scratch, may))
}

fn with_scratch<T>(decide: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => decide(&mut scratch),
        // A fact source that decides something itself.
        Err(_) => decide(&mut Scratch::default()),
    })
}

fn decide_with(
    rules: &RuleSet,
    cx: &DecideContext<'_>,
    trace: Option<&mut Trace>,
    scratch: &mut Scratch,
    may: impl Fn(usize) -> bool,
) -> Decision {
    let held_out = cx.visitor.is_some_and(|visitor| bucket::is_held_out(cx.site, visitor, cx.holdout));
    let mut page = Page { cx, decision: Decision { held_out, ..Decision::default() }, slots: SmallVec::new() };
    let matches = rules.conditions.evaluate(cx.facts, scratch);
    if let Some(trace) = trace {
        let mut told: Vec<Untold> = Vec::with_capacity(rules.scenarios.len());
        for (index, scenario) in rules.scenarios.iter().enumerate() {
            let holds = u32::try_from(index).is_ok_and(|index| matches.binary_search(&index).is_ok());
            told.push(Untold { index, verdict: page.judge(index, scenario, holds) });
        }
        trace.tell(rules, cx, held_out, told);
    } else {
        for index in matches.iter().filter(|index| may(**index as usize)) {
            if page.decision.choices.len() >= MAX_CHOICES {
                break;
            }
            if let Some(scenario) = rules.scenarios.get(*index as usize) {
                page.judge(*index as usize, scenario, true);
            }
        }
    }
    page.decision
}

/// A page being filled.
struct Page<'a> {
    cx: &'a DecideContext<'a>,
    decision: Decision,
    slots: SmallVec<[(Arc<str>, Arc<str>); 4]>,
}

impl Page<'_> {
    fn judge(&mut self, index: usize, scenario: &Scenario, matched: bool) -> Verdict {
        let cx = self.cx;
        if let Err(why) = scenario.schedule.admits(cx.now) {
            return Verdict::NotScheduled(why);
        }
        if !matched {
            return Verdict::ConditionFailed;
        }
        if self.decision.held_out {
            return Verdict::Holdout;
        }
        if (scenario.needs_identity() && cx.visitor.is_none()) || (!scenario.caps.is_none() && cx.history.is_none()) {
            return Verdict::NotEnrolled;
        }
        let Some(variant) = variant_of(cx, scenario) else { return Verdict::NoVariant };
        if let Some(history) = cx.history
            && let Some(cap) = scenario.caps.reached(history, &scenario.id, cx.now.timestamp())
        {
            return Verdict::Capped(cap);
        }
        if let Some(slot) = &scenario.slot
            && let Some((_, by)) = self.slots.iter().find(|(taken, _)| taken == slot)
        {
            return Verdict::SlotTaken(by.clone());
        }
        if self.decision.choices.len() >= MAX_CHOICES {
            return Verdict::PageFull;
        }
        let Some(arm) = scenario.variants.get(variant) else { return Verdict::NoVariant };
        let control = arm.actions.is_empty();
        if let Some(slot) = &scenario.slot {
            self.slots.push((slot.clone(), scenario.id.clone()));
        }
        self.decision.choices.push(Choice { scenario: index, variant, control });
        Verdict::Chosen { variant: arm.name.clone(), control }
    }
}

/// The visitor's variant: by weight, and the same on every page and every server.
fn variant_of(cx: &DecideContext<'_>, scenario: &Scenario) -> Option<usize> {
    let bucket = match cx.visitor {
        Some(visitor) if scenario.variants.len() > 1 => bucket::of_scenario(cx.site, &scenario.id, visitor),
        _ => 0,
    };
    bucket::arm(bucket, scenario.variants.iter().map(|variant| variant.weight))
}

#[cfg(test)]
mod tests;
