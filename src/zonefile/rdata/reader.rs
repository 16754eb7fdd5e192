//! The tokens of a record's data, taken one by one as fields of some kind.
//!
//! Invariant: a fault names the field and stands at the token at fault.

use crate::wire::NameError;

use super::super::codes::{self, Code};
use super::super::lexer::Token;
use super::super::names;
use super::super::report::Fault;
use super::super::source::shown;

/// The tokens of one record's data.
pub(in crate::zonefile) struct Reader<'t> {
    text: &'t [u8],
    pub(super) tokens: &'t [Token],
    at: usize,
    /// Wire name that completes relative names.
    origin: &'t [u8],
    /// Behind the type, where a missing field would stand if there is no token at all.
    pub(super) end: u32,
}

impl<'t> Reader<'t> {
    pub(in crate::zonefile) fn new(
        text: &'t [u8],
        tokens: &'t [Token],
        origin: &'t [u8],
        end: u32,
    ) -> Reader<'t> {
        Reader { text, tokens, at: 0, origin, end }
    }

    /// The next token, without taking it.
    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// The octets of a token.
    pub(super) fn bytes(&self, token: Token) -> &'t [u8] {
        token.of(self.text)
    }

    /// Takes the next token, quoted or not.
    pub(super) fn any(&mut self, label: &str) -> Result<Token, Fault> {
        match self.peek() {
            Some(token) => {
                self.at += 1;
                Ok(token)
            }
            None => Err(self.missing(label)),
        }
    }

    /// Takes the next token, which must not be in quotes.
    #[inline]
    pub(super) fn plain(&mut self, label: &str) -> Result<(Token, &'t [u8]), Fault> {
        match self.peek() {
            Some(token) if !token.quoted => {
                self.at += 1;
                Ok((token, self.bytes(token)))
            }
            Some(token) => Err(self.bad(token, label, "written without quotes")),
            None => Err(self.missing(label)),
        }
    }

    /// The fault of a field behind the last token.
    #[cold]
    fn missing(&self, label: &str) -> Fault {
        let end = self.tokens.last().map_or(self.end, |token| token.place().1);
        Fault::new(codes::MISSING_FIELD, (end, end + 1), format!("missing field: {label}"))
    }

    /// The same as text; what is not UTF-8 fits no field that asks for text.
    pub(super) fn word(&mut self, label: &str) -> Result<(Token, &'t str), Fault> {
        let (token, bytes) = self.plain(label)?;
        Ok((token, std::str::from_utf8(bytes).unwrap_or("\u{fffd}")))
    }

    /// A fault at a token: `label` must be `wanted`.
    #[cold]
    pub(super) fn bad(&self, token: Token, label: &str, wanted: &str) -> Fault {
        self.fault(codes::BAD_FIELD, token, format!("{label} must be {wanted}"))
    }

    /// A fault at a token, whose octets end the message.
    pub(super) fn fault(&self, code: &'static Code, token: Token, message: impl Into<String>) -> Fault {
        let value = shown(self.bytes(token));
        Fault::new(code, token.place(), format!("{}: {value}", message.into()))
    }

    /// Takes a decimal number of at most `most`.
    pub(super) fn number(&mut self, label: &str, most: u32) -> Result<u32, Fault> {
        let (token, digits) = self.plain(label)?;
        decimal(digits)
            .filter(|value| *value <= most)
            .ok_or_else(|| self.bad(token, label, &format!("a number from 0 to {most}")))
    }

    /// Appends the next token as a name.
    pub(super) fn name(&mut self, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (token, text) = self.plain(label)?;
        names::append_name(out, text, self.origin).map_err(|error| self.bad_name(token, error))
    }

    /// The fault of a name that cannot be read.
    fn bad_name(&self, token: Token, error: NameError) -> Fault {
        let code = if error == NameError::BadEscape { codes::BAD_ESCAPE } else { codes::BAD_NAME };
        self.fault(code, token, error.to_string())
    }

    /// Appends the octets of the next token, quoted or not; tells how many.
    pub(super) fn string(&mut self, label: &str, out: &mut Vec<u8>) -> Result<(Token, usize), Fault> {
        let token = self.any(label)?;
        let start = out.len();
        names::append_string(out, self.bytes(token)).map_err(|at| self.bad_escape(token, at))?;
        Ok((token, out.len() - start))
    }

    /// The fault of a backslash `at` octets into a token.
    pub(super) fn bad_escape(&self, token: Token, at: usize) -> Fault {
        let start = token.start + at as u32;
        let end = (start + 4).min(token.end);
        let escape = &self.text[start as usize..end as usize];
        Fault::new(codes::BAD_ESCAPE, (start, end), format!("not an escape: {}", shown(escape)))
    }

    /// Appends a character-string with its length octet (RFC 1035 section 3.3).
    pub(super) fn character_string(&mut self, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let at = out.len();
        out.push(0);
        let (token, len) = self.string(label, out)?;
        let Ok(octet) = u8::try_from(len) else {
            let message = format!("string of more than 255 octets: {len}");
            return Err(Fault::new(codes::STRING_TOO_LONG, token.place(), message));
        };
        out[at] = octet;
        Ok(())
    }

    /// All tokens that are left, put together, with the place of the whole; at least one.
    pub(super) fn joined(&mut self, label: &str) -> Result<((u32, u32), Vec<u8>), Fault> {
        let (first, bytes) = self.plain(label)?;
        let mut digits = bytes.to_vec();
        let mut place = first.place();
        while self.peek().is_some() {
            let (token, bytes) = self.plain(label)?;
            digits.extend_from_slice(bytes);
            place.1 = token.place().1;
        }
        Ok((place, digits))
    }

    /// Appends what is left, written as hex or base64.
    pub(super) fn encoded(
        &mut self,
        label: &str,
        out: &mut Vec<u8>,
        decode: fn(&mut Vec<u8>, &[u8]) -> Option<()>,
        wanted: &str,
    ) -> Result<(), Fault> {
        let (place, digits) = self.joined(label)?;
        decode(out, &digits).ok_or_else(|| {
            Fault::new(codes::BAD_FIELD, place, format!("{label} must be {wanted}: {}", shown(&digits)))
        })
    }

    /// A mnemonic of a table, or a number of at most `most`.
    pub(super) fn mnemonic(&mut self, label: &str, table: &[(&str, u16)], most: u32) -> Result<u32, Fault> {
        let (token, text) = self.word(label)?;
        let known = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known
            .map(|(_, value)| u32::from(*value))
            .or_else(|| decimal(text.as_bytes()).filter(|value| *value <= most))
            .ok_or_else(|| self.bad(token, label, &format!("a known mnemonic or a number from 0 to {most}")))
    }
}

/// A decimal number of 32 bits.
pub(super) fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        value = value * 10 + u64::from(Some(digit.wrapping_sub(b'0')).filter(|digit| *digit < 10)?);
    }
    u32::try_from(value).ok()
}
