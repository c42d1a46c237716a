//! What a decision considered, as data for `noren explain` and the console.

use super::RuleSet;
pub use super::caps::Cap;
use super::condition::formula::FactRef;
use super::decide::{DecideContext, Verdict, When};
pub use super::schedule::NotScheduled;
use crate::facts::FactSource;
use crate::facts::value::Value;
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

/// A decision, told in full.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Trace {
    /// The visitor is in the site's holdout.
    pub held_out: bool,
    /// Every scenario of the site, in the order of the decision.
    pub scenarios: Vec<ScenarioTrace>,
    /// Every fact that any condition of the site uses.
    pub facts: Vec<FactTrace>,
}

/// What became of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioTrace {
    /// Id.
    pub id: Arc<str>,
    /// Name for people.
    pub name: String,
    /// Its condition as written.
    pub condition: Arc<str>,
    /// What became of it.
    pub outcome: Outcome,
    /// With the head alone it was undecided.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

/// What became of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// It is shown.
    Shown {
        /// The visitor's variant.
        variant: Arc<str>,
    },
    /// It would be shown, but the visitor is in an arm that sees nothing.
    Control {
        /// The visitor's variant.
        variant: Arc<str>,
    },
    /// Its condition hangs on what the page has yet to say: it is decided in the stream, when its place passes.
    Undecided {
        /// The visitor's variant.
        variant: Arc<str>,
        /// That variant sees nothing.
        control: bool,
    },
    /// It is shown, unless one of higher priority that is undecided takes its slot before its place passes.
    Contested {
        /// The visitor's variant.
        variant: Arc<str>,
        /// That variant sees nothing.
        control: bool,
    },
    /// It does not run now.
    NotScheduled {
        /// Why.
        why: NotScheduled,
    },
    /// Its condition does not hold.
    ConditionFailed {
        /// The parts that stood in the way.
        parts: Vec<FailedPart>,
    },
    /// It is a test or is rationed, and the visitor cannot be known again.
    NotEnrolled,
    /// It hands out codes, and the visitor's cookie has yet to come back.
    FirstPage,
    /// The visitor is in the site's holdout.
    Holdout,
    /// None of its variants has any weight.
    NoVariant,
    /// The visitor has had enough of it.
    Capped {
        /// By which cap.
        cap: Cap,
    },
    /// A scenario of higher priority has the slot.
    SlotTaken {
        /// That scenario's id.
        by: Arc<str>,
    },
    /// The page has as many choices as a page may have.
    PageFull,
}

/// A part of a condition that stood in the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedPart {
    /// Byte range in the condition.
    pub span: Range<usize>,
    /// The part as written; a segment stands by its name.
    pub text: String,
    /// What it said: `null` if it could not be answered.
    pub answer: Option<bool>,
    /// The facts that it asks.
    pub facts: Vec<FactTrace>,
}

/// A fact and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactTrace {
    /// As it is written in conditions.
    pub name: String,
    /// Its value; `null` if it is not known.
    pub value: Option<serde_json::Value>,
}

/// A verdict before it is put into words.
pub(super) struct Untold {
    pub(super) index: usize,
    pub(super) verdict: Verdict,
}

impl Trace {
    pub(super) fn tell(&mut self, rules: &RuleSet, cx: &DecideContext<'_>, held_out: bool, verdicts: Vec<Untold>) {
        self.held_out = held_out;
        self.facts = rules.conditions.facts().map(|fact| FactTrace::of(fact, cx.facts)).collect();
        self.facts.sort_by(|a, b| a.name.cmp(&b.name));
        self.facts.dedup_by(|a, b| a.name == b.name);
        self.scenarios = verdicts
            .into_iter()
            .filter_map(|Untold { index, verdict }| {
                let (scenario, source) = (rules.scenarios.get(index)?, rules.sources.get(index)?);
                let outcome = match verdict {
                    Verdict::Chosen { variant, control, when: When::Undecided } => {
                        Outcome::Undecided { variant, control }
                    }
                    Verdict::Chosen { variant, control, when: When::Contested } => {
                        Outcome::Contested { variant, control }
                    }
                    Verdict::Chosen { variant, control: false, .. } => Outcome::Shown { variant },
                    Verdict::Chosen { variant, control: true, .. } => Outcome::Control { variant },
                    Verdict::NotScheduled(why) => Outcome::NotScheduled { why },
                    Verdict::ConditionFailed => {
                        let parts = source.blame(cx.facts).into_iter().map(|part| FailedPart {
                            span: part.span,
                            text: part.text,
                            answer: part.answer,
                            facts: part.facts.iter().map(|fact| FactTrace::of(fact, cx.facts)).collect(),
                        });
                        Outcome::ConditionFailed { parts: parts.collect() }
                    }
                    Verdict::NotEnrolled => Outcome::NotEnrolled,
                    Verdict::FirstPage => Outcome::FirstPage,
                    Verdict::Holdout => Outcome::Holdout,
                    Verdict::NoVariant => Outcome::NoVariant,
                    Verdict::Capped(cap) => Outcome::Capped { cap },
                    Verdict::SlotTaken(by) => Outcome::SlotTaken { by },
                    Verdict::PageFull => Outcome::PageFull,
                };
                let (id, name) = (scenario.id.clone(), scenario.name.clone());
                Some(ScenarioTrace { id, name, condition: source.text(), outcome, late: false })
            })
            .collect();
    }
}

impl FactTrace {
    fn of(fact: &FactRef, source: &dyn FactSource) -> Self {
        Self { name: fact.to_string(), value: fact.value(source).map(|value| to_json(&value)) }
    }
}

fn to_json(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        // JSON has no NaN and no infinity.
        Value::Double(number) if !number.is_finite() => number.to_string().into(),
        Value::Double(number) => (*number).into(),
        Value::String(text) => text.as_ref().into(),
        Value::Strings(list) => list.iter().map(AsRef::as_ref).collect::<Vec<&str>>().into(),
    }
}
