//! How the readers of files reach further files: the trait that `control` fulfils.

use std::sync::Arc;

/// A file named by another file: `$INCLUDE` or `zones_file`.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// The path as the operator would name it, for diagnostics.
    pub file: Arc<str>,
    /// What tells two files apart after symbolic links, for finding cycles.
    pub identity: Arc<str>,
    /// The content.
    pub content: Arc<[u8]>,
}

/// Opens files that other files name. The implementation resolves `path` beside the naming file and refuses
/// whatever lies, after symbolic links, outside the folder that the naming file may use.
pub trait Files {
    /// Reads `path` as written in the file `from`. The error is a message for a diagnostic: lower case, no full
    /// stop, for example `file not found: eu.txt` or `outside of the account's folder: ../x`.
    fn open(&self, from: &str, path: &str) -> Result<FoundFile, String>;
}

/// Nothing can be opened: for a text that stands alone.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}
