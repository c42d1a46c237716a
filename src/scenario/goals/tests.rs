use super::*;
use crate::commerce::Order;
use crate::facts::pattern::PathPattern;
use crate::scenario::condition::{Scope, check};
use crate::scenario::{Caps, Scenario, Schedule};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const DAY: i64 = 86_400;

fn rules(goals: &[(&str, Goal)]) -> RuleSet {
    let scenario = |(id, goal): &(&str, Goal)| {
        let scenario = Scenario {
            id: (*id).into(),
            name: String::new(),
            priority: 0,
            slot: None,
            schedule: Schedule::default(),
            caps: Caps::default(),
            variants: Vec::new(),
            goal: Some(goal.clone()),
        };
        (scenario, check("true", &Scope::default()).unwrap())
    };
    RuleSet::build(goals.iter().map(scenario).collect())
}

fn goal(event: &str) -> Goal {
    Goal { event: event.into(), page: None, within: Duration::from_secs(7 * 86_400) }
}

fn arm(scenario: &str, variant: &str) -> Arm {
    Arm { scenario: scenario.into(), variant: variant.into() }
}

fn purchase(value: f64) -> What {
    What::Purchase(Arc::new(Order { id: "N-1".into(), value: Some(value), ..Order::default() }))
}

fn expose(rules: &RuleSet, profile: &mut Profile, arm: &Arm, at: i64) {
    profile.reserve(&arm.scenario, Timestamp::from_second(at).unwrap());
    rules.exposed(profile, arm, at);
}

#[test]
fn a_goal_counts_once_a_window_and_not_outside() {
    let rules = rules(&[("s", goal("purchase"))]);
    let mut profile = Profile::default();
    let control = arm("s", "control");
    let buy = |profile: &mut Profile, at| rules.reached(profile, &purchase(500.0), at).len();
    assert_eq!(buy(&mut profile, 0), 0, "who was delivered nothing cannot convert");
    expose(&rules, &mut profile, &control, DAY);
    let reached = rules.reached(&mut profile, &purchase(500.0), 3 * DAY);
    assert_eq!(reached, [What::Conversion { arm: control.clone(), value: Some(500.0) }]);
    assert_eq!(buy(&mut profile, 4 * DAY), 0, "once");
    // An exposure within the window does not make it longer; the first one after it begins another.
    expose(&rules, &mut profile, &control, 7 * DAY);
    assert_eq!(buy(&mut profile, 9 * DAY), 0);
    expose(&rules, &mut profile, &control, 10 * DAY);
    assert_eq!(buy(&mut profile, 17 * DAY), 1);
    expose(&rules, &mut profile, &control, 20 * DAY);
    assert_eq!(buy(&mut profile, 27 * DAY + 1), 0, "a second too late");
    assert_eq!(profile.scenarios["s"].conversions, 2);
}

#[test]
fn a_click_counts_for_its_own_scenario_and_a_page_for_its_path() {
    let page = Goal { page: Some(PathPattern::parse("/thanks*").unwrap()), ..goal("page_view") };
    let rules = rules(&[("a", goal("select_promotion")), ("b", goal("select_promotion")), ("c", page)]);
    let mut profile = Profile::default();
    for id in ["a", "b", "c"] {
        expose(&rules, &mut profile, &arm(id, "x"), 0);
    }
    let converted = |events: Vec<What>| -> Vec<String> {
        events.iter().filter_map(What::arm).map(|arm| arm.scenario.to_string()).collect()
    };
    assert_eq!(converted(rules.reached(&mut profile, &What::Click(arm("a", "x")), 1)), ["a"]);
    let view = |path: &str| What::PageView { path: path.into() };
    assert_eq!(converted(rules.reached(&mut profile, &view("/cart"), 2)), [""; 0]);
    assert_eq!(converted(rules.reached(&mut profile, &view("/thanks-a-lot"), 3)), ["c"]);
}

#[test]
fn browsers_of_one_customer_convert_in_each_arm_that_they_were_in() {
    let rules = rules(&[("s", goal("purchase"))]);
    let mut profile = Profile::default();
    expose(&rules, &mut profile, &arm("s", "a"), 0);
    expose(&rules, &mut profile, &arm("s", "b"), 1);
    assert_eq!(rules.reached(&mut profile, &purchase(1.0), 2).len(), 2);
}

#[test]
fn a_scenario_that_is_gone_or_lost_its_goal_converts_nobody() {
    let mut profile = Profile::default();
    expose(&rules(&[("s", goal("purchase"))]), &mut profile, &arm("s", "a"), 0);
    assert_eq!(rules(&[]).reached(&mut profile, &purchase(1.0), 1), []);
}
