//! The immutable data served: zone index, nodes, publisher and reader.
//!
//! Invariant: nothing here changes after it was built; a lookup neither locks nor allocates.

pub mod publish;

pub use publish::{Publisher, Reader};

/// What is served at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Number of this state, raised with every publication.
    pub generation: u64,
}
