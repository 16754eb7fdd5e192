//! Which folders are watched, and what a change in one of them means.
//!
//! The kernel tells of real folders; the operator's paths lead to them through links. So there are two tables: the
//! folders of the trees by their real places, and *ways*: the places through which a path that is a link, a root, or a
//! file that another file names, leads to its end. What changes at any of these places may change what the path holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::settle::Noted;
use crate::control::Sources;
use crate::control::folder::is_left_out;

/// More names than this for one real folder are no use to anybody, and links in a circle make any number of them.
const MAX_NAMES: usize = 4;
/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

/// What happened to an entry of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Created,
    Written,
    Closed,
    MovedIn,
    Removed,
    Changed,
}

/// The folder, by its real path, and the name in it.
type Place = (PathBuf, OsString);

/// Mode, owner and group.
type Rights = (u32, u32, u32);

/// The folders that are watched.
pub(super) struct Places {
    watcher: RecommendedWatcher,
    sources: Sources,
    watched: BTreeSet<PathBuf>,
    /// The real folders of the trees, and the operator's names for each.
    names: HashMap<PathBuf, BTreeSet<PathBuf>>,
    /// The same by name, and who may read them.
    folders: BTreeMap<PathBuf, (PathBuf, Rights)>,
    /// The places on the ways of paths.
    ways: HashMap<PathBuf, HashMap<OsString, BTreeSet<PathBuf>>>,
    /// The same by path.
    followed: BTreeMap<PathBuf, Vec<Place>>,
    /// Paths that are followed whether or not they are there.
    kept: BTreeSet<PathBuf>,
    /// Folders that something was forgotten in: it may be needed again at once.
    left: BTreeSet<PathBuf>,
}

impl Places {
    /// Watches both trees. The error is one after which watching makes no sense.
    pub(super) fn new(watcher: RecommendedWatcher, sources: &Sources) -> notify::Result<Places> {
        let mut places = Places {
            watcher,
            sources: sources.clone(),
            watched: BTreeSet::new(),
            names: HashMap::new(),
            folders: BTreeMap::new(),
            ways: HashMap::new(),
            followed: BTreeMap::new(),
            kept: BTreeSet::new(),
            left: BTreeSet::new(),
        };
        places.watch_all()?;
        Ok(places)
    }

    /// Looks for all folders again: nobody knows what became of them.
    pub(super) fn watch_all(&mut self) -> notify::Result<()> {
        let roots = [self.sources.zones.clone(), self.sources.addrmaps.clone()];
        self.kept.extend(roots.iter().cloned());
        for path in self.followed.keys().cloned().collect::<Vec<_>>() {
            self.forget(&path);
        }
        for path in self.kept.clone() {
            self.lead(&path, None)?;
        }
        for root in roots {
            self.forget_folders(&root);
            self.enter(&root, None, &mut |_| {})?;
        }
        self.sweep();
        Ok(())
    }

    /// Returns when the watcher has handed over every event of what happened before. Its thread takes requests and
    /// events in turns: when it answers the second request it has taken all events that were there at the first.
    pub(super) fn catch_up(&mut self) -> notify::Result<()> {
        let Some(watched) = self.watched.first().cloned() else { return Ok(()) };
        self.watch(&watched)?;
        self.watch(&watched)
    }

    /// Follows a path from now on. Whether it was not followed before: then it may have changed since it was read.
    pub(super) fn follow(&mut self, path: &Path) -> notify::Result<bool> {
        if !self.kept.insert(path.to_path_buf()) {
            return Ok(false);
        }
        self.lead(path, None)?;
        Ok(true)
    }

    /// Something happened to the entry that the real path names; tells what it means.
    pub(super) fn handle(
        &mut self,
        event: Event,
        real: &Path,
        out: &mut dyn FnMut(Noted),
    ) -> notify::Result<()> {
        if event == Event::Removed {
            self.unwatched(real);
        }
        let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else { return Ok(()) };
        let mut paths = BTreeSet::new();
        if !is_left_out(&name.to_string_lossy()) {
            let names = self.names.get(folder).into_iter().flatten();
            paths.extend(names.map(|above| above.join(name)));
        }
        let led = self.ways.get(folder).and_then(|names| names.get(name));
        paths.extend(led.into_iter().flatten().cloned());
        // A folder on the way of others went with what was in it, and another may be in its place already.
        let through = self.ways.get(real).filter(|_| event == Event::Removed);
        let through: BTreeSet<_> = through.into_iter().flat_map(HashMap::values).flatten().cloned().collect();
        for path in through.difference(&paths) {
            let event = if path.exists() { Event::MovedIn } else { Event::Removed };
            self.happened(event, path, out)?;
        }
        for path in paths {
            self.happened(event, &path, out)?;
        }
        self.sweep();
        Ok(())
    }

