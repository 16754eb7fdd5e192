//! What changes from one snapshot to the next, in the words of the model.

use std::sync::Arc;

use crate::model::{AccountId, AccountSettings, AddressMap, AnycastDefaults};
use crate::snapshot::{Snapshot, Touched, Zone};
use crate::wire::Name;

/// All that decides which addresses the zones of an account are answered with.
#[derive(Clone, Debug, Default)]
pub struct AccountWords {
    /// The settings; `None` for those that hold without a file.
    pub settings: Option<Arc<AccountSettings>>,
    /// The account's maps, its own and those that the operator made for it, each id once, in any order.
    pub maps: Vec<Arc<AddressMap>>,
    /// The settings or the maps have an error and there is no earlier state: no proxied name is answered.
    pub faulty: bool,
}

impl AccountWords {
    /// Whether this is what holds for an account that is not known at all.
    pub(super) fn say_nothing(&self) -> bool {
        self.settings.is_none() && self.maps.is_empty() && !self.faulty
    }

    /// Whether AAAA is answered for the proxied names of a zone.
    pub(super) fn ipv6(&self, origin: &Name) -> bool {
        let zone = self.settings.as_ref().and_then(|settings| settings.zones.get(origin));
        zone.is_none_or(|zone| zone.ipv6)
    }
}

/// What of the operator's files concerns all accounts.
#[derive(Clone, Debug, Default)]
pub struct OperatorWords {
    /// The anycast defaults.
    pub anycast: Option<AnycastDefaults>,
    /// The files have an error and there is no earlier state: no proxied name is answered.
    pub faulty: bool,
}

/// What becomes of a zone.
#[derive(Clone, Debug)]
pub enum ZoneChange {
    /// It is there, new or instead of what was there.
    Put {
        /// The account that it belongs to.
        account: AccountId,
        /// What [`super::compile_zone`] made, or [`Zone::faulty`].
        zone: Zone,
    },
    /// It is gone.
    Remove,
}

/// What changes from one snapshot to the next. All that is not named stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Zones by origin; of two changes of one zone the later holds. The settings `paused` and `enforce_dns_only` and
    /// the faults of an account are compiled into its zones: where one of them changes, all zones that it reaches
    /// belong here as well as the account's words.
    pub zones: Vec<(Name, ZoneChange)>,
    /// Accounts whose words changed, with the whole of what they say now; of two the later holds.
    pub accounts: Vec<(AccountId, AccountWords)>,
    /// The operator's words, where they changed.
    pub operator: Option<OperatorWords>,
}

/// What became of an edit.
#[derive(Debug)]
pub struct Applied {
    /// What is to be served next.
    pub snapshot: Snapshot,
    /// What it cost to make.
    pub cost: EditCost,
    /// What may be answered otherwise than before.
    pub touched: Touched,
}

/// What an edit cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditCost {
    /// Zones put in.
    pub zones_stored: u64,
    /// Address sets put into the table of sets.
    pub sets_stored: u64,
    /// Accounts put into the account table.
    pub accounts_stored: u64,
    /// Zones whose data stayed and whose own set or `ipv6` changed.
    pub entries_touched: u64,
}
