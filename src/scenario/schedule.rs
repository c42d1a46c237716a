//! Whether a scenario runs at a moment, by the clock on the shop's wall.
//!
//! Days and hours are wall-clock ones, so that a night when clocks change needs no care: an hour that does not exist
//! does not run, and one that comes twice runs twice.

use super::Schedule;
use jiff::Zoned;
use jiff::civil::Weekday;

/// Why a scenario does not run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotScheduled {
    /// It starts later.
    NotYet,
    /// It ended.
    Over,
    /// Not on this day.
    Day,
    /// Not at this hour.
    Hours,
}

impl Schedule {
    /// Whether it runs at `now`, in the site's time zone.
    ///
    /// # Errors
    /// Why it does not.
    pub fn admits(&self, now: &Zoned) -> Result<(), NotScheduled> {
        let moment = now.timestamp();
        if self.from.is_some_and(|from| moment < from) {
            return Err(NotScheduled::NotYet);
        }
        if self.until.is_some_and(|until| moment >= until) {
            return Err(NotScheduled::Over);
        }
        let (today, yesterday) = (self.on(now.weekday()), self.on(now.weekday().previous()));
        if self.hours.is_empty() {
            return if today { Ok(()) } else { Err(NotScheduled::Day) };
        }
        let minute = now.hour() as u16 * 60 + now.minute() as u16;
        let mut reason = NotScheduled::Hours;
        for (start, end) in &self.hours {
            let day = if start < end {
                (*start..*end).contains(&minute).then_some(today)
            } else if minute >= *start {
                Some(today)
            } else {
                // The range began yesterday, and belongs to that day.
                (minute < *end).then_some(yesterday)
            };
            match day {
                Some(true) => return Ok(()),
                Some(false) => reason = NotScheduled::Day,
                None => {}
            }
        }
        Err(reason)
    }

    fn on(&self, day: Weekday) -> bool {
        self.days.is_none_or(|days| days >> day.to_sunday_zero_offset() & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_over_midnight_counts_to_the_day_it_began_on() {
        // Friday only, 22:00–03:00.
        let night = Schedule { days: Some(1 << 5), hours: vec![(22 * 60, 3 * 60)], ..Schedule::default() };
        assert_eq!(night.admits(&at("2026-11-20T22:00:00+09:00[Asia/Tokyo]")), Ok(()));
        assert_eq!(night.admits(&at("2026-11-21T02:59:00+09:00[Asia/Tokyo]")), Ok(()));
        assert_eq!(night.admits(&at("2026-11-21T03:00:00+09:00[Asia/Tokyo]")), Err(NotScheduled::Hours));
        assert_eq!(night.admits(&at("2026-11-21T22:00:00+09:00[Asia/Tokyo]")), Err(NotScheduled::Day));
        assert_eq!(night.admits(&at("2026-11-20T02:00:00+09:00[Asia/Tokyo]")), Err(NotScheduled::Day));
        assert_eq!(night.admits(&at("2026-11-20T12:00:00+09:00[Asia/Tokyo]")), Err(NotScheduled::Hours));
    }

    #[test]
    fn the_end_is_outside_and_midnight_can_be_written_as_24() {
        let from: jiff::Timestamp = "2026-11-20T00:00:00+09:00".parse().unwrap();
        let until: jiff::Timestamp = "2026-12-01T00:00:00+09:00".parse().unwrap();
        let schedule = Schedule { from: Some(from), until: Some(until), hours: vec![(0, 1440)], ..Schedule::default() };
        assert_eq!(schedule.admits(&at("2026-11-19T23:59:59+09:00[Asia/Tokyo]")), Err(NotScheduled::NotYet));
        assert_eq!(schedule.admits(&at("2026-11-20T00:00:00+09:00[Asia/Tokyo]")), Ok(()));
        assert_eq!(schedule.admits(&at("2026-11-30T23:59:59+09:00[Asia/Tokyo]")), Ok(()));
        assert_eq!(schedule.admits(&at("2026-12-01T00:00:00+09:00[Asia/Tokyo]")), Err(NotScheduled::Over));
    }

    #[test]
    fn the_hour_that_comes_twice_runs_twice() {
        let schedule = Schedule { hours: vec![(60, 120)], ..Schedule::default() };
        assert_eq!(schedule.admits(&at("2026-11-01T01:30:00-04:00[America/New_York]")), Ok(()));
        assert_eq!(schedule.admits(&at("2026-11-01T01:30:00-05:00[America/New_York]")), Ok(()));
        assert_eq!(schedule.admits(&at("2026-11-01T02:00:00-05:00[America/New_York]")), Err(NotScheduled::Hours));
    }
}
