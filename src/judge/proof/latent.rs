//! Disabled maps, each judged as the replacement of the present holder: what would break, were it enabled. A wrong
//! reference that lies dormant goes live the day somebody touches it.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::claims::{Answers, objection};
use super::expected::Zones;
use super::report::Findings;
use super::zone::shown;
use super::{Prover, code};
use crate::model::{
    AddressMap, AddressSource, Diagnostic, MapId, Member, Membership, Severity, Unit, World, ZoneContent,
};
use crate::wire::Name;

/// Tells what disabled maps would break.
pub(super) fn tell(prover: &Prover<'_>, findings: &mut Findings) {
    let world = prover.rules.world;
    for map in world.maps.iter().filter(|map| !map.enabled && !map.memberships.is_empty()) {
        for (code, message, hint) in faults(prover, map) {
            let trigger = format!("enabling map {} would break {code}: {message}", map.id);
            let found = Diagnostic::new(Severity::Warning, code::LATENT_FAULT, map.place.clone(), trigger);
            findings.tell(Unit::Account(map.account.clone()), found.hint(hint), None);
        }
    }
}

/// What a disabled map would break: the code, what is wrong, and what mends it. Each property and assertion once.
fn faults(prover: &Prover<'_>, map: &AddressMap) -> Vec<(&'static str, String, String)> {
    let rules = &prover.rules;
    let ipv4 = map.ipv4.iter().copied().map(IpAddr::from);
    let addresses: Vec<IpAddr> = ipv4.chain(map.ipv6.iter().copied().map(IpAddr::from)).collect();
    let mut found = Vec::new();
    if addresses.is_empty() {
        return found;
    }
    let account = rules.account(&map.account);
    for address in &addresses {
        if let Some(why) = prover.eligibility.objection(map, *address) {
            let hint = format!("remove {address}, or have it put right in the ledger");
            found.push((code::INELIGIBLE_ADDRESS, format!("it gives {address}, but {why}"), hint));
        }
        if account.never_shared() && prover.is_shared(*address) {
            let what = format!("account {} is never answered {address} of [anycast]", map.account);
            found.push((code::SHARED_ADDRESS, what, format!("remove {address}")));
        }
    }
    if prover.claims.is_empty() {
        return found;
    }
    let source = if map.is_account_wide() { AddressSource::AccountMap } else { AddressSource::ZoneMap };
    let mut broken = BTreeSet::new();
    let zones = Zones::new(rules);
    for place in prover.would_govern(map) {
        let zone = zones.named(place);
        let mut addresses = addresses.clone();
        addresses.retain(|address| address.is_ipv4() || zone.ipv6);
        let answers = Answers { map: Some(&map.id), source: Some(source), addresses: &addresses };
        for assertion in prover.claims.about(&zone) {
            let Some((code, what, hint)) = objection(assertion, &answers) else { continue };
            if broken.insert((&assertion.place, code)) {
                found.push((code, format!("{what} ({}): zone {}", assertion.place, shown(&zone)), hint));
            }
        }
    }
    found
}

impl<'w> Prover<'w> {
    /// The zones with proxied names that a disabled map would govern, were it enabled in place of the present holders.
    fn would_govern(&self, map: &AddressMap) -> Vec<u32> {
        let rules = &self.rules;
        let world = rules.world;
        let is_own = |place: &u32| {
            let zone = &world.zones[*place as usize];
            zone.account == map.account && has_proxied(zone)
        };
        let mut places: BTreeSet<u32> =
            map.zones().filter_map(|(origin, _)| rules.zone_at(origin)).filter(is_own).collect();
        if map.is_account_wide() {
            let free = |place: &u32| rules.naming(*place, &map.account).all(AddressMap::is_empty);
            let own = self.of_account.get(&map.account).map(Vec::as_slice).unwrap_or_default();
            places.extend(own.iter().copied().filter(is_own).filter(free));
        }
        places.into_iter().collect()
    }
}

fn has_proxied(zone: &crate::model::LoadedZone) -> bool {
    match &zone.content {
        ZoneContent::Good(data) => data.records.iter().any(crate::model::Record::is_proxied),
        ZoneContent::Faulty => false,
    }
}

/// The world in which a disabled map is enabled and replaces those that hold its members now. `None` where there is no
/// such map.
pub fn if_enabled(world: &World, id: &MapId) -> Option<World> {
    let chosen = world.maps.iter().find(|map| map.id == *id)?.clone();
    let taken: HashSet<&Name> = chosen.zones().map(|(origin, _)| origin).collect();
    let mut world = world.clone();
    for map in &mut world.maps {
        if map.id == *id {
            *map = Arc::new(AddressMap { enabled: true, ..(**map).clone() });
            continue;
        }
        let is_rival = map.enabled && !map.immutable && map.account == chosen.account && !chosen.immutable;
        let is_taken = |membership: &&Membership| match &membership.member {
            Member::Account => chosen.is_account_wide(),
            Member::Zone(origin) => taken.contains(origin),
        };
        if is_rival && map.memberships.iter().any(|membership| is_taken(&membership)) {
            let kept = map.memberships.iter().filter(|membership| !is_taken(membership)).cloned();
            *map = Arc::new(AddressMap { memberships: kept.collect(), ..(**map).clone() });
        }
    }
    Some(world)
}
