//! What can be wrong with the state.

use std::io;
use std::path::{Path, PathBuf};

use super::super::Digest;

/// What starting without the state means, for whoever is told to do so.
const WITHOUT: &str = "stop portolan, move the state directory away and start again: it then serves what the files \
                       hold; earlier states of files that are broken now, and immutable maps that the files have \
                       lost, are forgotten";

/// The state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The pack, or what it is made from, cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The pack cannot be written: it is as it was before.
    #[error(
        "cannot write {}: {source}; nothing can be changed until this is mended, what is served stays",
        .file.display()
    )]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no pack at all.
    #[error("{} is not a state of portolan: {WITHOUT}", .file.display())]
    NotAPack {
        /// The file.
        file: PathBuf,
    },
    /// The pack has a format that this version does not read.
    #[error(
        "{} has format {format}, written by portolan {writer}, and this is portolan {}, which reads format {}: run \
         the version that wrote it; or {WITHOUT}",
        .file.display(), env!("CARGO_PKG_VERSION"), super::record::FORMAT
    )]
    Format {
        /// The file.
        file: PathBuf,
        /// Its format.
        format: u32,
        /// The version of portolan that wrote it.
        writer: String,
    },
    /// A record is damaged and a later one is whole: what was confirmed cannot be told any more.
    #[error(
        "{} is damaged at offset {offset}, before what was confirmed last: restore it from a backup; or {WITHOUT}",
        .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the damaged record begins, in octets.
        offset: u64,
    },
    /// A content is not what its digest says.
    #[error(
        "{} is damaged at offset {offset}: the content {digest} cannot be read; restore the file from a backup; or \
         {WITHOUT}",
        .file.display()
    )]
    DamagedContent {
        /// The file.
        file: PathBuf,
        /// Where the content's record begins, in octets.
        offset: u64,
        /// The content.
        digest: Digest,
    },
    /// What is remembered of an earlier generation is not what its digest says. What is served is not concerned.
    #[error(
        "{} is damaged at offset {offset}: what is remembered there of an earlier generation cannot be read; what is \
         served is not concerned",
        .file.display()
    )]
    DamagedHistory {
        /// The file.
        file: PathBuf,
        /// Where the damaged record begins, in octets.
        offset: u64,
    },
    /// A content that is not in the pack.
    #[error("{} does not hold the content {digest}", .file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// The content.
        digest: Digest,
    },
    /// The pack that is open is no longer the one in the state directory, or no longer whole.
    #[error(
        "{} was removed, replaced or shortened while portolan was running: put it back, or restart portolan; what is \
         served stays until then",
        .file.display()
    )]
    Replaced {
        /// The file.
        file: PathBuf,
    },
    /// A confirm of what was not intended last.
    #[error("generation {generation} is not the one that was intended last")]
    NotIntended {
        /// The generation.
        generation: u64,
    },
}

impl StateError {
    pub(super) fn read(file: &Path) -> impl Fn(io::Error) -> StateError + use<> {
        let file = file.to_owned();
        move |source| StateError::Read { file: file.clone(), source }
    }

    pub(super) fn write(file: &Path) -> impl Fn(io::Error) -> StateError + use<> {
        let file = file.to_owned();
        move |source| StateError::Write { file: file.clone(), source }
    }
}
