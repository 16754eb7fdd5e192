//! How much hangs on every address set, and which addresses are answered, kept while zones come and go.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::snapshot::{AccountIndex, AddressSet, SetIndex, Tally, Weight};

/// What hangs on the sets, and the addresses that are answered by any of them.
#[derive(Debug, Default)]
pub(super) struct Scales {
    /// By index in the table of sets.
    sets: Vec<Held>,
    /// Addresses of the sets that answer for a name.
    pub(super) addresses: Counted,
    /// All zones.
    pub(super) tally: Tally,
}

/// What hangs on a set.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// What it governs: zones of which it is the own set, and those that fall back to it.
    weight: Weight,
    /// The account of its map; the defaults have none.
    owner: Option<AccountIndex>,
}

impl Scales {
    /// What a set governs.
    pub(super) fn weight(&self, set: SetIndex) -> Weight {
        self.sets.get(set as usize).map(|held| held.weight).unwrap_or_default()
    }

    /// The account of the map of a set.
    pub(super) fn owner(&self, set: SetIndex) -> Option<AccountIndex> {
        self.sets.get(set as usize)?.owner
    }

    /// A set is of a map of this account from now on.
    pub(super) fn own(&mut self, set: SetIndex, owner: Option<AccountIndex>) {
        self.held(set).owner = owner;
    }

    /// More hangs on a set.
    pub(super) fn put_on(&mut self, set: SetIndex, weight: Weight) {
        self.held(set).weight += weight;
    }

    /// Less hangs on a set.
    pub(super) fn take_off(&mut self, set: SetIndex, weight: Weight) {
        self.held(set).weight -= weight;
    }

    fn held(&mut self, set: SetIndex) -> &mut Held {
        let at = set as usize;
        if at >= self.sets.len() {
            self.sets.resize(at + 1, Held::default());
        }
        &mut self.sets[at]
    }
}

/// Addresses, each with the number of sets that have it.
#[derive(Debug, Default)]
pub(super) struct Counted(HashMap<IpAddr, u32>);

impl Counted {
    /// Distinct addresses.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether some set has an address.
    pub(super) fn has(&self, address: &IpAddr) -> bool {
        self.0.contains_key(address)
    }

    /// A set that answered for a name has other addresses, or answers no more, or does now.
    pub(super) fn change(&mut self, before: Option<&AddressSet>, now: Option<&AddressSet>) {
        if let Some(now) = now {
            self.add(now);
        }
        if let Some(before) = before {
            self.remove(before);
        }
    }

    fn add(&mut self, set: &AddressSet) {
        for address in set.addresses() {
            *self.0.entry(address).or_default() += 1;
        }
    }

    fn remove(&mut self, set: &AddressSet) {
        for address in set.addresses() {
            if let Some(count) = self.0.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(&address);
                }
            }
        }
    }
}
