//! The part of the world that a change is proven in: what it says, and what of the rest can matter for it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::beside::Beside;
use crate::control::desk::{Desk, Found};
use crate::control::engine::Engine;
use crate::control::plan::{Plan, ZonePlan, anycast_after, maps_after};
use crate::control::source::Kind;
use crate::control::{SourcePath, cores};
use crate::model::{
    AccountId, AccountSettings, AddressMap, Ledger, LoadedZone, Prefix, StaticIps, Unit, World, ZoneContent,
};
use crate::snapshot::Snapshot;
use crate::wire::Name;
use crate::zonefile::{self, ReadOptions};

/// Members of a map above which only those that matter are proven.
const MANY: usize = 100;

impl Engine {
    /// What the proof is to look at: the accounts of these plans with all that they say, the zones that change, and of
    /// those that do not a few for each map and account that does.
    pub(in crate::control) fn world_after(
        &self,
        plans: &[Plan],
        snapshot: &Snapshot,
        desk: &Desk<'_>,
    ) -> World {
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let mut world = World {
            anycast: anycast_after(&self.books, operator).cloned(),
            faulty_accounts: self.faulty_after(plans).accounts,
            faulty_operator: self.faulty_after(plans).operator,
            ownership: self.rules.ownership,
            assertions: self.books.assertions_after(plans),
            ..World::default()
        };
        let mut accounts: BTreeSet<AccountId> =
            plans.iter().filter_map(|plan| plan.account().cloned()).collect();
        accounts
            .extend(plans.iter().flat_map(|plan| plan.zones.values()).filter_map(|(path, _)| path.account()));
        let beside = Beside { engine: self, plans, snapshot, assertions: &world.assertions };
        let mut others = if operator.is_some() { beside.of_everyone() } else { BTreeSet::new() };
        let whose = |origin: &Name| Some(self.books.zones.get(origin)?.account.clone());
        accounts.extend(others.iter().filter_map(whose));
        let mut maps_of: Vec<Vec<Arc<AddressMap>>> = Vec::new();
        for account in accounts {
            let plan = plans.iter().find(|plan| plan.account() == Some(&account));
            let served = self.books.accounts.get(&account);
            let before = served.and_then(|served| served.settings.clone());
            let settings = plan.and_then(|plan| plan.settings.clone()).unwrap_or(before);
            let settings = settings
                .map_or_else(|| AccountSettings::new(account.clone()), |settings| (*settings).clone());
            let maps = match plan {
                Some(plan) => maps_after(&self.books, &account, plan),
                None => served.map(|served| served.maps()).unwrap_or_default(),
            };
            if plan.is_some() || operator.is_some() {
                others.extend(beside.of_account(&account, &maps, &settings));
            }
            // One of which nothing is left is no account.
            if !maps.is_empty() || settings.place.is_some() || self.has_zone_after(&account, plans) {
                maps_of.push(maps);
                world.accounts.insert(account, settings);
            }
        }
        let changed: Vec<(&Name, &SourcePath, &Plan)> = plans
            .iter()
            .flat_map(|plan| plan.zones.iter().map(move |(origin, zone)| (origin, zone, plan)))
            .filter(|(_, (_, zone), _)| matches!(zone, ZonePlan::Good(_)))
            .map(|(origin, (path, _), plan)| (origin, path, plan))
            .collect();
        let removed = plans.iter().flat_map(|plan| &plan.zones);
        for (origin, _) in removed {
            others.remove(origin);
        }
        let mut again: BTreeSet<Name> = BTreeSet::new();
        let read = |_: &mut (), zones: &[(&Name, &SourcePath, &Plan)]| -> Vec<LoadedZone> {
            zones
                .iter()
                .filter_map(|(origin, path, plan)| {
                    cores::breathe();
                    self.zone_after(origin, path, plan, &world, desk)
                })
                .collect()
        };
        let new: Vec<LoadedZone> = cores::in_chunks(&changed, read).into_iter().flatten().collect();
        // Those whose settings alone change are as they are remembered.
        again.extend(
            changed
                .iter()
                .filter(|(_, path, plan)| !plan.files.contains_key(*path))
                .map(|(origin, ..)| (*origin).clone()),
        );
        others.extend(again);
        let known = |zone: &LoadedZone| world.accounts.contains_key(&zone.account);
        let others = self.world_of(&others).zones;
        let others: Vec<LoadedZone> = others.into_iter().filter(known).collect();
        world.zones = new;
        world.zones.extend(others);
        let named: BTreeSet<&Name> = world.zones.iter().map(|zone| &zone.origin).collect();
        world.maps = maps_of.into_iter().flatten().map(|map| narrowed(map, &named)).collect();
        world.ledger = Arc::new(concerning(self.books.ledger_after(operator).ledger(), &world.maps));
        world
    }

    /// Whether an account has a zone after plans.
    pub(in crate::control) fn has_zone_after(&self, account: &AccountId, plans: &[Plan]) -> bool {
        let planned = plans.iter().flat_map(|plan| plan.zones.values());
        let is_put = |(path, zone): &(SourcePath, ZonePlan)| {
            !matches!(zone, ZonePlan::Removed) && path.account().as_ref() == Some(account)
        };
        let goes = |origin: &Name| {
            plans.iter().any(|plan| matches!(plan.zones.get(origin), Some((_, ZonePlan::Removed))))
        };
        planned.clone().any(is_put) || self.books.zones_with(account).any(|origin| !goes(&origin))
    }

