use super::*;
use crate::action::{Action, ActionError, Lowered, Lowering};
use crate::facts::attributes::find;
use crate::facts::value::Value;
use crate::scenario::condition::{Scope, check};
use crate::scenario::trace::Outcome;
use crate::scenario::{Caps, Cooldown, Schedule, Variant};
use crate::store::profile::{PageViewed, SourceSeen};
use std::time::Duration;

#[derive(Debug)]
struct Shows;

impl Action for Shows {
    fn kind(&self) -> &'static str {
        "shows"
    }

    fn lower(&self, _: &Lowering<'_>) -> Result<Lowered, ActionError> {
        Ok(Lowered::default())
    }
}

/// Knows `page.path` and how often it was asked for it.
struct Path(&'static str);

impl FactSource for Path {
    fn fact(&self, attribute: crate::facts::attributes::AttributeId, _: Option<&str>) -> Option<Value<'_>> {
        (Some(attribute) == find("page.path")).then_some(Value::String(self.0.into()))
    }
}

fn scenario(id: &str, priority: i32) -> Scenario {
    Scenario {
        id: id.into(),
        name: id.to_uppercase(),
        priority,
        slot: None,
        schedule: Schedule::default(),
        caps: Caps::default(),
        variants: vec![variant("only", 1, true)],
        goal: None,
    }
}

fn variant(name: &str, weight: u32, shows: bool) -> Variant {
    Variant { name: name.into(), weight, actions: if shows { vec![Box::new(Shows)] } else { Vec::new() } }
}

fn build(scenarios: Vec<(Scenario, &str)>) -> RuleSet {
    let scope = Scope::default();
    RuleSet::build(scenarios.into_iter().map(|(scenario, when)| (scenario, check(when, &scope).unwrap())).collect())
}

struct Visit {
    site: SiteId,
    visitor: VisitorId,
    profile: Profile,
    now: Zoned,
    holdout: u32,
}

impl Visit {
    fn new() -> Self {
        let mut visit = Self {
            site: SiteId::new("shop"),
            visitor: VisitorId([7; 16]),
            profile: Profile::default(),
            now: "2026-11-20T22:30:00+09:00[Asia/Tokyo]".parse().unwrap(),
            holdout: 0,
        };
        visit.page();
        visit
    }

    fn page(&mut self) {
        let source = SourceSeen::default();
        let at = self.now.timestamp();
        self.profile.page_viewed(&PageViewed { at, path: "/", source: &source, session_timeout: 1800 });
    }

    fn later(&mut self, time: Duration) {
        self.now = self.now.checked_add(jiff::SignedDuration::try_from(time).unwrap()).unwrap();
        self.page();
    }

    fn decide(&self, rules: &RuleSet, trace: Option<&mut Trace>) -> Decision {
        let cx = DecideContext {
            site: &self.site,
            visitor: Some(&self.visitor),
            history: Some(&self.profile),
            facts: &Path("/sale"),
            now: &self.now,
            holdout: self.holdout,
        };
        decide(rules, &cx, trace)
    }

    /// Ids of what was chosen, each counted as delivered.
    fn deliver(&mut self, rules: &RuleSet) -> Vec<String> {
        let decision = self.decide(rules, None);
        let arms: Vec<_> = decision.choices.iter().map(|choice| rules.arm(choice).unwrap()).collect();
        for arm in &arms {
            self.profile.reserve(&arm.scenario, self.now.timestamp());
        }
        arms.iter().map(|arm| arm.scenario.to_string()).collect()
    }
}

