//! Folders and files as an operator's tools leave them: what is listed, what is left out, what may be opened.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

use super::source::order;
use crate::model::{Files, FoundFile};

/// A file or folder of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path, beginning with the folder that was listed.
    pub path: PathBuf,
    /// Whether it is a folder, after symbolic links.
    pub is_folder: bool,
    /// Whether it is a symbolic link.
    is_link: bool,
}

impl Entry {
    /// Whether the file's name ends in `.extension`.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|found| found == extension)
    }
}

/// What editors and version control leave behind: dot entries, `*~`, `*.tmp`, `*.swp`.
pub(super) fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name.ends_with(".tmp") || name.ends_with(".swp")
}

/// Whether a folder has an entry that is not left out.
pub(super) fn has_entries(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if !is_left_out(&entry?.file_name().to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The entries of a folder in the order of their names.
pub fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_left_out(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let path = entry.path();
        let found = entry.file_type();
        let is_link = found.as_ref().map_or(true, fs::FileType::is_symlink);
        // A link that leads nowhere is listed as a file, so that reading it tells what is wrong.
        let is_folder = match found {
            Ok(found) if !is_link => found.is_dir(),
            _ => fs::metadata(&path).is_ok_and(|found| found.is_dir()),
        };
        entries.push(Entry { path, is_folder, is_link });
    }
    entries.sort_by(|a, b| order(&a.path, &b.path));
    Ok(entries)
}

/// All files at any depth, and what could not be listed or lies, after symbolic links, outside of the folder: whoever
/// is given a folder must not reach beyond it. A folder that is reached a second time by a link is not listed again.
pub fn list_deep(folder: &Path) -> (Vec<Entry>, Vec<(PathBuf, io::Error)>) {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let root = Folder::new(folder);
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let listed = root.real(&folder).and_then(|real| match seen.insert(real) {
            true => list(&folder),
            false => Ok(Vec::new()),
        });
        match listed {
            Ok(entries) => {
                let (folders, found): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|entry| entry.is_folder);
                for entry in found {
                    // What is no link lies where its folder lies.
                    match entry.is_link.then(|| root.real(&entry.path)) {
                        Some(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                            faults.push((entry.path, error));
                        }
                        // What is wrong with any other one is told when it is read.
                        _ => files.push(entry),
                    }
                }
                open.extend(folders.into_iter().map(|entry| entry.path));
            }
            Err(error) => faults.push((folder, error)),
        }
    }
    files.sort_by(|a, b| order(&a.path, &b.path));
    (files, faults)
}

/// A path as the operator would name it.
pub fn display(path: &Path) -> Arc<str> {
    let text = path.to_string_lossy();
    text.strip_prefix("./").unwrap_or(&text).into()
}

/// What several threads fill: each leaves it whole at any time.
pub(super) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longest file that is read, in octets.
const MAX_FILE: u64 = 1 << 30;

/// The content of a regular file of at most 1 GiB; a pipe or a device would make the reader wait for ever.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    // Asked before opening, for opening a pipe waits as well.
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return refused("not a regular file");
    }
    if found.len() > MAX_FILE {
        return refused("larger than 1 GiB");
    }
    let mut content = Vec::with_capacity(found.len() as usize);
    fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut content)?;
    Ok(content)
}

