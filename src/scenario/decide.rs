//! Decides what a visitor sees on a page. Pure: the same facts give the same answer.
//!
//! With the head of the shop's answer, a condition may hang on what the page has yet to say. Such a scenario is chosen all the same,
//! undecided: it holds its share of the page until its place passes. Of those that want one slot, the first whose place passes while
//! its condition holds takes it; where two places are one, the higher priority does. What is certain takes its slot at once, but for
//! undecided ones of higher priority, which may still come before it.
//!
//! Schedule → condition → holdout and variant → caps → one a slot, by priority. The control arm is a choice like any
//! other: it takes its slot and uses up its caps, so that visitors who see nothing are those who would have seen
//! something, and the arms can be compared.

use super::caps::Cap;
use super::condition::{Judged, Scratch};
use super::schedule::NotScheduled;
use super::trace::{Trace, Untold};
use super::{RuleSet, Scenario};
use crate::facts::FactSource;
use crate::facts::attributes::find;
use crate::facts::value::Value;
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
    /// Whether it is certain.
    pub when: When,
}

/// When it is decided whether a choice is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Now: it is.
    Now,
    /// When its place passes: its condition holds, but another of its slot and of higher priority may come before it.
    Contested,
    /// When its place passes: its condition hangs on what the page says until then.
    Undecided,
}

/// What became of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Chosen { variant: Arc<str>, control: bool, when: When },
    NotScheduled(NotScheduled),
    ConditionFailed,
    NotEnrolled,
    FirstPage,
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
    with_scratch(|scratch| decide_with(rules, cx, trace, scratch, (false, |_| true)))
}

/// Decides with the head of the answer, while the page has yet to speak.
pub fn decide_early(rules: &RuleSet, cx: &DecideContext<'_>, trace: Option<&mut Trace>) -> Decision {
    with_scratch(|scratch| decide_with(rules, cx, trace, scratch, (true, |_| true)))
}

/// Decides among those scenarios, by index, that may be shown: others are as if they did not exist. `early`: the page has yet to speak.
pub fn decide_among(rules: &RuleSet, cx: &DecideContext<'_>, early: bool, may: impl Fn(usize) -> bool) -> Decision {
    with_scratch(|scratch| decide_with(rules, cx, None, scratch, (early, may)))
}

/// Whether a scenario's condition holds with what is known now: what is not known is missing.
pub fn holds(rules: &RuleSet, scenario: usize, facts: &dyn FactSource) -> bool {
    with_scratch(|scratch| {
        u32::try_from(scenario)
            .is_ok_and(|index| rules.conditions.evaluate(facts, scratch).binary_search(&index).is_ok())
    })
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
    (early, may): (bool, impl Fn(usize) -> bool),
) -> Decision {
    let held_out = cx.visitor.is_some_and(|visitor| bucket::is_held_out(cx.site, visitor, cx.holdout));
    let decision = Decision { held_out, ..Decision::default() };
    let mut page = Page { rules, cx, decision, slots: SmallVec::new() };
    let Judged { holds, undecided } = if early {
        rules.conditions.judge(cx.facts, scratch)
    } else {
        Judged { holds: rules.conditions.evaluate(cx.facts, scratch), undecided: &[] }
    };
    if let Some(trace) = trace {
        let mut told: Vec<Untold> = Vec::with_capacity(rules.scenarios.len());
        for (index, scenario) in rules.scenarios.iter().enumerate() {
            let among = |list: &[u32]| u32::try_from(index).is_ok_and(|index| list.binary_search(&index).is_ok());
            let holds = if among(undecided) { None } else { Some(among(holds)) };
            told.push(Untold { index, verdict: page.judge(index, scenario, holds) });
        }
        trace.tell(rules, cx, held_out, told);
    } else {
        let (mut holds, mut undecided) = (holds.iter().peekable(), undecided.iter().peekable());
        while page.decision.choices.len() < MAX_CHOICES {
            let open = match (holds.peek(), undecided.peek()) {
                (Some(certain), Some(open)) => open < certain,
                (certain, _) => certain.is_none(),
            };
            let next = if open { undecided.next() } else { holds.next() };
            let Some(index) = next else { break };
            let index = *index as usize;
            if let Some(scenario) = rules.scenarios.get(index).filter(|_| may(index)) {
                page.judge(index, scenario, (!open).then_some(true));
            }
        }
    }
    page.decision
}

/// A page being filled.
struct Page<'a> {
    rules: &'a RuleSet,
    cx: &'a DecideContext<'a>,
    decision: Decision,
    slots: SmallVec<[Slot; 4]>,
}

/// A slot that somebody wants.
struct Slot {
    name: Arc<str>,
    by: Arc<str>,
    /// It is certain that somebody takes it.
    taken: bool,
}

impl Page<'_> {
    /// `holds`: whether its condition does; `None` if that is undecided.
    fn judge(&mut self, index: usize, scenario: &Scenario, holds: Option<bool>) -> Verdict {
        let cx = self.cx;
        if let Err(why) = scenario.schedule.admits(cx.now) {
            return Verdict::NotScheduled(why);
        }
        if holds == Some(false) {
            return Verdict::ConditionFailed;
        }
        if self.decision.held_out {
            return Verdict::Holdout;
        }
        if (scenario.needs_identity() && cx.visitor.is_none()) || (!scenario.caps.is_none() && cx.history.is_none()) {
            return Verdict::NotEnrolled;
        }
        if self.rules.is_for_known(index) && !is_known(cx) {
            return Verdict::FirstPage;
        }
        let Some(variant) = variant_of(cx, scenario) else { return Verdict::NoVariant };
        if let Some(history) = cx.history
            && let Some(cap) = scenario.caps.reached(history, &scenario.id, cx.now.timestamp())
        {
            return Verdict::Capped(cap);
        }
        let wanted = scenario.slot.as_ref();
        let rival = wanted.and_then(|name| self.slots.iter().position(|slot| slot.name == *name));
        let rival = rival.and_then(|at| self.slots.get_mut(at));
        if let Some(slot) = rival.as_ref().filter(|slot| slot.taken) {
            return Verdict::SlotTaken(slot.by.clone());
        }
        if self.decision.choices.len() >= MAX_CHOICES {
            return Verdict::PageFull;
        }
        let Some(arm) = scenario.variants.get(variant) else { return Verdict::NoVariant };
        let control = arm.actions.is_empty();
        let when = match (holds, &rival) {
            (None, _) => When::Undecided,
            (Some(_), Some(_)) => When::Contested,
            (Some(_), None) => When::Now,
        };
        let taken = holds.is_some();
        match (rival, wanted) {
            (Some(slot), _) if taken => (slot.by, slot.taken) = (scenario.id.clone(), true),
            (Some(_), _) | (None, None) => {}
            (None, Some(name)) => self.slots.push(Slot { name: name.clone(), by: scenario.id.clone(), taken }),
        }
        self.decision.choices.push(Choice { scenario: index, variant, control, when });
        Verdict::Chosen { variant: arm.name.clone(), control, when }
    }
}

/// Whether the visitor's cookie has come back.
fn is_known(cx: &DecideContext<'_>) -> bool {
    let known = find("visitor.id_known").and_then(|attribute| cx.facts.fact(attribute, None));
    known == Some(Value::Bool(true))
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
