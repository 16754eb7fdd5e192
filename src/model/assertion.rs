//! What operators and accounts say must always be so, and what has been approved although a guard holds it.

use ipnet::IpNet;

use super::{AccountId, MapId, Place};
use crate::wire::Name;

/// `[[assert]]`: a statement that every generation must satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// What it is about.
    pub scope: AssertionScope,
    /// What must be so.
    pub claim: Claim,
    /// The account in whose files it stands, which it holds back where it is broken; `None` in the operator's files.
    pub author: Option<AccountId>,
    /// Where it is written.
    pub place: Place,
}

/// What an assertion is about: the proxied names of these zones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssertionScope {
    /// Every zone; written out as `everything = true`, never by leaving something out.
    Everything,
    /// The zones of an account.
    Account(AccountId),
    /// One zone.
    Zone(Name),
}

/// What must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Every address answered for a proxied name lies in one of these.
    AnswersWithin(Vec<IpNet>),
    /// None does.
    NeverAnswersWithin(Vec<IpNet>),
    /// Proxied names are answered at least one address of these families.
    FamilyRequired {
        /// A must be answered.
        ipv4: bool,
        /// AAAA must be answered.
        ipv6: bool,
    },
    /// This map governs.
    GovernedBy(MapId),
}

/// `[[approve]]`: content that may pass although a guard holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Digest of the content, as `status` and `plan` show it: 32 to 64 hexadecimal digits, in lower case.
    pub digest: String,
    /// Who approved.
    pub by: String,
    /// Why.
    pub reason: String,
    /// From when on it is void, in seconds since the epoch.
    pub expires: Option<u64>,
    /// Where it is written.
    pub place: Place,
}
