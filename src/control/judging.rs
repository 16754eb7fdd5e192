//! What plans come to: which units are accepted, and which are denied for what.

use std::collections::{BTreeMap, BTreeSet};

use super::SourcePath;
use super::ahead::{Claims, Plain};
use super::desk::Desk;
use super::engine::Engine;
use super::plan::{Plan, Planner, conflicts};
use super::report::PINNED;
use super::source::Kind;
use super::state::{PinScope, View};
use crate::model::{AccountId, Diagnostic, Place, Severity, Unit};

/// What is given beside the sources.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// Of a remembered generation: the operator's files as held accounts see them.
    pub(super) views: &'a BTreeMap<AccountId, View>,
    /// There is nothing to compare with.
    pub(super) first: bool,
    /// On a first start: zones that need no plan.
    pub(super) plain: &'a [Plain],
    /// Pins are left to whoever weighs what is accepted.
    pub(super) unpinned: bool,
    /// Who is denied from the beginning.
    pub(super) held: &'a BTreeMap<Unit, Vec<Diagnostic>>,
}

/// What plans came to.
pub(super) struct Judged {
    pub(super) accepted: Vec<Plan>,
    /// Only on a first start: zones that need no plan, accepted.
    pub(super) plain: Vec<Plain>,
    pub(super) denied: BTreeMap<Unit, Vec<Diagnostic>>,
    /// What the sources of denied plans name.
    pub(super) pending: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// The operator's files that have errors.
    pub(super) broken: BTreeSet<SourcePath>,
    /// What holds nothing: warnings, and errors about names that are answered SERVFAIL by themselves.
    pub(super) told: Vec<Diagnostic>,
}

impl Engine {
    /// Plans until no plan is denied that was not before: whatever stays as it is served may be in another's way.
    pub(super) fn judge(
        &self,
        desk: &Desk<'_>,
        paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
        forced: &BTreeSet<SourcePath>,
        given: &Given<'_>,
    ) -> Judged {
        let Given { views, first, plain, unpinned, held } = *given;
        let snapshot = self.publisher.current();
        let mut denied = held.clone();
        let mut pending = BTreeMap::new();
        let is_operators = paths.contains_key(&Unit::Operator);
        // With something served, zones that do not exist yet are nobody's.
        let nothing = BTreeMap::new();
        let claims = Claims::new(if first { paths } else { &nothing }, plain);
        let mut broken = if is_operators { BTreeSet::new() } else { self.books.broken.clone() };
        loop {
            let held: BTreeSet<Unit> = denied.keys().cloned().collect();
            let planner = Planner {
                books: &self.books,
                desk,
                store: &self.store,
                seed: self.builder.seed(),
                snapshot: &snapshot,
                first,
                ownership: self.rules.ownership,
                paths,
                forced,
                denied: &held,
                broken: &broken,
                claims: &claims,
                views,
            };
            let mut plans = planner.plans();
            if first {
                let found = conflicts(&self.books, &plans, desk);
                return first_judged(plans, found, desk);
            }
            let mut new: BTreeMap<Unit, Vec<Diagnostic>> = BTreeMap::new();
            for plan in &plans {
                let mut errors: Vec<Diagnostic> = plan.errors().cloned().collect();
                if !desk.is_memory() && (plan.has_effect() && !unpinned || !errors.is_empty()) {
                    errors.extend(self.pinned(&plan.unit));
                }
                if !errors.is_empty() {
                    new.insert(plan.unit.clone(), errors);
                }
            }
            let is_pinned = |errors: &Vec<Diagnostic>| errors.iter().all(|error| error.code == PINNED);
            if new.get(&Unit::Operator).is_some_and(is_pinned) {
                // The accounts were judged with files of the operator that wait.
                new.retain(|unit, _| *unit == Unit::Operator);
                let waiting = plans.into_iter().filter(|plan| plan.unit == Unit::Operator);
                pending.extend(waiting.flat_map(|plan| plan.read_names));
                denied.extend(new);
                continue;
            }
            // Who is denied already is in nobody's way with what it wanted.
            let (bad, good): (Vec<Plan>, Vec<Plan>) =
                plans.into_iter().partition(|plan| new.contains_key(&plan.unit));
            for plan in bad {
                broken.extend(plan.broken);
                pending.extend(plan.read_names);
            }
            plans = good;
            for (unit, found) in conflicts(&self.books, &plans, desk) {
                new.entry(unit).or_default().push(found);
            }
            for (unit, found) in self.shared_includes(&plans, desk, &denied, &new) {
                new.entry(unit).or_default().push(found);
            }
            if new.is_empty() {
                let told = plans.iter().flat_map(told).collect();
                let accepted = plans.into_iter().filter(Plan::has_effect).collect();
                return Judged { accepted, plain: Vec::new(), denied, pending, broken, told };
            }
            let late = plans.into_iter().filter(|plan| new.contains_key(&plan.unit));
            pending.extend(late.flat_map(|plan| plan.read_names));
            if new.contains_key(&Unit::Account(AccountId::default_account())) {
                // Its zones were judged with settings that do not come.
                let is_zone = |unit: &Unit| matches!(unit, Unit::Zone(_));
                new.retain(|unit, _| !is_zone(unit));
                denied.retain(|unit, _| !is_zone(unit));
            }
            denied.extend(new);
        }
    }

