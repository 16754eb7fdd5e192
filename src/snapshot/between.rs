//! What of two snapshots may differ where nobody knows how the one came from the other.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::{AccountIndex, Owned, SetIndex, Snapshot, Tally, Touched, Weight, ZoneEntry};
use crate::model::{AccountId, AddressSource};
use crate::wire::Name;

impl Touched {
    /// Compares two snapshots of one seed, zone by zone. Where the tables of both say so it is told by set and by
    /// account, else zone by zone: no index need mean the same in both.
    pub fn between(before: &Snapshot, after: &Snapshot) -> Touched {
        let (was, is) = (Sum::of(before), Sum::of(after));
        let mut touched = Touched {
            server: owned(was.tally, is.tally, &was.addresses, &is.addresses),
            ..Touched::default()
        };
        let mut accounts: BTreeSet<AccountId> = BTreeSet::new();
        let mut fallbacks: BTreeSet<AccountIndex> = BTreeSet::new();
        let mut sets: BTreeSet<SetIndex> = BTreeSet::new();
        for entry in after.zones.iter() {
            let there = before.zones.get(&before.seed, entry.zone.origin());
            match there.map_or(Differs::Itself, |there| differs(before, there, after, entry)) {
                Differs::Nothing => continue,
                Differs::Itself => {
                    touched.zones.insert(origin(entry));
                    accounts.extend(there.and_then(|there| account(before, there)));
                    accounts.extend(account(after, entry));
                }
                Differs::Fallback => {
                    fallbacks.insert(entry.account);
                }
                Differs::Set(set) => {
                    sets.insert(set);
                }
            }
        }
        for entry in before.zones.iter() {
            if after.zones.get(&after.seed, entry.zone.origin()).is_none() {
                touched.zones.insert(origin(entry));
                accounts.extend(account(before, entry));
            }
        }
        let heavy = |weight: &Weight| weight.names > 0;
        touched.fallbacks = (fallbacks.into_iter())
            .map(|index| (index, is.falling.get(&index).copied().unwrap_or_default()))
            .filter(|(_, weight)| heavy(weight))
            .collect();
        touched.sets = (sets.into_iter())
            .map(|index| (index, is.weights.get(&index).copied().unwrap_or_default()))
            .filter(|(_, weight)| heavy(weight))
            .collect();
        touched.owners =
            touched.sets.iter().filter_map(|(set, _)| Some((*set, *is.owners.get(set)?))).collect();
        let indices = touched.fallbacks.iter().map(|(index, _)| index).chain(touched.owners.values());
        let of_sets = indices.filter_map(|index| after.accounts.get(*index));
        accounts.extend(of_sets.map(|account| account.id.clone()));
        let nothing = OfAccount::default();
        touched.accounts = (accounts.into_iter())
            .map(|id| {
                let [was, is] = [&was, &is].map(|sum| sum.accounts.get(&id).unwrap_or(&nothing));
                let owned = owned(was.tally, is.tally, &was.addresses, &is.addresses);
                (id, owned)
            })
            .collect();
        touched.aliases = aliases(before, after, &touched.zones);
        touched
    }
}

/// What is counted of a snapshot.
#[derive(Default)]
struct Sum<'s> {
    tally: Tally,
    weights: HashMap<SetIndex, Weight>,
    falling: HashMap<AccountIndex, Weight>,
    owners: HashMap<SetIndex, AccountIndex>,
    addresses: HashSet<IpAddr>,
    accounts: HashMap<&'s AccountId, OfAccount>,
}

#[derive(Default)]
struct OfAccount {
    tally: Tally,
    addresses: HashSet<IpAddr>,
}

