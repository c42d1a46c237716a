//! `[[variant]]`: the arms of a scenario and what they put on the page.

use crate::action::{Action, KINDS, ReadContext};
use crate::config::reader::{Placed, Table, suggest};
use crate::config::settings::{Section, setting};
use crate::rules::names;
use crate::scenario::Variant;
use std::sync::Arc;
use toml::de::DeValue;

/// `[[variant]]`.
pub(crate) static VARIANT: Section = Section {
    file: "scenarios/*.toml",
    header: "[[variant]]",
    help: "One arm of the scenario: `[variant.KIND]` says what it shows, and there may be several kinds in one arm. An arm without \
           any is the control arm, which sees nothing.",
    settings: &[
        setting("name", "text", "", "Its name in results; by default `a`, `b`, … in the order of the file."),
        setting("weight", "whole number", "1", "Its share of visitors relative to the other arms."),
    ],
};

/// More arms than that could never be told apart by their results.
const MAX: usize = 26;

/// Reads all variants of a scenario.
pub(super) fn read(scenario: &mut Table<'_, '_>, context: &ReadContext<'_>) -> Vec<Variant> {
    if !scenario.has("variant") {
        scenario.error(
            "no-variant",
            scenario.span(),
            "the scenario has no `[[variant]]`",
            Some("add `[[variant]]` with what it shows, such as `[variant.html]`".into()),
        );
        return Vec::new();
    }
    let whole = scenario.span_of("variant").unwrap_or_default();
    let tables = scenario.tables("variant");
    if tables.len() > MAX {
        let message = format!("{} variants; the limit is {MAX}", tables.len());
        scenario.error("too-many-variants", whole.clone(), message, Some("split the scenario".into()));
        return Vec::new();
    }
    let mut variants: Vec<Variant> = Vec::with_capacity(tables.len());
    let mut only_control = !tables.is_empty();
    for (table, letter) in tables.into_iter().zip('a'..='z') {
        only_control &= table.keys().all(|(key, _)| is_own(key));
        variants.push(read_one(table, letter, &variants, context));
    }
    if !variants.is_empty() && variants.iter().all(|variant| variant.weight == 0) {
        let help = "give at least one variant a weight above 0".to_owned();
        scenario.error("no-weight", whole, "every variant has weight 0, so nobody would see the scenario", Some(help));
    } else if only_control {
        let help =
            "say what is shown, such as `[variant.html]`; to switch a scenario off, say `enabled = false`".to_owned();
        scenario.warning("nothing-shown", whole, "no variant shows anything", Some(help));
    }
    variants
}

fn read_one(table: Table<'_, '_>, letter: char, earlier: &[Variant], context: &ReadContext<'_>) -> Variant {
    let mut table = table.documented(&VARIANT);
    let given = table.string("name").and_then(|text| names::checked(&table, "variant", text));
    let (name, place) = given.map_or_else(|| (letter.to_string(), table.span()), |text| (text.value, text.span));
    if earlier.iter().any(|variant| *variant.name == *name) {
        let help = "results are told apart by name: rename one".to_owned();
        table.error("duplicate-variant", place, format!("there are two variants `{name}`"), Some(help));
    }
    let name: Arc<str> = name.into();
    let weight = table.integer("weight", 0..=1_000_000);
    if let Some(weight) = weight.as_ref().filter(|weight| weight.value == 0) {
        let help = "give it a weight above 0, or remove it".to_owned();
        table.warning("unreachable-variant", weight.span.clone(), "nobody sees a variant of weight 0", Some(help));
    }
    let actions = actions(&mut table, &ReadContext { variant: &name, ..*context });
    table.finish();
    Variant { name, weight: weight.map_or(1, |weight| weight.value as u32), actions }
}

/// Reads every table in a variant as an action.
fn actions(variant: &mut Table<'_, '_>, context: &ReadContext<'_>) -> Vec<Box<dyn Action>> {
    let mut actions = Vec::new();
    for (key, value) in variant.entries() {
        if is_own(&key.value) {
            continue;
        }
        match (KINDS.iter().find(|kind| kind.name == key.value), value.get_ref()) {
            (Some(kind), DeValue::Table(table)) => {
                variant.allow(kind.name);
                let mut table = variant.child(table, value.span());
                actions.extend((kind.read)(&mut table, context));
                // One that is refused may not have been read to its end.
                kind.fields.iter().for_each(|field| table.allow(field.name));
                table.finish();
            }
            (Some(kind), _) => {
                variant.allow(kind.name);
                let help = format!("write `[variant.{0}]` on a line of its own, and its settings under it", kind.name);
                let message = format!("`{}` is an action, and must be a table", kind.name);
                variant.error("wrong-type", value.span(), message, Some(help));
            }
            (None, value) => unknown(variant, &key, value.is_table()),
        }
    }
    actions
}

/// Whether a key is a setting of the variant itself.
fn is_own(key: &str) -> bool {
    VARIANT.settings.iter().any(|setting| setting.name == key)
}

fn unknown(variant: &mut Table<'_, '_>, key: &Placed<String>, is_table: bool) {
    // A setting of an action that stands beside the action is the slip that is made most often.
    let owner = KINDS.iter().find(|kind| kind.fields.iter().any(|field| field.name == key.value));
    let all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let listed = all.join(", ");
    if let Some(kind) = owner {
        let help = format!("put it under the action that it belongs to, such as `[variant.{}]`", kind.name);
        variant.error(
            "misplaced-key",
            key.span.clone(),
            format!("`{}` is no setting of a variant", key.value),
            Some(help),
        );
    } else if is_table {
        let help = suggest(&key.value, all.into_iter())
            .map_or_else(|| format!("one of: {listed}"), |best| format!("did you mean `{best}`? One of: {listed}"));
        variant.error("unknown-action", key.span.clone(), format!("there is no action `{}`", key.value), Some(help));
    } else {
        return;
    }
    variant.settle(&key.value);
}
