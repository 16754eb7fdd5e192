//! What is remembered, and what should be and could not be written yet.

use std::collections::HashMap;
use std::sync::Arc;

use super::Digest;
use super::state::{Intent, Manifest, State, StateError};

/// The state, with what was published without it.
#[derive(Debug)]
pub(super) struct Store {
    state: State,
    unsaved: Option<Unsaved>,
    /// What is served and remembered, but for the confirm.
    unconfirmed: Option<u64>,
    /// Why the last writing failed.
    pub(super) error: Option<String>,
}

/// What is served and not remembered.
#[derive(Debug, Default)]
struct Unsaved {
    intent: Intent,
    contents: HashMap<Digest, Arc<[u8]>>,
}

/// Contents that an intent names.
pub(super) type Contents = HashMap<Digest, Arc<[u8]>>;

impl Store {
    pub(super) fn new(state: State) -> Store {
        Store { state, unsaved: None, unconfirmed: None, error: None }
    }

    /// A content that is served.
    pub(super) fn read(&self, digest: &Digest) -> Result<Vec<u8>, StateError> {
        let unsaved = self.unsaved.as_ref().and_then(|unsaved| unsaved.contents.get(digest));
        match unsaved {
            Some(content) => Ok(content.to_vec()),
            None => self.state.read(digest),
        }
    }

    /// Writes what is about to be published, and returns the octets written. Where that fails nothing may be
    /// published.
    pub(super) fn intend(&mut self, intent: &Intent, contents: &Contents) -> Result<u64, StateError> {
        let written = match &self.unsaved {
            None => self.state.intend(intent, &listed(contents)),
            Some(unsaved) => {
                let mut all = Unsaved { intent: unsaved.intent.clone(), contents: unsaved.contents.clone() };
                all.add(intent, contents);
                self.state.intend(&all.intent, &listed(&all.contents))
            }
        };
        self.error = written.as_ref().err().map(ToString::to_string);
        if written.is_ok() {
            // It writes an earlier confirm first.
            self.unconfirmed = None;
        }
        written
    }

    /// What was intended is served. A confirm that cannot be written is no loss: the intent is judged again at the
    /// next start, and the next intent writes it.
    pub(super) fn confirm(&mut self, generation: u64) {
        self.unsaved = None;
        let written = self.state.confirm(generation);
        self.unconfirmed = written.is_err().then_some(generation);
        if let Err(error) = written {
            self.error = Some(error.to_string());
        }
    }

    /// Tries again to write what is served and is not remembered. Where that succeeds nothing is wrong any more, as far
    /// as is known.
    pub(super) fn catch_up(&mut self) {
        self.error = None;
        if let Some(unsaved) = &self.unsaved {
            match self.state.intend(&unsaved.intent, &listed(&unsaved.contents)) {
                Ok(_) => self.unconfirmed = Some(unsaved.intent.generation),
                Err(error) => self.error = Some(error.to_string()),
            }
        }
        if let (None, Some(generation)) = (&self.error, self.unconfirmed) {
            self.confirm(generation);
        }
    }

    /// What is published without being written is kept; the next intent writes it, or the next try.
    pub(super) fn keep(&mut self, intent: &Intent, contents: &Contents) {
        self.unsaved.get_or_insert_default().add(intent, contents);
    }

    /// Shortens the pack where much of it is dead.
    pub(super) fn compact(&mut self, manifest: impl FnOnce() -> Manifest) {
        if self.unsaved.is_some() {
            return;
        }
        match self.state.compact_if_worth(manifest) {
            Ok(true) => {
                tracing::info!(octets = self.state.size(), "the state was written anew, without what is dead")
            }
            Ok(false) => {}
            // Nothing is lost: the pack is as it was.
            Err(error) => {
                tracing::warn!(%error, "the state could not be written anew; it stays longer than it need be")
            }
        }
    }
}

impl Unsaved {
    fn add(&mut self, intent: &Intent, contents: &Contents) {
        self.intent.generation = intent.generation;
        self.intent.time = intent.time;
        put(&mut self.intent.files, &intent.files);
        put(&mut self.intent.views, &intent.views);
        put(&mut self.intent.immutable, &intent.immutable);
        if intent.faulty.is_some() {
            self.intent.faulty.clone_from(&intent.faulty);
        }
        self.contents.extend(contents.iter().map(|(digest, content)| (*digest, content.clone())));
    }
}

fn put<K: Clone + Ord, V: Clone>(into: &mut Vec<(K, V)>, later: &[(K, V)]) {
    let mut all: std::collections::BTreeMap<K, V> = into.drain(..).collect();
    all.extend(later.iter().cloned());
    into.extend(all);
}

fn listed(contents: &Contents) -> Vec<(Digest, &[u8])> {
    contents.iter().map(|(digest, content)| (*digest, &**content)).collect()
}