    /// A zone as its file says.
    pub(in crate::control) fn zone_after(
        &self,
        origin: &Name,
        path: &SourcePath,
        plan: &Plan,
        world: &World,
        desk: &Desk<'_>,
    ) -> Option<LoadedZone> {
        let account = path.account()?;
        let settings = world.accounts.get(&account)?;
        if !plan.files.contains_key(path) || !matches!(path.kind(), Kind::Zone(_)) {
            return None;
        }
        let Found::Content(copy) = desk.read(path) else { return None };
        let namer = desk.namer(path);
        let options = ReadOptions { require_tags: settings.require_tags };
        let data = zonefile::read_zone(&desk.shown(path), &copy.content, origin, options, &namer).0?;
        Some(LoadedZone { origin: origin.clone(), account, content: ZoneContent::Good(Arc::new(data)) })
    }
}

/// A map with those of many members that are looked at: the others make no difference to these.
fn narrowed(map: Arc<AddressMap>, zones: &BTreeSet<&Name>) -> Arc<AddressMap> {
    let members = &map.memberships;
    if members.len() <= MANY.max(zones.len()) {
        return map;
    }
    let looked_at = zones.iter().filter_map(|origin| members.zone(origin));
    let memberships = looked_at.chain(members.account()).cloned().collect();
    Arc::new(AddressMap { memberships, ..(*map).clone() })
}

/// The part of a ledger that can matter for some maps: to index thousands of prefixes for one address would cost more
/// than all else. Something is left of whatever holds something, for without a ledger nothing is enforced.
fn concerning(ledger: &Ledger, maps: &[Arc<AddressMap>]) -> Ledger {
    let mut addresses: Vec<IpAddr> = maps.iter().flat_map(|map| map.addresses()).collect();
    addresses.sort_unstable();
    let covers = |prefix: &&Prefix| {
        let next = addresses.partition_point(|address| *address < prefix.cidr.network());
        addresses.get(next).is_some_and(|address| prefix.cidr.contains(address))
    };
    let leases = |lease: &&StaticIps| lease.ips.iter().any(|ip| addresses.binary_search(ip).is_ok());
    let mut part = Ledger {
        prefixes: ledger.prefixes.iter().filter(covers).cloned().collect(),
        static_ips: ledger.static_ips.iter().filter(leases).cloned().collect(),
    };
    if part.is_empty() {
        part.prefixes.extend(ledger.prefixes.first().cloned());
        part.static_ips.extend(ledger.static_ips.first().cloned());
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MapId, MapOwner, Place};

    /// The ledger of two prefixes and a lease, seen by a map of these addresses.
    fn seen(addresses: &[&str]) -> Vec<String> {
        let file = Arc::from("ledger.toml");
        let place = || Place::file(&file);
        let prefix = |cidr: &str| Prefix {
            cidr: cidr.parse().unwrap(),
            account: AccountId::default_account(),
            asn: None,
            description: None,
            approved: true,
            advertised: true,
            bindings: Vec::new(),
            delegations: Vec::new(),
            place: place(),
        };
        let lease = StaticIps {
            account: AccountId::default_account(),
            map: MapId::new("leased").unwrap(),
            ips: vec!["192.0.2.7".parse().unwrap()],
            place: place(),
        };
        let prefixes = vec![prefix("203.0.113.0/25"), prefix("2001:db8::/48")];
        let ledger = Ledger { prefixes, static_ips: vec![lease] };
        let addresses = addresses.iter().map(|address| address.parse::<IpAddr>().unwrap());
        let map = AddressMap {
            id: MapId::new("one").unwrap(),
            account: AccountId::default_account(),
            description: None,
            enabled: true,
            ipv4: addresses
                .clone()
                .filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None })
                .collect(),
            ipv6: addresses.filter_map(|ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None }).collect(),
            memberships: Vec::new().into(),
            default_sni: None,
            immutable: false,
            owner: MapOwner::Account,
            place: place(),
            address_places: Default::default(),
        };
        let part = concerning(&ledger, &[Arc::new(map)]);
        let prefixes = part.prefixes.iter().map(|prefix| prefix.cidr.to_string());
        prefixes.chain(part.static_ips.iter().map(|lease| lease.map.to_string())).collect()
    }

    #[test]
    fn of_a_ledger_what_covers_an_address_is_looked_at() {
        assert_eq!(seen(&["203.0.113.0"]), ["203.0.113.0/25"]);
        assert_eq!(seen(&["203.0.113.127", "192.0.2.7"]), ["203.0.113.0/25", "leased"]);
        assert_eq!(seen(&["198.51.100.1", "2001:db8:0:ffff::1"]), ["2001:db8::/48"]);
    }

    #[test]
    fn of_a_ledger_that_covers_nothing_something_is_left() {
        assert_eq!(seen(&["203.0.113.128", "203.0.112.255", "2001:db8:1::"]), ["203.0.113.0/25", "leased"]);
        assert_eq!(seen(&[]), ["203.0.113.0/25", "leased"]);
    }
}
