//! The end of an edit: what it touched.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;
use std::net::IpAddr;
use std::sync::Arc;

use super::builder::Builder;
use super::rest::Rest;
use super::sets::ChangedSets;
use crate::snapshot::{AccountIndex, AddressSet, Owned, SetIndex, Touched, Weight, ZoneEntry};
use crate::wire::Name;

impl Builder {
    /// Stores the sets and counts their addresses anew. Returns the sets of one map whose addresses are others, and
    /// the addresses that no name is answered with any more.
    pub(super) fn store_sets(&mut self, rest: &mut Rest) -> (Vec<(SetIndex, Weight)>, BTreeSet<IpAddr>) {
        let ChangedSets { changed, added } = self.sets.finish();
        rest.cost.sets_stored = changed.len() as u64;
        for &index in changed.keys() {
            self.weighed(index, rest);
        }
        let mut others = Vec::new();
        let mut left: Vec<(Option<AccountIndex>, Arc<AddressSet>)> = Vec::new();
        for (index, before) in std::mem::take(&mut rest.weights) {
            let (now, stored) = (self.scales.weight(index), self.snapshot.sets.get(index));
            let next = changed.get(&index).or(stored);
            let owner = self.scales.owner(index);
            if let Some(state) = owner.and_then(|owner| self.accounts[owner as usize].as_ref()) {
                rest.concern(owner.unwrap_or_default(), state);
            }
            if now.zones > 0 && !added.contains(&index) && stored != next {
                others.push((index, now));
            }
            // What is stored of a map that is gone answered for nothing.
            let was = stored.filter(|_| before.names > 0).cloned();
            let is = next.filter(|_| now.names > 0).cloned();
            if was == is {
                continue;
            }
            self.scales.addresses.change(was.as_deref(), is.as_deref());
            if let Some(state) = owner.and_then(|owner| self.accounts[owner as usize].as_mut()) {
                state.addresses.change(was.as_deref(), is.as_deref());
            }
            left.extend(was.map(|was| (owner, was)));
        }
        self.snapshot.sets.store(changed);
        let mut gone = BTreeSet::new();
        for (owner, set) in left {
            gone.extend(set.addresses().filter(|address| !self.scales.addresses.has(address)));
            let Some(owner) = owner else { continue };
            let Some(concerned) = rest.concerned.get_mut(&owner) else { continue };
            let state = self.accounts[owner as usize].as_ref();
            let still = |address: &IpAddr| state.is_some_and(|state| state.addresses.has(address));
            concerned.owned.gone.extend(set.addresses().filter(|address| !still(address)));
        }
        (others, gone)
    }

    /// All that the edit touched, once everything is stored.
    pub(super) fn touched(&self, mut rest: Rest, server: Owned, sets: Vec<(SetIndex, Weight)>) -> Touched {
        let fallbacks: Vec<_> = std::mem::take(&mut rest.fallbacks)
            .into_iter()
            .filter_map(|index| Some((index, self.state(index)?)))
            .map(|(index, state)| {
                rest.concern(index, state);
                (index, state.falling)
            })
            .collect();
        // Of two of one zone the first is what was there before.
        rest.before.sort_by(|(a, _), (b, _)| a.cmp(b));
        rest.before.dedup_by(|(later, _), (first, _)| later == first);
        let zones = &self.snapshot.zones;
        let mut differing = BTreeSet::new();
        let mut leading = Vec::new();
        for (origin, before) in &rest.before {
            let lower = origin.to_lower_wire();
            let now = zones.get(self.seed(), &lower);
            if same(before.as_ref(), now) {
                continue;
            }
            let origin = Name::from_wire(&lower).expect("the origin of a zone is a name");
            let there = [before.as_ref(), now].into_iter().flatten();
            // The names of a zone that came or went were or are names of the one above.
            let above = zones.closest(self.seed(), &lower, 1).filter(|_| before.is_some() != now.is_some());
            leading.extend(there.chain(above).map(|entry| (entry.account, origin.clone())));
            differing.insert(origin);
        }
        let aliases = if rest.first { BTreeSet::new() } else { self.aliases_to(leading, &differing) };
        let accounts: BTreeMap<_, _> = (rest.concerned.into_iter())
            .map(|(index, concerned)| {
                let state = self.state(index).filter(|state| state.id == concerned.id);
                let after = state.map(|state| state.tally).unwrap_or_default();
                (concerned.id, Owned { after, ..concerned.owned })
            })
            .collect();
        let server = Owned { after: self.scales.tally, ..server };
        let owners = sets.iter().filter_map(|(set, _)| Some((*set, self.scales.owner(*set)?))).collect();
        Touched { zones: differing, fallbacks, sets, owners, aliases, accounts, server }
    }

    /// The zones beside those given that hold aliases that may lead there, by however many steps, in the same account.
    fn aliases_to(&self, mut leading: Vec<(AccountIndex, Name)>, but: &BTreeSet<Name>) -> BTreeSet<Name> {
        let mut found: BTreeSet<Name> = BTreeSet::new();
        while let Some((account, origin)) = leading.pop() {
            // Aliases from a zone above may lead below its own origin, and that they leave it is not known.
            let above = successors(origin.parent(), Name::parent).filter(|above| {
                let entry = self.snapshot.zones.get(self.seed(), &above.to_lower_wire());
                entry.is_some_and(|entry| entry.account == account && entry.zone.has_aliases())
            });
            let elsewhere = self.state(account).into_iter().flat_map(|state| state.aliases_to(&origin));
            for zone in above.chain(elsewhere.cloned()) {
                if !but.contains(&zone) && found.insert(zone.clone()) {
                    leading.push((account, zone));
                }
            }
        }
        found
    }
}

/// Whether a zone is what it was, but for what its set holds and what its account falls back to.
fn same(before: Option<&ZoneEntry>, now: Option<&ZoneEntry>) -> bool {
    match (before, now) {
        (None, None) => true,
        (Some(before), Some(now)) => {
            before.zone == now.zone
                && (before.account, before.own_set, before.ipv6) == (now.account, now.own_set, now.ipv6)
        }
        _ => false,
    }
}
