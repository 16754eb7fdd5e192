//! The unit that is accepted or refused as a whole.

use std::fmt;

use super::AccountId;
use crate::wire::Name;

/// What a fault holds back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// The operator's files: anycast defaults and maps made by the operator.
    Operator,
    /// An account's settings and maps.
    Account(AccountId),
    /// One zone.
    Zone(Name),
    /// Nothing is held back: the fault changes no answer beyond the names that it is about, and those are answered
    /// SERVFAIL by themselves.
    Nothing,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Operator => f.write_str("the operator's files"),
            Unit::Account(account) => write!(f, "account {account}"),
            Unit::Zone(origin) => write!(f, "zone {origin}"),
            Unit::Nothing => f.write_str("nothing"),
        }
    }
}
