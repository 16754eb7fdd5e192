//! A new pack in the place of one that holds mostly what nobody needs any more.

use std::collections::HashMap;
use std::fs;

use super::super::Digest;
use super::encode;
use super::history::Mark;
use super::manifest::{Intent, Manifest};
use super::pack::{Appender, Pack};
use super::record::{CONFIRM, Kind, PACK_HEAD, RECORD_HEAD};
use super::{Index, NEW, State, StateError, sync_dir};

/// Octets that must be dead before compaction is worth its while.
pub(super) const WORTH: u64 = 64 << 20;

/// What compaction keeps of the history. What is served is kept whatever these say, and until compaction is worth its
/// while more is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Generations, the one that is served among them.
    pub generations: u64,
    /// Seconds before the last change: what was served then is known.
    pub seconds: u64,
    /// Octets of the pack with all of it. The oldest go first.
    pub octets: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { generations: 1_000, seconds: 90 * 24 * 60 * 60, octets: 1 << 30 }
    }
}

/// What a pack would be that began with a generation.
pub(super) struct Kept {
    /// Where the generation stands in the history.
    pub(super) oldest: usize,
    /// Octets of the pack.
    pub(super) octets: u64,
    /// The last generation that needs each content, by its place in the history.
    needed: Needed,
}

type Needed = HashMap<Digest, usize, foldhash::fast::RandomState>;

