//! Contents on their way into the pack ahead of the intent that names them, from several threads.
//!
//! Nothing here waits for the disk: the intent does. Without an intent they are contents that nobody needs, and the
//! next start may find them useful.

use std::collections::HashMap;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::Digest;
use super::pack::Pack;
use super::record::{Kind, RECORD_HEAD, RecordHead};
use super::{Index, State};

/// Takes contents in, from any thread.
#[derive(Debug)]
pub struct Stash<'s> {
    /// `None` where the pack cannot be written.
    pack: Option<&'s Pack>,
    /// What the pack held before.
    held: &'s Index,
    inner: Mutex<Stashed>,
}

/// What became of the contents.
#[derive(Debug, Default)]
pub struct Stashed {
    /// Those that are in the pack now, and those that are on their way.
    index: Index,
    /// Where the pack ends.
    end: u64,
    has_failed: bool,
    /// Those that could not be written.
    pub kept: HashMap<Digest, Arc<[u8]>>,
}

impl<'s> Stash<'s> {
    /// Octets of a record's head, which stand before each content.
    pub const HEAD: usize = RECORD_HEAD;

    /// What one thread gathers.
    pub fn batch(&self) -> StashBatch<'_, 's> {
        StashBatch { stash: self, claimed: Vec::new() }
    }

    /// What became of the contents.
    pub fn finish(self) -> Stashed {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Contents that are gathered before they are written.
#[derive(Debug)]
pub struct StashBatch<'b, 's> {
    stash: &'b Stash<'s>,
    claimed: Vec<(Digest, Range<usize>)>,
}

impl StashBatch<'_, '_> {
    /// Whether a content is to be written with this batch: nobody has it yet. It is the end of `octets`, behind room
    /// for a head that begins at `begin`; the head is filled in.
    pub fn claim(&mut self, digest: Digest, begin: usize, octets: &mut [u8]) -> bool {
        if self.stash.held.contains_key(&digest) {
            return false;
        }
        {
            let mut inner = self.stash.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.index.contains_key(&digest) || inner.kept.contains_key(&digest) {
                return false;
            }
            let on_its_way = u64::MAX;
            inner.index.insert(digest, on_its_way);
        }
        let content = begin + RECORD_HEAD..octets.len();
        if let Some(pack) = self.stash.pack {
            let head = RecordHead { kind: Kind::Content, length: content.len() as u64, digest };
            octets[begin..content.start].copy_from_slice(&head.write(pack.marker));
        }
        self.claimed.push((digest, content));
        true
    }

    /// Writes what was claimed, which is all of `octets`.
    pub fn write(&mut self, octets: &[u8]) {
        let mut inner = self.stash.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let pack = self.stash.pack.filter(|_| !inner.has_failed);
        // One after the other: a hole would end the pack.
        let written = pack.is_some_and(|pack| pack.file.write_all_at(octets, inner.end).is_ok());
        inner.has_failed |= !written && !octets.is_empty();
        for (digest, content) in self.claimed.drain(..) {
            if written {
                let at = inner.end + (content.start - RECORD_HEAD) as u64;
                inner.index.insert(digest, at);
            } else {
                inner.index.remove(&digest);
                inner.kept.insert(digest, octets[content].into());
            }
        }
        if written {
            inner.end += octets.len() as u64;
        }
    }
}

impl State {
    /// Takes contents in before it is known which intent will name them. Only where nothing was ever confirmed.
    pub fn stash(&mut self) -> Stash<'_> {
        let can_write = self.loose.is_none() && self.base == self.end && self.ready().is_ok();
        let inner = Stashed { end: self.end, ..Stashed::default() };
        Stash { pack: self.pack.as_ref().filter(|_| can_write), held: &self.index, inner: Mutex::new(inner) }
    }

    /// Knows what was stashed from now on, and returns what could not be written.
    pub fn take_stashed(&mut self, stashed: Stashed) -> HashMap<Digest, Arc<[u8]>> {
        let Stashed { index, end, kept, .. } = stashed;
        if self.index.is_empty() {
            self.index = index;
        } else {
            self.index.extend(index);
        }
        if end > self.end {
            (self.base, self.end) = (end, end);
        }
        kept
    }
}
