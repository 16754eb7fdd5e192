//! Which addresses may serve in which map: the ledger, asked.
//!
//! An address may serve in a map only if it lies in an approved prefix that the map's account owns or was delegated, and
//! its most specific binding is CDN; or if it is leased to the account for this one map (semantics 3.10 to 3.18).
//! Without a ledger nothing can be asked. Whether the ledger itself is sound is [`super::check_ledger`]'s matter.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::code;
use crate::model::{
    AddressMap, Binding, Delegation, Diagnostic, Ledger, MapId, Ownership, Place, Prefix, Service, Severity,
    StaticIps,
};

/// A ledger, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct LedgerIndex {
    ledger: Arc<Ledger>,
    /// First address and number of each prefix, sorted: they do not overlap.
    starts: Vec<(IpAddr, usize)>,
    /// The lease of each leased address.
    leased: HashMap<IpAddr, usize>,
    /// The lease of each map that is for leased addresses.
    maps: HashMap<MapId, usize>,
}

/// By what an address may serve in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right<'l> {
    /// It lies in a prefix of the map's account.
    Owned(&'l Prefix, &'l Binding),
    /// It lies in what the owner of the prefix delegated to the account.
    Delegated(&'l Prefix, &'l Binding, &'l Delegation),
    /// It is leased to the account for this map.
    Leased(&'l StaticIps),
}

/// Why an address may not serve in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'l> {
    /// It lies in no prefix and is not leased.
    Unknown,
    /// It lies in a prefix of another account, which did not delegate it.
    OfAnother(&'l Prefix),
    /// Its prefix is not approved.
    NotApproved(&'l Prefix),
    /// It is bound to another service than CDN, or to none.
    NotCdn(&'l Prefix, Option<&'l Binding>),
    /// It is leased to another account.
    LeasedToAnother(&'l StaticIps),
    /// It is leased to the account for another map.
    LeasedForAnother(&'l StaticIps),
    /// The map is for leased addresses, and this is none of them.
    NotLeased(&'l StaticIps),
    /// It is leased for the map and not in it, which must hold exactly what is leased.
    Missing(&'l StaticIps),
}

/// An address that keeps a map from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ineligible<'l> {
    /// The address.
    pub address: IpAddr,
    /// What is wrong with it.
    pub why: Why<'l>,
}

/// For each address of a map, IPv4 first, by what it may serve in it, or why not. Nothing where there is no ledger.
pub fn of<'l>(
    map: &AddressMap,
    index: &'l LedgerIndex,
) -> impl Iterator<Item = (IpAddr, Result<Right<'l>, Why<'l>>)> {
    let addresses = map.addresses().filter(|_| !index.ledger.is_empty());
    addresses.map(|address| (address, index.right(map, address)))
}

impl LedgerIndex {
    /// Indexes a ledger.
    pub fn new(ledger: Arc<Ledger>) -> LedgerIndex {
        let prefixes = ledger.prefixes.iter().enumerate();
        let mut starts: Vec<(IpAddr, usize)> =
            prefixes.map(|(at, prefix)| (prefix.cidr.network(), at)).collect();
        starts.sort_unstable();
        let leases = || ledger.static_ips.iter().enumerate();
        let leased = leases().flat_map(|(at, lease)| lease.ips.iter().map(move |address| (*address, at)));
        let leased = leased.collect();
        let maps = leases().map(|(at, lease)| (lease.map.clone(), at)).collect();
        LedgerIndex { ledger, starts, leased, maps }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The prefix that an address lies in.
    pub fn prefix_of(&self, address: IpAddr) -> Option<&Prefix> {
        // IPv4 sorts before IPv6.
        let behind = self.starts.partition_point(|(start, _)| *start <= address);
        let (_, at) = self.starts.get(behind.checked_sub(1)?)?;
        self.ledger.prefixes.get(*at).filter(|prefix| prefix.cidr.contains(&address))
    }

    /// By what an address may serve in a map, whether the map holds it or not.
    pub fn right(&self, map: &AddressMap, address: IpAddr) -> Result<Right<'_>, Why<'_>> {
        let lease = |at: Option<&usize>| at.and_then(|at| self.ledger.static_ips.get(*at));
        if let Some(lease) = lease(self.leased.get(&address)) {
            return match () {
                () if lease.account != map.account => Err(Why::LeasedToAnother(lease)),
                () if lease.map != map.id => Err(Why::LeasedForAnother(lease)),
                () => Ok(Right::Leased(lease)),
            };
        }
        if let Some(lease) = self.lease_of(map) {
            return Err(Why::NotLeased(lease));
        }
        let prefix = self.prefix_of(address).ok_or(Why::Unknown)?;
        let delegations = prefix.delegations.iter();
        let mut delegations = delegations
            .filter(|delegation| delegation.account == map.account && delegation.cidr.contains(&address));
        let delegation = delegations.next();
        if prefix.account != map.account && delegation.is_none() {
            return Err(Why::OfAnother(prefix));
        }
        if !prefix.approved {
            return Err(Why::NotApproved(prefix));
        }
        let binding = prefix.binding(address);
        match (binding.filter(|binding| binding.service == Service::Cdn), delegation) {
            (None, _) => Err(Why::NotCdn(prefix, binding)),
            (Some(binding), Some(delegation)) => Ok(Right::Delegated(prefix, binding, delegation)),
            (Some(binding), None) => Ok(Right::Owned(prefix, binding)),
        }
    }

    /// The lease that a map is for.
    fn lease_of(&self, map: &AddressMap) -> Option<&StaticIps> {
        let lease = self.ledger.static_ips.get(*self.maps.get(&map.id)?)?;
        (lease.account == map.account).then_some(lease)
    }

    /// What keeps a map from serving, be it enabled or not. Nothing where there is no ledger.
    pub fn ineligible(&self, map: &AddressMap) -> Vec<Ineligible<'_>> {
        let held =
            of(map, self).filter_map(|(address, right)| Some(Ineligible { address, why: right.err()? }));
        let mut found: Vec<Ineligible<'_>> = held.collect();
        if let Some(lease) = self.lease_of(map) {
            let missing = lease.ips.iter().filter(|leased| !map.addresses().any(|held| held == **leased));
            found.extend(missing.map(|address| Ineligible { address: *address, why: Why::Missing(lease) }));
        }
        found
    }

    /// What is to be told of a map: errors where it is enabled and `ownership` enforces, warnings where it is not
    /// enabled yet, and where it uses what is withdrawn (semantics 3.15).
    pub fn findings(&self, map: &AddressMap, ownership: Ownership) -> Vec<Diagnostic> {
        if ownership == Ownership::Off {
            return Vec::new();
        }
        let mut found: Vec<Diagnostic> =
            self.ineligible(map).iter().map(|ineligible| ineligible.told(map, ownership)).collect();
        let mut told: Vec<&Prefix> = Vec::new();
        for (address, right) in of(map, self).filter(|_| map.enabled) {
            let Ok(Right::Owned(prefix, _) | Right::Delegated(prefix, ..)) = right else { continue };
            if !prefix.advertised && !told.contains(&prefix) {
                told.push(prefix);
                let message = format!(
                    "map {} has addresses of a prefix that is not announced: {}",
                    map.id, prefix.cidr
                );
                let hint = format!(
                    "they are answered all the same; announce the prefix and write advertised = true at {}",
                    prefix.place
                );
                let place = map.place_of(address);
                found.push(Diagnostic::warning(code::WITHDRAWN_PREFIX, place, message).hint(hint));
            }
        }
        found
    }
}

impl Right<'_> {
    /// Where that is written.
    pub fn place(&self) -> &Place {
        match self {
            Right::Owned(prefix, _) => &prefix.place,
            Right::Delegated(_, _, delegation) => &delegation.place,
            Right::Leased(lease) => &lease.place,
        }
    }
}

/// What it is, as the end of a sentence that begins with the address.
impl fmt::Display for Right<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |f: &mut fmt::Formatter<'_>, prefix: &Prefix, binding: &Binding| {
            let announced = if prefix.advertised { "" } else { ", which is not announced" };
            match binding.cidr == prefix.cidr {
                true => write!(f, "{announced}, bound to {}", binding.service.as_str()),
                false => write!(f, "{announced}, {} bound to {}", binding.cidr, binding.service.as_str()),
            }
        };
        match self {
            Right::Owned(prefix, binding) => {
                write!(f, "in prefix {} of account {}", prefix.cidr, prefix.account)?;
                bound(f, prefix, binding)
            }
            Right::Delegated(prefix, binding, delegation) => {
                let Prefix { cidr, account, .. } = prefix;
                write!(f, "in {}, delegated from prefix {cidr} of account {account}", delegation.cidr)?;
                bound(f, prefix, binding)
            }
            Right::Leased(lease) => write!(f, "leased to account {} for this map", lease.account),
        }
    }
}

