//! What a change would make of each unit that it touches: files read, zones compiled, maps and settings parsed, faults
//! found. Nothing here changes anything; the books are looked at, and a plan is made or thrown away.
//!
//! Invariant: a plan is about one unit, and reads what differs from what is served and nothing else, but for zones
//! whose settings or included files change under them.

mod account;
mod check;
mod conflicts;
mod ledger;
mod operator;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::SourcePath;
use super::ahead::Claims;
use super::books::{Books, OperatorFile};
use super::desk::{Copy, Desk, Found};
use super::faults;
use super::state::View;
use super::store::Store;
use crate::addrmap::LedgerIndex;
use crate::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, Assertion, Diagnostic, MapOwner, Ownership,
    Severity, Unit,
};
use crate::snapshot::{Seed, Snapshot, Zone};
use crate::wire::Name;

pub(super) use conflicts::conflicts;
pub(super) use ledger::files_after;
pub(super) use operator::lost_immutable_maps;

/// What becomes of a zone.
#[derive(Clone, Debug)]
pub(super) enum ZonePlan {
    Good(Zone),
    /// Only on a first start: answered SERVFAIL.
    Faulty,
    Removed,
}

/// What a change would make of one unit.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) unit: Unit,
    /// The sources that are served from then on; `None` where one is no longer.
    pub(super) files: BTreeMap<SourcePath, Option<Copy>>,
    /// What the sources that are served from then on name.
    pub(super) names: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// What all sources that were read name, good or not.
    pub(super) read_names: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    pub(super) zones: BTreeMap<Name, (SourcePath, ZonePlan)>,
    /// The account's settings, where they change; `None` in it where there is no file any more.
    pub(super) settings: Option<Option<Arc<AccountSettings>>>,
    /// The account's own map files that change.
    pub(super) own: BTreeMap<SourcePath, Option<Vec<Arc<AddressMap>>>>,
    /// The assertions of those that stay or come.
    pub(super) assertions: BTreeMap<SourcePath, Vec<Arc<Assertion>>>,
    /// The maps that the operator made for the account, where they change.
    pub(super) operators: Option<Vec<Arc<AddressMap>>>,
    /// The state of the operator's files that those are from, where it is an earlier one.
    pub(super) view: Option<View>,
    /// The operator's files that change.
    pub(super) operator_files: BTreeMap<SourcePath, Option<OperatorFile>>,
    /// The ledger that they make, where it is another than what is served.
    pub(super) ledger: Option<Arc<LedgerIndex>>,
    /// What was found, each with the part of the unit that it is about.
    pub(super) findings: Vec<(Unit, Diagnostic)>,
    /// Only on a first start: the unit's settings and maps cannot be taken.
    pub(super) faulty: bool,
    /// It never was good and may be now, be it without any file.
    pub(super) mends: bool,
    /// The operator's files that have errors.
    pub(super) broken: BTreeSet<SourcePath>,
}

impl Plan {
    /// One that changes nothing.
    pub(super) fn new(unit: Unit) -> Plan {
        Plan {
            unit,
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            read_names: BTreeMap::new(),
            zones: BTreeMap::new(),
            settings: None,
            own: BTreeMap::new(),
            assertions: BTreeMap::new(),
            operators: None,
            view: None,
            operator_files: BTreeMap::new(),
            ledger: None,
            findings: Vec::new(),
            faulty: false,
            mends: false,
            broken: BTreeSet::new(),
        }
    }

