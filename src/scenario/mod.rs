//! Compiled scenarios: what a site's rule files became.

pub mod condition;

use crate::action::Action;
use condition::Checked;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A site's scenarios, ready to be judged.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// All scenarios, by descending priority, then by id.
    pub scenarios: Vec<Scenario>,
    // The compiled conditions come with the condition module.
}

impl RuleSet {
    /// Compiles a site's scenarios, in any order.
    #[must_use]
    pub fn build(mut scenarios: Vec<(Scenario, Checked)>) -> Self {
        scenarios.sort_by(|(a, _), (b, _)| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
        Self { scenarios: scenarios.into_iter().map(|(scenario, _)| scenario).collect() }
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
    /// Window after the exposure.
    pub within: Duration,
}
