//! What was served within the last hour: guards look back so far, or a slow leak would never trip one.
//!
//! Invariant: of every snapshot that is kept it is known what was touched from it to the next, so that a comparison
//! costs what changed since and not what is served. Kept snapshots share with the present one whatever did not change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::judge::Harm;
use crate::model::AccountId;
use crate::snapshot::{Snapshot, Tally, Touched};

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
    /// What that took away, at most.
    harm: Harm,
}

impl Hour {
    /// Notes that `snapshot` was served until `now`, what is another in what is served instead, and what that takes away,
    /// at most.
    pub(super) fn note(&mut self, now: u64, snapshot: Arc<Snapshot>, touched: Touched, harm: Harm) {
        while self.past.front().is_some_and(|past| past.until + HOUR < now) {
            self.past.pop_front();
        }
        match self.past.back_mut() {
            Some(last) if last.until / GRAIN == now / GRAIN => {
                last.touched.absorb(touched);
                last.harm.add(&harm);
            }
            _ => self.past.push_back(Past { until: now, snapshot, touched, harm }),
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

    fn within(&self, now: u64) -> impl Iterator<Item = &Past> {
        self.past.iter().skip_while(move |past| past.until + HOUR < now)
    }

    /// What was served an hour ago, or first since; `None` where nothing changed within the hour.
    pub(super) fn base(&self, now: u64) -> Option<&Arc<Snapshot>> {
        self.within(now).next().map(|past| &past.snapshot)
    }

    /// What a change touches, with the zones below that were touched within the hour.
    pub(super) fn near(&self, now: u64, touched: &Touched) -> Touched {
        let mut near = touched.clone();
        self.within(now).for_each(|past| near.and_below(&past.touched));
        near
    }

    /// What was taken away within the hour and with a change, at most: from the server, and from the accounts that the
    /// change takes something from.
    pub(super) fn with(&self, now: u64, mut harm: Harm) -> Harm {
        self.within(now).for_each(|past| harm.add_of_same(&past.harm));
        harm
    }

    /// How much there was of the whole server an hour ago.
    pub(super) fn server(&self, now: u64) -> Tally {
        self.within(now).next().map(|past| past.touched.server.before).unwrap_or_default()
    }

    /// How much there was of an account an hour ago; `None` where that is what there is.
    pub(super) fn account(&self, now: u64, account: &AccountId) -> Option<Tally> {
        self.within(now).find_map(|past| past.touched.accounts.get(account)).map(|owned| owned.before)
    }

    /// What was touched within the hour.
    pub(super) fn touched(&self, now: u64) -> Touched {
        let mut within = self.within(now);
        let mut touched = within.next().map(|first| first.touched.clone()).unwrap_or_default();
        within.for_each(|past| touched.absorb(past.touched.clone()));
        touched
    }
}