    fn happened(&mut self, event: Event, path: &Path, out: &mut dyn FnMut(Noted)) -> notify::Result<()> {
        match event {
            Event::Written => out(Noted::Written(path.to_path_buf())),
            Event::Closed => out(Noted::Closed(path.to_path_buf())),
            Event::Changed if path.is_dir() => {
                // Its permissions may let us in now; its time says nothing.
                if self.folders.get(path).is_none_or(|(_, before)| *before != rights(path)) {
                    self.turned(event, path, out)?;
                }
            }
            Event::Changed => out(Noted::Changed(path.to_path_buf())),
            Event::Created | Event::MovedIn | Event::Removed => self.turned(event, path, out)?,
        }
        Ok(())
    }

    /// What stands at a path, or behind it, is another than before.
    fn turned(&mut self, event: Event, path: &Path, out: &mut dyn FnMut(Noted)) -> notify::Result<()> {
        let was_folder = self.forget_folders(path);
        let was_led = self.forget(path) || self.kept.contains(path);
        // The kernel says of a folder itself that it was moved, and may say so only when it is watched in its new place.
        let is_back = event == Event::Removed && path.is_dir();
        if is_back && was_folder {
            out(Noted::FolderGone(path.to_path_buf()));
        }
        let event = if is_back { Event::MovedIn } else { event };
        let is_link = path.is_symlink();
        let limit = self.limit(path);
        // What is led to by others has its way whatever is there; in the trees only links need one.
        if is_link || self.kept.contains(path) || was_led && event != Event::Removed {
            self.lead(path, limit.as_deref())?;
        }
        let owned = path.to_path_buf();
        // What the kernel says counts, not what is there by now: what happened since is told next. Only what is
        // behind a link is told of nowhere else.
        let gone = event == Event::Removed || (was_led || is_link) && !path.exists();
        if gone {
            out(match () {
                () if was_folder => Noted::FolderGone(owned),
                () if was_led || is_source(path) => Noted::Removed(owned),
                // Files that nobody reads are no loss: most are written only to be renamed.
                () => Noted::Changed(owned),
            });
        } else if path.is_dir() {
            // In a folder that was moved in, files are complete; in one that was made, they are being made.
            let mut found = |file| {
                if event == Event::Created {
                    out(Noted::Found(file));
                }
            };
            self.enter(path, limit.as_deref(), &mut found)?;
            out(Noted::Folder(owned));
        } else {
            out(match event {
                Event::Created => Noted::Created(owned),
                _ => Noted::MovedIn(owned),
            });
        }
        Ok(())
    }

