//! RDATA from the tokens of a master file.
//!
//! Invariant: a fault leaves nothing in the buffer that is used.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::RrType;

use super::super::codes;
use super::super::period;
use super::super::report::Fault;
use super::super::source::shown;
use super::reader::{Reader, decimal};
use super::{ALGORITHMS, CERT_TYPES, Kind, address, codec, fields, gateway, loc, svcb, write};

/// Longest RDATA: what RDLENGTH can say.
const MAX_RDATA: usize = 65_535;

/// Reads the data of one record into `out`, which is cleared first.
pub(in crate::zonefile) fn read(
    rtype: RrType,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    out.clear();
    if reader.peek().is_some_and(|token| !token.quoted && reader.bytes(token) == b"\\#") {
        return generic(rtype, reader, out);
    }
    let Some(fields) = fields(rtype) else {
        let at = reader.peek().map_or((reader.end, reader.end + 1), |token| token.place());
        return Err(Fault::new(
            codes::BAD_GENERIC_RDATA,
            at,
            format!("no text form for data of type: {rtype}"),
        ));
    };
    for (label, kind) in fields {
        field(rtype, *kind, label, reader, out)?;
    }
    if let Some(token) = reader.peek() {
        return Err(reader.fault(codes::TRAILING_DATA, token, format!("more data than {rtype} takes")));
    }
    if out.len() > MAX_RDATA {
        let first = reader.tokens.first().map_or(reader.end, |token| token.place().0);
        let last = reader.tokens.last().map_or(reader.end, |token| token.place().1);
        let message = format!("data of more than {MAX_RDATA} octets: {}", out.len());
        return Err(Fault::new(codes::RDATA_TOO_LONG, (first, last), message));
    }
    Ok(())
}

/// `\# length hex` (RFC 3597 section 5).
fn generic(rtype: RrType, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let sign = reader.any("\\#")?;
    let (token, digits) = reader.plain("length")?;
    let len = decimal(digits).filter(|len| *len as usize <= MAX_RDATA);
    let len = len.ok_or_else(|| {
        reader.fault(
            codes::BAD_GENERIC_RDATA,
            token,
            format!("length must be a number from 0 to {MAX_RDATA}"),
        )
    })?;
    if len > 0 || reader.peek().is_some() {
        let (place, digits) = reader.joined("hex digits")?;
        if codec::decode_hex(out, &digits).is_none() {
            let message = format!("not pairs of hex digits: {}", shown(&digits));
            return Err(Fault::new(codes::BAD_GENERIC_RDATA, place, message));
        }
    }
    if out.len() != len as usize {
        let message = format!("length is not that of the {} octets given", out.len());
        return Err(reader.fault(codes::BAD_GENERIC_RDATA, token, message));
    }
    if fields(rtype).is_some() && write::known(rtype, out).is_none() {
        let end = reader.tokens.last().map_or(sign.end, |token| token.end);
        let message = format!("octets that are no data of type: {rtype}");
        return Err(Fault::new(codes::BAD_GENERIC_RDATA, (sign.start, end), message));
    }
    Ok(())
}

