//! Faults of files and folders as such, in the words that `check` and the running server share.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use super::folder::display;
use crate::model::{Diagnostic, Place};
use crate::wire::Name;

/// A folder whose name is no account.
pub(super) fn bad_account_folder(folder: &Path) -> Diagnostic {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let message = format!("folder name is not an account: {name}");
    // The zones of the account `default` stand beside the folders of the others.
    Diagnostic::error("bad-account-folder", Place::file(&display(folder)), message).hint(
        "name the folder with 1 to 32 of a-z, 0-9 and -; files of the account default stand beside the folders",
    )
}

/// A master file whose name is no origin, and why.
pub(super) fn bad_zone_file_name(file: &Path, why: &dyn Display) -> Diagnostic {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let message = format!("file name is not a zone: {why}: {stem}");
    Diagnostic::error("bad-zone-file-name", Place::file(&display(file)), message)
        .hint("name the file after the origin: example.com.zone")
}

/// A file or folder that cannot be read.
pub(super) fn unreadable(file: &Arc<str>, why: &dyn Display) -> Diagnostic {
    Diagnostic::error("unreadable", Place::file(file), format!("cannot be read: {why}"))
        .hint("make it a file that the user who runs the server can read, or remove it")
}

/// One of two master files for one origin. Where another account's file lies is nobody's business: then there is no
/// `other`.
pub(super) fn zone_in_two_files(origin: &Name, here: &Arc<str>, other: Option<&Arc<str>>) -> Diagnostic {
    let message = match other {
        Some(other) => format!("zone {origin} is in two files, the other one is: {other}"),
        None => format!("zone {origin} is in a file of another account as well"),
    };
    Diagnostic::error("zone-in-two-files", Place::file(here), message).hint("remove one of the two files")
}
