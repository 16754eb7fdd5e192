//! Data that a cut or a DNAME hides, tags, and loops of CNAME records.
//!
//! Invariant: hidden data is only warned about; it stays in the zone.

use crate::wire::RrType;

use super::super::codes;
use super::index::{Found, Index, target};
use super::{Check, Part};

impl Check<'_, '_> {
    /// What is hidden, what must be tagged; and from here on hidden names are not proxied.
    pub(super) fn hidden_data(&mut self, index: &mut Index<'_>) {
        if !index.hides && !self.options.require_tags {
            return;
        }
        self.mark_name_servers(index);
        for at in 0..self.records.len() as u32 {
            if self.dropped(at) {
                continue;
            }
            let marks = &self.marks[at as usize];
            let node = index.nodes[marks.node as usize];
            let record = self.record(at);
            let (rtype, proxied) = (record.rtype, record.is_proxied());
            let below_cut = node.cut || node.hidden_by.is_some_and(|by| index.nodes[by as usize].cut);
            let needs_tag = if rtype.is_address() { !below_cut } else { rtype == RrType::CNAME };
            if self.options.require_tags && needs_tag && record.tags.proxied.is_none() && !marks.bad_tags {
                self.add(codes::UNTAGGED, at, Part::Owner, |record| {
                    format!("{} record of {} without a tag: cf-proxied", record.rtype, record.owner)
                });
            }
            if rtype == RrType::NS && node.wildcard {
                self.add(codes::WILDCARD_NS, at, Part::Owner, |record| {
                    format!("NS record at a wildcard: {}", record.owner)
                });
            }
            if node.is_served() || (node.hidden_by.is_none() && matches!(rtype, RrType::NS | RrType::DS)) {
                continue;
            }
            let by = if below_cut { "delegation" } else { "DNAME" };
            if proxied {
                self.add(codes::PROXIED_BELOW_CUT, at, Part::Tag, |record| {
                    format!("hidden by a {by}, neither proxied nor shown: {}", record.owner)
                });
            } else if !(below_cut && node.ns_target && rtype.is_address()) {
                self.add(codes::OCCLUDED, at, Part::Owner, |record| {
                    format!("{} record hidden by a {by}: {}", record.rtype, record.owner)
                });
            }
        }
        for node in &mut index.nodes {
            node.proxied &= node.is_served();
        }
    }

    /// Marks the nodes whose addresses are glue.
    fn mark_name_servers(&mut self, index: &mut Index<'_>) {
        for (at, record) in self.records.iter().enumerate() {
            if record.rtype != RrType::NS || self.dropped(at as u32) {
                continue;
            }
            if let Some(target) = target(record.rtype, &record.rdata)
                && let Found::Hidden(Some(node)) = index.find(target)
            {
                index.nodes[node as usize].ns_target = true;
            }
        }
    }

    /// CNAME records that lead round in a circle within the zone.
    pub(super) fn loops(&mut self, index: &Index<'_>) {
        if !index.aliases {
            return;
        }
        // Which walk came by a node first; each node is left once, so all walks together are linear.
        let mut walked = vec![0_u32; index.nodes.len()];
        for start in 0..index.nodes.len() {
            let walk = start as u32 + 1;
            let mut node = start;
            while walked[node] == 0 {
                walked[node] = walk;
                let Some(next) = self.next_of_chain(index, node) else { break };
                node = next;
                if walked[node] == walk {
                    self.report_loop(index, node);
                    break;
                }
            }
        }
    }

    /// Where the CNAME of a node leads, if it is served as it is stored.
    fn next_of_chain(&self, index: &Index<'_>, node: usize) -> Option<usize> {
        let node = &index.nodes[node];
        let at = node.cname.filter(|_| !node.proxied && node.is_served())?;
        match index.find(target(RrType::CNAME, &self.record(at).rdata)?) {
            Found::Node(next) => Some(next as usize),
            _ => None,
        }
    }

    fn report_loop(&mut self, index: &Index<'_>, start: usize) {
        let mut first = index.nodes[start].cname;
        let mut node = start;
        while let Some(next) = self.next_of_chain(index, node).filter(|next| *next != start) {
            node = next;
            first = first.min(index.nodes[node].cname);
        }
        if let Some(at) = first {
            self.add(codes::CNAME_LOOP, at, Part::Data, |record| {
                format!("CNAME records that lead back to: {}", record.owner)
            });
        }
    }
}
