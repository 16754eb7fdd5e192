//! What can be said about worlds: why a name is answered as it is, what a change would answer otherwise, and whether
//! that is more than may be lost at once.
//!
//! Invariant: pure functions; no I/O, no clock.

pub mod compare;
mod dig;
pub mod explain;
pub mod guards;
mod harm;
mod ledger;
pub mod plan;
pub mod proof;

mod said;
#[cfg(test)]
mod testing;
pub mod traffic;

pub use dig::dig_text;
pub use explain::{Explanation, explain};
pub use harm::Harm;
pub use ledger::LedgerLoss;
pub use plan::{Plan, plan};
pub use traffic::{Traffic, traffic};
