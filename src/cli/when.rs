//! Which generation is meant: by its number, or by a time.

use super::moment::{self, Moment};
use crate::control::history::When;

/// What is written instead.
const FORMS: &str = "write a generation as `portolan history` lists them, a time as 2026-11-22T14:02:11Z, or a span as \"2h ago\"";

/// Reads a generation or a time. Nothing is ever taken for the newest.
pub(super) fn parse(text: &str) -> Result<When, String> {
    parse_at(text, Moment::now())
}

fn parse_at(text: &str, now: Moment) -> Result<When, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("it is empty; {FORMS}"));
    }
    if text.bytes().all(|octet| octet.is_ascii_digit()) {
        let generation = text.parse().map_err(|_| format!("no generation has so large a number; {FORMS}"))?;
        return Ok(When::Generation(generation));
    }
    let time = span(text).map_or_else(|| time(text), |span| now.0.checked_sub(span));
    let time = time.ok_or_else(|| format!("it is neither a generation nor a time; {FORMS}"))?;
    if time > now.0 {
        return Err("nothing was served then yet: the time is in the future".to_owned());
    }
    Ok(When::Time(time))
}

/// Seconds of `2h ago`, `1 d 3 h`, `90min ago`.
fn span(text: &str) -> Option<u64> {
    let mut rest = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let (number, behind) = rest.split_at(unit);
        let behind = behind.trim_start();
        let end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let factor = match &behind[..end] {
            "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return None,
        };
        seconds = number.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(seconds)?;
        rest = behind[end..].trim_start();
    }
    (text != "ago").then_some(seconds)
}

/// Seconds since the epoch of a time as RFC 3339 writes it, of which a fraction of a second is left out.
fn time(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut fields = date.split('-');
    let mut field = |len| digits(fields.next()?, len);
    let days = moment::days(field(4)?, field(2)?, field(2)?).filter(|_| fields.next().is_none())?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone);
    let clock = clock.split_once('.').map_or(Some(clock), |(clock, fraction)| {
        (!fraction.is_empty() && fraction.bytes().all(|octet| octet.is_ascii_digit())).then_some(clock)
    })?;
    let mut parts = clock.split(':');
    let mut part = |below| parts.next().and_then(|part| digits(part, 2)).filter(|part| *part < below);
    let second = part(24)? * 3_600 + part(60)? * 60 + part(61)?.min(59);
    if parts.next().is_some() {
        return None;
    }
    let local = days * 86_400 + second;
    if matches!(zone, "Z" | "z") {
        return Some(local);
    }
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let offset = (hours < 24 && minutes < 60).then_some(hours * 3_600 + minutes * 60)?;
    if zone.starts_with('+') { local.checked_sub(offset) } else { local.checked_add(offset) }
}

/// A number of just so many digits.
fn digits(text: &str, len: usize) -> Option<u64> {
    (text.len() == len && text.bytes().all(|octet| octet.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_356_131);

    #[test]
    fn generations_times_and_spans_are_told_apart() {
        for (text, expected) in [
            ("0", When::Generation(0)),
            (" 1795356131 ", When::Generation(1_795_356_131)),
            ("2026-11-22T14:02:11Z", When::Time(NOW.0)),
            ("2026-11-22 14:02:11Z", When::Time(NOW.0)),
            ("2026-11-22t15:02:11.987+01:00", When::Time(NOW.0)),
            ("2026-11-22T08:32:11-05:30", When::Time(NOW.0)),
            ("2000-02-29T00:00:00Z", When::Time(951_782_400)),
            ("2h ago", When::Time(NOW.0 - 7_200)),
            ("2h", When::Time(NOW.0 - 7_200)),
            ("2 h 5 min ago", When::Time(NOW.0 - 7_500)),
            ("1d3h", When::Time(NOW.0 - 97_200)),
            ("90m ago", When::Time(NOW.0 - 5_400)),
            ("1w ago", When::Time(NOW.0 - 604_800)),
            ("0s ago", When::Time(NOW.0)),
        ] {
            assert_eq!(parse_at(text, NOW), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_never_the_newest() {
        for bad in [
            "",
            "  ",
            "ago",
            "latest",
            "-1",
            "+5",
            "2",
            "h ago",
            "2x ago",
            "2h later",
            "18446744073709551616",
            "99999999999999w ago",
            "99999999w ago",
            "2026-11-22",
            "2026-11-22T14:02:11",
            "2026-11-22T14:02Z",
            "2026-13-22T14:02:11Z",
            "2026-02-29T14:02:11Z",
            "2026-11-00T14:02:11Z",
            "2026-11-22T24:02:11Z",
            "2026-11-22T14:02:11+1:00",
            "2026-11-22T14:02:11.Z",
            "2026-11-22T14:02:11ZZ",
            "1969-12-31T23:59:59Z",
            "2026-11-22T14:02:12Z",
            "2026-1é-22T14:02:11Z",
        ] {
            let found = parse_at(bad, NOW);
            assert!(found.is_err() || bad == "2" && found == Ok(When::Generation(2)), "{bad}: {found:?}");
        }
        assert!(parse_at("", NOW).unwrap_err().contains("empty"));
        assert!(parse_at("2026-11-22T14:02:12Z", NOW).unwrap_err().contains("future"));
    }
}
