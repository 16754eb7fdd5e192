//! Everything that the files say at one moment: what a snapshot is compiled from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, Assertion, Ledger, Ownership, ZoneData,
};
use crate::wire::Name;

/// A zone of the server and the account that it belongs to.
#[derive(Clone, Debug)]
pub struct LoadedZone {
    /// The apex.
    pub origin: Name,
    /// The account whose folder holds the master file.
    pub account: AccountId,
    /// Its data.
    pub content: ZoneContent,
}

/// What is known of a zone.
#[derive(Clone, Debug)]
pub enum ZoneContent {
    /// It was read without an error.
    Good(Arc<ZoneData>),
    /// Its files have an error and there is no earlier state: queries are answered SERVFAIL.
    Faulty,
}

/// All sources.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Settings of every account that has zones, maps or a file.
    pub accounts: BTreeMap<AccountId, AccountSettings>,
    /// The zones, each origin once.
    pub zones: Vec<LoadedZone>,
    /// The maps, enabled or not, each id once; those of faulty accounts are left out. Shared, so that a world that
    /// differs in one file copies pointers.
    pub maps: Vec<Arc<AddressMap>>,
    /// The anycast defaults.
    pub anycast: Option<AnycastDefaults>,
    /// Which addresses may serve in whose maps.
    pub ledger: Arc<Ledger>,
    /// What becomes of those that may not.
    pub ownership: Ownership,
    /// What must always be so.
    pub assertions: Vec<Arc<Assertion>>,
    /// Accounts whose settings or maps have an error and that have no earlier state: all their zones are
    /// answered SERVFAIL.
    pub faulty_accounts: BTreeSet<AccountId>,
    /// The operator's files have an error and there is no earlier state: no address set can be trusted, proxied
    /// names are answered SERVFAIL; all other names are answered.
    pub faulty_operator: bool,
}
