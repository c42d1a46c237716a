//! `[schedule]`: when a scenario may run, in the site's time zone.

use super::Context;
use crate::config::reader::{Placed, Table, suggest};
use crate::config::settings::{Section, setting};
use crate::scenario::Schedule;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// `[schedule]`.
pub(crate) static SCHEDULE: Section = Section {
    file: "scenarios/*.toml",
    header: "[schedule]",
    help: "When the scenario may run. What is left out does not limit.",
    settings: &[
        setting(
            "from",
            "date and time",
            "",
            "Not before this. Without offset, in the site's time zone: `2026-11-20T00:00:00`.",
        ),
        setting(
            "until",
            "date and time",
            "",
            "Not from this moment on. A date alone means its midnight, so that day is out.",
        ),
        setting("days", "list of texts", "", "`mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`."),
        setting(
            "hours",
            "text or list of texts",
            "",
            "Such as `\"22:00-03:00\"`, over midnight too; such a night counts to the day that it began on.",
        ),
    ],
};

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>, context: &Context<'_>, enabled: bool) -> Schedule {
    let mut table = table.documented(&SCHEDULE);
    let from = moment(&mut table, "from", context.time_zone);
    let until = moment(&mut table, "until", context.time_zone);
    if let (Some(from), Some(until)) = (&from, &until)
        && from.value >= until.value
    {
        let help = "let `until` be later than `from`".to_owned();
        table.error("schedule-never", until.span.clone(), "the schedule ends before it begins", Some(help));
    } else if let Some(until) = &until
        && until.value <= context.now
        && enabled
    {
        let help = "move `until`, remove the file, or say `enabled = false`".to_owned();
        table.warning(
            "schedule-ended",
            until.span.clone(),
            "the schedule has ended: the scenario does not run any more",
            Some(help),
        );
    }
    let schedule = Schedule {
        from: from.map(|from| from.value),
        until: until.map(|until| until.value),
        days: days(&mut table),
        hours: hours(&mut table),
    };
    table.finish();
    schedule
}

fn moment(table: &mut Table<'_, '_>, key: &'static str, zone: &TimeZone) -> Option<Placed<Timestamp>> {
    let text = table.datetime(key)?;
    let local = || {
        let civil = text.value.parse::<DateTime>().or_else(|_| text.value.parse::<Date>().map(DateTime::from)).ok()?;
        civil.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
    };
    match text.value.parse::<Timestamp>().ok().or_else(local) {
        Some(value) => Some(Placed { value, span: text.span }),
        None => {
            let help = format!("write `{key} = 2026-11-20T00:00:00+09:00`, or without offset for the site's time zone");
            table.error("bad-date", text.span, format!("`{}` is no date and time", text.value), Some(help));
            None
        }
    }
}

fn days(table: &mut Table<'_, '_>) -> Option<u8> {
    let list = table.strings("days")?;
    if list.value.is_empty() {
        let help = "name days, or leave `days` out for every day".to_owned();
        table.error("schedule-never", list.span, "no day is named, so the scenario would never run", Some(help));
        return None;
    }
    let mut days = 0;
    for text in &list.value {
        match DAYS.iter().position(|day| *day == text.value) {
            Some(day) => days |= 1 << day,
            None => {
                let short = text.value.to_ascii_lowercase();
                let help = DAYS
                    .iter()
                    .find(|day| short.starts_with(**day))
                    .copied()
                    .or_else(|| suggest(&short, DAYS.into_iter()));
                let help =
                    help.map_or_else(|| format!("one of: {}", DAYS.join(", ")), |best| format!("write `{best}`"));
                table.error("unknown-day", text.span.clone(), format!("`{}` is no day", text.value), Some(help));
            }
        }
    }
    Some(days)
}

fn hours(table: &mut Table<'_, '_>) -> Vec<(u16, u16)> {
    let mut ranges = Vec::new();
    for text in table.strings("hours").map(|list| list.value).unwrap_or_default() {
        match range(&text.value) {
            Some((start, end)) if start == end => {
                let help = "give another end, or leave `hours` out for the whole day".to_owned();
                table.error(
                    "schedule-never",
                    text.span,
                    format!("`{}` begins and ends at once", text.value),
                    Some(help),
                );
            }
            Some(range) => ranges.push(range),
            None => {
                let help = "write `\"22:00-03:00\"`: hours from 00 to 24 and minutes".to_owned();
                table.error("bad-hours", text.span, format!("`{}` is no range of hours", text.value), Some(help));
            }
        }
    }
    ranges
}

/// `22:00-03:00` → minutes of the day.
fn range(text: &str) -> Option<(u16, u16)> {
    let (start, end) = text.split_once('-')?;
    let (start, end) = (minutes(start.trim())?, minutes(end.trim())?);
    (start < 24 * 60).then_some((start, end))
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits =
        |text: &str| (text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?;
    let (hour, minute): (u16, u16) = (digits(hour)?, digits(minute)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= 24 * 60).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn hours_run_to_midnight_and_over_it() {
        assert_eq!(range("9:30-24:00"), Some((570, 1440)));
        assert_eq!(range("22:00 - 03:00"), Some((1320, 180)));
        for bad in ["", "22-3", "24:00-25:00", "24:00-01:00", "10:60-11:00", "+1:00-2:00", "10:00", "1:00-2:00-3:00"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
