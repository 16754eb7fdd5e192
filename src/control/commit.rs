//! From what was accepted to what is served: intent, edit, swap, confirm, books.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ahead::Plain;
use super::books::{Known, ServedZone};
use super::engine::{Engine, How, MAX_TOLD, listed_zone};
use super::folder::display;
use super::hour::{Gone, Went};
use super::plan::{Plan, ZonePlan, anycast_after, lost_immutable_maps, maps_after};
use super::report::Change;
use super::source::Kind;
use super::state::{Faulty, Intent, Manifest, Remembered, View, differing};
use super::store::Contents;
use super::{SourcePath, remembered_map};
use crate::addrmap::LedgerIndex;
use crate::compile::{AccountWords, Applied, Builder, Edit, OperatorWords, ZoneChange};
use crate::judge::Harm;
use crate::model::{AccountId, AddressMap, Diagnostic, Ledger, MapId, Place, Unit};
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

    fn intent(
        &self,
        accepted: &[Plan],
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        how: How,
        generation: u64,
    ) -> (Intent, Contents) {
        let mut files: BTreeMap<SourcePath, Option<Remembered>> = BTreeMap::new();
        let mut contents = Contents::new();
        for (path, copy) in accepted.iter().flat_map(|plan| &plan.files) {
            let remembered = copy.as_ref().map(|copy| Remembered { digest: copy.digest, stamp: copy.stamp });
            files.insert(path.clone(), remembered);
            if let Some(copy) = copy {
                contents.insert(copy.digest, copy.content.clone());
            }
        }
        for path in self.no_longer_named(accepted) {
            files.entry(path).or_insert(None);
        }
        let faulty = self.faulty_after(accepted);
        let intent = Intent {
            generation,
            time: self.clock.now(),
            files: files.into_iter().collect(),
            // At first what is good is taken, and there is no earlier state.
            views: if how.first { Vec::new() } else { self.views_after(accepted, denied) },
            faulty: (faulty != self.books.faulty).then_some(faulty),
            immutable: self.immutable_after(accepted),
            approvals: differing(&self.remembered_standing.approvals, &self.books.standing.approvals),
            pins: differing(&self.remembered_standing.pins, &self.books.standing.pins),
        };
        (intent, contents)
    }

    /// The intent as it is remembered: with the zones that have no plans, and against what is remembered where that is
    /// not what is served.
    fn with_plain(&self, intent: &Intent, plain: &[Plain]) -> Intent {
        let mut whole = intent.clone();
        whole.files.reserve_exact(plain.len());
        whole.files.extend(
            plain
                .iter()
                .map(|zone| (zone.path.clone(), Some(Remembered { digest: zone.digest, stamp: zone.stamp }))),
        );
        whole.files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let Some(base) = &self.base else { return whole };
        let mut after = Manifest {
            immutable: base.immutable.clone(),
            approvals: base.approvals.clone(),
            pins: base.pins.clone(),
            ..Manifest::default()
        };
        after.apply(&whole);
        Intent::between(base, &after)
    }

    /// Files that were named by sources that no longer name them, and by no other.
    fn no_longer_named(&self, accepted: &[Plan]) -> BTreeSet<SourcePath> {
        let mut after: BTreeMap<&SourcePath, &BTreeSet<SourcePath>> = BTreeMap::new();
        let nothing = BTreeSet::new();
        for plan in accepted {
            after.extend(
                plan.files.iter().filter(|(_, copy)| copy.is_none()).map(|(path, _)| (path, &nothing)),
            );
            after.extend(&plan.names);
        }
        let before = after.keys().filter_map(|by| self.books.names.get(*by)).flatten();
        before
            .filter(|named| named.kind() == Kind::Other)
            .filter(|named| {
                let still = |by: &SourcePath| match after.get(by) {
                    Some(names) => names.contains(*named),
                    None => self.books.names.get(by).is_some_and(|names| names.contains(*named)),
                };
                let by = self.books.named_by.get(*named);
                !by.is_some_and(|by| by.iter().any(still))
                    && !after.values().any(|names| names.contains(*named))
            })
            .cloned()
            .collect()
    }

    /// What accounts see of the operator's files: those that are held where these files move on, and those that
    /// catch up with them.
    fn views_after(
        &self,
        accepted: &[Plan],
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
    ) -> Vec<(AccountId, Option<View>)> {
        let mut views = Vec::new();
        for plan in accepted.iter().filter(|plan| plan.operators.is_some()) {
            let account = plan.account().and_then(|account| self.books.accounts.get_key_value(account));
            if let Some((account, served)) = account
                && served.view.is_some()
            {
                views.push((account.clone(), None));
            }
        }
        let Some(operator) = accepted.iter().find(|plan| plan.unit == Unit::Operator) else { return views };
        for unit in denied.keys() {
            let Unit::Account(account) = unit else { continue };
            if !self.moves_on_without(operator, account) {
                continue;
            }
            // One of which nothing is served sees none of them.
            let served = self.books.accounts.get(account);
            if served.is_none_or(|served| served.view.is_none())
                && !self.books.faulty.accounts.contains(account)
            {
                views.push((account.clone(), Some(self.view_of(account))));
            }
        }
        views
    }

    /// Whether the operator's files that a plan changes hold maps of an account, before or afterwards.
    fn moves_on_without(&self, operator: &Plan, account: &AccountId) -> bool {
        let before = |path: &SourcePath| self.books.operator.files.get(path);
        operator.operator_files.iter().any(|(path, after)| {
            let maps = before(path).into_iter().chain(after).flat_map(|file| &file.maps);
            maps.into_iter().any(|map| map.account == *account)
        })
    }

    /// The operator's files that hold maps of an account, and what they name, as they are served.
    fn view_of(&self, account: &AccountId) -> View {
        let holds = |maps: &[Arc<AddressMap>]| maps.iter().any(|map| map.account == *account);
        let files = self.books.operator.files.iter().filter(|(_, file)| holds(&file.maps));
        let with_named = files.flat_map(|(path, _)| {
            let named = self.books.names.get(path).into_iter().flatten();
            std::iter::once(path).chain(named)
        });
        with_named.filter_map(|path| Some((path.clone(), self.books.files.get(path)?.served?))).collect()
    }

    /// What never was good, after plans: what is taken is good now, or gone.
    pub(super) fn faulty_after(&self, accepted: &[Plan]) -> Faulty {
        let mut faulty = self.books.faulty.clone();
        for plan in accepted {
            match &plan.unit {
                Unit::Operator => faulty.operator = plan.faulty,
                Unit::Account(account) if plan.faulty => {
                    faulty.accounts.insert(account.clone());
                }
                Unit::Account(account) => {
                    faulty.accounts.remove(account);
                }
                Unit::Zone(_) | Unit::Nothing => {}
            }
            for (origin, (path, zone)) in &plan.zones {
                match (zone, path.account()) {
                    (ZonePlan::Faulty, Some(account)) => faulty.zones.insert(origin.clone(), account),
                    _ => faulty.zones.remove(origin),
                };
            }
        }
        faulty
    }

    /// Immutable maps that are served now and are not remembered as they are.
    fn immutable_after(&self, accepted: &[Plan]) -> Vec<(MapId, Option<String>)> {
        let maps = accepted.iter().filter_map(|plan| plan.operators.as_ref()).flatten();
        // It is not forgotten while it is served on.
        let lets_go = |(_, account): &&(MapId, AccountId)| {
            accepted.iter().any(|plan| plan.account() == Some(account) && plan.operators.is_some())
        };
        maps.filter(|map| map.immutable)
            .map(|map| (&map.id, remembered_map::text(map)))
            .filter(|(id, text)| {
                self.books.immutable.get(*id).is_none_or(|known| remembered_map::text(known) != *text)
            })
            .map(|(id, text)| (id.clone(), Some(text)))
            .chain(self.forgotten.iter().filter(lets_go).map(|(id, _)| (id.clone(), None)))
            .collect()
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

    /// Enters the files of zones that have no plans.
    fn know_plain(&mut self, plain: &[Plain]) {
        let books = &mut self.books;
        let known = |zone: &Plain| Known { served: Some(zone.digest), seen: Some(zone.stamp) };
        let files = plain.iter().map(|zone| (zone.path.clone(), known(zone)));
        if books.files.is_empty() {
            // Built at once its nodes are full.
            books.files = files.collect();
        } else {
            books.files.extend(files);
        }
    }

    /// Enters zones that have no plans.
    fn enter_plain(&mut self, plain: Vec<Plain>) {
        let books = &mut self.books;
        books.zones.reserve(plain.len());
        books.zones.extend(plain.into_iter().map(|zone| {
            let Plain { origin, account, path, .. } = zone;
            (origin, ServedZone { account, path, faulty: false })
        }));
    }

    /// Enters what was published.
    fn enter(&mut self, accepted: Vec<Plan>, intent: Intent) {
        let books = &mut self.books;
        books.generation = intent.generation;
        books.published = intent.time;
        self.remembered_standing = books.standing.clone();
        self.base = None;
        for (path, remembered) in &intent.files {
            match remembered {
                Some(remembered) => {
                    books.files.entry(path.clone()).or_default().served = Some(remembered.digest);
                }
                None => {
                    if let Some(known) = books.files.get_mut(path) {
                        known.served = None;
                    }
                }
            }
        }
        if let Some(faulty) = intent.faulty {
            books.faulty = faulty;
        }
        let (mut by_operator, mut ledger_changes) = (false, false);
        // What goes goes first, so that what moved is there in the end.
        for (origin, (path, zone)) in accepted.iter().flat_map(|plan| &plan.zones) {
            if matches!(zone, ZonePlan::Removed)
                && books.zones.get(origin).is_some_and(|zone| zone.path == *path)
            {
                books.zones.remove(origin);
            }
        }
        for mut plan in accepted {
            for (origin, (path, zone)) in std::mem::take(&mut plan.zones) {
                if let (false, Some(account)) = (matches!(zone, ZonePlan::Removed), path.account()) {
                    let faulty = matches!(zone, ZonePlan::Faulty);
                    books.zones.insert(origin, ServedZone { account, path, faulty });
                }
            }
            for (path, copy) in &plan.files {
                if copy.is_none() {
                    books.set_names(path, BTreeSet::new());
                }
            }
            for (path, names) in std::mem::take(&mut plan.names) {
                books.set_names(&path, names);
            }
            for (path, file) in std::mem::take(&mut plan.operator_files) {
                by_operator = true;
                let before = match file {
                    Some(file) => books.operator.files.insert(path.clone(), file),
                    None => books.operator.files.remove(&path),
                };
                let after = books.operator.files.get(&path).map(|file| &file.ledger);
                let nothing = Ledger::default();
                let before = before.as_ref().map_or(&nothing, |file| &file.ledger);
                ledger_changes |= before != after.unwrap_or(&nothing);
            }
            by_operator |= plan.operators.is_some();
            books.enter_account(plan);
        }
        for (account, view) in intent.views {
            books.set_view(account, view);
        }
        let is_gone = |id: &MapId| intent.immutable.iter().any(|(gone, text)| gone == id && text.is_none());
        self.forgotten.take_if(|(id, _)| is_gone(id));
        for (id, text) in intent.immutable {
            match text.and_then(|text| remembered_map::read(&text)) {
                Some(map) => books.immutable.insert(id, Arc::new(map)),
                None => books.immutable.remove(&id),
            };
        }
        if ledger_changes {
            let mut ledger = Ledger::default();
            books.operator.files.values().for_each(|file| ledger.absorb(file.ledger.clone()));
            books.operator.ledger = Arc::new(LedgerIndex::new(ledger.into()));
        }
        if by_operator {
            books.restored = lost_immutable_maps(books);
        }
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
