//! One zone to its compiled bytes.

use super::links::additional_targets;
use super::names::Names;
use super::rrsets::{RrsetPlan, plan_rrsets};
use super::write::Layout;
use crate::model::{Record, ZoneData};
use crate::snapshot::layout::flag;
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
pub fn compile_zone(data: &ZoneData, proxies: bool, seed: &Seed) -> Result<Zone, TooLarge> {
    let origin = data.origin.to_lower_wire();
    let owners: Vec<Box<[u8]>> = data.records.iter().map(|record| relative_lower(record, &origin)).collect();
    let mut names = Names::collect(&owners);
    let mut by_owner: Vec<(usize, &Record)> =
        data.records.iter().zip(&owners).map(|(record, owner)| (names.index_of(owner), record)).collect();
    by_owner.sort_by_key(|(index, record)| (*index, record.rtype));

    let mut rrsets: Vec<RrsetPlan<'_>> = Vec::new();
    let mut rest = &by_owner[..];
    for index in 0..names.plans.len() {
        let len = rest.iter().take_while(|(owner, _)| *owner == index).count();
        let (here, tail) = rest.split_at(len);
        rest = tail;
        let start = rrsets.len();
        names.settle(index, here, proxies);
        plan_rrsets(names.plans[index].flags, names.covered_by_cut(index), here, proxies, &mut rrsets);
        names.plans[index].rrsets = start..rrsets.len();
    }
    link_additionals(&names, &mut rrsets, &origin);
    Layout::new(&mut names.plans, &rrsets, &origin)?.write(&names, &rrsets, &origin, seed)
}

/// The owner's labels in front of the origin, lower case.
fn relative_lower(record: &Record, origin: &[u8]) -> Box<[u8]> {
    let wire = record.owner.as_wire();
    wire[..wire.len() - origin.len()].to_ascii_lowercase().into()
}

fn link_additionals(names: &Names<'_>, rrsets: &mut [RrsetPlan<'_>], origin: &[u8]) {
    let has_address: Vec<bool> = (names.plans.iter())
        .map(|plan| {
            plan.flags & flag::PROXIED != 0
                || rrsets[plan.rrsets.clone()].iter().any(|rrset| rrset.rtype.is_address())
        })
        .collect();
    for (index, plan) in names.plans.iter().enumerate() {
        for rrset in &mut rrsets[plan.rrsets.clone()] {
            rrset.additionals =
                additional_targets(names, index, rrset.rtype, &rrset.records, origin, &has_address);
        }
    }
}
