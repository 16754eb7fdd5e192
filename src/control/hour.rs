//! What was served within the last hour: guards look back so far, or a slow leak would never trip one.
//!
//! Invariant: of every snapshot that is kept it is known what was touched from it to the next, so that a comparison
//! costs what changed since and not what is served. Kept snapshots share with the present one whatever did not change.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::snapshot::{Snapshot, Touched};

/// How far guards look back, in seconds.
const HOUR: u64 = 3600;
/// Of all that was served within so many seconds the first is kept.
const GRAIN: u64 = 60;

/// The last hour.
#[derive(Debug, Default)]
pub(super) struct Hour {
    past: VecDeque<Past>,
}

/// Something that was served.
#[derive(Debug)]
struct Past {
    /// Until when, in seconds since the epoch.
    until: u64,
    snapshot: Arc<Snapshot>,
    /// What differs in what was served next, and in all that was not kept until the next that is.
    touched: Touched,
}

impl Hour {
    /// Notes that `snapshot` was served until `now`, and what is another in what is served instead.
    pub(super) fn note(&mut self, now: u64, snapshot: Arc<Snapshot>, touched: Touched) {
        while self.past.front().is_some_and(|past| past.until + HOUR < now) {
            self.past.pop_front();
        }
        match self.past.back_mut() {
            Some(last) if last.until / GRAIN == now / GRAIN => last.touched.absorb(touched),
            _ => self.past.push_back(Past { until: now, snapshot, touched }),
        }
    }

    /// What was served an hour ago, or first since, and what was touched from there on; `None` where nothing changed
    /// within the hour.
    pub(super) fn ago(&self, now: u64) -> Option<(&Arc<Snapshot>, Touched)> {
        let mut within = self.past.iter().skip_while(|past| past.until + HOUR < now);
        let first = within.next()?;
        let mut touched = first.touched.clone();
        within.for_each(|past| touched.absorb(past.touched.clone()));
        Some((&first.snapshot, touched))
    }
}
