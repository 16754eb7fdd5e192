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