    /// The errors that hold the unit. What is wrong with an account's map in the operator's file holds that account.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        let holds = |unit: &Unit| match &self.unit {
            Unit::Operator => *unit == Unit::Operator,
            _ => *unit != Unit::Nothing,
        };
        self.findings
            .iter()
            .filter(move |(unit, found)| holds(unit) && found.severity == Severity::Error)
            .map(|(_, found)| found)
    }

    /// Whether it changes anything.
    pub(super) fn has_effect(&self) -> bool {
        !self.files.is_empty()
            || !self.zones.is_empty()
            || self.settings.is_some()
            || !self.own.is_empty()
            || self.operators.is_some()
            || !self.operator_files.is_empty()
            || self.faulty
            || self.mends
    }

    /// Whether the account's maps change.
    pub(super) fn changes_maps(&self) -> bool {
        !self.own.is_empty() || self.operators.is_some()
    }

    /// The account, of a plan for one.
    pub(super) fn account(&self) -> Option<&AccountId> {
        match &self.unit {
            Unit::Account(account) => Some(account),
            _ => None,
        }
    }

    fn tell(&mut self, unit: &Unit, found: impl IntoIterator<Item = Diagnostic>) {
        self.findings.extend(found.into_iter().map(|found| (unit.clone(), found)));
    }

    /// Takes over what a source names, and the contents of what it names.
    fn note_names(&mut self, desk: &Desk<'_>, by: &SourcePath, names: BTreeSet<SourcePath>) {
        for named in &names {
            if let Found::Content(copy) = desk.read(named) {
                self.files.insert(named.clone(), Some(copy));
            }
        }
        self.read_names.insert(by.clone(), names.clone());
        self.names.insert(by.clone(), names);
    }

    /// On a first start: takes the zones back whose files are named.
    pub(super) fn withdraw(&mut self, contested: &[Diagnostic], desk: &Desk<'_>) {
        for (path, zone) in self.zones.values_mut() {
            let shown = desk.shown(path);
            if contested.iter().any(|found| found.place.file == shown) {
                *zone = ZonePlan::Faulty;
                self.files.remove(path);
                self.names.remove(path);
            }
        }
    }
}

/// What all plans of one change are made from.
pub(super) struct Planner<'a> {
    pub(super) books: &'a Books,
    pub(super) desk: &'a Desk<'a>,
    pub(super) store: &'a Store,
    pub(super) seed: &'a Seed,
    /// What is served.
    pub(super) snapshot: &'a Snapshot,
    /// There is no state yet: what is good is taken, whatever else there is in its unit.
    pub(super) first: bool,
    /// What becomes of maps whose addresses their account may not use.
    pub(super) ownership: Ownership,
    /// The sources to be looked at, by unit.
    pub(super) paths: &'a BTreeMap<Unit, BTreeSet<SourcePath>>,
    /// Sources to be read although they did not change: what they name did.
    pub(super) forced: &'a BTreeSet<SourcePath>,
    /// Units that stay as they are.
    pub(super) denied: &'a BTreeSet<Unit>,
    /// The operator's files that have errors: the accounts that they serve stay as they are.
    pub(super) broken: &'a BTreeSet<SourcePath>,
    /// Where there is no earlier state: whose zones there will be.
    pub(super) claims: &'a Claims<'a>,
    /// Of a remembered generation: the operator's files as held accounts see them.
    pub(super) views: &'a BTreeMap<AccountId, View>,
}

