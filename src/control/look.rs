//! Looking at the folders: which sources may differ from what was last read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::books::Books;
use super::faults;
use super::folder::{self, display, is_left_out};
use super::source::Kind;
use super::{SourcePath, Sources, Stamp, Tree};
use crate::model::{AccountId, Diagnostic, Place, Unit};
use crate::wire::Name;

/// What to look at.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Both trees.
    Everything,
    /// Files, folders, and what was one of them.
    Paths(BTreeSet<PathBuf>),
}

/// No file descriptor was left to list a folder with. Looked at again soon: nothing else would tell.
pub(super) const NO_DESCRIPTORS: &str = "no-descriptors";
/// What to do about a folder that is not as it was.
const PUT_BACK: &str = "put it back";

/// Whether the process, or the machine, has no file descriptor left.
pub(super) fn lacks(error: &io::Error) -> bool {
    let codes = [Errno::MFILE, Errno::NFILE].map(|errno| errno.raw_os_error());
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// The code of a folder that cannot be listed, and what to do.
fn unlisted(error: &io::Error) -> (&'static str, &'static str) {
    match lacks(error) {
        true => (
            NO_DESCRIPTORS,
            "raise the limit on open files (LimitNOFILE=, ulimit -n) or lower connections in [tcp]; it is tried again \
             every few seconds",
        ),
        false => ("folder-gone", PUT_BACK),
    }
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Sources to be read: changed, gone, or perhaps so.
    pub(super) touched: BTreeSet<SourcePath>,
    /// Units to be judged for another reason: their folders can, or cannot, be read.
    pub(super) units: BTreeSet<Unit>,
    /// What is wrong with the folders as such, and keeps what is served from following them.
    pub(super) faults: Vec<Diagnostic>,
    /// The trees that have such a fault: nothing of them may be read, or taken for gone.
    pub(super) lost: BTreeSet<Tree>,
    /// Folders and files that can never be read where they are.
    pub(super) strays: Vec<Diagnostic>,
}

/// Knows what happens to the sources.
pub(super) trait Gate {
    /// Whether a source may be read now: its writer has closed it, it looks the same twice.
    fn may_read(&mut self, path: &SourcePath, stamp: Option<Stamp>) -> bool;

    /// Whether that depends on how the source looks.
    fn needs_stamps(&self) -> bool {
        true
    }

    /// Asked when all is read: to which of the sources, or to what goes with them, something has happened since. With
    /// what was read of others they may be no state that the files ever had.
    fn disturbed(&mut self, paths: BTreeSet<SourcePath>) -> BTreeSet<SourcePath>;
}

/// Everything may be read, and nobody knows what happens.
pub(super) struct Open;

impl Gate for Open {
    fn may_read(&mut self, _: &SourcePath, _: Option<Stamp>) -> bool {
        true
    }

    fn needs_stamps(&self) -> bool {
        false
    }

    fn disturbed(&mut self, _: BTreeSet<SourcePath>) -> BTreeSet<SourcePath> {
        BTreeSet::new()
    }
}

/// Looks at the folders. `books` is told which folders cannot be read; `lost` are the trees that had a fault so far,
/// which lasts until a look finds it gone.
pub(super) fn look(
    sources: &Sources,
    books: &mut Books,
    lost: &BTreeSet<Tree>,
    ask: &Ask,
    gate: &mut dyn Gate,
) -> Looked {
    let mut look = Look { sources, books, gate, touched: Vec::new(), looked: Looked::default() };
    match ask {
        Ask::Paths(paths) if look.books.faults.is_empty() => look.paths(paths, lost),
        // What could not be read may have become readable without an event of its own.
        _ => look.everything(),
    }
    // Built at once: most of them come in their order.
    look.looked.touched = look.touched.into_iter().collect();
    look.looked
}

struct Look<'a> {
    sources: &'a Sources,
    books: &'a mut Books,
    gate: &'a mut dyn Gate,
    touched: Vec<SourcePath>,
    looked: Looked,
}

