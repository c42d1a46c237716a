//! `[goal]`: what counts as success.

use crate::config::reader::{Table, suggest};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::scenario::Goal;
use std::time::Duration;

/// `[goal]`.
pub(crate) static GOAL: Section = Section {
    file: "scenarios/*.toml",
    header: "[goal]",
    help: "What counts as success of the scenario.",
    settings: &[
        setting(
            "event",
            "text",
            REQUIRED,
            "An event by its GA4 name: `purchase`, `add_to_cart`, `select_promotion` (a click).",
        ),
        setting("within", "duration", "\"7d\"", "How long after it was shown."),
    ],
};

/// GA4's names, to tell a slip from an event of the shop's own.
const KNOWN: &[&str] = &[
    "page_view",
    "view_item",
    "view_item_list",
    "select_item",
    "add_to_cart",
    "remove_from_cart",
    "view_cart",
    "add_to_wishlist",
    "begin_checkout",
    "add_payment_info",
    "add_shipping_info",
    "purchase",
    "refund",
    "view_promotion",
    "select_promotion",
    "dismiss_promotion",
    "search",
    "login",
    "sign_up",
    "generate_lead",
    "share",
];

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> Option<Goal> {
    let mut table = table.documented(&GOAL);
    let event = table.required_string("event");
    let bounds = Duration::from_secs(60)..=Duration::from_secs(400 * 86_400);
    let within = table.duration_within("within", bounds).map_or(Duration::from_secs(7 * 86_400), |found| found.value);
    if let Some(event) = &event
        && !KNOWN.contains(&event.value.as_str())
    {
        let sound = event.value.starts_with(|c: char| c.is_ascii_lowercase())
            && event.value.len() <= 40
            && event.value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let near = suggest(&event.value.to_ascii_lowercase(), KNOWN.iter().copied());
        if !sound {
            let help = near.map_or_else(
                || "use lower-case letters, digits and `_`, as GA4 does: `add_to_cart`".to_owned(),
                |best| format!("did you mean `{best}`?"),
            );
            table.error("bad-event", event.span.clone(), format!("`{}` is no event name", event.value), Some(help));
        } else if let Some(best) = near {
            let help = format!("did you mean `{best}`? An event of your own is better named unlike GA4's");
            table.warning(
                "unknown-event",
                event.span.clone(),
                format!("GA4 knows no event `{}`", event.value),
                Some(help),
            );
        }
    }
    table.finish();
    Some(Goal { event: event?.value, within })
}
