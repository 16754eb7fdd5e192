//! From what was accepted to what is served: intent, edit, swap, confirm, books.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ahead::Plain;
use super::cores;
use super::engine::{Engine, How, MAX_TOLD, listed_zone};
use super::folder::display;
use super::plan::{Plan, ZonePlan, anycast_after, maps_after};
use super::report::Change;
use super::state::Intent;
use super::store::Contents;
use super::weigh::hour::{Gone, Went};
use crate::compile::{AccountWords, Applied, Builder, Edit, OperatorWords, ZoneChange};
use crate::judge::Harm;
use crate::model::{Diagnostic, Place, Unit};
use crate::snapshot::Zone;

/// A change that is made and not served yet: the builder has it, and so it must be served or taken back.
pub(super) struct Candidate {
    accepted: Vec<Plan>,
    intent: Intent,
    contents: Contents,
    applied: Applied,
    /// What takes it back.
    inverse: Edit,
    /// Zones that came, changed or went, for people.
    zones: Vec<String>,
    /// The units of which somebody said that it is meant: guards do not look back beyond it.
    pub(super) begin_anew: BTreeSet<Unit>,
    /// What it takes away, at most.
    pub(super) harm: Harm,
    /// What goes with it beside answers.
    gone: Gone,
}

impl Candidate {
    /// What it would make of each unit.
    pub(super) fn plans(&self) -> &[Plan] {
        &self.accepted
    }

    /// What would be served.
    pub(super) fn applied(&self) -> &Applied {
        &self.applied
    }

    /// What would go with it beside answers.
    pub(super) fn gone(&self) -> &Gone {
        &self.gone
    }
}

/// What a candidate is made of.
pub(super) struct Draft {
    intent: Intent,
    contents: Contents,
    edit: Edit,
    zones: Vec<String>,
    gone: Gone,
}

impl Draft {
    /// Lets a builder make it.
    pub(super) fn apply(self, accepted: Vec<Plan>, builder: &mut Builder) -> Candidate {
        let Draft { intent, contents, edit, zones, gone } = self;
        let inverse = builder.inverse(&edit);
        let applied = builder.apply(edit, intent.generation);
        Candidate {
            accepted,
            intent,
            contents,
            applied,
            inverse,
            zones,
            gone,
            begin_anew: BTreeSet::new(),
            harm: Harm::default(),
        }
    }
}

/// Takes a candidate back that is not served.
pub(super) fn take_back(candidate: Candidate, builder: &mut Builder, generation: u64) -> Vec<Plan> {
    builder.apply(candidate.inverse, generation);
    candidate.accepted
}

impl Engine {
    /// What accepted plans come to.
    pub(super) fn draft(
        &self,
        accepted: &[Plan],
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        how: How,
    ) -> Draft {
        let (intent, contents) = self.intent(accepted, denied, how, self.next_generation());
        let mut zones = Vec::new();
        let edit = self.edit(accepted, &intent, &mut zones);
        // What a map governs is known until the edit is made.
        let gone = self.gone_with(accepted);
        Draft { intent, contents, edit, zones, gone }
    }

    fn next_generation(&self) -> u64 {
        let last = self.base.as_ref().map_or(0, |base| base.generation).max(self.books.generation);
        self.clock.now().max(last + 1)
    }

    /// Remembers a candidate and serves it. Where it cannot be remembered nothing happens, and the fault is returned.
    pub(super) fn commit(
        &mut self,
        candidate: Candidate,
        how: How,
        change: &mut Change,
    ) -> Result<(), Box<Diagnostic>> {
        let mut contents = candidate.contents.clone();
        contents.extend(self.store.take_kept());
        let whole = self.with_plain(&candidate.intent, &[]);
        let generation = candidate.intent.generation;
        let journal = self.entry(&candidate.accepted, &[], &candidate.intent, change).to_journal();
        match self.store.intend(&whole, &contents, &journal) {
            Ok(octets) => change.cost.bytes_remembered += octets,
            Err(error) if how.without_state => {
                tracing::error!(%error, "published without being remembered: {}", self.store.restart());
                self.store.keep(whole, contents, journal);
            }
            Err(error) => {
                take_back(candidate, &mut self.builder, self.books.generation);
                let message = format!("the change is refused, for it cannot be remembered: {error}");
                let place = Place::file(&display(&self.sources.zones));
                let hint = "make room, or make the state writable; it is tried again every few seconds. In an \
                            emergency: portolan reload --without-state";
                return Err(Box::new(Diagnostic::error("state-not-written", place, message).hint(hint)));
            }
        }
        let remembered = self.store.error.is_none();
        let Candidate { accepted, intent, applied, zones, gone, begin_anew, harm, .. } = candidate;
        change.zones.extend(zones.into_iter().take(MAX_TOLD.saturating_sub(change.zones.len())));
        let went = Went { touched: applied.touched.clone(), harm, gone };
        self.hour.note(self.clock.now(), self.publisher.current(), went);
        self.books.content = self.books.content.after(&self.books, &intent, &[]);
        self.swap(applied, &accepted, change);
        cores::breathe();
        if !begin_anew.is_empty() {
            self.hour.begin_anew(&begin_anew, &self.publisher.current());
        }
        self.enter(accepted, intent);
        if remembered {
            self.store.confirm(generation);
        }
        self.store.compact();
        Ok(())
    }

