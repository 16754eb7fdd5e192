//! Map files and account settings to model, the precedence with its reason, map checks.
//!
//! A fault is told with its place and with the [`Unit`] that it holds back: a map belongs to its account,
//! wherever it is written; the anycast defaults and the form of the operator's files belong to the operator.
//!
//! Invariant: nothing here opens a file; what a file names is reached through [`Files`]. A map that comes out
//! holds only addresses that may be answered, each once and at most 16 of a family, and names each zone once.

mod account_file;
mod addresses;
mod check;
pub mod code;
pub mod eligibility;
pub mod format;
mod map_file;
mod members;
mod names;
pub mod precedence;

use std::sync::Arc;

use crate::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, Approval, Assertion, Diagnostic, Diagnostics,
    Files, Ledger, Unit, World,
};

pub use eligibility::LedgerIndex;
pub use precedence::{Decision, NoAddresses, Precedence, Walk, zone_governor};

/// Whose file it is.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// `addrmaps/*.toml`.
    Operator,
    /// `addrmaps/<account>/**/*.toml`.
    Account(&'a AccountId),
}

/// What one map file holds. Where a diagnostic is an error, the parts that could be read are there all the same,
/// so that checks over several files see as much as possible.
#[derive(Debug, Default)]
pub struct MapFile {
    /// `[anycast]`.
    pub anycast: Option<AnycastDefaults>,
    /// Every `[[address_map]]` that could be read.
    pub maps: Vec<AddressMap>,
    /// `[[prefix]]` and `[[static_ips]]`, which only the operator's files hold.
    pub ledger: Ledger,
    /// Every `[[assert]]`.
    pub assertions: Vec<Assertion>,
    /// Every `[[approve]]`, which only the operator's files hold.
    pub approvals: Vec<Approval>,
    /// What was found, each with the unit that an error holds back.
    pub findings: Vec<(Unit, Diagnostic)>,
}

impl MapFile {
    /// Adds what another file holds. `[anycast]` stands only once: of two, the first stays and both are told.
    pub fn absorb(&mut self, other: MapFile) {
        self.maps.extend(other.maps);
        self.ledger.absorb(other.ledger);
        self.assertions.extend(other.assertions);
        self.approvals.extend(other.approvals);
        self.findings.extend(other.findings);
        match (&self.anycast, other.anycast) {
            (Some(first), Some(second)) => self.findings.extend(map_file::anycast_twice(first, &second)),
            (None, second) => self.anycast = second,
            (Some(_), None) => {}
        }
    }
}

/// Reads a map file. `before` are the maps that it held when it was last read: a list of zones that has not changed
/// since is taken from them.
pub fn read_map_file(
    file: &Arc<str>,
    content: &[u8],
    scope: Scope<'_>,
    files: &dyn Files,
    before: &[Arc<AddressMap>],
) -> MapFile {
    map_file::read(file, content, scope, files, before)
}

/// Reads `account.toml`. The settings are there only where no diagnostic is an error.
pub fn read_account_file(
    file: &Arc<str>,
    content: &[u8],
    account: &AccountId,
) -> (Option<AccountSettings>, Diagnostics) {
    account_file::read(file, content, account)
}

/// Checks over all files: duplicate ids, two governors, members of strangers, members that do not exist, shadowed
/// memberships, families that are missing, defaults that are missing but reached, the ledger, addresses that may not
/// serve.
///
/// Unlike a world to be compiled, `world.maps` may hold several maps of one id: that is one of the faults.
pub fn check(world: &World) -> Vec<(Unit, Diagnostic)> {
    check::check(world)
}

/// Checks the ledger of all files together: prefixes that overlap, addresses that are leased twice or lie in a prefix.
/// Whatever is wrong there is the operator's.
pub fn check_ledger(ledger: &Ledger) -> Diagnostics {
    check::check_ledger(ledger)
}
