//! Which addresses govern a zone: zone map, account map, immutable map, anycast defaults, in this order.
//!
//! The first level that has an enabled map with at least one address answers alone: no union, and no other level
//! is asked for a family that it lacks. An account with an immutable map, or that forbids shared addresses, is
//! never answered from the anycast defaults.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::model::{AccountId, AddressMap, AddressSource, Member, World};
use crate::wire::Name;

mod walk;

pub use walk::{Considered, Level, Verdict, Walk};

/// What the proxied names of a zone are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'w> {
    /// These addresses and no others.
    Addresses {
        /// The level that they come from.
        source: AddressSource,
        /// The map; the anycast defaults are none.
        map: Option<&'w AddressMap>,
        /// IPv4 addresses in the order written; without any, A is answered without data.
        ipv4: &'w [Ipv4Addr],
        /// IPv6 addresses in the order written; without any, AAAA is answered without data.
        ipv6: &'w [Ipv6Addr],
    },
    /// No address may be answered: SERVFAIL.
    Nothing(NoAddresses),
}

impl<'w> Decision<'w> {
    fn of_map(source: AddressSource, map: &'w AddressMap) -> Decision<'w> {
        Decision::Addresses { source, map: Some(map), ipv4: &map.ipv4, ipv6: &map.ipv6 }
    }

    /// The level, where there are addresses.
    pub fn source(&self) -> Option<AddressSource> {
        match self {
            Decision::Addresses { source, .. } => Some(*source),
            Decision::Nothing(_) => None,
        }
    }

    /// The map, where one was chosen.
    pub fn map(&self) -> Option<&'w AddressMap> {
        match self {
            Decision::Addresses { map, .. } => *map,
            Decision::Nothing(_) => None,
        }
    }
}

/// Why no address may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoAddresses {
    /// The operator's files have an error and there is no earlier state.
    OperatorFaulty,
    /// The account's files have an error and there is no earlier state.
    AccountFaulty,
    /// No map governs, and the account has `shared_addresses = "never"`.
    SharedForbidden,
    /// No map governs, and an account with an immutable map never gets shared addresses.
    HasImmutableMap,
    /// No map governs, and there are no anycast defaults.
    NoDefaults,
}

impl fmt::Display for NoAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            NoAddresses::OperatorFaulty => "the operator's files have an error and there is no earlier state",
            NoAddresses::AccountFaulty => "the account's files have an error and there is no earlier state",
            NoAddresses::SharedForbidden => "the account does not use shared addresses and no map governs",
            NoAddresses::HasImmutableMap => {
                "the account has an immutable map, so that shared addresses are never answered, and no map governs"
            }
            NoAddresses::NoDefaults => "no map governs and there are no anycast defaults",
        })
    }
}

/// The precedence over one world, built once.
#[derive(Debug)]
pub struct Precedence<'w> {
    world: &'w World,
    /// Every map that names a zone, enabled or not, whosever it is.
    by_zone: HashMap<&'w Name, Vec<&'w AddressMap>>,
    /// Ordinary account-wide maps.
    by_account: HashMap<&'w AccountId, Vec<&'w AddressMap>>,
    /// Immutable maps.
    immutable: HashMap<&'w AccountId, Vec<&'w AddressMap>>,
}

impl<'w> Precedence<'w> {
    /// Indexes the maps of a world.
    pub fn new(world: &'w World) -> Precedence<'w> {
        let mut maps: Vec<&AddressMap> = world.maps.iter().map(Arc::as_ref).collect();
        sort(&mut maps);
        let mut precedence = Precedence {
            world,
            by_zone: HashMap::new(),
            by_account: HashMap::new(),
            immutable: HashMap::new(),
        };
        for map in maps {
            if map.immutable {
                precedence.immutable.entry(&map.account).or_default().push(map);
                continue;
            }
            if map.is_account_wide() {
                precedence.by_account.entry(&map.account).or_default().push(map);
            }
            for membership in map.memberships.iter() {
                if let Member::Zone(origin) = &membership.member {
                    precedence.by_zone.entry(origin).or_default().push(map);
                }
            }
        }
        precedence
    }

    /// What governs a zone of an account.
    pub fn govern(&self, account: &AccountId, origin: &Name) -> Decision<'w> {
        self.distrust(account)
            .or_else(|| self.zone_level(account, origin))
            .unwrap_or_else(|| self.account_level(account))
    }

