//! Lists of addresses: single, usable, each once, at most 16 of a family.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::code;
use crate::model::table::Value;
use crate::model::{AddressPlaces, MAX_ADDRESSES_PER_FAMILY, Place};

/// The addresses of a list, in the order written.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    pub(super) ipv4: Vec<Ipv4Addr>,
    pub(super) ipv6: Vec<Ipv6Addr>,
    /// Where each IPv4 address is written.
    ipv4_places: Vec<Place>,
    /// Where each IPv6 address is written.
    ipv6_places: Vec<Place>,
    /// Whether the list holds nothing at all, not even something that could not be read.
    pub(super) nothing_written: bool,
}

impl Addresses {
    /// Where they are written.
    pub(super) fn places(&self) -> AddressPlaces {
        AddressPlaces::new(self.ipv4_places.iter().chain(&self.ipv6_places))
    }

    /// All of them, IPv4 first.
    pub(super) fn all(&self) -> Vec<IpAddr> {
        let ipv4 = self.ipv4.iter().copied().map(IpAddr::from);
        ipv4.chain(self.ipv6.iter().copied().map(IpAddr::from)).collect()
    }
}

/// The two address families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
}

/// Reads a list; where `only` is given, addresses of the other family are errors.
pub(super) fn read(list: Option<Value<'_>>, only: Option<Family>) -> Addresses {
    let Some(list) = list else { return Addresses { nothing_written: true, ..Addresses::default() } };
    let Some(values) = list.list() else { return Addresses::default() };
    let mut addresses = Addresses { nothing_written: values.is_empty(), ..Addresses::default() };
    let mut seen: HashMap<IpAddr, u32> = HashMap::new();
    let mut too_many = [false; 2];
    for value in values {
        let Some(address) = value.text().and_then(|text| one(&value, text)) else { continue };
        let family = Family::of(address);
        if only.is_some_and(|only| only != family) {
            let message = format!("an {} address in {}: {address}", family.as_str(), value.key());
            value.error(
                code::WRONG_FAMILY,
                message,
                format!("write it in {}", family.as_str().to_lowercase()),
            );
            continue;
        }
        if let Some(line) = seen.get(&address) {
            let message = format!("address twice in {}: {address}", value.key());
            value.error(
                code::DUPLICATE_ADDRESS,
                message,
                format!("remove it; it stands on line {line} already"),
            );
            continue;
        }
        let place = value.place();
        seen.insert(address, place.line);
        let taken = match address {
            IpAddr::V4(address) => push(&mut addresses.ipv4, &mut addresses.ipv4_places, address, place),
            IpAddr::V6(address) => push(&mut addresses.ipv6, &mut addresses.ipv6_places, address, place),
        };
        let told = &mut too_many[usize::from(family == Family::V6)];
        if !taken && !*told {
            *told = true;
            let message = format!("more than 16 {} addresses: {address}", family.as_str());
            value.error(
                code::TOO_MANY_ADDRESSES,
                message,
                "keep at most 16 of a family; an answer holds all of them",
            );
        }
    }
    addresses
}

/// Adds an address where there is room.
fn push<T>(list: &mut Vec<T>, places: &mut Vec<Place>, address: T, place: Place) -> bool {
    let room = list.len() < MAX_ADDRESSES_PER_FAMILY;
    if room {
        list.push(address);
        places.push(place);
    }
    room
}

/// One address.
fn one(value: &Value<'_>, text: &str) -> Option<IpAddr> {
    let Ok(address) = text.parse::<IpAddr>() else {
        match text.parse::<IpNet>() {
            Ok(network) => {
                let message = format!("a network where an address is wanted: {text}");
                value.error(code::ADDRESS_HAS_PREFIX_LENGTH, message, plain_address(network));
            }
            Err(_) => {
                value.error(code::BAD_ADDRESS, format!("not an IP address: {text}"), correct_address(text))
            }
        }
        return None;
    };
    let Some(fault) = unusable(address) else { return Some(address) };
    let hint = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map(|mapped| format!("write the IPv4 address: \"{mapped}\"")),
        IpAddr::V4(_) => None,
    };
    let hint = hint.unwrap_or_else(|| "write the address that clients connect to".to_string());
    value.error(code::UNUSABLE_ADDRESS, format!("{fault} cannot be answered: {address}"), hint);
    None
}

/// What to write instead of a network.
fn plain_address(network: IpNet) -> String {
    if network.addr() != network.network() || network.prefix_len() == network.max_prefix_len() {
        format!("write the address alone: \"{}\"", network.addr())
    } else {
        "write each address by itself, without a prefix length".to_string()
    }
}

/// What to write instead of a text that is no address.
fn correct_address(text: &str) -> String {
    let trimmed = text.trim();
    if let Ok(address) = trimmed.parse::<IpAddr>() {
        return format!("write it without spaces: \"{address}\"");
    }
    if let Ok(address) = trimmed.parse::<SocketAddr>() {
        return format!("write it without the port: \"{}\"", address.ip());
    }
    let plain: Option<Vec<u8>> = trimmed.split('.').map(|part| part.parse().ok()).collect();
    match plain.and_then(|octets| <[u8; 4]>::try_from(octets).ok()) {
        Some(octets) => format!("write it without leading zeros: \"{}\"", Ipv4Addr::from(octets)),
        None => "write a plain address: \"203.0.113.1\" or \"2001:db8::1\"".to_string(),
    }
}

/// Why an address cannot be one that clients connect to (semantics 3.20). The network and broadcast addresses of
/// a prefix are fine.
fn unusable(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) if v4.is_broadcast() => Some("the limited broadcast address"),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Some("an IPv4-mapped address"),
        address if address.is_unspecified() => Some("the unspecified address"),
        address if address.is_loopback() => Some("a loopback address"),
        address if address.is_multicast() => Some("a multicast address"),
        _ => None,
    }
}
