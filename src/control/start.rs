//! The start: what was served last, at once, and without that what the files say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::ahead::{Ahead, Progress};
use super::books::{Books, Known, ServedZone};
use super::content::Served;
use super::desk::{Desk, Shelf};
use super::engine::{Clock, Engine, How, Rules, add_cost, first_settled};
use super::entry::Said;
use super::look::{Ask, Open};
use super::report::{Change, Outcome, Trigger};
use super::source::Kind;
use super::standing::Standing;
use super::state::{Intent, Manifest, Opened, Remembered, State, StateError};
use super::store::Store;
use super::weigh::hour::Hour;
use super::{SourcePath, Sources, Tree, remembered_map};
use crate::compile::{AccountWords, Builder, Edit, OperatorWords, ZoneChange};
use crate::model::{AccountId, Unit};
use crate::snapshot::{Publisher, Retired, Seed, Snapshot, Zone};
use crate::wire::Name;

/// What a start serves first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// What was served last; the files are a candidate then.
    #[default]
    State,
    /// What the files say, whatever was served before.
    Files,
}

/// The engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What is remembered cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no state, and no folder to read instead.
    #[error("{0}")]
    Folder(String),
}

impl Engine {
    /// Opens the state, whose lock the caller holds, and makes a first snapshot: of what was served last where there
    /// is that, else of what is good in the files. Where the state was served the files are not looked at: whoever
    /// starts the engine lets it follow them next. Where it was not, it is remembered by
    /// [`Engine::remember_start`], which is to be called when the snapshot is served.
    pub fn start(
        sources: Sources,
        state: &Path,
        from: StartFrom,
        rules: Rules,
        progress: Arc<Progress>,
    ) -> Result<(Engine, Change), EngineError> {
        Engine::start_with(sources, state, from, rules, Seed::random(), progress)
    }

    /// [`Engine::start`] with a given seed: two snapshots can be compared only where they share it.
    pub(super) fn start_with(
        sources: Sources,
        state: &Path,
        from: StartFrom,
        rules: Rules,
        seed: Seed,
        progress: Arc<Progress>,
    ) -> Result<(Engine, Change), EngineError> {
        let Opened { state, confirmed, intent, notes } = State::open(state)?;
        for note in notes {
            tracing::warn!("{note}");
        }
        let mut engine = Engine { rules, progress, ..Engine::bare(sources, Store::new(state), seed) };
        engine.store.remembers = confirmed.is_some();
        let change = match (from, confirmed) {
            (StartFrom::State, Some(manifest)) => engine.restore(manifest, intent),
            (_, confirmed) => {
                if let Some(manifest) = confirmed {
                    tracing::warn!(
                        generation = manifest.generation,
                        "what was served last is put aside: start from files"
                    );
                    engine.remember_immutable(&manifest);
                    // What was approved stays so. What was rolled back is not: the files are to be followed.
                    let standing = Standing { approvals: manifest.approvals.clone(), ..Standing::default() };
                    engine.books.standing = standing.clone();
                    engine.remembered_standing = standing;
                    engine.base = Some(manifest);
                }
                engine.first()?
            }
        };
        Ok((engine, change))
    }

    /// Nothing is served yet.
    pub(super) fn bare(sources: Sources, store: Store, seed: Seed) -> Engine {
        Engine {
            sources,
            rules: Rules::default(),
            books: Books::default(),
            store,
            builder: Builder::new(seed.clone()),
            publisher: Publisher::new(Arc::new(Snapshot::empty(0, seed))),
            retired: Retired::default(),
            changes: VecDeque::new(),
            faults: Vec::new(),
            lost: BTreeSet::new(),
            started: Clock::default().now(),
            base: None,
            forgotten: None,
            has_looked: false,
            clock: Clock::default(),
            said: Said::default(),
            audit: None,
            hour: Hour::default(),
            remembered_standing: Standing::default(),
            progress: Arc::default(),
            samples: Arc::default(),
        }
    }

    /// There is nothing to go back to: what is good is served.
    pub(super) fn first(&mut self) -> Result<Change, EngineError> {
        let how = How { first: true, ..How::default() };
        let change = self.follow(Trigger::Start, &Ask::Everything, &mut Open, how);
        if let Some(fault) = self.faults.first() {
            return Err(EngineError::Folder(format!("{}: {}", fault.place, fault.message)));
        }
        if self.books.generation == 0 {
            // Nothing is there: that is what is served.
            let mut change = change.clone();
            self.commit_first(Vec::new(), Vec::new(), &BTreeMap::new(), &mut change);
        }
        Ok(Change { generation: self.books.generation, ..change })
    }

