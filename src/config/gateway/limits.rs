//! `[limits]` of `gateway.toml`.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};
use std::time::Duration;

/// What one request, one page or one file may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's head.
    pub max_request_head: u64,
    /// Time in which a request's head must be there, from its first byte.
    pub request_head_timeout: Duration,
    /// Time that a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// Longest silence of a client that sends a body or takes an answer.
    pub client_timeout: Duration,
    /// Bytes a second below which an upload is given up.
    pub min_upload_rate: u64,
    /// Bytes that a page may decode to and still be rewritten.
    pub max_decoded_page: u64,
    /// Ratio of decoded to coded bytes above which a body counts as a bomb.
    pub max_ratio: u32,
    /// Bytes that the HTML parser may hold back.
    pub parser_memory: u64,
    /// How long a visitor's profile is waited for after the head of the shop's answer.
    pub profile_deadline: Duration,
    /// Scenarios in one site.
    pub max_scenarios_per_site: usize,
    /// Bytes of a rule file.
    pub max_file_size: u64,
}

/// `[limits]`.
pub static LIMITS: Section = Section {
    file: super::FILE,
    header: "[limits]",
    help: "What one request, one page or one file may use. Past a limit, a page passes as the shop sent it.",
    settings: &[
        setting("max_request_head", "size", "\"64KiB\"", "Largest request head that is taken."),
        setting(
            "request_head_timeout",
            "duration",
            "\"20s\"",
            "Time in which a request's head must be there, from its first byte; also for the start of HTTP/2.",
        ),
        setting("idle_timeout", "duration", "\"75s\"", "How long a connection may stay open without a request."),
        setting(
            "client_timeout",
            "duration",
            "\"60s\"",
            "Longest silence of a client that sends a body, takes an answer or has a WebSocket open. For answers that are stuck in \
             the network, a change needs a restart.",
        ),
        setting(
            "min_upload_rate",
            "size",
            "\"240B\"",
            "Bytes a second that a client must send of a body on average, once 20 seconds have passed; 0 allows any pace.",
        ),
        setting("max_decoded_page", "size", "\"64MiB\"", "Largest page, once decoded, that is rewritten."),
        setting(
            "max_ratio",
            "whole number",
            "200",
            "Ratio of decoded to coded bytes above which a page counts as a bomb.",
        ),
        setting(
            "parser_memory",
            "size",
            "\"64KiB\"",
            "What the HTML parser may hold back in one page, such as a very long tag.",
        ),
        setting(
            "profile_deadline",
            "duration",
            "\"20ms\"",
            "How long the visitor's history is waited for once the head of the shop's answer is there.",
        ),
        setting("max_scenarios_per_site", "whole number", "10000", "Scenarios in one site."),
        setting("max_file_size", "size", "\"1MiB\"", "Largest rule file or template."),
    ],
};

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_head: 64 << 10,
            request_head_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            client_timeout: Duration::from_secs(60),
            min_upload_rate: 240,
            max_decoded_page: 64 << 20,
            max_ratio: 200,
            parser_memory: 64 << 10,
            profile_deadline: Duration::from_millis(20),
            max_scenarios_per_site: 10_000,
            max_file_size: 1 << 20,
        }
    }
}

impl Limits {
    pub(super) fn read(table: Table<'_, '_>) -> Self {
        let mut table = table.documented(&LIMITS);
        let default = Self::default();
        let limits = Self {
            max_request_head: table
                .size("max_request_head", 1 << 10..=16 << 20)
                .map_or(default.max_request_head, |found| found.value),
            request_head_timeout: waiting(&mut table, "request_head_timeout").unwrap_or(default.request_head_timeout),
            idle_timeout: waiting(&mut table, "idle_timeout").unwrap_or(default.idle_timeout),
            client_timeout: waiting(&mut table, "client_timeout").unwrap_or(default.client_timeout),
            min_upload_rate: table
                .size("min_upload_rate", 0..=1 << 30)
                .map_or(default.min_upload_rate, |found| found.value),
            max_decoded_page: table
                .size("max_decoded_page", 1 << 10..=1 << 40)
                .map_or(default.max_decoded_page, |found| found.value),
            max_ratio: table.integer("max_ratio", 2..=1_000_000).map_or(default.max_ratio, |found| found.value as u32),
            parser_memory: table
                .size("parser_memory", 4 << 10..=1 << 30)
                .map_or(default.parser_memory, |found| found.value),
            profile_deadline: table.duration("profile_deadline").map_or(default.profile_deadline, |found| found.value),
            max_scenarios_per_site: table
                .integer("max_scenarios_per_site", 1..=100_000)
                .map_or(default.max_scenarios_per_site, |found| found.value as usize),
            max_file_size: table
                .size("max_file_size", 1 << 10..=64 << 20)
                .map_or(default.max_file_size, |found| found.value),
        };
        table.finish();
        limits
    }
}

/// A span that a client is waited for: never none, never for ever.
fn waiting(table: &mut Table<'_, '_>, key: &'static str) -> Option<Duration> {
    table.duration_within(key, Duration::from_millis(100)..=Duration::from_secs(24 * 3600)).map(|found| found.value)
}
