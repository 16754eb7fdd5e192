//! The RRsets of each name: duplicates, TTLs, sizes, and what may stand beside what.
//!
//! Invariant: what is dropped here is dropped before anything asks what a name holds.

use std::collections::HashSet;

use crate::wire::{HEADER_LEN, RrType, edns};

use super::super::codes;
use super::index::Index;
use super::{Check, Part};

/// Largest message over TCP.
const MAX_MESSAGE: usize = 65_535;
/// Octets of a record beside its RDATA, its owner being a pointer to the question.
const RECORD_OVERHEAD: usize = 12;
/// RRsets of at most this many records are compared pair by pair.
const FEW: usize = 8;

/// RDATA of at most this many octets fits into a message with any owner.
const LARGE: usize = 60_000;

/// What a name holds.
#[derive(Default)]
struct Holds {
    proxied: bool,
    soa: bool,
    ns: bool,
    address: bool,
    dname: bool,
    /// The first one.
    cname: Option<u32>,
    /// An RRset may have several records, or be too large.
    sets: bool,
}

impl Check<'_, '_> {
    /// Checks every name, and notes at its node what it holds.
    pub(super) fn sets(&mut self, index: &mut Index<'_>) {
        let mut all = std::mem::take(&mut index.members);
        for (at, node) in index.nodes.iter_mut().enumerate() {
            let mut members = &mut all[node.range()];
            let mut holds = self.holds(members);
            let alias = holds.cname.is_some() || holds.dname;
            if holds.sets || alias {
                // Stable: within a type the order read stays.
                members.sort_by_key(|at| self.record(*at).rtype);
                self.each_set(members, Self::duplicates);
                members = self.kept(members);
                holds = self.holds(members);
            }
            let (apex, proxied) = (at == 0, holds.proxied);
            if holds.soa {
                self.soa(members, apex);
            }
            if alias {
                self.aliases(members, apex, proxied);
                members = self.kept(members);
                holds = self.holds(members);
            }
            if holds.sets {
                self.each_set(members, Self::set);
            }
            node.ns = holds.ns;
            node.cname = holds.cname;
            node.dname = holds.dname;
            node.address = holds.address;
            node.proxied = proxied;
            index.aliases |= node.cname.is_some();
            index.hides |= node.dname || (node.ns && !apex);
        }
    }

    /// What some records of one name are.
    fn holds(&self, members: &[u32]) -> Holds {
        let mut holds = Holds::default();
        let mut types = 0_u64;
        for &at in members {
            let record = self.record(at);
            match record.rtype {
                RrType::A | RrType::AAAA => holds.address = true,
                RrType::NS => holds.ns = true,
                RrType::SOA => holds.soa = true,
                RrType::CNAME => holds.cname = holds.cname.or(Some(at)),
                RrType::DNAME => holds.dname = true,
                _ => {}
            }
            holds.proxied |= record.is_proxied();
            let rtype = 1 << (record.rtype.0 % 64);
            holds.sets |= types & rtype != 0 || record.rdata.len() > LARGE;
            types |= rtype;
        }
        holds
    }

