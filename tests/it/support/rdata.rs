//! RDATA in wire form, built field by field.

use std::net::{Ipv4Addr, Ipv6Addr};

use portolan::wire::Name;

/// A (RFC 1035 section 3.4.1).
pub(crate) fn a(address: Ipv4Addr) -> Vec<u8> {
    address.octets().to_vec()
}

/// AAAA (RFC 3596).
pub(crate) fn aaaa(address: Ipv6Addr) -> Vec<u8> {
    address.octets().to_vec()
}

/// One name: NS, CNAME, DNAME, PTR.
pub(crate) fn one_name(target: &Name) -> Vec<u8> {
    target.as_wire().to_vec()
}

/// SOA (RFC 1035 section 3.3.13).
pub(crate) fn soa(mname: &Name, rname: &Name, serial: u32, minimum: u32) -> Vec<u8> {
    let mut rdata = [mname.as_wire(), rname.as_wire()].concat();
    for number in [serial, 3600, 600, 86400, minimum] {
        rdata.extend(number.to_be_bytes());
    }
    rdata
}

/// MINIMUM of a SOA: its last four octets.
pub(crate) fn soa_minimum(rdata: &[u8]) -> u32 {
    u32::from_be_bytes(*rdata.last_chunk().expect("a whole SOA"))
}

/// MX (RFC 1035 section 3.3.9).
pub(crate) fn mx(preference: u16, target: &Name) -> Vec<u8> {
    [&preference.to_be_bytes(), target.as_wire()].concat()
}

/// SRV (RFC 2782).
pub(crate) fn srv(priority: u16, weight: u16, port: u16, target: &Name) -> Vec<u8> {
    let numbers = [priority, weight, port].map(u16::to_be_bytes).concat();
    [&numbers, target.as_wire()].concat()
}

/// TXT of some strings (RFC 1035 section 3.3.14).
pub(crate) fn txt(strings: &[&[u8]]) -> Vec<u8> {
    strings.iter().flat_map(|text| [&[text.len() as u8], *text].concat()).collect()
}

/// SVCB and HTTPS (RFC 9460); the parameters come in the order of their keys.
pub(crate) fn svcb(priority: u16, target: &Name, parameters: &[(u16, &[u8])]) -> Vec<u8> {
    let mut rdata = [&priority.to_be_bytes(), target.as_wire()].concat();
    for (key, value) in parameters {
        rdata.extend(key.to_be_bytes());
        rdata.extend((value.len() as u16).to_be_bytes());
        rdata.extend(*value);
    }
    rdata
}

/// DS (RFC 4034 section 5.1) with a SHA-256 digest of one repeated octet.
pub(crate) fn ds(tag: u16, octet: u8) -> Vec<u8> {
    let mut rdata = tag.to_be_bytes().to_vec();
    rdata.extend([13, 2]);
    rdata.extend([octet; 32]);
    rdata
}

/// CAA (RFC 8659).
pub(crate) fn caa(flags: u8, tag: &str, value: &str) -> Vec<u8> {
    [&[flags, tag.len() as u8], tag.as_bytes(), value.as_bytes()].concat()
}
