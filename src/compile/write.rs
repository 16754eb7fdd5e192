//! The bytes of a compiled zone: places first, then everything to its place.

use super::TooLarge;
use super::names::{Names, Plan};
use super::rrsets::{Encoded, RrsetPlan, encode};
use crate::snapshot::layout::{flag, head, node, pad, record, rrset, tag};
use crate::snapshot::{Seed, Zone};
use crate::wire::RrType;

/// Places of everything.
pub(super) struct Layout {
    encoded: Vec<Encoded>,
    places: Vec<usize>,
    capacity: usize,
    tags_at: usize,
    slots_at: usize,
    total: usize,
}

impl Layout {
    /// Finds a place for everything.
    pub(super) fn new(
        plans: &mut [Plan<'_>],
        rrsets: &[RrsetPlan<'_>],
        origin: &[u8],
    ) -> Result<Layout, TooLarge> {
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

    /// Writes everything to its place.
    pub(super) fn write(
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
            let name_at = additional.name_at.map_or(start, |at| start + record::RDATA + at);
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
