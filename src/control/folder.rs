//! Folders and files as an operator's tools leave them: what is listed, what is left out, what may be opened.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{Files, FoundFile};

/// A file or folder of a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The path, beginning with the folder that was listed.
    pub path: PathBuf,
    /// Whether it is a folder, after symbolic links.
    pub is_folder: bool,
}

impl Entry {
    /// Whether the file's name ends in `.extension`.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|found| found == extension)
    }
}

/// What editors and version control leave behind: dot entries, `*~`, `*.tmp`, `*.swp`.
fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name.ends_with(".tmp") || name.ends_with(".swp")
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
        // A link that leads nowhere is listed as a file, so that reading it tells what is wrong.
        let is_folder = fs::metadata(&path).is_ok_and(|found| found.is_dir());
        entries.push(Entry { path, is_folder });
    }
    entries.sort();
    Ok(entries)
}

/// All files at any depth, and the folders that could not be listed. A folder that is reached a second time by a
/// symbolic link is not listed again.
pub fn list_deep(folder: &Path) -> (Vec<Entry>, Vec<(PathBuf, io::Error)>) {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let listed = folder.canonicalize().and_then(|real| match seen.insert(real) {
            true => list(&folder),
            false => Ok(Vec::new()),
        });
        match listed {
            Ok(entries) => {
                let (folders, found): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|entry| entry.is_folder);
                files.extend(found);
                open.extend(folders.into_iter().map(|entry| entry.path));
            }
            Err(error) => faults.push((folder, error)),
        }
    }
    files.sort();
    (files, faults)
}

/// A path as the operator would name it.
pub fn display(path: &Path) -> Arc<str> {
    let text = path.to_string_lossy();
    text.strip_prefix("./").unwrap_or(&text).into()
}

/// The content of a regular file; a pipe or a device would make the reader wait for ever.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut content = Vec::new();
    fs::File::open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// A folder whose files may name other files inside of it, and none outside.
#[derive(Debug)]
pub struct Folder {
    root: io::Result<PathBuf>,
}

impl Folder {
    /// Takes the folder of an account, or the operator's.
    pub fn new(root: &Path) -> Folder {
        Folder { root: root.canonicalize() }
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
