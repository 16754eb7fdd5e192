//! Address maps and the anycast defaults, as they are written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

use super::{AccountId, MapId, Place};
use crate::wire::Name;

/// Who wrote a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapOwner {
    /// The operator, in `addrmaps/*.toml`.
    Operator,
    /// The account, in `addrmaps/<account>/`.
    Account,
}

/// One membership of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// What is a member.
    pub member: Member,
    /// Where it is written.
    pub place: Place,
}

/// A member of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// A zone, by its origin.
    Zone(Name),
    /// The whole account of the map.
    Account,
}

/// The members of a map, each once, in the order written. Cloning shares them: a map may have a million, and most
/// changes of a map leave them alone.
#[derive(Clone, Debug)]
pub struct Memberships {
    list: Arc<[Membership]>,
    /// The file that they all come from, and what it held.
    listed: Option<(Arc<str>, Arc<[u8]>)>,
}

impl Memberships {
    /// Members that all come from one list of zones.
    pub fn listed(list: Vec<Membership>, file: &Arc<str>, content: &Arc<[u8]>) -> Memberships {
        Memberships { list: list.into(), listed: Some((file.clone(), content.clone())) }
    }

    /// Whether they all come from that list of zones, and it held just this.
    pub fn are_of(&self, file: &str, content: &[u8]) -> bool {
        self.listed.as_ref().is_some_and(|(from, held)| **from == *file && **held == *content)
    }

    /// Whether both are the same memory, so that nothing about the members can differ.
    pub fn are_shared_with(&self, other: &Memberships) -> bool {
        Arc::ptr_eq(&self.list, &other.list)
    }
}

impl Deref for Memberships {
    type Target = [Membership];

    fn deref(&self) -> &[Membership] {
        &self.list
    }
}

impl PartialEq for Memberships {
    fn eq(&self, other: &Memberships) -> bool {
        self.list == other.list
    }
}

impl Eq for Memberships {}

impl From<Vec<Membership>> for Memberships {
    fn from(list: Vec<Membership>) -> Memberships {
        Memberships { list: list.into(), listed: None }
    }
}

impl FromIterator<Membership> for Memberships {
    fn from_iter<I: IntoIterator<Item = Membership>>(members: I) -> Memberships {
        Memberships { list: members.into_iter().collect(), listed: None }
    }
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
        self.memberships.iter().any(|membership| membership.member == Member::Account)
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
