//! Addresses as text. Most of what a large zone holds is addresses, and the standard library reads them five times
//! slower.
//!
//! Invariant: the same texts are read, and to the same addresses, as by the standard library.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::codec::hex_digit;

/// Four numbers from 0 to 255, without leading zeros.
pub(super) fn ip4(text: &[u8]) -> Option<Ipv4Addr> {
    /// Most octets that an address takes.
    const MAX: usize = 15;
    /// The least number of so many digits; more of them are too many.
    const LEAST: [u64; 4] = [u64::MAX, 0, 10, 100];
    if text.len() > MAX {
        return None;
    }
    let octet = |value: u64, digits: usize| {
        let octet = u8::try_from(value).ok()?;
        (value >= *LEAST.get(digits)?).then_some(octet)
    };
    let mut octets = [0; 4];
    let (mut index, mut value, mut digits) = (0, 0, 0);
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + u64::from(digit);
            digits += 1;
        } else if byte == b'.' && index < 3 {
            octets[index] = octet(value, digits)?;
            index += 1;
            (value, digits) = (0, 0);
        } else {
            return None;
        }
    }
    octets[index] = octet(value, digits)?;
    (index == 3).then_some(octets.into())
}

/// An IPv6 address (RFC 4291 section 2.2).
pub(super) fn ip6(text: &[u8]) -> Option<Ipv6Addr> {
    groups(text).map(Ipv6Addr::from).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

/// Eight groups of hex digits, or fewer with one `::`; other texts may be addresses as well.
fn groups(text: &[u8]) -> Option<u128> {
    // The groups behind the gap, and those in front of it with their number.
    let (mut bits, mut gap) = (0, None);
    let (mut count, mut value, mut digits) = (0, 0, 0);
    // Colons right before the present octet.
    let mut colons = 0;
    let mut rest = text;
    if let [b':', b':', behind @ ..] = text {
        (gap, colons, rest) = (Some((0, 0)), 2, behind);
    }
    for &byte in rest {
        if let Some(digit) = hex_digit(byte) {
            value = value << 4 | u16::from(digit);
            digits += 1;
            colons = 0;
        } else if byte == b':' && (1..=4).contains(&digits) {
            bits = bits << 16 | u128::from(value);
            count += 1;
            (value, digits, colons) = (0, 0, 1);
        } else if byte == b':' && colons == 1 && gap.is_none() {
            gap = Some((bits, count));
            (bits, colons) = (0, 2);
        } else {
            return None;
        }
    }
    match (digits, colons) {
        (0, 2) => {}
        (1..=4, _) => {
            bits = bits << 16 | u128::from(value);
            count += 1;
        }
        _ => return None,
    }
    match gap {
        None => (count == 8).then_some(bits),
        Some((_, 0)) => (count < 8).then_some(bits),
        // A gap stands for one group at least.
        Some((front, before)) => (count < 8).then(|| front << (16 * (8 - before)) | bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_standard_library_reads_them() {
        let parts = ["", "0", "1", "00", "01", "255", "256", "1000", "ab", "FFFF", "12345", "g", "1.2.3.4"];
        let seps = [":", "::", ".", ":::", ""];
        let mut texts: Vec<String> = Vec::new();
        let mut pick = 1_u32;
        let mut next = |most: usize| {
            pick = pick.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (pick >> 16) as usize % most
        };
        for _ in 0..200_000 {
            let count = next(9) + 1;
            let plain = next(3) > 0;
            let sep = seps[next(if plain { 1 } else { 5 })];
            let mut text = String::new();
            for index in 0..count {
                if index > 0 {
                    text.push_str(if plain && next(6) == 0 { "::" } else { sep });
                }
                text.push_str(parts[if plain { next(4) * 2 + next(3) } else { next(parts.len()) }]);
            }
            texts.push(text.clone());
            texts.push(text.replace(':', "."));
            texts.push(format!("{text}::"));
            texts.push(format!("::{text}"));
        }
        let mut good = 0;
        for text in &texts {
            assert_eq!(ip4(text.as_bytes()), text.parse().ok(), "{text}");
            assert_eq!(ip6(text.as_bytes()), text.parse().ok(), "{text}");
            good +=
                usize::from(groups(text.as_bytes()).is_some()) + usize::from(ip4(text.as_bytes()).is_some());
        }
        assert!(good > 1000, "{good}");
        assert_eq!(ip4(b"1.2.3.\xff"), None);
        assert_eq!(ip6(b"\xff"), None);
    }
}
