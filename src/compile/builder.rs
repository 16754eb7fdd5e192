//! The snapshot that was made last and what is needed to make the next one from it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::account::{AccountState, told};
use super::edit::{AccountWords, Applied, Edit, OperatorWords, ZoneChange};
use super::indices::Indices;
use super::rest::Rest;
use super::scales::Scales;
use super::sets::Sets;
use crate::addrmap::NoAddresses;
use crate::model::{AccountId, MapId};
use crate::snapshot::{
    Account, AccountIndex, Fallback, Owned, Seed, SetIndex, Snapshot, Tally, Weight, Zone, ZoneEntry,
    ZoneIndex,
};
use crate::wire::Name;

/// Makes one snapshot after another, each from the one before and what changed. What an edit costs follows the edit:
///
/// - a zone: its shard of the index;
/// - the addresses of a map or of the defaults: one address set, whatever number of zones it answers for;
/// - an account-wide map or `shared_addresses`: one account;
/// - the members of a map, whether it is enabled, a zone's `ipv6`: the shards of just those zones;
/// - anycast defaults that appear or go: every account, no zone. Faulty words of the operator or of an account, or
///   their end: also the zones that its maps name.
#[derive(Debug)]
pub struct Builder {
    /// What was made last; all of it is shared with whoever has got it.
    pub(super) snapshot: Snapshot,
    /// By index in the account table.
    pub(super) accounts: Vec<Option<AccountState>>,
    by_id: HashMap<AccountId, AccountIndex>,
    account_indices: Indices,
    pub(super) sets: Sets,
    operator: OperatorWords,
    /// The set of the anycast defaults, while there are any.
    anycast: Option<SetIndex>,
    pub(super) scales: Scales,
}

impl Builder {
    /// A builder that has made nothing yet.
    pub fn new(seed: Seed) -> Builder {
        Builder {
            snapshot: Snapshot::empty(0, seed),
            accounts: Vec::new(),
            by_id: HashMap::new(),
            account_indices: Indices::default(),
            sets: Sets::default(),
            operator: OperatorWords::default(),
            anycast: None,
            scales: Scales::default(),
        }
    }

    /// The seed that zones must be compiled with.
    pub fn seed(&self) -> &Seed {
        &self.snapshot.seed
    }

    /// Whether some proxied name is answered with an address.
    pub fn answers(&self, address: &IpAddr) -> bool {
        self.scales.addresses.has(address)
    }

    /// What an account said last; `None` for one that has neither zones nor words.
    pub fn words(&self, account: &AccountId) -> Option<&AccountWords> {
        let index = *self.by_id.get(account)?;
        self.state(index).map(|state| &state.words)
    }

    /// What a set governs: the zones of which it is the own set, and those that fall back to it.
    pub fn weight(&self, set: SetIndex) -> Weight {
        self.scales.weight(set)
    }

    /// What a map of an account governs.
    pub fn governed_by(&self, account: &AccountId, map: &MapId) -> Weight {
        let state = self.by_id.get(account).and_then(|index| self.state(*index));
        let set = state.and_then(|state| state.set_of_id(map));
        set.map(|set| self.scales.weight(set)).unwrap_or_default()
    }

    /// What of an account falls back to what answers for its zones without a map of their own.
    pub fn falling(&self, account: &AccountId) -> Weight {
        let state = self.by_id.get(account).and_then(|index| self.state(*index));
        state.map(|state| state.falling).unwrap_or_default()
    }

    /// The edit that takes an edit back, once that has been applied: asked for before.
    pub fn inverse(&self, edit: &Edit) -> Edit {
        let zone = |origin: &Name| {
            let entry = self.snapshot.zones.get(self.seed(), &origin.to_lower_wire())?;
            let account = self.state(entry.account)?.id.clone();
            Some(ZoneChange::Put { account, zone: entry.zone.clone() })
        };
        let zones = edit.zones.iter();
        let accounts = edit.accounts.iter();
        Edit {
            zones: zones
                .map(|(origin, _)| (origin.clone(), zone(origin).unwrap_or(ZoneChange::Remove)))
                .collect(),
            accounts: accounts
                .map(|(id, _)| (id.clone(), self.words(id).cloned().unwrap_or_default()))
                .collect(),
            operator: edit.operator.as_ref().map(|_| self.operator.clone()),
        }
    }

