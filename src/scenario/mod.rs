//! Compiled scenarios: what a site's rule files became, and who sees which of them.

mod caps;
pub mod condition;
pub mod decide;
mod goals;
mod schedule;
pub mod trace;

use crate::action::Action;
use crate::event::Arm;
use crate::facts::pattern::PathPattern;
use ahash::AHashMap;
use condition::{Checked, ConditionSet, ConditionSetBuilder, Source};
use decide::Choice;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A site's scenarios, ready to be judged.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// All scenarios, by descending priority, then by id.
    pub scenarios: Vec<Scenario>,
    /// Their conditions, in the same order.
    conditions: ConditionSet,
    /// What the conditions were compiled from, for `explain`.
    sources: Vec<Source>,
    /// The page's own content has a say in any of them, or is printed by any.
    listens: bool,
    /// Where a scenario stands, by id.
    places: AHashMap<Arc<str>, usize>,
    /// Scenarios, in their order, that are for visitors alone whose cookie has come back.
    for_known: Vec<usize>,
}

impl RuleSet {
    /// Compiles a site's scenarios, in any order.
    #[must_use]
    pub fn build(mut scenarios: Vec<(Scenario, Checked)>) -> Self {
        scenarios.sort_by(|(a, _), (b, _)| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
        let mut builder = ConditionSetBuilder::default();
        let (mut ordered, mut sources) = (Vec::with_capacity(scenarios.len()), Vec::with_capacity(scenarios.len()));
        for (scenario, condition) in scenarios {
            builder.add(&condition);
            sources.push(condition.into_source());
            ordered.push(scenario);
        }
        let conditions = builder.build();
        let prints = ordered.iter().any(Scenario::prints_content);
        let listens = prints || (0..ordered.len()).any(|scenario| conditions.needs_content(scenario));
        let places = ordered.iter().enumerate().map(|(place, scenario)| (scenario.id.clone(), place)).collect();
        Self { scenarios: ordered, conditions, sources, listens, places, for_known: Vec::new() }
    }

    /// The same, where scenarios that hand out codes of some pools are for visitors alone whose cookie has come back: with all their
    /// arms, or these could not be compared.
    #[must_use]
    pub fn keeping_for_known(mut self, is_kept: impl Fn(&str) -> bool) -> Self {
        let keeps = |scenario: &Scenario| scenario.variants.iter().flat_map(Variant::pools).any(|pool| is_kept(pool));
        self.for_known = (0..).zip(&self.scenarios).filter(|(_, scenario)| keeps(scenario)).map(|(at, _)| at).collect();
        self
    }

    /// Whether a scenario is for visitors alone whose cookie has come back.
    #[must_use]
    pub fn is_for_known(&self, scenario: usize) -> bool {
        self.for_known.binary_search(&scenario).is_ok()
    }

    /// A scenario by its id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Scenario> {
        self.scenarios.get(*self.places.get(id)?)
    }

    /// Whether any variant of any scenario puts something on a page.
    #[must_use]
    pub fn may_insert(&self) -> bool {
        self.scenarios.iter().flat_map(|scenario| &scenario.variants).any(|variant| !variant.actions.is_empty())
    }

    /// Whether anything hangs on what a page says of itself.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.listens
    }

    /// Whether the page's own content has a say in whether a scenario runs: it may be undecided while the page streams.
    #[must_use]
    pub fn needs_content(&self, scenario: usize) -> bool {
        self.conditions.needs_content(scenario)
    }

    /// The names of a choice's scenario and variant.
    #[must_use]
    pub fn arm(&self, choice: &Choice) -> Option<Arm> {
        let scenario = self.scenarios.get(choice.scenario)?;
        let variant = scenario.variants.get(choice.variant)?;
        Some(Arm { scenario: scenario.id.clone(), variant: variant.name.clone() })
    }
}

/// One scenario.
#[derive(Debug)]
pub struct Scenario {
    /// Its file's name without `.toml`: stable, and what markers, stores and `seen("…")` use.
    pub id: Arc<str>,
    /// Name for people.
    pub name: String,
    /// Higher comes first.
    pub priority: i32,
    /// At most one action a slot and page.
    pub slot: Option<Arc<str>>,
    /// When it may run.
    pub schedule: Schedule,
    /// How often.
    pub caps: Caps,
    /// What it shows. Never empty.
    pub variants: Vec<Variant>,
    /// What counts as success.
    pub goal: Option<Goal>,
}

impl Scenario {
    /// Whether it is a test or is rationed, so that it means nothing without a visitor who can be known again.
    #[must_use]
    pub fn needs_identity(&self) -> bool {
        self.variants.len() > 1 || !self.caps.is_none() || self.has_pool()
    }

    /// Whether any variant hands out codes.
    #[must_use]
    pub fn has_pool(&self) -> bool {
        self.variants.iter().any(|variant| variant.pools().next().is_some())
    }
}

impl Scenario {
    /// Whether one of its actions prints what is known from the page's own content.
    #[must_use]
    pub fn prints_content(&self) -> bool {
        self.variants.iter().flat_map(|variant| &variant.actions).any(|action| action.needs_content())
    }

    /// Whether something hangs on what the visitor does with it: a comparison of variants, a goal, or an end after a click.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.variants.len() > 1
            || self.goal.is_some()
            || self.caps.stop_after_click
            || self.caps.stop_after_dismiss
            || self.caps.stop_after_conversion
    }
}

/// One arm of a scenario.
#[derive(Debug)]
pub struct Variant {
    /// Name, unique in its scenario.
    pub name: Arc<str>,
    /// Share relative to its siblings.
    pub weight: u32,
    /// What it shows; empty for the control arm.
    pub actions: Vec<Box<dyn Action>>,
}

impl Variant {
    /// Whether its texts hang on the page's own content.
    #[must_use]
    pub fn prints_content(&self) -> bool {
        self.actions.iter().any(|action| action.needs_content())
    }

    /// The pools that it hands out codes of.
    pub fn pools(&self) -> impl Iterator<Item = &Arc<str>> {
        self.actions.iter().filter_map(|action| action.pool())
    }
}

/// When a scenario may run, in the site's time zone.
#[derive(Debug, Default, Clone)]
pub struct Schedule {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// Bit n: weekday n, Sunday 0. `None`: every day.
    pub days: Option<u8>,
    /// Minutes of the day `[start, end)`; a range that ends before it starts runs over midnight, and then counts to the day it began on.
    pub hours: Vec<(u16, u16)>,
}

/// How often a visitor may see a scenario.
#[derive(Debug, Default, Clone)]
pub struct Caps {
    /// Deliveries a session.
    pub per_session: Option<u32>,
    /// Deliveries in all.
    pub per_visitor: Option<u32>,
    /// Rest between two deliveries.
    pub cooldown: Option<Cooldown>,
    /// Ends after a click.
    pub stop_after_click: bool,
    /// Ends after a dismissal.
    pub stop_after_dismiss: bool,
    /// Ends after a conversion.
    pub stop_after_conversion: bool,
}

/// Rest between two deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cooldown {
    /// That many other pages first.
    Pages(u32),
    /// That much time first.
    Time(Duration),
}

/// What counts as success.
#[derive(Debug, Clone)]
pub struct Goal {
    /// Event name (`purchase`).
    pub event: String,
    /// Of page views, those of these paths alone.
    pub page: Option<PathPattern>,
    /// Window after the exposure.
    pub within: Duration,
}
