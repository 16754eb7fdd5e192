//! The one door to what is served: a change is looked at, planned, judged, remembered, published.
//!
//! Invariant: a unit with a fault stays wholly as it is served. Nothing is published that the state does not know of
//! before, unless the operator says so. Only this thread frees a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::books::{Books, HeldUnit};
use super::desk::{Desk, Found, Shelf};
use super::look::{Ask, Looked, MayRead, look};
use super::plan::{Plan, Planner, conflicts};
use super::report::{Change, Held, Outcome, Problem, Trigger};
use super::source::Kind;
use super::state::{Manifest, View};
use super::store::Store;
use super::{SourcePath, Sources};
use crate::addrmap::code;
use crate::compile::Builder;
use crate::model::{AccountId, Diagnostic, MapId, Place, Severity, Unit};
use crate::snapshot::{Publisher, Retired, Snapshot};
use crate::wire::Name;

/// Changes that `status` remembers.
const REMEMBERED_CHANGES: usize = 20;
/// Most problems and zones told of one change.
const MAX_TOLD: usize = 100;
/// A unit may wait for another one that waits for a third.
const MAX_ROUNDS: usize = 4;

/// Faults that end when another unit changes: the unit is judged again with every change.
const WAITING_CODES: &[&str] = &[
    "zone-in-two-files",
    "operator-file-faulty",
    "included-file-held",
    "account-faulty",
    code::DUPLICATE_MAP_ID,
    code::TWO_DEFAULT_SNIS,
    code::FOREIGN_ZONE,
    code::FOREIGN_DEFAULT_SNI,
    code::ANYCAST_MISSING,
];

/// The engine.
#[derive(Debug)]
pub struct Engine {
    pub(super) sources: Sources,
    /// A fault anywhere refuses the whole change.
    pub(super) strict: bool,
    pub(super) books: Books,
    pub(super) store: Store,
    pub(super) builder: Builder,
    pub(super) publisher: Publisher,
    pub(super) retired: Retired,
    pub(super) changes: VecDeque<Change>,
    /// What is wrong with the folders as such.
    pub(super) faults: Vec<Diagnostic>,
    pub(super) started: u64,
    /// What the state remembers, where a start does not serve it: the first intent is written against it.
    pub(super) base: Option<Manifest>,
    /// A remembered immutable map that is being taken away.
    pub(super) forgotten: Option<MapId>,
}

/// How a change is to be made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    /// Publish even though it cannot be remembered.
    pub(super) without_state: bool,
    /// There was nothing before: what is good is taken.
    pub(super) first: bool,
}

/// What plans came to.
pub(super) struct Judged {
    pub(super) accepted: Vec<Plan>,
    pub(super) denied: BTreeMap<Unit, Vec<Diagnostic>>,
    /// What the sources of denied plans name.
    pub(super) pending: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// The operator's files that have errors.
    pub(super) broken: BTreeSet<SourcePath>,
    /// What holds nothing: warnings, and errors about names that are answered SERVFAIL by themselves.
    pub(super) told: Vec<Diagnostic>,
}

