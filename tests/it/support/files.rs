//! Files that name no further files.

use portolan::model::{Files, FoundFile};

/// Nothing can be opened.
pub(crate) struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _from: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}
