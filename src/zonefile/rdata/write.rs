//! RDATA as text, the way dig shows it.
//!
//! Invariant: total. Octets that do not fit the type, to the last one, are written as RFC 3597 has it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::RrType;
use crate::wire::name::{fmt_wire, name_len};

use super::{ALGORITHMS, CERT_TYPES, Kind, codec, fields, gateway, loc, svcb};

/// RDATA in wire form, read from the front.
pub(super) struct Octets<'r> {
    rest: &'r [u8],
}

impl<'r> Octets<'r> {
    pub(super) fn new(rest: &'r [u8]) -> Octets<'r> {
        Octets { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'r [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn rest(&mut self) -> &'r [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[octet]| octet)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Octets behind a length octet.
    pub(super) fn counted(&mut self) -> Option<&'r [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    /// An uncompressed name.
    pub(super) fn name(&mut self) -> Option<&'r [u8]> {
        self.take(name_len(self.rest).ok()?)
    }
}

/// RDATA in presentation form; `\# length hex` where the type is not known or the octets do not fit it.
pub(in crate::zonefile) fn text(rtype: RrType, rdata: &[u8]) -> String {
    known(rtype, rdata).unwrap_or_else(|| {
        let mut out = format!("\\# {}", rdata.len());
        if !rdata.is_empty() {
            out.push(' ');
            codec::encode_hex_groups(&mut out, rdata);
        }
        out
    })
}

/// The same where the type is known and the octets fit it.
pub(super) fn known(rtype: RrType, rdata: &[u8]) -> Option<String> {
    let mut octets = Octets::new(rdata);
    let mut out = String::with_capacity(rdata.len() * 2 + 8);
    for (_, kind) in fields(rtype)? {
        let before = out.len();
        if before > 0 {
            out.push(' ');
        }
        field(rtype, *kind, rdata, &mut octets, &mut out)?;
        if before > 0 && out.len() == before + 1 {
            // A field that may be absent.
            out.pop();
        }
    }
    octets.is_empty().then_some(out)
}

fn field(rtype: RrType, kind: Kind, rdata: &[u8], octets: &mut Octets<'_>, out: &mut String) -> Option<()> {
    match kind {
        Kind::U8 | Kind::Algorithm => write!(out, "{}", octets.u8()?).ok()?,
        Kind::U16 => write!(out, "{}", octets.u16()?).ok()?,
        Kind::U32 | Kind::Period => write!(out, "{}", octets.u32()?).ok()?,
        Kind::Ip4 => write!(out, "{}", Ipv4Addr::from(octets.array::<4>()?)).ok()?,
        Kind::Ip6 => write!(out, "{}", Ipv6Addr::from(octets.array::<16>()?)).ok()?,
        Kind::Name => fmt_wire(octets.name()?, out).ok()?,
        Kind::Text => quote(out, octets.counted()?),
        Kind::OptionalText => {
            if !octets.is_empty() {
                quote(out, octets.counted()?);
            }
        }
        Kind::Texts => {
            quote(out, octets.counted()?);
            while !octets.is_empty() {
                out.push(' ');
                quote(out, octets.counted()?);
            }
        }
        Kind::Tail => quote(out, octets.rest()),
        Kind::Tag => {
            let tag = octets
                .counted()
                .filter(|tag| !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric))?;
            out.push_str(std::str::from_utf8(tag).ok()?);
        }
        Kind::Hex if !octets.is_empty() => codec::encode_hex_groups(out, octets.rest()),
        Kind::Base64 if !octets.is_empty() => codec::encode_base64_groups(out, octets.rest()),
        Kind::Hex | Kind::Base64 => return None,
        Kind::OptionalBase64 => codec::encode_base64_groups(out, octets.rest()),
        Kind::ShortHex => match octets.counted()? {
            [] => out.push('-'),
            salt => codec::encode_hex(out, salt),
        },
        Kind::ShortBase32 => {
            codec::encode_base32(out, octets.counted().filter(|hash| !hash.is_empty())?);
        }
        Kind::Bitmap => {
            for (index, rtype) in codec::decode_bitmap(octets.rest())?.into_iter().enumerate() {
                let blank = if index > 0 { " " } else { "" };
                write!(out, "{blank}{rtype}").ok()?;
            }
        }
        Kind::Type => write!(out, "{}", RrType(octets.u16()?)).ok()?,
        Kind::CertType => mnemonic(CERT_TYPES, octets.u16()?, out),
        Kind::CertAlgorithm => mnemonic(ALGORITHMS, octets.u8()?.into(), out),
        Kind::Time => codec::encode_time(out, octets.u32()?),
        Kind::Eui48 => hyphenated(out, &octets.array::<6>()?),
        Kind::Eui64 => hyphenated(out, &octets.array::<8>()?),
        Kind::Locator => {
            for group in 0..4 {
                let colon = if group > 0 { ":" } else { "" };
                write!(out, "{colon}{:x}", octets.u16()?).ok()?;
            }
        }
        Kind::Nsap => {
            out.push_str("0x");
            let address = octets.rest();
            if address.is_empty() {
                return None;
            }
            for octet in address {
                write!(out, "{octet:02x}").ok()?;
            }
        }
        Kind::Params => svcb::encode(out, octets.rest())?,
        Kind::Loc => loc::encode(out, octets.rest())?,
        Kind::Prefixes => gateway::encode_prefixes(out, octets)?,
        Kind::RelayType => {
            let octet = octets.u8()?;
            write!(out, "{} {}", octet >> 7, octet & 0x7f).ok()?;
        }
        Kind::Gateway => gateway::encode(gateway::kind(rtype, rdata)?, out, octets)?,
        Kind::Hip => gateway::encode_hip(out, octets)?,
        Kind::Services => gateway::encode_services(out, octets)?,
    }
    Some(())
}

/// Appends the mnemonic of a number, or the number.
fn mnemonic(table: &[(&str, u16)], number: u16, out: &mut String) {
    match table.iter().find(|(_, value)| *value == number) {
        Some((name, _)) => out.push_str(name),
        None => out.push_str(&number.to_string()),
    }
}

fn hyphenated(out: &mut String, octets: &[u8]) {
    for (index, octet) in octets.iter().enumerate() {
        let hyphen = if index > 0 { "-" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(out, "{hyphen}{octet:02x}");
    }
}

/// Appends a string in quotes, with the escapes that it needs there.
pub(super) fn quote(out: &mut String, octets: &[u8]) {
    out.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(octet as char);
            }
            0x20..=0x7e => out.push(octet as char),
            _ => {
                let _ = write!(out, "\\{octet:03}");
            }
        }
    }
    out.push('"');
}
