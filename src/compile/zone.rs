//! One zone to its compiled bytes: nodes, empty non-terminals, cuts, wildcards, ready RRsets.

use std::collections::HashMap;

use super::links::additional_targets;
use crate::model::{Record, ZoneData};
use crate::snapshot::layout::{OWNER_IS_QNAME, flag, head, node, pad, rrset, tag};
use crate::snapshot::{Seed, Zone};
use crate::wire::name::{is_at_or_below, labels, name_len};
use crate::wire::{Class, RrType};

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

/// What a name becomes.
struct Plan<'a> {
    relative: &'a [u8],
    flags: u8,
    /// Index of the covering node, or of the wildcard child.
    link: Option<usize>,
    /// Range of `rrsets`.
    rrsets: std::ops::Range<usize>,
    /// Where it will stand.
    at: usize,
}

/// What an RRset becomes.
struct RrsetPlan<'a> {
    rtype: RrType,
    records: Vec<&'a Record>,
    additionals: Vec<AdditionalPlan>,
}

pub(super) struct AdditionalPlan {
    /// Which record of the RRset.
    pub(super) record: usize,
    /// Offset of the name in the record's stored RDATA; `None` where the owner itself is meant.
    pub(super) name_at: Option<usize>,
    pub(super) required: bool,
    /// Index of the node.
    pub(super) node: usize,
}

/// Compiles a zone. `proxies`: whether its tags take effect; where they do not, everything is served as stored.
pub fn compile_zone(data: &ZoneData, proxies: bool, seed: &Seed) -> Result<Zone, TooLarge> {
    let origin = data.origin.to_lower_wire();
    let owners: Vec<Box<[u8]>> = data.records.iter().map(|record| relative_lower(record, &origin)).collect();
    let mut names = Names::collect(&owners);
    let mut by_owner: Vec<(usize, &Record)> =
        data.records.iter().zip(&owners).map(|(record, owner)| (names.index[&**owner], record)).collect();
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

/// All names of the zone, parents before children.
pub(super) struct Names<'a> {
    plans: Vec<Plan<'a>>,
    index: HashMap<&'a [u8], usize>,
}

impl<'a> Names<'a> {
    /// Every owner and every empty non-terminal above one.
    fn collect(owners: &'a [Box<[u8]>]) -> Names<'a> {
        let mut all: HashMap<&[u8], usize> = HashMap::with_capacity(owners.len());
        all.insert(&[], 0);
        for owner in owners {
            let mut name: &[u8] = owner;
            while all.insert(name, 0).is_none() {
                name = parent(name);
            }
        }
        let mut order: Vec<(usize, &[u8])> = all.keys().map(|name| (labels(name).count(), *name)).collect();
        order.sort_unstable();
        let plan = |name| Plan { relative: name, flags: 0, link: None, rrsets: 0..0, at: 0 };
        let plans: Vec<Plan<'_>> = order.iter().map(|(_, name)| plan(name)).collect();
        let index = order.iter().enumerate().map(|(index, (_, name))| (*name, index)).collect();
        Names { plans, index }
    }

    /// Decides what a name is. Its parent was settled before.
    fn settle(&mut self, index: usize, records: &[(usize, &Record)], proxies: bool) {
        let name = self.plans[index].relative;
        let apex = name.is_empty();
        let covering = if apex { None } else { self.covering_of_parent(name) };
        if let Some(covering) = covering {
            self.plans[index].flags = flag::OCCLUDED;
            self.plans[index].link = Some(covering);
            return;
        }
        let has = |rtype: RrType| records.iter().any(|(_, record)| record.rtype == rtype);
        let mut flags = 0;
        if !apex && has(RrType::NS) {
            flags |= flag::CUT;
        } else if proxies && records.iter().any(|(_, record)| can_proxy(record.rtype) && record.is_proxied())
        {
            flags |= flag::PROXIED;
        } else if has(RrType::CNAME) {
            flags |= flag::CNAME;
            if apex || records.iter().any(|(_, record)| record.rtype == RrType::CNAME && record.tags.flatten)
            {
                flags |= flag::FLATTEN;
            }
        }
        if has(RrType::DNAME) {
            flags |= flag::DNAME;
        }
        self.plans[index].flags = flags;
        if name.starts_with(b"\x01*") {
            let parent = self.index[parent(name)];
            self.plans[parent].link = Some(index);
        }
    }

    /// The cut or DNAME at or above the parent of `name`.
    fn covering_of_parent(&self, name: &[u8]) -> Option<usize> {
        let parent = self.index[parent(name)];
        let plan = &self.plans[parent];
        if plan.flags & flag::OCCLUDED != 0 {
            plan.link
        } else {
            (plan.flags & (flag::CUT | flag::DNAME) != 0).then_some(parent)
        }
    }

    fn covered_by_cut(&self, index: usize) -> bool {
        let plan = &self.plans[index];
        let covering = plan.link.filter(|_| plan.flags & flag::OCCLUDED != 0);
        covering.is_some_and(|covering| self.plans[covering].flags & flag::CUT != 0)
    }

    /// The index of a name in wire form, if it is one of the zone's.
    pub(super) fn find(&self, wire: &[u8], origin: &[u8]) -> Option<usize> {
        if !is_at_or_below(wire, origin) {
            return None;
        }
        let relative = wire[..wire.len() - origin.len()].to_ascii_lowercase();
        self.index.get(&*relative).copied()
    }

    /// Flags of a name.
    pub(super) fn flags(&self, index: usize) -> u8 {
        self.plans[index].flags
    }

    /// Labels of a name in front of the origin.
    pub(super) fn relative(&self, index: usize) -> &'a [u8] {
        self.plans[index].relative
    }
}

