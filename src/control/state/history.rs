//! The generations that are remembered, oldest first, and what is known of each.

use super::encode;
use super::record::Kind;
use super::{Intent, Manifest, State, StateError};

/// Where the records of a generation begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) generation: u64,
    pub(super) time: u64,
    /// Files that its intent names.
    pub(super) files: u64,
    /// Where its intent begins, or its checkpoint.
    pub(super) at: u64,
    /// Where its journal begins, if there is one.
    pub(super) journal: Option<u64>,
    /// Whether `at` is a checkpoint.
    pub(super) is_base: bool,
}

impl Mark {
    pub(super) fn of(intent: &Intent, at: u64, journal: Option<u64>) -> Mark {
        let (generation, time, files) = (intent.generation, intent.time, intent.files.len() as u64);
        Mark { generation, time, files, at, journal, is_base: false }
    }
}

/// A generation that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub generation: u64,
    /// When it was published, in seconds since the epoch.
    pub time: u64,
    /// Files that it serves otherwise than the one before; for one that is [`Generation::is_base`] all its files.
    pub files_changed: u64,
    /// Whether it is the oldest that is kept: what came before, and what this one changed, is forgotten.
    pub is_base: bool,
}

impl State {
    /// The generations that were confirmed and are kept, oldest first.
    pub fn generations(&self) -> Vec<Generation> {
        let generation = |mark: &Mark| Generation {
            generation: mark.generation,
            time: mark.time,
            files_changed: mark.files,
            is_base: mark.is_base,
        };
        self.history.iter().map(generation).collect()
    }

    /// What was given to [`State::intend`] to be known of a generation; empty where nothing was, `None` where the
    /// generation is not kept. Fails where it is damaged or cannot be read.
    pub fn journal(&self, generation: u64) -> Result<Option<Vec<u8>>, StateError> {
        let Some(mark) = self.mark(generation) else { return Ok(None) };
        match self.history[mark].journal {
            Some(at) => self.payload_at(at, Kind::Journal).map(Some),
            None => Ok(Some(Vec::new())),
        }
    }

    /// What was served from a generation on until the next; `None` where it is not kept. Reads the records of all
    /// generations from the oldest on.
    pub fn manifest_at(&self, generation: u64) -> Result<Option<Manifest>, StateError> {
        let Some(last) = self.mark(generation) else { return Ok(None) };
        let mut manifest = Manifest::default();
        for mark in &self.history[..=last] {
            manifest.apply(&self.intent_of(mark)?);
        }
        Ok(Some(manifest))
    }

    /// What turned the generation before into this one; relative to nothing for one that is [`Generation::is_base`].
    /// `None` where the generation is not kept.
    pub fn intent_at(&self, generation: u64) -> Result<Option<Intent>, StateError> {
        self.mark(generation).map(|mark| self.intent_of(&self.history[mark])).transpose()
    }

    /// The generation before one that is kept; `None` where that one is the oldest or not kept.
    pub fn before(&self, generation: u64) -> Option<u64> {
        let mark = self.mark(generation)?.checked_sub(1)?;
        self.history.get(mark).map(|mark| mark.generation)
    }

    /// What turned each generation that is kept into the next, oldest first; the first relative to nothing.
    pub fn intents(&self) -> impl Iterator<Item = Result<Intent, StateError>> {
        self.history.iter().map(|mark| self.intent_of(mark))
    }

    /// The generation that was served at a time, in seconds since the epoch; `None` before all that are kept.
    pub fn at_time(&self, time: u64) -> Option<u64> {
        self.history.iter().rfind(|mark| mark.time <= time).map(|mark| mark.generation)
    }

    /// Where a generation stands in the history. Of two with one number, which no server writes, the later.
    fn mark(&self, generation: u64) -> Option<usize> {
        self.history.iter().rposition(|mark| mark.generation == generation)
    }

    pub(super) fn intent_of(&self, mark: &Mark) -> Result<Intent, StateError> {
        let kind = if mark.is_base { Kind::Checkpoint } else { Kind::Intent };
        let payload = self.payload_at(mark.at, kind)?;
        encode::decode(&payload)
            .ok_or_else(|| StateError::DamagedHistory { file: self.path.clone(), offset: mark.at })
    }

    /// What the record of this kind says that begins at `at`.
    pub(super) fn payload_at(&self, at: u64, kind: Kind) -> Result<Vec<u8>, StateError> {
        let read = StateError::read(&self.path);
        let damaged = || StateError::DamagedHistory { file: self.path.clone(), offset: at };
        let pack = self.pack.as_ref().ok_or_else(damaged)?;
        let head = pack.head(at).map_err(&read)?;
        let head = head.filter(|head| head.kind == kind && head.end(at).is_some_and(|end| end <= self.end));
        let payload = match head {
            Some(head) => pack.payload(at, &head).map_err(&read)?,
            None => None,
        };
        payload.ok_or_else(damaged)
    }
}
