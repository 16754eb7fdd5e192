//! Hex, base64, base32hex, type bitmaps and signature times, both ways.
//!
//! Invariant: what an encoder writes its decoder reads to the same octets; decoders refuse anything else that
//! would read to the same octets by chance (wrong padding, bits left over).

use std::fmt::Write as _;

use crate::wire::RrType;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32HEX: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
/// Digits between two blanks in long hex and base64 text, as dig splits them.
const GROUP: usize = 56;

/// The value of a hex digit.
pub(super) fn hex_digit(digit: u8) -> Option<u8> {
    let value = HEX[usize::from(digit)];
    (value < 16).then_some(value)
}

/// The values of hex digits; 16 for what is none.
const HEX: [u8; 256] = {
    let mut values = [16; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

/// Appends octets written as hex; `None` for an odd number of digits or something that is none.
pub(super) fn decode_hex(out: &mut Vec<u8>, digits: &[u8]) -> Option<()> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    for pair in digits.chunks_exact(2) {
        out.push(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?);
    }
    Some(())
}

/// Appends upper case hex without blanks.
pub(super) fn encode_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
}

/// Appends upper case hex in groups.
pub(super) fn encode_hex_groups(out: &mut String, bytes: &[u8]) {
    for (index, group) in bytes.chunks(GROUP / 2).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        encode_hex(out, group);
    }
}

fn base64_value(digit: u8) -> Option<u32> {
    Some(
        match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }
        .into(),
    )
}

/// Appends octets written as base64 with its padding (RFC 4648 section 4).
pub(super) fn decode_base64(out: &mut Vec<u8>, digits: &[u8]) -> Option<()> {
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let count = digits.len() / 4;
    for (index, group) in digits.chunks_exact(4).enumerate() {
        let padding = match group {
            [_, _, b'=', b'='] if index + 1 == count => 2,
            [_, _, _, b'='] if index + 1 == count => 1,
            _ => 0,
        };
        let mut bits = 0;
        for digit in &group[..4 - padding] {
            bits = bits << 6 | base64_value(*digit)?;
        }
        bits <<= 6 * padding;
        let bytes = bits.to_be_bytes();
        let (kept, rest) = bytes[1..].split_at(3 - padding);
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(())
}

/// Appends base64 without blanks.
pub(super) fn encode_base64(out: &mut String, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(padded);
        for digit in 0..4 {
            if digit <= group.len() {
                out.push(BASE64[(bits >> (18 - 6 * digit) & 63) as usize] as char);
            } else {
                out.push('=');
            }
        }
    }
}

/// Appends base64 in groups.
pub(super) fn encode_base64_groups(out: &mut String, bytes: &[u8]) {
    for (index, group) in bytes.chunks(GROUP / 4 * 3).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        encode_base64(out, group);
    }
}

/// Appends octets written as base32hex without padding (RFC 4648 section 7).
pub(super) fn decode_base32(out: &mut Vec<u8>, digits: &[u8]) -> Option<()> {
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        let upper = digit.to_ascii_uppercase();
        let value = BASE32HEX.iter().position(|candidate| *candidate == upper)?;
        bits = bits << 5 | value as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (count < 5 && bits == 0).then_some(())
}

/// Appends base32hex in upper case without padding.
pub(super) fn encode_base32(out: &mut String, bytes: &[u8]) {
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            out.push(BASE32HEX[(bits >> count & 31) as usize] as char);
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        out.push(BASE32HEX[(bits << (5 - count) & 31) as usize] as char);
    }
}

/// Appends the bitmap of a set of types, which must be sorted (RFC 4034 section 4.1.2).
pub(super) fn encode_bitmap(out: &mut Vec<u8>, types: &[RrType]) {
    for window in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
        let mut bits = [0_u8; 32];
        let mut len = 0;
        for rtype in window {
            let low = usize::from(rtype.0 & 0xff);
            bits[low / 8] |= 0x80 >> (low % 8);
            len = len.max(low / 8 + 1);
        }
        out.push((window[0].0 >> 8) as u8);
        out.push(len as u8);
        out.extend_from_slice(&bits[..len]);
    }
}

