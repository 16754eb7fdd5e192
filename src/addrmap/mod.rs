//! Map files and account settings to model, the precedence with its reason, map checks.

pub mod precedence;

use std::sync::Arc;

use crate::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, Diagnostic, Diagnostics, Files, Unit, World,
};

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
    /// What was found, each with the unit that an error holds back.
    pub findings: Vec<(Unit, Diagnostic)>,
}

/// Reads a map file.
pub fn read_map_file(file: &Arc<str>, content: &[u8], scope: Scope<'_>, files: &dyn Files) -> MapFile {
    let _ = (file, content, scope, files);
    MapFile::default()
}

/// Reads `account.toml`.
pub fn read_account_file(
    file: &Arc<str>,
    content: &[u8],
    account: &AccountId,
) -> (Option<AccountSettings>, Diagnostics) {
    let _ = (file, content, account);
    (None, Vec::new())
}

/// Checks over all files: duplicate ids, two governors, members of strangers, members that do not exist, shadowed
/// memberships, families that are missing, defaults that are missing but reached.
pub fn check(world: &World) -> Vec<(Unit, Diagnostic)> {
    let _ = world;
    Vec::new()
}
