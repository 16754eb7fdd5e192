//! A candidate before it is served: proven, and compared with what is served now and an hour ago.
//!
//! `part` is what of the world it is proven in, with the zones that `beside` names; `back` compares it with what was served an hour
//! ago, which `hour` knows; `tripping` finds whose doing it is that a guard minds, `approval` by whose word it passes.

mod approval;
mod back;
mod beside;
pub(super) mod hour;
mod part;
mod tripping;

use std::collections::{BTreeMap, BTreeSet};

use crate::control::SourcePath;
use crate::control::commit::Candidate;
use crate::control::desk::Desk;
use crate::control::engine::{Engine, How};
use crate::control::plan::{Plan, maps_after};
use crate::control::report::{ApprovalTold, TripTold};
use crate::control::source::Digest;
use crate::judge::guards::{self, Since, Trip};
use crate::judge::plan::{self, Detail, plan_with};
use crate::judge::proof::{self, Proof, Report};
use crate::judge::{Harm, Traffic};
use crate::model::{AddressMap, Diagnostic, MapOwner, Ownership, Place, Severity, Unit, World};
use crate::snapshot::Snapshot;
use crate::wire::Name;
use hour::Gone;
use tripping::Tripping;

/// Hexadecimal digits of a digest of content, as people see it.
const DIGITS: usize = 32;

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

impl Engine {
    /// Proves a candidate and asks the guards.
    pub(in crate::control) fn weigh(&self, candidate: &Candidate, desk: &Desk<'_>, how: How) -> Weighed {
        let served = self.publisher.current();
        let (plans, applied) = (candidate.plans(), candidate.applied());
        // Examples cost a look at every zone: only whoever asks for a plan reads them.
        let examples = if how.preview { Detail::default().examples } else { 0 };
        let detail = Detail { examples, ..Detail::default() };
        let compared = plan_with(&served, &applied.snapshot, &applied.touched, detail);
        let world = self.world_after(plans, &applied.snapshot, desk);
        let Proof { report, broken, .. } = proof::prove(&world, &applied.snapshot);
        let mut weighed = Weighed { plan: compared, proof: report, ..Weighed::default() };
        let mut errors: Vec<(Unit, Diagnostic)> =
            broken.into_iter().filter(|(_, found)| found.severity == Severity::Error).collect();
        if !errors.is_empty() {
            // What was broken before is not this change's doing: the audit tells of it.
            let before = self.broken_before(&world, &served);
            errors.retain(|(_, found)| !before.contains(&(found.code, found.message.clone())));
        }
        for (unit, found) in errors {
            for unit in concerned(plans, &unit) {
                weighed.held.entry(unit).or_default().push(found.clone());
            }
        }
        weighed.traffic = how.preview.then(|| self.traffic(&applied.snapshot));
        weighed.snapshot = how.preview.then(|| applied.snapshot.clone());
        if how.unguarded || desk.is_memory() {
            return weighed;
        }
        let limits = &self.rules.guards;
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
                    let digest =
                        digests.entry(plan.unit.clone()).or_insert_with(|| self.digest_of(plan)).clone();
                    if self.is_approved(plans, &digest) {
                        if weighed.approved.insert(plan.unit.clone()) {
                            weighed.approvals.extend(self.approval_of(plans, &plan.unit, &digest));
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
            weighed.held.entry(unit).or_default().extend(found);
        }
        digests.retain(|unit, _| weighed.held.contains_key(unit));
        weighed.digests = digests;
        weighed
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

    /// Whether content was approved, by a command or in the operator's files as they would be.
    fn is_approved(&self, plans: &[Plan], digest: &str) -> bool {
        let now = self.clock.now();
        let by_command = self.books.standing.approvals.iter();
        let by_command =
            by_command.filter(|(_, approved)| approved.expires.is_none_or(|expires| expires > now));
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let by_file = self.books.approvals_after(operator);
        let by_file = by_file.filter(|approval| approval.expires.is_none_or(|expires| expires > now));
        by_command.map(|(approved, _)| approved.clone()).chain(by_file.map(|file| file.digest.clone())).any(
            |approved| {
                // A file may write more digits than are shown.
                approved.starts_with(digest) || (approved.len() >= DIGITS && digest.starts_with(&approved))
            },
        )
    }

    /// The digest of what a unit would be: of all its sources, and of the maps that the operator made for it. It is the
    /// same on every server that reads the same files, whatever these served before.
    fn digest_of(&self, plan: &Plan) -> String {
        let mut sources: BTreeMap<SourcePath, Digest> = BTreeMap::new();
        let of_unit = self.books.served_of(&plan.unit);
        let with_named = of_unit.flat_map(|path| {
            let named = self.books.names.get(path).into_iter().flatten();
            std::iter::once(path).chain(named)
        });
        for path in with_named {
            let served = self.books.files.get(path).and_then(|known| known.served);
            sources.extend(served.map(|digest| (path.clone(), digest)));
        }
        for (path, copy) in &plan.files {
            match copy {
                Some(copy) => sources.insert(path.clone(), copy.digest),
                None => sources.remove(path),
            };
        }
        let mut octets = Vec::new();
        for (path, digest) in sources {
            octets.extend(path.to_bytes());
            octets.push(0);
            octets.extend(digest.0);
        }
        if let Some(account) = plan.account() {
            let maps = maps_after(&self.books, account, plan);
            for map in maps.iter().filter(|map| map.owner == MapOwner::Operator) {
                let members = map.memberships.iter().map(|membership| &membership.member);
                let members: Vec<String> = members.map(|member| format!("{member:?}")).collect();
                let text = crate::control::remembered_map::text(map);
                octets.extend(format!("{text}{} {} {members:?}\n", map.enabled, map.immutable).bytes());
            }
        }
        let mut digest = Digest::of(&octets).to_string();
        digest.truncate(DIGITS);
        digest
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
