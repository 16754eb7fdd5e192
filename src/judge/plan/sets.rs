//! What changes for zones that did not: other addresses of a set, another set that an account falls back to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::governed::{Effect, why};
use super::told::{Governed, SetPlan};
use super::work::Work;
use crate::model::{AccountId, AddressSource};
use crate::snapshot::{Account, AccountIndex, SetIndex, Snapshot, Touched, Weight, ZoneEntry};
use crate::wire::Name;

/// What hangs on what changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Hook {
    Fallback(AccountIndex),
    Set(SetIndex),
}

/// What changed for zones that did not, with what hangs on it.
pub(super) struct Hooks<'s> {
    after: &'s Snapshot,
    weights: BTreeMap<Hook, Weight>,
}

impl<'s> Hooks<'s> {
    /// What hangs on each, every zone once; those that changed themselves are left out.
    pub(super) fn of(after: &'s Snapshot, touched: &Touched) -> Hooks<'s> {
        let weights = touched.sets.iter().map(|(set, weight)| (Hook::Set(*set), *weight)).collect();
        let mut hooks = Hooks { after, weights };
        for (account, weight) in &touched.fallbacks {
            let set = hooks.fallback_set(*account);
            if let Some(by_set) = set.and_then(|set| hooks.weights.get_mut(&Hook::Set(set))) {
                *by_set = by_set.less(*weight);
            }
            hooks.weights.insert(Hook::Fallback(*account), *weight);
        }
        for origin in &touched.zones {
            let Some(entry) = after.zones.get(&after.seed, &origin.to_lower_wire()) else { continue };
            let hook = hooks.hook(entry);
            if let Some(weight) = hook.and_then(|hook| hooks.weights.get_mut(&hook)) {
                *weight = weight.less(Weight::of(&entry.zone));
            }
        }
        hooks
    }

    /// Whether nothing changed.
    pub(super) fn are_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Whether a zone hangs on one of them.
    pub(super) fn hold(&self, entry: &ZoneEntry) -> bool {
        self.hook(entry).is_some()
    }

    /// What a zone hangs on, of what changed.
    fn hook(&self, entry: &ZoneEntry) -> Option<Hook> {
        let hook = match entry.own_set {
            Some(set) => Hook::Set(set),
            None if self.weights.contains_key(&Hook::Fallback(entry.account)) => {
                Hook::Fallback(entry.account)
            }
            None => Hook::Set(self.fallback_set(entry.account)?),
        };
        self.weights.contains_key(&hook).then_some(hook)
    }

    fn fallback_set(&self, account: AccountIndex) -> Option<SetIndex> {
        self.after.accounts.get(account)?.falls_to().map(|(_, set)| set)
    }

    /// The zones that hang on something that at most so many do.
    fn examples(&self, most: usize, but: &BTreeSet<Name>) -> HashMap<Hook, Vec<Name>> {
        let few = |weight: &Weight| (1..=most as u64).contains(&weight.zones);
        let mut found: HashMap<Hook, Vec<Name>> = HashMap::new();
        if !self.weights.values().any(few) {
            return found;
        }
        for entry in self.after.zones.iter() {
            let Some(hook) = self.hook(entry) else { continue };
            if self.weights.get(&hook).is_some_and(few) && entry.zone.proxied() > 0 {
                let origin = Name::from_wire(entry.zone.origin()).expect("the origin of a zone is a name");
                if !but.contains(&origin) {
                    found.entry(hook).or_default().push(origin);
                }
            }
        }
        found
    }
}

/// Whose change it is, and what it was and is.
type Key = (Option<AccountId>, Governed, Governed);

impl Work<'_> {
    /// Enters all of them. Zones that changed themselves are left out: they were looked at by name.
    pub(super) fn sets(&mut self) {
        let hooks = Hooks::of(self.both.after, self.touched);
        let examples = hooks.examples(self.detail.examples, &self.touched.zones);
        // What the defaults do to many accounts is told once.
        let mut sums: BTreeMap<Key, (Weight, BTreeSet<Name>)> = BTreeMap::new();
        for (hook, weight) in hooks.weights.into_iter().filter(|(_, weight)| weight.names > 0) {
            let Some(key) = self.key(hook) else { continue };
            let (sum, zones) = sums.entry(key).or_default();
            *sum += weight;
            zones.extend(examples.get(&hook).cloned().unwrap_or_default());
        }
        for ((owner, was, is), (weight, zones)) in sums {
            // Whether AAAA is answered is a matter of each zone, and none of them changed.
            let effect = Effect::of((&was, true), (&is, true)).filter(Effect::is_of_data);
            let Some(effect) = effect else { continue };
            let all = zones.len() as u64 == weight.zones;
            let set = SetPlan {
                why: why((&was, true), (&is, true)),
                was,
                is,
                extends: effect.extends,
                zones: weight.zones,
                names: weight.names,
                examples: if all { zones.iter().map(Name::to_string).collect() } else { Vec::new() },
            };
            self.enter_set(owner.as_ref(), set, (effect.loses_ipv4, effect.loses_ipv6));
        }
    }

    fn key(&self, hook: Hook) -> Option<Key> {
        let (before, after) = (self.both.before, self.both.after);
        match hook {
            Hook::Set(set) => {
                let owner = self.touched.owners.get(&set).and_then(|owner| after.accounts.get(*owner));
                let wide = owner.and_then(Account::falls_to).filter(|(_, wide)| *wide == set);
                let source = match (owner, wide) {
                    (None, _) => AddressSource::AnycastDefaults,
                    (_, Some((source, _))) => source,
                    (_, None) => AddressSource::ZoneMap,
                };
                let by = |snapshot: &Snapshot| snapshot.sets.get(set).map(|set| Governed::by(source, set));
                Some((owner.map(|owner| owner.id.clone()), by(before)?, by(after)?))
            }
            Hook::Fallback(index) => {
                let (was, is) = (before.accounts.get(index)?, after.accounts.get(index)?);
                let of_defaults = |account: &Account| {
                    account.falls_to().is_some_and(|(source, _)| source == AddressSource::AnycastDefaults)
                };
                // There are defaults where there were none, or none any more: not the account's doing.
                let by_operator = before.defaults.is_some() != after.defaults.is_some()
                    && (of_defaults(was) || of_defaults(is));
                let owner = (!by_operator).then(|| is.id.clone());
                let was = Governed::of_fallback(before, was.fallback);
                Some((owner, was, Governed::of_fallback(after, is.fallback)))
            }
        }
    }
}
