//! What one generation is made of, and what turns it into the next.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Digest, SourcePath, Stamp};
use crate::model::{AccountId, MapId};
use crate::wire::Name;

/// A file as it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Its content, which the pack holds.
    pub digest: Digest,
    /// What the file system said of it.
    pub stamp: Stamp,
}

/// What never was good, so that nothing of it can be served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faulty {
    /// Whether the operator's files never were.
    pub operator: bool,
    /// Accounts that never were.
    pub accounts: BTreeSet<AccountId>,
    /// Zones that never were, with their account.
    pub zones: BTreeMap<Name, AccountId>,
}

/// The operator's map files as an account sees them that is held at an earlier state of these files.
pub type View = BTreeMap<SourcePath, Digest>;

/// Content that may pass although a guard holds it, as a command said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// Who approved.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, in seconds since the epoch.
    pub at: u64,
    /// From when on it is void, in seconds since the epoch.
    pub expires: Option<u64>,
}

/// What a rollback keeps as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PinScope {
    /// All units.
    Everything,
    /// What belongs to an account; of `default` its zones as well.
    Account(AccountId),
}

/// What is kept at an earlier content, whatever its files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// The generation whose content is served.
    pub generation: u64,
    /// Since when, in seconds since the epoch.
    pub at: u64,
    /// Why.
    pub reason: String,
}

/// All that one generation is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// Its number.
    pub generation: u64,
    /// When it was published, in seconds since the epoch.
    pub published: u64,
    /// The files that are served.
    pub files: BTreeMap<SourcePath, Remembered>,
    /// What accounts see of the operator's map files that are held at an earlier state of them.
    pub views: BTreeMap<AccountId, View>,
    /// What never was good.
    pub faulty: Faulty,
    /// The immutable maps ever served, each as the text of a map file.
    pub immutable: BTreeMap<MapId, String>,
    /// What is approved, by the digest of the content as `status` shows it.
    pub approvals: BTreeMap<String, Approved>,
    /// What is pinned.
    pub pins: BTreeMap<PinScope, Pin>,
}

/// What turns one generation into the next. Each key is named once; `None` takes it away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intent {
    /// Number of the next generation.
    pub generation: u64,
    /// When it was made, in seconds since the epoch.
    pub time: u64,
    /// Files that are served differently.
    pub files: Vec<(SourcePath, Option<Remembered>)>,
    /// Accounts that see the operator's map files differently.
    pub views: Vec<(AccountId, Option<View>)>,
    /// What never was good, where that differs.
    pub faulty: Option<Faulty>,
    /// Immutable maps that are new, changed or taken away.
    pub immutable: Vec<(MapId, Option<String>)>,
    /// Approvals that are new, changed or void.
    pub approvals: Vec<(String, Option<Approved>)>,
    /// Units that are pinned, or no longer.
    pub pins: Vec<(PinScope, Option<Pin>)>,
}

impl Manifest {
    /// Turns this generation into the one that `intent` describes.
    pub fn apply(&mut self, intent: &Intent) {
        self.generation = intent.generation;
        self.published = intent.time;
        put(&mut self.files, &intent.files);
        put(&mut self.views, &intent.views);
        put(&mut self.immutable, &intent.immutable);
        put(&mut self.approvals, &intent.approvals);
        put(&mut self.pins, &intent.pins);
        if let Some(faulty) = &intent.faulty {
            self.faulty = faulty.clone();
        }
    }

    /// What takes an intent back that is applied to this generation.
    pub fn undo(&self, intent: &Intent) -> Intent {
        Intent {
            generation: self.generation,
            time: self.published,
            files: before(&self.files, &intent.files),
            views: before(&self.views, &intent.views),
            faulty: intent.faulty.is_some().then(|| self.faulty.clone()),
            immutable: before(&self.immutable, &intent.immutable),
            approvals: before(&self.approvals, &intent.approvals),
            pins: before(&self.pins, &intent.pins),
        }
    }

    /// The contents that the generation needs, some more than once.
    pub(super) fn contents(&self) -> impl Iterator<Item = Digest> {
        let views = self.views.values().flat_map(BTreeMap::values).copied();
        self.files.values().map(|file| file.digest).chain(views)
    }
}

impl Intent {
    /// What turns `from` into `to`.
    pub fn between(from: &Manifest, to: &Manifest) -> Intent {
        Intent {
            generation: to.generation,
            time: to.published,
            files: differing(&from.files, &to.files),
            views: differing(&from.views, &to.views),
            faulty: (from.faulty != to.faulty).then(|| to.faulty.clone()),
            immutable: differing(&from.immutable, &to.immutable),
            approvals: differing(&from.approvals, &to.approvals),
            pins: differing(&from.pins, &to.pins),
        }
    }

    /// The contents that the intent names, some more than once.
    pub(super) fn contents(&self) -> impl Iterator<Item = Digest> {
        let views = self.views.iter().filter_map(|(_, view)| view.as_ref());
        let files = self.files.iter().filter_map(|(_, file)| file.as_ref());
        files.map(|file| file.digest).chain(views.flat_map(BTreeMap::values).copied())
    }
}

fn put<K: Clone + Ord, V: Clone>(map: &mut BTreeMap<K, V>, changes: &[(K, Option<V>)]) {
    if map.is_empty() {
        // Built at once: a map of 100,000 files, key by key, takes many times as long.
        *map = changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        return;
    }
    for (key, value) in changes {
        match value {
            Some(value) => map.insert(key.clone(), value.clone()),
            None => map.remove(key),
        };
    }
}

/// What the keys of changes stand for before these are made.
fn before<K: Clone + Ord, V: Clone>(map: &BTreeMap<K, V>, changes: &[(K, Option<V>)]) -> Vec<(K, Option<V>)> {
    changes.iter().map(|(key, _)| (key.clone(), map.get(key).cloned())).collect()
}

/// What turns one map into another.
pub fn differing<K: Clone + Ord, V: Clone + PartialEq>(
    from: &BTreeMap<K, V>,
    to: &BTreeMap<K, V>,
) -> Vec<(K, Option<V>)> {
    let put = to.iter().filter(|(key, value)| from.get(key) != Some(value));
    let gone = from.keys().filter(|key| !to.contains_key(key));
    put.map(|(key, value)| (key.clone(), Some(value.clone())))
        .chain(gone.map(|key| (key.clone(), None)))
        .collect()
}
