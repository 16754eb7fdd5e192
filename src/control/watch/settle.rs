//! When what has changed may be read: changes settle, deletions longer, and files that are open for writing wait for
//! their writer. No clock and no I/O: the moments come in as values.
//!
//! A change waits in its *unit*: the two folders of an account together, each file in the root of `zones/`, all files
//! in the root of `addrmaps/` together, and each file outside of both trees.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::control::Sources;
use crate::model::AccountId;

/// Nothing happens for so long: what was changed was changed together.
pub(super) const QUIET: Duration = Duration::from_millis(200);
/// Where something happens all the time, a unit that is quiet itself waits so long.
pub(super) const BUSY: Duration = Duration::from_secs(1);
/// A unit that is never quiet waits so long.
pub(super) const NEVER_QUIET: Duration = Duration::from_secs(10);
/// What is deleted may come back or turn up elsewhere.
pub(super) const DELETION: Duration = Duration::from_secs(2);
/// A file found in a folder that was just made may have been opened before anybody watched.
pub(super) const FOUND: Duration = Duration::from_millis(500);
/// A file that is open for writing, or deletions that go on and on, hold back their unit so long and no longer.
pub(super) const HOLD: Duration = Duration::from_secs(60);
/// A lock of git that is older is taken for one that a crash left behind.
pub(super) const STALE_LOCK: Duration = Duration::from_secs(10);
/// How often a lock of git that is waited for is looked at.
const LOCK_LOOK: Duration = Duration::from_millis(100);

/// Something that happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// A file's content is being changed; a [`Noted::Closed`] will follow.
    Written(PathBuf),
    /// A writer closed the file.
    Closed(PathBuf),
    /// The entry was moved here, over another one perhaps, or is a link that leads elsewhere now.
    MovedIn(PathBuf),
    /// The entry is new: a link that is complete, or a file; that it is open is said by [`Noted::Written`].
    Created(PathBuf),
    /// The file stood in a new folder before the folder was watched: nobody knows whether it is open.
    Found(PathBuf),
    /// The file is gone.
    Removed(PathBuf),
    /// Something else about the entry changed: its permissions, its owner.
    Changed(PathBuf),
    /// The folder appeared, or anything in it may have changed.
    Folder(PathBuf),
    /// The folder is gone with all that was in it.
    FolderGone(PathBuf),
    /// Anything may have changed anywhere; which files are open is no longer known.
    Rescan,
}

/// What is to be looked at, together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Files, files that vanished, and folders of which everything is meant that is not [held](super::Watch::holds).
    pub paths: BTreeSet<PathBuf>,
    /// All files of both trees, and all that are followed. Nobody vouches for their being closed: whoever looks takes
    /// only what [`Looks`](super::Looks) says is ready, and leaves alone what is [held](super::Watch::holds).
    pub everything: bool,
}

/// A change that waits.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: Instant,
    /// The entry is gone and was there before.
    removed: bool,
    /// The entry is new or came from elsewhere.
    added: bool,
    /// The entry did not exist when the last batch was taken.
    born: bool,
    /// Nobody knows whether the file is open.
    unsure: bool,
}

/// What waits together.
#[derive(Debug, Default)]
struct Unit {
    changes: BTreeMap<PathBuf, Change>,
    /// Files that are open for writing: since when, and what was known of them before.
    writing: BTreeMap<PathBuf, (Instant, Option<Change>)>,
    /// When the oldest of the changes happened.
    first: Option<Instant>,
    /// When the unit became busy, open files included.
    began: Option<Instant>,
    last: Option<Instant>,
}

/// The changes that wait. See the module for the rules.
#[derive(Debug)]
pub(super) struct Settle {
    sources: Sources,
    units: BTreeMap<PathBuf, Unit>,
    /// Anything may have changed: when that was first said.
    rescan: Option<Instant>,
    /// When something happened last, anywhere.
    last: Option<Instant>,
    /// Before this moment nothing is ready; it may be too early, never too late by more than [`QUIET`].
    next: Option<Instant>,
    /// Since when git is at work.
    locked: Option<Instant>,
    /// When git was last seen to have finished: what it changed counts as changed then.
    unlocked: Option<Instant>,
}

impl Settle {
    /// Nothing waits yet. The folders say what is a unit.
    pub(super) fn new(sources: &Sources) -> Settle {
        Settle {
            sources: sources.clone(),
            units: BTreeMap::new(),
            rescan: None,
            last: None,
            next: None,
            locked: None,
            unlocked: None,
        }
    }

