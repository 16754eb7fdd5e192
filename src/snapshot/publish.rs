//! Publishing: one atomic pointer, swapped by the control thread and looked at by the workers.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use super::Snapshot;

/// The writing end. Cheap to clone; all clones publish to the same place.
#[derive(Clone, Debug)]
pub struct Publisher(Arc<ArcSwap<Snapshot>>);

impl Publisher {
    /// Starts with a snapshot.
    pub fn new(first: Arc<Snapshot>) -> Publisher {
        Publisher(Arc::new(ArcSwap::new(first)))
    }

    /// Replaces what is served and returns what was served until now, so that the caller frees it and no worker does.
    pub fn publish(&self, next: Arc<Snapshot>) -> Arc<Snapshot> {
        self.0.swap(next)
    }

    /// What is served now.
    pub fn current(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// A reader for one worker.
    pub fn reader(&self) -> Reader {
        Reader(Cache::new(self.0.clone()))
    }
}

/// The reading end, one per worker: looking at an unchanged pointer costs one load.
#[derive(Clone, Debug)]
pub struct Reader(Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>);

impl Reader {
    /// The snapshot that is served now. Call it once per batch and keep the reference for the whole batch.
    pub fn current(&mut self) -> &Arc<Snapshot> {
        self.0.load()
    }
}

/// Snapshots out of service that a worker may still be answering from. The thread that publishes keeps them, so that
/// the last reference is always its own and no worker ever spends time on freeing one.
#[derive(Debug, Default)]
pub struct Retired(Vec<Arc<Snapshot>>);

impl Retired {
    /// Takes what [`Publisher::publish`] returned.
    pub fn push(&mut self, snapshot: Arc<Snapshot>) {
        self.0.push(snapshot);
    }

    /// Frees what nobody else holds, and returns how many are still held. A worker lets go of a snapshot with its
    /// next batch, an idle one keeps it until then.
    pub fn free(&mut self) -> usize {
        // Out of service nobody can gain a reference who has none.
        self.0.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Seed;

    #[test]
    fn a_retired_snapshot_stays_until_its_last_reader_looks_again() {
        let snapshot = |generation| Arc::new(Snapshot::empty(generation, Seed::random()));
        let publisher = Publisher::new(snapshot(1));
        let mut readers = [publisher.reader(), publisher.reader()];
        let mut retired = Retired::default();
        let first = Arc::downgrade(&publisher.current());
        retired.push(publisher.publish(snapshot(2)));
        assert_eq!(retired.free(), 1);
        assert_eq!(readers[0].current().generation, 2);
        assert_eq!(retired.free(), 1);
        assert!(first.upgrade().is_some());
        assert_eq!(readers[1].current().generation, 2);
        assert_eq!(retired.free(), 0);
        assert!(first.upgrade().is_none());
        assert_eq!(readers[1].current().generation, 2);
    }
}
