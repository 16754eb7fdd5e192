//! What the server tells about itself: log lines, counters, metrics, a sample of the questions.
//!
//! Invariant: counting costs a worker a load and a store in memory that nobody else writes; it never locks,
//! allocates or waits.

pub mod changes;
pub mod counters;
pub mod log;
pub mod metrics;
pub mod samples;
pub mod throttle;

pub use changes::{Changes, Done};
pub use counters::{Block, Cell, Counters, Family, Reply, Transport};
pub use metrics::Facts;
pub use samples::{Ring, Samples};
pub use throttle::Throttle;
