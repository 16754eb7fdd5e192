//! Service parameters of SVCB and HTTPS (RFC 9460).
//!
//! Invariant: on the wire keys ascend strictly and every value fits its key; [`encode`] refuses anything else,
//! so it is the check of both directions.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::codes;
use super::super::lexer::Token;
use super::super::names;
use super::super::report::Fault;
use super::codec;
use super::reader::{Reader, decimal};
use super::write::{Octets, quote};

/// What a value holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Keys that a client must know.
    Keys,
    /// Protocol identifiers, each behind a length octet.
    Alpn,
    /// No value.
    Empty,
    Port,
    Ip4,
    Ip6,
    Base64,
    /// Text.
    Text,
    /// 16-bit numbers.
    Numbers,
    /// Any octets.
    Opaque,
}

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const IPV4HINT: u16 = 4;
const IPV6HINT: u16 = 6;
/// Never to be used (RFC 9460 section 14.3.2).
const INVALID: u16 = 65_535;

/// The keys that have a name.
const KEYS: &[(&str, u16, Shape)] = &[
    ("mandatory", MANDATORY, Shape::Keys),
    ("alpn", ALPN, Shape::Alpn),
    ("no-default-alpn", NO_DEFAULT_ALPN, Shape::Empty),
    ("port", 3, Shape::Port),
    ("ipv4hint", IPV4HINT, Shape::Ip4),
    ("ech", 5, Shape::Base64),
    ("ipv6hint", IPV6HINT, Shape::Ip6),
    ("dohpath", 7, Shape::Text),
    ("ohttp", 8, Shape::Empty),
    ("tls-supported-groups", 9, Shape::Numbers),
];

fn shape(key: u16) -> Shape {
    KEYS.iter().find(|(_, number, _)| *number == key).map_or(Shape::Opaque, |(_, _, shape)| *shape)
}

/// A key by name or as `key123`; the flag tells that the value is to be taken as octets.
fn key_number(text: &str) -> Option<(u16, bool)> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, number, _)) = KEYS.iter().find(|(name, _, _)| *name == lower) {
        return Some((*number, false));
    }
    let digits = lower.strip_prefix("key")?.as_bytes();
    let canonical = digits.len() == 1 || digits.first() != Some(&b'0');
    let number = decimal(digits).filter(|_| canonical).and_then(|number| u16::try_from(number).ok())?;
    (number != INVALID).then_some((number, true))
}

fn put_key(out: &mut String, key: u16) {
    match KEYS.iter().find(|(_, number, _)| *number == key) {
        Some((name, _, _)) => out.push_str(name),
        None => {
            // Writing to a string does not fail.
            let _ = write!(out, "key{key}");
        }
    }
}

struct Param {
    key: u16,
    value: Vec<u8>,
    token: Token,
}

/// Reads all parameters and appends them in the order of their keys.
pub(super) fn decode(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut params: Vec<Param> = Vec::new();
    while reader.peek().is_some() {
        let param = param(reader)?;
        if params.iter().any(|other| other.key == param.key) {
            return Err(reader.fault(codes::BAD_FIELD, param.token, "parameter given twice"));
        }
        params.push(param);
    }
    params.sort_by_key(|param| param.key);
    for param in &params {
        if param.key == MANDATORY {
            let listed = param.value.chunks_exact(2).map(|key| u16::from_be_bytes([key[0], key[1]]));
            if let Some(missing) = listed.into_iter().find(|key| params.iter().all(|param| param.key != *key))
            {
                let mut name = String::new();
                put_key(&mut name, missing);
                let message = format!("mandatory parameter is missing: {name}");
                return Err(Fault::new(codes::BAD_FIELD, param.token.place(), message));
            }
        }
        if param.key == NO_DEFAULT_ALPN && params.iter().all(|param| param.key != ALPN) {
            return Err(reader.fault(codes::BAD_FIELD, param.token, "parameter that needs alpn beside it"));
        }
        let Ok(len) = u16::try_from(param.value.len()) else {
            return Err(reader.fault(
                codes::RDATA_TOO_LONG,
                param.token,
                "parameter of more than 65535 octets",
            ));
        };
        out.extend(param.key.to_be_bytes());
        out.extend(len.to_be_bytes());
        out.extend_from_slice(&param.value);
    }
    Ok(())
}

