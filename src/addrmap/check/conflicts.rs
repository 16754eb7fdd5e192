//! Things of which there can be only one: a map id, a zone's governor, an account's governor, an address's default
//! server name.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::{Context, listed};
use crate::addrmap::{code, names};
use crate::model::{AccountId, AddressMap, Diagnostic, MapId, MapOwner, Member, Place, Unit};
use crate::wire::Name;

pub(super) fn check(context: &mut Context<'_>) {
    map_ids(context);
    zones(context);
    accounts(context);
    default_snis(context);
}

fn map_ids(context: &mut Context<'_>) {
    let mut by_id: BTreeMap<&MapId, Vec<&AddressMap>> = BTreeMap::new();
    for map in &context.world.maps {
        by_id.entry(&map.id).or_default().push(map);
    }
    for (id, maps) in by_id.into_iter().filter(|(_, maps)| maps.len() > 1) {
        for (map, unit) in blamed(&maps) {
            let other = maps.iter().find(|other| !std::ptr::eq(**other, map)).map(|other| &other.place);
            let place = other.map(Place::to_string).unwrap_or_default();
            let message = format!("map id twice on the server, the other map is at {place}: {id}");
            let found = Diagnostic::error(code::DUPLICATE_MAP_ID, map.place.clone(), message);
            context.tell(unit, found, "give one of the two another id");
        }
    }
}

/// The maps to be told of a conflict, and what each holds back. Within one account that is all of them. Between
/// accounts the operator's map is left alone. Where none or several are the operator's, all are told and nobody is
/// held: no answer hangs on it, and no account may hold another one back.
fn blamed<'w>(maps: &[&'w AddressMap]) -> Vec<(&'w AddressMap, Unit)> {
    let held = |maps: Vec<&'w AddressMap>| -> Vec<_> {
        maps.into_iter().map(|map| (map, Unit::Account(map.account.clone()))).collect()
    };
    let one_account = maps.windows(2).all(|pair| pair[0].account == pair[1].account);
    if one_account {
        return held(maps.to_vec());
    }
    let (operators, others): (Vec<&AddressMap>, Vec<&AddressMap>) =
        maps.iter().partition(|map| map.owner == MapOwner::Operator);
    let one_holder = operators.windows(2).all(|pair| pair[0].account == pair[1].account);
    if one_holder && !operators.is_empty() && !others.is_empty() {
        return held(others);
    }
    maps.iter().map(|map| (*map, Unit::Nothing)).collect()
}

fn zones(context: &mut Context<'_>) {
    let mut by_zone: HashMap<(&AccountId, &Name), Vec<(&AddressMap, &Place)>> = HashMap::new();
    for map in context.world.maps.iter().filter(|map| map.enabled && !map.immutable) {
        for (origin, place) in map.zones() {
            // A zone of another account is an error of its own, told without saying who has it.
            let foreign = context.zones.get(origin).is_some_and(|zone| zone.loaded.account != map.account);
            if !foreign {
                by_zone.entry((&map.account, origin)).or_default().push((map, place));
            }
        }
    }
    for ((_, origin), governors) in by_zone.into_iter().filter(|(_, governors)| governors.len() > 1) {
        let maps = listed(governors.iter().map(|(map, _)| &map.id));
        let message =
            format!("zone {} is in {} enabled maps: {maps}", names::shown(origin), count(governors.len()));
        two_governors(context, code::ZONE_IN_TWO_MAPS, &governors, &message, "remove it from all but one");
    }
}

fn accounts(context: &mut Context<'_>) {
    let mut ordinary: BTreeMap<&AccountId, Vec<(&AddressMap, &Place)>> = BTreeMap::new();
    let mut immutable: BTreeMap<&AccountId, Vec<(&AddressMap, &Place)>> = BTreeMap::new();
    for map in &context.world.maps {
        let membership = map.memberships.iter().find(|membership| membership.member == Member::Account);
        if map.immutable {
            immutable.entry(&map.account).or_default().push((map, &map.place));
        } else if let Some(membership) = membership.filter(|_| map.enabled) {
            ordinary.entry(&map.account).or_default().push((map, &membership.place));
        }
    }
    for (account, governors) in ordinary.into_iter().filter(|(_, governors)| governors.len() > 1) {
        let maps = listed(governors.iter().map(|(map, _)| &map.id));
        let message = format!("account {account} is in {} enabled maps: {maps}", count(governors.len()));
        two_governors(context, code::ACCOUNT_IN_TWO_MAPS, &governors, &message, "keep it in one of them");
    }
    for (account, maps) in immutable.into_iter().filter(|(_, maps)| maps.len() > 1) {
        let ids = listed(maps.iter().map(|(map, _)| &map.id));
        let message = format!("account {account} has {} immutable maps: {ids}", count(maps.len()));
        for (map, place) in maps {
            let found = Diagnostic::error(code::TWO_IMMUTABLE_MAPS, place.clone(), &*message);
            context.tell_map(map, found, "keep one; an account has one immutable fallback");
        }
    }
}

fn count(number: usize) -> String {
    if number == 2 { "two".to_string() } else { number.to_string() }
}

fn two_governors(
    context: &mut Context<'_>,
    code: &'static str,
    governors: &[(&AddressMap, &Place)],
    message: &str,
    remedy: &str,
) {
    for (map, place) in governors {
        let other = governors.iter().find(|(other, _)| !std::ptr::eq(*other, *map));
        let other =
            other.map(|(other, place)| format!("; map {} has it at {place}", other.id)).unwrap_or_default();
        let found = Diagnostic::error(code, (*place).clone(), message);
        context.tell_map(map, found, format!("{remedy}, or disable the others{other}"));
    }
}

/// Semantics 3.19: an address may be in several maps, unless they name different servers for it.
fn default_snis(context: &mut Context<'_>) {
    let mut by_address: BTreeMap<IpAddr, BTreeMap<String, Vec<&AddressMap>>> = BTreeMap::new();
    for map in context.world.maps.iter().filter(|map| map.enabled) {
        let Some(name) = &map.default_sni else { continue };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let ipv4 = map.ipv4.iter().copied().map(IpAddr::from);
        for address in ipv4.chain(map.ipv6.iter().copied().map(IpAddr::from)) {
            by_address.entry(address).or_default().entry(name.clone()).or_default().push(map);
        }
    }
    let mut told: Vec<Vec<&MapId>> = Vec::new();
    for (address, by_name) in by_address.into_iter().filter(|(_, by_name)| by_name.len() > 1) {
        let maps: Vec<&AddressMap> = by_name.values().flatten().copied().collect();
        let ids: Vec<&MapId> = maps.iter().map(|map| &map.id).collect();
        // Maps that share one address mostly share all.
        if told.contains(&ids) {
            continue;
        }
        told.push(ids);
        let list = by_name
            .iter()
            .filter_map(|(name, maps)| maps.first().map(|map| format!("{name} in map {}", map.id)));
        let message = format!("address {address} has different default_sni: {}", listed(list));
        for (map, unit) in blamed(&maps) {
            let found = Diagnostic::error(code::TWO_DEFAULT_SNIS, map.place.clone(), &*message);
            context.tell(unit, found, "write one default_sni for the address, or use another address");
        }
    }
}
