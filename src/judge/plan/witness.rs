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
    let mut names = BTreeSet::new();
    for snapshot in [before, after] {
        for entry in snapshot.zones.iter() {
            let origin = origin(entry);
            let whole = touched.zones.contains(&origin)
                || touched.aliases.contains(&origin)
                || !hooks.are_empty() && (hooks.hold(entry) || entry.zone.has_aliases());
            // The DS of an apex is answered by the zone above, whether that has the name or not.
            let above = [before, after].map(|snapshot| {
                let above = snapshot.zones.closest(&snapshot.seed, entry.zone.origin(), 1);
                above.is_some_and(|above| touched.zones.contains(&self::origin(above)))
            });
            if whole || above.contains(&true) {
                names.insert(origin.clone());
            }
            // Names of zones above and below those that came or went.
            let near = |name: &Name| {
                let came = |zone: &Name| {
                    let there = |snapshot: &Snapshot| {
                        snapshot.zones.get(&snapshot.seed, &zone.to_lower_wire()).map(|entry| entry.account)
                    };
                    name.is_at_or_below(zone) && there(before) != there(after)
                };
                touched.zones.iter().any(came)
            };
            for node in entry.zone.nodes() {
                let name = NameBuf::concat(node.relative_name(), origin.as_wire());
                let name = name.expect("a name of a zone is no longer than names are").to_name();
                if whole || near(&name) {
                    names.extend(name.child(BELOW));
                    names.insert(name);
                }
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