    /// Takes note of what happened. The moments must not go back.
    pub(super) fn note(&mut self, now: Instant, noted: Noted) {
        let (Noted::Written(path)
        | Noted::Closed(path)
        | Noted::MovedIn(path)
        | Noted::Created(path)
        | Noted::Found(path)
        | Noted::Removed(path)
        | Noted::Changed(path)
        | Noted::Folder(path)
        | Noted::FolderGone(path)) = &noted
        else {
            // Closes may have been lost: open files would wait for ever.
            self.units.values_mut().for_each(|unit| unit.writing.clear());
            self.rescan.get_or_insert(now);
            return self.happened(now);
        };
        let unit = self.units.entry(unit_of(path, &self.sources)).or_default();
        if unit.note(now, &noted, path) {
            self.happened(now);
        }
    }

    fn happened(&mut self, now: Instant) {
        self.last = Some(now);
        let soon = now + QUIET;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }

    /// When it is worth asking for a batch; nothing is ready before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// What is ready, all of it at once. `git_busy` says whether git holds the lock on its index; it is only looked at
    /// when the [deadline](Settle::deadline) has come.
    pub(super) fn take(&mut self, now: Instant, git_busy: bool) -> Option<Batch> {
        if self.next.is_none_or(|next| now < next) {
            return None;
        }
        if self.waits_for_git(now, git_busy) {
            self.next = Some(now + LOCK_LOOK);
            return None;
        }
        let quiet = self.last.map_or(now, |last| last + QUIET);
        let mut ready = self.ready_units(quiet);
        let (due, waiting): (Vec<_>, Vec<_>) = ready.drain().partition(|(_, at)| *at <= now);
        let mut next = waiting.into_iter().map(|(_, at)| at).min();
        let mut batch = Batch::default();
        for (key, _) in due {
            if let Some(unit) = self.units.get_mut(&key) {
                batch.paths.extend(unit.take());
            }
        }
        self.units.retain(|_, unit| !(unit.changes.is_empty() && unit.writing.is_empty()));
        if let Some(first) = self.rescan {
            let at = quiet.min(first + BUSY);
            batch.everything = at <= now;
            match batch.everything {
                true => self.rescan = None,
                false => next = Some(next.map_or(at, |next| next.min(at))),
            }
        }
        self.next = next;
        (batch.everything || !batch.paths.is_empty()).then_some(batch)
    }

    /// Whether everything has to wait because git is at work: it holds the lock until all its files are written.
    pub(super) fn waits_for_git(&mut self, now: Instant, git_busy: bool) -> bool {
        match (git_busy, self.locked) {
            (false, None) => false,
            (false, Some(_)) => {
                // What git wrote last may not have been noted yet.
                (self.locked, self.unlocked, self.last) = (None, Some(now), Some(now));
                false
            }
            (true, since) => now < *self.locked.insert(since.unwrap_or(now)) + STALE_LOCK,
        }
    }

    /// Whether a lock of git is there that nobody waits for any more.
    pub(super) fn lock_is_stale(&self, now: Instant) -> bool {
        self.locked.is_some_and(|since| since + STALE_LOCK <= now)
    }

    /// The files that are open for writing, as far as is known.
    pub(super) fn being_written(&self) -> impl Iterator<Item = &Path> {
        self.units.values().flat_map(|unit| unit.writing.keys()).map(PathBuf::as_path)
    }

    /// Whether a path is not to be looked at yet: something in its unit waits or the file is open for writing.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let unit = self.units.get(&unit_of(path, &self.sources));
        unit.is_some_and(|unit| !unit.changes.is_empty() || unit.writing.contains_key(path))
    }

    /// When each unit with changes is ready; `quiet` is when all of them are if nothing more happens.
    fn ready_units(&self, quiet: Instant) -> HashMap<PathBuf, Instant> {
        let mut ready: HashMap<PathBuf, Instant> = HashMap::new();
        for (key, unit) in &self.units {
            if let Some(at) = unit.ready(quiet, self.unlocked) {
                ready.insert(key.clone(), at);
            }
        }
        let moves = self.moves();
        // A zone may move on and on: what waits for one that waits, waits as well.
        let mut settled = false;
        while !settled {
            settled = true;
            for (from, to) in &moves {
                if let (Some(a), Some(b)) = (ready.get(*from).copied(), ready.get(*to).copied())
                    && a != b
                {
                    ready.insert((*from).clone(), a.max(b));
                    ready.insert((*to).clone(), a.max(b));
                    settled = false;
                }
            }
        }
        ready
    }

    /// Pairs of units where a file of one name left the first and came into the second: a zone that changes hands
    /// must not be gone in between.
    fn moves(&self) -> BTreeSet<(&PathBuf, &PathBuf)> {
        let mut left: HashMap<&OsStr, Vec<&PathBuf>> = HashMap::new();
        for (key, path, _) in self.changes().filter(|(_, _, change)| change.removed) {
            left.entry(path.file_name().unwrap_or_default()).or_default().push(key);
        }
        let mut moves = BTreeSet::new();
        if left.is_empty() {
            return moves;
        }
        for (key, path, _) in self.changes().filter(|(_, _, change)| change.added && !change.removed) {
            let from = left.get(path.file_name().unwrap_or_default()).into_iter().flatten();
            moves.extend(from.filter(|from| **from != key).map(|from| (*from, key)));
        }
        moves
    }

    fn changes(&self) -> impl Iterator<Item = (&PathBuf, &PathBuf, &Change)> {
        self.units
            .iter()
            .flat_map(|(key, unit)| unit.changes.iter().map(move |(path, change)| (key, path, change)))
    }
}