/// The types of a bitmap in order; `None` where it is not well-formed.
pub(super) fn decode_bitmap(mut bytes: &[u8]) -> Option<Vec<RrType>> {
    let mut types = Vec::new();
    let mut last = None;
    while let [window, len, rest @ ..] = bytes {
        let (bits, rest) = rest.split_at_checked(usize::from(*len))?;
        if last >= Some(*window) || bits.len() > 32 || bits.last().is_none_or(|octet| *octet == 0) {
            return None;
        }
        for (at, octet) in bits.iter().enumerate() {
            for bit in (0..8).filter(|bit| octet & (0x80 >> bit) != 0) {
                types.push(RrType(u16::from(*window) << 8 | (at as u16 * 8 + bit)));
            }
        }
        last = Some(*window);
        bytes = rest;
    }
    bytes.is_empty().then_some(types)
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// Seconds since 1970 modulo 2^32 of `YYYYMMDDHHmmSS` (RFC 4034 section 3.2).
pub(super) fn decode_time(text: &str) -> Option<u32> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let fits = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) as u32)
}

/// Seconds since 1970 as `YYYYMMDDHHmmSS`.
pub(super) fn encode_time(out: &mut String, seconds: u32) {
    let (day, second) = (u64::from(seconds) / 86_400 + 719_468, seconds % 86_400);
    let era_day = day % 146_097;
    let year_of_era = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let day_of_year = era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + day / 146_097 * 400 + u64::from(month <= 2);
    let date = day_of_year - (153 * shifted + 2) / 5 + 1;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // Writing to a string does not fail.
    let _ = write!(out, "{year:04}{month:02}{date:02}{hour:02}{minute:02}{second:02}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_reads_back() {
        let bytes: Vec<u8> = (0..200_u8).map(|byte| byte.wrapping_mul(37)).collect();
        for len in 0..bytes.len() {
            let bytes = &bytes[..len];
            let (mut hex, mut base64, mut base32) = (String::new(), String::new(), String::new());
            encode_hex(&mut hex, bytes);
            encode_base64(&mut base64, bytes);
            encode_base32(&mut base32, bytes);
            let mut out = Vec::new();
            decode_hex(&mut out, hex.as_bytes()).unwrap();
            assert_eq!(out, bytes);
            out.clear();
            decode_base64(&mut out, base64.as_bytes()).unwrap();
            assert_eq!(out, bytes);
            out.clear();
            decode_base32(&mut out, base32.to_ascii_lowercase().as_bytes()).unwrap();
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn known_values() {
        let (mut base64, mut base32) = (String::new(), String::new());
        encode_base64(&mut base64, b"foob");
        encode_base32(&mut base32, b"foob");
        assert_eq!((base64.as_str(), base32.as_str()), ("Zm9vYg==", "CPNMUOG"));
        for faulty in ["Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9*"] {
            assert_eq!(decode_base64(&mut Vec::new(), faulty.as_bytes()), None, "{faulty}");
        }
        assert_eq!(decode_base32(&mut Vec::new(), b"CPNMUOH"), None);
        assert_eq!(decode_base32(&mut Vec::new(), b"C"), None);
        assert_eq!(decode_hex(&mut Vec::new(), b"0g"), None);
        assert_eq!(decode_hex(&mut Vec::new(), b"012"), None);
    }

    #[test]
    fn times_read_back() {
        assert_eq!(decode_time("20030322173103"), Some(1_048_354_263));
        assert_eq!(decode_time("20000229000000"), Some(951_782_400));
        assert_eq!(decode_time("20001301000000"), None);
        for seconds in [0, 951_782_400, 1_048_354_263, 1_709_164_800, u32::MAX] {
            let mut text = String::new();
            encode_time(&mut text, seconds);
            assert_eq!(decode_time(&text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn bitmaps_are_checked() {
        let types = [RrType::A, RrType::MX, RrType::NSEC, RrType(1234)];
        let mut bytes = Vec::new();
        encode_bitmap(&mut bytes, &types);
        assert_eq!(decode_bitmap(&bytes).as_deref(), Some(&types[..]));
        for faulty in [&[0, 0][..], &[0, 1, 0], &[0, 2, 1], &[1, 1, 1, 0, 1, 1], &[0]] {
            assert_eq!(decode_bitmap(faulty), None, "{faulty:?}");
        }
    }
}
