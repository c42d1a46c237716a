//! `[caps]`: how often a visitor may see a scenario.

use crate::config::reader::{Table, parse_duration, suggest};
use crate::config::settings::{Section, setting};
use crate::scenario::{Caps, Cooldown};

/// `[caps]`.
pub(crate) static CAPS: Section = Section {
    file: "scenarios/*.toml",
    header: "[caps]",
    help: "How often one visitor may see the scenario. What is left out does not limit.",
    settings: &[
        setting("per_session", "whole number", "", "Times a session."),
        setting("per_visitor", "whole number", "", "Times in all."),
        setting("cooldown", "pages or duration", "", "Rest between two times: `\"2 pages\"`, `\"90s\"`, `\"1d\"`."),
        setting("stop_after", "list of texts", "", "Ends for good after a `click`, a `dismiss` or a `conversion`."),
    ],
};

const STOPS: [&str; 3] = ["click", "dismiss", "conversion"];

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> Caps {
    let mut table = table.documented(&CAPS);
    let per_session = table.integer("per_session", 1..=1_000_000);
    let per_visitor = table.integer("per_visitor", 1..=1_000_000);
    if let (Some(session), Some(visitor)) = (&per_session, &per_visitor)
        && session.value > visitor.value
    {
        let help = format!("`per_visitor = {}` stops it first: lower `per_session`, or leave it out", visitor.value);
        table.warning("cap-without-effect", session.span.clone(), "`per_session` is above `per_visitor`", Some(help));
    }
    let mut caps = Caps {
        per_session: per_session.map(|number| number.value as u32),
        per_visitor: per_visitor.map(|number| number.value as u32),
        cooldown: cooldown(&mut table),
        ..Caps::default()
    };
    for text in table.strings("stop_after").map(|list| list.value).unwrap_or_default() {
        match text.value.as_str() {
            "click" => caps.stop_after_click = true,
            "dismiss" => caps.stop_after_dismiss = true,
            "conversion" => caps.stop_after_conversion = true,
            other => {
                let all = STOPS.join(", ");
                let help = suggest(other, STOPS.into_iter())
                    .map_or_else(|| format!("one of: {all}"), |best| format!("did you mean `{best}`? One of: {all}"));
                table.error("unknown-word", text.span, format!("`{other}` is nothing to stop after"), Some(help));
            }
        }
    }
    table.finish();
    caps
}

fn cooldown(table: &mut Table<'_, '_>) -> Option<Cooldown> {
    let text = table.string("cooldown")?;
    let found = match text.value.strip_suffix("pages").or_else(|| text.value.strip_suffix("page")) {
        Some(number) => number.trim().parse().ok().map(Cooldown::Pages),
        None => parse_duration(&text.value).map(Cooldown::Time),
    };
    if found.is_none() {
        let help =
            "write a number of pages, `\"2 pages\"`, or a span of time: `\"90s\"`, `\"30m\"`, `\"1d\"`".to_owned();
        table.error("bad-cooldown", text.span, format!("`{}` is no rest", text.value), Some(help));
    }
    found
}
