//! A change on its way, and what the server remembers. So far: how the sources are read, and the lock on the state.
//!
//! Invariants: a fault in a file is a diagnostic and holds back its unit, never the whole; of all servers with one
//! state directory, one works at a time.

pub mod folder;
pub mod lock;
pub mod read;
pub mod report;
pub mod source;
pub mod talk;

pub use lock::{LockError, StateLock};
pub use read::{LoadError, Loaded, Sources, load};
pub use source::{Digest, SourcePath, Stamp, Tree};
