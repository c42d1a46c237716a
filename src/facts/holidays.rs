//! Public holidays of Japan, by law (国民の祝日に関する法律) as it stands since 2007, with its special years.
//!
//! The equinoxes are set by decree each February for the year after; the formula agrees with every decree so far
//! and with astronomy until 2099.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// Whether a day is a public holiday, substitute (振替休日) and citizens' holidays (国民の休日) included.
#[must_use]
pub fn is_public_holiday(day: Date) -> bool {
    is_named(day) || is_substitute(day) || is_between_holidays(day)
}

/// A holiday that the law names.
fn is_named(day: Date) -> bool {
    let (year, month, dom) = (day.year(), day.month(), day.day());
    if let Some(special) = special_year(year, month, dom) {
        return special;
    }
    let monday = |nth: i8| day.weekday() == Weekday::Monday && (dom - 1) / 7 + 1 == nth;
    match month {
        1 => dom == 1 || monday(2),
        2 => dom == 11 || (dom == 23 && year >= 2020),
        3 => dom == equinox(year, 20.8431),
        4 => dom == 29,
        5 => matches!(dom, 3..=5),
        7 => monday(3),
        8 => dom == 11 && year >= 2016,
        9 => monday(3) || dom == equinox(year, 23.2488),
        10 => monday(2),
        11 => matches!(dom, 3 | 23),
        12 => dom == 23 && year <= 2018,
        _ => false,
    }
}

/// Years in which holidays were moved or added: the succession of 2019 and the Olympics of 2020 and 2021.
fn special_year(year: i16, month: i8, dom: i8) -> Option<bool> {
    match (year, month) {
        (2019, 5) => Some(matches!(dom, 1 | 3..=5)),
        (2019, 10) => Some(matches!(dom, 14 | 22)),
        (2020, 7) => Some(matches!(dom, 23 | 24)),
        (2020, 8) => Some(dom == 10),
        (2021, 7) => Some(matches!(dom, 22 | 23)),
        (2021, 8) => Some(dom == 8),
        (2020 | 2021, 10) => Some(false),
        _ => None,
    }
}

/// Day of the month of an equinox, 1980 to 2099.
fn equinox(year: i16, base: f64) -> i8 {
    let since = f64::from(year - 1980);
    (base + 0.242_194 * since - (since / 4.0).floor()).floor() as i8
}

/// Where a holiday falls on a Sunday, the next day that is none is off.
fn is_substitute(day: Date) -> bool {
    let mut before = day;
    while let Ok(previous) = before.checked_sub(1.day()) {
        if !is_named(previous) {
            return false;
        }
        if previous.weekday() == Weekday::Sunday {
            return true;
        }
        before = previous;
    }
    false
}

/// A day between two holidays is off.
fn is_between_holidays(day: Date) -> bool {
    let (Ok(before), Ok(after)) = (day.checked_sub(1.day()), day.checked_add(1.day())) else { return false };
    day.weekday() != Weekday::Sunday && day >= date(1985, 12, 27) && is_named(before) && is_named(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As published by the Cabinet Office (内閣府「国民の祝日」).
    const PUBLISHED: &[(i16, &str)] = &[
        (2015, "1/1 1/12 2/11 3/21 4/29 5/3 5/4 5/5 5/6 7/20 9/21 9/22 9/23 10/12 11/3 11/23 12/23"),
        (
            2019,
            "1/1 1/14 2/11 3/21 4/29 4/30 5/1 5/2 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/23 10/14 10/22 11/3 11/4 11/23",
        ),
        (2020, "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/23 7/24 8/10 9/21 9/22 11/3 11/23"),
        (2021, "1/1 1/11 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/22 7/23 8/8 8/9 9/20 9/23 11/3 11/23"),
        (2023, "1/1 1/2 1/9 2/11 2/23 3/21 4/29 5/3 5/4 5/5 7/17 8/11 9/18 9/23 10/9 11/3 11/23"),
        (2024, "1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/22 9/23 10/14 11/3 11/4 11/23"),
        (2025, "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24"),
        (2026, "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23"),
        (2027, "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23"),
    ];

    #[test]
    fn holidays_are_those_that_were_published() {
        for (year, published) in PUBLISHED {
            let mut found = Vec::new();
            let mut day = date(*year, 1, 1);
            while day.year() == *year {
                if is_public_holiday(day) {
                    found.push(format!("{}/{}", day.month(), day.day()));
                }
                day = day.tomorrow().unwrap();
            }
            assert_eq!(found.join(" "), *published, "{year}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_holidays_and_no_panic() {
        assert!(!is_public_holiday(Date::MIN.saturating_add(40.days())));
        assert!(!is_public_holiday(Date::MAX));
        let _ = is_public_holiday(Date::MIN);
    }
}
