//! After the judgement: what was accepted is published, and what is held, and how the files looked, is noted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::SourcePath;
use super::ahead::Plain;
use super::books::{Books, HeldUnit};
use super::commit::Candidate;
use super::desk::Found;
use super::engine::{Engine, How, MAX_TOLD, WAITING_CODES, log};

use super::plan::Plan;
use super::report::{Change, Held, Outcome, PINNED, Problem, Trigger, Why};
use super::source::Kind;
use crate::model::{Diagnostic, Unit};

/// What a pass over the sources came to.
pub(super) struct Settled {
    pub(super) taken: Taken,
    pub(super) denied: BTreeMap<Unit, Vec<Diagnostic>>,
    /// Digests of the content of units that only an approval is wanted for.
    pub(super) digests: BTreeMap<Unit, String>,
    /// What the sources of denied plans name.
    pub(super) pending: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// The operator's files that have errors.
    pub(super) broken: BTreeSet<SourcePath>,
    /// What holds nothing.
    pub(super) told: Vec<Diagnostic>,
}

/// What becomes of what was accepted.
pub(super) enum Taken {
    /// Nothing was.
    Nothing,
    /// It is taken as a whole or not at all, and something is held.
    Refused(Vec<Plan>),
    /// There is nothing to compare it with: it is served.
    First(Vec<Plan>, Vec<Plain>),
    /// It is made and judged.
    Candidate(Box<Candidate>),
}

/// Whether a code is that of a guard: an approval lets it pass.
pub(super) fn is_guard(code: &str) -> bool {
    code.starts_with("guard-")
}

/// The kind of reason why a unit is held; a fault is the strongest.
pub(super) fn why(problems: &[Problem]) -> Why {
    let errors = || problems.iter().filter(|problem| problem.severity == "error");
    if errors().all(|problem| is_guard(&problem.code)) {
        Why::Guard
    } else if errors().any(|problem| problem.code == PINNED) {
        Why::Pinned
    } else {
        Why::Fault
    }
}

impl Engine {
    /// Publishes what was accepted and notes what is held. Whether something was published.
    pub(super) fn settle(
        &mut self,
        settled: Settled,
        read: HashMap<SourcePath, Found>,
        paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
        how: How,
        change: &mut Change,
    ) -> bool {
        let Settled { taken, mut denied, digests, pending, broken, mut told } = settled;
        told.sort();
        told.dedup();
        super::read::excerpts(&mut told);
        told.iter().for_each(log);
        change.problems.extend(told.iter().map(Problem::from));
        change.problems.truncate(MAX_TOLD);
        super::read::excerpts(denied.values_mut().flatten());

        let mut published = false;
        let mut blocked: BTreeSet<Unit> = BTreeSet::new();
        match taken {
            Taken::Nothing => {}
            Taken::Refused(accepted) => blocked.extend(accepted.into_iter().map(|plan| plan.unit)),
            Taken::First(accepted, plain) => {
                self.commit_first(accepted, plain, &denied, change);
                published = true;
            }
            Taken::Candidate(candidate) => {
                let units: Vec<Unit> = candidate.plans().iter().map(|plan| plan.unit.clone()).collect();
                match self.commit(*candidate, how, change) {
                    Ok(()) => published = true,
                    Err(found) => {
                        log(&found);
                        change.problems.push(Problem::from(&*found));
                        blocked.extend(units);
                    }
                }
            }
        }
        let sources: Vec<SourcePath> = read.keys().cloned().collect();
        self.note_seen(read);
        self.note_pending(sources, pending);
        self.books.broken = broken;
        self.note_held(&denied, digests, &blocked, paths, change);
        change.outcome = match () {
            () if published => Outcome::Published,
            () if change.outcome == Outcome::Published => Outcome::Published,
            () if !blocked.is_empty() => Outcome::Refused,
            () if !denied.is_empty() => Outcome::Held,
            () => Outcome::Unchanged,
        };
        // Of a rollback that is refused no pin stays.
        if published || change.trigger != Trigger::Rollback {
            change.pins = self.books.standing.pins_told();
        }
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
                self.books.forget(&path);
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
                    books.forget(&path);
                }
            }
        }
    }

    /// Notes which units are held, and which are to be judged again with the next change.
    fn note_held(
        &mut self,
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        mut digests: BTreeMap<Unit, String>,
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
                let digest = digests.remove(unit);
                self.books.held.insert(unit.clone(), HeldUnit { since, problems, digest });
                let waits = |found: &Diagnostic| WAITING_CODES.contains(&found.code) || is_guard(found.code);
                if errors.iter().any(waits) {
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
        let why = why(&held.problems);
        // A pin is remembered with its time, so that a restart does not make it younger.
        let pin = self.books.standing.pin_of(unit).filter(|_| why == Why::Pinned);
        let files = Books::of_unit(unit, &self.books.differing).take(MAX_TOLD);
        let shown = |path: &SourcePath| super::folder::display(&path.on_disk(&self.sources)).to_string();
        Some(Held {
            unit: unit.to_string(),
            since: pin.map_or(held.since, |(_, pin)| pin.at),
            serving: match unit {
                Unit::Operator => !self.books.faulty.operator,
                Unit::Account(account) => {
                    !self.books.faulty.accounts.contains(account) && self.books.is_served(account)
                }
                Unit::Zone(origin) => self.books.zones.get(origin).is_some_and(|zone| !zone.faulty),
                Unit::Nothing => false,
            },
            why,
            digest: held.digest.clone(),
            files: files.map(shown).collect(),
            problems: held.problems.clone(),
        })
    }
}