    /// The first pass over the folders, with nothing served.
    pub(super) fn first_round(
        &mut self,
        touched: &BTreeSet<SourcePath>,
        units: BTreeSet<Unit>,
        how: How,
        change: &mut Change,
    ) -> bool {
        let desk = Desk::new(&self.sources, Shelf::Folders).without(&self.lost);
        let seed = self.builder.seed();
        let ahead = Ahead { desk: &desk, books: &self.books, seed, progress: &self.progress };
        let stash = self.store.stash();
        let plain = ahead.plain(touched, Some(&stash));
        let stashed = stash.finish();
        self.store.take_stashed(stashed);
        let mut paths: BTreeMap<Unit, BTreeSet<SourcePath>> =
            units.into_iter().map(|unit| (unit, BTreeSet::new())).collect();
        let judged = self.judge_first(&desk, touched, plain, &mut paths, &BTreeMap::new());
        add_cost(change, &desk);
        let read = desk.into_read();
        let published = self.settle(first_settled(judged), read, &paths, how, change);
        published && !self.books.waiting.is_empty()
    }

    pub(super) fn remember_immutable(&mut self, manifest: &Manifest) {
        for (id, text) in &manifest.immutable {
            match remembered_map::read(text) {
                Some(map) => {
                    self.books.immutable.insert(id.clone(), Arc::new(map));
                }
                None => tracing::error!(map = %id, "a remembered immutable map cannot be read"),
            }
        }
    }

    /// Serves what was confirmed last, and what was intended after it: that was judged before it was written, and was
    /// perhaps served. Where it is not good any more in this version, it is as if it had not been written.
    fn restore(&mut self, manifest: Manifest, intent: Option<Intent>) -> Change {
        let begun = Instant::now();
        let mut change = Change { at: self.clock.now(), trigger: Trigger::Start, ..Change::default() };
        let Some(intent) = intent else {
            self.serve_again(manifest, &mut change);
            return self.restored(begun, change);
        };
        let generation = intent.generation;
        tracing::warn!(generation, "a change was not confirmed when the server ended: it is served");
        let mut after = manifest.clone();
        after.apply(&intent);
        let denied = self.serve_again(after, &mut change);
        let is_its = |path: &SourcePath| path.unit().is_some_and(|unit| denied.contains(&unit));
        if intent.files.iter().any(|(path, _)| is_its(path)) {
            tracing::error!(
                generation,
                "it is not good in this version: what was served before is served again"
            );
            let store = std::mem::replace(&mut self.store, Store::closed());
            let bare = Engine::bare(self.sources.clone(), store, self.builder.seed().clone());
            *self = Engine { rules: self.rules, progress: self.progress.clone(), ..bare };
            self.serve_again(manifest, &mut change);
        } else {
            self.store.confirm(generation);
        }
        self.restored(begun, change)
    }

    fn restored(&mut self, begun: Instant, mut change: Change) -> Change {
        change.outcome = Outcome::Published;
        change.generation = self.books.generation;
        change.took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        change.zones.clear();
        self.changes.push_front(change.clone());
        change
    }

    /// Serves what a manifest says, with what stands. Tells of which units something is not good any more.
    fn serve_again(&mut self, manifest: Manifest, change: &mut Change) -> BTreeSet<Unit> {
        self.remember_immutable(&manifest);
        let standing = Standing { approvals: manifest.approvals.clone(), pins: manifest.pins.clone() };
        self.books.standing = standing.clone();
        self.remembered_standing = standing;
        let denied = self.take_from_memory(manifest, change);
        self.identify();
        denied
    }

    /// Says of what is served which state it is, by all that is in the books.
    fn identify(&mut self) {
        self.books.content = Served::of(&self.books);
        let mut snapshot = Snapshot::clone(&self.publisher.current());
        snapshot.identify(snapshot.generation, self.books.content.content);
        self.retired.push(self.publisher.publish(Arc::new(snapshot)));
        self.retired.free();
    }

