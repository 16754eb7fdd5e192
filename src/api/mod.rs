//! HTTP. For now the metrics of the server.
//!
//! Invariant: nothing here decides anything; it asks the rooms below and shows what they say.

pub mod metrics;