impl Why<'_> {
    /// The entry of the ledger that stands against it.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Why::Unknown => None,
            Why::NotCdn(_, Some(binding)) => Some(&binding.place),
            Why::OfAnother(prefix) | Why::NotApproved(prefix) | Why::NotCdn(prefix, None) => {
                Some(&prefix.place)
            }
            Why::LeasedToAnother(lease)
            | Why::LeasedForAnother(lease)
            | Why::NotLeased(lease)
            | Why::Missing(lease) => Some(&lease.place),
        }
    }
}

/// What it is, as the end of a sentence that begins with the address. Whose another account's addresses are is not
/// said.
impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Unknown => f.write_str("in no prefix of the ledger"),
            Why::OfAnother(_) => f.write_str("in another account's prefix"),
            Why::NotApproved(prefix) => write!(f, "in prefix {}, which is not approved", prefix.cidr),
            Why::NotCdn(prefix, None) => write!(f, "in prefix {}, bound to no service", prefix.cidr),
            Why::NotCdn(_, Some(binding)) => {
                write!(f, "in {}, bound to {} and not to CDN", binding.cidr, binding.service.as_str())
            }
            Why::LeasedToAnother(_) => f.write_str("leased to another account"),
            Why::LeasedForAnother(lease) => write!(f, "leased for map {} and no other", lease.map),
            Why::NotLeased(_) => f.write_str("not leased, as all addresses of this map are"),
            Why::Missing(_) => f.write_str("leased for this map and not in it"),
        }
    }
}

