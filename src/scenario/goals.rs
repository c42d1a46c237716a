//! When a scenario's goal is reached, and by which arm.
//!
//! By exposure, not by click: whoever was delivered an arm (the control arm too) and then did what the goal names, within its
//! window, converted. The window begins with the first exposure, and the next one with the first exposure after its end: so windows
//! are as long in every arm, however often an arm is shown after that. In each, a visitor converts once. Browsers of one customer
//! may be in different arms; what the customer does then counts for each of them.

use super::{Goal, RuleSet};
use crate::event::{Arm, What};
use crate::store::profile::{Profile, Window};

/// Windows of one scenario that a profile remembers: one a variant, and there are few.
const MAX_WINDOWS: usize = 8;

impl RuleSet {
    /// Notes that an arm was delivered.
    pub fn exposed(&self, profile: &mut Profile, arm: &Arm, at: i64) {
        let Some(goal) = self.goal(&arm.scenario) else { return };
        let Some(history) = profile.scenarios.get_mut(&*arm.scenario) else { return };
        match history.windows.iter_mut().find(|window| window.variant == *arm.variant) {
            Some(window) if goal.holds(window, at) => {}
            Some(window) => (window.from, window.converted) = (at, false),
            None => {
                history.windows.push(Window { variant: arm.variant.as_ref().to_owned(), from: at, converted: false });
                crate::store::profile::shopping::trim(&mut history.windows, MAX_WINDOWS);
            }
        }
    }

    /// Notes what a visitor did, and tells which arms have reached their goal by it. Asks only for scenarios that the visitor was
    /// delivered.
    pub fn reached(&self, profile: &mut Profile, event: &What, at: i64) -> Vec<What> {
        let mut conversions = Vec::new();
        for (id, history) in &mut profile.scenarios {
            if history.windows.is_empty() {
                continue;
            }
            let Some((scenario, goal)) = self.find(id).and_then(|found| Some((found, found.goal.as_ref()?))) else {
                continue;
            };
            if !goal.is(event, id) {
                continue;
            }
            let open = history.windows.iter_mut().filter(|window| !window.converted && goal.holds(window, at));
            for window in open {
                window.converted = true;
                history.conversions = history.conversions.saturating_add(1);
                let arm = Arm { scenario: scenario.id.clone(), variant: window.variant.as_str().into() };
                conversions.push(What::Conversion { arm, value: value(event) });
            }
        }
        conversions
    }

    fn goal(&self, id: &str) -> Option<&Goal> {
        self.find(id)?.goal.as_ref()
    }
}

impl Goal {
    /// Whether a window has begun and not ended.
    fn holds(&self, window: &Window, at: i64) -> bool {
        let within = i64::try_from(self.within.as_secs()).unwrap_or(i64::MAX);
        (0..=within).contains(&at.saturating_sub(window.from))
    }

    /// Whether it is what happened. What is about an arm counts for that arm's scenario alone.
    fn is(&self, event: &What, scenario: &str) -> bool {
        event.name() == self.event
            && event.arm().is_none_or(|arm| *arm.scenario == *scenario)
            && self.page.as_ref().is_none_or(|page| event.path().is_some_and(|path| page.matches(path)))
    }
}

fn value(event: &What) -> Option<f64> {
    match event {
        What::Purchase(order) => order.value,
        _ => None,
    }
}

#[cfg(test)]
mod tests;
