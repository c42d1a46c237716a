//! `[breaker]` of `gateway.toml`.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};
use std::time::Duration;

/// When rewriting is turned off for a site, and how it is turned on again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// Share of failed pages, in hundredths of a percent.
    pub failures: u32,
    /// Least number of pages to judge by.
    pub pages: u32,
    /// How far back pages are looked at.
    pub window: Duration,
    /// How long rewriting stays off before it is tried.
    pub pause: Duration,
    /// Pages that it is tried with.
    pub probes: u32,
    /// Noren's own time on a page from which on the page counts as failed.
    pub slow_page: Duration,
}

/// `[breaker]`.
pub static BREAKER: Section = Section {
    file: super::FILE,
    header: "[breaker]",
    help: "Turns rewriting off for a site where it keeps failing (panics, templates, codecs, slowness of Noren's own; never for what the \
           shop sends), and on again by itself. Meanwhile the site's pages pass as the shop sent them. New rules of the site are \
           tried at once; `enabled = false` in `site.toml` turns rewriting off for good.",
    settings: &[
        setting(
            "failures",
            "percentage",
            "\"25%\"",
            "Share of the pages to be rewritten that must fail for rewriting to be turned off.",
        ),
        setting("pages", "whole number", "20", "Least number of pages within the window to judge by."),
        setting("window", "duration", "\"30s\"", "How far back pages are looked at."),
        setting(
            "pause",
            "duration",
            "\"30s\"",
            "How long rewriting stays off before it is tried again; twice as long after each trial that fails, up to 16 times.",
        ),
        setting("probes", "whole number", "5", "Pages that it is tried with; all must succeed."),
        setting(
            "slow_page",
            "duration",
            "\"500ms\"",
            "A page that costs Noren's own work so much time, waiting for shop and client aside, counts as failed.",
        ),
    ],
};

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 2500,
            pages: 20,
            window: Duration::from_secs(30),
            pause: Duration::from_secs(30),
            probes: 5,
            slow_page: Duration::from_millis(500),
        }
    }
}

impl Breaker {
    pub(super) fn read(table: Table<'_, '_>) -> Self {
        let mut table = table.documented(&BREAKER);
        let default = Self::default();
        let span = Duration::from_millis(100)..=Duration::from_secs(86_400);
        let read = Self {
            failures: table.percentage("failures").map_or(default.failures, |found| found.value.max(1)),
            pages: table.integer("pages", 1..=1_000_000).map_or(default.pages, |found| found.value as u32),
            window: table.duration_within("window", span.clone()).map_or(default.window, |found| found.value),
            pause: table.duration_within("pause", span).map_or(default.pause, |found| found.value),
            probes: table.integer("probes", 1..=1000).map_or(default.probes, |found| found.value as u32),
            slow_page: table.duration("slow_page").map_or(default.slow_page, |found| found.value),
        };
        table.finish();
        read
    }
}
