//! What every RRset becomes: which records are compiled, and their bytes ready for a message.

use super::names::{Names, can_proxy, range};
use crate::model::Record;
use crate::snapshot::layout::{OWNER_IS_QNAME, flag};
use crate::wire::name::{is_at_or_below, name_len};
use crate::wire::{Class, RrType};

/// What an RRset becomes.
pub(super) struct RrsetPlan {
    /// The type.
    pub(super) rtype: RrType,
    /// Its records in [`Sets::kept`], at least one.
    first: u32,
    records: u32,
    /// Its additionals in [`Sets::additionals`].
    pub(super) first_additional: u32,
    pub(super) additionals: u32,
}

/// A name in RDATA whose addresses belong into the additional section.
pub(super) struct AdditionalPlan {
    /// Which record of the RRset.
    pub(super) record: usize,
    /// Offset of the name in the record's stored RDATA; `None` where the owner itself is meant.
    pub(super) name_at: Option<usize>,
    pub(super) required: bool,
    /// Index of the node.
    pub(super) node: usize,
}

/// The RRsets of a zone, name by name.
pub(super) struct Sets {
    pub(super) plans: Vec<RrsetPlan>,
    /// Numbers of the records that are compiled, RRset by RRset.
    kept: Vec<u32>,
    pub(super) additionals: Vec<AdditionalPlan>,
}

impl Sets {
    /// Nothing yet, with room for the RRsets of so many records.
    pub(super) fn with_room_for(records: usize) -> Sets {
        let plans = Vec::with_capacity(records);
        Sets { plans, kept: Vec::with_capacity(records), additionals: Vec::new() }
    }

    /// Numbers of the records of an RRset.
    pub(super) fn records(&self, set: &RrsetPlan) -> &[u32] {
        &self.kept[range(set.first, set.records)]
    }

    /// The names in the RDATA of an RRset whose addresses are in the zone.
    pub(super) fn additionals(&self, set: &RrsetPlan) -> &[AdditionalPlan] {
        &self.additionals[range(set.first_additional, set.additionals)]
    }
}

/// Decides which of the records of a name are compiled.
pub(super) fn plan_rrsets(names: &mut Names<'_>, node: usize, proxies: bool, sets: &mut Sets) {
    let flags = names.plans[node].flags;
    let below_cut = names.covered_by_cut(node);
    // Addresses of a name that is tagged proxied are nobody's glue: their content must not leave.
    let tagged = proxies
        && flags & (flag::OCCLUDED | flag::CUT) != 0
        && names.records(node).any(|record| can_proxy(record.rtype) && record.is_proxied());
    let glue = |record: &Record| record.rtype.is_address() && !tagged;
    let wildcard = names.is_wildcard(node);
    let kept = |record: &Record| {
        if flags & flag::OCCLUDED != 0 {
            below_cut && glue(record)
        } else if flags & flag::CUT != 0 && !wildcard {
            matches!(record.rtype, RrType::NS | RrType::DS) || glue(record)
        } else {
            flags & flag::PROXIED == 0 || !can_proxy(record.rtype)
        }
    };
    let start = sets.plans.len();
    for &at in names.members(node) {
        let record = names.record(at);
        if !kept(record) {
            continue;
        }
        let first = sets.kept.len() as u32;
        sets.kept.push(at);
        match sets.plans[start..].last_mut() {
            Some(last) if last.rtype == record.rtype => last.records += 1,
            _ => sets.plans.push(RrsetPlan {
                rtype: record.rtype,
                first,
                records: 1,
                first_additional: 0,
                additionals: 0,
            }),
        }
    }
    names.plans[node].first_set = start as u32;
    names.plans[node].sets = (sets.plans.len() - start) as u32;
}

/// The stored RDATA of a record: names that end in the origin are cut and end in a pointer to be patched, the
/// offsets of which are appended to `patches`.
fn encode_rdata(record: &Record, origin: &[u8], to: &mut Vec<u8>, patches: &mut Vec<usize>) {
    let rdata = &record.rdata;
    // A pointer is no shorter than the root, and it is the only name that is.
    let names = match record.rtype {
        rtype if !rtype.has_compressible_names() || origin.len() < 3 => 0,
        RrType::SOA | RrType::MINFO => 2,
        _ => 1,
    };
    let mut at = if names > 0 && record.rtype == RrType::MX { 2 } else { 0 };
    to.extend_from_slice(&rdata[..at]);
    for _ in 0..names {
        let len = name_len(&rdata[at..]).unwrap_or(rdata.len() - at);
        let name = &rdata[at..at + len];
        if is_at_or_below(name, origin) {
            to.extend_from_slice(&name[..len - origin.len()]);
            patches.push(to.len());
            to.extend_from_slice(&[0xc0, 0]);
        } else {
            to.extend_from_slice(name);
        }
        at += len;
    }
    to.extend_from_slice(&rdata[at..]);
}

/// An RRset in its final form, but for the places of nodes; its buffers are used again for the next one.
#[derive(Default)]
pub(super) struct Encoded {
    /// The records.
    pub(super) bytes: Vec<u8>,
    /// Where a pointer to the origin belongs.
    pub(super) patches: Vec<usize>,
    /// Where each record starts.
    pub(super) starts: Vec<usize>,
}

impl Encoded {
    /// Writes the records of an RRset.
    pub(super) fn encode<'r>(&mut self, records: impl Iterator<Item = &'r Record>, origin: &[u8]) {
        let Encoded { bytes, patches, starts } = self;
        bytes.clear();
        patches.clear();
        starts.clear();
        for record in records {
            let start = bytes.len();
            starts.push(start);
            let mut head = [0; 12];
            head[..2].copy_from_slice(&OWNER_IS_QNAME);
            head[2..4].copy_from_slice(&record.rtype.0.to_be_bytes());
            head[4..6].copy_from_slice(&Class::IN.0.to_be_bytes());
            head[6..10].copy_from_slice(&record.ttl.to_be_bytes());
            bytes.extend_from_slice(&head);
            encode_rdata(record, origin, bytes, patches);
            let length = (bytes.len() - start - 12) as u16;
            bytes[start + 10..start + 12].copy_from_slice(&length.to_be_bytes());
        }
    }
}
