//! What a candidate would answer otherwise than what is served: which names, from what to what, and why.
//!
//! Zones that changed are compared name by name; what only has another set behind it is counted by its weight.

mod told;

pub use told::{
    AccountPlan, AnswerPlan, Counts, Exposed, Governed, NamePlan, Plan, SetPlan, What, Why, ZonePlan,
};

use crate::snapshot::{Owned, Snapshot, Touched};

/// Most addresses that are named.
const MAX_ADDRESSES: usize = 20;

/// Compares what is served with a candidate. `touched` is what the one that made `after` from `before` said, or
/// [`Touched::between`]; both snapshots have the same seed.
pub fn plan(before: &Snapshot, after: &Snapshot, touched: &Touched) -> Plan {
    Plan {
        before: before.generation,
        after: after.generation,
        counts: counts(&touched.server),
        ..Plan::default()
    }
}

fn counts(owned: &Owned) -> Counts {
    Counts {
        zones_before: owned.before.zones,
        zones_after: owned.after.zones,
        names_before: owned.before.names,
        names_after: owned.after.names,
        addresses_before: owned.addresses,
        addresses_gone: owned.gone.len() as u64,
        gone: owned.gone.iter().take(MAX_ADDRESSES).copied().collect(),
        ..Counts::default()
    }
}