impl Look<'_> {
    /// Whether a tree's folder is as it should be; where it is not, nothing of the tree is looked at. Costs the same
    /// however much is in it.
    fn is_whole(&mut self, tree: Tree) -> bool {
        let root = self.sources.root(tree);
        let mut known = self.books.below(&SourcePath::new(tree, Path::new("")));
        let served = known.any(|(_, known)| known.served.is_some());
        let (what, keep) = match tree {
            Tree::Zones => ("the folder of master files", "zones"),
            Tree::Maps => ("the folder of address maps", "maps"),
        };
        let fault = |code, message: String, hint: &str| {
            let place = Place::file(&display(root));
            let hint = format!("{hint}; all {keep} stay as they are served until then");
            Some(Diagnostic::error(code, place, message).hint(hint))
        };
        let fault = match folder::has_entries(root) {
            Ok(false) if tree == Tree::Zones && served => {
                fault("folder-empty", format!("{what} is empty, but zones are served"), PUT_BACK)
            }
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::NotFound && tree == Tree::Maps && !served => None,
            Err(error) => {
                let (code, hint) = unlisted(&error);
                fault(code, format!("{what} cannot be read: {error}"), hint)
            }
        };
        let whole = fault.is_none();
        if !whole {
            self.looked.lost.insert(tree);
        }
        self.looked.faults.extend(fault);
        whole
    }

    fn everything(&mut self) {
        let before = std::mem::take(&mut self.books.faults);
        for tree in [Tree::Zones, Tree::Maps] {
            let entries = self.is_whole(tree).then(|| folder::list(self.sources.root(tree)));
            let Some(entries) = entries else {
                let kept = before.iter().filter(|(path, _)| path.tree == tree);
                self.books.faults.extend(kept.map(|(path, fault)| (path.clone(), fault.clone())));
                continue;
            };
            let mut there = Vec::new();
            // The folder of maps need not be there; a folder that went this moment is found so by the next look.
            let Ok(entries) = entries else { continue };
            for entry in entries {
                if entry.is_folder {
                    self.account_folder(tree, &entry.path, &mut there);
                } else {
                    self.file(&entry.path, &mut there);
                }
            }
            there.sort();
            self.gone(tree, &there);
        }
        self.named();
        let units = |faults: &BTreeMap<SourcePath, (Unit, String)>| -> BTreeSet<Unit> {
            faults.values().map(|(unit, _)| unit.clone()).collect()
        };
        self.looked.units.extend(units(&before));
        self.looked.units.extend(units(&self.books.faults));
    }

    /// All files of an account's folder.
    fn account_folder(&mut self, tree: Tree, folder: &Path, there: &mut Vec<SourcePath>) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(account) = AccountId::new(name).filter(|account| !account.is_default()) else {
            self.looked.strays.push(faults::bad_account_folder(folder));
            return;
        };
        let (files, faults) = folder::list_deep(folder);
        for entry in files {
            self.file(&entry.path, there);
        }
        for (path, error) in faults {
            if let Some(source) = SourcePath::of(&path, self.sources) {
                debug_assert_eq!(source.tree, tree);
                let fault = (Unit::Account(account.clone()), error.to_string());
                self.books.faults.insert(source, fault);
            }
        }
    }

    /// A file of a listing: to be read where it is not as it was.
    fn file(&mut self, path: &Path, there: &mut Vec<SourcePath>) {
        let Some(source) = SourcePath::of(path, self.sources) else { return };
        if source.kind() != Kind::Other {
            self.compare(&source, true);
        } else if source.tree == Tree::Zones && source.below.extension().is_some_and(|found| found == "zone")
        {
            self.stray(&source, path);
        }
        there.push(source);
    }

    /// A master file whose name is no origin.
    fn stray(&mut self, source: &SourcePath, path: &Path) {
        if source.kind() == Kind::Other {
            let stem = path.file_stem().unwrap_or_default();
            if let Err(error) = Name::parse_bytes(stem.as_bytes(), Some(&Name::root())) {
                self.looked.strays.push(faults::bad_zone_file_name(path, &error));
            }
        }
    }

    fn compare(&mut self, source: &SourcePath, is_listed: bool) {
        let known = self.books.files.get(source).copied().unwrap_or_default();
        if is_listed && known.seen.is_none() && !self.gate.needs_stamps() {
            // New, however it looks.
            return self.touched.push(source.clone());
        }
        let stamp = std::fs::metadata(source.on_disk(self.sources)).ok().map(|found| Stamp::of(&found));
        let same = match (stamp, known.seen) {
            (Some(stamp), Some(seen)) => stamp == seen,
            // A link that leads nowhere is there, and a fault.
            (None, None) => known.served.is_none() && !is_listed,
            _ => false,
        };
        if !same && self.gate.may_read(source, stamp) {
            self.touched.push(source.clone());
        }
    }

    /// Sources that are known and were not listed; what lies in a folder that cannot be listed is not gone.
    fn gone(&mut self, tree: Tree, there: &[SourcePath]) {
        let faults: Vec<&SourcePath> = self.books.faults.keys().collect();
        let unseen = |path: &SourcePath| {
            faults.iter().any(|fault| fault.tree == path.tree && path.below.starts_with(&fault.below))
        };
        let is_known = |path: &SourcePath, known: &super::books::Known| {
            known.seen.is_some() || known.served.is_some() || self.books.differing.contains(path)
        };
        let gone: Vec<SourcePath> = self
            .books
            .files
            .iter()
            .filter(|(path, _)| path.tree == tree && there.binary_search(path).is_err())
            .filter(|(path, known)| path.kind() != Kind::Other && is_known(path, known))
            .map(|(path, _)| path)
            .filter(|path| !unseen(path))
            .cloned()
            .collect();
        for path in gone {
            if self.gate.may_read(&path, None) {
                self.touched.push(path);
            }
        }
    }

    /// Files that other files name.
    fn named(&mut self) {
        let is_there = |path: &&SourcePath| !self.looked.lost.contains(&path.tree);
        let named: Vec<SourcePath> = self.books.named_by.keys().filter(is_there).cloned().collect();
        for path in named {
            self.compare(&path, false);
        }
    }

    fn paths(&mut self, paths: &BTreeSet<PathBuf>, lost: &BTreeSet<Tree>) {
        let mut trees: BTreeMap<Tree, bool> = BTreeMap::new();
        for tree in lost {
            trees.insert(*tree, self.is_whole(*tree));
        }
        for path in paths {
            let Some(source) = SourcePath::of(path, self.sources) else { continue };
            let is_there = *trees.entry(source.tree).or_insert_with(|| self.is_whole(source.tree));
            if source.below.as_os_str().is_empty() {
                return self.everything();
            }
            if !is_there
                || source.below.components().any(|part| is_left_out(&part.as_os_str().to_string_lossy()))
            {
                continue;
            }
            match std::fs::metadata(path) {
                Ok(found) if found.is_dir() => self.folder(&source),
                Ok(found) => self.changed(&source, Some(Stamp::of(&found))),
                Err(_) => {
                    let below: Vec<SourcePath> =
                        self.books.below(&source).map(|(path, _)| path.clone()).collect();
                    // A link that leads nowhere is a file that cannot be read.
                    self.changed(&source, None);
                    for path in below {
                        self.changed(&path, None);
                    }
                }
            }
        }
    }

    /// A source of which something is known to have happened.
    fn changed(&mut self, source: &SourcePath, stamp: Option<Stamp>) {
        let is_stray = source.kind() == Kind::Other;
        if is_stray && stamp.is_some() && source.tree == Tree::Zones {
            let path = source.on_disk(self.sources);
            if source.below.extension().is_some_and(|found| found == "zone") {
                self.stray(source, &path);
            }
        }
        if self.books.is_source(source) && self.gate.may_read(source, stamp) {
            self.touched.push(source.clone());
        }
    }

    /// A folder that appeared or in which anything may have changed.
    fn folder(&mut self, source: &SourcePath) {
        let Some(top) = source.below.components().next() else { return };
        let top = SourcePath::new(source.tree, Path::new(top.as_os_str()));
        let mut there = Vec::new();
        let faults = self.books.faults.len();
        self.account_folder(source.tree, &top.on_disk(self.sources), &mut there);
        if self.books.faults.len() != faults {
            return self.everything();
        }
        there.sort();
        let known: Vec<SourcePath> = self.books.below(&top).map(|(path, _)| path.clone()).collect();
        for path in known.into_iter().filter(|path| there.binary_search(path).is_err()) {
            self.compare(&path, false);
        }
        let named: Vec<SourcePath> =
            there.into_iter().filter(|path| self.books.named_by.contains_key(path)).collect();
        for path in named {
            self.compare(&path, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_gone_is_told_from_want_of_descriptors() {
        for (errno, code) in [
            (Errno::MFILE, NO_DESCRIPTORS),
            (Errno::NFILE, NO_DESCRIPTORS),
            (Errno::NOENT, "folder-gone"),
            (Errno::ACCESS, "folder-gone"),
            (Errno::IO, "folder-gone"),
        ] {
            assert_eq!(unlisted(&errno.into()).0, code, "{errno}");
        }
    }
}
