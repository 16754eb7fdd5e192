//! What every name of a zone becomes: empty non-terminals, cuts, what lies below them, wildcards, proxied names.

use std::collections::HashMap;

use crate::model::Record;
use crate::snapshot::layout::flag;
use crate::wire::RrType;
use crate::wire::name::{is_at_or_below, labels};

/// What a name becomes.
pub(super) struct Plan<'a> {
    /// The labels in front of the origin.
    pub(super) relative: &'a [u8],
    /// Flags of the node.
    pub(super) flags: u8,
    /// Index of the covering node, or of the wildcard child.
    pub(super) link: Option<usize>,
    /// Range of the zone's RRsets.
    pub(super) rrsets: std::ops::Range<usize>,
    /// Where it will stand.
    pub(super) at: usize,
}

/// All names of the zone, parents before children.
pub(super) struct Names<'a> {
    pub(super) plans: Vec<Plan<'a>>,
    index: HashMap<&'a [u8], usize>,
}

impl<'a> Names<'a> {
    /// Every owner and every empty non-terminal above one.
    pub(super) fn collect(owners: &'a [Box<[u8]>]) -> Names<'a> {
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
    pub(super) fn settle(&mut self, index: usize, records: &[(usize, &Record)], proxies: bool) {
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
        let wildcard = name.starts_with(WILDCARD);
        if !apex && has(RrType::NS) {
            flags |= flag::CUT;
        }
        // A wildcard with NS is a cut for its own name, and data like any other where it is the source of synthesis
        // (RFC 4592 section 4.2 leaves it open; as NSD does).
        if flags & flag::CUT != 0 && !wildcard {
            // Nothing but glue stands beside the delegation.
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
        if wildcard {
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

    /// Whether what covers a name is a cut, so that its addresses may be glue.
    pub(super) fn covered_by_cut(&self, index: usize) -> bool {
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

    /// The index of a name given by its labels in front of the origin.
    pub(super) fn index_of(&self, relative: &[u8]) -> usize {
        self.index[relative]
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

/// The first label of a wildcard.
pub(super) const WILDCARD: &[u8] = b"\x01*";

/// What a `cf-proxied` tag can stand on.
pub(super) fn can_proxy(rtype: RrType) -> bool {
    rtype.is_address() || rtype == RrType::CNAME
}
