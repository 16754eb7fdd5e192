//! Checks between zones: delegations from a parent to a child that is here too, and targets that are proxied elsewhere.

use std::collections::{HashMap, HashSet};

use super::codes;
use crate::model::{AccountId, Diagnostic, LoadedZone, Place, Record, Unit, World, ZoneContent, ZoneData};
use crate::wire::name::name_len;
use crate::wire::{Name, RrType};

/// Checks every zone against the others.
pub fn check_between(world: &World) -> Vec<(Unit, Diagnostic)> {
    let zones: HashMap<&Name, &ZoneData> = world.zones.iter().filter_map(good).collect();
    let accounts: HashMap<&Name, &AccountId> =
        world.zones.iter().map(|zone| (&zone.origin, &zone.account)).collect();
    let proxied = proxied_names(world);
    let mut findings = Vec::new();
    for (origin, data) in world.zones.iter().filter_map(good) {
        let unit = || Unit::Zone(origin.clone());
        if let Some(diagnostic) = undelegated(&zones, origin, data) {
            findings.push((unit(), diagnostic));
        }
        if let Some(diagnostic) = apex_cname_outside(world, &accounts, origin, data) {
            findings.push((unit(), diagnostic));
        }
        findings.extend(proxied_targets(&proxied, origin, data).map(|diagnostic| (unit(), diagnostic)));
    }
    findings
}

fn good(zone: &LoadedZone) -> Option<(&Name, &ZoneData)> {
    match &zone.content {
        ZoneContent::Good(data) => Some((&zone.origin, data)),
        ZoneContent::Faulty => None,
    }
}

/// A child whose parent is here but does not delegate it: whoever asks the parent's name servers is told that the
/// child's names do not exist.
fn undelegated(zones: &HashMap<&Name, &ZoneData>, origin: &Name, data: &ZoneData) -> Option<Diagnostic> {
    let mut ancestor = origin.parent();
    let parent = loop {
        let name = ancestor?;
        if let Some(parent) = zones.get(&name) {
            break parent;
        }
        ancestor = name.parent();
    };
    // A cut anywhere between the two delegates as well.
    let delegates = |name: &Name| origin.is_at_or_below(name) && *name != parent.origin;
    if parent.records.iter().any(|record| record.rtype == RrType::NS && delegates(&record.owner)) {
        return None;
    }
    let place = Place::file(&data.files[0]);
    let message = format!("the parent zone here does not delegate this zone: {}", parent.origin);
    let hint = format!("add NS records for {origin} to the parent zone");
    let code = codes::CHILD_NOT_DELEGATED;
    Some(Diagnostic::new(code.severity, code.name, place, message).hint(hint))
}

/// A DNS-only CNAME at the apex is answered as the addresses of its target, and only those of the same account are
/// known here.
fn apex_cname_outside(
    world: &World,
    accounts: &HashMap<&Name, &AccountId>,
    origin: &Name,
    data: &ZoneData,
) -> Option<Diagnostic> {
    let cname =
        data.records.iter().find(|record| record.rtype == RrType::CNAME && record.owner == *origin)?;
    let own = *accounts.get(origin)?;
    let proxies = world.accounts.get(own).is_none_or(|account| account.proxies(origin));
    let at_apex = |record: &Record| record.owner == *origin && record.is_proxied();
    if proxies && data.records.iter().any(at_apex) {
        return None;
    }
    let target = Name::from_wire(&cname.rdata).ok()?;
    let mut ancestor = Some(target.clone());
    while let Some(name) = ancestor {
        match accounts.get(&name) {
            Some(account) if *account == own => return None,
            Some(_) => break,
            None => {}
        }
        ancestor = name.parent();
    }
    let code = codes::APEX_CNAME_OUTSIDE;
    let message =
        format!("the CNAME at the apex leads to a name that is not served here for this account: {target}");
    Some(Diagnostic::new(code.severity, code.name, data.place(cname), message).hint(code.hint))
}

fn proxied_names(world: &World) -> HashSet<&Name> {
    let proxies = |zone: &&LoadedZone| {
        world.accounts.get(&zone.account).is_none_or(|account| account.proxies(&zone.origin))
    };
    world
        .zones
        .iter()
        .filter(proxies)
        .filter_map(good)
        .flat_map(|(_, data)| data.records.iter().filter(|record| record.is_proxied()))
        .map(|record| &record.owner)
        .collect()
}

/// MX, SRV and NS records whose target is a proxied name of another zone.
fn proxied_targets<'a>(
    proxied: &'a HashSet<&Name>,
    origin: &'a Name,
    data: &'a ZoneData,
) -> impl Iterator<Item = Diagnostic> + 'a {
    data.records.iter().filter_map(move |record| {
        let at = match record.rtype {
            RrType::NS => 0,
            RrType::MX => 2,
            RrType::SRV => 6,
            _ => return None,
        };
        let wire = record.rdata.get(at..)?;
        let target = Name::from_wire(&wire[..name_len(wire).ok()?]).ok()?;
        if target.is_at_or_below(origin) || !proxied.contains(&target) {
            return None;
        }
        let message = format!("{} points to a proxied name: {target}", record.rtype);
        let code = codes::TARGET_PROXIED;
        Some(Diagnostic::new(code.severity, code.name, data.place(record), message).hint(code.hint))
    })
}
