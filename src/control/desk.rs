//! Reading sources in the course of one change: each content once, counted, with what it names.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::ahead::Prepared;
use super::folder::{self, Folder, display, locked};
use super::report::Cost;
use super::state::Manifest;
use super::store::Store;
use super::{Digest, SourcePath, Sources, Stamp, Tree};
use crate::model::{Files, FoundFile};

/// A change this shortly before a file was read may be followed by one that the file system's clock does not tell.
const TICK: Duration = Duration::from_millis(100);

/// Where contents come from.
#[derive(Clone, Copy)]
pub(super) enum Shelf<'a> {
    /// The operator's folders.
    Folders,
    /// What the state remembers of one generation.
    Memory(&'a Store, &'a Manifest),
}

/// A content as it was read.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) content: Arc<[u8]>,
    pub(super) digest: Digest,
    /// As nothing knows it, where the file changed so lately that the same stamp may hide another content.
    pub(super) stamp: Stamp,
}

/// What is at a path.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Content(Copy),
    Missing,
    /// And why.
    Unreadable(String),
}

/// One change's reading. Several threads may read at once.
pub(super) struct Desk<'a> {
    pub(super) sources: &'a Sources,
    pub(super) shelf: Shelf<'a>,
    read: Mutex<HashMap<SourcePath, Found>>,
    /// Zones that were read and compiled ahead.
    prepared: Mutex<HashMap<SourcePath, Prepared>>,
    /// How the files looked just before they were read from the folders.
    looked: Mutex<HashMap<SourcePath, Option<Stamp>>>,
    roots: Mutex<BTreeMap<PathBuf, Arc<Folder>>>,
    /// Trees of which nothing is known.
    lost: BTreeSet<Tree>,
    cost: Mutex<Cost>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(sources: &'a Sources, shelf: Shelf<'a>) -> Desk<'a> {
        Desk {
            sources,
            shelf,
            read: Mutex::default(),
            prepared: Mutex::default(),
            looked: Mutex::default(),
            roots: Mutex::default(),
            lost: BTreeSet::new(),
            cost: Mutex::default(),
        }
    }

    /// With trees whose folders have a fault: what is not there now is not gone, nobody knows.
    pub(super) fn without(self, lost: &BTreeSet<Tree>) -> Desk<'a> {
        Desk { lost: lost.clone(), ..self }
    }

    /// What was read so far.
    pub(super) fn cost(&self) -> Cost {
        *locked(&self.cost)
    }

    /// Counts what was read or compiled.
    pub(super) fn add_cost(&self, more: Cost) {
        let mut cost = locked(&self.cost);
        cost.files_read += more.files_read;
        cost.bytes_read += more.bytes_read;
        cost.zones_compiled += more.zones_compiled;
    }

    /// Whether nothing is known of a tree.
    pub(super) fn is_lost(&self, tree: Tree) -> bool {
        self.lost.contains(&tree)
    }

    /// Whether nothing is known of some tree, and it is read.
    pub(super) fn lacks_a_tree(&self) -> bool {
        !self.is_memory() && !self.lost.is_empty()
    }

    /// Whether it reads what the state remembers.
    pub(super) fn is_memory(&self) -> bool {
        matches!(self.shelf, Shelf::Memory(..))
    }

    /// The name of a source for people.
    pub(super) fn shown(&self, path: &SourcePath) -> Arc<str> {
        display(&path.on_disk(self.sources))
    }

    /// Reads a source, from the folders the first time only.
    pub(super) fn read(&self, path: &SourcePath) -> Found {
        if let Some(found) = locked(&self.read).get(path) {
            return found.clone();
        }
        let (looked, found) = match self.shelf {
            Shelf::Folders => (Some(self.look(path)), self.in_folders(path)),
            Shelf::Memory(state, manifest) => (None, from_memory(state, manifest, path)),
        };
        self.put(path, looked, found)
    }

    /// Takes what was found at a path, unless another thread was first: the first holds.
    pub(super) fn put(&self, path: &SourcePath, looked: Option<Option<Stamp>>, found: Found) -> Found {
        match locked(&self.read).entry(path.clone()) {
            Entry::Occupied(before) => before.get().clone(),
            Entry::Vacant(place) => {
                if let Some(looked) = looked {
                    locked(&self.looked).insert(path.clone(), looked);
                }
                if let Found::Content(copy) = &found {
                    let bytes_read = copy.content.len() as u64;
                    self.add_cost(Cost { files_read: 1, bytes_read, ..Cost::default() });
                }
                place.insert(found).clone()
            }
        }
    }

    /// Takes a zone that was compiled ahead.
    pub(super) fn put_prepared(&self, path: &SourcePath, prepared: Prepared) {
        locked(&self.prepared).insert(path.clone(), prepared);
    }

    /// A zone that was compiled ahead.
    pub(super) fn prepared(&self, path: &SourcePath) -> Option<Prepared> {
        locked(&self.prepared).get(path).cloned()
    }

    /// The sources that were read so far.
    pub(super) fn paths_read(&self) -> Vec<SourcePath> {
        locked(&self.read).keys().cloned().collect()
    }

    /// The sources that have changed since they were read, or while they were: with what was read of others they are
    /// no state that the files ever had.
    pub(super) fn disturbed(&self) -> Vec<SourcePath> {
        let looked = locked(&self.looked);
        let changed = looked.iter().filter(|(path, before)| self.look(path) != **before);
        changed.map(|(path, _)| path.clone()).collect()
    }

    fn look(&self, path: &SourcePath) -> Option<Stamp> {
        std::fs::metadata(path.on_disk(self.sources)).ok().map(|found| Stamp::of(&found))
    }

    /// All that was read, with what was found there.
    pub(super) fn into_read(self) -> HashMap<SourcePath, Found> {
        self.read.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_folders(&self, path: &SourcePath) -> Found {
        if self.lost.contains(&path.tree) {
            return Found::Unreadable("the folder of all such files is not as it should be".to_owned());
        }
        let file = path.on_disk(self.sources);
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound if std::fs::symlink_metadata(&file).is_err() => Found::Missing,
            _ => Found::Unreadable(error.to_string()),
        };
        // Whoever is given a folder does not reach beyond it; what stands in the two top folders is the operator's.
        if path.below.components().nth(1).is_some()
            && let Err(error) = self.folder_of(path).real(&file)
        {
            return unreadable(error);
        }
        let before = SystemTime::now();
        let stamp = match std::fs::metadata(&file) {
            Ok(found) => settled(Stamp::of(&found), before),
            Err(error) => return unreadable(error),
        };
        match folder::read(&file) {
            Ok(content) => {
                let digest = Digest::of(&content);
                Found::Content(Copy { content: content.into(), digest, stamp })
            }
            Err(error) => unreadable(error),
        }
    }

    /// The folder that a source and what it names must lie in.
    pub(super) fn folder_of(&self, path: &SourcePath) -> Arc<Folder> {
        let root = self.sources.root(path.tree);
        let mut parts = path.below.components();
        let root = match (parts.next(), parts.next()) {
            (Some(account), Some(_)) => root.join(account),
            _ => root.to_path_buf(),
        };
        locked(&self.roots).entry(root.clone()).or_insert_with(|| Folder::new(&root).into()).clone()
    }

    /// What reaches the files that a source names, and notes which they are.
    pub(super) fn namer<'d>(&'d self, of: &'d SourcePath) -> Namer<'d> {
        Namer { desk: self, of, names: RefCell::default() }
    }
}

