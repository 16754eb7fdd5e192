//! Things of which the server has only one, wanted by two accounts: a zone, a map id, the default server name of an
//! address. What is served keeps it, the newcomer is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Plan, ZonePlan, maps_after};
use crate::addrmap::code;
use crate::control::SourcePath;
use crate::control::books::Books;
use crate::control::desk::Desk;
use crate::control::faults;
use crate::model::{AccountId, AddressMap, Diagnostic, MapId, Unit};
use crate::wire::Name;

/// What the plans together cannot be. Each fault with the unit of the newcomer.
pub(in crate::control) fn conflicts(
    books: &Books,
    plans: &[Plan],
    desk: &Desk<'_>,
) -> Vec<(Unit, Diagnostic)> {
    let mut found = zones(books, plans, desk);
    found.extend(map_ids(books, plans));
    found.extend(default_snis(books, plans));
    found
}

fn zones(books: &Books, plans: &[Plan], desk: &Desk<'_>) -> Vec<(Unit, Diagnostic)> {
    let mut removed: BTreeSet<&SourcePath> = BTreeSet::new();
    let mut claims: BTreeMap<&Name, Vec<(&Plan, &SourcePath)>> = BTreeMap::new();
    for plan in plans {
        removed.extend(plan.files.iter().filter(|(_, copy)| copy.is_none()).map(|(path, _)| path));
        for (origin, (path, zone)) in &plan.zones {
            let served = books.zones.get(origin).filter(|zone| zone.path == *path && !zone.faulty);
            match zone {
                ZonePlan::Removed => {}
                _ if served.is_none() => claims.entry(origin).or_default().push((plan, path)),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    for (origin, claims) in claims {
        let holder = books
            .zones
            .get(origin)
            .map(|zone| &zone.path)
            .filter(|path| !removed.contains(path) && !claims.iter().any(|(_, claim)| claim == path));
        let all: Vec<&SourcePath> = claims.iter().map(|(_, path)| *path).chain(holder).collect();
        for (plan, path) in &claims {
            let Some(other) = all.iter().find(|other| *other != path) else { continue };
            let other = (other.account() == path.account()).then(|| desk.shown(other));
            let diagnostic = faults::zone_in_two_files(origin, &desk.shown(path), other.as_ref());
            found.push((plan.unit.clone(), diagnostic));
        }
    }
    found
}

/// The plans for accounts whose maps change, with the maps that they would have.
fn with_maps<'p>(books: &Books, plans: &'p [Plan]) -> Vec<(&'p AccountId, Vec<Arc<AddressMap>>)> {
    plans
        .iter()
        .filter(|plan| plan.changes_maps())
        .filter_map(|plan| Some((plan.account()?, maps_after(books, plan.account()?, plan))))
        .collect()
}

fn map_ids(books: &Books, plans: &[Plan]) -> Vec<(Unit, Diagnostic)> {
    let planned = with_maps(books, plans);
    let mut kept: HashMap<&AccountId, BTreeSet<&MapId>> = HashMap::new();
    let mut wanted: BTreeMap<&MapId, BTreeSet<&AccountId>> = BTreeMap::new();
    for (account, maps) in &planned {
        kept.insert(account, maps.iter().map(|map| &map.id).collect());
        for map in maps {
            wanted.entry(&map.id).or_default().insert(account);
        }
    }
    let mut found = Vec::new();
    for (account, maps) in &planned {
        for map in maps {
            let holders = books.map_ids.get(&map.id);
            if holders.is_some_and(|holders| holders.contains(*account)) {
                continue;
            }
            let keeps = |other: &&AccountId| kept.get(*other).is_none_or(|ids| ids.contains(&map.id));
            let held =
                holders.into_iter().flatten().filter(|other| other != account).any(|other| keeps(&other));
            let contested = wanted.get(&map.id).is_some_and(|accounts| accounts.len() > 1);
            if held || contested {
                let message = format!("map id of another account's map: {}", map.id);
                let diagnostic = Diagnostic::error(code::DUPLICATE_MAP_ID, map.place.clone(), message);
                let diagnostic = diagnostic.hint("ids are unique on the server: give the map another id");
                found.push((Unit::Account((*account).clone()), diagnostic));
            }
        }
    }
    found
}

fn default_snis(books: &Books, plans: &[Plan]) -> Vec<(Unit, Diagnostic)> {
    let planned = with_maps(books, plans);
    let served =
        |account: &AccountId| books.accounts.get(account).map(|served| served.maps()).unwrap_or_default();
    let newcomers: Vec<(&AccountId, &Arc<AddressMap>)> = planned
        .iter()
        .flat_map(|(account, maps)| {
            let before = served(account);
            let new = maps.iter().filter(move |map| named(map).is_some() && !before.contains(map));
            new.map(|map| (*account, map))
        })
        .collect();
    if newcomers.is_empty() {
        return Vec::new();
    }
    let others = books.accounts.iter().filter(|(account, _)| !planned.iter().any(|(of, _)| of == account));
    let mut names: HashMap<IpAddr, BTreeMap<String, BTreeSet<AccountId>>> = HashMap::new();
    let all = planned.iter().map(|(account, maps)| ((*account).clone(), maps.clone()));
    for (account, maps) in all.chain(others.map(|(account, served)| (account.clone(), served.maps()))) {
        for map in &maps {
            let Some(name) = named(map) else { continue };
            for address in addresses(map) {
                let by_name = names.entry(address).or_default();
                by_name.entry(name.clone()).or_default().insert(account.clone());
            }
        }
    }
    let mut found = Vec::new();
    for (account, map) in newcomers {
        let name = named(map);
        let contested = addresses(map).find(|address| {
            names.get(address).is_some_and(|by_name| {
                by_name.iter().any(|(other, accounts)| {
                    Some(other) != name.as_ref() && accounts.iter().any(|other| other != account)
                })
            })
        });
        if let Some(address) = contested {
            let message = format!("address {address} has another default_sni in another account's map");
            let diagnostic = Diagnostic::error(code::TWO_DEFAULT_SNIS, map.place.clone(), message);
            let diagnostic =
                diagnostic.hint("write the same default_sni for the address, or use another address");
            found.push((Unit::Account(account.clone()), diagnostic));
        }
    }
    found
}

/// The default server name of an enabled map.
fn named(map: &AddressMap) -> Option<String> {
    let name = map.default_sni.as_ref().filter(|_| map.enabled)?;
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

fn addresses(map: &AddressMap) -> impl Iterator<Item = IpAddr> {
    let ipv4 = map.ipv4.iter().copied().map(IpAddr::from);
    ipv4.chain(map.ipv6.iter().copied().map(IpAddr::from))
}
