//! The whole plan: zones, what they change for others, sets, sums.

use std::collections::{BTreeMap, BTreeSet};

use super::Detail;
use super::asking::{Asker, Both};
use super::told::{AccountPlan, Counts, Exposed, Plan, SetPlan};
use super::zone::{Draft, Pair, TYPES};
use crate::model::AccountId;
use crate::snapshot::{Owned, Snapshot, Touched, ZoneEntry};
use crate::wire::{Name, NameBuf, RrType};

/// Most addresses that are named.
const MAX_ADDRESSES: usize = 20;

/// A plan in the making.
pub(super) struct Work<'s> {
    pub(super) both: Both<'s>,
    pub(super) touched: &'s Touched,
    pub(super) detail: Detail,
    asker: Asker<'s>,
    /// Zones of which a name is answered otherwise, with their accounts.
    drafts: BTreeMap<Name, (AccountId, Draft)>,
    pub(super) accounts: BTreeMap<AccountId, AccountPlan>,
    pub(super) plan: Plan,
}

impl<'s> Work<'s> {
    pub(super) fn new(
        before: &'s Snapshot,
        after: &'s Snapshot,
        touched: &'s Touched,
        detail: Detail,
    ) -> Work<'s> {
        let asker = Asker::new(before, after);
        let plan = Plan {
            before: before.generation,
            after: after.generation,
            counts: counts(&touched.server),
            ..Plan::default()
        };
        let (drafts, accounts) = (BTreeMap::new(), BTreeMap::new());
        Work { both: asker.both, touched, detail, asker, drafts, accounts, plan }
    }

    pub(super) fn plan(mut self) -> Plan {
        self.zones();
        self.sets();
        self.tell();
        self.plan
    }

    /// The zones that changed, and those whose names are answered otherwise because of them.
    fn zones(&mut self) {
        let touched = self.touched;
        let reshaped = self.reshaped();
        // Of many zones the plan shows a few names each.
        let spread = 20 * self.detail.names / touched.zones.len().max(1);
        let keep = self.detail.names_of_zone.min(spread);
        let mut types: BTreeSet<RrType> = TYPES.into();
        for origin in &touched.zones {
            let pair = Pair::of(self.both, origin, reshaped.contains(origin));
            let draft = Draft::of_changed(&pair, &mut self.asker, keep);
            if !touched.aliases.is_empty() {
                types.extend(pair.types());
            }
            self.enter(pair, draft);
        }
        let others: BTreeSet<&Name> = touched.aliases.iter().chain(&reshaped).collect();
        for origin in others.into_iter().filter(|origin| !touched.zones.contains(*origin)) {
            let pair = Pair::of(self.both, origin, reshaped.contains(origin));
            types.extend(pair.types());
            let draft = Draft::of_others(&pair, &mut self.asker, &types, keep);
            self.enter(pair, draft);
        }
    }

    /// The zones right above those that came or went: some of their names are answered from another zone than before.
    fn reshaped(&self) -> BTreeSet<Name> {
        let mut found = BTreeSet::new();
        for origin in &self.touched.zones {
            let lower = origin.to_lower_wire();
            let there = |snapshot: &Snapshot| snapshot.zones.get(&snapshot.seed, &lower).is_some();
            if there(self.both.before) == there(self.both.after) {
                continue;
            }
            for snapshot in [self.both.before, self.both.after] {
                let above = snapshot.zones.closest(&snapshot.seed, &lower, 1);
                found.extend(above.and_then(|above| Name::from_wire(above.zone.origin()).ok()));
            }
        }
        found
    }

    /// Takes what was found of a zone.
    fn enter(&mut self, pair: Pair<'_>, draft: Draft) {
        let account = |snapshot: &Snapshot, entry: Option<&ZoneEntry>| {
            entry.and_then(|entry| snapshot.accounts.get(entry.account)).map(|account| account.id.clone())
        };
        let (was, is) = (account(self.both.before, pair.was), account(self.both.after, pair.is));
        let (came, went) = (pair.was.is_none(), pair.is.is_none());
        if was != is {
            if let Some(was) = &was {
                self.account(was).counts.zones_gone += 1;
            }
            if let Some(is) = &is {
                self.account(is).counts.zones_new += 1;
            }
            self.plan.counts.zones_new += u64::from(came);
            self.plan.counts.zones_gone += u64::from(went);
        }
        let Some(owner) = is.or(was) else { return };
        if draft.otherwise() == 0 && !came && !went {
            return;
        }
        let zone = &draft.plan;
        let add = |counts: &mut Counts| {
            counts.zones_changed += u64::from(!came && !went);
            counts.names_new += zone.names_new;
            counts.names_gone += zone.names_gone;
            counts.names_changed += zone.names_changed;
            counts.names_extended += zone.names_extended;
            counts.names_unproxied += zone.names_unproxied;
            counts.lose(1, zone.loses_ipv4, zone.loses_ipv6);
        };
        add(&mut self.plan.counts);
        add(&mut self.account(&owner).counts);
        self.drafts.insert(pair.origin, (owner, draft));
    }

    /// The plan of an account, which is there from now on.
    pub(super) fn account(&mut self, id: &AccountId) -> &mut AccountPlan {
        let touched = self.touched;
        self.accounts.entry(id.clone()).or_insert_with(|| AccountPlan {
            account: id.to_string(),
            counts: touched.accounts.get(id).map(counts).unwrap_or_default(),
            ..AccountPlan::default()
        })
    }

    /// Puts it all into words, what loses most first.
    fn tell(&mut self) {
        let mut drafts: Vec<(Name, AccountId, Draft)> = std::mem::take(&mut self.drafts)
            .into_iter()
            .map(|(origin, (account, draft))| (origin, account, draft))
            .collect();
        self.expose(&drafts);
        drafts.sort_by_key(|(_, _, draft)| {
            let plan = &draft.plan;
            std::cmp::Reverse((plan.names_unproxied, plan.names_gone, plan.names_changed))
        });
        let mut room = self.detail.names;
        for (at, (_, account, draft)) in drafts.into_iter().enumerate() {
            if at >= self.detail.zones {
                self.account(&account).zones_left_out += 1;
                continue;
            }
            let zone = draft.finish(&mut self.asker, &mut room);
            self.account(&account).zones.push(zone);
        }
        let accounts = std::mem::take(&mut self.accounts).into_values();
        self.plan.accounts = accounts.collect();
    }

    /// The names that stop being proxied, by account, zone and name.
    fn expose(&mut self, drafts: &[(Name, AccountId, Draft)]) {
        let mut names: Vec<(&AccountId, &Name, &Name)> = (drafts.iter())
            .flat_map(|(origin, account, draft)| {
                draft.exposed.iter().map(move |name| (account, origin, name))
            })
            .collect();
        names.sort();
        names.truncate(self.detail.exposed);
        for (account, origin, name) in names {
            let Some((was, public)) = self.asker.exposed(&NameBuf::lower_of(name)) else { continue };
            let (account, zone) = (account.to_string(), origin.to_string());
            self.plan.exposed.push(Exposed { account, zone, name: name.to_string(), was, public });
        }
        self.plan.exposed_left_out = self.plan.counts.names_unproxied - self.plan.exposed.len() as u64;
    }

    /// Enters what changed of a set, or of what an account falls back to; `owner` is none for the operator.
    pub(super) fn enter_set(&mut self, owner: Option<&AccountId>, set: SetPlan, loses: (bool, bool)) {
        let (zones, names) = (set.zones, set.names);
        let empty = set.is.addresses.is_empty();
        let add = |counts: &mut Counts| {
            match (owner.is_some(), set.extends, empty) {
                (false, true, _) => {}
                (false, false, _) => counts.names_by_operator += names,
                (true, true, _) => counts.names_extended += names,
                (true, false, true) => counts.names_gone += names,
                (true, false, false) => counts.names_changed += names,
            }
            counts.lose(zones, loses.0, loses.1);
        };
        add(&mut self.plan.counts);
        match owner {
            Some(owner) => {
                let account = self.account(owner);
                add(&mut account.counts);
                account.sets.push(set);
            }
            None => self.plan.operator.push(set),
        }
    }
}

impl Counts {
    /// Zones lose families.
    fn lose(&mut self, zones: u64, ipv4: bool, ipv6: bool) {
        self.zones_losing_ipv4 += if ipv4 { zones } else { 0 };
        self.zones_losing_ipv6 += if ipv6 { zones } else { 0 };
        self.zones_losing_family += if ipv4 || ipv6 { zones } else { 0 };
    }
}

/// What is known of a scope without a look at its zones.
fn counts(owned: &Owned) -> Counts {
    Counts {
        zones_before: owned.before.zones,
        zones_after: owned.after.zones,
        names_before: owned.before.names,
        names_after: owned.after.names,
        addresses_before: owned.addresses,
        addresses_gone: owned.gone.len() as u64,
        gone: owned.gone.iter().take(MAX_ADDRESSES).copied().collect(),
        ..Counts::default()
    }
}
