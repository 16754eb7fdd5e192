//! `$GENERATE`: many records from one line, as BIND has it.
//!
//! Invariant: the number of records is bounded, and the first faulty one ends its directive.

use std::fmt::Write as _;

use super::codes::{self, Code};
use super::context::{Context, Line, TagMarks};
use super::lexer::{Entry, Lexer, Token};
use super::parser::Parser;
use super::report::Fault;
use super::source::shown;

/// Most records of one directive.
const MAX_RECORDS: i64 = 65_536;
/// Most records that all directives of a zone may make.
const MAX_IN_ZONE: usize = 1 << 20;
/// Most octets of text made in one zone: a small file must not fill the memory.
const MAX_OCTETS: usize = 256 << 20;
/// Largest number of a range, and largest offset.
const MAX_NUMBER: i64 = i32::MAX as i64;
/// Largest width of a number.
const MAX_WIDTH: usize = 255;

impl Parser<'_> {
    /// Makes the records of one directive; its tags hold for all of them.
    pub(super) fn generate(
        &mut self,
        line: Line<'_>,
        arguments: &[Token],
        tags: &TagMarks,
        context: &mut Context,
    ) {
        if let Err(fault) = self.try_generate(line, arguments, tags, context) {
            self.fault(context, fault);
        }
    }

    fn try_generate(
        &mut self,
        line: Line<'_>,
        arguments: &[Token],
        tags: &TagMarks,
        context: &mut Context,
    ) -> Result<(), Fault> {
        let (Some((name, _)), [range_token, template @ ..]) = (line.tokens.split_first(), arguments) else {
            let place = line.tokens.first().map_or((0, 1), Token::place);
            return Err(Fault::new(codes::BAD_GENERATE, place, "directive without its range"));
        };
        let (Some(first), Some(last)) = (template.first(), template.last()) else {
            return Err(Fault::new(codes::BAD_GENERATE, name.place(), "directive without an owner"));
        };
        let fault = |code: &'static Code, message: &str| {
            Fault::new(code, range_token.place(), format!("{message}: {}", shown(range_token.of(line.text))))
        };
        let range =
            range(range_token.of(line.text)).ok_or_else(|| fault(codes::BAD_GENERATE, "not a range"))?;
        let count = (range.stop - range.start) / range.step + 1;
        if count > MAX_RECORDS {
            return Err(fault(codes::GENERATE_LIMIT, "more than 65536 records"));
        }
        self.generated = self.generated.saturating_add(count as usize);
        if self.generated > MAX_IN_ZONE {
            return Err(fault(codes::GENERATE_LIMIT, "more than 1048576 records in the zone"));
        }
        let whole = (first.place().0, last.place().1);
        let mut text = Vec::new();
        let mut entry = Entry::default();
        let mut number = range.start;
        while number <= range.stop {
            text.clear();
            for token in template {
                let unquote = unquoted(line.text, template, token);
                if !text.is_empty() {
                    text.push(b' ');
                }
                if token.quoted && !unquote {
                    text.push(b'"');
                }
                substitute(token.of(line.text), number, &mut text).map_err(|(at, message)| {
                    let start = token.start + at as u32;
                    Fault::new(codes::BAD_GENERATE, (start, token.end.max(start + 1)), message)
                })?;
                if token.quoted && !unquote {
                    text.push(b'"');
                }
            }
            let mut lexer = Lexer::new(&text, 0);
            lexer.next(&mut entry);
            if let Some(mut fault) = entry.faults.pop() {
                (fault.start, fault.end) = whole;
                return Err(fault);
            }
            // A tag in there would be lost, and what it was meant to hide be shown.
            if !entry.comments.is_empty() {
                return Err(Fault::new(codes::BAD_GENERATE, whole, "a comment within the text to be made"));
            }
            self.generated_octets = self.generated_octets.saturating_add(text.len());
            if self.generated_octets > MAX_OCTETS {
                return Err(fault(codes::GENERATE_LIMIT, "more than 256 MiB of text in the zone"));
            }
            let made = Line {
                text: &text,
                tokens: &entry.tokens,
                blank_owner: false,
                number: line.number,
                made_at: Some(whole),
            };
            if !self.record(made, tags, context) {
                return Ok(());
            }
            number += range.step;
        }
        Ok(())
    }
}

/// In BIND all data is one string, so that data of several fields stands in quotes; those are not part of it.
/// Types of text keep theirs.
fn unquoted(text: &[u8], template: &[Token], token: &Token) -> bool {
    let [.., rtype, last] = template else { return false };
    let is_data = token.start == last.start && token.quoted;
    const TEXT: [&[u8]; 9] =
        [b"TXT", b"SPF", b"HINFO", b"X25", b"ISDN", b"NINFO", b"AVC", b"RESINFO", b"WALLET"];
    is_data
        && std::str::from_utf8(rtype.of(text)).is_ok_and(|word| word.parse::<crate::wire::RrType>().is_ok())
        && !TEXT.iter().any(|name| rtype.of(text).eq_ignore_ascii_case(name))
}

struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

