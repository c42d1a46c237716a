//! `[limits]` of `site.toml`: what one shop may use of what all share.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};
use crate::site::SiteLimits;

/// `[limits]`.
pub(crate) static LIMITS: Section = Section {
    file: "site.toml",
    header: "[limits]",
    help: "What this site may use at once of what all sites share, in place of `max_requests_per_site` and `rewrite_memory_per_site` of \
           `gateway.toml`.",
    settings: &[
        setting("max_requests", "whole number", "", "Requests under way. What comes beyond is answered by 503."),
        setting(
            "rewrite_memory",
            "size",
            "",
            "Memory for rewriting. Where it does not suffice, pages pass as the shop sent them.",
        ),
    ],
};

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> SiteLimits {
    let mut table = table.documented(&LIMITS);
    let limits = SiteLimits {
        max_requests: table.integer("max_requests", 1..=10_000_000).map(|found| found.value as usize),
        rewrite_memory: table.size("rewrite_memory", 0..=1 << 40).map(|found| found.value),
    };
    table.finish();
    limits
}