    /// Those that were not dropped, in their order.
    fn kept<'m>(&self, members: &'m mut [u32]) -> &'m mut [u32] {
        let mut count = 0;
        for at in 0..members.len() {
            members[count] = members[at];
            count += usize::from(!self.dropped(members[at]));
        }
        &mut members[..count]
    }

    /// Hands on the RRsets of records that are sorted by type.
    fn each_set(&mut self, mut members: &[u32], check: fn(&mut Self, &[u32])) {
        while let Some(first) = members.first() {
            let rtype = self.record(*first).rtype;
            let len = members.iter().take_while(|at| self.record(**at).rtype == rtype).count();
            let (set, rest) = members.split_at(len);
            check(self, set);
            members = rest;
        }
    }

    /// Drops the records of one RRset that were there before.
    fn duplicates(&mut self, set: &[u32]) {
        if set.len() < 2 {
            return;
        }
        let rtype = self.record(set[0]).rtype;
        let mut seen = HashSet::new();
        for (count, &at) in set.iter().enumerate() {
            let rdata = &self.records[at as usize].rdata;
            let first = if set.len() <= FEW {
                set[..count].iter().copied().find(|before| same(rtype, &self.record(*before).rdata, rdata))
            } else {
                (!seen.insert(folded(rtype, rdata))).then(|| {
                    let twin = |before: &u32| same(rtype, &self.record(*before).rdata, rdata);
                    // Only the first few are worth the search for a line number.
                    set[..count.min(1000)].iter().copied().find(twin).unwrap_or(at)
                })
            };
            let Some(first) = first else { continue };
            self.drop_record(at);
            let before = self.line_of(first, at);
            self.tags_of_duplicate(first, at);
            self.add(codes::DUPLICATE, at, Part::Data, |record| {
                format!("{rtype} record of {} is there already, dropped: {before}", record.owner)
            });
        }
    }

    /// Two records that differ only in what their tags say contradict each other.
    fn tags_of_duplicate(&mut self, first: u32, at: u32) {
        let (one, two) = (self.record(first).tags.proxied, self.record(at).tags.proxied);
        if one != two && (one == Some(true) || two == Some(true)) {
            let before = self.line_of(first, at);
            self.add(codes::CONFLICTING_TAGS, at, Part::Tag, |record| {
                format!("the same {} record was tagged differently before: {before}", record.rtype)
            });
        }
    }

    /// One SOA, at the apex.
    fn soa(&mut self, members: &[u32], apex: bool) {
        let mut soas = members.iter().copied().filter(|at| self.records[*at as usize].rtype == RrType::SOA);
        if !apex {
            let zone = self.zone;
            for at in soas.collect::<Vec<_>>() {
                self.add(codes::SOA_NOT_AT_APEX, at, Part::Owner, |record| {
                    format!("SOA of another name than the zone {zone}: {}", record.owner)
                });
            }
            return;
        }
        let Some(first) = soas.next() else { return };
        for at in soas.collect::<Vec<_>>() {
            let before = self.line_of(first, at);
            self.add(codes::SECOND_SOA, at, Part::Owner, |_| {
                format!("second SOA record, the first one is at: {before}")
            });
        }
    }

    /// CNAME and DNAME allow little beside them (RFC 1034 section 3.6.2, RFC 6672 section 2.4).
    fn aliases(&mut self, members: &[u32], apex: bool, proxied: bool) {
        let of = |check: &Self, rtype| -> Vec<u32> {
            members.iter().copied().filter(|at| check.record(*at).rtype == rtype).collect()
        };
        let dnames = of(self, RrType::DNAME);
        if let [first, others @ ..] = dnames.as_slice() {
            for &at in others {
                let before = self.line_of(*first, at);
                self.add(codes::SECOND_DNAME, at, Part::Data, |record| {
                    format!("second DNAME of {}, the first one is at: {before}", record.owner)
                });
            }
        }
        // Where one address record is proxied all of the name are, and none is served as it is stored.
        let cnames = of(self, RrType::CNAME);
        let [first, more @ ..] = cnames.as_slice() else { return };
        if proxied {
            return;
        }
        for &at in more {
            let before = self.line_of(*first, at);
            self.add(codes::MULTIPLE_CNAMES, at, Part::Data, |record| {
                format!("second CNAME of {}, the first one is at: {before}", record.owner)
            });
        }
        if let Some(dname) = dnames.first() {
            let line = self.line_of(*dname, *first);
            self.add(codes::DNAME_AND_CNAME, *first, Part::Owner, |record| {
                format!("CNAME of {} beside a DNAME: {line}", record.owner)
            });
        }
        let beside: Vec<u32> = members
            .iter()
            .copied()
            .filter(|at| !matches!(self.record(*at).rtype, RrType::CNAME | RrType::DNAME))
            .collect();
        let Some(other) = beside.first().copied() else { return };
        match (self.tagged, apex) {
            // It is flattened when it is served.
            (true, true) => {}
            (true, false) => {
                for at in beside {
                    self.drop_record(at);
                    let line = self.line_of(*first, at);
                    self.add(codes::DROPPED_BESIDE_CNAME, at, Part::Owner, |record| {
                        format!("{} record of {} beside a CNAME, dropped: {line}", record.rtype, record.owner)
                    });
                }
            }
            (false, _) => {
                let (rtype, line) = (self.record(other).rtype, self.line_of(other, *first));
                self.add(codes::CNAME_AND_OTHER_DATA, *first, Part::Owner, |record| {
                    format!("CNAME of {} beside other data, {rtype} at: {line}", record.owner)
                });
            }
        }
    }

    /// One TTL for the set, and a size that a message can carry (RFC 2181 section 5).
    fn set(&mut self, set: &[u32]) {
        let Some(&first) = set.first() else { return };
        let ttl = self.record(first).ttl;
        let (mut lowest, mut other, mut size) = (ttl, None, 0);
        for &at in set {
            let record = self.record(at);
            size += RECORD_OVERHEAD + record.rdata.len();
            if record.ttl != ttl {
                lowest = lowest.min(record.ttl);
                other = other.or(Some(at));
            }
        }
        if let Some(other) = other {
            self.add(codes::MIXED_TTL, other, Part::Owner, |record| {
                format!("{} records of {} with different TTLs, all get: {lowest}", record.rtype, record.owner)
            });
            self.ttls.extend(set.iter().map(|at| (*at, lowest)));
        }
        let owner = self.record(first).owner.as_wire().len();
        let most = MAX_MESSAGE - HEADER_LEN - owner - 4 - edns::OPT_LEN;
        if size > most {
            self.add(codes::RRSET_TOO_LARGE, first, Part::Owner, |record| {
                let (rtype, owner) = (record.rtype, &record.owner);
                format!("{rtype} records of {owner} do not fit a message, at most {most} octets: {size}")
            });
        }
    }
}

/// Octets of RDATA at its front and at its end that are not part of a name, for the types whose names compare
/// without regard to case.
fn fixed(rtype: RrType) -> Option<(usize, usize)> {
    match rtype {
        RrType::SOA => Some((0, 20)),
        RrType::MX => Some((2, 0)),
        _ => rtype.has_compressible_names().then_some((0, 0)),
    }
}

/// RDATA as it compares.
fn folded(rtype: RrType, rdata: &[u8]) -> Vec<u8> {
    let mut folded = rdata.to_vec();
    if let Some((front, end)) = fixed(rtype) {
        let end = folded.len().saturating_sub(end);
        if let Some(names) = folded.get_mut(front..end) {
            names.make_ascii_lowercase();
        }
    }
    folded
}

/// Whether two RDATA are the same.
fn same(rtype: RrType, one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len()
        && (one == two || (fixed(rtype).is_some() && folded(rtype, one) == folded(rtype, two)))
}
