//! Which names in RDATA have their addresses in the same zone, for the additional section.

use super::names::{Names, range};
use super::rrsets::{AdditionalPlan, Sets};
use crate::snapshot::Seed;
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

/// Finds the additionals of the RRsets of the name `owner`, once all names are settled.
pub(super) fn additional_targets(
    names: &Names<'_>,
    owner: usize,
    origin: &[u8],
    seed: &Seed,
    sets: &mut Sets,
) {
    let plan = &names.plans[owner];
    for set in range(plan.first_set, plan.sets) {
        let rtype = sets.plans[set].rtype;
        let Some(at) = target_at(rtype) else { continue };
        let start = sets.additionals.len();
        let mut found: Vec<AdditionalPlan> = Vec::new();
        for (position, record) in sets.records(&sets.plans[set]).iter().enumerate() {
            let rdata = &names.record(*record).rdata;
            let Ok(len) = name_len(&rdata[at..]) else { continue };
            let target = &rdata[at..at + len];
            // RFC 9460 section 2.5: the target "." means the owner itself.
            let itself = len == 1 && matches!(rtype, RrType::SVCB | RrType::HTTPS);
            let node = if itself { Some(owner) } else { names.find(target, origin, seed) };
            let Some(node) = node.filter(|node| has_address(names, sets, *node)) else { continue };
            // Glue is for finding name servers only.
            let authoritative = names.plans[node].flags & (flag::OCCLUDED | flag::CUT) == 0;
            if (rtype != RrType::NS && !authoritative) || found.iter().any(|other| other.node == node) {
                continue;
            }
            let at_cut = rtype == RrType::NS && plan.flags & flag::CUT != 0;
            found.push(AdditionalPlan {
                record: position,
                name_at: (!itself).then_some(at),
                required: at_cut && is_at_or_below(names.relative(node), names.relative(owner)),
                node,
            });
        }
        // A referral must have room for what it needs before anything else.
        found.sort_by_key(|additional| !additional.required);
        sets.plans[set].first_additional = start as u32;
        sets.plans[set].additionals = found.len() as u32;
        sets.additionals.append(&mut found);
    }
}

fn has_address(names: &Names<'_>, sets: &Sets, node: usize) -> bool {
    let plan = &names.plans[node];
    plan.flags & flag::PROXIED != 0
        || sets.plans[range(plan.first_set, plan.sets)].iter().any(|set| set.rtype.is_address())
}
