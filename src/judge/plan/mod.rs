//! What a candidate would answer otherwise than what is served: which names, from what to what, and why.
//!
//! Zones that changed are compared name by name; what only has another set behind it is counted by its weight, and
//! all others are not looked at. A name is one that owns something in a zone; names that wildcards make are none.

mod asking;
mod governed;
mod sets;
mod told;
mod witness;
mod work;
mod zone;

pub use told::{
    AccountPlan, AnswerPlan, Counts, Exposed, Governed, NamePlan, Plan, SetPlan, What, Why, ZonePlan,
};

pub use witness::{BELOW, differing};

use crate::snapshot::{Snapshot, Touched};

/// How much of a plan is told one by one. Counts are always whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Names of one zone.
    pub names_of_zone: usize,
    /// Names of all zones together.
    pub names: usize,
    /// Zones of all accounts together.
    pub zones: usize,
    /// Names that stop being proxied.
    pub exposed: usize,
    /// Zones by name where only the set behind them changed.
    pub examples: usize,
}

impl Default for Detail {
    fn default() -> Detail {
        Detail { names_of_zone: 20, names: 1000, zones: 1000, exposed: 100, examples: 10 }
    }
}

/// Compares what is served with a candidate. `touched` is what the one that made `after` from `before` said, or
/// [`Touched::between`]; both snapshots have the same seed.
pub fn plan(before: &Snapshot, after: &Snapshot, touched: &Touched) -> Plan {
    plan_with(before, after, touched, Detail::default())
}

/// [`plan`] with as much told one by one as wanted.
pub fn plan_with(before: &Snapshot, after: &Snapshot, touched: &Touched, detail: Detail) -> Plan {
    work::Work::new(before, after, touched, detail).plan()
}