    /// Makes what a manifest says from what is remembered of it. Tells of which units something is not good any more.
    pub(super) fn take_from_memory(&mut self, mut manifest: Manifest, change: &mut Change) -> BTreeSet<Unit> {
        let mut paths: BTreeMap<Unit, BTreeSet<SourcePath>> = BTreeMap::new();
        // With a view on the operator's files an account has maps even without a file of its own.
        for account in manifest.views.keys() {
            paths.entry(Unit::Account(account.clone())).or_default();
        }
        // Nothing is made for them, not even of the operator's maps.
        self.books.faulty.accounts.clone_from(&manifest.faulty.accounts);
        let desk = Desk::new(&self.sources, Shelf::Memory(&self.store, &manifest));
        let sources: BTreeSet<SourcePath> = manifest.files.keys().cloned().collect();
        let seed = self.builder.seed();
        let ahead = Ahead { desk: &desk, books: &self.books, seed, progress: &self.progress };
        let plain = ahead.plain(&sources, None);
        let judged = self.judge_first(&desk, &sources, plain, &mut paths, &manifest.views);
        drop(sources);
        add_cost(change, &desk);
        for (unit, errors) in &judged.denied {
            tracing::error!(%unit, "what was served before is not good any more in this version");
            errors.iter().for_each(super::engine::log);
        }
        // What of its files is served is entered below.
        let files = std::mem::take(&mut manifest.files);
        let mut everything = Intent::between(&Manifest::default(), &manifest);
        let mut faulty = self.faulty_after(&judged.accepted);
        faulty.zones.extend(manifest.faulty.zones.clone());
        faulty.accounts.extend(manifest.faulty.accounts.clone());
        faulty.operator |= manifest.faulty.operator;
        everything.faulty = Some(faulty);
        self.publish(judged.accepted, judged.plain, everything, change);
        let known = |file: Remembered| Known { served: Some(file.digest), seen: Some(file.stamp) };
        let mut files: BTreeMap<SourcePath, Known> =
            files.into_iter().map(|(path, file)| (path, known(file))).collect();
        let is_denied = |path: &SourcePath| path.unit().is_some_and(|unit| judged.denied.contains_key(&unit));
        for (path, known) in files.iter_mut().filter(|_| !judged.denied.is_empty()) {
            // A zone of another account may name it, and is served with it.
            let named = self.books.named_by.get(path).into_iter().flatten();
            let is_served = self.is_served_zone(path) || named.into_iter().any(|by| self.is_served_zone(by));
            if is_denied(path) && !is_served {
                // Its file is read as if it were new, though it be the same.
                *known = Known::default();
                self.books.differing.insert(path.clone());
            }
        }
        self.books.files = files;
        self.take_faulty(&manifest);
        // They were held, and are as long as their files are not good.
        let held = manifest.views.keys().chain(&manifest.faulty.accounts);
        self.books.waiting.extend(held.cloned().map(Unit::Account));
        judged.denied.into_keys().collect()
    }

    /// Whether a source is the master file of a zone that is served, and good.
    fn is_served_zone(&self, path: &SourcePath) -> bool {
        let Kind::Zone(origin) = path.kind() else { return false };
        self.books.zones.get(&origin).is_some_and(|zone| zone.path == *path && !zone.faulty)
    }

    /// What never was good stays so: its zones are answered SERVFAIL, and its files differ from what is served.
    fn take_faulty(&mut self, manifest: &Manifest) {
        let faulty = &manifest.faulty;
        if *faulty == super::state::Faulty::default() {
            return;
        }
        let mut edit = Edit::default();
        for (origin, account) in &faulty.zones {
            let path = likely_path(origin, account);
            self.books.files.entry(path.clone()).or_default();
            self.books.differing.insert(path.clone());
            let zone = ServedZone { account: account.clone(), path, faulty: true };
            self.books.zones.insert(origin.clone(), zone);
            let zone = Zone::faulty(&origin.to_lower_wire());
            edit.zones.push((origin.clone(), ZoneChange::Put { account: account.clone(), zone }));
        }
        for account in &faulty.accounts {
            let words = AccountWords { faulty: true, ..AccountWords::default() };
            edit.accounts.push((account.clone(), words));
        }
        if faulty.operator {
            edit.operator = Some(OperatorWords { anycast: None, faulty: true });
        }
        let snapshot = self.builder.apply(edit, manifest.generation).snapshot;
        self.retired.push(self.publisher.publish(Arc::new(snapshot)));
        self.retired.free();
    }
}

/// Where the master file of a zone most likely is.
fn likely_path(origin: &Name, account: &AccountId) -> SourcePath {
    let shown = origin.to_string();
    let mut path = PathBuf::new();
    if !account.is_default() {
        path.push(account.as_str());
    }
    let name = shown.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(".");
    path.push(format!("{name}.zone"));
    SourcePath::new(Tree::Zones, &path)
}