/// Appends the content of a regular file of at most 1 GiB, and returns what the file system said of it before. Fails
/// at a symbolic link; does not wait for a pipe.
pub(super) fn read_into(path: &Path, into: &mut Vec<u8>) -> io::Result<fs::Metadata> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut file = fs::File::options().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > MAX_FILE {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let begin = into.len();
    let mut end = begin;
    loop {
        // Room for an octet more tells the end of the file without another call.
        into.resize(end.max(begin + found.len() as usize) + 1, 0);
        match file.read(&mut into[end..]) {
            Ok(more) => {
                end += more;
                let is_whole = more > 0 && end - begin == found.len() as usize;
                if more == 0 || is_whole {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    into.truncate(end);
    Ok(found)
}

/// A folder whose files may name other files inside of it, and none outside.
#[derive(Debug)]
pub struct Folder {
    root: io::Result<PathBuf>,
    /// The files that were opened because another file names them.
    opened: Mutex<BTreeSet<PathBuf>>,
}

impl Folder {
    /// Takes the folder of an account, or the operator's.
    pub fn new(root: &Path) -> Folder {
        Folder { root: root.canonicalize(), opened: Mutex::default() }
    }

    /// The files that other files named so far, after symbolic links.
    pub fn opened(&self) -> BTreeSet<PathBuf> {
        locked(&self.opened).clone()
    }

    /// The path after symbolic links, if it lies inside of the folder.
    pub(super) fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let root = self.root.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let real = path.canonicalize()?;
        match real.starts_with(root) {
            true => Ok(real),
            false => {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, "a link out of the account's folder"))
            }
        }
    }
}

impl Files for Folder {
    fn open(&self, from: &str, path: &str) -> Result<FoundFile, String> {
        let root = self.root.as_ref().map_err(|error| format!("folder cannot be read: {error}"))?;
        let beside = Path::new(from).with_file_name(path);
        let real = beside.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("file not found: {path}"),
            _ => format!("file cannot be read: {error}: {path}"),
        })?;
        if !real.starts_with(root) {
            return Err(format!("outside of the account's folder: {path}"));
        }
        let content = read(&real).map_err(|error| format!("file cannot be read: {error}: {path}"))?;
        let identity = real.to_string_lossy().into();
        locked(&self.opened).insert(real);
        Ok(FoundFile { file: display(&beside), identity, content: content.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_listing_leaves_out_what_tools_leave_behind() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.zone", "a.zone", ".git", "a.zone~", "x.tmp", "y.swp"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        symlink("nowhere", folder.path().join("gone.zone")).unwrap();
        let names: Vec<_> = list(folder.path()).unwrap().into_iter().map(|entry| entry.path).collect();
        let expected = ["a.zone", "b.zone", "gone.zone"].map(|name| folder.path().join(name));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_link_in_a_circle_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/a.zone"), "").unwrap();
        symlink("..", folder.path().join("deep/up")).unwrap();
        let (files, faults) = list_deep(folder.path());
        assert_eq!(files.len(), 1);
        assert!(faults.is_empty());
    }

    #[test]
    fn a_listing_does_not_leave_the_folder() {
        let top = tempfile::tempdir().unwrap();
        for account in ["mine", "theirs"] {
            fs::create_dir(top.path().join(account)).unwrap();
            fs::write(top.path().join(account).join("a.zone"), "").unwrap();
        }
        let mine = top.path().join("mine");
        symlink("../theirs", mine.join("folder")).unwrap();
        symlink("../theirs/a.zone", mine.join("b.zone")).unwrap();
        symlink("a.zone", mine.join("c.zone")).unwrap();
        let (files, faults) = list_deep(&mine);
        let names: Vec<_> = files.into_iter().map(|entry| entry.path).collect();
        assert_eq!(names, ["a.zone", "c.zone"].map(|name| mine.join(name)));
        let mut refused: Vec<_> = faults.into_iter().map(|(path, _)| path).collect();
        refused.sort();
        assert_eq!(refused, ["b.zone", "folder"].map(|name| mine.join(name)));
    }

    #[test]
    fn files_outside_of_the_folder_are_not_opened() {
        let top = tempfile::tempdir().unwrap();
        let mine = top.path().join("mine");
        fs::create_dir(&mine).unwrap();
        fs::write(mine.join("a.inc"), "a").unwrap();
        fs::write(top.path().join("secret"), "s").unwrap();
        symlink("../secret", mine.join("link.inc")).unwrap();
        let folder = Folder::new(&mine);
        let from = mine.join("x.zone").to_string_lossy().into_owned();
        assert_eq!(&*folder.open(&from, "a.inc").unwrap().content, b"a");
        assert!(folder.open(&from, "../secret").unwrap_err().starts_with("outside"));
        assert!(folder.open(&from, "link.inc").unwrap_err().starts_with("outside"));
        assert!(folder.open(&from, "/etc/passwd").unwrap_err().starts_with("outside"));
        assert_eq!(folder.open(&from, "no.inc").unwrap_err(), "file not found: no.inc");
    }
}
