//! The snapshot that was made last and what is needed to make the next one from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::account::{AccountState, told};
use super::edit::{AccountWords, Edit, EditCost, OperatorWords, ZoneChange};
use super::indices::Indices;
use super::sets::Sets;
use crate::addrmap::NoAddresses;
use crate::model::AccountId;
use crate::snapshot::{
    Account, AccountIndex, Fallback, Seed, SetIndex, Snapshot, Zone, ZoneEntry, ZoneIndex,
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
    snapshot: Snapshot,
    /// By index in the account table.
    accounts: Vec<Option<AccountState>>,
    by_id: HashMap<AccountId, AccountIndex>,
    account_indices: Indices,
    sets: Sets,
    operator: OperatorWords,
    /// The set of the anycast defaults, while there are any.
    anycast: Option<SetIndex>,
}

/// What one edit leaves to do at its end.
#[derive(Default)]
struct Rest {
    cost: EditCost,
    /// Zones whose own set or `ipv6` may be another, with the account that says so.
    zones: Vec<(AccountIndex, Name)>,
    /// Accounts that may be answered otherwise, or be gone.
    accounts: BTreeSet<AccountIndex>,
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
        }
    }

    /// The seed that zones must be compiled with.
    pub fn seed(&self) -> &Seed {
        &self.snapshot.seed
    }

    /// What an account said last; `None` for one that has neither zones nor words.
    pub fn words(&self, account: &AccountId) -> Option<&AccountWords> {
        let index = *self.by_id.get(account)?;
        self.state(index).map(|state| &state.words)
    }

    /// Makes the next snapshot. Whatever the order of the changes in the edit, the result is the one that compiling
    /// everything anew would have.
    pub fn apply(&mut self, edit: Edit, generation: u64) -> (Snapshot, EditCost) {
        let mut rest = Rest::default();
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
        for (account, origin) in &rest.zones {
            rest.cost.entries_touched += u64::from(self.touch(*account, origin));
        }
        rest.cost.accounts_stored = self.store_accounts(&rest.accounts);
        let sets = self.sets.take_changed();
        rest.cost.sets_stored = sets.len() as u64;
        self.snapshot.sets.store(sets);
        self.snapshot.identify(generation, self.snapshot.content);
        (self.snapshot.clone(), rest.cost)
    }

    fn hear_operator(&mut self, words: OperatorWords, rest: &mut Rest) {
        match (&words.anycast, self.anycast) {
            (Some(anycast), None) => self.anycast = Some(self.sets.add(None, &anycast.ipv4, &anycast.ipv6)),
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
        rest.zones.extend(affected.into_iter().map(|origin| (index, origin)));
        rest.accounts.insert(index);
    }

    fn put(&mut self, origin: &Name, account: AccountId, zone: Zone, rest: &mut Rest) {
        debug_assert_eq!(&*origin.to_lower_wire(), zone.origin());
        let account = self.index_of(account, rest);
        let Some(state) = self.accounts[account as usize].as_mut() else { return };
        let totals = &mut self.snapshot.totals;
        totals.owners += usize::from(state.zones == 0);
        totals.names += u64::from(zone.names());
        totals.faulty += usize::from(zone.is_faulty());
        state.zones += 1;
        let own_set = state.own_set(origin, &self.operator);
        let ipv6 = state.words.ipv6(origin);
        let replaced =
            self.snapshot.zones.put(&self.snapshot.seed, ZoneEntry { zone, account, own_set, ipv6 });
        rest.cost.zones_stored += 1;
        self.lost(replaced, rest);
    }

    fn remove(&mut self, origin: &Name, rest: &mut Rest) {
        let removed = self.snapshot.zones.remove(&self.snapshot.seed, &origin.to_lower_wire());
        self.lost(removed, rest);
    }

    /// An account has one zone less.
    fn lost(&mut self, entry: Option<ZoneEntry>, rest: &mut Rest) {
        let Some(ZoneEntry { zone, account, .. }) = entry else { return };
        let totals = &mut self.snapshot.totals;
        totals.names -= u64::from(zone.names());
        totals.faulty -= usize::from(zone.is_faulty());
        if let Some(state) = self.accounts[account as usize].as_mut() {
            state.zones -= 1;
            if state.zones == 0 {
                totals.owners -= 1;
                rest.accounts.insert(account);
            }
        }
    }

    /// Gives a zone the own set and the `ipv6` that its account says, and returns whether they are others.
    fn touch(&mut self, account: AccountIndex, origin: &Name) -> bool {
        let Snapshot { zones, seed, .. } = &mut self.snapshot;
        // A map may name a zone that is not there or not the account's.
        let Some(entry) = zones.get(seed, &origin.to_lower_wire()) else { return false };
        let Some(state) = self.accounts[account as usize].as_ref() else { return false };
        let (own_set, ipv6) = (state.own_set(origin, &self.operator), state.words.ipv6(origin));
        if entry.account != account || (entry.own_set, entry.ipv6) == (own_set, ipv6) {
            return false;
        }
        let zone = entry.zone.clone();
        zones.put(seed, ZoneEntry { zone, account, own_set, ipv6 });
        true
    }

    /// Forgets the accounts that are gone, stores those that are answered otherwise and returns how many these are.
    fn store_accounts(&mut self, touched: &BTreeSet<AccountIndex>) -> u64 {
        let mut changed = BTreeMap::new();
        for &index in touched {
            let slot = &mut self.accounts[index as usize];
            let Some(state) = slot else { continue };
            let id = state.id.clone();
            let fallback = if state.zones == 0 && state.words.say_nothing() {
                self.by_id.remove(&id);
                self.account_indices.give_back(index);
                *slot = None;
                Fallback::Nothing(told(NoAddresses::NoDefaults))
            } else {
                state.fallback(&self.operator, self.anycast)
            };
            let account = Account { id, fallback };
            if self.snapshot.accounts.get(index) != Some(&account) {
                changed.insert(index, account);
            }
        }
        let stored = changed.len() as u64;
        self.snapshot.accounts.store(changed);
        stored
    }

    fn state(&self, index: AccountIndex) -> Option<&AccountState> {
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