    /// Serves what a first start makes of the files. With nothing served before nothing is lost by serving first: a
    /// server that ends now starts for the first time again.
    pub(super) fn commit_first(
        &mut self,
        accepted: Vec<Plan>,
        plain: Vec<Plain>,
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        change: &mut Change,
    ) {
        let how = How { first: true, ..How::default() };
        let (intent, mut contents) = self.intent(&accepted, denied, how, self.next_generation());
        contents.extend(self.store.take_kept());
        let whole = self.with_plain(&intent, &plain);
        let journal = self.entry(&accepted, &plain, &intent, change).to_journal();
        let generation = intent.generation;
        let had_state = self.base.is_some();
        match had_state.then(|| self.store.intend(&whole, &contents, &journal)) {
            Some(Ok(octets)) => change.cost.bytes_remembered += octets,
            Some(Err(error)) => {
                tracing::error!(%error, "published without being remembered: {}", self.store.restart());
                self.store.keep(whole, contents, journal);
            }
            None => self.store.keep(whole, contents, journal),
        }
        self.know_plain(&plain);
        self.publish(accepted, plain, intent, change);
        if had_state && self.store.error.is_none() {
            self.store.confirm(generation);
            self.store.compact();
        }
    }

    /// Makes a snapshot of plans, swaps what is served and enters it in the books.
    pub(super) fn publish(
        &mut self,
        accepted: Vec<Plan>,
        plain: Vec<Plain>,
        intent: Intent,
        change: &mut Change,
    ) {
        let mut edit = self.edit(&accepted, &intent, &mut change.zones);
        tell_plain(&plain, change);
        edit.zones.extend(plain.iter().map(|zone| {
            let put = ZoneChange::Put { account: zone.account.clone(), zone: zone.zone.clone() };
            (zone.origin.clone(), put)
        }));
        let applied = self.builder.apply(edit, intent.generation);
        self.books.content = self.books.content.after(&self.books, &intent, &plain);
        self.swap(applied, &accepted, change);
        self.enter_plain(plain);
        self.enter(accepted, intent);
    }

    /// Serves a snapshot from now on.
    fn swap(&mut self, applied: Applied, accepted: &[Plan], change: &mut Change) {
        change.cost.sets_stored += applied.cost.sets_stored;
        let mut snapshot = applied.snapshot;
        snapshot.identify(snapshot.generation, self.books.content.content);
        let before = self.publisher.publish(Arc::new(snapshot));
        self.retired.push(before);
        self.retired.free();
        let units = accepted.iter().map(|plan| plan.unit.to_string());
        change.units.extend(units.take(MAX_TOLD.saturating_sub(change.units.len())));
    }

    fn edit(&self, accepted: &[Plan], intent: &Intent, told: &mut Vec<String>) -> Edit {
        let mut zones: BTreeMap<_, ZoneChange> = BTreeMap::new();
        for (origin, (path, plan)) in accepted.iter().flat_map(|plan| &plan.zones) {
            let put = |zone: Zone| path.account().map(|account| ZoneChange::Put { account, zone });
            let planned = match plan {
                ZonePlan::Good(zone) => put(zone.clone()),
                ZonePlan::Faulty => put(Zone::faulty(&origin.to_lower_wire())),
                // Where another plan has the zone it has moved.
                ZonePlan::Removed if zones.contains_key(origin) => None,
                ZonePlan::Removed => Some(ZoneChange::Remove),
            };
            if let Some(planned) = planned {
                zones.insert(origin.clone(), planned);
            }
        }
        for (origin, sign) in self.zone_signs(accepted) {
            listed_zone(sign, origin, told);
        }
        let was_faulty = &self.books.faulty;
        let is_faulty = intent.faulty.as_ref().unwrap_or(was_faulty);
        let mut edit = Edit { zones: zones.into_iter().collect(), ..Edit::default() };
        for plan in accepted {
            if let Some(account) = plan.account() {
                let faulty = is_faulty.accounts.contains(account);
                if plan.changes_maps()
                    || plan.settings.is_some()
                    || faulty != was_faulty.accounts.contains(account)
                {
                    let served = self.books.accounts.get(account).and_then(|served| served.settings.clone());
                    let settings = plan.settings.clone().unwrap_or(served);
                    let maps = maps_after(&self.books, account, plan);
                    edit.accounts.push((account.clone(), AccountWords { settings, maps, faulty }));
                }
            }
        }
        let operator = accepted.iter().find(|plan| plan.unit == Unit::Operator);
        let anycast = anycast_after(&self.books, operator);
        if anycast != self.books.operator.anycast() || is_faulty.operator != was_faulty.operator {
            edit.operator = Some(OperatorWords { anycast: anycast.cloned(), faulty: is_faulty.operator });
        }
        edit
    }
}

/// Zones that appear, and their units; of many the first.
pub(super) fn tell_plain(plain: &[Plain], change: &mut Change) {
    for zone in plain.iter().take(MAX_TOLD) {
        listed_zone('+', &zone.origin, &mut change.zones);
    }
    for zones in plain.chunk_by(|a, b| a.account == b.account) {
        for zone in zones.iter().take(if zones[0].account.is_default() { MAX_TOLD } else { 1 }) {
            let Some(unit) = zone.path.unit().map(|unit| unit.to_string()) else { continue };
            if change.units.len() < MAX_TOLD && !change.units.contains(&unit) {
                change.units.push(unit);
            }
        }
    }
}