impl State {
    /// What compaction keeps from now on.
    pub fn retain(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Writes a new pack of what is served and of the history within the [`Retention`], and puts it in the place of the
    /// old one, if more octets are dead than alive and more than 64 MiB. An intent that was not confirmed is forgotten.
    /// Returns whether it did. After an error the old pack is as before, and it is some time before this is tried
    /// again. At most one content and two generations are in memory at a time.
    pub fn compact_if_worth(&mut self) -> Result<bool, StateError> {
        if self.end < self.worth_at {
            return Ok(false);
        }
        self.compact(WORTH).inspect_err(|_| self.worth_at = self.end + WORTH / 4)
    }

    /// The same, where this many octets are dead.
    pub(in crate::control) fn compact(&mut self, least: u64) -> Result<bool, StateError> {
        let Some(kept) = self.kept()? else { return Ok(false) };
        let (alive, dead) = (kept.octets, self.end.saturating_sub(kept.octets));
        if dead <= alive.max(least) {
            self.worth_at = self.end + (alive.max(least) - dead);
            return Ok(false);
        }
        let new = self.dir.join(NEW);
        let written = self.rewrite(&kept).inspect_err(|_| drop(fs::remove_file(&new)))?;
        let Rewritten { pack, index, history, end } = written;
        (self.pack, self.index, self.history) = (Some(pack), index, history);
        (self.base, self.end) = (end, end);
        (self.loose, self.intended, self.unsynced) = (None, None, false);
        self.worth_at = end + alive.max(least);
        // Nothing is lost while the disk still names the old pack; the next intent waits until it names this one.
        self.named = sync_dir(&self.dir).is_ok();
        Ok(true)
    }

    /// The oldest generation that the retention keeps, and what the pack would be then; `None` where nothing was ever
    /// confirmed.
    pub(super) fn kept(&self) -> Result<Option<Kept>, StateError> {
        let (Some(pack), Some(newest)) = (&self.pack, self.history.last()) else { return Ok(None) };
        let read = StateError::read(&self.path);
        let last = self.history.len() - 1;
        let (needed, checkpoint) = self.needed()?;
        // Octets of contents that nobody needs behind a generation, by its place.
        let mut until = vec![0; self.history.len()];
        for (digest, place) in &needed {
            let at = match self.index.get(digest) {
                Some(at) => *at,
                // It was damaged when the pack was written anew.
                None if *place < last => continue,
                None => return Err(StateError::Missing { file: self.path.clone(), digest: *digest }),
            };
            until[*place] += RECORD_HEAD as u64 + pack.head(at).map_err(&read)?.map_or(0, |head| head.length);
        }
        let length = |at: u64| -> Result<u64, StateError> {
            Ok(RECORD_HEAD as u64 + pack.head(at).map_err(&read)?.map_or(0, |head| head.length))
        };
        let journal = |mark: &Mark| mark.journal.map_or(Ok(0), length);
        let since = newest.time.saturating_sub(self.retention.seconds);
        let most = usize::try_from(self.retention.generations).unwrap_or(usize::MAX).max(1);
        let mut oldest = last;
        let mut octets = (PACK_HEAD + RECORD_HEAD) as u64 + checkpoint + until[last] + journal(newest)?;
        while oldest > 0 && self.history.len() - oldest < most && self.history[oldest].time >= since {
            // The one before becomes the checkpoint, and this one what comes behind it.
            let more = length(self.history[oldest].at)? + CONFIRM;
            let more = more + until[oldest - 1] + journal(&self.history[oldest - 1])?;
            if octets + more > self.retention.octets {
                break;
            }
            (oldest, octets) = (oldest - 1, octets + more);
        }
        Ok(Some(Kept { oldest, octets, needed }))
    }

    /// The last generation that needs each content, by its place in the history, and the octets of a checkpoint of the
    /// newest.
    fn needed(&self) -> Result<(Needed, u64), StateError> {
        let mut needed = Needed::default();
        let mut manifest = Manifest::default();
        for (place, mark) in self.history.iter().enumerate() {
            let intent = self.intent_of(mark)?;
            for digest in let_go(&manifest, &intent) {
                // It was needed up to the generation before.
                needed.insert(digest, place - 1);
            }
            manifest.apply(&intent);
        }
        let last = self.history.len().saturating_sub(1);
        needed.extend(manifest.contents().map(|digest| (digest, last)));
        Ok((needed, encode::encode(&Intent::between(&Manifest::default(), &manifest)).len() as u64))
    }

    /// Writes what is kept beside the old pack, and puts it in its place.
    fn rewrite(&self, kept: &Kept) -> Result<Rewritten, StateError> {
        let new = self.dir.join(NEW);
        let write = StateError::write(&new);
        let pack = Pack::create(&new).map_err(&write)?;
        let live = kept.needed.iter().filter(|(_, place)| **place >= kept.oldest);
        let mut live: Vec<(u64, Digest)> =
            live.filter_map(|(digest, _)| Some((*self.index.get(digest)?, *digest))).collect();
        live.sort_unstable();
        let mut index = Index::with_capacity_and_hasher(live.len(), foldhash::fast::RandomState::default());
        let mut out = pack.append(PACK_HEAD as u64);
        for (_, digest) in live {
            let content = match self.read(&digest) {
                // Nothing that is served is concerned, and the rest is worth keeping.
                Err(StateError::DamagedContent { .. }) if kept.needed[&digest] + 1 < self.history.len() => {
                    continue;
                }
                content => content?,
            };
            index.insert(digest, out.record(Kind::Content, digest, &content).map_err(&write)?);
        }

        let mut history = Vec::with_capacity(self.history.len() - kept.oldest);
        let mut manifest = Manifest::default();
        for mark in &self.history[..=kept.oldest] {
            manifest.apply(&self.intent_of(mark)?);
        }
        let base = self.history[kept.oldest];
        let journal = self.copy_journal(&base, &mut out)?;
        let checkpoint = Intent::between(&Manifest::default(), &manifest);
        drop(manifest);
        let payload = encode::encode(&checkpoint);
        let at = out.record(Kind::Checkpoint, Digest::of(&payload), &payload).map_err(&write)?;
        history.push(Mark { is_base: true, ..Mark::of(&checkpoint, at, journal) });
        drop((checkpoint, payload));

        for mark in &self.history[kept.oldest + 1..] {
            let journal = self.copy_journal(mark, &mut out)?;
            let payload = self.payload_at(mark.at, Kind::Intent)?;
            let at = out.record(Kind::Intent, Digest::of(&payload), &payload).map_err(&write)?;
            out.confirm(mark.generation).map_err(&write)?;
            history.push(Mark { at, journal, ..*mark });
        }
        let end = out.finish().map_err(&write)?;
        pack.sync().map_err(&write)?;
        fs::rename(&new, &self.path).map_err(&write)?;
        Ok(Rewritten { pack, index, history, end })
    }

    /// Copies the journal of a generation; one that is damaged is left out.
    fn copy_journal(&self, mark: &Mark, out: &mut Appender<'_>) -> Result<Option<u64>, StateError> {
        let Some(at) = mark.journal else { return Ok(None) };
        let payload = match self.payload_at(at, Kind::Journal) {
            Err(StateError::DamagedHistory { .. }) => return Ok(None),
            payload => payload?,
        };
        let record = out.record(Kind::Journal, Digest::of(&payload), &payload);
        record.map(Some).map_err(StateError::write(&self.dir.join(NEW)))
    }
}

/// A new pack that has taken the place of the old one.
struct Rewritten {
    pack: Pack,
    index: Index,
    history: Vec<Mark>,
    end: u64,
}

/// The contents that a generation serves in places where the next serves something else or nothing.
fn let_go(manifest: &Manifest, intent: &Intent) -> Vec<Digest> {
    let files = intent.files.iter().filter_map(|(path, _)| manifest.files.get(path)).map(|file| file.digest);
    let views = intent.views.iter().filter_map(|(account, _)| manifest.views.get(account));
    files.chain(views.flat_map(|view| view.values().copied())).collect()
}
