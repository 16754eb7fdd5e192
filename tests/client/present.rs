//! Presentation form of what the samples and golden suites hold; any other type as RFC 3597 writes it.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::dns::read_name;

const TYPES: [(&str, u16); 25] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DNAME", 39),
    ("OPT", 41),
    ("DS", 43),
    ("RRSIG", 46),
    ("DNSKEY", 48),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("TSIG", 250),
    ("IXFR", 251),
    ("AXFR", 252),
    ("MAILB", 253),
    ("MAILA", 254),
    ("ANY", 255),
    ("CAA", 257),
    ("TYPE0", 0),
];

const RCODES: [(&str, u16); 11] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
    ("BADVERS", 16),
    ("BADKEY", 17),
];

pub fn type_code(text: &str) -> Option<u16> {
    let named = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, code)| *code);
    named.or_else(|| text.strip_prefix("TYPE")?.parse().ok())
}

pub fn rtype(code: u16) -> String {
    let named = TYPES.iter().find(|(_, known)| *known == code);
    named.map_or_else(|| format!("TYPE{code}"), |(name, _)| (*name).to_owned())
}

pub fn class(code: u16) -> String {
    match code {
        1 => "IN".into(),
        3 => "CH".into(),
        4 => "HS".into(),
        254 => "NONE".into(),
        255 => "ANY".into(),
        _ => format!("CLASS{code}"),
    }
}

pub fn class_code(text: &str) -> Option<u16> {
    (0..=255).find(|code| class(*code) == text)
}

pub fn rcode(code: u16) -> String {
    let named = RCODES.iter().find(|(_, known)| *known == code);
    named.map_or_else(|| format!("RCODE{code}"), |(name, _)| (*name).to_owned())
}

/// An octet of a label as it is written.
pub fn push_label_octet(text: &mut String, octet: u8) {
    match octet {
        b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
            text.push('\\');
            text.push(char::from(octet));
        }
        0x21..=0x7e => text.push(char::from(octet)),
        _ => write!(text, "\\{octet:03}").unwrap(),
    }
}

/// RDATA, its names read out of the packet.
pub fn rdata(rtype: u16, packet: &[u8], range: Range<usize>) -> String {
    let data = &packet[range.clone()];
    let name = |skip: usize| read_name(packet, range.start + skip).0;
    let word = |at: usize| u16::from_be_bytes([data[at], data[at + 1]]);
    match rtype {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(data).unwrap()).to_string(),
        28 => Ipv6Addr::from(<[u8; 16]>::try_from(data).unwrap()).to_string(),
        2 | 5 | 12 | 39 => name(0),
        6 => {
            let (mname, next) = read_name(packet, range.start);
            let (rname, next) = read_name(packet, next);
            let numbers = packet[next..range.end].chunks(4);
            let numbers = numbers.map(|n| u32::from_be_bytes(n.try_into().unwrap()).to_string());
            format!("{mname} {rname} {}", numbers.collect::<Vec<_>>().join(" "))
        }
        15 => format!("{} {}", word(0), name(2)),
        33 => format!("{} {} {} {}", word(0), word(2), word(4), name(6)),
        13 | 16 => strings(data),
        64 | 65 => service(data, name(2), read_name(packet, range.start + 2).1 - range.start),
        257 => {
            let (tag, value) = data[2..].split_at(usize::from(data[1]));
            format!("{} {} {}", data[0], String::from_utf8_lossy(tag), quoted(value))
        }
        _ => {
            let hex: String = data.iter().map(|octet| format!("{octet:02X}")).collect();
            format!("\\# {} {hex}", data.len()).trim_end().to_owned()
        }
    }
}

fn strings(mut data: &[u8]) -> String {
    let mut texts = Vec::new();
    while let [len, rest @ ..] = data {
        let (text, next) = rest.split_at(usize::from(*len));
        texts.push(quoted(text));
        data = next;
    }
    texts.join(" ")
}

fn quoted(data: &[u8]) -> String {
    let mut text = String::from('"');
    for &octet in data {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x20..=0x7e => text.push(char::from(octet)),
            _ => write!(text, "\\{octet:03}").unwrap(),
        }
    }
    text.push('"');
    text
}

fn service(data: &[u8], target: String, params_at: usize) -> String {
    let mut text = format!("{} {target}", u16::from_be_bytes([data[0], data[1]]));
    let mut params = &data[params_at..];
    while let [k0, k1, l0, l1, rest @ ..] = params {
        let (value, next) = rest.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
        let shown = match u16::from_be_bytes([*k0, *k1]) {
            1 => format!("alpn=\"{}\"", strings(value).replace("\" \"", ",").trim_matches('"')),
            3 => format!("port={}", u16::from_be_bytes([value[0], value[1]])),
            4 => {
                let hints =
                    value.chunks(4).map(|a| Ipv4Addr::from(<[u8; 4]>::try_from(a).unwrap()).to_string());
                format!("ipv4hint={}", hints.collect::<Vec<_>>().join(","))
            }
            key => format!("key{key}={}", quoted(value)),
        };
        write!(text, " {shown}").unwrap();
        params = next;
    }
    text
}
