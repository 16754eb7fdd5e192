//! Addresses as text. Most of what a large zone holds is addresses, and the standard library reads them five times
//! slower.
//!
//! Invariant: the same texts are read, and to the same addresses, as by the standard library.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::codec::hex_digit;

/// Four numbers from 0 to 255, without leading zeros.
pub(super) fn ip4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut at = 0;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let start = at;
        let mut value = 0_u16;
        while let Some(digit) = text.get(at).filter(|digit| digit.is_ascii_digit() && at - start < 3) {
            value = value * 10 + u16::from(digit - b'0');
            at += 1;
        }
        if at == start || (at - start > 1 && text[start] == b'0') {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
    }
    (at == text.len()).then_some(octets.into())
}

/// An IPv6 address (RFC 4291 section 2.2).
pub(super) fn ip6(text: &[u8]) -> Option<Ipv6Addr> {
    groups(text).map(Ipv6Addr::from).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

/// Eight groups of hex digits, or fewer with one `::`; other texts may be addresses as well.
fn groups(text: &[u8]) -> Option<[u16; 8]> {
    let mut groups = [0; 8];
    let mut count = 0;
    let mut gap = None;
    let mut at = 0;
    if text.starts_with(b"::") {
        gap = Some(0);
        at = 2;
    }
    while at < text.len() {
        let start = at;
        let mut value = 0;
        while let Some(digit) = text.get(at).and_then(|digit| hex_digit(*digit)).filter(|_| at - start < 4) {
            value = value << 4 | u16::from(digit);
            at += 1;
        }
        if at == start {
            return None;
        }
        *groups.get_mut(count)? = value;
        count += 1;
        match &text[at..] {
            [] => {}
            [b':', b':', ..] if gap.is_none() => {
                gap = Some(count);
                at += 2;
            }
            [b':', _, ..] => at += 1,
            _ => return None,
        }
    }
    match gap {
        None => (count == 8).then_some(groups),
        // A gap stands for one group at least.
        Some(_) if count == 8 => None,
        Some(gap) => {
            let behind = count - gap;
            groups.copy_within(gap..count, 8 - behind);
            groups[gap..8 - behind].fill(0);
            Some(groups)
        }
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
