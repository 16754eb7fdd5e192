//! What can be said about worlds: why a name is answered as it is. Plan, proof and guards come to live here.
//!
//! Invariant: pure functions; no I/O, no clock.

pub mod compare;
mod dig;
pub mod explain;
mod said;
#[cfg(test)]
mod testing;
pub mod traffic;

pub use dig::dig_text;
pub use explain::{Explanation, explain};
pub use traffic::{Traffic, traffic};