impl Planner<'_> {
    /// Plans for all units concerned. The operator's comes first: accounts are planned with what it makes of theirs.
    pub(super) fn plans(&self) -> Vec<Plan> {
        let mut plans = Vec::new();
        let operator = self.paths.contains_key(&Unit::Operator).then(|| self.operator());
        let operator = operator.filter(|_| !self.denied.contains(&Unit::Operator));
        let good = operator.as_ref().filter(|plan| self.first || plan.errors().next().is_none());
        let broken = operator.as_ref().map_or(self.broken, |plan| &plan.broken);
        let mut accounts: BTreeSet<AccountId> = self.units().filter_map(account_of).collect();
        if let (Some(plan), None) = (&operator, good) {
            // They are held with it, whether anything of their own changes or not.
            let files = plan.broken.iter().filter_map(|path| self.books.operator.files.get(path));
            accounts.extend(files.flat_map(|file| &file.maps).map(|map| map.account.clone()));
        }
        if let Some(plan) = good {
            // An account that never was good is served when its own files are looked at and good.
            let stays = |account: &AccountId| {
                self.books.faulty.accounts.contains(account)
                    && !self.paths.contains_key(&Unit::Account(account.clone()))
            };
            accounts.extend(self.accounts_of(plan).into_iter().filter(|account| !stays(account)));
        }
        for account in accounts {
            if !self.denied.contains(&Unit::Account(account.clone())) {
                plans.push(self.account(&account, good, broken));
            }
        }
        let settings = self.default_settings(&plans);
        let is_faulty = self.is_default_faulty(&plans);
        for unit in self.units() {
            if let Unit::Zone(_) = unit
                && !self.denied.contains(unit)
            {
                plans.push(self.default_zone(unit, &settings, is_faulty));
            }
        }
        plans.extend(operator);
        self.eligible(&mut plans);
        plans
    }

    fn units(&self) -> impl Iterator<Item = &Unit> {
        self.paths.keys()
    }

    fn of_unit(&self, unit: &Unit) -> impl Iterator<Item = &SourcePath> {
        self.paths.get(unit).into_iter().flatten()
    }

    /// The settings that zones of the account `default` are read with.
    fn default_settings(&self, plans: &[Plan]) -> AccountSettings {
        let account = AccountId::default_account();
        let plan = plans.iter().find(|plan| plan.account() == Some(&account));
        let planned =
            plan.filter(|plan| plan.errors().next().is_none()).and_then(|plan| plan.settings.clone());
        let served = || self.books.accounts.get(&account).and_then(|served| served.settings.clone());
        let settings = planned.unwrap_or_else(served);
        settings.map_or_else(|| AccountSettings::new(account), |settings| (*settings).clone())
    }

    /// Whether the settings or maps of the account `default` never were good, and are not now: then none of its zones
    /// is served.
    fn is_default_faulty(&self, plans: &[Plan]) -> bool {
        let account = AccountId::default_account();
        match plans.iter().find(|plan| plan.account() == Some(&account)) {
            Some(plan) if self.first => plan.faulty,
            Some(plan) => self.books.faulty.accounts.contains(&account) && plan.errors().next().is_some(),
            None => self.books.faulty.accounts.contains(&account),
        }
    }

    /// Whether a source that was read differs from what is served, or must be taken anew all the same.
    fn is_changed(&self, path: &SourcePath, copy: &Copy) -> bool {
        let served = self.books.files.get(path).and_then(|known| known.served);
        served != Some(copy.digest) || self.forced.contains(path)
    }

    fn unreadable(&self, path: &SourcePath, why: &str) -> Diagnostic {
        faults::unreadable(&self.desk.shown(path), &why)
    }
}

fn account_of(unit: &Unit) -> Option<AccountId> {
    match unit {
        Unit::Account(account) => Some(account.clone()),
        _ => None,
    }
}

/// The anycast defaults after a plan of the operator's.
pub(super) fn anycast_after<'p>(books: &'p Books, plan: Option<&'p Plan>) -> Option<&'p AnycastDefaults> {
    let Some(plan) = plan else { return books.operator.anycast() };
    let planned = plan.operator_files.values().flatten().find_map(|file| file.anycast.as_ref());
    planned.or_else(|| {
        let mut unchanged =
            books.operator.files.iter().filter(|(path, _)| !plan.operator_files.contains_key(*path));
        unchanged.find_map(|(_, file)| file.anycast.as_ref())
    })
}

/// The maps of an account after a plan for it.
pub(super) fn maps_after(books: &Books, account: &AccountId, plan: &Plan) -> Vec<Arc<AddressMap>> {
    let served = books.accounts.get(account);
    let mut maps: Vec<Arc<AddressMap>> = plan.own.values().flatten().flatten().cloned().collect();
    if let Some(served) = served {
        let unchanged = served.own.iter().filter(|(path, _)| !plan.own.contains_key(*path));
        maps.extend(unchanged.flat_map(|(_, maps)| maps).cloned());
    }
    match &plan.operators {
        Some(operators) => maps.extend(operators.iter().cloned()),
        None => maps.extend(served.into_iter().flat_map(|served| &served.operators).cloned()),
    }
    // One order, whichever files changed.
    maps.sort_by(|a, b| {
        (a.owner == MapOwner::Operator, &a.id, &a.place).cmp(&(
            b.owner == MapOwner::Operator,
            &b.id,
            &b.place,
        ))
    });
    maps
}
