//! Of the units that change together, those that are held for what a guard minds; the others go on without them.

use std::collections::BTreeSet;

use crate::control::plan::Plan;
use crate::judge::guards::{self, Limits, Scope, Since, Trip};
use crate::judge::plan;
use crate::model::{AccountId, Unit};

/// Whose doing it is that a guard minds something.
pub(in crate::control) struct Tripping<'a> {
    pub(in crate::control) plans: &'a [Plan],
    pub(in crate::control) compared: &'a plan::Plan,
    /// All trips of the comparison.
    pub(in crate::control) trips: &'a [Trip],
    pub(in crate::control) limits: &'a Limits,
    pub(in crate::control) since: Since,
}

impl Tripping<'_> {
    /// The units that have a part in it, as far as the comparison tells them apart.
    pub(in crate::control) fn units(&self, trip: &Trip) -> BTreeSet<Unit> {
        let alone = self.zones_alone(trip);
        let trips = |plan: &&Plan| match &plan.unit {
            Unit::Account(account) => self.is_in_scope(account, trip),
            Unit::Zone(origin) => {
                let zone = origin.to_string();
                self.is_in_scope(&AccountId::default_account(), trip)
                    && if alone.is_empty() { self.loses(&zone) } else { alone.contains(zone.as_str()) }
            }
            Unit::Operator => matches!(trip.scope, Scope::Operator | Scope::Ledger),
            Unit::Nothing => false,
        };
        let units: BTreeSet<Unit> = self.plans.iter().filter(trips).map(|plan| plan.unit.clone()).collect();
        match self.since {
            // One of them brought it about.
            Since::Served if units.is_empty() => self.plans.iter().map(|plan| plan.unit.clone()).collect(),
            // What others did within the hour is none of theirs.
            _ => units,
        }
    }

    fn is_in_scope(&self, id: &AccountId, trip: &Trip) -> bool {
        match &trip.scope {
            Scope::Account(account) => account == id.as_str(),
            Scope::Server => {
                // Where one account is too much by itself, the others are not held for it: without it they are judged
                // again.
                let same = self.trips.iter().filter(|other| other.code == trip.code);
                let alone: BTreeSet<&str> = same
                    .filter_map(|other| match &other.scope {
                        Scope::Account(account) => Some(account.as_str()),
                        _ => None,
                    })
                    .collect();
                if alone.is_empty() { self.is_harmed(id) } else { alone.contains(id.as_str()) }
            }
            Scope::Operator | Scope::Ledger => false,
        }
    }

    fn account(&self, id: &AccountId) -> Option<&plan::AccountPlan> {
        self.compared.accounts.iter().find(|account| account.account == id.as_str())
    }

    fn is_harmed(&self, id: &AccountId) -> bool {
        self.account(id).is_some_and(|account| {
            let counts = &account.counts;
            counts.names_harmed() > 0
                || counts.zones_gone > 0
                || counts.addresses_gone > 0
                || counts.zones_losing_family > 0
        })
    }

    /// Whether a zone of the account `default` loses something.
    fn loses(&self, zone: &str) -> bool {
        self.account(&AccountId::default_account()).is_none_or(|account| {
            let named = account.zones.iter().find(|named| named.zone == zone);
            let loses = |zone: &plan::ZonePlan| {
                zone.is.is_none()
                    || zone.names_gone + zone.names_changed + zone.names_unproxied > 0
                    || zone.loses_ipv4
                    || zone.loses_ipv6
            };
            named.map_or(account.zones_left_out > 0, loses)
        })
    }

    /// The zones of the account `default` that would be too much if they were all that changes of it: the others are
    /// not held for them.
    fn zones_alone(&self, trip: &Trip) -> BTreeSet<&str> {
        let Some(account) = self.account(&AccountId::default_account()) else { return BTreeSet::new() };
        let is_planned = |zone: &&plan::ZonePlan| {
            let is_it =
                |plan: &Plan| matches!(&plan.unit, Unit::Zone(origin) if origin.to_string() == zone.zone);
            self.plans.iter().any(is_it)
        };
        let is_alone = |zone: &&plan::ZonePlan| {
            let counts = plan::Counts {
                zones_before: account.counts.zones_before,
                names_before: account.counts.names_before,
                zones_gone: u64::from(zone.is.is_none()),
                names_gone: zone.names_gone,
                names_changed: zone.names_changed,
                names_unproxied: zone.names_unproxied,
                zones_losing_family: u64::from(zone.loses_ipv4 || zone.loses_ipv6),
                ..plan::Counts::default()
            };
            let zones = vec![(*zone).clone()];
            let alone =
                plan::AccountPlan { account: account.account.clone(), counts, zones, ..Default::default() };
            let alone = plan::Plan { accounts: vec![alone], ..plan::Plan::default() };
            guards::judge(&alone, self.limits, self.since).iter().any(|other| other.code == trip.code)
        };
        account.zones.iter().filter(is_planned).filter(is_alone).map(|zone| zone.zone.as_str()).collect()
    }
}