    /// Makes the next snapshot. Whatever the order of the changes in the edit, the result is the one that compiling
    /// everything anew would have.
    pub fn apply(&mut self, edit: Edit, generation: u64) -> Applied {
        let mut rest = Rest { first: self.snapshot.zones.is_empty(), ..Rest::default() };
        let server =
            Owned { before: self.scales.tally, addresses: self.scales.addresses.len(), ..Owned::default() };
        if let Some(words) = edit.operator {
            self.hear_operator(words, &mut rest);
        }
        for (id, words) in edit.accounts {
            self.hear_account(id, words, &mut rest);
        }
        if self.snapshot.zones.is_empty() {
            self.snapshot.zones = ZoneIndex::with_room_for(edit.zones.len());
        }
        for (origin, change) in edit.zones {
            match change {
                ZoneChange::Put { account, zone } => self.put(&origin, account, zone, &mut rest),
                ZoneChange::Remove => self.remove(&origin, &mut rest),
            }
        }
        for (account, origin) in std::mem::take(&mut rest.zones) {
            let touched = self.touch(account, &origin, &mut rest);
            rest.cost.entries_touched += u64::from(touched);
        }
        rest.cost.accounts_stored = self.store_accounts(&mut rest);
        let (sets, gone) = self.store_sets(&mut rest);
        self.snapshot.identify(generation, self.snapshot.content);
        self.snapshot.defaults = self.anycast;
        let cost = rest.cost;
        let touched = self.touched(rest, Owned { gone, ..server }, sets);
        Applied { snapshot: self.snapshot.clone(), cost, touched }
    }

    fn hear_operator(&mut self, words: OperatorWords, rest: &mut Rest) {
        match (&words.anycast, self.anycast) {
            (Some(anycast), None) => {
                let set = self.sets.add(None, &anycast.ipv4, &anycast.ipv6);
                self.scales.own(set, None);
                self.anycast = Some(set);
            }
            (Some(anycast), Some(set)) => {
                let before = self.operator.anycast.as_ref().map(|before| (&before.ipv4, &before.ipv6));
                if before != Some((&anycast.ipv4, &anycast.ipv6)) {
                    self.sets.change(set, None, &anycast.ipv4, &anycast.ipv6);
                }
            }
            (None, Some(set)) => {
                self.sets.remove(set);
                self.anycast = None;
            }
            (None, None) => {}
        }
        // All that precedence looks at beside the addresses.
        let rank = |words: &OperatorWords| {
            let anycast = words.anycast.as_ref();
            (words.faulty, anycast.map(|anycast| anycast.ipv4.is_empty() && anycast.ipv6.is_empty()))
        };
        let known =
            || self.accounts.iter().zip(0..).filter_map(|(state, index)| Some((index, state.as_ref()?)));
        if rank(&words) != rank(&self.operator) {
            rest.accounts.extend(known().map(|(index, _)| index));
        }
        if words.faulty != self.operator.faulty {
            for (index, state) in known() {
                rest.zones.extend(state.members().map(|origin| (index, origin.clone())));
            }
        }
        self.operator = words;
    }

    fn hear_account(&mut self, id: AccountId, words: AccountWords, rest: &mut Rest) {
        let index = self.index_of(id, rest);
        let Some(state) = self.accounts[index as usize].as_mut() else { return };
        self.snapshot.maps = self.snapshot.maps + words.maps.len() - state.words.maps.len();
        let affected = state.hear(words, &mut self.sets);
        for set in state.sets() {
            self.scales.own(set, Some(index));
        }
        rest.zones.extend(affected.into_iter().map(|origin| (index, origin)));
        rest.accounts.insert(index);
    }

    fn put(&mut self, origin: &Name, account: AccountId, zone: Zone, rest: &mut Rest) {
        debug_assert_eq!(&*origin.to_lower_wire(), zone.origin());
        let account = self.index_of(account, rest);
        let Some(state) = self.account_mut(account, rest) else { return };
        let owns_none = state.tally.zones == 0;
        state.tally += Tally::of(&zone);
        state.enter_aliases(origin, &zone, true);
        let Some(state) = self.state(account) else { return };
        let own_set = state.own_set(origin, &self.operator);
        let ipv6 = state.words.ipv6(origin);
        let totals = &mut self.snapshot.totals;
        totals.owners += usize::from(owns_none);
        totals.names += u64::from(zone.names());
        totals.faulty += usize::from(zone.is_faulty());
        self.scales.tally += Tally::of(&zone);
        let entry = ZoneEntry { zone, account, own_set, ipv6 };
        self.weigh(&entry, true, rest);
        let replaced = self.snapshot.zones.put(&self.snapshot.seed, entry);
        rest.cost.zones_stored += 1;
        self.lost(origin, replaced, rest);
    }

    fn remove(&mut self, origin: &Name, rest: &mut Rest) {
        let removed = self.snapshot.zones.remove(&self.snapshot.seed, &origin.to_lower_wire());
        self.lost(origin, removed, rest);
    }

    /// What was at an origin is there no longer: its account has one zone less.
    fn lost(&mut self, origin: &Name, entry: Option<ZoneEntry>, rest: &mut Rest) {
        rest.before.push((origin.clone(), entry.clone()));
        let Some(entry) = entry else { return };
        self.weigh(&entry, false, rest);
        let ZoneEntry { zone, account, .. } = entry;
        let totals = &mut self.snapshot.totals;
        totals.names -= u64::from(zone.names());
        totals.faulty -= usize::from(zone.is_faulty());
        self.scales.tally -= Tally::of(&zone);
        // Where the zone that came has its account, its aliases are entered already.
        let leaves = zone.has_leaving_aliases();
        let now =
            leaves.then(|| self.snapshot.zones.get(&self.snapshot.seed, zone.origin()).cloned()).flatten();
        let Some(state) = self.account_mut(account, rest) else { return };
        state.tally -= Tally::of(&zone);
        state.enter_aliases(origin, &zone, false);
        if let Some(now) = now.filter(|now| now.account == account) {
            state.enter_aliases(origin, &now.zone, true);
        }
        if state.tally.zones == 0 {
            self.snapshot.totals.owners -= 1;
            rest.accounts.insert(account);
        }
    }