fn parent(name: &[u8]) -> &[u8] {
    &name[1 + usize::from(name[0])..]
}

/// What a `cf-proxied` tag can stand on.
fn can_proxy(rtype: RrType) -> bool {
    rtype.is_address() || rtype == RrType::CNAME
}

/// Which of the records of a name are compiled.
fn plan_rrsets<'a>(
    flags: u8,
    below_cut: bool,
    records: &[(usize, &'a Record)],
    proxies: bool,
    rrsets: &mut Vec<RrsetPlan<'a>>,
) {
    // An address that is tagged proxied is nobody's glue: its content must not leave.
    let glue = |record: &Record| record.rtype.is_address() && !(proxies && record.is_proxied());
    let kept = |record: &Record| {
        if flags & flag::OCCLUDED != 0 {
            below_cut && glue(record)
        } else if flags & flag::CUT != 0 {
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
struct Encoded {
    bytes: Vec<u8>,
    patches: Vec<usize>,
    /// Where each record starts.
    starts: Vec<usize>,
}

fn encode(plan: &RrsetPlan<'_>, origin: &[u8]) -> Result<Encoded, TooLarge> {
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

/// Places of everything.
struct Layout {
    encoded: Vec<Encoded>,
    places: Vec<usize>,
    capacity: usize,
    tags_at: usize,
    slots_at: usize,
    total: usize,
}

impl Layout {
    fn new(plans: &mut [Plan<'_>], rrsets: &[RrsetPlan<'_>], origin: &[u8]) -> Result<Layout, TooLarge> {
        let encoded = rrsets.iter().map(|plan| encode(plan, origin)).collect::<Result<Vec<_>, _>>()?;
        let capacity = (plans.len() * 3 / 2 + 1).next_power_of_two();
        let tags_at = pad(head::LEN + origin.len());
        let slots_at = pad(tags_at + capacity);
        let mut at = slots_at + 4 * capacity;
        let mut places = Vec::with_capacity(rrsets.len());
        for plan in plans {
            plan.at = at;
            at += pad(node::LEN + plan.relative.len()) + node::ENTRY * plan.rrsets.len();
            for index in plan.rrsets.clone() {
                places.push(at);
                let (rrset, encoded) = (&rrsets[index], &encoded[index]);
                at += pad(rrset::LEN + 2 * encoded.patches.len())
                    + rrset::ADDITIONAL * rrset.additionals.len()
                    + pad(encoded.bytes.len());
            }
        }
        if u32::try_from(at).is_err() {
            return Err(TooLarge::Zone);
        }
        Ok(Layout { encoded, places, capacity, tags_at, slots_at, total: at })
    }

    fn write(
        &self,
        names: &Names<'_>,
        rrsets: &[RrsetPlan<'_>],
        origin: &[u8],
        seed: &Seed,
    ) -> Result<Zone, TooLarge> {
        let plans = &names.plans;
        let mut bytes = vec![0; self.total];
        let named = plans.iter().filter(|plan| !plan.rrsets.is_empty() || plan.flags & flag::PROXIED != 0);
        put_u32(&mut bytes, head::NAMES, named.count());
        put_u32(&mut bytes, head::MASK, self.capacity - 1);
        put_u32(&mut bytes, head::TAGS, self.tags_at);
        put_u32(&mut bytes, head::SLOTS, self.slots_at);
        put_u32(&mut bytes, head::APEX, plans[0].at);
        let soa = plans[0].rrsets.clone().find(|index| rrsets[*index].rtype == RrType::SOA);
        if let Some(index) = soa {
            let record = rrsets[index].records[0];
            let minimum = record.rdata.last_chunk::<4>().map_or(0, |minimum| u32::from_be_bytes(*minimum));
            put_u32(&mut bytes, head::SOA, self.places[index]);
            put_u32(&mut bytes, head::NEGATIVE_TTL, record.ttl.min(minimum) as usize);
        }
        bytes[head::ORIGIN_LEN] = origin.len() as u8;
        bytes[head::LEN..head::LEN + origin.len()].copy_from_slice(origin);
        for plan in plans {
            self.write_slot(plan, seed, &mut bytes);
            self.write_node(plan, plans, rrsets, &mut bytes);
        }
        Ok(Zone::from_bytes(bytes.into()))
    }

    fn write_slot(&self, plan: &Plan<'_>, seed: &Seed, bytes: &mut [u8]) {
        let hash = seed.hash(plan.relative);
        let mask = self.capacity - 1;
        let mut slot = hash as usize & mask;
        while bytes[self.tags_at + slot] != 0 {
            slot = (slot + 1) & mask;
        }
        bytes[self.tags_at + slot] = tag(hash);
        put_u32(bytes, self.slots_at + 4 * slot, plan.at);
    }

    fn write_node(&self, plan: &Plan<'_>, plans: &[Plan<'_>], rrsets: &[RrsetPlan<'_>], bytes: &mut [u8]) {
        bytes[plan.at + node::FLAGS] = plan.flags;
        bytes[plan.at + node::NAME_LEN] = plan.relative.len() as u8;
        put_u16(bytes, plan.at + node::TYPES, plan.rrsets.len());
        put_u32(bytes, plan.at + node::LINK, plan.link.map_or(0, |link| plans[link].at));
        let name_at = plan.at + node::LEN;
        bytes[name_at..name_at + plan.relative.len()].copy_from_slice(plan.relative);
        let directory = plan.at + pad(node::LEN + plan.relative.len());
        for (position, index) in plan.rrsets.clone().enumerate() {
            let entry = directory + node::ENTRY * position;
            put_u16(bytes, entry, usize::from(rrsets[index].rtype.0));
            put_u32(bytes, entry + 4, self.places[index]);
            self.write_rrset(index, &rrsets[index], plans, bytes);
        }
    }

    fn write_rrset(&self, index: usize, plan: &RrsetPlan<'_>, plans: &[Plan<'_>], bytes: &mut [u8]) {
        let encoded = &self.encoded[index];
        let at = self.places[index];
        put_u16(bytes, at + rrset::BYTES, encoded.bytes.len());
        put_u16(bytes, at + rrset::RECORDS, plan.records.len());
        put_u16(bytes, at + rrset::PATCHES, encoded.patches.len());
        put_u16(bytes, at + rrset::ADDITIONALS, plan.additionals.len());
        for (position, patch) in encoded.patches.iter().enumerate() {
            put_u16(bytes, at + rrset::LEN + 2 * position, *patch);
        }
        let mut next = at + pad(rrset::LEN + 2 * encoded.patches.len());
        for additional in &plan.additionals {
            let start = encoded.starts[additional.record];
            let name_at =
                additional.name_at.map_or(start, |at| start + crate::snapshot::layout::record::RDATA + at);
            put_u16(bytes, next, name_at);
            put_u16(bytes, next + 2, if additional.required { usize::from(rrset::REQUIRED) } else { 0 });
            put_u32(bytes, next + 4, plans[additional.node].at);
            next += rrset::ADDITIONAL;
        }
        bytes[next..next + encoded.bytes.len()].copy_from_slice(&encoded.bytes);
    }
}

fn put_u16(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}

fn put_u32(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
}
