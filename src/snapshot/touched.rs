//! What of two snapshots may differ, as whoever made the one from the other knows it: nothing else need be compared.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::{AddAssign, Bound, SubAssign};

use super::{AccountIndex, SetIndex, Zone};
use crate::model::AccountId;
use crate::wire::Name;

/// How much hangs on something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Zones with proxied names.
    pub zones: u64,
    /// Proxied names in them.
    pub names: u64,
}

impl Weight {
    /// What a zone weighs.
    pub fn of(zone: &Zone) -> Weight {
        let names = u64::from(zone.proxied());
        Weight { zones: names.min(1), names }
    }
}

impl Weight {
    /// Without another part of it; nothing where that is more, as it may be where both come from different moments.
    pub fn less(self, other: Weight) -> Weight {
        Weight {
            zones: self.zones.saturating_sub(other.zones),
            names: self.names.saturating_sub(other.names),
        }
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Weight) {
        self.zones += other.zones;
        self.names += other.names;
    }
}

impl SubAssign for Weight {
    fn sub_assign(&mut self, other: Weight) {
        self.zones -= other.zones;
        self.names -= other.names;
    }
}

/// How much there is of an account, or of the whole server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Zones.
    pub zones: u64,
    /// Names that own records or are proxied.
    pub names: u64,
    /// Proxied names.
    pub proxied: u64,
}

impl Tally {
    /// What a zone adds.
    pub fn of(zone: &Zone) -> Tally {
        Tally { zones: 1, names: u64::from(zone.names()), proxied: u64::from(zone.proxied()) }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.zones += other.zones;
        self.names += other.names;
        self.proxied += other.proxied;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Tally) {
        self.zones -= other.zones;
        self.names -= other.names;
        self.proxied -= other.proxied;
    }
}

/// How much there was and is, and which addresses are not answered any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// What there was.
    pub before: Tally,
    /// What there is.
    pub after: Tally,
    /// Distinct addresses that proxied names were answered with; of an account those of its maps only.
    pub addresses: u64,
    /// Those of them that no proxied name is answered with any more.
    pub gone: BTreeSet<IpAddr>,
}

/// What may differ. Everything that is not named here answers alike in both, but for aliases that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Zones that came, went or hold other data, that belong to another account, and those whose own set or `ipv6` is
    /// another; lower case.
    pub zones: BTreeSet<Name>,
    /// Accounts whose fallback is another one, with what falls back to it afterwards; those where no proxied name does
    /// are left out.
    pub fallbacks: Vec<(AccountIndex, Weight)>,
    /// Sets of one map, or of the defaults, whose addresses are others, with what they govern afterwards; those that
    /// govern no proxied name are left out.
    pub sets: Vec<(SetIndex, Weight)>,
    /// The accounts of those sets; the defaults have none.
    pub owners: BTreeMap<SetIndex, AccountIndex>,
    /// Zones that are as they were, with aliases that may lead to a name at or below one of `zones`, by however many
    /// steps.
    pub aliases: BTreeSet<Name>,
    /// Every account of which there is more or less than before, or that one of the fallbacks or sets belongs to.
    pub accounts: BTreeMap<AccountId, Owned>,
    /// The whole server.
    pub server: Owned,
}

impl Touched {
    /// Adds the zones of another that lie below some of these: their names are these zones' while those are gone.
    pub fn and_below(&mut self, other: &Touched) {
        let found: Vec<Name> = self
            .zones
            .iter()
            .flat_map(|origin| {
                // In the canonical order what is below a name follows it.
                let following = other.zones.range((Bound::Excluded(origin), Bound::Unbounded));
                following.take_while(|found| found.is_at_or_below(origin)).cloned()
            })
            .collect();
        self.zones.extend(found);
    }

    /// Adds what was touched later; of weights the later hold. An address that was gone and came back stays among those
    /// gone: whoever asks knows what is answered now.
    pub fn absorb(&mut self, later: Touched) {
        self.zones.extend(later.zones);
        self.aliases.extend(later.aliases);
        put(&mut self.fallbacks, later.fallbacks);
        put(&mut self.sets, later.sets);
        self.owners.extend(later.owners);
        for (account, owned) in later.accounts {
            match self.accounts.entry(account) {
                Entry::Occupied(mut earlier) => earlier.get_mut().absorb(owned),
                Entry::Vacant(place) => drop(place.insert(owned)),
            }
        }
        self.server.absorb(later.server);
    }
}

impl Owned {
    fn absorb(&mut self, later: Owned) {
        self.after = later.after;
        self.gone.extend(later.gone);
    }
}

fn put(into: &mut Vec<(u32, Weight)>, later: Vec<(u32, Weight)>) {
    if later.is_empty() {
        return;
    }
    let mut all: BTreeMap<u32, Weight> = into.drain(..).collect();
    all.extend(later);
    into.extend(all);
}
