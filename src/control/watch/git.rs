//! Whether git is at work on a folder: it holds the lock on its index from the first file that it changes to the last.

use std::fs;
use std::path::{Path, PathBuf};

/// The lock that git takes on the index of the repository in which a folder lies, whether it is there or not; `None`
/// where the folder lies in no repository. Links on the way to the folder are followed.
pub(super) fn index_lock(folder: &Path) -> Option<PathBuf> {
    let real = folder.canonicalize().ok()?;
    real.ancestors().find_map(|top| {
        let git = top.join(".git");
        let found = fs::metadata(&git).ok()?;
        if found.is_dir() {
            return Some(git.join("index.lock"));
        }
        // A further working tree or a submodule: a file says where its own part of the repository is.
        let said = fs::read_to_string(&git).ok()?;
        let place = said.strip_prefix("gitdir:")?.trim();
        Some(top.join(place).join("index.lock"))
    })
}

/// The first of the folders' locks that is held.
pub(super) fn held_lock<'f>(folders: impl IntoIterator<Item = &'f Path>) -> Option<PathBuf> {
    folders.into_iter().filter_map(index_lock).find(|lock| lock.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_the_one_of_the_repository_above() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        let lock = top.join(".git/index.lock");
        for folder in ["", "zones", "zones/acme"] {
            assert_eq!(index_lock(&top.join(folder)).as_deref(), Some(lock.as_path()), "{folder}");
        }
        let zones = top.join("zones");
        assert_eq!(held_lock([zones.as_path()]), None);
        fs::write(&lock, "").unwrap();
        assert_eq!(held_lock([zones.as_path()]), Some(lock));
    }

    #[test]
    fn a_further_working_tree_has_its_own_lock() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("tree/zones")).unwrap();
        for (said, lock) in [
            (
                "gitdir: /elsewhere/.git/worktrees/tree\n",
                PathBuf::from("/elsewhere/.git/worktrees/tree/index.lock"),
            ),
            ("gitdir: ../main/.git", top.join("tree/../main/.git/index.lock")),
        ] {
            fs::write(top.join("tree/.git"), said).unwrap();
            assert_eq!(index_lock(&top.join("tree/zones")), Some(lock), "{said}");
        }
    }

    #[test]
    fn a_folder_that_is_gone_has_no_lock() {
        let top = tempfile::tempdir().unwrap();
        assert_eq!(index_lock(&top.path().join("gone")), None);
    }
}
