//! Fields that are lists or depend on each other: gateways, HIP, address prefixes, WKS.
//!
//! Invariant: as in all of RDATA, what one direction writes the other reads to the same octets.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::RrType;
use crate::wire::name::fmt_wire;

use super::super::report::Fault;
use super::codec;
use super::read::{ip4, ip6};
use super::reader::{Reader, decimal};
use super::write::Octets;

/// The type of the gateway, out of the RDATA's second octet.
pub(super) fn kind(rtype: RrType, rdata: &[u8]) -> Option<u8> {
    let octet = *rdata.get(1)?;
    Some(if rtype == RrType::AMTRELAY { octet & 0x7f } else { octet })
}

/// Reads a gateway: 0 none, 1 IPv4, 2 IPv6, 3 a name (RFC 4025 section 2.5).
pub(super) fn decode(kind: u8, reader: &mut Reader<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    match kind {
        0 => {
            let (token, text) = reader.plain(label)?;
            if text != b"." {
                return Err(reader.bad(token, label, "a dot where its type is 0"));
            }
        }
        1 => out.extend(ip4(reader, label)?.octets()),
        2 => out.extend(ip6(reader, label)?.octets()),
        3 => reader.name(label, out)?,
        _ => {
            let token = reader.any(label)?;
            return Err(reader.bad(token, label, "of a type from 0 to 3"));
        }
    }
    Ok(())
}

/// Writes a gateway.
pub(super) fn encode(kind: u8, out: &mut String, octets: &mut Octets<'_>) -> Option<()> {
    match kind {
        0 => out.push('.'),
        1 => write!(out, "{}", Ipv4Addr::from(octets.array::<4>()?)).ok()?,
        2 => write!(out, "{}", Ipv6Addr::from(octets.array::<16>()?)).ok()?,
        3 => fmt_wire(octets.name()?, out).ok()?,
        _ => return None,
    }
    Some(())
}

/// Reads algorithm, host identity tag, public key and rendezvous servers (RFC 8005 section 6).
pub(super) fn decode_hip(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let algorithm = reader.number("public key algorithm", 255)? as u8;
    let start = out.len();
    out.extend([0, algorithm, 0, 0]);
    let (token, digits) = reader.plain("host identity tag")?;
    let tag_at = out.len();
    let tag = codec::decode_hex(out, digits).and_then(|()| u8::try_from(out.len() - tag_at).ok());
    let tag = tag.filter(|len| *len > 0);
    out[start] = tag.ok_or_else(|| reader.bad(token, "host identity tag", "pairs of hex digits"))?;
    let (token, digits) = reader.plain("public key")?;
    let key_at = out.len();
    let key = codec::decode_base64(out, digits).and_then(|()| u16::try_from(out.len() - key_at).ok());
    let key = key.filter(|len| *len > 0);
    let key =
        key.ok_or_else(|| reader.bad(token, "public key", "base64 with its padding, without blanks"))?;
    out[start + 2..start + 4].copy_from_slice(&key.to_be_bytes());
    while reader.peek().is_some() {
        reader.name("rendezvous server", out)?;
    }
    Ok(())
}

/// Writes a HIP.
pub(super) fn encode_hip(out: &mut String, octets: &mut Octets<'_>) -> Option<()> {
    let (tag_len, algorithm, key_len) = (octets.u8()?, octets.u8()?, octets.u16()?);
    let (tag, key) = (octets.take(tag_len.into())?, octets.take(key_len.into())?);
    if tag.is_empty() || key.is_empty() {
        return None;
    }
    write!(out, "{algorithm} ").ok()?;
    codec::encode_hex(out, tag);
    out.push(' ');
    codec::encode_base64(out, key);
    while !octets.is_empty() {
        out.push(' ');
        fmt_wire(octets.name()?, out).ok()?;
    }
    Some(())
}

/// Reads `[!]family:address/prefix` items; none at all is an empty list (RFC 3123 section 5).
pub(super) fn decode_prefixes(reader: &mut Reader<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    while reader.peek().is_some() {
        let (token, text) = reader.word(label)?;
        let item = prefix(text);
        let (negated, address, len) =
            item.ok_or_else(|| reader.bad(token, label, "[!]1:address/length or [!]2:address/length"))?;
        let (family, octets) = match address {
            IpAddr::V4(address) => (1_u16, address.octets().to_vec()),
            IpAddr::V6(address) => (2_u16, address.octets().to_vec()),
        };
        let kept = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
        out.extend(family.to_be_bytes());
        out.extend([len, u8::from(negated) << 7 | kept as u8]);
        out.extend_from_slice(&octets[..kept]);
    }
    Ok(())
}

