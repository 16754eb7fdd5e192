//! Checks over all files together: what no single file can know.
//!
//! Invariant: a fault of one account never holds another. Where two accounts want the same (a map id, an address
//! with another default server name), the operator's map keeps it and the other one is told; where neither is the
//! operator's, both are told and neither is held.

mod conflicts;
mod ledger;
mod members;
mod reach;

use std::collections::{BTreeSet, HashMap};

use super::precedence::Precedence;
use crate::model::table::in_file_order;
use crate::model::{AccountId, AddressMap, Diagnostic, LoadedZone, Place, Unit, World, ZoneContent};
use crate::wire::{Name, RrType};

pub(super) use ledger::check_ledger;

pub(super) fn check(world: &World) -> Vec<(Unit, Diagnostic)> {
    let mut context = Context::new(world);
    conflicts::check(&mut context);
    members::check(&mut context);
    reach::check(&mut context);
    ledger::check(&mut context);
    let mut found = context.found;
    found.sort_by(|a, b| in_file_order(&a.1, &b.1).then_with(|| a.0.cmp(&b.0)));
    found.dedup();
    found
}

/// What all checks look things up in.
struct Context<'w> {
    world: &'w World,
    precedence: Precedence<'w>,
    /// Every zone of the server, whosever it is.
    zones: HashMap<&'w Name, Zone<'w>>,
    /// The origins of each account, in the order of the world.
    by_account: HashMap<&'w AccountId, Vec<&'w Name>>,
    found: Vec<(Unit, Diagnostic)>,
}

/// A zone and what is known of its proxied names.
#[derive(Clone, Copy)]
struct Zone<'w> {
    loaded: &'w LoadedZone,
    proxied: Proxied,
}

/// Whether addresses of a map are answered for a zone at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proxied {
    Yes,
    NoRecord,
    Paused,
    DnsOnly,
    /// The zone's files have an error.
    Unknown,
}

impl<'w> Context<'w> {
    fn new(world: &'w World) -> Context<'w> {
        let mut by_account: HashMap<&AccountId, Vec<&Name>> = HashMap::new();
        let mut zones = HashMap::new();
        for loaded in &world.zones {
            by_account.entry(&loaded.account).or_default().push(&loaded.origin);
            zones.insert(&loaded.origin, Zone { loaded, proxied: proxied(world, loaded) });
        }
        Context { world, precedence: Precedence::new(world), zones, by_account, found: Vec::new() }
    }

    /// The account's own zone of that origin.
    fn own_zone(&self, account: &AccountId, origin: &Name) -> Option<Zone<'w>> {
        self.zones.get(origin).filter(|zone| zone.loaded.account == *account).copied()
    }

    /// The account's zones.
    fn zones_of(&self, account: &AccountId) -> Vec<Zone<'w>> {
        let origins = self.by_account.get(account).map(Vec::as_slice).unwrap_or_default();
        origins.iter().filter_map(|origin| self.zones.get(origin)).copied().collect()
    }

    /// The zone of the server that holds a name.
    fn enclosing(&self, name: &Name) -> Option<Zone<'w>> {
        let mut candidate = Some(name.clone());
        while let Some(name) = candidate {
            if let Some(zone) = self.zones.get(&name) {
                return Some(*zone);
            }
            candidate = name.parent();
        }
        None
    }

    /// Whether the server knows the account otherwise than from an operator's map.
    fn knows_account(&self, account: &AccountId) -> bool {
        self.by_account.contains_key(account)
            || self.world.accounts.get(account).is_some_and(|settings| settings.place.is_some())
    }

    fn tell(&mut self, unit: Unit, found: Diagnostic, hint: impl Into<String>) {
        self.found.push((unit, found.hint(hint)));
    }

    /// Tells the account of a map, wherever the map is written.
    fn tell_map(&mut self, map: &AddressMap, found: Diagnostic, hint: impl Into<String>) {
        self.tell(Unit::Account(map.account.clone()), found, hint);
    }
}

fn proxied(world: &World, zone: &LoadedZone) -> Proxied {
    let ZoneContent::Good(data) = &zone.content else { return Proxied::Unknown };
    let takes_addresses = |rtype| matches!(rtype, RrType::A | RrType::AAAA | RrType::CNAME);
    if !data.records.iter().any(|record| record.is_proxied() && takes_addresses(record.rtype)) {
        return Proxied::NoRecord;
    }
    match world.accounts.get(&zone.account) {
        Some(settings) if settings.enforce_dns_only => Proxied::DnsOnly,
        Some(settings) if !settings.proxies(&zone.origin) => Proxied::Paused,
        _ => Proxied::Yes,
    }
}

/// Where the first proxied record of a zone stands.
fn proxied_place(zone: &LoadedZone) -> Option<Place> {
    let ZoneContent::Good(data) = &zone.content else { return None };
    data.records.iter().find(|record| record.is_proxied()).map(|record| data.place(record))
}

/// `a`, `a and b`, `a, b and c`; of many the first few.
fn listed<T: std::fmt::Display + Ord>(items: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 5;
    let items: Vec<String> = BTreeSet::from_iter(items).iter().map(T::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] if items.len() <= SHOWN => format!("{} and {last}", rest.join(", ")),
        [first, ..] => {
            let shown = items.get(..SHOWN).map(|shown| shown.join(", ")).unwrap_or_else(|| first.clone());
            format!("{shown} and {} more", items.len() - SHOWN)
        }
    }
}

#[cfg(test)]
mod tests;
