//! One zone to its compiled bytes.

use super::links::additional_targets;
use super::names::Names;
use super::rrsets::{Sets, plan_rrsets};
use super::write::write_zone;
use crate::model::ZoneData;
use crate::snapshot::{Seed, Zone};
use crate::wire::RrType;

/// A zone or one of its RRsets is larger than the format can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// An RRset that no message could carry.
    #[error("RRset of more than 65535 octets: {0} {1}")]
    Rrset(String, RrType),
    /// 4 GiB in all.
    #[error("zone of more than 4 GiB")]
    Zone,
}

/// Compiles a zone. `proxies`: whether its tags take effect; where they do not, everything is served as stored.
///
/// The bytes follow the records and their order, and the seed.
pub fn compile_zone(data: &ZoneData, proxies: bool, seed: &Seed) -> Result<Zone, TooLarge> {
    let origin = data.origin.to_lower_wire();
    let mut names = Names::collect(data, origin.len(), seed)?;
    let mut sets = Sets::with_room_for(data.records.len());
    for node in 0..names.plans.len() {
        names.settle(node, proxies);
        plan_rrsets(&mut names, node, proxies, &mut sets);
    }
    for node in 0..names.plans.len() {
        additional_targets(&names, node, &origin, seed, &mut sets);
    }
    write_zone(&names, &sets, &origin)
}