    /// That a unit was rolled back, if it was.
    pub(super) fn pinned(&self, unit: &Unit) -> Option<Diagnostic> {
        let (scope, pin) = self.books.standing.pin_of(unit)?;
        let message = format!("rolled back to what generation {} served, the files wait", pin.generation);
        let place = Place::file(&super::folder::display(&self.sources.zones));
        let whose = match scope {
            PinScope::Everything => String::new(),
            PinScope::Account(account) => format!(" --account {account}"),
        };
        let hint = format!("follow the files again with: portolan resume{whose}");
        Some(Diagnostic::error(PINNED, place, message).hint(hint))
    }

    /// What a first start makes of its sources: of those in the folders, or of those that are remembered. What is plain
    /// needs no plan; `paths` is told of the rest.
    pub(super) fn judge_first(
        &self,
        desk: &Desk<'_>,
        sources: &BTreeSet<SourcePath>,
        mut plain: Vec<Plain>,
        paths: &mut BTreeMap<Unit, BTreeSet<SourcePath>>,
        views: &BTreeMap<AccountId, View>,
    ) -> Judged {
        let nobody = BTreeMap::new();
        let mut zones = plain.iter().map(|zone| &zone.path).peekable();
        for path in sources {
            if zones.next_if_eq(&path).is_some() {
                continue;
            }
            let counts = desk.is_memory() || path.kind() != Kind::Other;
            if let (true, Some(unit)) = (counts, path.unit()) {
                paths.entry(unit).or_default().insert(path.clone());
            }
        }
        for account in owners(&plain).into_iter().filter(|account| !account.is_default()) {
            // Their maps are looked at although no file of theirs is left to be planned.
            paths.entry(Unit::Account(account.clone())).or_default();
        }
        let judged = self.judge(
            desk,
            paths,
            &BTreeSet::new(),
            &Given { views, first: true, plain: &plain, unpinned: false, held: &nobody },
        );
        let faulty: BTreeSet<&AccountId> =
            judged.accepted.iter().filter(|plan| plan.faulty).filter_map(Plan::account).collect();
        let is_lost = |zone: &Plain| faulty.contains(&zone.account);
        if !plain.iter().any(is_lost) {
            return Judged { plain, ..judged };
        }
        // Their zones are faulty with them, and are told so the long way.
        for zone in plain.iter().filter(|zone| is_lost(zone)) {
            if let Some(unit) = zone.path.unit() {
                paths.entry(unit).or_default().insert(zone.path.clone());
            }
        }
        plain.retain(|zone| !faulty.contains(&zone.account));
        let judged = self.judge(
            desk,
            paths,
            &BTreeSet::new(),
            &Given { views, first: true, plain: &plain, unpinned: false, held: &nobody },
        );
        Judged { plain, ..judged }
    }

