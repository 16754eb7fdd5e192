//! A candidate before it is served: proven, and compared with what is served now and an hour ago.
//!
//! `part` is what of the world it is proven in, with the zones that `beside` names; `back` compares it with what was served an hour
//! ago, which `hour` knows; `tripping` finds whose doing it is that a guard minds, `approval` by whose word it passes.

pub(super) mod approval;
mod back;
mod beside;
pub(super) mod hour;
mod part;
pub(super) mod tripping;

use std::collections::{BTreeMap, BTreeSet};

use crate::control::commit::Candidate;
use crate::control::cores;
use crate::control::desk::Desk;
use crate::control::engine::{Engine, How};
use crate::control::plan::Plan;
use crate::control::report::{ApprovalTold, TripTold};
use crate::judge::guards::{self, Since, Trip};
use crate::judge::plan::{self, Detail, plan_with};
use crate::judge::proof::{self, Proof, Report};
use crate::judge::{Harm, Traffic};
use crate::model::{AddressMap, Diagnostic, Ownership, Place, Severity, Unit, World};
use crate::snapshot::Snapshot;
use crate::wire::Name;
use hour::Gone;
use tripping::Tripping;

/// What came of it.
#[derive(Default)]
pub(in crate::control) struct Weighed {
    /// What cannot pass, and why.
    pub(in crate::control) held: BTreeMap<Unit, Vec<Diagnostic>>,
    /// The content of those that only an approval is wanted for.
    pub(in crate::control) digests: BTreeMap<Unit, String>,
    /// What it would change.
    pub(in crate::control) plan: plan::Plan,
    /// What it takes away, at most.
    pub(in crate::control) harm: Harm,
    /// Zones compared.
    pub(in crate::control) compared: usize,
    /// What was proven.
    pub(in crate::control) proof: Report,
    /// Those that a guard minds, and somebody approved.
    pub(in crate::control) approved: BTreeSet<Unit>,
    /// By whose word.
    pub(in crate::control) approvals: Vec<ApprovalTold>,
    /// What guards mind and nobody approved.
    pub(in crate::control) trips: Vec<TripTold>,
    /// What it means for the questions asked last, where somebody wants to know.
    pub(in crate::control) traffic: Option<Traffic>,
    /// What would be served, where somebody wants to compare it with something else.
    pub(in crate::control) snapshot: Option<Snapshot>,
}

impl Weighed {
    fn hold(&mut self, unit: &Unit, found: impl IntoIterator<Item = Diagnostic>) {
        let mut found = found.into_iter().peekable();
        if found.peek().is_some() {
            self.held.entry(unit.clone()).or_default().extend(found);
        }
    }
}

impl Engine {
    /// Proves a candidate and asks the guards.
    pub(in crate::control) fn weigh(&self, candidate: &Candidate, desk: &Desk<'_>, how: How) -> Weighed {
        let served = self.publisher.current();
        let (plans, applied) = (candidate.plans(), candidate.applied());
        // Examples cost a look at every zone: only whoever asks for a plan reads them.
        let examples = if how.preview { Detail::default().examples } else { 0 };
        let detail = Detail { examples, ..Detail::default() };
        let compared = plan_with(&served, &applied.snapshot, &applied.touched, detail);
        let mut weighed = Weighed { plan: compared, ..Weighed::default() };
        self.prove_candidate(candidate, desk, &served, &mut weighed);
        if !how.unguarded && !desk.is_memory() {
            self.guard(candidate, &mut weighed);
        }
        if how.preview {
            weighed.traffic = Some(self.traffic(&applied.snapshot));
            weighed.snapshot = Some(applied.snapshot.clone());
            for plan in plans {
                // What a rollback keeps is told as it would be without it.
                weighed.hold(&plan.unit, self.pinned(&plan.unit));
            }
        }
        weighed
    }

    /// Holds whoever breaks a property.
    fn prove_candidate(
        &self,
        candidate: &Candidate,
        desk: &Desk<'_>,
        served: &Snapshot,
        weighed: &mut Weighed,
    ) {
        let snapshot = &candidate.applied().snapshot;
        cores::breathe();
        let world = self.world_after(candidate.plans(), snapshot, desk);
        cores::breathe();
        let Proof { report, broken, .. } = proof::prove_in_steps(&world, snapshot, &cores::breathe);
        cores::breathe();
        weighed.proof = report;
        let mut errors: Vec<(Unit, Diagnostic)> =
            broken.into_iter().filter(|(_, found)| found.severity == Severity::Error).collect();
        if !errors.is_empty() {
            // What was broken before is not this change's doing: the audit tells of it.
            let before = self.broken_before(&world, served);
            errors.retain(|(_, found)| !before.contains(&(found.code, found.message.clone())));
        }
        for (unit, found) in errors {
            for unit in concerned(candidate.plans(), &unit) {
                weighed.hold(&unit, Some(found.clone()));
            }
        }
    }

