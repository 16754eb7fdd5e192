//! Points in time and spans as people read them. Universal time only: a server's log and its operator need not be in
//! one time zone.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::moment::civil;
use crate::model::utc;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A point in time, in seconds since the epoch; shown as `2026-11-22 14:02:11Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) u64);

impl Moment {
    /// Now, by the clock of the machine.
    pub(super) fn now() -> Moment {
        Moment(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// How long ago this was, in the two largest units that count: `3 s`, `12 min`, `2 h 5 min`, `9 d 4 h`.
    pub(super) fn age(self, now: Moment) -> String {
        // A clock that was set back makes nothing older than now.
        let age = now.0.saturating_sub(self.0);
        let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
            0 => format!("{large} {unit}"),
            _ => format!("{large} {unit} {small} {smaller}"),
        };
        match age {
            0..MINUTE => format!("{age} s"),
            MINUTE..HOUR => format!("{} min", age / MINUTE),
            HOUR..DAY => two(age / HOUR, "h", age % HOUR / MINUTE, "min"),
            _ => two(age / DAY, "d", age % DAY / HOUR, "h"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&utc(self.0))
    }
}

/// The number of days since the epoch of a day in the Gregorian calendar; `None` before the epoch, and for what is no day.
pub(super) fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (from_march, year) =
        if month > 2 { (month - 3, year) } else { (month.checked_add(9)?, year.checked_sub(1)?) };
    let of_year = (153 * from_march.min(11) + 2) / 5 + day.checked_sub(1)?;
    let found = (365 * year + year / 4 - year / 100 + year / 400 + of_year).checked_sub(719_468)?;
    let year = if month > 2 { year } else { year + 1 };
    (civil(found) == (year, month, day)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399, "2000-02-28 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (951_868_800, "2000-03-01 00:00:00Z"),
            (1_795_356_131, "2026-11-22 14:02:11Z"),
            (4_107_542_399, "2100-02-28 23:59:59Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
            (253_402_300_799, "9999-12-31 23:59:59Z"),
        ] {
            assert_eq!(Moment(seconds).to_string(), shown);
            let (year, month, day) = civil(seconds / DAY);
            assert_eq!(days(year, month, day), Some(seconds / DAY));
        }
    }

    #[test]
    fn ages_have_two_units_at_most() {
        let now = Moment(1_000_000_000);
        for (age, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (7_500, "2 h 5 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d"),
            (791_999, "9 d 3 h"),
        ] {
            assert_eq!(Moment(now.0 - age).age(now), shown, "{age}");
        }
        assert_eq!(Moment(now.0 + 5).age(now), "0 s");
    }
}