impl Engine {
    /// Where snapshots are published.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// What is served.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.publisher.current()
    }

    /// Frees snapshots that no worker holds any more, and returns how many are still held.
    pub fn free(&mut self) -> usize {
        self.retired.free()
    }

    /// Whether something could be published that waits for the state or for another unit.
    pub(super) fn has_unfinished(&self) -> bool {
        self.store.error.is_some() && (!self.books.waiting.is_empty() || !self.store.is_saved())
    }

    /// Looks at the folders and serves what they say, as far as it is good.
    pub(super) fn follow(&mut self, trigger: Trigger, ask: &Ask, may_read: MayRead<'_>, how: How) -> Change {
        let begun = Instant::now();
        let looked = look(&self.sources, &mut self.books, ask, may_read);
        self.change(begun, trigger, looked, how)
    }

    /// Judges what was looked at.
    pub(super) fn change(&mut self, begun: Instant, trigger: Trigger, looked: Looked, how: How) -> Change {
        let mut change =
            Change { at: now(), trigger, generation: self.books.generation, ..Change::default() };
        let Looked { touched, units, faults, strays } = looked;
        let new_faults = faults != self.faults;
        change.problems.extend(faults.iter().chain(&strays).map(Problem::from));
        if new_faults {
            faults.iter().for_each(log);
        }
        strays.iter().for_each(log);
        self.faults = faults;

        let mut next = (touched, units);
        for _ in 0..MAX_ROUNDS {
            let (touched, units) = std::mem::take(&mut next);
            let again = self.round(None, &touched, units, how, &mut change);
            if !again {
                break;
            }
        }
        if change.outcome == Outcome::Unchanged && !self.faults.is_empty() {
            change.outcome = Outcome::Refused;
        }
        if change.outcome != Outcome::Published {
            self.store.save();
        }
        change.generation = self.books.generation;
        change.took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.remember(&change);
        change
    }

    /// One pass over the folders, or over what the state remembers. Whether another may get further, because
    /// something was published that others wait for.
    pub(super) fn round(
        &mut self,
        memory: Option<&Manifest>,
        touched: &BTreeSet<SourcePath>,
        units: BTreeSet<Unit>,
        how: How,
        change: &mut Change,
    ) -> bool {
        let shelf = memory.map_or(Shelf::Folders, |manifest| Shelf::Memory(&self.store, manifest));
        let desk = Desk::new(&self.sources, shelf);
        let mut touched = touched.clone();
        let (paths, judged) = loop {
            let (paths, forced) = self.in_play(&touched, units.clone(), &desk);
            let judged = self.judge(&desk, &paths, &forced, &BTreeMap::new(), how.first);
            // What was read as part of another source may have changed without having been noticed yet.
            let is_late = |path: &SourcePath| {
                !touched.contains(path) && self.books.named_by.contains_key(path) && self.differs(path, &desk)
            };
            let late: Vec<SourcePath> = desk.paths_read().into_iter().filter(is_late).collect();
            if late.is_empty() {
                break (paths, judged);
            }
            touched.extend(late);
        };
        add_cost(change, &desk);
        let read = desk.into_read();
        let published = self.settle(judged, read, &paths, how, change);
        published && !self.books.waiting.is_empty()
    }

    /// The units to be judged, with the sources to be looked at in each; and the sources to be read although they did
    /// not change.
    fn in_play(
        &self,
        touched: &BTreeSet<SourcePath>,
        units: BTreeSet<Unit>,
        desk: &Desk<'_>,
    ) -> (BTreeMap<Unit, BTreeSet<SourcePath>>, BTreeSet<SourcePath>) {
        let books = &self.books;
        let mut paths: BTreeMap<Unit, BTreeSet<SourcePath>> = BTreeMap::new();
        let mut forced = BTreeSet::new();
        for unit in units.into_iter().chain(books.waiting.iter().cloned()) {
            paths.entry(unit).or_default();
        }
        let mut open: Vec<SourcePath> = touched.iter().cloned().collect();
        let mut done: BTreeSet<SourcePath> = BTreeSet::new();
        let mut known_units: BTreeSet<Unit> = BTreeSet::new();
        loop {
            while let Some(path) = open.pop() {
                if !done.insert(path.clone()) {
                    continue;
                }
                if path.kind() != Kind::Other
                    && let Some(unit) = path.unit()
                {
                    paths.entry(unit).or_default().insert(path.clone());
                }
                if let Some(by) = books.named_by.get(&path) {
                    if self.differs(&path, desk) {
                        forced.extend(by.iter().cloned());
                        open.extend(by.iter().cloned());
                    } else if books.differing.contains(&path) {
                        // It is again as it is served: who was held for it may go.
                        open.extend(by.iter().cloned());
                    }
                }
                // A source read anew reads what it names anew, and so must all others that name the same.
                let names = books.names.get(&path).into_iter().flatten();
                open.extend(names.filter(|named| books.differing.contains(*named)).cloned());
            }
            if paths.contains_key(&Unit::Operator) {
                // What the operator changes may concern accounts that are held for faults of their own.
                let held = books.held.keys().filter(|unit| matches!(unit, Unit::Account(_)));
                for unit in held {
                    paths.entry(unit.clone()).or_default();
                }
            }
            if paths.contains_key(&Unit::Account(AccountId::default_account())) {
                // Its settings may be what its zones are held for, or never were good for.
                let held = books.held.keys().filter(|unit| matches!(unit, Unit::Zone(_))).cloned();
                // Of those the state remembers nothing.
                let faulty = books.faulty.zones.iter().filter(|_| !desk.is_memory());
                let faulty = faulty.filter(|(_, account)| account.is_default());
                for unit in held.chain(faulty.map(|(origin, _)| Unit::Zone(origin.clone()))) {
                    paths.entry(unit).or_default();
                }
            }
            let new: Vec<Unit> = paths.keys().filter(|unit| !known_units.contains(*unit)).cloned().collect();
            if new.is_empty() {
                return (paths, forced);
            }
            for unit in new {
                open.extend(Books::of_unit(&unit, &books.differing).cloned());
                // Its sources may be as they are served while what they name is not.
                let by = books.differing.iter().filter_map(|named| books.named_by.get(named)).flatten();
                open.extend(by.filter(|by| by.unit().as_ref() == Some(&unit)).cloned());
                known_units.insert(unit);
            }
        }
    }

    /// Whether the content of a source is not the one that is served.
    fn differs(&self, path: &SourcePath, desk: &Desk<'_>) -> bool {
        let served = self.books.files.get(path).and_then(|known| known.served);
        match desk.read(path) {
            Found::Content(copy) => served != Some(copy.digest),
            Found::Missing => served.is_some(),
            Found::Unreadable(_) => true,
        }
    }

    /// Plans until no plan is denied that was not before: whatever stays as it is served may be in another's way.
    pub(super) fn judge(
        &self,
        desk: &Desk<'_>,
        paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
        forced: &BTreeSet<SourcePath>,
        views: &BTreeMap<AccountId, View>,
        first: bool,
    ) -> Judged {
        let snapshot = self.publisher.current();
        let mut denied: BTreeMap<Unit, Vec<Diagnostic>> = BTreeMap::new();
        let mut pending = BTreeMap::new();
        let is_operators = paths.contains_key(&Unit::Operator);
        let claims = if first { claims(paths) } else { HashMap::new() };
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
                let errors: Vec<Diagnostic> = plan.errors().cloned().collect();
                if !errors.is_empty() {
                    new.insert(plan.unit.clone(), errors);
                }
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
                return Judged { accepted, denied, pending, broken, told };
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

    /// Publishes what was accepted and notes what is held. Whether something was published.
    fn settle(
        &mut self,
        judged: Judged,
        read: HashMap<SourcePath, Found>,
        paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
        how: How,
        change: &mut Change,
    ) -> bool {
        let Judged { accepted, mut denied, pending, broken, mut told } = judged;
        told.sort();
        told.dedup();
        super::read::excerpts(&mut told);
        told.iter().for_each(log);
        change.problems.extend(told.iter().map(Problem::from));
        change.problems.truncate(MAX_TOLD);
        super::read::excerpts(denied.values_mut().flatten());

        let refused = self.strict && !how.first && !denied.is_empty() && !accepted.is_empty();
        let mut published = false;
        let mut blocked: BTreeSet<Unit> = BTreeSet::new();
        if refused {
            blocked.extend(accepted.iter().map(|plan| plan.unit.clone()));
        } else if !accepted.is_empty() {
            let units: Vec<Unit> = accepted.iter().map(|plan| plan.unit.clone()).collect();
            match self.commit(accepted, &denied, how, change) {
                Ok(()) => published = true,
                Err(found) => {
                    log(&found);
                    change.problems.push(Problem::from(&*found));
                    blocked.extend(units);
                }
            }
        }
        let sources: Vec<SourcePath> = read.keys().cloned().collect();
        self.note_seen(read);
        self.note_pending(sources, pending);
        self.books.broken = broken;
        self.note_held(&denied, &blocked, paths, change);
        change.outcome = match () {
            () if published => Outcome::Published,
            () if change.outcome == Outcome::Published => Outcome::Published,
            () if !blocked.is_empty() => Outcome::Refused,
            () if !denied.is_empty() => Outcome::Held,
            () => Outcome::Unchanged,
        };
        published
    }

    /// Notes how the sources looked that were read, and which of them differ from what is served.
    fn note_seen(&mut self, read: HashMap<SourcePath, Found>) {
        for (path, found) in read {
            let known = self.books.files.entry(path.clone()).or_default();
            let digest = match &found {
                Found::Content(copy) => {
                    known.seen = Some(copy.stamp);
                    Some(copy.digest)
                }
                Found::Missing => {
                    known.seen = None;
                    None
                }
                Found::Unreadable(_) => {
                    known.seen = Some(super::Stamp::default());
                    None
                }
            };
            let is_same = known.served == digest && !matches!(found, Found::Unreadable(_));
            let is_known = known.served.is_some() || known.seen.is_some();
            // What never was good differs from nothing being served, even when it is gone.
            let is_faulty = match path.kind() {
                Kind::Zone(origin) => {
                    self.books.zones.get(&origin).is_some_and(|zone| zone.faulty && zone.path == path)
                }
                _ => false,
            };
            if is_same && !is_faulty {
                self.books.differing.remove(&path);
            } else {
                self.books.differing.insert(path.clone());
            }
            if !is_known && !is_faulty {
                self.books.files.remove(&path);
            }
        }
    }

    /// Notes what held sources name: a change of it may mend them. `read` are all that were read: those of them that
    /// are held no longer name nothing any more, and what nobody names is of no interest.
    fn note_pending(&mut self, read: Vec<SourcePath>, pending: BTreeMap<SourcePath, BTreeSet<SourcePath>>) {
        let books = &mut self.books;
        for by in read.iter().filter(|by| !pending.contains_key(*by)) {
            books.set_pending_names(by, BTreeSet::new());
        }
        for (by, names) in pending {
            books.set_pending_names(&by, names);
        }
        let differing = books.differing.iter().filter(|path| !books.is_source(path));
        for path in differing.cloned().chain(read).collect::<Vec<_>>() {
            if !books.is_source(&path) {
                books.differing.remove(&path);
                if books.files.get(&path).is_some_and(|known| known.served.is_none()) {
                    books.files.remove(&path);
                }
            }
        }
    }

    /// Notes which units are held, and which are to be judged again with the next change.
    fn note_held(
        &mut self,
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        blocked: &BTreeSet<Unit>,
        paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
        change: &mut Change,
    ) {
        let since = change.at;
        let units: BTreeSet<Unit> = paths.keys().chain(denied.keys()).chain(blocked).cloned().collect();
        for unit in &units {
            self.books.waiting.remove(unit);
            if let Some(errors) = denied.get(unit) {
                let problems: Vec<Problem> = errors.iter().take(MAX_TOLD).map(Problem::from).collect();
                let before = self.books.held.get(unit);
                if before.is_none_or(|before| before.problems != problems) {
                    let files = errors.len();
                    tracing::error!(%unit, errors = files, "held: what is served stays");
                    errors.iter().take(MAX_TOLD).for_each(log);
                }
                let since = before.map_or(since, |before| before.since);
                self.books.held.insert(unit.clone(), HeldUnit { since, problems });
                if errors.iter().any(|found| WAITING_CODES.contains(&found.code)) {
                    self.books.waiting.insert(unit.clone());
                }
            } else if blocked.contains(unit) {
                self.books.waiting.insert(unit.clone());
            } else if self.books.held.remove(unit).is_some() {
                tracing::info!(%unit, "no longer held");
            }
        }
        change.held.clear();
        for unit in denied.keys() {
            change.held.extend(self.held_unit(unit));
        }
    }

    /// A held unit for people.
    pub(super) fn held_unit(&self, unit: &Unit) -> Option<Held> {
        let held = self.books.held.get(unit)?;
        let files = Books::of_unit(unit, &self.books.differing).take(MAX_TOLD);
        let shown = |path: &SourcePath| super::folder::display(&path.on_disk(&self.sources)).to_string();
        Some(Held {
            unit: unit.to_string(),
            since: held.since,
            serving: match unit {
                Unit::Operator => !self.books.faulty.operator,
                Unit::Account(account) => {
                    !self.books.faulty.accounts.contains(account) && self.books.is_served(account)
                }
                Unit::Zone(origin) => self.books.zones.get(origin).is_some_and(|zone| !zone.faulty),
                Unit::Nothing => false,
            },
            files: files.map(shown).collect(),
            problems: held.problems.clone(),
        })
    }

    fn remember(&mut self, change: &Change) {
        if change.outcome == Outcome::Unchanged && change.problems.is_empty() {
            return;
        }
        self.changes.push_front(change.clone());
        self.changes.truncate(REMEMBERED_CHANGES);
    }
}