/// Reads `start-stop[/step]`.
fn range(text: &[u8]) -> Option<Range> {
    let text = std::str::from_utf8(text).ok()?;
    let (text, step) = text.split_once('/').unwrap_or((text, "1"));
    let (start, stop) = text.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok())?.filter(|number| *number <= MAX_NUMBER)
    };
    let range = Range { start: number(start)?, stop: number(stop)?, step: number(step)? };
    (range.start <= range.stop && range.step > 0).then_some(range)
}

/// Appends a template with the number in place of `$`; the error is an offset and what is wrong there.
fn substitute(template: &[u8], number: i64, out: &mut Vec<u8>) -> Result<(), (usize, String)> {
    let mut at = 0;
    while let Some(&byte) = template.get(at) {
        at += 1;
        match (byte, template.get(at)) {
            (b'\\', Some(next)) => {
                out.extend([b'\\', *next]);
                at += 1;
            }
            (b'$', Some(b'$')) => {
                out.extend(b"\\$");
                at += 1;
            }
            (b'$', Some(b'{')) => {
                let rest = &template[at + 1..];
                let open = at - 1;
                let close = rest.iter().position(|byte| *byte == b'}');
                let close = close.ok_or_else(|| (open, "brace that is never closed".to_owned()))?;
                let format = std::str::from_utf8(&rest[..close]).ok().and_then(format);
                let bad = || format!("not ${{offset,width,base}}: ${{{}}}", shown(&rest[..close]));
                let format = format.ok_or_else(|| (open, bad()))?;
                let text =
                    format.write(number).ok_or_else(|| (open, format!("number out of range: {number}")))?;
                out.extend_from_slice(text.as_bytes());
                at += close + 2;
            }
            (b'$', _) => out.extend_from_slice(number.to_string().as_bytes()),
            _ => out.push(byte),
        }
    }
    Ok(())
}

struct Format {
    offset: i64,
    width: usize,
    base: char,
}

/// Reads `offset[,width[,base]]`.
fn format(text: &str) -> Option<Format> {
    let mut parts = text.split(',');
    let offset = parts.next()?.parse::<i64>().ok().filter(|offset| offset.abs() <= MAX_NUMBER)?;
    let width =
        parts.next().map_or(Some(0), |width| width.parse().ok()).filter(|width| *width <= MAX_WIDTH)?;
    let base = parts.next().map_or(Some('d'), |base| base.parse().ok())?;
    let known = matches!(base, 'd' | 'o' | 'x' | 'X' | 'n' | 'N') && parts.next().is_none();
    known.then_some(Format { offset, width, base })
}

impl Format {
    /// Writes a number; only decimal ones may be negative.
    fn write(&self, number: i64) -> Option<String> {
        let (value, width) = (number + self.offset, self.width);
        if value < 0 && self.base != 'd' {
            return None;
        }
        Some(match self.base {
            'o' => format!("{value:0width$o}"),
            'x' => format!("{value:0width$x}"),
            'X' => format!("{value:0width$X}"),
            'n' | 'N' => nibbles(value, width, self.base == 'N'),
            _ => format!("{value:0width$}"),
        })
    }
}

/// Hex digits from the lowest on with dots between them, at least `width` characters, dots included.
fn nibbles(mut value: i64, width: usize, upper: bool) -> String {
    let mut out = String::new();
    loop {
        let digit = value & 15;
        // Writing to a string does not fail.
        let _ = if upper { write!(out, "{digit:X}") } else { write!(out, "{digit:x}") };
        value >>= 4;
        if value == 0 && out.len() >= width {
            return out;
        }
        out.push('.');
        if value == 0 && out.len() >= width {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(template: &str, number: i64) -> Result<String, usize> {
        let mut out = Vec::new();
        substitute(template.as_bytes(), number, &mut out).map_err(|(at, _)| at)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_are_put_in() {
        for (template, wanted) in [
            ("host$", "host26"),
            ("$.$", "26.26"),
            (r"a\$b$$c", r"a\$b\$c26".strip_suffix("26").unwrap()),
            ("${0}", "26"),
            ("${-6,4}", "0020"),
            ("${-27,4,d}", "-001"),
            ("${0,4,x}", "001a"),
            ("${0,0,X}", "1A"),
            ("${1,0,o}", "33"),
            ("${0,0,n}", "a.1"),
            ("${0,7,N}", "A.1.0.0"),
            ("${0,4,n}", "a.1."),
            ("x${0,3}y$z", "x026y26z"),
        ] {
            assert_eq!(made(template, 26).as_deref(), Ok(wanted), "{template}");
        }
        for (template, at) in [
            ("a${0", 1),
            ("${x}", 0),
            ("${0,256}", 0),
            ("${0,1,q}", 0),
            ("${0,1,d,1}", 0),
            ("-${-27,0,x}", 1),
        ] {
            assert_eq!(made(template, 26), Err(at), "{template}");
        }
    }

    #[test]
    fn ranges_are_read() {
        assert!(range(b"1-1").is_some());
        assert!(range(b"0-2147483647/2147483647").is_some());
        for faulty in ["1", "2-1", "1-2/0", "-1-2", "1-2147483648", "1-2/", "a-b", "1-2-3", "+1-2"] {
            assert!(range(faulty.as_bytes()).is_none(), "{faulty}");
        }
    }
}
