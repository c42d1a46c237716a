//! What stands in a cell, read as its column's type.
//!
//! A cell is written as the store keeps it: one way for each value, so that importing it again changes nothing.

use crate::facts::{read_date, read_gender};
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

/// Longest text that is taken, in bytes.
pub(super) const MAX_TEXT: usize = 128;
/// Longest tag, in bytes.
const MAX_TAG: usize = 64;
/// Tags in one cell.
const MAX_TAGS: usize = 64;

/// What a column of attributes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Int,
    Number,
    Bool,
    Date,
    BirthDate,
    Gender,
    Month,
    Age,
}

/// Why a cell is not taken.
pub(super) type Reason = String;

impl Type {
    /// The type that a suffix names.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "int" => Self::Int,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "date" => Self::Date,
            _ => return None,
        })
    }

    /// A cell that is not empty; `None` if it says that nothing is known.
    pub(super) fn read(self, cell: &str, now: Timestamp) -> Result<Option<String>, Reason> {
        let no = |what: &str| format!("{} is {what}", quoted(cell));
        let int = || whole(cell).ok_or_else(|| no("no whole number"));
        let within = |range: std::ops::RangeInclusive<i64>, what: &str| {
            whole(cell).filter(|number| range.contains(number)).ok_or_else(|| no(what))
        };
        Ok(Some(match self {
            Self::Text => text(cell)?.to_owned(),
            Self::Int => int()?.to_string(),
            Self::Number => number(cell).ok_or_else(|| no("no number"))?.to_string(),
            Self::Bool => match cell.to_lowercase().as_str() {
                "true" | "1" | "yes" | "y" | "on" | "はい" | "○" => "true".to_owned(),
                "false" | "0" | "no" | "n" | "off" | "いいえ" | "×" => "false".to_owned(),
                _ => return Err(no("neither true nor false")),
            },
            Self::Date => read_date(cell).ok_or_else(|| no("no date: write it like 2026-11-22"))?.to_string(),
            Self::BirthDate => {
                let date = read_date(cell).ok_or_else(|| no("no date: write it like 1985-04-02"))?;
                let tomorrow = now.to_zoned(TimeZone::UTC).date().tomorrow().unwrap_or(date);
                if date.year() < 1850 || date > tomorrow {
                    return Err(no("nobody's day of birth"));
                }
                date.to_string()
            }
            Self::Gender => match read_gender(cell) {
                Some("other") if !["other", "x", "その他"].contains(&cell.to_lowercase().as_str()) => {
                    return Err(no("no gender: write female, male or other"));
                }
                Some(gender) => gender.to_owned(),
                None => return Ok(None),
            },
            Self::Month => within(1..=12, "no month: write 1 to 12")?.to_string(),
            Self::Age => within(0..=150, "no age")?.to_string(),
        }))
    }
}

/// A text as it is kept.
pub(super) fn text(cell: &str) -> Result<&str, Reason> {
    if cell.len() > MAX_TEXT {
        return Err(format!("{} is longer than {MAX_TEXT} bytes", quoted(cell)));
    }
    if cell.contains(char::is_control) {
        return Err(format!("{} has a line break or another control character", quoted(cell)));
    }
    Ok(cell)
}

/// Tags separated by semicolons; one with a minus before it is taken away.
pub(super) fn tags(cell: &str) -> Result<Vec<(String, bool)>, Reason> {
    let mut tags = Vec::new();
    for tag in cell.split(';').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (tag, has) = tag.strip_prefix('-').map_or((tag, true), |tag| (tag.trim_start(), false));
        if tag.is_empty() || tag.len() > MAX_TAG {
            return Err(format!("{} is no tag: one has 1 to {MAX_TAG} bytes", quoted(tag)));
        }
        tags.push((text(tag)?.to_owned(), has));
    }
    if tags.len() > MAX_TAGS {
        return Err(format!("{} tags: there may be {MAX_TAGS}", tags.len()));
    }
    Ok(tags)
}

/// An amount of money that somebody paid.
pub(super) fn amount(cell: &str) -> Result<f64, Reason> {
    let found = number(cell).ok_or_else(|| format!("{} is no amount: write it like 4200 or 42.50", quoted(cell)))?;
    if (0.0..1e15).contains(&found) { Ok(found) } else { Err(format!("{} is no amount that is paid", quoted(cell))) }
}

/// A code of ISO 4217.
pub(super) fn currency(cell: &str) -> Result<String, Reason> {
    if cell.len() == 3 && cell.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(cell.to_ascii_uppercase());
    }
    Err(format!("{} is no currency: write it like JPY", quoted(cell)))
}

/// A moment; without an offset, by the site's clock; without a time, the day's beginning.
pub(super) fn moment(cell: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, Reason> {
    let civil = || {
        let (day, time) = cell.split_once([' ', 'T']).unwrap_or((cell, "0:00"));
        let mut parts = time.trim().split(':');
        let mut part = || parts.next().unwrap_or("0").parse::<i8>().ok();
        let time = Time::new(part()?, part()?, part()?, 0).ok()?;
        let date = DateTime::from_parts(read_date(day)?, time);
        parts.next().is_none().then(|| date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp()))?
    };
    let found = cell.parse::<Timestamp>().ok().or_else(civil);
    let found = found.ok_or_else(|| format!("{} is no time: write it like 2026-11-22 23:00", quoted(cell)))?;
    let tomorrow = now.as_second() + 86_400;
    if (0..=tomorrow).contains(&found.as_second()) {
        Ok(found)
    } else {
        Err(format!("{} is not a time at which anything was bought", quoted(cell)))
    }
}

/// A whole number, thousands separated or not.
fn whole(cell: &str) -> Option<i64> {
    without_commas(cell).parse().ok()
}

fn number(cell: &str) -> Option<f64> {
    let cell = without_commas(cell);
    // Rust reads `inf`, and `1e999` as that.
    let digits = cell.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    cell.parse().ok().filter(|number: &f64| digits && number.is_finite())
}

fn without_commas(cell: &str) -> std::borrow::Cow<'_, str> {
    if cell.contains(',') { cell.replace(',', "").into() } else { cell.into() }
}

/// A cell as an error shows it: its beginning.
pub(super) fn quoted(cell: &str) -> String {
    let shown: String = cell.chars().take(40).flat_map(char::escape_debug).collect();
    let more = if cell.chars().nth(40).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}
