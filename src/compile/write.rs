//! The bytes of a compiled zone, one name behind the other; what points to a name is filled in at the end.

use super::TooLarge;
use super::names::{Names, range};
use super::rrsets::{Encoded, RrsetPlan, Sets};
use crate::model::Record;
use crate::snapshot::Zone;
use crate::snapshot::layout::DENSE;
use crate::snapshot::layout::{extension, flag, head, node, record, slots_for, tag, tags_len};
use crate::wire::RrType;
use crate::wire::name::is_at_or_below;

/// Writes a zone.
pub(super) fn write_zone(names: &Names<'_>, sets: &Sets, origin: &[u8]) -> Result<Zone, TooLarge> {
    let slots = slots_for(names.plans.len());
    let most = most_octets(names, sets, origin.len());
    let wide = most + 2 * slots > usize::from(u16::MAX);
    let slot = if wide { 4 } else { 2 };
    let mut bytes = Vec::with_capacity(most + slot * slots);
    bytes.resize(head::LEN, 0);
    bytes.extend_from_slice(origin);
    bytes.resize(bytes.len() + tags_len(slots) + slot * slots, 0);
    let mut writer = Writer {
        names,
        sets,
        origin,
        bytes,
        encoded: Encoded::default(),
        places: Vec::new(),
        links: Vec::new(),
    };
    writer.places.reserve(names.plans.len());
    for index in 0..names.plans.len() {
        writer.node(index)?;
    }
    let Writer { mut bytes, places, links, .. } = writer;
    // Every place is one of an octet that is there.
    if u32::try_from(bytes.len()).is_err() {
        return Err(TooLarge::Zone);
    }
    for (at, node) in links {
        put_u32(&mut bytes, at, places[node]);
    }
    let named = names.plans.iter().filter(|plan| plan.sets > 0 || plan.flags & flag::PROXIED != 0).count();
    let proxied = names.plans.iter().filter(|plan| plan.flags & flag::PROXIED != 0).count();
    put_u32(&mut bytes, head::NAMES, named);
    put_u32(&mut bytes, head::PROXIED, proxied);
    put_u32(&mut bytes, head::SLOTS, slots);
    bytes[head::ORIGIN_LEN] = origin.len() as u8;
    bytes[head::FLAGS] = if wide { head::WIDE } else { 0 } | alias_flags(names, origin);
    fill_slots(&mut bytes, head::LEN + origin.len(), slots, wide, names, &places);
    Ok(Zone::from_bytes(bytes.into()))
}

/// Whether there are aliases, and whether one leads out of the zone.
fn alias_flags(names: &Names<'_>, origin: &[u8]) -> u8 {
    let mut flags = 0;
    for (index, plan) in names.plans.iter().enumerate() {
        if plan.flags & (flag::CNAME | flag::DNAME) == 0 {
            continue;
        }
        flags |= head::ALIASES;
        let alias = |record: &&Record| matches!(record.rtype, RrType::CNAME | RrType::DNAME);
        let leaves = |record: &Record| !is_at_or_below(&record.rdata, origin);
        if names.records(index).filter(alias).any(leaves) {
            return flags | head::LEAVES;
        }
    }
    flags
}

/// At least as many octets as the zone takes without its slots.
fn most_octets(names: &Names<'_>, sets: &Sets, origin: usize) -> usize {
    let nodes: usize = (names.plans.iter().enumerate())
        .map(|(index, plan)| {
            let link = if plan.link.is_some() { node::LINK } else { 0 };
            node::LEN + link + names.relative(index).len()
        })
        .sum();
    let rrsets: usize = (sets.plans.iter())
        .map(|set| {
            let names_in_it = if set.rtype.has_compressible_names() { 2 } else { 0 };
            let most =
                |at: &u32| record::RDATA + names.record(*at).rdata.len() + extension::PATCH * names_in_it;
            let records: usize = sets.records(set).iter().map(most).sum();
            let extension = if names_in_it + set.additionals as usize > 0 { extension::LEN } else { 0 };
            node::ENTRY + extension + extension::ADDITIONAL * set.additionals as usize + records
        })
        .sum();
    head::LEN + origin + tags_len(slots_for(names.plans.len())) + nodes + rrsets
}

struct Writer<'a> {
    names: &'a Names<'a>,
    sets: &'a Sets,
    origin: &'a [u8],
    bytes: Vec<u8>,
    encoded: Encoded,
    /// Where each name stands.
    places: Vec<usize>,
    /// Where the place of which name belongs.
    links: Vec<(usize, usize)>,
}