fn prefix(text: &str) -> Option<(bool, IpAddr, u8)> {
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (family, text) = text.split_once(':')?;
    let (address, len) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = match (family, address) {
        ("1", IpAddr::V4(_)) => 32,
        ("2", IpAddr::V6(_)) => 128,
        _ => return None,
    };
    let len = decimal(len.as_bytes()).filter(|len| *len <= most)?;
    Some((negated, address, len as u8))
}

/// Writes address prefixes.
pub(super) fn encode_prefixes(out: &mut String, octets: &mut Octets<'_>) -> Option<()> {
    let mut blank = "";
    while !octets.is_empty() {
        let (family, len, head) = (octets.u16()?, octets.u8()?, octets.u8()?);
        let kept = octets.take(usize::from(head & 0x7f))?;
        let mut padded = [0; 16];
        padded.get_mut(..kept.len())?.copy_from_slice(kept);
        let (address, most) = match family {
            1 if kept.len() <= 4 => (IpAddr::from([padded[0], padded[1], padded[2], padded[3]]), 32),
            2 => (IpAddr::from(padded), 128),
            _ => return None,
        };
        if len > most || kept.last() == Some(&0) {
            return None;
        }
        let not = if head & 0x80 == 0 { "" } else { "!" };
        write!(out, "{blank}{not}{family}:{address}/{len}").ok()?;
        blank = " ";
    }
    Some(())
}

/// Ports of WKS by name: those of RFC 1010 that are still met.
const PORTS: &[(&str, u32)] = &[
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("domain", 53),
    ("tftp", 69),
    ("finger", 79),
    ("http", 80),
    ("pop3", 110),
    ("ntp", 123),
    ("imap", 143),
    ("snmp", 161),
    ("https", 443),
];

/// Reads a protocol and ports into a bitmap.
pub(super) fn decode_services(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (token, text) = reader.word("protocol")?;
    let protocol = match text.to_ascii_lowercase().as_str() {
        "icmp" => Some(1),
        "tcp" => Some(6),
        "udp" => Some(17),
        _ => decimal(text.as_bytes()).filter(|number| *number <= 255),
    };
    out.push(
        protocol.ok_or_else(|| reader.bad(token, "protocol", "TCP, UDP or a number from 0 to 255"))? as u8
    );
    let start = out.len();
    while reader.peek().is_some() {
        let (token, text) = reader.word("port")?;
        let named = PORTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, port)| *port);
        let port = named.or_else(|| decimal(text.as_bytes())).filter(|port| *port <= 65_535);
        let port = port.ok_or_else(|| reader.bad(token, "port", "a number from 0 to 65535"))? as usize;
        if out.len() <= start + port / 8 {
            out.resize(start + port / 8 + 1, 0);
        }
        out[start + port / 8] |= 0x80 >> (port % 8);
    }
    Ok(())
}

/// Writes a protocol and ports as numbers.
pub(super) fn encode_services(out: &mut String, octets: &mut Octets<'_>) -> Option<()> {
    write!(out, "{}", octets.u8()?).ok()?;
    let bits = octets.rest();
    if bits.len() > 8192 || bits.last() == Some(&0) {
        return None;
    }
    for (at, octet) in bits.iter().enumerate() {
        for bit in (0..8).filter(|bit| octet & (0x80 >> bit) != 0) {
            write!(out, " {}", at * 8 + bit).ok()?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_checked() {
        assert!(prefix("!1:192.0.2.0/24").is_some());
        assert!(prefix("2:2001:db8::/32").is_some());
        assert_eq!(prefix("2:::/0"), Some((false, Ipv6Addr::UNSPECIFIED.into(), 0)));
        for faulty in ["1:192.0.2.0/33", "2:192.0.2.0/24", "1:192.0.2.0", "192.0.2.0/24", "3:::/0", "1:::/0"]
        {
            assert!(prefix(faulty).is_none(), "{faulty}");
        }
    }
}