    /// Puts a zone on the scales or takes it off.
    fn weigh(&mut self, entry: &ZoneEntry, there: bool, rest: &mut Rest) {
        let weight = Weight::of(&entry.zone);
        let set = match entry.own_set {
            Some(set) => Some(set),
            None => {
                let Some(state) = self.accounts[entry.account as usize].as_mut() else { return };
                if there {
                    state.falling += weight
                } else {
                    state.falling -= weight
                }
                self.fallback_set(entry.account)
            }
        };
        let Some(set) = set else { return };
        self.weighed(set, rest);
        if there { self.scales.put_on(set, weight) } else { self.scales.take_off(set, weight) }
    }

    /// The set that the zones of an account fall back to, as the table of accounts has it now.
    fn fallback_set(&self, account: AccountIndex) -> Option<SetIndex> {
        self.snapshot.accounts.get(account)?.falls_to().map(|(_, set)| set)
    }

    /// Remembers what a set weighed.
    pub(super) fn weighed(&self, set: SetIndex, rest: &mut Rest) {
        rest.weights.entry(set).or_insert_with(|| self.scales.weight(set));
    }

    /// The state of an account for changes of what there is of it.
    fn account_mut(&mut self, index: AccountIndex, rest: &mut Rest) -> Option<&mut AccountState> {
        let state = self.accounts[index as usize].as_mut()?;
        rest.concern(index, state);
        Some(state)
    }

    /// Gives a zone the own set and the `ipv6` that its account says, and returns whether they are others.
    fn touch(&mut self, account: AccountIndex, origin: &Name, rest: &mut Rest) -> bool {
        let Snapshot { zones, seed, .. } = &self.snapshot;
        // A map may name a zone that is not there or not the account's.
        let Some(entry) = zones.get(seed, &origin.to_lower_wire()) else { return false };
        let Some(state) = self.accounts[account as usize].as_ref() else { return false };
        let (own_set, ipv6) = (state.own_set(origin, &self.operator), state.words.ipv6(origin));
        if entry.account != account || (entry.own_set, entry.ipv6) == (own_set, ipv6) {
            return false;
        }
        rest.concern(account, state);
        let before = entry.clone();
        let entry = ZoneEntry { own_set, ipv6, ..before.clone() };
        self.weigh(&before, false, rest);
        self.weigh(&entry, true, rest);
        rest.before.push((origin.clone(), Some(before)));
        let Snapshot { zones, seed, .. } = &mut self.snapshot;
        zones.put(seed, entry);
        true
    }

    /// Forgets the accounts that are gone, stores those that are answered otherwise and returns how many these are.
    fn store_accounts(&mut self, rest: &mut Rest) -> u64 {
        let mut changed = BTreeMap::new();
        for index in std::mem::take(&mut rest.accounts) {
            let slot = &mut self.accounts[index as usize];
            let Some(state) = slot else { continue };
            let (id, falling) = (state.id.clone(), state.falling);
            let fallback = if state.tally.zones == 0 && state.words.say_nothing() {
                self.by_id.remove(&id);
                self.account_indices.give_back(index);
                *slot = None;
                Fallback::Nothing(told(NoAddresses::NoDefaults))
            } else {
                state.fallback(&self.operator, self.anycast)
            };
            let account = Account { id, fallback };
            let stored = self.snapshot.accounts.get(index);
            if stored == Some(&account) {
                continue;
            }
            let was_there = stored.is_some_and(|stored| stored.id == account.id);
            if let Some(set) = self.fallback_set(index) {
                self.weighed(set, rest);
                self.scales.take_off(set, falling);
            }
            if let Fallback::Set(_, set) = fallback {
                self.weighed(set, rest);
                self.scales.put_on(set, falling);
            }
            if was_there && falling.zones > 0 {
                rest.fallbacks.push(index);
            }
            changed.insert(index, account);
        }
        let stored = changed.len() as u64;
        self.snapshot.accounts.store(changed);
        stored
    }

    pub(super) fn state(&self, index: AccountIndex) -> Option<&AccountState> {
        self.accounts.get(index as usize)?.as_ref()
    }

    /// The index of an account, which becomes known if it was not.
    fn index_of(&mut self, id: AccountId, rest: &mut Rest) -> AccountIndex {
        if let Some(index) = self.by_id.get(&id) {
            return *index;
        }
        let index = self.account_indices.take();
        let place = index as usize;
        if place == self.accounts.len() {
            self.accounts.push(None);
        }
        self.accounts[place] = Some(AccountState::new(id.clone()));
        self.by_id.insert(id, index);
        rest.accounts.insert(index);
        index
    }
}
