//! Limits on what may be lost at once: over one of them, what would change is held until somebody approves of it.
//!
//! A share trips only where a floor is exceeded too, and what is added never trips.

use std::fmt;

use super::plan::Plan;
pub use crate::config::{Guards as Limits, Share};

/// What a plan compares the candidate with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// What is served now.
    Served,
    /// What was served an hour ago, so that a slow leak trips as well.
    HourAgo,
}

/// Who would lose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An account, by itself; `default` as a whole.
    Account(String),
    /// All accounts together.
    Server,
    /// Whoever is answered from the operator's defaults.
    Operator,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Account(id) => write!(f, "account {id}"),
            Scope::Server => f.write_str("the whole server"),
            Scope::Operator => f.write_str("the operator's defaults"),
        }
    }
}

/// A limit that is exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// A stable name: `guard-names-unproxied`.
    pub code: &'static str,
    /// Who would lose.
    pub scope: Scope,
    /// What would have happened, with numbers and first names.
    pub message: String,
    /// The setting that governs it: `guards.unproxied_names`.
    pub setting: &'static str,
}

/// The limits that a plan exceeds, by code and scope.
pub fn judge(_plan: &Plan, _limits: &Limits, _since: Since) -> Vec<Trip> {
    Vec::new()
}
