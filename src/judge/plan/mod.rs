//! stub
use crate::snapshot::{Snapshot, Touched};
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub names_exposed: u64,
}
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub totals: Totals,
}
pub fn plan(_: &Snapshot, _: &Snapshot, _: &Touched) -> Plan {
    Plan::default()
}
