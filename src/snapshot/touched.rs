//! What of two snapshots may differ, as whoever made the one from the other knows it: nothing else need be compared.

use std::collections::BTreeSet;

use super::{AccountIndex, SetIndex};
use crate::wire::Name;

/// How much hangs on something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Zones.
    pub zones: u64,
    /// Proxied names in them.
    pub names: u64,
}

/// What may differ. Everything that is not named here answers alike in both, but for aliases that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Zones that came, went or hold other data, that belong to another account, and those whose own set or `ipv6` is
    /// another; lower case.
    pub zones: BTreeSet<Name>,
    /// Accounts whose fallback is another one, with what falls back to it afterwards.
    pub fallbacks: Vec<(AccountIndex, Weight)>,
    /// Sets of one map, or of the defaults, whose addresses are others, with what they govern afterwards.
    pub sets: Vec<(SetIndex, Weight)>,
}

impl Touched {
    /// Adds what was touched later; of weights the later hold.
    pub fn absorb(&mut self, later: Touched) {
        self.zones.extend(later.zones);
        put(&mut self.fallbacks, later.fallbacks);
        put(&mut self.sets, later.sets);
    }
}

fn put(into: &mut Vec<(u32, Weight)>, later: Vec<(u32, Weight)>) {
    for (index, weight) in later {
        match into.iter_mut().find(|(known, _)| *known == index) {
            Some(known) => known.1 = weight,
            None => into.push((index, weight)),
        }
    }
}