/// Reads one `key`, `key=value` or `key="value"`.
fn param(reader: &mut Reader<'_>) -> Result<Param, Fault> {
    let (token, text) = reader.plain("parameter")?;
    let equals = text.iter().position(|byte| *byte == b'=');
    let name = &text[..equals.unwrap_or(text.len())];
    let key = std::str::from_utf8(name).ok().and_then(key_number);
    let (key, octets) = key.ok_or_else(|| {
        reader.fault(codes::BAD_FIELD, token, "unknown service parameter").hint(
            "write mandatory, alpn, no-default-alpn, port, ipv4hint, ech, ipv6hint, dohpath, or key123=\"octets\"",
        )
    })?;
    let mut value = Vec::new();
    if let Some(equals) = equals {
        let quoted = reader
            .peek()
            .filter(|next| equals + 1 == text.len() && next.quoted && next.start == token.end + 1);
        if quoted.is_some() {
            reader.string("value", &mut value)?;
        } else {
            let at = equals + 1;
            names::append_string(&mut value, &text[at..])
                .map_err(|from| reader.bad_escape(token, at + from))?;
        }
    }
    let shape = if octets { Shape::Opaque } else { shape(key) };
    let value = wire_value(shape, &value)
        .filter(|value| fits(key, value))
        .ok_or_else(|| reader.bad(token, "value", wanted(self::shape(key))))?;
    Ok(Param { key, value, token })
}

fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Keys => "parameter names between commas, each once",
        Shape::Alpn => "protocol names of 1 to 255 octets between commas",
        Shape::Empty => "left out",
        Shape::Port => "a number from 0 to 65535",
        Shape::Ip4 => "IPv4 addresses between commas",
        Shape::Ip6 => "IPv6 addresses between commas",
        Shape::Base64 => "base64 with its padding",
        Shape::Text => "a text in UTF-8",
        Shape::Numbers => "numbers from 0 to 65535 between commas, each once",
        Shape::Opaque => "at most 65535 octets",
    }
}

/// The octets that a value stands for.
fn wire_value(shape: Shape, text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let words = || std::str::from_utf8(text).ok().map(|text| text.split(','));
    match shape {
        Shape::Keys => {
            let mut keys: Vec<u16> =
                words()?.map(|word| key_number(word).map(|(key, _)| key)).collect::<Option<_>>()?;
            keys.sort_unstable();
            out.extend(keys.into_iter().flat_map(u16::to_be_bytes));
        }
        Shape::Alpn => alpn_value(text, &mut out)?,
        Shape::Port => out.extend(u16::try_from(decimal(text)?).ok()?.to_be_bytes()),
        Shape::Ip4 => {
            for word in words()? {
                out.extend(word.parse::<Ipv4Addr>().ok()?.octets());
            }
        }
        Shape::Ip6 => {
            for word in words()? {
                out.extend(word.parse::<Ipv6Addr>().ok()?.octets());
            }
        }
        Shape::Base64 => codec::decode_base64(&mut out, text)?,
        Shape::Numbers => {
            for word in words()? {
                out.extend(u16::try_from(decimal(word.as_bytes())?).ok()?.to_be_bytes());
            }
        }
        Shape::Empty | Shape::Text | Shape::Opaque => out.extend_from_slice(text),
    }
    Some(out)
}

/// A list between commas, in which `\,` and `\\` stand for a comma and a backslash (RFC 9460 appendix A.1).
fn alpn_value(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut at = out.len();
    out.push(0);
    let mut bytes = text.iter().copied();
    loop {
        let byte = bytes.next();
        if matches!(byte, None | Some(b',')) {
            out[at] = u8::try_from(out.len() - at - 1).ok().filter(|len| *len > 0)?;
        }
        match byte {
            None => return Some(()),
            Some(b',') => {
                at = out.len();
                out.push(0);
            }
            Some(b'\\') => out.push(bytes.next().filter(|byte| matches!(byte, b'\\' | b','))?),
            Some(byte) => out.push(byte),
        }
    }
}

