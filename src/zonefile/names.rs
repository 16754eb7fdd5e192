//! Tokens to names and to strings: escapes, `@`, completion with the origin (RFC 1035 section 5.1).
//!
//! Invariant: what is appended is a whole well-formed wire name, or the buffer is to be thrown away.

use crate::wire::{MAX_LABEL, MAX_NAME, NameError};

/// The octet that an escape at `text[at]` (behind the backslash) stands for, and where reading goes on.
pub(super) fn escape(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let first = *text.get(at)?;
    if !first.is_ascii_digit() {
        return Some((first, at + 1));
    }
    let digits = text.get(at..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let value = digits.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some((u8::try_from(value).ok()?, at + 3))
}

/// Appends the octets of a string, its escapes resolved; the error is the offset of the bad escape.
pub(super) fn append_string(out: &mut Vec<u8>, text: &[u8]) -> Result<(), usize> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' {
            let (octet, next) = escape(text, at + 1).ok_or(at)?;
            out.push(octet);
            at = next;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    Ok(())
}

/// Appends a name in wire form; one without final dot is completed with the wire name `origin`.
pub(super) fn append_name(out: &mut Vec<u8>, text: &[u8], origin: &[u8]) -> Result<(), NameError> {
    if text == b"@" {
        out.extend_from_slice(origin);
        return Ok(());
    }
    if text == b"." {
        out.push(0);
        return Ok(());
    }
    let start = out.len();
    let mut label_at = start;
    out.push(0);
    // A relative name is one label nearly always.
    out.reserve(text.len() + origin.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'.' => {
                close_label(out, label_at)?;
                label_at = out.len();
                out.push(0);
            }
            b'\\' => {
                let (octet, next) = escape(text, at).ok_or(NameError::BadEscape)?;
                out.push(octet);
                at = next;
            }
            _ => out.push(byte),
        }
    }
    // An open label that holds nothing is the root label: the last dot was not escaped and ended the name.
    if out.len() - label_at > 1 || label_at == start {
        close_label(out, label_at)?;
        out.extend_from_slice(origin);
    }
    if out.len() - start > MAX_NAME { Err(NameError::NameTooLong) } else { Ok(()) }
}

fn close_label(out: &mut [u8], at: usize) -> Result<(), NameError> {
    match out.len() - at - 1 {
        0 => Err(NameError::EmptyLabel),
        len if len > MAX_LABEL => Err(NameError::LabelTooLong),
        len => {
            out[at] = len as u8;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    #[test]
    fn names_are_read_as_wire_reads_them() {
        let origin = Name::parse("example.com.", None).unwrap();
        for text in [
            "www",
            "a.b",
            "x.",
            r"a\.b.",
            r"a\.b",
            r"\065\255.",
            "*",
            ".",
            "a..b",
            ".a",
            "",
            r"a\25",
            r"a\256",
            "a\\",
            r"a\.",
            "a.",
            "..",
        ] {
            let mut out = vec![9];
            let read = append_name(&mut out, text.as_bytes(), origin.as_wire());
            let wanted = Name::parse(text, Some(&origin));
            match (read, wanted) {
                (Ok(()), Ok(name)) => assert_eq!(&out[1..], name.as_wire(), "{text}"),
                (read, wanted) => assert_eq!(read.err(), wanted.err(), "{text}"),
            }
        }
    }

    #[test]
    fn the_sign_for_the_origin_can_be_escaped() {
        let mut out = Vec::new();
        assert_eq!(append_name(&mut out, b"@", b"\x01x\x00"), Ok(()));
        assert_eq!(append_name(&mut out, b"\\@.", b"\x01x\x00"), Ok(()));
        assert_eq!(out, b"\x01x\x00\x01@\x00");
    }

    #[test]
    fn bad_escapes_are_placed() {
        assert_eq!(append_string(&mut Vec::new(), br"ab\300"), Err(2));
        assert_eq!(append_string(&mut Vec::new(), br"ab\0"), Err(2));
        let mut out = Vec::new();
        assert_eq!(append_string(&mut out, br#"a\"\\\0659"#), Ok(()));
        assert_eq!(out, b"a\"\\A9");
    }
}
