//! `[goal]`: what counts as success.

use crate::config::reader::{Table, suggest};
use crate::config::settings::{Section, setting};
use crate::facts::pattern::PathPattern;
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
            "",
            "An event by its GA4 name: `purchase`, `add_to_cart`, `select_promotion` (a click on this scenario). Needed unless `page` is \
             given.",
        ),
        setting("page", "path pattern", "", "The view of a page: `/thanks`, `/campaign/**`."),
        setting(
            "within",
            "duration",
            "\"7d\"",
            "How long after it was first delivered (to the control arm: would have been). After that, the next delivery begins a new window; in each, a visitor counts once.",
        ),
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
    let page = table.string("page").and_then(|text| match PathPattern::parse(&text.value) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            table.error("bad-pattern", text.span, error.to_string(), Some("as in `/thanks` or `/campaign/**`".into()));
            None
        }
    });
    let event = if page.is_some() { table.string("event") } else { table.required_string("event") };
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
    if let (Some(event), true) = (&event, page.is_some())
        && event.value != "page_view"
    {
        let help = "a page is a goal by itself: leave `event` away".to_owned();
        table.error("conflict", event.span.clone(), "`page` and this `event` do not go together", Some(help));
    }
    table.finish();
    let event = if page.is_some() { "page_view".to_owned() } else { event?.value };
    Some(Goal { event, page, within })
}