/// The stamp, if the clock of the file system has moved on since.
pub(super) fn settled(stamp: Stamp, now: SystemTime) -> Stamp {
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let latest = i64::try_from(since_epoch.saturating_sub(TICK).as_nanos()).unwrap_or(i64::MAX);
    if stamp.modified.max(stamp.changed) < latest { stamp } else { Stamp::default() }
}

fn from_memory(state: &Store, manifest: &Manifest, path: &SourcePath) -> Found {
    let Some(remembered) = manifest.files.get(path) else { return Found::Missing };
    match state.read(&remembered.digest) {
        Ok(content) => Found::Content(Copy {
            content: content.into(),
            digest: remembered.digest,
            stamp: remembered.stamp,
        }),
        Err(error) => Found::Unreadable(error.to_string()),
    }
}

/// Opens what one source names.
pub(super) struct Namer<'d> {
    desk: &'d Desk<'d>,
    of: &'d SourcePath,
    names: RefCell<BTreeSet<SourcePath>>,
}

impl Namer<'_> {
    /// What was named, whether it was there or not.
    pub(super) fn into_names(self) -> BTreeSet<SourcePath> {
        self.names.into_inner()
    }
}

impl Files for Namer<'_> {
    fn open(&self, from: &str, path: &str) -> Result<FoundFile, String> {
        let beside = Path::new(from).with_file_name(path);
        let outside = || format!("outside of the account's folder: {path}");
        let source = named(&beside, self.desk.sources).ok_or_else(outside)?;
        self.names.borrow_mut().insert(source.clone());
        let mut identity = beside.clone();
        // What is remembered lay there.
        if !self.desk.is_memory() {
            identity = self.desk.folder_of(self.of).real(&beside).map_err(|error| match error.kind() {
                ErrorKind::NotFound => format!("file not found: {path}"),
                ErrorKind::PermissionDenied if beside.canonicalize().is_ok() => outside(),
                _ => format!("file cannot be read: {error}: {path}"),
            })?;
        }
        match self.desk.read(&source) {
            Found::Content(copy) => Ok(FoundFile {
                file: display(&beside),
                identity: identity.to_string_lossy().into(),
                content: copy.content,
            }),
            Found::Missing => Err(format!("file not found: {path}")),
            Found::Unreadable(why) => Err(format!("file cannot be read: {why}: {path}")),
        }
    }
}

