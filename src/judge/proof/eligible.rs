//! Which addresses an account may use, read from the ledger once more.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use ipnet::IpNet;

use crate::model::{AddressMap, Ownership, Prefix, Service, StaticIps, World};

/// The ledger by what is looked for.
#[derive(Debug)]
pub(super) struct Eligibility<'w> {
    /// Nobody looks: there is no ledger, or it does not bind.
    off: bool,
    prefixes: HashMap<IpNet, Vec<&'w Prefix>, RandomState>,
    /// The lengths that occur, longest first.
    lengths: Vec<u8>,
    leased: HashMap<IpAddr, Vec<&'w StaticIps>, RandomState>,
}

impl<'w> Eligibility<'w> {
    pub(super) fn new(world: &'w World) -> Eligibility<'w> {
        let mut prefixes: HashMap<IpNet, Vec<&Prefix>, RandomState> = HashMap::default();
        let mut lengths = BTreeSet::new();
        for prefix in &world.ledger.prefixes {
            lengths.insert(prefix.cidr.prefix_len());
            prefixes.entry(prefix.cidr.trunc()).or_default().push(prefix);
        }
        let mut leased: HashMap<IpAddr, Vec<&StaticIps>, RandomState> = HashMap::default();
        for lease in &world.ledger.static_ips {
            for ip in &lease.ips {
                leased.entry(*ip).or_default().push(lease);
            }
        }
        // Only what is enforced can be broken; the checks of the files warn of the rest.
        let off = world.ledger.is_empty() || world.ownership != Ownership::Enforce;
        Eligibility { off, prefixes, lengths: lengths.into_iter().rev().collect(), leased }
    }

    /// Why an address may not serve in a map; none where it may.
    pub(super) fn objection(&self, map: &AddressMap, address: IpAddr) -> Option<String> {
        if self.off {
            return None;
        }
        if let Some(leases) = self.leased.get(&address) {
            let lease = leases.iter().find(|lease| lease.account == map.account && lease.map == map.id);
            let first = leases.first().filter(|_| lease.is_none())?;
            return Some(format!("it is leased to account {} for map {}", first.account, first.map));
        }
        let Some(prefix) = self.covering(address) else {
            return Some(format!("no prefix of account {} covers it", map.account));
        };
        let delegated = prefix
            .delegations
            .iter()
            .any(|delegation| delegation.account == map.account && delegation.cidr.contains(&address));
        if prefix.account != map.account && !delegated {
            return Some(format!("prefix {} is neither its account's nor delegated to it", prefix.cidr));
        }
        if !prefix.approved {
            return Some(format!("prefix {} is not approved", prefix.cidr));
        }
        let bindings = prefix.bindings.iter().filter(|binding| binding.cidr.contains(&address));
        match bindings.max_by_key(|binding| binding.cidr.prefix_len()) {
            None => Some(format!("prefix {} has no binding for it", prefix.cidr)),
            Some(binding) if binding.service != Service::Cdn => {
                Some(format!("{} is bound to {}, not to CDN", binding.cidr, binding.service.as_str()))
            }
            Some(_) => None,
        }
    }

    /// The most specific prefix that covers an address.
    fn covering(&self, address: IpAddr) -> Option<&'w Prefix> {
        let nets = self.lengths.iter().filter_map(|length| IpNet::new(address, *length).ok());
        nets.into_iter().find_map(|net| self.prefixes.get(&net.trunc())?.first().copied())
    }
}