    /// What a zone has of its own: the decision of the zone level alone, and whether the sources can be trusted
    /// is not asked. `None` where the account's decision holds.
    pub fn zone_level(&self, account: &AccountId, origin: &Name) -> Option<Decision<'w>> {
        zone_governor(self.zone_maps(account, origin))
            .map(|map| Decision::of_map(AddressSource::ZoneMap, map))
    }

    /// What governs the zones of an account that have no map of their own.
    pub fn account_level(&self, account: &AccountId) -> Decision<'w> {
        if let Some(nothing) = self.distrust(account) {
            return nothing;
        }
        if let Some(map) = first(self.account_maps(account)) {
            return Decision::of_map(AddressSource::AccountMap, map);
        }
        if let Some(map) = first(self.immutable_maps(account)) {
            return Decision::of_map(AddressSource::ImmutableMap, map);
        }
        if let Some(reason) = self.shared_forbidden(account) {
            return Decision::Nothing(reason);
        }
        match &self.world.anycast {
            Some(anycast) if !(anycast.ipv4.is_empty() && anycast.ipv6.is_empty()) => Decision::Addresses {
                source: AddressSource::AnycastDefaults,
                map: None,
                ipv4: &anycast.ipv4,
                ipv6: &anycast.ipv6,
            },
            _ => Decision::Nothing(NoAddresses::NoDefaults),
        }
    }

    /// The same decision with every level and every map that was considered, for people who ask why.
    pub fn walk(&self, account: &AccountId, origin: &Name) -> Walk<'w> {
        Walk::new(self, account, origin)
    }

    /// Nothing is answered where the sources of addresses cannot be trusted.
    fn distrust(&self, account: &AccountId) -> Option<Decision<'w>> {
        if self.world.faulty_operator {
            return Some(Decision::Nothing(NoAddresses::OperatorFaulty));
        }
        let faulty = self.world.faulty_accounts.contains(account);
        faulty.then_some(Decision::Nothing(NoAddresses::AccountFaulty))
    }

    /// Why the anycast defaults may not answer for an account. An immutable map forbids them even while it is
    /// disabled or empty: its account was promised that no shared address is ever answered.
    fn shared_forbidden(&self, account: &AccountId) -> Option<NoAddresses> {
        if self.immutable.contains_key(account) {
            Some(NoAddresses::HasImmutableMap)
        } else if self.world.accounts.get(account).is_some_and(|settings| !settings.shared_addresses) {
            Some(NoAddresses::SharedForbidden)
        } else {
            None
        }
    }

    /// The maps of the account that name the zone. A map of another account never governs it.
    fn zone_maps(
        &self,
        account: &AccountId,
        origin: &Name,
    ) -> impl Iterator<Item = &'w AddressMap> + use<'_, 'w> {
        let account = account.clone();
        let maps = self.by_zone.get(origin).map(Vec::as_slice).unwrap_or_default();
        maps.iter().copied().filter(move |map| map.account == account)
    }

    fn account_maps(&self, account: &AccountId) -> impl Iterator<Item = &'w AddressMap> + use<'_, 'w> {
        self.by_account.get(account).map(Vec::as_slice).unwrap_or_default().iter().copied()
    }

    fn immutable_maps(&self, account: &AccountId) -> impl Iterator<Item = &'w AddressMap> + use<'_, 'w> {
        self.immutable.get(account).map(Vec::as_slice).unwrap_or_default().iter().copied()
    }
}

/// Of an account's maps that name a zone, in any order, the one that governs it: the zone level of [`Precedence`] for
/// those who keep their own directory of members. `None` where the account's decision holds.
pub fn zone_governor<'w>(maps: impl IntoIterator<Item = &'w AddressMap>) -> Option<&'w AddressMap> {
    let mut maps: Vec<&AddressMap> = maps.into_iter().filter(|map| !map.immutable).collect();
    sort(&mut maps);
    first(maps.into_iter())
}

/// Two governors are an error, but the rule must be the same everywhere until it is repaired: lower id.
fn sort(maps: &mut [&AddressMap]) {
    maps.sort_by(|a, b| (&a.id, &a.account, &a.place).cmp(&(&b.id, &b.account, &b.place)));
}

/// The first map that can answer: a disabled one is as if absent, an empty one leaves it to the next level.
fn first<'w>(mut maps: impl Iterator<Item = &'w AddressMap>) -> Option<&'w AddressMap> {
    maps.find(|map| map.enabled && !map.is_empty())
}

#[cfg(test)]
mod tests;
