//! What is counted of changes: how many, what they cost, what is held. Only the thread that changes what is served
//! counts here, and rarely; the workers never do.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a change may come to, as the label `outcome` has it.
pub const OUTCOMES: [&str; 4] = ["published", "unchanged", "held", "refused"];

/// Most units that are named, so that a scrape stays small however many accounts are held.
pub const MAX_HELD: usize = 100;

/// A change that is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// One of [`OUTCOMES`]; another is not counted.
    pub outcome: &'static str,
    /// When, in seconds since the epoch.
    pub at: u64,
    /// From reading to publishing.
    pub took: Duration,
    /// Files whose content was read.
    pub files_read: u64,
    /// Zones compiled.
    pub zones_compiled: u64,
}

/// Everything that is counted of changes. Whoever changes what is served tells it; a scrape reads it.
#[derive(Debug, Default)]
pub struct Changes {
    counted: Mutex<Counted>,
}

/// The numbers at one moment.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) outcomes: [u64; OUTCOMES.len()],
    pub(super) took: Duration,
    pub(super) last: Done,
    pub(super) last_success: u64,
    pub(super) files_read: u64,
    pub(super) zones_compiled: u64,
    pub(super) in_sync: bool,
    pub(super) state_writable: bool,
    /// Whether the last audit found all well, and when it was, in seconds since the epoch.
    pub(super) audit: Option<(bool, u64)>,
    pub(super) held: u64,
    /// Of them the first hundred, with the second since the epoch since when each is held.
    pub(super) named: Vec<(String, u64)>,
}

impl Default for Counted {
    /// Before the first change nothing is known to be wrong.
    fn default() -> Counted {
        Counted {
            outcomes: [0; OUTCOMES.len()],
            took: Duration::ZERO,
            last: Done::default(),
            last_success: 0,
            files_read: 0,
            zones_compiled: 0,
            in_sync: true,
            state_writable: true,
            audit: None,
            held: 0,
            named: Vec::new(),
        }
    }
}

impl Changes {
    /// Nothing counted yet.
    pub fn new() -> Changes {
        Changes::default()
    }

    /// Counts a change. It was a success if it was published, or if there was nothing to publish.
    pub fn done(&self, done: Done) {
        let mut counted = self.counted();
        if let Some(index) = OUTCOMES.iter().position(|outcome| *outcome == done.outcome) {
            counted.outcomes[index] += 1;
        }
        if matches!(done.outcome, "published" | "unchanged") {
            counted.last_success = done.at;
        }
        counted.took += done.took;
        counted.files_read += done.files_read;
        counted.zones_compiled += done.zones_compiled;
        counted.last = done;
    }

    /// Says what is held from now on: each unit once, with the second since the epoch since when it is.
    pub fn hold<'u>(&self, units: impl IntoIterator<Item = (&'u str, u64)>) {
        let mut named = Vec::new();
        let mut held = 0;
        for (unit, since) in units {
            held += 1;
            if named.len() < MAX_HELD {
                named.push((unit.to_owned(), since));
            }
        }
        let mut counted = self.counted();
        (counted.held, counted.named) = (held, named);
    }

    /// Says whether what is served is what the files say.
    pub fn set_in_sync(&self, in_sync: bool) {
        self.counted().in_sync = in_sync;
    }

    /// Says whether the state can be written.
    pub fn set_state_writable(&self, writable: bool) {
        self.counted().state_writable = writable;
    }

    /// Says what an audit found, and when, in seconds since the epoch.
    pub fn audited(&self, ok: bool, at: u64) {
        self.counted().audit = Some((ok, at));
    }

    /// The numbers, all of one moment.
    pub(super) fn read(&self) -> Counted {
        self.counted().clone()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Numbers are as good after a panic as before.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
