//! A plan as it is shown and sent: plain data.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What would be answered otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Generation of what it is compared with.
    pub before: u64,
    /// Generation of the candidate.
    pub after: u64,
    /// The whole server.
    pub counts: Counts,
    /// Names that stop being proxied, with what would become public; of many the first ones, by account, zone and name.
    pub exposed: Vec<Exposed>,
    /// How many more there are.
    pub exposed_left_out: u64,
    /// What changes by the operator's defaults, whosever names they answer for.
    pub operator: Vec<SetPlan>,
    /// The accounts of which something changes, by their identifier.
    pub accounts: Vec<AccountPlan>,
}

/// Counts over a scope: an account, or the whole server. Names that only the operator's defaults answer otherwise are
/// counted by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Zones before.
    pub zones_before: u64,
    /// Zones afterwards.
    pub zones_after: u64,
    /// Zones that are new; of an account those that came from another one as well.
    pub zones_new: u64,
    /// Zones that are gone; of an account those that went to another one as well.
    pub zones_gone: u64,
    /// Zones that stay and of which a name is answered otherwise.
    pub zones_changed: u64,
    /// Names before.
    pub names_before: u64,
    /// Names afterwards.
    pub names_after: u64,
    /// Names that had no data and have.
    pub names_new: u64,
    /// Names that had data and have none.
    pub names_gone: u64,
    /// Names that have data before and afterwards, and lose some of it or answer otherwise.
    pub names_changed: u64,
    /// Names that only gain: all that was answered still is.
    pub names_extended: u64,
    /// Names that stop being proxied: what is stored would become public.
    pub names_unproxied: u64,
    /// Proxied names that the operator's defaults answer otherwise, in an account's counts always 0.
    pub names_by_operator: u64,
    /// Zones whose proxied names lose their IPv4 addresses.
    pub zones_losing_ipv4: u64,
    /// Zones whose proxied names lose their IPv6 addresses.
    pub zones_losing_ipv6: u64,
    /// Zones whose proxied names lose a family, either or both.
    pub zones_losing_family: u64,
    /// Distinct addresses of maps and defaults that were answered; of an account those of its own maps.
    pub addresses_before: u64,
    /// How many of them are not answered any more.
    pub addresses_gone: u64,
    /// Those, in order; of many the first ones.
    pub gone: Vec<IpAddr>,
}

impl Counts {
    /// Names answered otherwise, in any way.
    pub fn names_otherwise(&self) -> u64 {
        self.names_new + self.names_gone + self.names_changed + self.names_extended
    }

    /// Names that lose something: what limits look at. Those that are new or only gain are none.
    pub fn names_harmed(&self) -> u64 {
        self.names_gone + self.names_changed
    }
}

/// A name whose stored content would become public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposed {
    /// The account.
    pub account: String,
    /// The zone that answers for it afterwards.
    pub zone: String,
    /// The name.
    pub name: String,
    /// Addresses that it was answered with.
    pub was: Vec<IpAddr>,
    /// The records that would be seen: `A 203.0.113.9`, `CNAME origin.example.`.
    pub public: Vec<String>,
}

/// What changes of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPlan {
    /// The account.
    pub account: String,
    /// Its counts.
    pub counts: Counts,
    /// Zones that changed themselves, those that lose most first; of many the first ones.
    pub zones: Vec<ZonePlan>,
    /// How many more there are.
    pub zones_left_out: u64,
    /// What changes for zones that did not: the addresses of a map, or what the account falls back to.
    pub sets: Vec<SetPlan>,
}

