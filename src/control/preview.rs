//! What the files would change, without changing it.

use std::sync::Arc;

use super::commit::take_back;
use super::engine::{Engine, How, Round};
use super::history::When;
use super::look::{Ask, Gate, Looked, look};
use super::report::{Change, Held, PlanReport, Problem, TrafficTold, Trigger};
use super::settling::{Taken, why};
use crate::judge;
use crate::judge::plan::{Detail, plan_with};
use crate::model::{Diagnostic, Unit};
use crate::snapshot::{Snapshot, Touched};

impl Engine {
    /// Judges what the files say like a change, and tells what would come of it. Nothing is published, remembered or
    /// noted.
    pub(super) fn plan_files(&mut self, gate: &mut dyn Gate) -> PlanReport {
        self.preview(gate).0
    }

    /// What came of [`Engine::preview`], compared with what a former generation answered. What would be held is held for
    /// what it changes now, whatever it is compared with. Fails where nothing is remembered of that generation.
    pub(super) fn since(
        &mut self,
        when: When,
        mut report: PlanReport,
        candidate: &Snapshot,
    ) -> Result<PlanReport, String> {
        let (generation, manifest) = self.remembered(when)?;
        let before = self.snapshot_at(&manifest);
        let touched = Touched::between(&before, candidate);
        report.plan = plan_with(&before, candidate, &touched, Detail::default());
        let traffic = judge::traffic(&self.samples.questions(), &before, candidate);
        report.traffic = report.traffic.is_some().then(|| TrafficTold::from(traffic));
        report.since = Some(generation);
        Ok(report)
    }

    /// What would come of the files, and what would be served if nothing were held by a guard.
    pub(super) fn preview(&mut self, gate: &mut dyn Gate) -> (PlanReport, Arc<Snapshot>) {
        let faults = self.books.faults.clone();
        let looked = look(&self.sources, &mut self.books, &self.lost, &Ask::Everything, gate);
        let Looked { touched, mut units, faults: of_folders, strays, .. } = looked;
        // What is held differs from what is served, whether anything happened to it since or not.
        units.extend(self.books.held.keys().cloned());
        let mut change = Change { trigger: Trigger::Plan, ..Change::default() };
        let how = How { preview: true, ..How::default() };
        let Round { settled, weighed, .. } = self.half_round(None, &touched, units, gate, how, &mut change);
        self.books.faults = faults;
        if let Taken::Candidate(candidate) = settled.taken {
            take_back(*candidate, &mut self.builder, self.books.generation);
        }
        let told = of_folders.iter().chain(&strays).chain(&settled.told).map(Problem::from);
        let mut report = PlanReport { served: self.books.generation, ..PlanReport::default() };
        report.problems = told.chain(std::mem::take(&mut change.problems)).collect();
        for (unit, found) in &settled.denied {
            report.held.push(self.would_hold(unit, found, settled.digests.get(unit).cloned()));
        }
        let served = self.publisher.current();
        let (zones, names) = (served.zones.len() as u64, served.totals.names);
        let counts = &mut report.plan.counts;
        (counts.zones_before, counts.zones_after) = (zones, zones);
        (counts.names_before, counts.names_after) = (names, names);
        let Some(weighed) = weighed else { return (report, served) };
        report.plan = weighed.plan;
        report.proof = weighed.proof;
        report.trips = weighed.trips;
        report.traffic = weighed.traffic.map(TrafficTold::from);
        let candidate = weighed.snapshot.map_or(served, Arc::new);
        (report, candidate)
    }

    fn would_hold(&self, unit: &Unit, found: &[Diagnostic], digest: Option<String>) -> Held {
        let problems: Vec<Problem> = found.iter().map(Problem::from).collect();
        let since = self.books.held.get(unit).map_or_else(|| self.clock.now(), |held| held.since);
        let why = why(&problems);
        Held { unit: unit.to_string(), since, serving: true, why, digest, problems, ..Held::default() }
    }
}
