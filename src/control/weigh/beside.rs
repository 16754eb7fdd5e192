//! The zones that are proven although no data of theirs changed: for everything that answers otherwise than before, or of
//! which something else is claimed, some that show it. A zone without proxied names shows nothing.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::control::SourcePath;
use crate::control::engine::Engine;
use crate::control::plan::{Plan, ZonePlan};
use crate::model::{AccountId, AccountSettings, AddressMap, AddressSource, Assertion, AssertionScope};
use crate::snapshot::{Account, Snapshot, ZoneEntry};
use crate::wire::Name;

/// Zones of each kind.
const REPRESENTATIVES: usize = 3;

/// A candidate, to find them in.
pub(in crate::control) struct Beside<'a> {
    pub(in crate::control) engine: &'a Engine,
    pub(in crate::control) plans: &'a [Plan],
    pub(in crate::control) snapshot: &'a Snapshot,
    /// All that is claimed of it.
    pub(in crate::control) assertions: &'a [Arc<Assertion>],
}

impl Beside<'_> {
    /// Of an account whose maps, settings or claims may be others, or who is answered by the operator's defaults: zones
    /// of each map, those that fall back, those with settings of their own, and those of which something is claimed.
    pub(in crate::control) fn of_account(
        &self,
        account: &AccountId,
        maps: &[Arc<AddressMap>],
        settings: &AccountSettings,
    ) -> BTreeSet<Name> {
        let mut found = BTreeSet::new();
        for map in maps {
            let members = map.zones().map(|(origin, _)| origin.clone());
            found.extend(self.some(members, |entry| entry.own_set.is_some()));
        }
        found.extend(self.some(settings.zones.keys().cloned(), |_| true));
        if self.fall_back(account) {
            let zones = self.engine.books.zones_with(account);
            found.extend(self.some(zones, |entry| entry.own_set.is_none()));
        }
        let named = self.assertions.iter().filter_map(|assertion| match &assertion.scope {
            AssertionScope::Zone(origin) => Some(origin),
            AssertionScope::Everything | AssertionScope::Account(_) => None,
        });
        let books = &self.engine.books;
        let is_its = |origin: &&Name| books.zones.get(*origin).is_some_and(|zone| zone.account == *account);
        found.extend(named.filter(is_its).cloned());
        found
    }

    /// Of all accounts, where the operator's files change: some that the defaults answer, and where other claims are
    /// made one of everything that answers.
    pub(in crate::control) fn of_everyone(&self) -> BTreeSet<Name> {
        let books = &self.engine.books;
        let mut found: BTreeSet<Name> = BTreeSet::new();
        let by_defaults = |account: &&Account| {
            matches!(account.falls_to(), Some((AddressSource::AnycastDefaults, _)))
                && self.fall_back(&account.id)
        };
        // Whoever claims something of its own is among them in any case.
        let claimed: BTreeSet<&AccountId> = self
            .assertions
            .iter()
            .filter_map(|assertion| match &assertion.scope {
                AssertionScope::Account(account) => Some(account),
                AssertionScope::Everything | AssertionScope::Zone(_) => None,
            })
            .collect();
        let accounts = || self.snapshot.accounts.iter().filter(by_defaults);
        let claiming = accounts().filter(|account| claimed.contains(&account.id));
        for account in accounts().take(REPRESENTATIVES).chain(claiming) {
            let zones = books.zones_with(&account.id);
            found.extend(self.some(zones, |entry| entry.own_set.is_none()));
        }
        for assertion in self.assertions {
            if let AssertionScope::Zone(origin) = &assertion.scope {
                found.extend(books.zones.contains_key(origin).then(|| origin.clone()));
            }
        }
        let before = books.assertions_after(&[]);
        let is_new = |assertion: &Arc<Assertion>| {
            !before.iter().any(|known| known.scope == assertion.scope && known.claim == assertion.claim)
        };
        if self.assertions.iter().any(is_new) {
            found.extend(self.one_of_each());
        }
        found
    }

    /// A zone of everything that answers proxied names: by account, set and whether AAAA is answered.
    fn one_of_each(&self) -> BTreeSet<Name> {
        let mut seen = HashSet::new();
        let entries = self.snapshot.zones.iter().filter(|entry| entry.zone.proxied() > 0);
        let first = entries.filter(|entry| seen.insert((entry.account, entry.own_set, entry.ipv6)));
        let origins = first.filter_map(|entry| Name::from_wire(entry.zone.origin()).ok());
        origins.filter(|origin| self.engine.books.zones.contains_key(origin)).collect()
    }

    /// Whether proxied names of zones that do not change are answered by what their account falls back to.
    fn fall_back(&self, account: &AccountId) -> bool {
        let changed = self.plans.iter().flat_map(|plan| &plan.zones);
        let here = |(origin, (path, zone)): &(&Name, &(_, ZonePlan))| {
            let path: &SourcePath = path;
            matches!(zone, ZonePlan::Good(_))
                && path.account().as_ref() == Some(account)
                && self.entry(origin).is_some_and(|entry| entry.own_set.is_none() && entry.zone.proxied() > 0)
        };
        self.engine.builder.falling(account).zones > changed.filter(here).count() as u64
    }

    fn entry(&self, origin: &Name) -> Option<&ZoneEntry> {
        self.snapshot.zones.get(&self.snapshot.seed, &origin.to_lower_wire())
    }

    /// The first of them that are served and stay, have proxied names and are of a kind.
    fn some(&self, origins: impl Iterator<Item = Name>, is_it: impl Fn(&ZoneEntry) -> bool) -> Vec<Name> {
        let shows = |origin: &Name| {
            self.engine.books.zones.contains_key(origin)
                && self.entry(origin).is_some_and(|entry| entry.zone.proxied() > 0 && is_it(entry))
        };
        origins.filter(shows).take(REPRESENTATIVES).collect()
    }
}
