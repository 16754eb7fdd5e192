//! What every RRset becomes: which records are compiled, and their bytes ready for a message.

use super::TooLarge;
use super::names::can_proxy;
use crate::model::Record;
use crate::snapshot::layout::{OWNER_IS_QNAME, flag};
use crate::wire::name::{is_at_or_below, name_len};
use crate::wire::{Class, RrType};

/// What an RRset becomes.
pub(super) struct RrsetPlan<'a> {
    /// The type.
    pub(super) rtype: RrType,
    /// Its records, at least one.
    pub(super) records: Vec<&'a Record>,
    /// The names in its RDATA whose addresses are in the zone.
    pub(super) additionals: Vec<AdditionalPlan>,
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

/// Which of the records of a name are compiled.
pub(super) fn plan_rrsets<'a>(
    flags: u8,
    below_cut: bool,
    records: &[(usize, &'a Record)],
    proxies: bool,
    rrsets: &mut Vec<RrsetPlan<'a>>,
) {
    // Addresses of a name that is tagged proxied are nobody's glue: their content must not leave.
    let tagged = proxies && records.iter().any(|(_, record)| can_proxy(record.rtype) && record.is_proxied());
    let glue = |record: &Record| record.rtype.is_address() && !tagged;
    let wildcard = records.first().is_some_and(|(_, record)| record.owner.is_wildcard());
    let kept = |record: &Record| {
        if flags & flag::OCCLUDED != 0 {
            below_cut && glue(record)
        } else if flags & flag::CUT != 0 && !wildcard {
            matches!(record.rtype, RrType::NS | RrType::DS) || glue(record)
        } else {
            flags & flag::PROXIED == 0 || !can_proxy(record.rtype)
        }
    };
    for (_, record) in records.iter().filter(|(_, record)| kept(record)) {
        match rrsets.last_mut() {
            // RRsets of the name before cannot be mistaken for this one's: the owner is compared.
            Some(last) if last.rtype == record.rtype && last.records[0].owner == record.owner => {
                last.records.push(record);
            }
            _ => {
                rrsets.push(RrsetPlan { rtype: record.rtype, records: vec![record], additionals: Vec::new() })
            }
        }
    }
}

/// The stored RDATA of a record: names that end in the origin are cut and end in a pointer to be patched.
/// Returns the offsets of those pointers.
fn encode_rdata(record: &Record, origin: &[u8], to: &mut Vec<u8>) -> Vec<usize> {
    let mut patches = Vec::new();
    let rdata = &record.rdata;
    // A pointer is no shorter than the root, and it is the only name that is.
    let names = match record.rtype {
        rtype if !rtype.has_compressible_names() || origin.len() < 3 => 0,
        RrType::SOA | RrType::MINFO => 2,
        _ => 1,
    };
    let mut at = if record.rtype == RrType::MX { 2 } else { 0 };
    let head = if names == 0 { 0 } else { at };
    to.extend_from_slice(&rdata[..head]);
    at = head;
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
    patches
}

/// An RRset in its final form, but for the places of nodes.
pub(super) struct Encoded {
    /// The records.
    pub(super) bytes: Vec<u8>,
    /// Where a pointer to the origin belongs.
    pub(super) patches: Vec<usize>,
    /// Where each record starts.
    pub(super) starts: Vec<usize>,
}

/// Writes the records of an RRset.
pub(super) fn encode(plan: &RrsetPlan<'_>, origin: &[u8]) -> Result<Encoded, TooLarge> {
    let mut encoded = Encoded { bytes: Vec::new(), patches: Vec::new(), starts: Vec::new() };
    for record in &plan.records {
        let bytes = &mut encoded.bytes;
        encoded.starts.push(bytes.len());
        bytes.extend_from_slice(&OWNER_IS_QNAME);
        bytes.extend_from_slice(&record.rtype.0.to_be_bytes());
        bytes.extend_from_slice(&Class::IN.0.to_be_bytes());
        bytes.extend_from_slice(&record.ttl.to_be_bytes());
        let length_at = bytes.len();
        bytes.extend_from_slice(&[0, 0]);
        encoded.patches.extend(encode_rdata(record, origin, bytes));
        let length = (bytes.len() - length_at - 2) as u16;
        bytes[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }
    if encoded.bytes.len() > usize::from(u16::MAX) {
        let owner = plan.records[0].owner.to_string();
        return Err(TooLarge::Rrset(owner, plan.rtype));
    }
    Ok(encoded)
}
