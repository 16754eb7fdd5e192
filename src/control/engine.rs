//! The one door to what is served: a change is looked at, planned, judged, remembered, published.
//!
//! Invariant: a unit with a fault stays wholly as it is served. Nothing is published that the state does not know of
//! before, unless the operator says so or nothing was served before. Only this thread frees a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::ahead::{Ahead, Progress};
use super::audit::Audit;
use super::books::Books;
use super::commit::take_back;
use super::cores;
use super::desk::{Desk, Found, Shelf};
use super::entry::Said;
use super::judging::{Given, Judged};
use super::look::{Ask, Gate, Looked, NO_DESCRIPTORS, Open, lacks, look};
use super::report::{Change, Outcome, Problem, Trigger, Why};
use super::settling::{Settled, Taken};
use super::source::Kind;
use super::standing::Standing;
use super::state::Manifest;
use super::store::Store;
use super::weigh::Weighed;
use super::weigh::hour::Hour;
use super::{SourcePath, Sources, Tree, folder};
use crate::addrmap::code;
use crate::compile::Builder;
use crate::judge::guards::Limits;
use crate::judge::{self, Traffic};
use crate::model::{AccountId, Diagnostic, MapId, Ownership, Place, Severity, Unit};
use crate::snapshot::{Publisher, Retired, Snapshot};
use crate::telemetry::Samples;
use crate::wire::Name;

/// Changes that `status` remembers.
const REMEMBERED_CHANGES: usize = 20;
/// Most problems and zones told of one change.
pub(super) const MAX_TOLD: usize = 100;
/// A unit may wait for another one that waits for a third.
const MAX_ROUNDS: usize = 4;

/// Faults that end when another unit changes: the unit is judged again with every change.
pub(super) const WAITING_CODES: &[&str] = &[
    "zone-in-two-files",
    "operator-file-faulty",
    "included-file-held",
    "account-faulty",
    "folder-gone",
    "ledger-in-use",
    code::DUPLICATE_MAP_ID,
    code::TWO_DEFAULT_SNIS,
    code::FOREIGN_ZONE,
    code::FOREIGN_DEFAULT_SNI,
    code::ANYCAST_MISSING,
];

/// How changes are judged: settings of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// A fault anywhere refuses the whole change.
    pub strict: bool,
    /// What becomes of maps whose addresses their account may not use.
    pub ownership: Ownership,
    /// What a change may take away without anybody being asked.
    pub guards: Limits,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    pub(super) sources: Sources,
    /// How changes are judged.
    pub(super) rules: Rules,
    pub(super) books: Books,
    pub(super) store: Store,
    pub(super) builder: Builder,
    pub(super) publisher: Publisher,
    pub(super) retired: Retired,
    pub(super) changes: VecDeque<Change>,
    /// What is wrong with the folders as such.
    pub(super) faults: Vec<Diagnostic>,
    /// The trees that they concern: nothing of them is read.
    pub(super) lost: BTreeSet<Tree>,
    pub(super) started: u64,
    /// What the state remembers, where a start does not serve it: the first intent is written against it.
    pub(super) base: Option<Manifest>,
    /// A remembered immutable map that is being taken away, and whose it is.
    pub(super) forgotten: Option<(MapId, AccountId)>,
    /// Who makes the change that is at work, and why: set by a command for as long as it takes.
    pub(super) said: Said,
    /// Whether the files were looked at since the start: before that nobody knows whether they are what is served.
    pub(super) has_looked: bool,
    pub(super) clock: Clock,
    /// What the last audit found.
    pub(super) audit: Option<Audit>,
    /// What stands, as it is remembered.
    pub(super) remembered_standing: Standing,
    /// What was served within the last hour.
    pub(super) hour: Hour,
    /// How far reading many zones is.
    pub(super) progress: Arc<Progress>,
    /// What was asked, as far as it is kept; nothing before somebody serves.
    pub(super) samples: Arc<Samples>,
}

/// A pass over the sources before anything is published.
pub(super) struct Round {
    pub(super) settled: Settled,
    pub(super) read: HashMap<SourcePath, Found>,
    pub(super) paths: BTreeMap<Unit, BTreeSet<SourcePath>>,
    /// All that was good by itself, weighed before anything of it was held.
    pub(super) weighed: Option<Weighed>,
}