impl Writer<'_> {
    fn node(&mut self, index: usize) -> Result<(), TooLarge> {
        let plan = &self.names.plans[index];
        let relative = self.names.relative(index);
        self.places.push(self.bytes.len());
        let linked = if plan.link.is_some() { flag::LINKED } else { 0 };
        self.bytes.extend_from_slice(&[plan.flags | linked, relative.len() as u8]);
        self.bytes.extend_from_slice(&(plan.sets as u16).to_le_bytes());
        if let Some(link) = plan.link {
            self.link(link as usize);
        }
        self.bytes.extend_from_slice(relative);
        let mut entry = self.bytes.len();
        self.bytes.resize(entry + node::ENTRY * plan.sets as usize, 0);
        for set in &self.sets.plans[range(plan.first_set, plan.sets)] {
            self.rrset(set, entry)?;
            entry += node::ENTRY;
        }
        Ok(())
    }

    /// Appends the place of a name, once it is known.
    fn link(&mut self, node: usize) {
        self.links.push((self.bytes.len(), node));
        self.bytes.extend_from_slice(&[0; 4]);
    }

    /// Appends an RRset and fills in its directory entry.
    fn rrset(&mut self, set: &RrsetPlan, entry: usize) -> Result<(), TooLarge> {
        let records = self.sets.records(set);
        self.encoded.encode(records.iter().map(|at| self.names.record(*at)), self.origin);
        let octets = self.encoded.bytes.len();
        if octets > usize::from(u16::MAX) {
            return Err(TooLarge::Rrset(self.names.record(records[0]).owner.to_string(), set.rtype));
        }
        let at = self.bytes.len();
        let additionals = self.sets.additionals(set);
        let extended = !additionals.is_empty() || !self.encoded.patches.is_empty();
        if extended {
            self.bytes.extend_from_slice(&(self.encoded.patches.len() as u16).to_le_bytes());
            self.bytes.extend_from_slice(&(additionals.len() as u16).to_le_bytes());
            for patch in &self.encoded.patches {
                self.bytes.extend_from_slice(&(*patch as u16).to_le_bytes());
            }
            for additional in additionals {
                let start = self.encoded.starts[additional.record];
                let name_at = additional.name_at.map_or(start, |at| start + record::RDATA + at);
                let flags = if additional.required { extension::REQUIRED } else { 0 };
                self.bytes.extend_from_slice(&(name_at as u16).to_le_bytes());
                self.bytes.extend_from_slice(&flags.to_le_bytes());
                self.link(additional.node);
            }
        }
        self.bytes.extend_from_slice(&self.encoded.bytes);
        let count = records.len() as u16 | if extended { node::EXTENDED } else { 0 };
        put_u16(&mut self.bytes, entry, set.rtype.0.into());
        put_u16(&mut self.bytes, entry + 2, octets);
        put_u16(&mut self.bytes, entry + 4, count.into());
        if set.rtype == RrType::SOA && self.places.len() == 1 {
            let soa = self.names.record(records[0]);
            let minimum = soa.rdata.last_chunk::<4>().map_or(0, |minimum| u32::from_be_bytes(*minimum));
            put_u32(&mut self.bytes, head::SOA, at);
            put_u16(&mut self.bytes, head::SOA_BYTES, octets);
            put_u16(&mut self.bytes, head::SOA_RECORDS, count.into());
            put_u32(&mut self.bytes, head::NEGATIVE_TTL, soa.ttl.min(minimum) as usize);
        }
        Ok(())
    }
}

/// Fills in tags and slots, which stand from `tags` on.
fn fill_slots(bytes: &mut [u8], tags: usize, slots: usize, wide: bool, names: &Names<'_>, places: &[usize]) {
    let at = tags + tags_len(slots);
    for (index, (plan, place)) in names.plans.iter().zip(places).enumerate() {
        let mut slot = index;
        if slots > DENSE {
            slot = plan.hash as usize & (slots - 1);
            while bytes[tags + slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
        }
        bytes[tags + slot] = tag(plan.hash);
        if wide {
            put_u32(bytes, at + 4 * slot, *place);
        } else {
            put_u16(bytes, at + 2 * slot, *place);
        }
    }
}

fn put_u16(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}

fn put_u32(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
}