    /// Holds whoever would take away more than a guard lets pass, but for what somebody approved.
    fn guard(&self, candidate: &Candidate, weighed: &mut Weighed) {
        let (plans, applied, limits) = (candidate.plans(), candidate.applied(), &self.rules.guards);
        let mut trips = guards::judge(&weighed.plan, limits, Since::Served);
        trips.extend(self.ledger_trip(candidate));
        let mut minded = vec![(Since::Served, weighed.plan.clone(), trips)];
        let back = self.look_back(applied, Harm::of(&weighed.plan));
        (weighed.harm, weighed.compared) = (back.harm, applied.touched.zones.len() + back.compared);
        minded.extend(back.minded.map(|(compared, trips)| (Since::HourAgo, compared, trips)));
        let mut digests: BTreeMap<Unit, String> = BTreeMap::new();
        let mut tripped: BTreeMap<Unit, Vec<Diagnostic>> = BTreeMap::new();
        for (since, compared, trips) in &minded {
            for trip in trips {
                let units = Tripping { plans, compared, trips, limits, since: *since }.units(trip);
                for plan in plans.iter().filter(|plan| units.contains(&plan.unit)) {
                    let digest = digests
                        .entry(plan.unit.clone())
                        .or_insert_with(|| self.digest_of(plan, plans))
                        .clone();
                    if let Some(said) = self.approval_of(plans, &plan.unit, &digest) {
                        if weighed.approved.insert(plan.unit.clone()) {
                            weighed.approvals.push(said);
                        }
                        continue;
                    }
                    let told = TripTold::from(trip);
                    let is_told = |known: &TripTold| (&known.code, &known.scope) == (&told.code, &told.scope);
                    if !weighed.trips.iter().any(is_told) {
                        weighed.trips.push(told);
                    }
                    let found = self.told_trip(trip, plan, plans, &digest);
                    let tripped = tripped.entry(plan.unit.clone()).or_default();
                    if !tripped.iter().any(|known| known.code == found.code) {
                        tripped.push(found);
                    }
                }
            }
        }
        self.let_others_go(&mut tripped, &digests);
        for (unit, found) in tripped {
            weighed.hold(&unit, found);
        }
        digests.retain(|unit, _| weighed.held.contains_key(unit));
        weighed.digests = digests;
    }

    /// Of those that trip guards together leaves the ones without which the others are to be judged again: the
    /// operator, whose addresses may be in what many accounts lose; else those that wait with the same content already.
    fn let_others_go<T>(&self, tripped: &mut BTreeMap<Unit, T>, digests: &BTreeMap<Unit, String>) {
        if tripped.contains_key(&Unit::Operator) {
            tripped.retain(|unit, _| *unit == Unit::Operator);
            return;
        }
        let waits = |unit: &Unit| {
            let held = self.books.held.get(unit).and_then(|held| held.digest.as_ref());
            held.is_some() && held == digests.get(unit)
        };
        if tripped.keys().any(waits) {
            tripped.retain(|unit, _| waits(unit));
        }
    }

    /// What goes with plans beside answers: what the ledger takes away from maps that answer now or did within the hour,
    /// and maps that leave. Where nobody looks at the ledger nothing does.
    pub(in crate::control) fn gone_with(&self, plans: &[Plan]) -> Gone {
        if self.rules.ownership == Ownership::Off {
            return Gone::default();
        }
        let weight = |map: &AddressMap| self.builder.governed_by(&map.account, &map.id);
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let left = self.hour.left(self.clock.now());
        let (lost, late) = self.books.ledger_loss(operator, left, weight);
        Gone { lost, late, left: self.books.leaving(plans, weight) }
    }

    /// The guard that minds what a candidate takes away by the ledger, by itself or with what went within the hour.
    fn ledger_trip(&self, candidate: &Candidate) -> Option<Trip> {
        let Gone { lost, late, .. } = candidate.gone();
        if lost.is_empty() && late.is_empty() {
            return None;
        }
        let limits = &self.rules.guards;
        let operator = candidate.plans().iter().find(|plan| plan.unit == Unit::Operator);
        let after = self.books.ledger_after(operator);
        guards::judge_ledger(lost, &after, limits, Since::Served).or_else(|| {
            let mut within = self.hour.lost(self.clock.now());
            within.absorb(lost.clone());
            within.absorb(late.clone());
            within.retain_lost(&after);
            guards::judge_ledger(&within, &after, limits, Since::HourAgo)
        })
    }

    /// What is broken of the same zones in what is served.
    fn broken_before(&self, world: &World, served: &Snapshot) -> BTreeSet<(&'static str, String)> {
        let origins: BTreeSet<Name> = world.zones.iter().map(|zone| zone.origin.clone()).collect();
        let before = self.world_of(&origins);
        proof::prove(&before, served)
            .broken
            .into_iter()
            .map(|(_, found)| (found.code, found.message))
            .collect()
    }

    fn told_trip(&self, trip: &Trip, plan: &Plan, plans: &[Plan], digest: &str) -> Diagnostic {
        let changed = self.changed_file(plan, trip);
        let place = changed.map(|path| crate::control::folder::display(&path.on_disk(&self.sources)));
        let place = place.unwrap_or_else(|| crate::control::folder::display(&self.sources.zones));
        let void = self.void_approval(plans, digest).unwrap_or_default();
        let hint =
            format!("{void}if that is meant: portolan approve {digest} --reason TEXT ({})", trip.setting);
        Diagnostic::error(trip.code, Place::file(&place), trip.message.clone()).hint(hint)
    }
}

/// Which of the plans a broken property holds: those of the unit that is at fault; where it is none of them, all, for
/// one of them brought it about.
fn concerned(plans: &[Plan], unit: &Unit) -> Vec<Unit> {
    let is_it = |plan: &&Plan| match (&plan.unit, unit) {
        (Unit::Zone(_), Unit::Account(account)) => account.is_default(),
        (planned, unit) => planned == unit,
    };
    let mut units: Vec<Unit> = plans.iter().filter(is_it).map(|plan| plan.unit.clone()).collect();
    if units.is_empty() {
        units.extend(plans.iter().map(|plan| plan.unit.clone()));
    }
    units
}
