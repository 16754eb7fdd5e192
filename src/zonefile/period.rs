//! TTLs and other times: seconds, or numbers with units (`1h30m`).
//!
//! Invariant: total, and no sum wraps around.

/// Largest TTL, in seconds (RFC 2181 section 8).
pub(super) const MAX_TTL: u32 = i32::MAX as u32;

/// Seconds of `90`, `1h30m`, `2W`: plain digits, or numbers each with a unit of `w d h m s` in any case. `None`
/// where it is not written so, or is beyond 64 bits.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    let (mut total, mut number, mut digits, mut units) = (0_u64, 0_u64, 0, 0);
    for byte in text {
        let unit = match byte.to_ascii_lowercase() {
            b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                digits += 1;
                continue;
            }
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        if digits == 0 {
            return None;
        }
        total = total.checked_add(number.checked_mul(unit)?)?;
        (number, digits) = (0, 0);
        units += 1;
    }
    match (digits, units) {
        (0, 0) => None,
        (_, 0) => Some(number),
        (0, _) => Some(total),
        // A number without a unit behind others that have one.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("1h30m", Some(5400)),
            ("1W2d3H4M5s", Some(788_645)),
            ("99999999999999999999", None),
            ("9999999999999999999w", None),
            ("", None),
            ("h", None),
            ("1h30", None),
            ("1x", None),
            ("1hh", None),
            ("-1", None),
        ] {
            assert_eq!(parse(text.as_bytes()), seconds, "{text}");
        }
    }
}
