//! A change on its way, and what the server remembers.
//!
//! Invariant: of all servers with one state directory, one works at a time.

pub mod lock;

pub use lock::{LockError, StateLock};