/// What changes of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZonePlan {
    /// The zone.
    pub zone: String,
    /// Why, each reason once.
    pub why: Vec<Why>,
    /// What governed it; `None` where it was not there.
    pub was: Option<Governed>,
    /// What governs it; `None` where it is gone.
    pub is: Option<Governed>,
    /// Names before.
    pub names_before: u64,
    /// Proxied names before.
    pub proxied_before: u64,
    /// Proxied names afterwards.
    pub proxied_after: u64,
    /// Names that had no data and have.
    pub names_new: u64,
    /// Names that had data and have none.
    pub names_gone: u64,
    /// Names that lose some of their data or answer otherwise.
    pub names_changed: u64,
    /// Names that only gain.
    pub names_extended: u64,
    /// Names that stop being proxied.
    pub names_unproxied: u64,
    /// Its proxied names lose their IPv4 addresses.
    pub loses_ipv4: bool,
    /// Its proxied names lose their IPv6 addresses.
    pub loses_ipv6: bool,
    /// Names that are answered otherwise; of many the first ones.
    pub names: Vec<NamePlan>,
    /// How many more there are.
    pub names_left_out: u64,
}

/// What changes of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamePlan {
    /// The name.
    pub name: String,
    /// What becomes of it.
    pub what: What,
    /// Why.
    pub why: Why,
    /// What is answered otherwise, by type.
    pub answers: Vec<AnswerPlan>,
}

/// An answer, before and afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerPlan {
    /// The type asked for.
    pub rtype: String,
    /// What was answered, a record each, or one word: `NXDOMAIN`, `no data`.
    pub was: Vec<String>,
    /// What is answered.
    pub is: Vec<String>,
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It had no data.
    New,
    /// It has none any more.
    Gone,
    /// It loses some, or answers otherwise.
    Changed,
    /// It only gains.
    Extended,
}

/// Why something is answered otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Names stop being proxied.
    Unproxied,
    /// The zone is gone.
    ZoneRemoved,
    /// The zone is new.
    ZoneAdded,
    /// The zone belongs to another account.
    OtherAccount,
    /// The records of the zone are others.
    ZoneData,
    /// Another map governs, or another level, or nothing.
    Governor,
    /// The map that governs has other addresses.
    Addresses,
    /// AAAA is answered for proxied names, or no longer.
    Ipv6,
    /// A zone below this one came or went, and these names lie in it.
    ZoneBelow,
    /// The name is an alias, and its target is answered otherwise.
    AliasTarget,
}

impl Why {
    /// The reason as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Unproxied => "unproxied",
            Why::ZoneRemoved => "zone_removed",
            Why::ZoneAdded => "zone_added",
            Why::OtherAccount => "other_account",
            Why::ZoneData => "zone_data",
            Why::Governor => "governor",
            Why::Addresses => "addresses",
            Why::Ipv6 => "ipv6",
            Why::ZoneBelow => "zone_below",
            Why::AliasTarget => "alias_target",
        }
    }

    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Why::Unproxied => "names stop being proxied",
            Why::ZoneRemoved => "the zone is gone",
            Why::ZoneAdded => "the zone is new",
            Why::OtherAccount => "the zone belongs to another account",
            Why::ZoneData => "the zone's records changed",
            Why::Governor => "another map or level governs",
            Why::Addresses => "the map has other addresses",
            Why::Ipv6 => "ipv6 is switched",
            Why::ZoneBelow => "a zone below came or went",
            Why::AliasTarget => "the target of the alias changed",
        }
    }
}

/// Proxied names that are answered otherwise without a change of their zones, by the set that answers for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPlan {
    /// [`Why::Addresses`] or [`Why::Governor`].
    pub why: Why,
    /// What answered.
    pub was: Governed,
    /// What answers.
    pub is: Governed,
    /// All that was answered still is.
    pub extends: bool,
    /// Zones, those that changed themselves left out.
    pub zones: u64,
    /// Proxied names in them. Aliases that lead there come on top.
    pub names: u64,
    /// The zones, where they are few.
    pub examples: Vec<String>,
}

/// What answers proxied names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Governed {
    /// The level as one word: `zone_map`; `None` where nothing may answer.
    pub source: Option<String>,
    /// The map; the defaults are none.
    pub map: Option<String>,
    /// The addresses, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Why nothing may answer.
    pub error: Option<String>,
}

impl Plan {
    /// Whether nothing is answered otherwise.
    pub fn is_empty(&self) -> bool {
        self.operator.is_empty() && self.accounts.iter().all(|account| account.is_empty())
    }
}

impl AccountPlan {
    /// Whether nothing is answered otherwise.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty() && self.sets.is_empty()
    }
}
