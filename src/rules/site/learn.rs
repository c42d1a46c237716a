//! `[learn]` of `site.toml`: which pages are read for what they say.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};
use crate::site::LearnSettings;
use std::time::Duration;

/// `[learn]`.
pub(crate) static LEARN: Section = Section {
    file: "site.toml",
    header: "[learn]",
    help: "Which pages are read for what they say as they pass. Carts, placed orders, searches and account pages always are; others only to the \
           end of their head.",
    settings: &[
        setting("pages", "true or false", "true", "`false`: no page is read."),
        setting(
            "refresh",
            "duration",
            "\"10m\"",
            "How old what is known of a product's or a category's page may grow before the page is read again, whoever asks for it.",
        ),
        setting(
            "abandoned_cart_after",
            "duration",
            "\"1h\"",
            "So long after the last page view a cart with something in it counts as left alone: hooks that want `abandoned_cart` are told.",
        ),
    ],
};

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> LearnSettings {
    let mut table = table.documented(&LEARN);
    let default = LearnSettings::default();
    let bounds = Duration::ZERO..=Duration::from_secs(30 * 86_400);
    let alone = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);
    let alone = table.duration_within("abandoned_cart_after", alone);
    let settings = LearnSettings {
        pages: table.bool("pages").map_or(default.pages, |found| found.value),
        refresh: table.duration_within("refresh", bounds).map_or(default.refresh, |found| found.value),
        abandoned_cart_after: alone.map_or(default.abandoned_cart_after, |found| found.value),
    };
    table.finish();
    settings
}