/// The zones that sources are master files of, each with its account.
fn claims(paths: &BTreeMap<Unit, BTreeSet<SourcePath>>) -> HashMap<Name, AccountId> {
    let claim = |path: &SourcePath| match path.kind() {
        Kind::Zone(origin) => Some((origin, path.account()?)),
        _ => None,
    };
    paths.values().flatten().filter_map(claim).collect()
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
    Judged { accepted, denied, pending, broken, told }
}

/// What a plan tells that holds nothing.
fn told(plan: &Plan) -> impl Iterator<Item = Diagnostic> + use<'_> {
    let holds = |unit: &Unit, found: &Diagnostic| *unit != Unit::Nothing && found.severity == Severity::Error;
    plan.findings
        .iter()
        .filter(move |(unit, found)| !holds(unit, found) && found.severity > Severity::Note)
        .map(|(_, found)| found.clone())
}

pub(super) fn add_cost(change: &mut Change, desk: &Desk<'_>) {
    let cost = desk.cost();
    change.cost.files_read += cost.files_read;
    change.cost.bytes_read += cost.bytes_read;
    change.cost.zones_compiled += cost.zones_compiled;
}

/// A diagnostic as a log line.
pub(super) fn log(found: &Diagnostic) {
    let Diagnostic { place, severity, code, message, hint, .. } = found;
    let hint = hint.as_deref();
    match severity {
        Severity::Error => tracing::error!(%place, code, hint, "{message}"),
        Severity::Warning => tracing::warn!(%place, code, hint, "{message}"),
        Severity::Note => tracing::debug!(%place, code, hint, "{message}"),
    }
}

/// Seconds since the epoch.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The sorts of things that `Change::zones` lists.
pub(super) fn listed_zone(sign: char, origin: &Name, into: &mut Vec<String>) {
    if into.len() < MAX_TOLD {
        into.push(format!("{sign}{origin}"));
    }
}
