//! LOC: a place on the earth (RFC 1876).
//!
//! Invariant: version 0 only; every wire value within the bounds of the RFC has a text that reads back to it.

use std::fmt::Write as _;

/// The equator and the prime meridian on the wire, in thousandths of a second of arc.
const MIDDLE: u32 = 1 << 31;
/// The lowest altitude, in centimetres below the reference.
const ALTITUDE_BASE: i64 = 10_000_000;
/// Size, horizontal and vertical precision that hold where they are left out: 1 m, 10 km, 10 m.
const DEFAULT_SIZES: [u8; 3] = [0x12, 0x16, 0x13];
/// Length of the RDATA.
const LEN: usize = 16;

/// Reads the fields; the error is the number of the field at fault and what was expected.
pub(super) fn decode(tokens: &[&str]) -> Result<[u8; LEN], (usize, &'static str)> {
    let mut at = 0;
    let latitude =
        angle(tokens, &mut at, 90, ["N", "S"], "latitude as degrees, minutes, seconds and N or S")?;
    let longitude =
        angle(tokens, &mut at, 180, ["E", "W"], "longitude as degrees, minutes, seconds and E or W")?;
    let bad_altitude = (at, "altitude in metres from -100000.00 to 42849672.95");
    let altitude = tokens.get(at).and_then(|text| centimetres(text)).ok_or(bad_altitude)?;
    let altitude = u32::try_from(altitude + ALTITUDE_BASE).map_err(|_| bad_altitude)?;
    at += 1;
    let mut sizes = DEFAULT_SIZES;
    for size in &mut sizes {
        if let Some(text) = tokens.get(at) {
            let bad = (at, "size in metres from 0.00 to 90000000.00");
            *size = centimetres(text).and_then(|value| encode_size(u64::try_from(value).ok()?)).ok_or(bad)?;
            at += 1;
        }
    }
    if at < tokens.len() {
        return Err((at, "nothing after the vertical precision"));
    }
    let mut out = [0; LEN];
    out[1..4].copy_from_slice(&sizes);
    out[4..8].copy_from_slice(&latitude.to_be_bytes());
    out[8..12].copy_from_slice(&longitude.to_be_bytes());
    out[12..].copy_from_slice(&altitude.to_be_bytes());
    Ok(out)
}

fn angle(
    tokens: &[&str],
    at: &mut usize,
    most: u32,
    [positive, negative]: [&str; 2],
    expected: &'static str,
) -> Result<u32, (usize, &'static str)> {
    // Thousandths of a second of arc.
    let mut value = 0;
    for unit in 0..4 {
        let bad = (*at, expected);
        let text = *tokens.get(*at).ok_or(bad)?;
        let signed = if text.eq_ignore_ascii_case(positive) {
            Some(MIDDLE + value)
        } else if text.eq_ignore_ascii_case(negative) {
            Some(MIDDLE - value)
        } else {
            None
        };
        if let Some(value) = signed.filter(|_| unit > 0) {
            *at += 1;
            return Ok(value);
        }
        value += match unit {
            0 => whole(text).filter(|degrees| *degrees <= most).map(|degrees| degrees * 3_600_000),
            1 => whole(text).filter(|minutes| *minutes < 60).map(|minutes| minutes * 60_000),
            2 => fixed(text, 3)
                .and_then(|thousandths| u32::try_from(thousandths).ok())
                .filter(|at| *at < 60_000),
            _ => None,
        }
        .ok_or(bad)?;
        if value > most * 3_600_000 {
            return Err(bad);
        }
        *at += 1;
    }
    Err((*at, expected))
}

fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A decimal number with at most `places` digits behind the point, times 10^`places`.
fn fixed(text: &str, places: u32) -> Option<u64> {
    let (front, behind) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let given = u32::try_from(behind.len()).ok()?;
    if front.is_empty() || front.len() > 9 || given > places || !digits(front) || !digits(behind) {
        return None;
    }
    let behind = if behind.is_empty() { 0 } else { behind.parse::<u64>().ok()? };
    Some(front.parse::<u64>().ok()? * 10_u64.pow(places) + behind * 10_u64.pow(places - given))
}

fn centimetres(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['m', 'M']).unwrap_or(text);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = i64::try_from(fixed(text, 2)?).ok()?;
    Some(if negative { -value } else { value })
}

