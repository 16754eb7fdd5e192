//! What is remembered, and what should be and could not be written yet.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::Digest;
use super::state::{Intent, Run, Stash, Stashed, State, StateError};

/// The state, with what was published without it.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) state: State,
    unsaved: Option<Unsaved>,
    /// What is served and remembered, but for the confirm.
    unconfirmed: Option<u64>,
    /// Contents that were read ahead of their intent and could not be written then.
    kept: Contents,
    /// Whether there is a state that a restart would serve.
    pub(super) remembers: bool,
    /// Why the last writing failed.
    pub(super) error: Option<String>,
    /// Why the first reading that failed did.
    unread: OnceLock<String>,
}

/// What is served and not remembered.
#[derive(Clone, Debug, Default)]
struct Unsaved {
    intent: Intent,
    contents: HashMap<Digest, Arc<[u8]>>,
    /// What is to be known of each generation that was published so, a line each.
    journal: Vec<u8>,
}

/// Contents that an intent names.
pub(super) type Contents = HashMap<Digest, Arc<[u8]>>;

impl Store {
    pub(super) fn new(state: State) -> Store {
        Store {
            state,
            unsaved: None,
            unconfirmed: None,
            kept: Contents::new(),
            remembers: false,
            error: None,
            unread: OnceLock::new(),
        }
    }

    /// Of nothing, in the place of one that is used elsewhere for a while.
    pub(super) fn closed() -> Store {
        Store::new(State::closed())
    }

    /// A content that is served.
    pub(super) fn read(&self, digest: &Digest) -> Result<Vec<u8>, StateError> {
        let unsaved = self.unsaved.as_ref().and_then(|unsaved| unsaved.contents.get(digest));
        match unsaved {
            Some(content) => Ok(content.to_vec()),
            None => self.state.read(digest).inspect_err(|error| self.note_unread(error)),
        }
    }

    /// Finds contents, where the state is another one's reader.
    pub(super) fn find_contents(&mut self) {
        if let Err(error) = self.state.find_contents() {
            self.note_unread(&error);
        }
    }

    fn note_unread(&self, error: &StateError) {
        self.unread.get_or_init(|| error.to_string());
    }

    /// Why something could not be read, if that ever was so: what was made without it is not what it should be.
    pub(super) fn unread(&self) -> Option<&str> {
        self.unread.get().map(String::as_str)
    }

    /// Where a content lies in the pack.
    pub(super) fn place(&self, digest: &Digest) -> Option<u64> {
        self.state.place(digest)
    }

    /// Contents of the pack, read at once.
    pub(super) fn run<'r>(&'r self, first: u64, last: u64, buffer: &'r mut Vec<u8>) -> Option<Run<'r>> {
        self.state.run(first, last, buffer)
    }

    /// Takes contents in ahead of the intent that will name them.
    pub(super) fn stash(&mut self) -> Stash<'_> {
        self.state.stash()
    }

    /// What was stashed is there from now on.
    pub(super) fn take_stashed(&mut self, stashed: Stashed) {
        self.kept = self.state.take_stashed(stashed);
    }

    /// What a restart comes to as long as what is served cannot be written.
    pub(super) fn restart(&self) -> &'static str {
        match self.remembers {
            true => "a restart serves an earlier state",
            false => "a restart begins with the files again, as for the first time",
        }
    }

    /// Contents that were read ahead and are not in the pack.
    pub(super) fn take_kept(&mut self) -> Contents {
        std::mem::take(&mut self.kept)
    }

    /// Writes what is about to be published, and returns the octets written. Where that fails nothing may be
    /// published.
    pub(super) fn intend(
        &mut self,
        intent: &Intent,
        contents: &Contents,
        journal: &[u8],
    ) -> Result<u64, StateError> {
        let written = match &self.unsaved {
            None => self.state.intend(intent, &listed(contents), journal),
            Some(unsaved) => {
                let mut all = unsaved.clone();
                all.add(intent, contents, journal);
                self.state.intend(&all.intent, &listed(&all.contents), &all.journal)
            }
        };
        self.error = written.as_ref().err().map(ToString::to_string);
        if written.is_ok() {
            // It writes an earlier confirm first.
            self.unconfirmed = None;
        }
        written
    }

    /// What was intended is served. A confirm that cannot be written is no loss: the next start serves the intent as
    /// well, and the next intent writes it.
    pub(super) fn confirm(&mut self, generation: u64) {
        self.unsaved = None;
        let written = self.state.confirm(generation);
        self.unconfirmed = written.is_err().then_some(generation);
        self.remembers |= written.is_ok();
        if let Err(error) = written {
            self.error = Some(error.to_string());
        }
    }

    /// Tries again to write what is served and is not remembered. Where that succeeds nothing is wrong any more, as far
    /// as is known.
    pub(super) fn catch_up(&mut self) {
        self.error = None;
        if let Some(unsaved) = &self.unsaved {
            match self.state.intend(&unsaved.intent, &listed(&unsaved.contents), &unsaved.journal) {
                Ok(_) => self.unconfirmed = Some(unsaved.intent.generation),
                Err(error) => self.error = Some(error.to_string()),
            }
        }
        if let (None, Some(generation)) = (&self.error, self.unconfirmed) {
            self.confirm(generation);
        }
    }

    /// What is published without being written is kept; the next intent writes it, or the next try.
    pub(super) fn keep(&mut self, intent: Intent, contents: Contents, journal: Vec<u8>) {
        match &mut self.unsaved {
            Some(unsaved) => unsaved.add(&intent, &contents, &journal),
            None => self.unsaved = Some(Unsaved { intent, contents, journal }),
        }
    }

    /// Writes what was published without being written, if there is such. Whether it did.
    pub(super) fn save(&mut self) -> bool {
        let Some(unsaved) = &self.unsaved else { return false };
        let generation = unsaved.intent.generation;
        let written = self.state.intend(&unsaved.intent, &listed(&unsaved.contents), &unsaved.journal);
        self.error = written.as_ref().err().map(ToString::to_string);
        let is_written = written.is_ok();
        if is_written {
            self.confirm(generation);
        }
        is_written
    }

    /// Shortens the pack where much of it is dead.
    pub(super) fn compact(&mut self) {
        if self.unsaved.is_some() {
            return;
        }
        match self.state.compact_if_worth() {
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
    fn add(&mut self, intent: &Intent, contents: &Contents, journal: &[u8]) {
        self.intent.generation = intent.generation;
        self.intent.time = intent.time;
        put(&mut self.intent.files, &intent.files);
        put(&mut self.intent.views, &intent.views);
        put(&mut self.intent.immutable, &intent.immutable);
        put(&mut self.intent.approvals, &intent.approvals);
        put(&mut self.intent.pins, &intent.pins);
        if intent.faulty.is_some() {
            self.intent.faulty.clone_from(&intent.faulty);
        }
        self.journal.push(b'\n');
        self.journal.extend_from_slice(journal);
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
