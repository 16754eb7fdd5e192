//! Settings of an account and of its zones (`zones/<account>/account.toml`).

use std::collections::BTreeMap;

use super::{AccountId, Place};
use crate::wire::Name;

/// Settings of one account; all have a default, so that the file may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// The account.
    pub id: AccountId,
    /// A name for people.
    pub name: Option<String>,
    /// Whether names of the account may be answered from the shared anycast defaults. `false`
    /// (`shared_addresses = "never"`): where no map of the account applies, proxied names are answered SERVFAIL.
    pub shared_addresses: bool,
    /// Whether an A, AAAA or CNAME record without a `cf-proxied` tag is an error.
    pub require_tags: bool,
    /// Whether all proxied records are served as DNS-only (semantics 4.21): the break-glass.
    pub enforce_dns_only: bool,
    /// Settings by zone.
    pub zones: BTreeMap<Name, ZoneSettings>,
    /// The file, if there is one.
    pub place: Option<Place>,
}

/// Settings of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSettings {
    /// Whether AAAA is answered for proxied names (semantics 3.7).
    pub ipv6: bool,
    /// Whether the zone's proxied names show their stored content (semantics 4.20).
    pub paused: bool,
    /// Where the zone's table stands.
    pub place: Option<Place>,
}

impl Default for ZoneSettings {
    fn default() -> ZoneSettings {
        ZoneSettings { ipv6: true, paused: false, place: None }
    }
}

impl AccountSettings {
    /// What holds without a file.
    pub fn new(id: AccountId) -> AccountSettings {
        AccountSettings {
            id,
            name: None,
            shared_addresses: true,
            require_tags: false,
            enforce_dns_only: false,
            zones: BTreeMap::new(),
            place: None,
        }
    }

    /// The settings of one zone of this account.
    pub fn zone(&self, origin: &Name) -> ZoneSettings {
        self.zones.get(origin).cloned().unwrap_or_default()
    }

    /// Whether the tags of a zone take effect: neither the zone is paused nor the account DNS-only.
    pub fn proxies(&self, origin: &Name) -> bool {
        !self.enforce_dns_only && !self.zones.get(origin).is_some_and(|zone| zone.paused)
    }
}
