//! The addresses of one map, ready for a message.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::layout::OWNER_IS_QNAME;
use crate::model::{AUTOMATIC_TTL, MapId};
use crate::wire::{Class, RrType};

/// One address set: compiled once, shared by every name that it governs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSet {
    /// The map; `None` for the anycast defaults.
    pub map: Option<MapId>,
    ipv4: Box<[u8]>,
    ipv6: Box<[u8]>,
}

/// Records of one family, all of the same length.
#[derive(Clone, Copy, Debug)]
pub struct Family<'s> {
    /// The records as they stand in a message, the owner being the name asked for.
    pub bytes: &'s [u8],
    /// Octets of one record.
    pub stride: usize,
}

impl Family<'_> {
    /// Number of addresses.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.stride
    }

    /// Whether the set has no address of this family.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl AddressSet {
    /// Compiles addresses in the order given.
    pub fn new(map: Option<MapId>, ipv4: &[Ipv4Addr], ipv6: &[Ipv6Addr]) -> AddressSet {
        let ipv4 = ipv4.iter().flat_map(|address| ready(RrType::A, &address.octets())).collect();
        let ipv6 = ipv6.iter().flat_map(|address| ready(RrType::AAAA, &address.octets())).collect();
        AddressSet { map, ipv4, ipv6 }
    }

    /// The addresses, IPv4 first, in the order given.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let ipv4 = self.ipv4.chunks_exact(16).filter_map(|record| record.last_chunk::<4>());
        let ipv6 = self.ipv6.chunks_exact(28).filter_map(|record| record.last_chunk::<16>());
        ipv4.map(|octets| IpAddr::from(*octets)).chain(ipv6.map(|octets| IpAddr::from(*octets)))
    }

    /// The records of type A or AAAA; nothing for another type.
    pub fn family(&self, rtype: RrType) -> Family<'_> {
        match rtype {
            RrType::A => Family { bytes: &self.ipv4, stride: 16 },
            RrType::AAAA => Family { bytes: &self.ipv6, stride: 28 },
            _ => Family { bytes: &[], stride: 1 },
        }
    }
}

fn ready(rtype: RrType, octets: &[u8]) -> Vec<u8> {
    let mut bytes = OWNER_IS_QNAME.to_vec();
    bytes.extend(rtype.0.to_be_bytes());
    bytes.extend(Class::IN.0.to_be_bytes());
    bytes.extend(AUTOMATIC_TTL.to_be_bytes());
    bytes.extend((octets.len() as u16).to_be_bytes());
    bytes.extend(octets);
    bytes
}
