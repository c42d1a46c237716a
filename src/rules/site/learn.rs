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
    ],
};

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> LearnSettings {
    let mut table = table.documented(&LEARN);
    let default = LearnSettings::default();
    let bounds = Duration::ZERO..=Duration::from_secs(30 * 86_400);
    let settings = LearnSettings {
        pages: table.bool("pages").map_or(default.pages, |found| found.value),
        refresh: table.duration_within("refresh", bounds).map_or(default.refresh, |found| found.value),
    };
    table.finish();
    settings
}
