//! The lock on the state directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const FILE: &str = "lock";

/// The state directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{dir} is in use by another portolan{pid}: stop that one, or give this one a state directory of its own",
        dir = .dir.display(), pid = .pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
    )]
    InUse {
        /// The state directory.
        dir: PathBuf,
        /// The process that has it, where it has said so.
        pid: Option<u32>,
    },
    /// It does not exist and cannot be made.
    #[error("cannot create the state directory {}: {source}; its parent must exist and be writable", .dir.display())]
    Create {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lock file cannot be opened or locked.
    #[error(
        "cannot use {}: {source}; the state directory must be writable for this user, or hold this file already",
        .file.display()
    )]
    File {
        /// The lock file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The lock, held until it is dropped or the process ends, however it ends. The file stays: who holds the lock counts,
/// not whether there is a file.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock on `dir`, which is created (for its owner only) where it is missing.
    pub fn acquire(dir: &Path) -> Result<StateLock, LockError> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists && !dir.is_dir() => {
                return Err(LockError::Create { dir: dir.to_owned(), source: error });
            }
            _ => {}
        }
        let path = dir.join(FILE);
        let failed = |source| LockError::File { file: path.clone(), source };
        let mut file = open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::InUse { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The lock is what counts: a full disk, or one that cannot be written, takes nothing but a hint from the next.
        let _ = write_pid(&file);
        Ok(StateLock { _file: file })
    }
}

/// The lock file, for reading only where it cannot be had for writing: that is enough to lock it.
fn open(path: &Path) -> io::Result<File> {
    // Not truncated: until it is locked the content is the holder's.
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.or_else(|error| match error.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => File::open(path).map_err(|_| error),
        _ => Err(error),
    })
}

/// Written over what is there, which needs no room on a full disk.
fn write_pid(file: &File) -> io::Result<()> {
    let pid = format!("{}\n", std::process::id());
    file.write_all_at(pid.as_bytes(), 0)?;
    file.set_len(pid.len() as u64)
}

/// The holder may not have written it yet.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_second_is_told_the_pid_of_the_first_until_it_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("state");
        let first = StateLock::acquire(&dir).unwrap();
        let error = StateLock::acquire(&dir).unwrap_err();
        assert!(matches!(error, LockError::InUse { pid: Some(pid), .. } if pid == std::process::id()));
        let text = error.to_string();
        assert!(text.contains(&format!("(pid {})", std::process::id())), "{text}");
        assert!(text.contains(dir.to_str().unwrap()), "{text}");
        drop(first);
        StateLock::acquire(&dir).unwrap();
    }

    #[test]
    fn the_directory_is_made_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("state");
        let _lock = StateLock::acquire(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_a_dead_process_left_does_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "4294967295\nand more than a pid\n").unwrap();
        let _lock = StateLock::acquire(dir.path()).unwrap();
        let content = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert_eq!(content, format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_holder_that_has_not_said_its_pid_yet_is_a_holder() {
        let dir = tempfile::tempdir().unwrap();
        let holder = File::create(dir.path().join(FILE)).unwrap();
        holder.lock().unwrap();
        let error = StateLock::acquire(dir.path()).unwrap_err();
        assert!(matches!(error, LockError::InUse { pid: None, .. }), "{error}");
        assert!(!error.to_string().contains("pid"), "{error}");
    }

    #[test]
    fn what_can_only_be_read_can_be_locked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, "1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let lock = StateLock::acquire(dir.path()).unwrap();
        let error = StateLock::acquire(dir.path()).unwrap_err();
        assert!(matches!(error, LockError::InUse { .. }), "{error}");
        drop(lock);
        StateLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_missing_parent_and_a_file_in_the_way_are_explained() {
        let parent = tempfile::tempdir().unwrap();
        let error = StateLock::acquire(&parent.path().join("missing/state")).unwrap_err();
        assert!(matches!(error, LockError::Create { .. }), "{error}");
        assert!(error.to_string().contains("parent must exist"), "{error}");

        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = StateLock::acquire(&file).unwrap_err();
        assert!(matches!(error, LockError::File { .. }), "{error}");
    }
}
