//! What is answered to an import: its rows in numbers, those that were not taken by name, and why it ended early if it did.

use super::Answer;
use crate::imports::{BadRow, Counts, Kind};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use std::io::ErrorKind;

/// Bad rows, and columns that are not read, that are named.
const NAMED: usize = 100;
/// Longest words of another's that an answer repeats, in characters.
const LONGEST: usize = 300;

/// How the sending of a file ended, where it did so early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing came for too long, or too little.
    Late,
    /// More came than may.
    TooLarge,
    /// The sender left, or did not keep to the protocol.
    BrokenOff,
}

impl Ended {
    /// As a feed is told.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Late => ErrorKind::TimedOut,
            Self::TooLarge => ErrorKind::FileTooLarge,
            Self::BrokenOff => ErrorKind::UnexpectedEof,
        }
    }
}

/// Why an import did not come to its end, or did not begin.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    words: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What the log says, where the sender need not know it.
    inside: Option<String>,
}

impl Problem {
    pub(super) fn new(status: u16, words: &str) -> Self {
        Self { status, words: shortened(words), headers: Vec::new(), inside: None }
    }

    pub(super) fn store(reason: String) -> Self {
        let words = "the store does not take rows at present: send the file again later";
        let problem = Self { inside: Some(reason), ..Self::new(503, words) };
        problem.with(RETRY_AFTER, HeaderValue::from_static("30"))
    }

    pub(super) fn of_feed(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::TimedOut => Self::new(408, "the file did not come to its end in time"),
            ErrorKind::FileTooLarge => Self::new(413, "the file is larger than `max_size` in `[imports]`"),
            _ => Self::new(400, "the file was broken off"),
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// What the log says of it, if it is no fault of the sender's.
    pub(super) fn of_ours(&self) -> Option<&str> {
        (self.status >= 500).then(|| self.inside.as_deref().unwrap_or(&self.words))
    }
}

/// What became of a file so far.
pub(super) struct Outcome {
    kind: Kind,
    dry_run: bool,
    pub(super) counts: Counts,
    named: Vec<BadRow>,
    bad: usize,
    ignored: Vec<String>,
}

impl Outcome {
    pub(super) fn new(kind: Kind, dry_run: bool) -> Self {
        Self { kind, dry_run, counts: Counts::default(), named: Vec::new(), bad: 0, ignored: Vec::new() }
    }

    pub(super) fn bad(&mut self, rows: Vec<BadRow>) {
        self.bad += rows.len();
        let room = NAMED.saturating_sub(self.named.len());
        self.named.extend(rows.into_iter().take(room));
    }

    pub(super) fn ignored(&mut self, columns: &[String]) {
        self.ignored = columns.iter().take(NAMED).map(|column| shortened(column)).collect();
    }

    /// Rows by what became of them.
    pub(super) fn counts(&self) -> [(&'static str, usize); 4] {
        let Counts { new, changed, same } = self.counts;
        [("new", new), ("changed", changed), ("same", same), ("bad", self.bad)]
    }

    /// The answer to a file that was read to its end, or to where a problem was.
    pub(super) fn answer(self, problem: Option<Problem>) -> Answer {
        let rows: Vec<Value> = self
            .named
            .iter()
            .map(|row| json!({ "line": row.line, "column": row.column, "reason": row.reason }))
            .collect();
        let mut said = Map::new();
        let mut say = |what: &str, value: Value| said.insert(what.to_owned(), value);
        say("import", name(self.kind).into());
        say("dry_run", self.dry_run.into());
        say("complete", problem.is_none().into());
        for (result, count) in self.counts() {
            say(result, count.into());
        }
        say("bad_rows", rows.into());
        say("more_bad_rows", (self.bad - self.named.len()).into());
        say("ignored_columns", self.ignored.into());
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (http::header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut status = StatusCode::OK;
        if let Some(problem) = problem {
            say("error", problem.words.into());
            headers.extend(problem.headers);
            status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Answer { status, headers, body: Bytes::from(format!("{:#}\n", Value::from(said))) }
    }
}

/// The name of a kind of file, as in its path.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Customers => "customers",
        Kind::Orders => "orders",
        Kind::Segments => "segments",
    }
}

fn shortened(words: &str) -> String {
    let mut text: String = words.chars().take(LONGEST).collect();
    if text.len() < words.len() {
        text.push('…');
    }
    text
}
