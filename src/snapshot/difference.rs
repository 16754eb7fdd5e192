//! What two snapshots answer differently.

use super::{Snapshot, ZoneEntry};
use crate::wire::Name;

impl Snapshot {
    /// The origins of the zones that the two answer differently or that only one of them has, sorted. What counts is
    /// what is answered: the data, the account, the governing set and its level; not where it stands in the tables.
    /// Both must have been made with one seed, because compiled data depends on it.
    pub fn differences(&self, other: &Snapshot) -> Vec<Name> {
        let differing = self.zones.iter().filter(|entry| {
            let there = other.zones.get(&other.seed, entry.zone.origin());
            there.is_none_or(|there| !self.answers_as(entry, other, there))
        });
        let only_there =
            other.zones.iter().filter(|there| self.zones.get(&self.seed, there.zone.origin()).is_none());
        let mut origins: Vec<Name> = (differing.chain(only_there))
            .map(|entry| Name::from_wire(entry.zone.origin()).expect("the origin of a zone is a name"))
            .collect();
        origins.sort();
        origins
    }

    fn answers_as(&self, here: &ZoneEntry, other: &Snapshot, there: &ZoneEntry) -> bool {
        let account = |snapshot: &Snapshot, entry: &ZoneEntry| {
            snapshot.accounts.get(entry.account).map(|account| account.id.clone())
        };
        here.zone == there.zone
            && here.ipv6 == there.ipv6
            && account(self, here) == account(other, there)
            && self.governing(here) == other.governing(there)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::super::{Account, AddressSet, Fallback, Seed, Zone};
    use super::*;
    use crate::model::{AccountId, AddressSource, MapId};
    use crate::wire::edns::ExtendedError;

    /// Two accounts, a set each; `shift` moves all indices without changing an answer.
    fn snapshot(seed: &Seed, shift: u32, zones: &[(&str, u32, Option<u32>, bool)]) -> Snapshot {
        let mut snapshot = Snapshot::empty(1, seed.clone());
        let set = |map: &str, last| AddressSet::new(MapId::new(map), &[Ipv4Addr::new(192, 0, 2, last)], &[]);
        let account = |id: &str, fallback| Account { id: AccountId::new(id).unwrap(), fallback };
        let left_over = account("gone", Fallback::Nothing(ExtendedError { code: 0, text: "gone" }));
        let accounts = [
            account("acme", Fallback::Set(AddressSource::AccountMap, shift)),
            account("globex", Fallback::Nothing(ExtendedError { code: 0, text: "nothing" })),
        ];
        let left = vec![left_over; shift as usize];
        snapshot.accounts = left.into_iter().chain(accounts).collect();
        let left: Vec<_> = (0..shift).map(|_| Arc::new(set("gone", 9))).collect();
        snapshot.sets =
            left.into_iter().chain([Arc::new(set("wide", 1)), Arc::new(set("shop", 2))]).collect();
        for (origin, account, own_set, ipv6) in zones {
            let zone = Zone::faulty(&Name::parse(origin, None).unwrap().to_lower_wire());
            let own_set = own_set.map(|set| set + shift);
            let entry = ZoneEntry { zone, account: account + shift, own_set, ipv6: *ipv6 };
            snapshot.zones.put(seed, entry);
        }
        snapshot
    }

    #[test]
    fn only_what_is_answered_counts() {
        let seed = Seed::random();
        let base = [("a.", 0, None, true), ("b.", 0, Some(1), true), ("c.", 1, None, true)];
        let one = snapshot(&seed, 0, &base);
        assert_eq!(one.differences(&snapshot(&seed, 3, &base)), []);
        for (changed, told) in [
            (("a.", 0, Some(1), true), "a."),
            (("a.", 0, Some(0), true), "a."),
            (("b.", 0, Some(1), false), "b."),
            (("b.", 1, Some(1), true), "b."),
            (("c.", 0, None, true), "c."),
            (("d.", 0, None, true), "d."),
        ] {
            let mut zones = base.to_vec();
            zones.push(changed);
            let other = snapshot(&seed, 2, &zones);
            let told = [Name::parse(told, None).unwrap()];
            assert_eq!(one.differences(&other), told, "{changed:?}");
            assert_eq!(other.differences(&one), told, "{changed:?}");
        }
    }
}
