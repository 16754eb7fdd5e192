//! What was read, compiled and proved before anybody serves it.

use super::read::{Loaded, excerpts};
use crate::addrmap::{self, code};
use crate::compile::compile;
use crate::judge::proof::{Prover, Report, if_enabled};
use crate::model::{Diagnostic, LoadedZone, MapId, Severity, Unit, World, ZoneContent, utc};

/// The files have no generation: they were not published.
const UNPUBLISHED: u64 = 0;

impl Loaded {
    /// Compiles what was read and proves all of it; what is broken joins the diagnostics.
    pub fn prove(&mut self) -> Report {
        let snapshot = compile(&self.world, UNPUBLISHED).snapshot;
        let prover = Prover::new(&self.world);
        let mut proof = prover.zones(&snapshot, &self.world.zones);
        proof.absorb(prover.accounts(&snapshot));
        proof.absorb(prover.strangers(&snapshot));
        let mut found: Vec<Diagnostic> = proof.broken.into_iter().map(|(_, found)| found).collect();
        excerpts(&mut found);
        self.add(found);
        proof.report
    }

    /// Becomes what the files would say if a disabled map were enabled and replaced those that hold its members now.
    /// `false` where there is no such map among what could be read without an error.
    pub fn enable(&mut self, map: &MapId) -> bool {
        let Some(world) = if_enabled(&self.world, map) else { return false };
        let before = between(&self.world);
        let mut found = between(&world);
        let is_in = |list: &[Diagnostic], found: &Diagnostic| list.iter().any(|other| same(other, found));
        self.diagnostics.retain(|told| !is_in(&before, told) || is_in(&found, told));
        found.retain(|found| !is_in(&before, found));
        let enabled = world.maps.iter().find(|enabled| enabled.id == *map);
        if let Some(map) = enabled.filter(|map| map.is_empty() && !map.memberships.is_empty()) {
            let message = format!("map {} has members and no address: it must not be enabled", map.id);
            let error = Diagnostic::error(code::ENABLED_WITHOUT_ADDRESS, map.place.clone(), message);
            found.retain(|found| found.code != code::GOVERNS_NOTHING || found.place != map.place);
            found.push(error.hint("add its addresses first"));
        }
        excerpts(&mut found);
        self.add(found);
        self.world = world;
        true
    }

    /// What has errors, so that the proof says nothing of it but that it fails.
    pub fn unproven(&self) -> Vec<Unit> {
        let world = &self.world;
        let mut units: Vec<Unit> = world.faulty_operator.then_some(Unit::Operator).into_iter().collect();
        units.extend(world.faulty_accounts.iter().cloned().map(Unit::Account));
        let by_itself = |zone: &&LoadedZone| {
            matches!(zone.content, ZoneContent::Faulty) && !world.faulty_accounts.contains(&zone.account)
        };
        units.extend(world.zones.iter().filter(by_itself).map(|zone| Unit::Zone(zone.origin.clone())));
        units
    }

    /// Tells which approvals are void at a time, in seconds since the epoch: they let nothing pass any more.
    pub fn tell_expired(&mut self, now: u64) {
        let expired = self.approvals.iter().filter_map(|approval| {
            let at = approval.expires.filter(|at| *at <= now)?;
            let message =
                format!("this approval expired {} and lets nothing pass: {}", utc(at), approval.digest);
            let found = Diagnostic::note(code::APPROVAL_EXPIRED, approval.place.clone(), message);
            Some(found.hint("remove it, or approve again with a later day"))
        });
        let mut found: Vec<Diagnostic> = expired.collect();
        excerpts(&mut found);
        self.add(found);
    }

    fn add(&mut self, found: Vec<Diagnostic>) {
        self.diagnostics.extend(found);
        self.diagnostics.sort();
        self.diagnostics.dedup();
    }
}

/// What the checks over all files say of units that are not held back anyway.
fn between(world: &World) -> Vec<Diagnostic> {
    let found = addrmap::check(world).into_iter();
    let of_good = found
        .filter(|(unit, found)| found.severity == Severity::Error || !super::read::is_faulty(world, unit));
    of_good.map(|(_, found)| found).collect()
}

/// Whether two say the same; one of them may lack its source line.
fn same(a: &Diagnostic, b: &Diagnostic) -> bool {
    (&a.place, a.code, &a.message) == (&b.place, b.code, &b.message)
}