    /// Units that include one changed file go together, such as zones of the account `default`: the file is served
    /// in one version.
    fn shared_includes(
        &self,
        plans: &[Plan],
        desk: &Desk<'_>,
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        new: &BTreeMap<Unit, Vec<Diagnostic>>,
    ) -> Vec<(Unit, Diagnostic)> {
        let mut found = Vec::new();
        for plan in plans.iter().filter(|plan| !new.contains_key(&plan.unit)) {
            for named in plan.names.values().flatten() {
                let changed = plan.files.get(named).and_then(Option::as_ref).map(|copy| copy.digest);
                let served = self.books.files.get(named).and_then(|known| known.served);
                if served.is_none() || changed == served {
                    continue;
                }
                let mut others = self.books.named_by.get(named).into_iter().flatten();
                let held = others.find_map(|by| {
                    let unit = by.unit().filter(|unit| *unit != plan.unit)?;
                    let is_served = self.books.files.get(by).is_some_and(|known| known.served.is_some());
                    (is_served && (denied.contains_key(&unit) || new.contains_key(&unit))).then_some(unit)
                });
                if let Some(held) = held {
                    let message =
                        format!("this file changed, and {held}, which includes it as well, is held");
                    let place = Place::file(&desk.shown(named));
                    let diagnostic = Diagnostic::error("included-file-held", place, message)
                        .hint("repair the other zone, or give it a file of its own");
                    found.push((plan.unit.clone(), diagnostic));
                    break;
                }
            }
        }
        found
    }
}

/// Whose the zones are, each account once.
fn owners(plain: &[Plain]) -> BTreeSet<&AccountId> {
    // Zones of one account stand together.
    let changes = plain.chunk_by(|a, b| a.account == b.account);
    changes.filter_map(|zones| Some(&zones.first()?.account)).collect()
}

/// On a first start what is good is taken, unit by unit; of two files for one zone neither is.
fn first_judged(mut plans: Vec<Plan>, found: Vec<(Unit, Diagnostic)>, desk: &Desk<'_>) -> Judged {
    let mut denied: BTreeMap<Unit, Vec<Diagnostic>> = BTreeMap::new();
    let mut told_too = Vec::new();
    for (unit, found) in found {
        match found.code {
            "zone-in-two-files" => denied.entry(unit).or_default().push(found),
            // Told, and nothing more: no account can hold another one back.
            _ => told_too.push(found),
        }
    }
    for plan in &mut plans {
        let contested = denied.get(&plan.unit).map(Vec::as_slice).unwrap_or_default();
        plan.withdraw(contested, desk);
        let errors: Vec<Diagnostic> = plan.errors().cloned().collect();
        if !errors.is_empty() {
            denied.entry(plan.unit.clone()).or_default().extend(errors);
        }
    }
    let told = plans.iter().flat_map(told).chain(told_too).collect();
    let broken = plans.iter().flat_map(|plan| plan.broken.iter().cloned()).collect();
    let mut pending = BTreeMap::new();
    for plan in plans.iter().filter(|plan| denied.contains_key(&plan.unit)) {
        pending.extend(plan.read_names.clone());
    }
    let accepted = plans.into_iter().filter(Plan::has_effect).collect();
    Judged { accepted, plain: Vec::new(), denied, pending, broken, told }
}

/// What a plan tells that holds nothing.
fn told(plan: &Plan) -> impl Iterator<Item = Diagnostic> + use<'_> {
    let holds = |unit: &Unit, found: &Diagnostic| *unit != Unit::Nothing && found.severity == Severity::Error;
    plan.findings
        .iter()
        .filter(move |(unit, found)| !holds(unit, found) && found.severity > Severity::Note)
        .map(|(_, found)| found.clone())
}
