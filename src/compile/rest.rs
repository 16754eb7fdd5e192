//! What one edit leaves to do at its end, and what was there before it.

use std::collections::{BTreeMap, BTreeSet};

use super::account::AccountState;
use super::edit::EditCost;
use crate::model::AccountId;
use crate::snapshot::{AccountIndex, Owned, SetIndex, Weight, ZoneEntry};
use crate::wire::Name;

/// An edit on its way.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) cost: EditCost,
    /// Zones whose own set or `ipv6` may be another, with the account that says so.
    pub(super) zones: Vec<(AccountIndex, Name)>,
    /// Accounts that may be answered otherwise, or be gone.
    pub(super) accounts: BTreeSet<AccountIndex>,
    /// Zones that something was done to, with what was there; of two of one zone the first holds.
    pub(super) before: Vec<(Name, Option<ZoneEntry>)>,
    /// What the sets weighed before anything was put on or taken off.
    pub(super) weights: BTreeMap<SetIndex, Weight>,
    /// The accounts of which there is more or less, as they were.
    pub(super) concerned: BTreeMap<AccountIndex, Concerned>,
    /// Accounts whose fallback is another one.
    pub(super) fallbacks: Vec<AccountIndex>,
    /// Nothing was there before.
    pub(super) first: bool,
}

/// An account as it was before the edit.
pub(super) struct Concerned {
    pub(super) id: AccountId,
    pub(super) owned: Owned,
}

impl Rest {
    /// Remembers how an account was before the edit.
    pub(super) fn concern(&mut self, index: AccountIndex, state: &AccountState) {
        self.concerned.entry(index).or_insert_with(|| Concerned {
            id: state.id.clone(),
            owned: Owned { before: state.tally, addresses: state.addresses.len(), ..Owned::default() },
        });
    }
}
