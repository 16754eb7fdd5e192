//! Every question that is answered otherwise, asked one by one of names that stand for all.

use std::collections::BTreeSet;

use super::asking::Asker;
use super::sets::Hooks;
use super::zone::TYPES;
use crate::snapshot::{Snapshot, Touched, ZoneEntry};
use crate::wire::{Name, NameBuf, RrType};

/// The label of a name that nobody has, below each of those that somebody has.
pub const BELOW: &[u8] = b"zz-below";

/// The questions that are answered otherwise, of these: every name of a zone, and one below each; every type that is
/// stored in either, and A, AAAA, CNAME and TXT; not the SOA, whose serial changes with every edit. Only what
/// [`super::plan`] looks at is asked, so that this shows whether it looks at enough. It takes a while.
pub fn differing(before: &Snapshot, after: &Snapshot, touched: &Touched) -> BTreeSet<(Name, RrType)> {
    let mut asker = Asker::new(before, after);
    let mut types = BTreeSet::from(TYPES);
    for entry in before.zones.iter().chain(after.zones.iter()) {
        types.extend(entry.zone.nodes().flat_map(|node| node.rrsets().map(|(rtype, _)| rtype)));
    }
    types.remove(&RrType::SOA);
    let hooks = Hooks::of(after, touched);
    let both = [before, after];
    let entries = || both.into_iter().flat_map(|snapshot| snapshot.zones.iter());
    let looked_at: BTreeSet<Name> = entries()
        .filter(|entry| !hooks.are_empty() && (hooks.hold(entry) || entry.zone.has_aliases()))
        .map(origin)
        .chain(touched.zones.iter().chain(&touched.aliases).cloned())
        .collect();
    let came_or_went: Vec<&Name> = (touched.zones.iter())
        .filter(|zone| {
            let account = |snapshot: &Snapshot| {
                snapshot.zones.get(&snapshot.seed, &zone.to_lower_wire()).map(|entry| entry.account)
            };
            account(before) != account(after)
        })
        .collect();
    // What counts is the zone that answers for a name, whichever one has it; for the DS of an apex, the one above.
    let is_looked_at = |name: &Name, skip: usize| {
        both.into_iter().any(|snapshot| {
            let holder = snapshot.zones.closest(&snapshot.seed, &name.to_lower_wire(), skip);
            holder.is_some_and(|holder| looked_at.contains(&origin(holder)))
        })
    };
    let mut names = BTreeSet::new();
    for entry in entries() {
        let origin = origin(entry);
        if is_looked_at(&origin, 0) || is_looked_at(&origin, 1) {
            names.insert(origin.clone());
        }
        for node in entry.zone.nodes() {
            let name = NameBuf::concat(node.relative_name(), origin.as_wire());
            let name = name.expect("a name of a zone is no longer than names are").to_name();
            if is_looked_at(&name, 0) || came_or_went.iter().any(|zone| name.is_at_or_below(zone)) {
                names.extend(name.child(BELOW));
                names.insert(name);
            }
        }
    }
    let mut found = BTreeSet::new();
    for name in names {
        let lower = NameBuf::lower_of(&name);
        let differing = types.iter().filter(|rtype| asker.ask(&lower, **rtype).differs.is_some());
        let differing: Vec<RrType> = differing.copied().collect();
        found.extend(differing.into_iter().map(|rtype| (name.clone(), rtype)));
    }
    found
}

fn origin(entry: &ZoneEntry) -> Name {
    Name::from_wire(entry.zone.origin()).expect("the origin of a zone is a name")
}