/// A size in centimetres as mantissa and power of ten; further digits are cut.
fn encode_size(centimetres: u64) -> Option<u8> {
    let (mut mantissa, mut exponent) = (centimetres, 0);
    while mantissa > 9 {
        mantissa /= 10;
        exponent += 1;
    }
    (exponent <= 9).then_some((mantissa as u8) << 4 | exponent)
}

/// Writes RDATA as text; `None` where it is not version 0 or out of bounds.
pub(super) fn encode(out: &mut String, rdata: &[u8]) -> Option<()> {
    let rdata: &[u8; LEN] = rdata.try_into().ok()?;
    let word = |at: usize| u32::from_be_bytes([rdata[at], rdata[at + 1], rdata[at + 2], rdata[at + 3]]);
    if rdata[0] != 0 {
        return None;
    }
    encode_angle(out, word(4), 90, ['N', 'S'])?;
    encode_angle(out, word(8), 180, ['E', 'W'])?;
    let altitude = i64::from(word(12)) - ALTITUDE_BASE;
    let sign = if altitude < 0 { "-" } else { "" };
    let altitude = altitude.unsigned_abs();
    write!(out, "{sign}{}.{:02}m", altitude / 100, altitude % 100).ok()?;
    for size in &rdata[1..4] {
        let (mantissa, exponent) = (u64::from(size >> 4), u32::from(size & 15));
        if mantissa > 9 || exponent > 9 || (mantissa == 0 && exponent > 0) {
            return None;
        }
        let centimetres = mantissa * 10_u64.pow(exponent);
        if exponent >= 2 {
            write!(out, " {}m", centimetres / 100).ok()?;
        } else {
            write!(out, " 0.{centimetres:02}m").ok()?;
        }
    }
    Some(())
}

fn encode_angle(out: &mut String, value: u32, most: u32, [positive, negative]: [char; 2]) -> Option<()> {
    let (sign, value) = if value >= MIDDLE { (positive, value - MIDDLE) } else { (negative, MIDDLE - value) };
    if value > most * 3_600_000 {
        return None;
    }
    let (degrees, minutes) = (value / 3_600_000, value / 60_000 % 60);
    let (seconds, thousandths) = (value / 1000 % 60, value % 1000);
    write!(out, "{degrees} {minutes} {seconds}.{thousandths:03} {sign} ").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> Result<String, (usize, &'static str)> {
        let tokens: Vec<&str> = text.split(' ').collect();
        let mut out = String::new();
        encode(&mut out, &decode(&tokens)?).unwrap();
        Ok(out)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (text, printed) in [
            ("42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m"),
            ("42 21 43.952 N 71 5 6.344 W -24m 1m 200m", "42 21 43.952 N 71 5 6.344 W -24.00m 1m 200m 10m"),
            ("52 14 05 N 00 08 50 E 10m", "52 14 5.000 N 0 8 50.000 E 10.00m 1m 10000m 10m"),
            ("32 7 19 S 116 2 25 E 10m", "32 7 19.000 S 116 2 25.000 E 10.00m 1m 10000m 10m"),
            (
                "90 S 180 w -100000 0 0.05 90000000",
                "90 0 0.000 S 180 0 0.000 W -100000.00m 0.00m 0.05m 90000000m",
            ),
        ] {
            assert_eq!(round(text).as_deref(), Ok(printed));
            assert_eq!(round(printed).as_deref(), Ok(printed));
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for (text, at) in [
            ("91 N 0 E 0", 0),
            ("90 0 0.001 N 0 E 0", 2),
            ("1 60 N 0 E 0", 1),
            ("1 0 60 N 0 E 0", 2),
            ("1 0 0 0 N 0 E 0", 3),
            ("1 E 0 E 0", 1),
            ("1 N 0 E", 4),
            ("1 N 0 E -100001", 4),
            ("1 N 0 E 0 100000000", 5),
            ("1 N 0 E 0 1 1 1 1", 8),
            ("N 0 E 0", 0),
            ("1 N 0 E 4294967296", 4),
        ] {
            assert_eq!(round(text).err().map(|(at, _)| at), Some(at), "{text}");
        }
    }
}
