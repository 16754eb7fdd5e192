//! Zones: read, checked, compiled.

use super::{Plan, Planner, ZonePlan};
use crate::control::ahead::Prepared;
use crate::control::desk::{Copy, Desk, Found, Shelf};
use crate::control::faults;
use crate::control::source::Kind;
use crate::control::state::{Manifest, Remembered};
use crate::control::{SourcePath, Stamp};
use crate::model::{AccountId, AccountSettings, Diagnostic, Place, Unit};
use crate::wire::Name;

impl Planner<'_> {
    /// A zone of the account `default`: a unit of its own. `is_faulty`: nothing of the account can be served.
    pub(super) fn default_zone(&self, unit: &Unit, settings: &AccountSettings, is_faulty: bool) -> Plan {
        let mut plan = Plan::new(unit.clone());
        for path in self.of_unit(unit) {
            self.zone(path, settings, &mut plan);
        }
        if self.first {
            plan.faulty = is_faulty;
            self.take_what_is_good(&mut plan);
            plan.faulty = false;
            return plan;
        }
        let good = plan.zones.values().find(|(_, zone)| matches!(zone, ZonePlan::Good(_)));
        if let (true, Some((path, _))) = (is_faulty, good) {
            let place = Place::file(&self.desk.shown(path));
            let message =
                "the settings or maps of account default have errors, and no earlier state is known";
            let found = Diagnostic::error("account-faulty", place, message);
            plan.tell(unit, [found.hint("repair them; the zone is served with them")]);
        }
        plan
    }

    /// Reads one master file and plans what becomes of its zone.
    pub(super) fn zone(&self, path: &SourcePath, settings: &AccountSettings, plan: &mut Plan) {
        let Kind::Zone(origin) = path.kind() else { return };
        let unit = Unit::Zone(origin.clone());
        match self.desk.read(path) {
            Found::Missing => {
                if self.books.zones.get(&origin).is_some_and(|zone| zone.path == *path) {
                    // Where another file has it already it has moved.
                    plan.zones.entry(origin).or_insert_with(|| (path.clone(), ZonePlan::Removed));
                    plan.files.insert(path.clone(), None);
                }
            }
            Found::Unreadable(why) => plan.tell(&unit, [self.unreadable(path, &why)]),
            Found::Content(copy) if self.is_changed(path, &copy) => {
                self.zone_content(path, &origin, copy, settings, plan);
            }
            Found::Content(_) => {}
        }
    }

    fn zone_content(
        &self,
        path: &SourcePath,
        origin: &Name,
        copy: Copy,
        settings: &AccountSettings,
        plan: &mut Plan,
    ) {
        let unit = Unit::Zone(origin.clone());
        if let Some((other, ZonePlan::Good(_))) = plan.zones.get(origin) {
            let (first, second) = (self.desk.shown(other), self.desk.shown(path));
            let both = [(&first, &second), (&second, &first)];
            plan.tell(&unit, both.map(|(here, other)| faults::zone_in_two_files(origin, here, Some(other))));
            return;
        }
        let ahead = self.desk.prepared(path).filter(|zone| zone.holds_for(settings, origin));
        let Prepared { zone, findings, names, .. } =
            ahead.unwrap_or_else(|| self.prepare(self.desk, path, origin, &copy.content, settings));
        plan.tell(&unit, findings);
        plan.note_names(self.desk, path, names);
        match zone {
            Some(Ok(zone)) => {
                plan.zones.insert(origin.clone(), (path.clone(), ZonePlan::Good(zone)));
                plan.files.insert(path.clone(), Some(copy));
            }
            Some(Err(error)) => plan.tell(&unit, [*error]),
            None => {}
        }
    }

    fn prepare(
        &self,
        desk: &Desk<'_>,
        path: &SourcePath,
        origin: &Name,
        content: &[u8],
        settings: &AccountSettings,
    ) -> Prepared {
        let prepared = Prepared::new(desk, path, origin, content, settings, self.seed);
        // What it cost is this change's, whatever desk it was made from.
        self.desk.add_cost(prepared.cost());
        prepared
    }

    /// A zone as it is served, compiled anew because its account's settings change. What is served counts here, not
    /// what lies in the folder meanwhile.
    pub(super) fn zone_again(
        &self,
        account: &AccountId,
        origin: &Name,
        path: &SourcePath,
        settings: &AccountSettings,
        plan: &mut Plan,
    ) {
        // The settings are to blame for whatever is found: the zone was good without them.
        let unit = Unit::Account(account.clone());
        let named = self.books.names.get(path).into_iter().flatten();
        let served = std::iter::once(path).chain(named).filter_map(|path| {
            let digest = self.books.files.get(path)?.served?;
            Some((path.clone(), Remembered { digest, stamp: Stamp::default() }))
        });
        let manifest = Manifest { files: served.collect(), ..Manifest::default() };
        let desk = Desk::new(self.desk.sources, Shelf::Memory(self.store, &manifest));
        let copy = match desk.read(path) {
            Found::Content(copy) => copy,
            Found::Missing => return,
            Found::Unreadable(why) => return plan.tell(&unit, [self.unreadable(path, &why)]),
        };
        let prepared = self.prepare(&desk, path, origin, &copy.content, settings);
        plan.tell(&unit, prepared.findings);
        match prepared.zone {
            Some(Ok(zone)) => {
                plan.zones.insert(origin.clone(), (path.clone(), ZonePlan::Good(zone)));
            }
            Some(Err(error)) => plan.tell(&unit, [*error]),
            None => {}
        }
    }

    /// On a first start a fault costs what it is in: its zone, or all zones of the account.
    pub(super) fn take_what_is_good(&self, plan: &mut Plan) {
        let mut faulty: Vec<(Name, SourcePath)> = Vec::new();
        for path in self.of_unit(&plan.unit) {
            let Kind::Zone(origin) = path.kind() else { continue };
            let is_there = !matches!(self.desk.read(path), Found::Missing);
            let is_good = matches!(plan.zones.get(&origin), Some((_, ZonePlan::Good(_))));
            let has_errors = (plan.findings.iter()).any(|(unit, found)| {
                *unit == Unit::Zone(origin.clone()) && found.severity == crate::model::Severity::Error
            });
            if is_there && (plan.faulty || !is_good || has_errors) {
                faulty.push((origin, path.clone()));
            }
        }
        for (origin, path) in faulty {
            plan.files.remove(&path);
            plan.names.remove(&path);
            plan.zones.insert(origin, (path, ZonePlan::Faulty));
        }
    }
}