/// How a change is to be made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    /// Publish even though it cannot be remembered.
    pub(super) without_state: bool,
    /// There was nothing before: what is good is taken.
    pub(super) first: bool,
    /// No guard is asked: it goes back to what was served.
    pub(super) unguarded: bool,
    /// Somebody only wants to know what it would be.
    pub(super) preview: bool,
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

    /// How many of the questions that were asked last would be answered differently by a candidate.
    pub fn traffic(&self, candidate: &Snapshot) -> Traffic {
        judge::traffic(&self.samples.questions(), &self.publisher.current(), candidate)
    }

    /// Frees snapshots that no worker holds any more, and returns how many are still held.
    pub fn free(&mut self) -> usize {
        self.retired.free()
    }

    /// Whether something waits for the state to be writable, or for file descriptors.
    pub(super) fn has_unfinished(&self) -> bool {
        self.store.error.is_some() || self.lacks_descriptors()
    }

    /// Whether a folder could not be listed for want of file descriptors: nothing tells when there are some again.
    pub(super) fn lacks_descriptors(&self) -> bool {
        self.faults.iter().any(|fault| fault.code == NO_DESCRIPTORS)
    }

    /// Remembers what a first start published: it publishes first, for there is nothing that could be lost. Where this
    /// fails it is tried again with every change.
    pub fn remember_start(&mut self) {
        self.store.save();
        if let Some(error) = &self.store.error {
            tracing::error!(error, "published without being remembered: {}", self.store.restart());
        }
    }

    /// Whether that has passed, as far as a look at the folders tells.
    pub(super) fn has_descriptors_again(&self) -> bool {
        let listed = |tree| folder::has_entries(self.sources.root(tree));
        self.lacks_descriptors()
            && [Tree::Zones, Tree::Maps]
                .into_iter()
                .all(|tree| !listed(tree).is_err_and(|error| lacks(&error)))
    }

    /// Tries again to remember what is served and what was refused for want of it.
    pub(super) fn try_again(&mut self) -> Option<Change> {
        self.store.catch_up();
        let nothing = Ask::Paths(BTreeSet::new());
        let waits = !self.books.waiting.is_empty() && !self.lacks_descriptors();
        waits.then(|| self.follow(Trigger::Files, &nothing, &mut Open, How::default()))
    }

    /// Looks at the folders and serves what they say, as far as it is good.
    pub(super) fn follow(&mut self, trigger: Trigger, ask: &Ask, gate: &mut dyn Gate, how: How) -> Change {
        let begun = Instant::now();
        self.has_looked |= matches!(ask, Ask::Everything);
        let mut looked = look(&self.sources, &mut self.books, &self.lost, ask, gate);
        if matches!((trigger, ask), (Trigger::Reload | Trigger::Signal, Ask::Everything)) {
            // Whoever asks for everything wants to know what is held all the same.
            looked.units.extend(self.books.held.keys().cloned());
        }
        self.change(begun, trigger, looked, gate, how)
    }

    /// Judges what was looked at.
    pub(super) fn change(
        &mut self,
        begun: Instant,
        trigger: Trigger,
        looked: Looked,
        gate: &mut dyn Gate,
        how: How,
    ) -> Change {
        let mut change =
            Change { at: self.clock.now(), trigger, generation: self.books.generation, ..Change::default() };
        let Looked { touched, units, faults, lost, strays } = looked;
        let new_faults = faults != self.faults;
        change.problems.extend(faults.iter().chain(&strays).map(Problem::from));
        if new_faults {
            faults.iter().for_each(log);
        }
        strays.iter().for_each(log);
        self.faults = faults;
        self.lost = lost;

        let mut next = (touched, units);
        for _ in 0..MAX_ROUNDS {
            let (touched, units) = std::mem::take(&mut next);
            let again = self.round(None, &touched, units, gate, how, &mut change);
            if !again {
                break;
            }
        }
        if change.outcome == Outcome::Unchanged && !self.faults.is_empty() {
            change.outcome = Outcome::Refused;
        }
        if change.outcome != Outcome::Published && self.store.save() {
            let generation = self.books.generation;
            tracing::info!(generation, "what was published without the state is remembered now");
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
        gate: &mut dyn Gate,
        how: How,
        change: &mut Change,
    ) -> bool {
        if how.first && self.books.generation == 0 {
            return self.first_round(touched, units, how, change);
        }
        let Round { settled, read, paths, .. } = self.half_round(memory, touched, units, gate, how, change);
        let published = self.settle(settled, read, &paths, how, change);
        published && !self.books.waiting.is_empty()
    }

    /// A pass up to where something would be published.
    pub(super) fn half_round(
        &mut self,
        memory: Option<&Manifest>,
        touched: &BTreeSet<SourcePath>,
        units: BTreeSet<Unit>,
        gate: &mut dyn Gate,
        how: How,
        change: &mut Change,
    ) -> Round {
        let shelf = memory.map_or(Shelf::Folders, |manifest| Shelf::Memory(&self.store, manifest));
        let desk = Desk::new(&self.sources, shelf).without(&self.lost);
        let (no_views, nobody) = (BTreeMap::new(), BTreeMap::new());
        let views = memory.map_or(&no_views, |manifest| &manifest.views);
        let nothing = Given { views, first: false, plain: &[], unpinned: how.preview, held: &nobody };
        let mut touched = touched.clone();
        // Units that change this very moment: they are looked at again when they have settled.
        let mut unsettled: BTreeSet<Unit> = BTreeSet::new();
        let (paths, forced, judged) = loop {
            let (mut paths, forced) = self.in_play(&touched, units.clone(), &desk);
            paths.retain(|unit, _| !unsettled.contains(unit));
            let seed = self.builder.seed();
            let ahead = Ahead { desk: &desk, books: &self.books, seed, progress: &self.progress };
            ahead.prepare(&paths, &forced);
            let judged = self.judge(&desk, &paths, &forced, &Given { first: how.first, ..nothing });
            // What was read as part of another source may have changed without having been noticed yet.
            let is_late = |path: &SourcePath| {
                !touched.contains(path) && self.books.named_by.contains_key(path) && self.differs(path, &desk)
            };
            let late: Vec<SourcePath> = desk.paths_read().into_iter().filter(is_late).collect();
            let disturbed = if how.first { BTreeSet::new() } else { disturbed(gate, &desk, &paths) };
            let disturbed: BTreeSet<Unit> =
                self.units_of(&disturbed).filter(|unit| paths.contains_key(unit)).collect();
            if late.is_empty() && disturbed.is_empty() {
                break (paths, forced, judged);
            }
            touched.extend(late);
            unsettled.extend(disturbed);
        };
        let by_people = [Trigger::Reload, Trigger::Signal, Trigger::Approve, Trigger::Resume, Trigger::Plan];
        if by_people.contains(&change.trigger) {
            let place = Place::file(&folder::display(&self.sources.zones));
            change.problems.extend(unsettled.iter().map(|unit| Problem::from(&left_out(unit, &place))));
        }
        let mut first = None;
        let settled = match how.first {
            true => first_settled(judged),
            false => {
                // What is held here is good by itself: whoever depends on it is judged again.
                let mut held = nobody.clone();
                let mut digests = BTreeMap::new();
                let mut judged = judged;
                let approvals = self.books.standing.approvals.clone();
                let (taken, judged) = loop {
                    let accepted = std::mem::take(&mut judged.accepted);
                    // Of a rollback that is refused nothing stays, not even the pin.
                    if accepted.is_empty() && (how.unguarded || !self.standing_differs()) {
                        break (Taken::Nothing, judged);
                    }
                    if self.rules.strict && !judged.denied.is_empty() && !accepted.is_empty() {
                        break (Taken::Refused(accepted), judged);
                    }
                    let mut told = Vec::new();
                    if how.unguarded {
                        // What is left is not what anybody wants, whoever approved it.
                        let (left, in_files) = self.approvals_left(&accepted);
                        self.books.standing.approvals.clone_from(&approvals);
                        self.books.standing.approvals.retain(|digest, _| !left.contains(digest));
                        told = in_files;
                    }
                    cores::breathe();
                    let draft = self.draft(&accepted, &judged.denied, how);
                    cores::breathe();
                    let mut candidate = draft.apply(accepted, &mut self.builder);
                    cores::breathe();
                    let weighed = self.weigh(&candidate, &desk, how);
                    change.cost.zones_compared += weighed.compared as u64;
                    if weighed.held.is_empty() {
                        candidate.begin_anew = match how.unguarded {
                            true => candidate.plans().iter().map(|plan| plan.unit.clone()).collect(),
                            false => weighed.approved.clone(),
                        };
                        candidate.harm = weighed.harm.clone();
                        change.problems.extend(told.iter().map(Problem::from));
                        change.totals = Some(weighed.plan.counts.clone());
                        change.proof = Some(weighed.proof.clone());
                        change.approved = weighed.approvals.clone();
                        first.get_or_insert(weighed);
                        break (Taken::Candidate(Box::new(candidate)), judged);
                    }
                    take_back(candidate, &mut self.builder, self.books.generation);
                    held.extend(weighed.held.clone());
                    digests.extend(weighed.digests.clone());
                    first.get_or_insert(weighed);
                    judged = self.judge(&desk, &paths, &forced, &Given { held: &held, ..nothing });
                };
                let Judged { mut denied, pending, broken, told, .. } = judged;
                denied.retain(|_, errors| !errors.is_empty());
                Settled { taken, denied, digests, pending, broken, told }
            }
        };
        add_cost(change, &desk);
        let read = desk.into_read();
        Round { settled, read, paths, weighed: first }
    }

    /// The units that sources belong to or are named in.
    fn units_of(&self, sources: &BTreeSet<SourcePath>) -> impl Iterator<Item = Unit> + use<'_> {
        let mut units: Vec<Unit> = Vec::new();
        for source in sources {
            let by = self.books.named_by.get(source).into_iter().flatten();
            units.extend(by.chain([source]).filter_map(SourcePath::unit));
        }
        units.into_iter()
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

    pub(super) fn remember(&mut self, change: &Change) {
        if change.outcome == Outcome::Unchanged && change.problems.is_empty() {
            return;
        }
        // After a rollback the files are looked at to know what waits: that is told with the rollback.
        let waits = change.held.iter().all(|held| held.why == Why::Pinned);
        if (change.trigger, change.outcome) == (Trigger::Rollback, Outcome::Held) && waits {
            return;
        }
        self.changes.push_front(change.clone());
        self.changes.truncate(REMEMBERED_CHANGES);
    }
}