impl Sum<'_> {
    fn of(snapshot: &Snapshot) -> Sum<'_> {
        let mut sum = Sum::default();
        for entry in snapshot.zones.iter() {
            let (weight, tally) = (Weight::of(&entry.zone), Tally::of(&entry.zone));
            sum.tally += tally;
            if let Some(account) = snapshot.accounts.get(entry.account) {
                sum.accounts.entry(&account.id).or_default().tally += tally;
            }
            let set = match entry.own_set {
                Some(set) => Some((AddressSource::ZoneMap, set)),
                None => {
                    *sum.falling.entry(entry.account).or_default() += weight;
                    fallback(snapshot, entry.account)
                }
            };
            let Some((source, set)) = set else { continue };
            *sum.weights.entry(set).or_default() += weight;
            if source != AddressSource::AnycastDefaults {
                sum.owners.insert(set, entry.account);
            }
        }
        for (index, _) in sum.weights.iter().filter(|(_, weight)| weight.names > 0) {
            let Some(set) = snapshot.sets.get(*index) else { continue };
            sum.addresses.extend(set.addresses());
            let owner = sum.owners.get(index).and_then(|owner| snapshot.accounts.get(*owner));
            if let Some(owner) = owner {
                sum.accounts.entry(&owner.id).or_default().addresses.extend(set.addresses());
            }
        }
        sum
    }
}

fn owned(before: Tally, after: Tally, was: &HashSet<IpAddr>, is: &HashSet<IpAddr>) -> Owned {
    Owned { before, after, addresses: was.len() as u64, gone: was.difference(is).copied().collect() }
}

fn fallback(snapshot: &Snapshot, account: AccountIndex) -> Option<(AddressSource, SetIndex)> {
    snapshot.accounts.get(account)?.falls_to()
}

fn account(snapshot: &Snapshot, entry: &ZoneEntry) -> Option<AccountId> {
    snapshot.accounts.get(entry.account).map(|account| account.id.clone())
}

fn origin(entry: &ZoneEntry) -> Name {
    Name::from_wire(entry.zone.origin()).expect("the origin of a zone is a name")
}

/// What of a zone that both have is another.
enum Differs {
    Nothing,
    /// The zone, its account or what governs it.
    Itself,
    /// What its account falls back to.
    Fallback,
    /// The addresses of the map that governs it.
    Set(SetIndex),
}

fn differs(before: &Snapshot, was: &ZoneEntry, after: &Snapshot, is: &ZoneEntry) -> Differs {
    if was.zone != is.zone || was.ipv6 != is.ipv6 || account(before, was) != account(after, is) {
        return Differs::Itself;
    }
    if before.governing(was) == after.governing(is) {
        return Differs::Nothing;
    }
    if (was.account, was.own_set) != (is.account, is.own_set) {
        return Differs::Itself;
    }
    let set = match is.own_set {
        Some(set) => set,
        None => match (fallback(before, was.account), fallback(after, is.account)) {
            (Some(was), Some(is)) if was == is => is.1,
            _ => return Differs::Fallback,
        },
    };
    let map = |snapshot: &Snapshot| snapshot.sets.get(set).map(|set| set.map.clone());
    if map(before) == map(after) { Differs::Set(set) } else { Differs::Itself }
}

/// The zones beside those given that hold aliases that may lead there, by however many steps.
fn aliases(before: &Snapshot, after: &Snapshot, zones: &BTreeSet<Name>) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    if zones.is_empty() {
        return found;
    }
    let mut led_to = zones.clone();
    let mut others: Vec<(&ZoneEntry, Name)> = (after.zones.iter())
        .filter(|entry| entry.zone.has_aliases())
        .map(|entry| (entry, origin(entry)))
        .filter(|(_, origin)| !zones.contains(origin))
        .collect();
    loop {
        let known = led_to.len();
        others.retain(|(entry, origin)| {
            let leads = entry.zone.aliases().any(|(node, target)| {
                // Whatever zone holds the target, or that of a DNAME above the targets that it makes.
                let holds = |snapshot: &Snapshot| {
                    let entry = snapshot.zones.closest(&snapshot.seed, target.as_wire(), 0);
                    entry.is_some_and(|entry| led_to.contains(&self::origin(entry)))
                };
                let target_name = target.to_name();
                let below = || led_to.range(target_name.clone()..).next();
                holds(before)
                    || holds(after)
                    || node.is_dname() && below().is_some_and(|zone| zone.is_at_or_below(&target_name))
            });
            if leads {
                led_to.insert(origin.clone());
                found.insert(origin.clone());
            }
            !leads
        });
        if led_to.len() == known {
            return found;
        }
    }
}
