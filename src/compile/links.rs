//! Which names in RDATA have their addresses in the same zone, for the additional section.

use super::names::Names;
use super::rrsets::AdditionalPlan;
use crate::model::Record;
use crate::snapshot::layout::flag;
use crate::wire::RrType;
use crate::wire::name::{is_at_or_below, name_len};

/// Where the name stands in the RDATA of a type whose addresses belong into the additional section.
fn target_at(rtype: RrType) -> Option<usize> {
    match rtype {
        RrType::NS => Some(0),
        RrType::MX | RrType::SVCB | RrType::HTTPS => Some(2),
        RrType::SRV => Some(6),
        _ => None,
    }
}

/// The additionals of an RRset of the name `owner`.
pub(super) fn additional_targets(
    names: &Names<'_>,
    owner: usize,
    rtype: RrType,
    records: &[&Record],
    origin: &[u8],
    has_address: &[bool],
) -> Vec<AdditionalPlan> {
    let mut found: Vec<AdditionalPlan> = Vec::new();
    let Some(at) = target_at(rtype) else { return found };
    for (position, record) in records.iter().enumerate() {
        let Ok(len) = name_len(&record.rdata[at..]) else { continue };
        let target = &record.rdata[at..at + len];
        // RFC 9460 section 2.5: the target "." means the owner itself.
        let itself = len == 1 && matches!(rtype, RrType::SVCB | RrType::HTTPS);
        let node = if itself { Some(owner) } else { names.find(target, origin) };
        let Some(node) = node.filter(|node| has_address[*node]) else { continue };
        // Glue is for finding name servers only.
        let authoritative = names.flags(node) & (flag::OCCLUDED | flag::CUT) == 0;
        if (rtype != RrType::NS && !authoritative) || found.iter().any(|other| other.node == node) {
            continue;
        }
        let at_cut = rtype == RrType::NS && names.flags(owner) & flag::CUT != 0;
        found.push(AdditionalPlan {
            record: position,
            name_at: (!itself).then_some(at),
            required: at_cut && is_below(names.relative(node), names.relative(owner)),
            node,
        });
    }
    // A referral must have room for what it needs before anything else.
    found.sort_by_key(|additional| !additional.required);
    found
}

/// Whether one relative name is the other or below it.
fn is_below(name: &[u8], ancestor: &[u8]) -> bool {
    is_at_or_below(name, ancestor)
}
