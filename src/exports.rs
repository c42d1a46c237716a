//! What is kept of a site as lines for other programs: events by the names and parameters of GA4, and profiles.
//!
//! Decides what a line says. It reads and writes a page at a time, so that a site of any size fits. Nothing in a line opens
//! anything: a visitor's number is no key, and coupon codes stay where they are.

use crate::event::{Arm, told_name};
use crate::ids::{SiteId, VisitorId};
use crate::store::StoreError;
use crate::store::exports::{Exports, Span, StoredEvent};
use crate::store::profile::Profile;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An object of JSON each.
    Jsonl,
    /// Comma-separated, with a heading.
    Csv,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody takes the lines.
    #[error("it cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Rows that are read at a time.
const PAGE: usize = 1000;

const EVENT_COLUMNS: &[&str] = &[
    "event_timestamp",
    "event_name",
    "user_pseudo_id",
    "page_path",
    "experiment_id",
    "variant_id",
    "promotion_id",
    "creative_name",
    "transaction_id",
    "value",
    "currency",
    "tax",
    "shipping",
    "coupon",
    "search_term",
    "number_of_results",
    "items",
];

const PROFILE_COLUMNS: &[&str] = &[
    "user_pseudo_id",
    "first_seen",
    "last_seen",
    "visits",
    "pageviews",
    "orders",
    "spent",
    "last_order",
    "logged_in",
    "rank",
    "points",
    "gender",
    "birth_date",
    "tags",
    "attributes",
];

/// Writes events, from the oldest on.
///
/// # Errors
/// When the store fails, or nobody takes the lines.
pub async fn events(
    from: &dyn Exports,
    site: &SiteId,
    span: &Span,
    format: Format,
    to: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let mut after = None;
    heading(format, EVENT_COLUMNS, to)?;
    loop {
        let page = from.events(site, span, after, PAGE).await?;
        for event in &page {
            line(format, EVENT_COLUMNS, event_line(event), to)?;
        }
        match page.last().filter(|_| page.len() >= PAGE) {
            Some(last) => after = Some(last.place),
            None => return Ok(to.flush()?),
        }
    }
}

/// Writes profiles.
///
/// # Errors
/// When the store fails, or nobody takes the lines.
pub async fn profiles(
    from: &dyn Exports,
    site: &SiteId,
    span: &Span,
    format: Format,
    to: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let mut after = None;
    heading(format, PROFILE_COLUMNS, to)?;
    loop {
        let page = from.profiles(site, span, after, PAGE).await?;
        for (visitor, profile) in &page {
            let fields = match format {
                Format::Jsonl => profile_line(*visitor, profile),
                Format::Csv => profile_row(*visitor, profile),
            };
            line(format, PROFILE_COLUMNS, fields, to)?;
        }
        match page.last().filter(|_| page.len() >= PAGE) {
            Some((last, _)) => after = Some(*last),
            None => return Ok(to.flush()?),
        }
    }
}

/// An event as JSON for another program: the same as a line, and whose it is.
#[must_use]
pub fn message(site: &SiteId, event: &StoredEvent) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("site".into(), json!(site.as_str()));
    fields.extend(event_line(event));
    fields
}

fn heading(format: Format, columns: &[&str], to: &mut dyn Write) -> io::Result<()> {
    if format == Format::Csv { row(columns.iter().map(|column| (*column).to_owned()), to) } else { Ok(()) }
}

fn line(format: Format, columns: &[&str], mut fields: Map<String, Value>, to: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Jsonl => {
            serde_json::to_writer(&mut *to, &fields)?;
            to.write_all(b"\n")
        }
        Format::Csv => {
            if let Some(Value::Object(parameters)) = fields.remove("event_params") {
                fields.extend(parameters);
            }
            row(columns.iter().map(|column| fields.get(*column).map(cell).unwrap_or_default()), to)
        }
    }
}

fn row(cells: impl Iterator<Item = String>, to: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells)?;
    to.write_all(&writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?)
}

/// A value as a cell. A text that a spreadsheet would take for a formula gets an apostrophe before it: it may be a visitor's.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn event_line(event: &StoredEvent) -> Map<String, Value> {
    let mut parameters = match &event.parameters {
        Some(Value::Object(parameters)) => parameters.clone(),
        _ => Map::new(),
    };
    if let Some(path) = &event.path {
        parameters.insert("page_path".into(), json!(path));
    }
    let name = told_name(&event.name);
    if let Some(Arm { scenario, variant }) = &event.arm {
        let [of, which] = match name {
            "experiment_viewed" | "conversion" => ["experiment_id", "variant_id"],
            _ => ["promotion_id", "creative_name"],
        };
        parameters.insert(of.into(), json!(**scenario));
        parameters.insert(which.into(), json!(**variant));
    }
    let mut line = Map::new();
    line.insert("event_timestamp".into(), json!(event.place.at.saturating_mul(1000)));
    line.insert("event_name".into(), json!(name));
    line.insert("user_pseudo_id".into(), number(event.visitor));
    line.insert("event_params".into(), Value::Object(parameters));
    line
}

/// A profile, but for the hashes in it, which say nothing to anybody.
fn profile_line(visitor: VisitorId, profile: &Profile) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("user_pseudo_id".into(), number(visitor));
    if let Ok(Value::Object(fields)) = serde_json::to_value(profile) {
        line.extend(fields.into_iter().filter(|(name, _)| name != "paths"));
    }
    if let Some(Value::Object(shop)) = line.get_mut("shop") {
        shop.remove("search");
        for order in shop.get_mut("orders").and_then(Value::as_array_mut).into_iter().flatten() {
            *order = json!({ "at": order.get(1), "value": order.get(2) });
        }
    }
    line
}

fn profile_row(visitor: VisitorId, profile: &Profile) -> Map<String, Value> {
    let at = |second: Option<i64>| {
        let found = second.filter(|second| *second > 0).and_then(|second| Timestamp::from_second(second).ok());
        found.map_or(Value::Null, |at| json!(at.to_string()))
    };
    let mut row = Map::new();
    let mut attributes = Map::new();
    for (name, value) in &profile.member.fields {
        let into = if PROFILE_COLUMNS.contains(&name.as_str()) { &mut row } else { &mut attributes };
        into.insert(name.clone(), json!(value));
    }
    let tags: Vec<&str> = profile.tags.iter().map(String::as_str).collect();
    row.extend([
        ("user_pseudo_id".to_owned(), number(visitor)),
        ("first_seen".to_owned(), at(Some(profile.first_seen))),
        ("last_seen".to_owned(), at(Some(profile.session.last_seen))),
        ("visits".to_owned(), json!(profile.visits)),
        ("pageviews".to_owned(), json!(profile.pageviews)),
        ("orders".to_owned(), json!(profile.orders)),
        ("spent".to_owned(), json!(profile.spent)),
        ("last_order".to_owned(), at(profile.last_order)),
        ("logged_in".to_owned(), json!(profile.member.logged_in)),
        ("tags".to_owned(), json!(tags.join(";"))),
        ("attributes".to_owned(), if attributes.is_empty() { Value::Null } else { Value::Object(attributes) }),
    ]);
    row
}

/// A visitor's number, as their own page of privacy shows it.
fn number(visitor: VisitorId) -> Value {
    json!(format!("{:032x}", u128::from_be_bytes(visitor.0)))
}

#[cfg(test)]
mod tests;
