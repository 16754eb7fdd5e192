//! What can be said about worlds: why a name is answered as it is. Plan, proof and guards come to live here.
//!
//! Invariant: pure functions; no I/O, no clock.

mod dig;
pub mod explain;
pub mod guards;
pub mod plan;
pub mod proof;

pub use dig::dig_text;
pub use explain::{Explanation, explain};
