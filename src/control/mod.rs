//! A change on its way: so far only how the sources are read.
//!
//! Invariant: a fault in a file is a diagnostic and holds back its unit, never the whole.

pub mod folder;
pub mod read;