/// On a first start what is good is served.
pub(super) fn first_settled(judged: Judged) -> Settled {
    let Judged { accepted, plain, denied, pending, broken, told } = judged;
    let taken = match accepted.is_empty() && plain.is_empty() {
        true => Taken::Nothing,
        false => Taken::First(accepted, plain),
    };
    Settled { taken, denied, digests: BTreeMap::new(), pending, broken, told }
}

/// The sources that something happened to while they were looked at.
fn disturbed(
    gate: &mut dyn Gate,
    desk: &Desk<'_>,
    paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
) -> BTreeSet<SourcePath> {
    let read = desk.paths_read();
    let mut disturbed = gate.disturbed(paths.values().flatten().cloned().chain(read).collect());
    disturbed.extend(desk.disturbed());
    disturbed
}

/// That a unit changed while it was read.
fn left_out(unit: &Unit, place: &Place) -> Diagnostic {
    let message = format!("files of this unit changed while they were read, it was left out: {unit}");
    Diagnostic::warning("being-written", place.clone(), message)
        .hint("reload again when all files are written")
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

/// The time of day.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// Seconds that it is ahead: tests let hours pass.
    pub(super) ahead: u64,
}

impl Clock {
    /// Seconds since the epoch.
    pub(super) fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) + self.ahead
    }
}

/// The sorts of things that `Change::zones` lists.
pub(super) fn listed_zone(sign: char, origin: &Name, into: &mut Vec<String>) {
    if into.len() < MAX_TOLD {
        into.push(format!("{sign}{origin}"));
    }
}