impl Unit {
    /// Whether it counts as something that happened.
    fn note(&mut self, now: Instant, noted: &Noted, path: &Path) -> bool {
        let known = self.changes.get(path).copied();
        let plain = Change { at: now, removed: false, added: false, born: false, unsure: false };
        let change = match noted {
            Noted::Rescan => return false,
            Noted::Written(_) => {
                let known = self.changes.remove(path).filter(|known| !known.removed);
                let (since, _) = self.writing.entry(path.to_path_buf()).or_insert((now, known));
                if *since + HOLD <= now {
                    return false;
                }
                self.began.get_or_insert(now);
                self.last = Some(now);
                return true;
            }
            Noted::Closed(_) => {
                let before = self.writing.remove(path).and_then(|(_, before)| before).or(known);
                let before = before.unwrap_or(plain);
                Change { at: now, removed: false, unsure: false, ..before }
            }
            Noted::Created(_) => {
                Change { added: true, born: known.is_none_or(|known| known.born && !known.removed), ..plain }
            }
            Noted::MovedIn(_) | Noted::Folder(_) => {
                self.writing.remove(path);
                Change { added: true, born: known.is_some_and(|known| known.born), ..plain }
            }
            Noted::Found(_) if self.writing.contains_key(path) => return true,
            Noted::Found(_) => known.unwrap_or(Change { added: true, unsure: true, ..plain }),
            Noted::Removed(_) | Noted::FolderGone(_) => {
                let before = self.writing.remove(path).and_then(|(_, before)| before).or(known);
                if matches!(noted, Noted::FolderGone(_)) {
                    self.writing.retain(|file, _| !file.starts_with(path));
                }
                // What came and went between two batches is nobody's loss.
                let born = before.is_some_and(|before| before.born);
                Change { removed: !born, born, ..plain }
            }
            Noted::Changed(_) if self.writing.contains_key(path) => {
                self.last = Some(now);
                return true;
            }
            Noted::Changed(_) => known.unwrap_or(plain),
        };
        if self.changes.is_empty() {
            self.first = Some(now);
        }
        self.changes.insert(path.to_path_buf(), change);
        self.began.get_or_insert(now);
        self.last = Some(now);
        true
    }

    /// When the changes are ready; `None` where there are none.
    fn ready(&self, quiet: Instant, unlocked: Option<Instant>) -> Option<Instant> {
        if self.changes.is_empty() {
            return None;
        }
        let (first, began, last) = (self.first?, self.began?, self.last?);
        let counts_from = unlocked.map_or(first, |unlocked| unlocked.max(first));
        let settled = quiet.min((last + QUIET).max(counts_from + BUSY)).min(counts_from + NEVER_QUIET);
        let held = self.changes.values().filter_map(|change| match change {
            Change { removed: true, at, .. } => Some(*at + DELETION),
            Change { unsure: true, at, .. } => Some(*at + FOUND),
            _ => None,
        });
        let held = held.chain(self.writing.values().map(|(since, _)| *since + HOLD)).max();
        Some(held.map_or(settled, |held| settled.max(held.min(began + HOLD))))
    }

    /// The changes leave; what is open stays.
    fn take(&mut self) -> impl Iterator<Item = PathBuf> {
        self.first = None;
        self.began = None;
        std::mem::take(&mut self.changes).into_keys()
    }
}

/// What a path waits with.
fn unit_of(path: &Path, sources: &Sources) -> PathBuf {
    let below = |root: &Path| {
        let mut parts = path.strip_prefix(root).ok()?.components();
        Some((parts.next(), parts.next().is_some()))
    };
    if let Some((first, _)) = below(&sources.zones) {
        return first.map_or_else(|| sources.zones.clone(), |first| sources.zones.join(first));
    }
    match below(&sources.addrmaps) {
        // Maps and zones of an account are accepted as one; its folder itself may be a link that is swapped.
        Some((Some(first), is_below)) if is_below || is_account(first.as_os_str()) => {
            sources.zones.join(first)
        }
        Some(_) => sources.addrmaps.clone(),
        None => path.to_path_buf(),
    }
}

/// Whether an entry of `addrmaps/` can only be the folder of an account: the operator's files have an extension.
fn is_account(name: &OsStr) -> bool {
    name.to_str().and_then(AccountId::new).is_some()
}

#[cfg(test)]
#[path = "tests/settle.rs"]
mod tests;