/// Whether octets are a value of the key.
fn fits(key: u16, value: &[u8]) -> bool {
    let ascends = |least: u32| {
        let mut words = value.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
        words.try_fold(least, |least, word| (word >= least).then_some(word + 1)).is_some()
    };
    match shape(key) {
        // `mandatory` does not list itself (RFC 9460 section 8).
        Shape::Keys => !value.is_empty() && value.len().is_multiple_of(2) && ascends(1),
        Shape::Alpn => {
            let mut octets = Octets::new(value);
            while !octets.is_empty() {
                if octets.counted().is_none_or(<[u8]>::is_empty) {
                    return false;
                }
            }
            !value.is_empty()
        }
        Shape::Empty => value.is_empty(),
        Shape::Port => value.len() == 2,
        Shape::Ip4 => !value.is_empty() && value.len().is_multiple_of(4),
        Shape::Ip6 => !value.is_empty() && value.len().is_multiple_of(16),
        Shape::Base64 => !value.is_empty(),
        Shape::Text => !value.is_empty() && std::str::from_utf8(value).is_ok(),
        Shape::Numbers => {
            let mut words: Vec<&[u8]> = value.chunks(2).collect();
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            count > 0 && value.len().is_multiple_of(2) && words.len() == count
        }
        Shape::Opaque => value.len() <= usize::from(u16::MAX),
    }
}

/// The parameters behind priority and target; `None` where they are not well-formed.
fn params(rdata: &[u8]) -> Option<Octets<'_>> {
    let mut octets = Octets::new(rdata);
    octets.u16()?;
    octets.name()?;
    Some(octets)
}

fn next_param<'r>(octets: &mut Octets<'r>) -> Option<(u16, &'r [u8])> {
    let (key, len) = (octets.u16()?, octets.u16()?);
    Some((key, octets.take(len.into())?))
}

/// Whether RDATA of an SVCB or HTTPS has parameters.
pub(in crate::zonefile) fn has_params(rdata: &[u8]) -> bool {
    params(rdata).is_some_and(|octets| !octets.is_empty())
}

/// Whether RDATA of an SVCB or HTTPS has address hints.
pub(in crate::zonefile) fn address_hints(rdata: &[u8]) -> bool {
    let Some(mut octets) = params(rdata) else { return false };
    while let Some((key, _)) = next_param(&mut octets) {
        if matches!(key, IPV4HINT | IPV6HINT) {
            return true;
        }
    }
    false
}

/// Writes parameters; `None` where they are not well-formed.
pub(super) fn encode(out: &mut String, wire: &[u8]) -> Option<()> {
    let mut octets = Octets::new(wire);
    let mut keys: Vec<u16> = Vec::new();
    let mut mandatory: &[u8] = &[];
    while !octets.is_empty() {
        let (key, value) = next_param(&mut octets)?;
        let ascends = keys.last().is_none_or(|last| *last < key);
        if !ascends || key == INVALID || !fits(key, value) {
            return None;
        }
        if key == MANDATORY {
            mandatory = value;
        }
        if !keys.is_empty() {
            out.push(' ');
        }
        keys.push(key);
        put_key(out, key);
        encode_value(out, key, value)?;
    }
    let all = mandatory.chunks_exact(2).all(|key| keys.contains(&u16::from_be_bytes([key[0], key[1]])));
    let alpn = !keys.contains(&NO_DEFAULT_ALPN) || keys.contains(&ALPN);
    (all && alpn).then_some(())
}

fn encode_value(out: &mut String, key: u16, value: &[u8]) -> Option<()> {
    if value.is_empty() {
        return Some(());
    }
    out.push('=');
    let mut comma = "";
    let mut separate = |out: &mut String| {
        out.push_str(comma);
        comma = ",";
    };
    match shape(key) {
        Shape::Keys => {
            for key in value.chunks_exact(2) {
                separate(out);
                put_key(out, u16::from_be_bytes([key[0], key[1]]));
            }
        }
        Shape::Alpn => {
            let mut list = Vec::new();
            let mut octets = Octets::new(value);
            while !octets.is_empty() {
                if !list.is_empty() {
                    list.push(b',');
                }
                for &octet in octets.counted()? {
                    if matches!(octet, b',' | b'\\') {
                        list.push(b'\\');
                    }
                    list.push(octet);
                }
            }
            quote(out, &list);
        }
        Shape::Port => write!(out, "{}", u16::from_be_bytes(value.try_into().ok()?)).ok()?,
        Shape::Ip4 => {
            for address in value.chunks_exact(4) {
                separate(out);
                write!(out, "{}", Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?)).ok()?;
            }
        }
        Shape::Ip6 => {
            for address in value.chunks_exact(16) {
                separate(out);
                write!(out, "{}", Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)).ok()?;
            }
        }
        Shape::Base64 => codec::encode_base64(out, value),
        Shape::Numbers => {
            for number in value.chunks_exact(2) {
                separate(out);
                write!(out, "{}", u16::from_be_bytes([number[0], number[1]])).ok()?;
            }
        }
        Shape::Empty | Shape::Text | Shape::Opaque => quote(out, value),
    }
    Some(())
}
