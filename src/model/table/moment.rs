//! Days and moments to seconds since the epoch.

use toml::value::{Datetime, Offset};

/// Seconds since the epoch of a day's begin in UTC, or of a moment with its offset (RFC 3339). `None` for whatever has
/// no one meaning: a time alone, a moment without an offset, a day that no month has, what lies before the epoch.
pub(super) fn seconds(moment: &Datetime) -> Option<u64> {
    let date = moment.date?;
    let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * 86_400;
    let within = match (moment.time, moment.offset) {
        (None, None) => 0,
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes),
            };
            let clock = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60;
            clock + i64::from(time.second.unwrap_or_default()) - minutes * 60
        }
        _ => return None,
    };
    u64::try_from(midnight + within).ok()
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 on, in the proleptic Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400;
    let of_year: i64 = (1..month).map(|month| days_of(year, month)).sum();
    // 719162 days lie before 1970-01-01 since 0001-01-01.
    before * 365 + leap_days - 719_162 + of_year + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_have_one_meaning() {
        let of = |text: &str| text.parse::<Datetime>().ok().and_then(|moment| seconds(&moment));
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-01-01T00:00:01Z", Some(1)),
            ("2000-02-29", Some(951_782_400)),
            ("2026-12-01", Some(1_796_083_200)),
            ("2026-12-01T12:00:00Z", Some(1_796_126_400)),
            ("2026-12-01T12:00:00+02:00", Some(1_796_119_200)),
            ("2026-12-01 12:00:00.5-00:30", Some(1_796_128_200)),
            ("2100-03-01", Some(4_107_542_400)),
            ("2026-12-01T12:00:00", None),
            ("12:00:00", None),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("1969-12-31", None),
            ("1970-01-01T00:00:00+00:01", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