impl Ineligible<'_> {
    fn told(&self, map: &AddressMap, ownership: Ownership) -> Diagnostic {
        let Ineligible { address, why } = self;
        let (account, id) = (&map.account, &map.id);
        let severity = match map.enabled && ownership == Ownership::Enforce {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let later = if map.enabled { "" } else { " once that is enabled" };
        if let Why::Missing(_) = why {
            let message =
                format!("map {id} does not hold an address that is leased for it{later}: {address}");
            let found = Diagnostic::new(severity, code::LEASED_ADDRESS_MISSING, map.place.clone(), message);
            return found.hint("write all leased addresses in the map, and no others");
        }
        let hint = match why {
            Why::Unknown | Why::OfAnother(_) => {
                format!("use an address of a prefix of account {account}, or one delegated or leased to it")
            }
            Why::NotApproved(_) => "use another address until the prefix is approved".to_owned(),
            Why::NotCdn(..) => "use another address, or have it bound to CDN".to_owned(),
            Why::LeasedToAnother(_) | Why::LeasedForAnother(_) => {
                "a leased address serves in the one map that it is leased for: use another one".to_owned()
            }
            Why::NotLeased(_) | Why::Missing(_) => {
                "write it in another map; this one holds the leased addresses and no others".to_owned()
            }
        };
        let message = format!("an address may not serve in map {id}{later}, it is {why}: {address}");
        Diagnostic::new(severity, code::INELIGIBLE_ADDRESS, map.place_of(*address), message).hint(hint)
    }
}

#[cfg(test)]
mod tests;
