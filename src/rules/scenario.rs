//! `scenarios/*.toml`: when, for how long, how often, what, and to what end.

mod caps;
mod goal;
mod schedule;
mod variant;

pub(crate) use caps::CAPS;
pub(crate) use goal::GOAL;
pub(crate) use schedule::SCHEDULE;
pub(crate) use variant::VARIANT;

use super::conditions::Text;
use super::files::File;
use super::names;
use crate::action::ReadContext;
use crate::config::diagnostic::Problems;
use crate::config::document;
use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::scenario::Scenario;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::de::DeValue;

/// The top of a scenario's file.
pub(crate) static SCENARIO: Section = Section {
    file: "scenarios/*.toml",
    header: "",
    help: "One scenario a file; the file's name is its id. The least one is a `name`, a `when` and one `[[variant]]` with an action.",
    settings: &[
        setting("name", "text", REQUIRED, "Its name for people."),
        setting("when", "condition, or true", REQUIRED, "For whom and where it runs, in CEL: `'visitor.visits >= 3'`."),
        setting("enabled", "true or false", "true", "`false` switches it off; it is checked all the same."),
        setting("priority", "whole number", "0", "Where two want the same slot, the higher wins."),
        setting("slot", "text", "", "At most one scenario of a slot appears on a page."),
        setting("schedule", "table", "", "See `[schedule]`."),
        setting("caps", "table", "", "See `[caps]`."),
        setting("goal", "table", "", "See `[goal]`."),
        setting("variant", "list of tables", REQUIRED, "See `[[variant]]`."),
    ],
};

/// What the reading of a scenario depends on besides its file.
pub(super) struct Context<'a> {
    pub(super) time_zone: &'a TimeZone,
    pub(super) now: Timestamp,
    /// What actions may need; the scenario and the variant are filled in for each.
    pub(super) site: ReadContext<'a>,
}

/// A scenario whose condition is not checked yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) scenario: Scenario,
    pub(super) when: Text,
    pub(super) enabled: bool,
    /// Where its name stands.
    pub(super) name: Placed<String>,
}

/// What a file holds: its condition can be checked even when other parts have errors.
pub(super) struct Found {
    pub(super) when: Option<Text>,
    pub(super) draft: Option<Draft>,
}

/// Reads a scenario's file.
pub(super) fn read(file: &File, context: &Context<'_>, problems: &mut Problems) -> Found {
    let mut found = Found { when: None, draft: None };
    let Some(text) = &file.text else { return found };
    let mut parts = None;
    let sound = document::read(text, &file.path, problems, |table| {
        parts = Some(read_parts(table.documented(&SCENARIO), &file.stem, context));
    });
    let Some((when, rest)) = parts else { return found };
    let text = when.map(|when| Text::new(&file.path, text, when));
    match (sound, text, rest) {
        (Some(()), Some(when), Some((scenario, enabled, name))) => {
            found.draft = Some(Draft { scenario, when, enabled, name });
        }
        (_, when, _) => found.when = when,
    }
    found
}

type Parts = (Option<Placed<String>>, Option<(Scenario, bool, Placed<String>)>);

fn read_parts(mut table: Table<'_, '_>, id: &str, context: &Context<'_>) -> Parts {
    let name = table.required_string("name");
    let when = condition(&mut table);
    let enabled = table.bool("enabled").is_none_or(|found| found.value);
    let priority = table.integer("priority", -1_000_000..=1_000_000).map_or(0, |number| number.value as i32);
    let slot = table.string("slot").and_then(|text| names::checked(&table, "slot", text));
    let schedule = table.table("schedule").map(|part| schedule::read(part, context, enabled)).unwrap_or_default();
    let caps = table.table("caps").map(caps::read).unwrap_or_default();
    let goal = table.table("goal").and_then(goal::read);
    let variants = variant::read(&mut table, &ReadContext { scenario: id, ..context.site });
    table.finish();
    let rest = name.map(|name| {
        let scenario = Scenario {
            id: id.into(),
            name: name.value.clone(),
            priority,
            slot: slot.map(|slot| slot.value.into()),
            schedule,
            caps,
            variants,
            goal,
        };
        (scenario, enabled, name)
    });
    (when, rest)
}

/// `when = '…'` or `when = true`.
fn condition(table: &mut Table<'_, '_>) -> Option<Placed<String>> {
    let Some(value) = table.raw("when") else {
        table.missing("when", "a condition such as 'visitor.visits >= 3', or true");
        return None;
    };
    match value.get_ref() {
        DeValue::String(text) => Some(Placed { value: text.to_string(), span: value.span() }),
        DeValue::Boolean(always) => Some(Placed { value: always.to_string(), span: value.span() }),
        _ => {
            table.mistyped("when", ("a condition in quotes, or true", "'visitor.visits >= 3'"), value);
            None
        }
    }
}
