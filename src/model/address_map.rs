//! Address maps and the anycast defaults, as they are written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{AccountId, MapId, Member, Memberships, Place};
use crate::wire::Name;

/// Who wrote a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapOwner {
    /// The operator, in `addrmaps/*.toml`.
    Operator,
    /// The account, in `addrmaps/<account>/`.
    Account,
}

/// An address map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressMap {
    /// Its identifier.
    pub id: MapId,
    /// The account that it belongs to.
    pub account: AccountId,
    /// A text for people.
    pub description: Option<String>,
    /// A disabled map is as if absent, at every level.
    pub enabled: bool,
    /// IPv4 addresses in the order written, at most 16.
    pub ipv4: Vec<Ipv4Addr>,
    /// IPv6 addresses in the order written, at most 16.
    pub ipv6: Vec<Ipv6Addr>,
    /// The zones, or the account, that it governs.
    pub memberships: Memberships,
    /// Server name for clients that send none; not used by DNS.
    pub default_sni: Option<String>,
    /// An operator-made account-wide fallback that the account cannot change.
    pub immutable: bool,
    /// Who wrote it.
    pub owner: MapOwner,
    /// Where it starts.
    pub place: Place,
    /// Where its addresses are written.
    pub address_places: AddressPlaces,
}

/// Where the addresses of a map are written, in the file that the map starts in; nothing is known of a map that no file
/// holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPlaces(Box<[Spot]>);

/// Line, column and length, as a [`Place`] has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    line: u32,
    column: u32,
    length: u32,
}

impl AddressPlaces {
    /// The places of the IPv4 addresses in their order, then of the IPv6 addresses.
    pub fn new<'p>(places: impl IntoIterator<Item = &'p Place>) -> AddressPlaces {
        let spot = |place: &Place| Spot { line: place.line, column: place.column, length: place.length };
        AddressPlaces(places.into_iter().map(spot).collect())
    }
}

impl AddressMap {
    /// All addresses, IPv4 first, each family in the order written.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<'_> {
        let ipv4 = self.ipv4.iter().copied().map(IpAddr::from);
        ipv4.chain(self.ipv6.iter().copied().map(IpAddr::from))
    }

    /// Where an address is written; where that is not known, where the map starts.
    pub fn place_of(&self, address: IpAddr) -> Place {
        let at = self.addresses().position(|known| known == address);
        match at.and_then(|at| self.address_places.0.get(at)) {
            Some(&Spot { line, column, length }) => {
                Place { file: self.place.file.clone(), line, column, length }
            }
            None => self.place.clone(),
        }
    }

    /// Whether the whole account is a member.
    pub fn is_account_wide(&self) -> bool {
        self.memberships.account().is_some()
    }

    /// The zones that are members, with the place of each membership.
    pub fn zones(&self) -> impl Iterator<Item = (&Name, &Place)> {
        self.memberships.iter().filter_map(|membership| match &membership.member {
            Member::Zone(origin) => Some((origin, &membership.place)),
            Member::Account => None,
        })
    }

    /// Whether there is no address at all.
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }
}

/// The shared anycast addresses of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnycastDefaults {
    /// IPv4 addresses in the order written, at most 16.
    pub ipv4: Vec<Ipv4Addr>,
    /// IPv6 addresses in the order written, at most 16.
    pub ipv6: Vec<Ipv6Addr>,
    /// Where they are written.
    pub place: Place,
}

/// The level of the precedence that gave an address, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressSource {
    /// A map of which the zone is a member.
    ZoneMap,
    /// An ordinary map of which the account is a member.
    AccountMap,
    /// The account's immutable map.
    ImmutableMap,
    /// The anycast defaults of the server.
    AnycastDefaults,
}

impl AddressSource {
    /// All levels, strongest first.
    pub const ALL: [AddressSource; 4] = [
        AddressSource::ZoneMap,
        AddressSource::AccountMap,
        AddressSource::ImmutableMap,
        AddressSource::AnycastDefaults,
    ];

    /// The level as one word for metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            AddressSource::ZoneMap => "zone_map",
            AddressSource::AccountMap => "account_map",
            AddressSource::ImmutableMap => "immutable_map",
            AddressSource::AnycastDefaults => "anycast_defaults",
        }
    }
}

impl AddressSource {
    /// The level in words for people.
    pub fn name(self) -> &'static str {
        match self {
            AddressSource::ZoneMap => "zone map",
            AddressSource::AccountMap => "account map",
            AddressSource::ImmutableMap => "immutable map",
            AddressSource::AnycastDefaults => "anycast defaults",
        }
    }
}

impl fmt::Display for AddressSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
