//! `[log]` of `gateway.toml`.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least grave level that is logged.
    pub level: tracing::Level,
    /// Its form.
    pub format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `[log]`.
pub static LOG: Section = Section {
    file: super::FILE,
    header: "[log]",
    help: "What is logged to standard error. No personal data is ever in it. Needs a restart.",
    settings: &[
        setting(
            "level",
            "`error`, `warn`, `info`, `debug` or `trace`",
            "\"info\"",
            "The least grave level that is logged.",
        ),
        setting("format", "`json` or `text`", "\"json\"", "One JSON object a line, or lines for people."),
    ],
};

impl Default for Log {
    fn default() -> Self {
        Self { level: tracing::Level::INFO, format: LogFormat::Json }
    }
}

impl Log {
    pub(super) fn read(table: Table<'_, '_>) -> Self {
        use tracing::Level;
        let mut table = table.documented(&LOG);
        let default = Self::default();
        let levels = [
            ("error", Level::ERROR),
            ("warn", Level::WARN),
            ("info", Level::INFO),
            ("debug", Level::DEBUG),
            ("trace", Level::TRACE),
        ];
        let log = Self {
            level: table.choice("level", &levels).map_or(default.level, |found| found.value),
            format: table
                .choice("format", &[("json", LogFormat::Json), ("text", LogFormat::Text)])
                .map_or(default.format, |found| found.value),
        };
        table.finish();
        log
    }
}