/// The source that a path names, by its text alone, so that it is the same one when it is read from memory.
fn named(path: &Path, sources: &Sources) -> Option<SourcePath> {
    let path = plain(path);
    let in_tree = |tree, root: &Path| Some(SourcePath::new(tree, path.strip_prefix(plain(root)).ok()?));
    let trees = [(Tree::Zones, &sources.zones), (Tree::Maps, &sources.addrmaps)];
    trees
        .iter()
        .find_map(|(tree, root)| in_tree(*tree, root))
        .or_else(|| trees.iter().find_map(|(tree, root)| in_tree(*tree, &root.canonicalize().ok()?)))
}

/// The path without `.` and `..`, by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_source_names_is_known_by_its_text() {
        let sources = Sources { zones: "./zones".into(), addrmaps: "../maps".into() };
        let source = |path: &str| named(Path::new(path), &sources);
        let zones = |below: &str| Some(SourcePath::new(Tree::Zones, Path::new(below)));
        assert_eq!(source("zones/acme/deep/../a.inc"), zones("acme/a.inc"));
        assert_eq!(source("./zones/acme/./a.inc"), zones("acme/a.inc"));
        assert_eq!(source("../maps/x.txt"), Some(SourcePath::new(Tree::Maps, Path::new("x.txt"))));
        assert_eq!(source("zones/../elsewhere"), None);
    }

    #[test]
    fn what_changes_while_it_is_read_is_known() {
        let top = tempfile::tempdir().unwrap();
        let sources = Sources { zones: top.path().join("zones"), addrmaps: top.path().join("addrmaps") };
        std::fs::create_dir_all(sources.zones.join("acme")).unwrap();
        let path = |name: &str| SourcePath::new(Tree::Zones, &Path::new("acme").join(name));
        let names = ["stays", "written", "gone", "comes"];
        for name in &names[..3] {
            std::fs::write(path(name).on_disk(&sources), "1").unwrap();
        }
        let desk = Desk::new(&sources, Shelf::Folders);
        names.iter().for_each(|name| drop(desk.read(&path(name))));
        assert_eq!(desk.disturbed(), []);
        std::fs::write(path("written").on_disk(&sources), "22").unwrap();
        std::fs::remove_file(path("gone").on_disk(&sources)).unwrap();
        std::fs::write(path("comes").on_disk(&sources), "1").unwrap();
        let disturbed: BTreeSet<SourcePath> = desk.disturbed().into_iter().collect();
        assert_eq!(disturbed, names[1..].iter().map(|name| path(name)).collect());
    }

    #[test]
    fn a_stamp_of_this_moment_is_not_trusted() {
        let now = SystemTime::now();
        let at = |time: SystemTime| {
            let nanos = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as i64;
            Stamp { file: (1, 2), size: 3, modified: nanos, changed: nanos }
        };
        assert_eq!(settled(at(now), now), Stamp::default());
        let old = at(now - Duration::from_secs(1));
        assert_eq!(settled(old, now), old);
    }
}