    /// Watches a folder of the trees and all below it, by the operator's name for it, and tells the files it finds.
    fn enter(
        &mut self,
        top: &Path,
        limit: Option<&Path>,
        found: &mut dyn FnMut(PathBuf),
    ) -> notify::Result<()> {
        let is_root = top == self.sources.zones || top == self.sources.addrmaps;
        let mut open = vec![(top.to_path_buf(), limit.map(Path::to_path_buf))];
        while let Some((path, limit)) = open.pop() {
            // What cannot be read is told when it is read; what is gone by now will be told by the kernel.
            let Ok(real) = path.canonicalize() else { continue };
            if limit.as_ref().is_some_and(|limit| !real.starts_with(limit)) {
                continue;
            }
            let names = self.names.entry(real.clone()).or_default();
            if names.len() >= MAX_NAMES || !names.insert(path.clone()) {
                continue;
            }
            self.folders.insert(path.clone(), (real.clone(), rights(&path)));
            // Watched first: what appears after the listing is told.
            self.watch(&real)?;
            let Ok(entries) = fs::read_dir(&path) else { continue };
            for entry in entries.flatten() {
                if is_left_out(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                let entry = entry.path();
                // The folder of an account may be a link to anywhere, what is in it may not lead out of it.
                let own_limit = || match is_root && path == top {
                    true => entry.is_dir().then(|| entry.canonicalize().ok()).flatten(),
                    false => limit.clone(),
                };
                if entry.is_symlink() {
                    let limit = (!(is_root && path == top)).then(|| limit.clone()).flatten();
                    self.lead(&entry, limit.as_deref())?;
                }
                match entry.is_dir() {
                    true => open.push((entry.clone(), own_limit())),
                    false => found(entry),
                }
            }
        }
        Ok(())
    }

    /// How far links at a path may lead: not out of the real folder of the account. `None` for the operator's own.
    fn limit(&self, path: &Path) -> Option<PathBuf> {
        for root in [&self.sources.zones, &self.sources.addrmaps] {
            let Ok(below) = path.strip_prefix(root) else { continue };
            let mut parts = below.components();
            if let (Some(first), Some(_)) = (parts.next(), parts.next()) {
                let account = root.join(first);
                return Some(account.canonicalize().unwrap_or(account));
            }
        }
        None
    }

    /// Watches all places on the way of a path, as far as they are within the limit.
    fn lead(&mut self, path: &Path, limit: Option<&Path>) -> notify::Result<()> {
        self.forget(path);
        let mut way = way(path);
        way.retain(|(folder, _)| limit.is_none_or(|limit| folder.starts_with(limit)));
        for (folder, name) in &way {
            let names = self.ways.entry(folder.clone()).or_default();
            names.entry(name.clone()).or_default().insert(path.to_path_buf());
            self.watch(folder)?;
        }
        self.followed.insert(path.to_path_buf(), way);
        Ok(())
    }

    /// Forgets the way of a path; whether it had one.
    fn forget(&mut self, path: &Path) -> bool {
        let Some(way) = self.followed.remove(path) else { return false };
        for (folder, name) in way {
            if let Some(names) = self.ways.get_mut(&folder) {
                if let Some(paths) = names.get_mut(&name) {
                    paths.remove(path);
                    if paths.is_empty() {
                        names.remove(&name);
                    }
                }
                if names.is_empty() {
                    self.ways.remove(&folder);
                    self.left.insert(folder);
                }
            }
        }
        true
    }

    /// Forgets a folder by the operator's name, and all below it; whether there was one.
    fn forget_folders(&mut self, path: &Path) -> bool {
        let below: Vec<_> = below(&self.folders, path).cloned().collect();
        for path in &below {
            let Some((real, _)) = self.folders.remove(path) else { continue };
            if let Some(names) = self.names.get_mut(&real) {
                names.remove(path);
                if names.is_empty() {
                    self.names.remove(&real);
                    self.left.insert(real);
                }
            }
        }
        if !below.is_empty() {
            let links = self::below(&self.followed, path).filter(|link| *link != path);
            for link in links.filter(|link| !self.kept.contains(*link)).cloned().collect::<Vec<_>>() {
                self.forget(&link);
            }
        }
        !below.is_empty()
    }

    /// Watches a real folder. A folder that cannot be watched because it is not there or not ours is none of the
    /// errors.
    fn watch(&mut self, real: &Path) -> notify::Result<()> {
        // Not only where it is new: another folder may have come in its place since.
        match self.watcher.watch(real, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(real.to_path_buf());
                Ok(())
            }
            Err(error) => match &error.kind {
                notify::ErrorKind::PathNotFound => Ok(()),
                notify::ErrorKind::Io(io)
                    if matches!(
                        io.kind(),
                        ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory
                    ) =>
                {
                    Ok(())
                }
                _ => Err(error),
            },
        }
    }

    /// Does not watch folders any longer that nothing needs. Only in the end: what happened in a folder before its
    /// watch was taken away is not told, though it be watched again at once.
    fn sweep(&mut self) {
        for real in std::mem::take(&mut self.left) {
            if !self.names.contains_key(&real) && !self.ways.contains_key(&real) && self.watched.remove(&real)
            {
                // It may be gone already, and its watch with it.
                let _gone = self.watcher.unwatch(&real);
            }
        }
    }

    /// A real folder went away, and its watches and those below it with it.
    fn unwatched(&mut self, real: &Path) {
        let from = (Bound::Included(real), Bound::Unbounded);
        let gone = self.watched.range::<Path, _>(from).take_while(|path| path.starts_with(real));
        for path in gone.cloned().collect::<Vec<_>>() {
            self.watched.remove(&path);
        }
    }
}

/// The keys that are a path or below it.
fn below<'m, V>(map: &'m BTreeMap<PathBuf, V>, path: &'m Path) -> impl Iterator<Item = &'m PathBuf> {
    let from = (Bound::Included(path), Bound::Unbounded);
    map.range::<Path, _>(from).map(|(key, _)| key).take_while(move |key| key.starts_with(path))
}

/// Who may read a folder; nobody where it is gone.
fn rights(folder: &Path) -> Rights {
    fs::metadata(folder).map_or((0, 0, 0), |found| (found.mode(), found.uid(), found.gid()))
}

/// Whether files of that name are read without another file naming them.
fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zone" || extension == "toml")
}

/// The places through which a path leads: every link on the way, and its end; where something is missing, what is
/// missing.
fn way(path: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    let Ok(path) = std::path::absolute(path) else { return places };
    let mut ahead: VecDeque<OsString> = parts(&path);
    let mut real = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            real.pop();
            continue;
        }
        let here = real.join(&part);
        match fs::symlink_metadata(&here) {
            Ok(found) if found.is_symlink() => {
                places.push((real.clone(), part));
                links += 1;
                let Ok(target) = fs::read_link(&here) else { break };
                if links > MAX_LINKS {
                    break;
                }
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                let mut further = parts(&target);
                further.append(&mut ahead);
                ahead = further;
            }
            Ok(_) if ahead.is_empty() => places.push((real.clone(), part)),
            Ok(_) => real = here,
            Err(_) => {
                places.push((real.clone(), part));
                break;
            }
        }
    }
    places
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
