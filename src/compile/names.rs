//! What every name of a zone becomes: empty non-terminals, cuts, what lies below them, wildcards, proxied names.

use std::ops::Range;

use super::TooLarge;
use crate::model::{Record, ZoneData};
use crate::snapshot::Seed;
use crate::snapshot::layout::flag;
use crate::wire::name::is_at_or_below;
use crate::wire::{MAX_NAME, RrType};

/// What a name becomes.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Hash of its labels in front of the origin.
    pub(super) hash: u64,
    /// Where those labels start in [`Names::lower`].
    start: u32,
    /// Index of the name above.
    parent: u32,
    /// Its records in [`Names::members`].
    first: u32,
    records: u32,
    /// Its RRsets: the first one and how many.
    pub(super) first_set: u32,
    pub(super) sets: u32,
    /// Index of the covering node, or of the wildcard child.
    pub(super) link: Option<u32>,
    /// Octets of its labels.
    len: u8,
    /// Flags of the node.
    pub(super) flags: u8,
}

/// All names of the zone in the order met, parents before children; the apex is the first.
pub(super) struct Names<'d> {
    data: &'d ZoneData,
    pub(super) plans: Vec<Plan>,
    /// The labels of all names in lower case.
    lower: Vec<u8>,
    /// Open addressing by hash: number of a name and one, or zero.
    table: Vec<u32>,
    /// Record numbers by name and type, otherwise in the order read.
    members: Vec<u32>,
}