#[test]
fn the_highest_priority_takes_the_slot_and_others_go_beside_it() {
    let in_slot = |id, priority| Scenario { slot: Some("top".into()), ..scenario(id, priority) };
    let rules = build(vec![
        (in_slot("low", 1), "true"),
        (in_slot("high", 9), "true"),
        (in_slot("highest-elsewhere", 99), r#"page.path == "/other""#),
        (scenario("free", 5), r#"page.path.startsWith("/sale")"#),
    ]);
    assert_eq!(Visit::new().deliver(&rules), ["high", "free"]);
}

#[test]
fn a_control_arm_takes_its_slot_and_uses_up_its_caps() {
    let mut test = Scenario { slot: Some("top".into()), ..scenario("test", 9) };
    test.variants = vec![variant("control", 1, false), variant("coupon", 0, true)];
    test.caps.per_visitor = Some(1);
    let rules = build(vec![(test, "true"), (Scenario { slot: Some("top".into()), ..scenario("next", 1) }, "true")]);
    let mut visit = Visit::new();
    assert!(visit.decide(&rules, None).choices[0].control);
    assert_eq!(visit.deliver(&rules), ["test"]);
    visit.page();
    assert_eq!(visit.deliver(&rules), ["next"]);
}

#[test]
fn caps_hold_for_the_session_the_visitor_and_the_rest_between() {
    let capped = |caps| build(vec![(Scenario { caps, ..scenario("s", 1) }, "true")]);
    let run = |rules: &RuleSet, gaps: &[u64]| -> String {
        let mut visit = Visit::new();
        let mut seen = String::new();
        for gap in gaps {
            visit.later(Duration::from_secs(*gap));
            seen.push(if visit.deliver(rules).is_empty() { '-' } else { 'x' });
        }
        seen
    };
    let caps = Caps { per_session: Some(1), per_visitor: Some(2), ..Caps::default() };
    assert_eq!(run(&capped(caps), &[1, 1, 3600, 1, 3600]), "x-x--");
    let caps = Caps { cooldown: Some(Cooldown::Pages(2)), ..Caps::default() };
    assert_eq!(run(&capped(caps), &[1; 7]), "x--x--x");
    let caps = Caps { cooldown: Some(Cooldown::Time(Duration::from_secs(90))), ..Caps::default() };
    assert_eq!(run(&capped(caps), &[1, 89, 1, 89, 1]), "x-x-x");
}

#[test]
fn a_scenario_stops_after_the_answer_it_names() {
    let caps = Caps { stop_after_click: true, ..Caps::default() };
    let rules = build(vec![(Scenario { caps, ..scenario("s", 1) }, "true")]);
    let mut visit = Visit::new();
    visit.profile.dismissed("s");
    assert_eq!(visit.deliver(&rules), ["s"]);
    visit.profile.clicked("s");
    assert!(visit.deliver(&rules).is_empty());
}

#[test]
fn who_is_not_known_again_sees_only_what_is_neither_tested_nor_rationed() {
    let mut test = scenario("test", 3);
    test.variants.push(variant("b", 1, true));
    let mut rationed = scenario("rationed", 2);
    rationed.caps.per_session = Some(1);
    let rules = build(vec![(test, "true"), (rationed, "true"), (scenario("plain", 1), "true")]);
    let visit = Visit::new();
    let cx = DecideContext {
        site: &visit.site,
        visitor: None,
        history: None,
        facts: &Path("/"),
        now: &visit.now,
        holdout: bucket::BUCKETS,
    };
    let ids: Vec<_> = decide(&rules, &cx, None).choices.iter().map(|c| rules.arm(c).unwrap().scenario).collect();
    assert_eq!(ids, [std::sync::Arc::<str>::from("plain")]);
}

#[test]
fn a_variant_does_not_change_when_other_scenarios_do() {
    let arms = |rules: &RuleSet| -> Vec<String> {
        (0..=255)
            .map(|n| {
                let visit = Visit { visitor: VisitorId([n; 16]), ..Visit::new() };
                let decision = visit.decide(rules, None);
                let arms = decision.choices.iter().map(|choice| rules.arm(choice).unwrap());
                arms.filter(|arm| &*arm.scenario == "test").map(|arm| arm.variant.to_string()).collect()
            })
            .collect()
    };
    let test = || {
        let mut test = scenario("test", 3);
        test.variants.push(variant("b", 1, true));
        test
    };
    let alone = arms(&build(vec![(test(), "true")]));
    let crowded = arms(&build(vec![(test(), "true"), (scenario("a", 9), "true"), (scenario("z", 1), "true")]));
    assert_eq!(alone, crowded);
    assert!(alone.contains(&"only".to_owned()) && alone.contains(&"b".to_owned()));
}

#[test]
fn a_page_is_never_filled_beyond_its_limit() {
    let many = (0..40).map(|n| (scenario(&format!("s{n:02}"), 0), "true")).collect();
    assert_eq!(Visit::new().decide(&build(many), None).choices.len(), MAX_CHOICES);
}

#[test]
fn a_trace_tells_every_outcome_and_changes_none() {
    let mut late = scenario("late", 9);
    late.schedule.hours = vec![(0, 60)];
    let mut capped = scenario("capped", 8);
    capped.caps.per_visitor = Some(0);
    let in_slot = |id, priority| Scenario { slot: Some("top".into()), ..scenario(id, priority) };
    let rules = build(vec![
        (late, "true"),
        (capped, "true"),
        (in_slot("first", 7), "true"),
        (in_slot("second", 6), "true"),
        (
            scenario("failed", 5),
            r#"page.path == "/sale" && (visitor.visits > 3 || page.path.endsWith("x")) && !is_bot"#,
        ),
    ]);
    let visit = Visit::new();
    let mut trace = Trace::default();
    let told = visit.decide(&rules, Some(&mut trace));
    assert_eq!(told, visit.decide(&rules, None));
    let outcomes: Vec<&Outcome> = trace.scenarios.iter().map(|scenario| &scenario.outcome).collect();
    let [
        Outcome::NotScheduled { .. },
        Outcome::Capped { .. },
        Outcome::Shown { variant },
        Outcome::SlotTaken { by },
        Outcome::ConditionFailed { parts },
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!((&**variant, &**by), ("only", "first"));
    let parts: Vec<(&str, Option<bool>)> = parts.iter().map(|part| (part.text.as_str(), part.answer)).collect();
    let expected = [("visitor.visits > 3", None), (r#"page.path.endsWith("x")"#, Some(false)), ("is_bot", None)];
    assert_eq!(parts, expected);
    assert_eq!(trace.facts.len(), 3);
    assert!(serde_json::to_string(&trace).unwrap().contains(r#""value":"/sale""#));
}

#[test]
fn the_holdout_sees_nothing_and_is_told_so() {
    let rules = build(vec![(scenario("s", 1), "true")]);
    let visit = Visit { holdout: bucket::BUCKETS, ..Visit::new() };
    let mut trace = Trace::default();
    let decision = visit.decide(&rules, Some(&mut trace));
    assert!(decision.choices.is_empty() && decision.held_out);
    assert_eq!(trace.scenarios[0].outcome, Outcome::Holdout);
}

/// The page has yet to tell the price.
struct Streaming;

impl FactSource for Streaming {
    fn fact(&self, _: crate::facts::attributes::AttributeId, _: Option<&str>) -> Option<Value<'_>> {
        None
    }

    fn is_pending(&self, attribute: crate::facts::attributes::AttributeId, _: Option<&str>) -> bool {
        Some(attribute) == find("product.price")
    }
}

#[test]
fn what_hangs_on_the_page_is_undecided_and_leaves_its_slot_open_to_what_is_certain() {
    let slotted = |id: &str, priority| Scenario { slot: Some("top".into()), ..scenario(id, priority) };
    let mut capped = scenario("capped", 9);
    capped.caps.stop_after_click = true;
    let rules = build(vec![
        (capped, "product.price > 1.0"),
        (slotted("first", 5), "product.price > 1.0"),
        (slotted("second", 4), "product.price > 2.0"),
        (slotted("sure", 3), "true"),
        (slotted("late", 2), "product.price > 3.0"),
        (slotted("too-late", 1), "true"),
        (scenario("never", 0), "product.price > 1.0 && page.path == \"/\""),
    ]);
    assert!(rules.listens());
    let mut visit = Visit::new();
    visit.profile.clicked("capped");
    let cx = DecideContext {
        site: &visit.site,
        visitor: Some(&visit.visitor),
        history: Some(&visit.profile),
        facts: &Streaming,
        now: &visit.now,
        holdout: 0,
    };
    let mut trace = Trace::default();
    let decision = decide_early(&rules, &cx, Some(&mut trace));
    assert_eq!(decision, decide_among(&rules, &cx, true, |_| true), "to be explained changes nothing");
    let chosen: Vec<_> =
        decision.choices.iter().map(|c| (rules.arm(c).unwrap().scenario.to_string(), c.when)).collect();
    let named = |id: &str, when| (id.to_owned(), when);
    let wanted = [named("first", When::Undecided), named("second", When::Undecided), named("sure", When::Contested)];
    assert_eq!(chosen, wanted);
    let outcomes: Vec<_> = trace.scenarios.into_iter().map(|scenario| scenario.outcome).collect();
    assert!(matches!(outcomes[0], Outcome::Capped { .. }));
    assert!(matches!((&outcomes[1], &outcomes[3]), (Outcome::Undecided { .. }, Outcome::Contested { .. })));
    assert!(matches!(&outcomes[4], Outcome::SlotTaken { by } if **by == *"sure"));
    assert!(matches!(outcomes[6], Outcome::ConditionFailed { .. }));
    // The last word: what the page has not said is missing.
    let last: Vec<_> = decide(&rules, &cx, None).choices.iter().map(|c| c.when).collect();
    assert_eq!(last, [When::Now]);
    assert!(!holds(&rules, 1, &Streaming) && holds(&rules, 3, &Streaming));
}

/// Knows whether the visitor's cookie has come back.
struct Returning(bool);

impl FactSource for Returning {
    fn fact(&self, attribute: crate::facts::attributes::AttributeId, _: Option<&str>) -> Option<Value<'_>> {
        (Some(attribute) == find("visitor.id_known")).then_some(Value::Bool(self.0))
    }
}

#[derive(Debug)]
struct HandsOut(Arc<str>);

impl Action for HandsOut {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn pool(&self) -> Option<&Arc<str>> {
        Some(&self.0)
    }

    fn lower(&self, _: &Lowering<'_>) -> Result<Lowered, ActionError> {
        Ok(Lowered::default())
    }
}

#[test]
fn codes_are_kept_for_visitors_whose_cookie_has_come_back_and_so_is_their_control_arm() {
    let handing_out = |id: &str, pool: &str, control: u32| {
        let codes = Variant { name: "codes".into(), weight: 1, actions: vec![Box::new(HandsOut(pool.into()))] };
        let variants = vec![Variant { weight: 1 - control, ..codes }, variant("control", control, false)];
        (Scenario { variants, ..scenario(id, 0) }, "true")
    };
    let all = vec![handing_out("kept", "a", 0), handing_out("kept-control", "a", 1), handing_out("open", "b", 0)];
    let rules = build(all).keeping_for_known(|pool| pool == "a");
    let visit = Visit::new();
    for (is_known, seen) in [(false, vec!["open"]), (true, vec!["kept", "kept-control", "open"])] {
        let cx = DecideContext {
            site: &visit.site,
            visitor: Some(&visit.visitor),
            history: Some(&visit.profile),
            facts: &Returning(is_known),
            now: &visit.now,
            holdout: 0,
        };
        let mut trace = Trace::default();
        let chosen = decide(&rules, &cx, None).choices;
        let chosen: Vec<&str> = chosen.iter().map(|choice| &*rules.scenarios[choice.scenario].id).collect();
        assert_eq!(chosen, seen, "known: {is_known}");
        decide(&rules, &cx, Some(&mut trace));
        assert_eq!(trace.scenarios[0].outcome == Outcome::FirstPage, !is_known);
    }
}
