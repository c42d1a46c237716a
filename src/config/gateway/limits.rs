//! `[limits]` of `gateway.toml`.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};
use std::time::Duration;

/// What one request, one page or one file may use, and how much may be under way at once.
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
    /// Decoded bytes of a page that are rewritten; what follows is passed on.
    pub max_decoded_page: u64,
    /// Ratio of decoded to coded bytes above which a body counts as a bomb.
    pub max_ratio: u32,
    /// Bytes that the HTML parser may hold back.
    pub parser_memory: u64,
    /// How long a visitor's profile is waited for after the head of the shop's answer.
    pub profile_deadline: Duration,
    /// How long a page waits, at most, for coupon codes and for caps that other machines share.
    pub claim_deadline: Duration,
    /// Scenarios in one site.
    pub max_scenarios_per_site: usize,
    /// Bytes of a rule file.
    pub max_file_size: u64,
    /// Connections of clients.
    pub max_connections: usize,
    /// Connections of one client address; 0 sets no limit.
    pub max_connections_per_client: usize,
    /// Requests under way.
    pub max_requests: usize,
    /// Requests under way of a site that has no limit of its own.
    pub max_requests_per_site: usize,
    /// Bytes for rewriting.
    pub rewrite_memory: u64,
    /// Bytes for rewriting of a site that has no limit of its own.
    pub rewrite_memory_per_site: u64,
    /// Bytes for the products of all sites.
    pub catalogue_memory: u64,
    /// Share of a limit, in hundredths of a percent, from which on what can be done without is left out.
    pub shed_at: u32,
}

/// `[limits]`.
pub static LIMITS: Section = Section {
    file: super::FILE,
    header: "[limits]",
    help: "What one request, one page or one file may use, and how much may be under way at once. Past a limit, a page passes as the \
           shop sent it; only where there is no room for a request at all, it is answered by 503.",
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
        setting(
            "max_decoded_page",
            "size",
            "\"64MiB\"",
            "How much of a page, once decoded, is rewritten; what follows passes as the shop sent it.",
        ),
        setting(
            "max_ratio",
            "whole number",
            "200",
            "Ratio of decoded to coded bytes above which a page that is rewritten counts as a bomb, and is broken off.",
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
        setting(
            "claim_deadline",
            "duration",
            "\"50ms\"",
            "How long a page waits, at most, for coupon codes and for caps that several machines share. What is not granted by then is \
             not shown, and the next best is.",
        ),
        setting("max_scenarios_per_site", "whole number", "10000", "Scenarios in one site."),
        setting("max_file_size", "size", "\"1MiB\"", "Largest rule file or template."),
        setting(
            "max_connections",
            "whole number",
            "20000",
            "Connections of clients. What comes beyond is closed. Never more than three quarters of the files that the process may open.",
        ),
        setting(
            "max_connections_per_client",
            "whole number",
            "0",
            "Connections of one client address, or of one IPv6 network of 64 bits; `0` sets no limit. Trusted proxies have none.",
        ),
        setting(
            "max_requests",
            "whole number",
            "10000",
            "Requests under way. What comes beyond is answered by 503. WebSockets and streams of events count as connections only.",
        ),
        setting(
            "max_requests_per_site",
            "whole number",
            "2500",
            "The same of one site, so that none takes the room of all; a site may have a limit of its own.",
        ),
        setting(
            "rewrite_memory",
            "size",
            "\"512MiB\"",
            "Memory for rewriting, counted by what each page can need. Where it does not suffice, pages pass as the shop sent them.",
        ),
        setting(
            "rewrite_memory_per_site",
            "size",
            "\"128MiB\"",
            "The same of one site; a site may have a limit of its own.",
        ),
        setting(
            "catalogue_memory",
            "size",
            "\"512MiB\"",
            "Memory for what is remembered of the products of all sites. Beyond, a site that learns more forgets what was not seen for \
             the longest time. Needs a restart.",
        ),
        setting(
            "shed_at",
            "percentage",
            "\"80%\"",
            "Share of a limit from which on what can be done without is left out: with so many requests under way, pages pass as the \
             shop sent them; with so many connections, unused ones are not kept.",
        ),
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
            claim_deadline: Duration::from_millis(50),
            max_scenarios_per_site: 10_000,
            max_file_size: 1 << 20,
            max_connections: 20_000,
            max_connections_per_client: 0,
            max_requests: 10_000,
            max_requests_per_site: 2500,
            rewrite_memory: 512 << 20,
            rewrite_memory_per_site: 128 << 20,
            catalogue_memory: 512 << 20,
            shed_at: 8000,
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
            claim_deadline: table.duration("claim_deadline").map_or(default.claim_deadline, |found| found.value),
            max_scenarios_per_site: table
                .integer("max_scenarios_per_site", 1..=100_000)
                .map_or(default.max_scenarios_per_site, |found| found.value as usize),
            max_file_size: table
                .size("max_file_size", 1 << 10..=64 << 20)
                .map_or(default.max_file_size, |found| found.value),
            max_connections: count(&mut table, "max_connections", 1, default.max_connections),
            max_connections_per_client: count(
                &mut table,
                "max_connections_per_client",
                0,
                default.max_connections_per_client,
            ),
            max_requests: count(&mut table, "max_requests", 1, default.max_requests),
            max_requests_per_site: count(&mut table, "max_requests_per_site", 1, default.max_requests_per_site),
            rewrite_memory: table
                .size("rewrite_memory", 0..=1 << 40)
                .map_or(default.rewrite_memory, |found| found.value),
            rewrite_memory_per_site: table
                .size("rewrite_memory_per_site", 0..=1 << 40)
                .map_or(default.rewrite_memory_per_site, |found| found.value),
            catalogue_memory: table
                .size("catalogue_memory", 0..=1 << 40)
                .map_or(default.catalogue_memory, |found| found.value),
            shed_at: table.percentage("shed_at").map_or(default.shed_at, |found| found.value),
        };
        table.finish();
        limits
    }
}

fn count(table: &mut Table<'_, '_>, key: &'static str, least: i64, default: usize) -> usize {
    table.integer(key, least..=10_000_000).map_or(default, |found| found.value as usize)
}

/// A span that a client is waited for: never none, never for ever.
fn waiting(table: &mut Table<'_, '_>, key: &'static str) -> Option<Duration> {
    table.duration_within(key, Duration::from_millis(100)..=Duration::from_secs(24 * 3600)).map(|found| found.value)
}