impl<'d> Names<'d> {
    /// Every owner and every empty non-terminal above one.
    pub(super) fn collect(data: &'d ZoneData, origin: usize, seed: &Seed) -> Result<Names<'d>, TooLarge> {
        let records = &data.records;
        // Most names have two records or more; the table grows where that is wrong.
        let room = records.len() / 2 + 8;
        let mut names = Names {
            data,
            plans: Vec::with_capacity(room),
            lower: Vec::with_capacity(16 * room),
            table: vec![0; (2 * room).next_power_of_two()],
            members: Vec::new(),
        };
        names.insert(&[], seed);
        let mut node_of = Vec::with_capacity(records.len());
        let mut last = (&records.first().map_or(&data.origin, |record| &record.owner).as_wire()[..0], 0);
        for record in records {
            let owner = record.owner.as_wire();
            // Records of one owner stand together nearly always.
            if owner != last.0 {
                let relative = &owner[..owner.len() - origin];
                let mut lower = [0; MAX_NAME];
                last = (owner, names.ensure(lowered(relative, &mut lower), seed));
            }
            node_of.push(last.1);
            names.plans[last.1 as usize].records += 1;
        }
        // Places are 32 bits wide, those of the arena first of all.
        if u32::try_from(names.lower.len()).is_err() {
            return Err(TooLarge::Zone);
        }
        names.group(&node_of);
        Ok(names)
    }

    /// Sorts the records by name and type.
    fn group(&mut self, node_of: &[u32]) {
        let mut first = 0;
        for plan in &mut self.plans {
            plan.first = first;
            first += plan.records;
            plan.records = 0;
        }
        self.members.resize(node_of.len(), 0);
        for (at, node) in (0..).zip(node_of) {
            let plan = &mut self.plans[*node as usize];
            self.members[(plan.first + plan.records) as usize] = at;
            plan.records += 1;
        }
        for plan in &self.plans {
            let rtype = |at: &u32| self.data.records[*at as usize].rtype;
            let members = &mut self.members[range(plan.first, plan.records)];
            if !members.is_sorted_by_key(rtype) {
                members.sort_by_key(rtype);
            }
        }
    }

    /// The index of a name, made with those above it where they are missing.
    fn ensure(&mut self, relative: &[u8], seed: &Seed) -> u32 {
        match self.lookup(relative, seed.hash(relative)) {
            Some(node) => node,
            None => self.insert(relative, seed),
        }
    }

    /// Adds a name that is not there.
    fn insert(&mut self, relative: &[u8], seed: &Seed) -> u32 {
        // At most 127 labels: as deep as this goes.
        let parent = match relative {
            [] => 0,
            [len, rest @ ..] => match &rest[usize::from(*len)..] {
                [] => 0,
                parent => self.ensure(parent, seed),
            },
        };
        if 4 * (self.plans.len() + 1) > 3 * self.table.len() {
            self.grow();
        }
        let index = self.plans.len() as u32;
        let hash = seed.hash(relative);
        let start = self.lower.len() as u32;
        self.lower.extend_from_slice(relative);
        let len = relative.len() as u8;
        self.plans.push(Plan {
            hash,
            start,
            parent,
            first: 0,
            records: 0,
            first_set: 0,
            sets: 0,
            link: None,
            len,
            flags: 0,
        });
        put(&mut self.table, hash, index);
        index
    }

    fn grow(&mut self) {
        self.table = vec![0; 2 * self.table.len()];
        for (index, plan) in (0..).zip(&self.plans) {
            put(&mut self.table, plan.hash, index);
        }
    }

    fn lookup(&self, relative: &[u8], hash: u64) -> Option<u32> {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let index = self.table[slot].checked_sub(1)?;
            if self.plans[index as usize].hash == hash && self.relative(index as usize) == relative {
                return Some(index);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Decides what a name is. Its parent was settled before.
    pub(super) fn settle(&mut self, index: usize, proxies: bool) {
        let apex = index == 0;
        let parent = self.plans[index].parent as usize;
        let covering = if apex { None } else { self.covering(parent) };
        if let Some(covering) = covering {
            self.plans[index].flags = flag::OCCLUDED;
            self.plans[index].link = Some(covering as u32);
            return;
        }
        let wildcard = self.is_wildcard(index);
        let (mut ns, mut dname, mut cname, mut flatten, mut proxied) = (false, false, false, apex, false);
        for record in self.records(index) {
            match record.rtype {
                RrType::NS => ns = true,
                RrType::DNAME => dname = true,
                RrType::CNAME => {
                    cname = true;
                    flatten |= record.tags.flatten;
                }
                _ => {}
            }
            proxied |= can_proxy(record.rtype) && record.is_proxied();
        }
        let mut flags = 0;
        if !apex && ns {
            flags |= flag::CUT;
        }
        // A wildcard with NS is a cut for its own name, and data like any other where it is the source of synthesis
        // (RFC 4592 section 4.2 leaves it open; as NSD does).
        if flags & flag::CUT != 0 && !wildcard {
            // Nothing but glue stands beside the delegation.
        } else if proxies && proxied {
            flags |= flag::PROXIED;
        } else if cname {
            flags |= if flatten { flag::CNAME | flag::FLATTEN } else { flag::CNAME };
        }
        if dname {
            flags |= flag::DNAME;
        }
        self.plans[index].flags = flags;
        if wildcard {
            self.plans[parent].link = Some(index as u32);
        }
    }

    /// The cut or DNAME at or above a name that lies above another.
    fn covering(&self, parent: usize) -> Option<usize> {
        let plan = &self.plans[parent];
        if plan.flags & flag::OCCLUDED != 0 {
            plan.link.map(|link| link as usize)
        } else {
            (plan.flags & (flag::CUT | flag::DNAME) != 0).then_some(parent)
        }
    }

    /// Whether what covers a name is a cut, so that its addresses may be glue.
    pub(super) fn covered_by_cut(&self, index: usize) -> bool {
        let plan = &self.plans[index];
        let covering = plan.link.filter(|_| plan.flags & flag::OCCLUDED != 0);
        covering.is_some_and(|covering| self.plans[covering as usize].flags & flag::CUT != 0)
    }

    /// The index of a name in wire form, if it is one of the zone's.
    pub(super) fn find(&self, wire: &[u8], origin: &[u8], seed: &Seed) -> Option<usize> {
        if !is_at_or_below(wire, origin) {
            return None;
        }
        let relative = &wire[..wire.len() - origin.len()];
        let mut lower = [0; MAX_NAME];
        let lower = lowered(relative, &mut lower);
        self.lookup(lower, seed.hash(lower)).map(|index| index as usize)
    }

    /// Whether the first label of a name is `*`.
    pub(super) fn is_wildcard(&self, index: usize) -> bool {
        self.relative(index).starts_with(b"\x01*")
    }

    /// Labels of a name in front of the origin.
    pub(super) fn relative(&self, index: usize) -> &[u8] {
        let plan = &self.plans[index];
        &self.lower[range(plan.start, plan.len.into())]
    }

    /// Numbers of the records of a name, by type.
    pub(super) fn members(&self, index: usize) -> &[u32] {
        let plan = &self.plans[index];
        &self.members[range(plan.first, plan.records)]
    }

    /// The records of a name, by type.
    pub(super) fn records(&self, index: usize) -> impl Iterator<Item = &'d Record> {
        self.members(index).iter().map(|at| self.record(*at))
    }

    /// A record by its number.
    pub(super) fn record(&self, at: u32) -> &'d Record {
        &self.data.records[at as usize]
    }
}

/// Takes the first free slot for a name.
fn put(table: &mut [u32], hash: u64, index: u32) {
    let mask = table.len() - 1;
    let mut slot = hash as usize & mask;
    while table[slot] != 0 {
        slot = (slot + 1) & mask;
    }
    table[slot] = index + 1;
}

/// Part of a name in lower case.
fn lowered<'b>(name: &[u8], buffer: &'b mut [u8; MAX_NAME]) -> &'b [u8] {
    let lower = &mut buffer[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    lower
}

/// `len` places from `first` on.
pub(super) fn range(first: u32, len: u32) -> Range<usize> {
    first as usize..first as usize + len as usize
}

/// What a `cf-proxied` tag can stand on.
pub(super) fn can_proxy(rtype: RrType) -> bool {
    rtype.is_address() || rtype == RrType::CNAME
}
