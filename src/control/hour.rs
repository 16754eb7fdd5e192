//! What was served within the last hour: guards look back so far, or a slow leak would never trip one.
//!
//! Invariant: of every snapshot that is kept it is known what was touched from it to the next, so that a comparison
//! costs what changed since and not what is served. Kept snapshots share with the present one whatever did not change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::judge::LedgerLoss;
use crate::model::AddressMap;
use crate::snapshot::{Snapshot, Touched, Weight};

/// How far guards look back, in seconds.
const HOUR: u64 = 3600;
/// Of all that was served within so many seconds the first is kept.
const GRAIN: u64 = 60;
/// Looking back may take one part in so many of the time, where changes come thick and fast: a change that comes too
/// soon is compared with what is served alone, and the next one finds it.
const SHARE: u32 = 20;
/// So many zones touched within the hour are looked at with every change.
const FEW: usize = 4096;

/// The last hour.
#[derive(Debug)]
pub(super) struct Hour {
    past: VecDeque<Past>,
    born: Instant,
    /// Microseconds since then before which nobody looks back again.
    rests_until: AtomicU64,
}

impl Default for Hour {
    fn default() -> Hour {
        Hour { past: VecDeque::new(), born: Instant::now(), rests_until: AtomicU64::new(0) }
    }
}

/// Something that was served.
#[derive(Debug)]
struct Past {
    /// Until when, in seconds since the epoch.
    until: u64,
    snapshot: Arc<Snapshot>,
    /// What differs in what was served next, and in all that was not kept until the next that is.
    touched: Touched,
    /// What went with it beside answers.
    gone: Gone,
}

/// What goes with a change beside answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Gone {
    /// What the ledger takes away from maps that answer.
    pub(super) lost: LedgerLoss,
    /// What it takes away from maps that left within the hour.
    pub(super) late: LedgerLoss,
    /// Maps that no longer answer with all their addresses, as they were, with what they governed: what the ledger
    /// takes away from them afterwards is taken away as well.
    pub(super) left: Vec<(Arc<AddressMap>, Weight)>,
}

impl Hour {
    /// Notes that `snapshot` was served until `now`, what is another in what is served instead, and what went with it.
    pub(super) fn note(&mut self, now: u64, snapshot: Arc<Snapshot>, touched: Touched, gone: Gone) {
        while self.past.front().is_some_and(|past| past.until + HOUR < now) {
            self.past.pop_front();
        }
        match self.past.back_mut() {
            Some(last) if last.until / GRAIN == now / GRAIN => {
                last.touched.absorb(touched);
                last.gone.lost.absorb(gone.lost);
                last.gone.late.absorb(gone.late);
                last.gone.left.extend(gone.left);
            }
            _ => self.past.push_back(Past { until: now, snapshot, touched, gone }),
        }
    }

    /// Whether it is too soon to look back again; never where little was touched.
    pub(super) fn rests(&self) -> bool {
        let touched: usize = self.past.iter().map(|past| past.touched.zones.len()).sum();
        touched > FEW && self.since_born(Instant::now()) < self.rests_until.load(Ordering::Relaxed)
    }

    /// Notes that somebody looked back from `begun` until now.
    pub(super) fn looked(&self, begun: Instant) {
        let now = Instant::now();
        let rest = now.duration_since(begun) * SHARE;
        self.rests_until.store(self.since_born(now + rest), Ordering::Relaxed);
    }

    fn since_born(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.born).as_micros()).unwrap_or(u64::MAX)
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

    /// What the ledger took away within the hour.
    pub(super) fn lost(&self, now: u64) -> LedgerLoss {
        let mut lost = LedgerLoss::default();
        for Gone { lost: then, late, .. } in self.within(now).map(|past| &past.gone) {
            lost.absorb(then.clone());
            lost.absorb(late.clone());
        }
        lost
    }

    /// The maps that left within the hour.
    pub(super) fn left(&self, now: u64) -> impl Iterator<Item = &(Arc<AddressMap>, Weight)> {
        self.within(now).flat_map(|past| &past.gone.left)
    }

    fn within(&self, now: u64) -> impl Iterator<Item = &Past> {
        self.past.iter().filter(move |past| past.until + HOUR >= now)
    }
}
