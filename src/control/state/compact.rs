//! A new pack in the place of one that holds mostly what nobody needs any more.

use std::collections::BTreeSet;
use std::fs;

use super::super::Digest;
use super::encode;
use super::pack::Pack;
use super::record::{Kind, PACK_HEAD, RECORD_HEAD};
use super::{Index, Intent, Manifest, NEW, State, StateError, sync_dir};

/// Octets that must be dead before compaction is worth its while.
pub(super) const WORTH: u64 = 64 << 20;

impl State {
    /// Writes a new pack of nothing but `manifest`, which must be what was confirmed last and is asked for only then, and puts it in the place
    /// of the old one, if more octets are dead than alive and more than 64 MiB. An intent that was not confirmed is
    /// forgotten. Returns whether it did. After an error the old pack is as before, and it is some time before this is
    /// tried again.
    pub fn compact_if_worth(&mut self, manifest: impl FnOnce() -> Manifest) -> Result<bool, StateError> {
        if self.end < self.worth_at {
            return Ok(false);
        }
        self.compact(&manifest(), WORTH).inspect_err(|_| self.worth_at = self.end + WORTH / 4)
    }

    pub(super) fn compact(&mut self, manifest: &Manifest, least: u64) -> Result<bool, StateError> {
        let Some(pack) = &self.pack else { return Ok(false) };
        let read = StateError::read(&self.path);
        let mut live = Vec::new();
        for digest in manifest.contents().collect::<BTreeSet<_>>() {
            let missing = || StateError::Missing { file: self.path.clone(), digest };
            live.push((*self.index.get(&digest).ok_or_else(missing)?, digest));
        }
        live.sort_unstable();
        let checkpoint = encode::encode(&Intent::between(&Manifest::default(), manifest));
        let mut alive = (PACK_HEAD + RECORD_HEAD + checkpoint.len()) as u64;
        for (at, _) in &live {
            alive += RECORD_HEAD as u64 + pack.head(*at).map_err(&read)?.map_or(0, |head| head.length);
        }
        let dead = self.end.saturating_sub(alive);
        if dead <= alive.max(least) {
            self.worth_at = self.end + (alive.max(least) - dead);
            return Ok(false);
        }

        let new = self.dir.join(NEW);
        let write = StateError::write(&new);
        let written = (|| {
            let pack = Pack::create(&new).map_err(&write)?;
            let mut index =
                Index::with_capacity_and_hasher(live.len(), foldhash::fast::RandomState::default());
            let mut out = pack.append(PACK_HEAD as u64);
            for (_, digest) in &live {
                let content = self.read(digest)?;
                index.insert(*digest, out.record(Kind::Content, *digest, &content).map_err(&write)?);
            }
            out.record(Kind::Checkpoint, Digest::of(&checkpoint), &checkpoint).map_err(&write)?;
            let end = out.finish().map_err(&write)?;
            pack.sync().map_err(&write)?;
            fs::rename(&new, &self.path).map_err(&write)?;
            Ok((pack, index, end))
        })();
        let (pack, index, end) = written.inspect_err(|_| drop(fs::remove_file(&new)))?;
        (self.pack, self.index) = (Some(pack), index);
        (self.base, self.end) = (end, end);
        (self.loose, self.intended, self.unsynced) = (None, None, false);
        self.worth_at = end + alive.max(least);
        // Nothing is lost while the disk still names the old pack; the next intent waits until it names this one.
        self.named = sync_dir(&self.dir).is_ok();
        Ok(true)
    }
}