fn field(
    rtype: RrType,
    kind: Kind,
    label: &str,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    match kind {
        Kind::U8 => out.push(reader.number(label, u8::MAX.into())? as u8),
        Kind::U16 => out.extend_from_slice(&(reader.number(label, u16::MAX.into())? as u16).to_be_bytes()),
        Kind::U32 => out.extend_from_slice(&reader.number(label, u32::MAX)?.to_be_bytes()),
        Kind::Period => {
            let (token, text) = reader.plain(label)?;
            let seconds = period::parse(text).and_then(|seconds| u32::try_from(seconds).ok());
            let seconds =
                seconds.ok_or_else(|| reader.bad(token, label, "seconds, or a time such as 1h30m"))?;
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        Kind::Ip4 => out.extend_from_slice(&ip4(reader, label)?.octets()),
        Kind::Ip6 => out.extend_from_slice(&ip6(reader, label)?.octets()),
        Kind::Name => reader.name(label, out)?,
        Kind::Text => reader.character_string(label, out)?,
        Kind::OptionalText => {
            if reader.peek().is_some() {
                reader.character_string(label, out)?;
            }
        }
        Kind::Texts => {
            reader.character_string(label, out)?;
            while reader.peek().is_some() {
                reader.character_string(label, out)?;
            }
        }
        Kind::Tail => drop(reader.string(label, out)?),
        Kind::Tag => {
            let (token, tag) = reader.plain(label)?;
            let len = u8::try_from(tag.len()).ok().filter(|_| tag.iter().all(u8::is_ascii_alphanumeric));
            out.push(len.ok_or_else(|| reader.bad(token, label, "letters and digits"))?);
            out.extend_from_slice(tag);
        }
        Kind::Hex => reader.encoded(label, out, codec::decode_hex, "pairs of hex digits")?,
        Kind::OptionalBase64 if reader.peek().is_none() => {}
        Kind::Base64 | Kind::OptionalBase64 => {
            reader.encoded(label, out, codec::decode_base64, "base64 with its padding")?;
        }
        Kind::ShortHex | Kind::ShortBase32 => short(kind, label, reader, out)?,
        Kind::Bitmap => {
            let mut types = Vec::new();
            while reader.peek().is_some() {
                types.push(record_type(reader, label)?);
            }
            types.sort_unstable();
            types.dedup();
            codec::encode_bitmap(out, &types);
        }
        Kind::Type => out.extend(record_type(reader, label)?.0.to_be_bytes()),
        Kind::Algorithm | Kind::CertAlgorithm => {
            out.push(reader.mnemonic(label, ALGORITHMS, u8::MAX.into())? as u8)
        }
        Kind::CertType => {
            out.extend((reader.mnemonic(label, CERT_TYPES, u16::MAX.into())? as u16).to_be_bytes())
        }
        Kind::Time => {
            let (token, text) = reader.word(label)?;
            let seconds = if text.len() == 14 { codec::decode_time(text) } else { decimal(text.as_bytes()) };
            let wanted = "a time as YYYYMMDDHHmmSS or seconds since 1970";
            out.extend(seconds.ok_or_else(|| reader.bad(token, label, wanted))?.to_be_bytes());
        }
        Kind::Eui48 => grouped(reader, label, out, "-", 2, 6, "six pairs of hex digits between hyphens")?,
        Kind::Eui64 => grouped(reader, label, out, "-", 2, 8, "eight pairs of hex digits between hyphens")?,
        Kind::Locator => grouped(reader, label, out, ":", 4, 4, "four groups of hex digits between colons")?,
        Kind::Nsap => {
            let (token, text) = reader.word(label)?;
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            let digits: Option<Vec<u8>> =
                digits.map(|digits| digits.bytes().filter(|digit| *digit != b'.').collect());
            digits
                .filter(|digits| !digits.is_empty())
                .and_then(|digits| codec::decode_hex(out, &digits))
                .ok_or_else(|| reader.bad(token, label, "0x and pairs of hex digits"))?;
        }
        Kind::Params => svcb::decode(reader, out)?,
        Kind::Loc => {
            let mut tokens = Vec::new();
            let mut words = Vec::new();
            while reader.peek().is_some() {
                let (token, word) = reader.word(label)?;
                tokens.push(token);
                words.push(word);
            }
            out.extend(loc::decode(&words).map_err(|(at, wanted)| match tokens.get(at) {
                Some(token) => reader.bad(*token, label, wanted),
                None => {
                    let end = tokens.last().map_or(reader.end, |token| token.end);
                    Fault::new(codes::MISSING_FIELD, (end, end + 1), format!("missing field: {wanted}"))
                }
            })?);
        }
        Kind::Prefixes => gateway::decode_prefixes(reader, label, out)?,
        Kind::RelayType => {
            let discovery = reader.number("discovery bit", 1)?;
            out.push((discovery << 7 | reader.number("relay type", 127)?) as u8);
        }
        Kind::Gateway => {
            let kind = gateway::kind(rtype, out).unwrap_or_default();
            gateway::decode(kind, reader, label, out)?;
        }
        Kind::Hip => gateway::decode_hip(reader, out)?,
        Kind::Services => gateway::decode_services(reader, out)?,
    }
    Ok(())
}

/// Takes an IPv4 address.
pub(super) fn ip4(reader: &mut Reader<'_>, label: &str) -> Result<Ipv4Addr, Fault> {
    let (token, text) = reader.plain(label)?;
    address::ip4(text).ok_or_else(|| reader.fault(codes::BAD_ADDRESS, token, "not an IPv4 address"))
}

/// Takes an IPv6 address.
pub(super) fn ip6(reader: &mut Reader<'_>, label: &str) -> Result<Ipv6Addr, Fault> {
    let (token, text) = reader.plain(label)?;
    address::ip6(text).ok_or_else(|| reader.fault(codes::BAD_ADDRESS, token, "not an IPv6 address"))
}

fn record_type(reader: &mut Reader<'_>, label: &str) -> Result<RrType, Fault> {
    let (token, text) = reader.word(label)?;
    text.parse().map_err(|_| reader.bad(token, label, "a record type"))
}

/// Octets behind a length octet, as NSEC3 writes them.
fn short(kind: Kind, label: &str, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (token, text) = reader.plain(label)?;
    let at = out.len();
    out.push(0);
    let read = match kind {
        Kind::ShortHex if text == b"-" => Some(()),
        Kind::ShortHex => codec::decode_hex(out, text),
        _ => codec::decode_base32(out, text),
    };
    let len = read.and_then(|()| u8::try_from(out.len() - at - 1).ok());
    let wanted = if kind == Kind::ShortHex { "pairs of hex digits, or -" } else { "base32hex" };
    out[at] = len.ok_or_else(|| reader.bad(token, label, wanted))?;
    Ok(())
}

/// Groups of exactly or (with colons) at most `digits` hex digits.
fn grouped(
    reader: &mut Reader<'_>,
    label: &str,
    out: &mut Vec<u8>,
    separator: &str,
    digits: usize,
    groups: usize,
    wanted: &str,
) -> Result<(), Fault> {
    let (token, text) = reader.word(label)?;
    let start = out.len();
    let mut count = 0;
    for group in text.split(separator) {
        let exact = digits == 2;
        let fits = !group.is_empty() && group.len() <= digits && (!exact || group.len() == digits);
        let value = u16::from_str_radix(group, 16).ok().filter(|_| fits && !group.starts_with('+'));
        let value = value.ok_or_else(|| reader.bad(token, label, wanted))?;
        let octets = value.to_be_bytes();
        out.extend_from_slice(&octets[2 - digits / 2..]);
        count += 1;
    }
    if count != groups {
        out.truncate(start);
        return Err(reader.bad(token, label, wanted));
    }
    Ok(())
}
