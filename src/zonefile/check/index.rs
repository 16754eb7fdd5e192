//! The names of a zone as a tree: owners, the empty names between them, and what lies below a cut.
//!
//! Invariant: a parent has a lower number than its children, so that one pass in order passes everything down.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::super::context::Marks;
use crate::model::Record;
use crate::wire::{MAX_NAME, Name, RrType};

/// The labels of a name in front of the apex as a key, without regard to case.
#[derive(Clone, Copy)]
struct Folded<'r>(&'r [u8]);

impl PartialEq for Folded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Folded<'_> {}

impl Hash for Folded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (words, rest) = self.0.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        for word in words.iter().chain([&last]) {
            state.write_u64(lower(u64::from_le_bytes(*word)));
        }
    }
}

/// Eight octets with the letters among them in lower case. Length octets are below 'A' and stay.
fn lower(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    // The high bit of an octet tells whether it is at least 'A', beyond 'Z'; no sum reaches the next octet.
    let low = word & !HIGH;
    let at_least_a = low + EACH * u64::from(0x80 - b'A');
    let beyond_z = low + EACH * u64::from(0x7f - b'Z');
    let upper = (at_least_a ^ beyond_z) & !word & HIGH;
    word | upper >> 2
}

/// A name of the zone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    parent: u32,
    /// Its records in [`Index::members`].
    first: u32,
    count: u32,
    /// A record here is tagged `cf-proxied:true`; where the name is hidden it counts for nothing.
    pub(super) proxied: bool,
    pub(super) ns: bool,
    pub(super) cname: Option<u32>,
    pub(super) dname: bool,
    pub(super) address: bool,
    pub(super) wildcard: bool,
    /// A delegation starts here.
    pub(super) cut: bool,
    /// The delegation or DNAME above that hides this name.
    pub(super) hidden_by: Option<u32>,
    /// An NS record of the zone leads here.
    pub(super) ns_target: bool,
}

impl Node {
    /// Where its records stand in [`Index::members`].
    pub(super) fn range(&self) -> Range<usize> {
        self.first as usize..(self.first + self.count) as usize
    }

    /// Whether answers come from this name's own data.
    pub(super) fn is_served(&self) -> bool {
        !self.cut && self.hidden_by.is_none()
    }
}

/// What a name is in this zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Another zone's.
    Outside,
    /// There is no such name, and no wildcard for it.
    Missing,
    /// At or below a cut, or below a DNAME; the node where there is one.
    Hidden(Option<u32>),
    /// This node, or the wildcard that stands for it.
    Node(u32),
}

/// All names of a zone.
pub(super) struct Index<'r> {
    apex: &'r [u8],
    /// The nodes by their labels in front of the apex, whose own node is the first one.
    by_name: HashMap<Folded<'r>, u32, RandomState>,
    /// What stands above the last owner that was not at the apex or right below it, and its node.
    last_parent: (&'r [u8], u32),
    pub(super) nodes: Vec<Node>,
    /// Record numbers by node, in the order read.
    pub(super) members: Vec<u32>,
    /// Whether a record is not in the zone.
    pub(super) outside: bool,
    /// Whether a name has a CNAME.
    pub(super) aliases: bool,
    /// Whether a name below the apex delegates, or one has a DNAME; nothing is hidden otherwise.
    pub(super) hides: bool,
}

impl<'r> Index<'r> {
    /// Makes the tree, notes the node of every record, and drops the records that are not in the zone.
    pub(super) fn new(zone: &'r Name, records: &'r [Record], marks: &mut [Marks]) -> Index<'r> {
        let mut nodes = Vec::with_capacity(records.len() / 2 + 8);
        nodes.push(Node::default());
        let mut index = Index {
            apex: zone.as_wire(),
            by_name: HashMap::with_capacity_and_hasher(records.len() / 2 + 1, RandomState::default()),
            last_parent: (&[], 0),
            nodes,
            members: Vec::new(),
            outside: false,
            aliases: false,
            hides: false,
        };
        let mut last: (&[u8], Option<u32>) = (index.apex, Some(0));
        let mut count = 0;
        for (record, marks) in records.iter().zip(marks.iter_mut()) {
            let owner = record.owner.as_wire();
            // Records of one owner share its octets nearly always.
            if !std::ptr::eq(last.0, owner) {
                last = (owner, index.relative(owner).map(|name| index.ensure(name)));
            }
            match last.1 {
                Some(node) => {
                    marks.node = node;
                    index.nodes[node as usize].count += 1;
                    count += 1;
                }
                None => {
                    marks.dropped = true;
                    index.outside = true;
                }
            }
        }
        let mut first = 0;
        for node in &mut index.nodes {
            node.first = first;
            first += node.count;
            node.count = 0;
        }
        index.members.resize(count, 0);
        for (at, marks) in marks.iter().enumerate().filter(|(_, marks)| !marks.dropped) {
            let node = &mut index.nodes[marks.node as usize];
            index.members[(node.first + node.count) as usize] = at as u32;
            node.count += 1;
        }
        index
    }

    /// The labels of a name in front of the apex; `None` where it is not in the zone.
    fn relative<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let (labels, end) = name.split_at_checked(name.len().checked_sub(self.apex.len())?)?;
        let mut at = 0;
        while let Some(len) = labels.get(at) {
            at += 1 + usize::from(*len);
        }
        // Nearly always the apex is written in the same case everywhere.
        let below = end == self.apex || end.eq_ignore_ascii_case(self.apex);
        (below && at == labels.len()).then_some(labels)
    }

    /// The node of a name, made with those above it where they are missing.
    fn ensure(&mut self, name: &'r [u8]) -> u32 {
        let Some((len, rest)) = name.split_first() else { return 0 };
        let above = &rest[usize::from(*len)..];
        // Names of one parent follow each other nearly always.
        if !above.is_empty() && above != self.last_parent.0 {
            let known = self.by_name.get(&Folded(above)).copied();
            // A name has at most 127 labels.
            self.last_parent = (above, known.unwrap_or_else(|| self.ensure(above)));
        }
        let parent = if above.is_empty() { 0 } else { self.last_parent.1 };
        let new = self.nodes.len() as u32;
        let node = *self.by_name.entry(Folded(name)).or_insert(new);
        if node == new {
            self.nodes.push(Node { parent, wildcard: name.starts_with(b"\x01*"), ..Node::default() });
        }
        node
    }

    /// Finds the cuts and passes down what they and DNAME records hide.
    pub(super) fn find_cuts(&mut self) {
        if !self.hides {
            return;
        }
        for at in 0..self.nodes.len() {
            let parent = self.nodes[at].parent;
            let above = self.nodes[parent as usize];
            let node = &mut self.nodes[at];
            // A wildcard delegates nothing: its NS is ordinary data.
            node.cut = at > 0 && node.ns && !node.wildcard;
            if at > 0 {
                node.hidden_by = above.hidden_by.or_else(|| (above.cut || above.dname).then_some(parent));
            }
        }
    }

    /// Looks a name up as a query for it would be (RFC 4592 section 4.3).
    pub(super) fn find(&self, name: &[u8]) -> Found {
        let Some(labels) = self.relative(name) else { return Found::Outside };
        let mut at = 0;
        let closest = loop {
            let Some(len) = labels.get(at) else { break 0 };
            match self.by_name.get(&Folded(&labels[at..])) {
                Some(node) => break *node,
                None => at += 1 + usize::from(*len),
            }
        };
        let node = &self.nodes[closest as usize];
        if at == 0 {
            return if node.is_served() { Found::Node(closest) } else { Found::Hidden(Some(closest)) };
        }
        if !node.is_served() || node.dname {
            return Found::Hidden(None);
        }
        let mut wildcard = Vec::with_capacity(MAX_NAME + 2);
        wildcard.extend_from_slice(b"\x01*");
        wildcard.extend_from_slice(&labels[at..]);
        self.by_name.get(&Folded(&wildcard)).map_or(Found::Missing, |node| Found::Node(*node))
    }
}

/// The name that RDATA of a type points to, in wire form.
pub(super) fn target(rtype: RrType, rdata: &[u8]) -> Option<&[u8]> {
    let from = match rtype {
        RrType::NS | RrType::CNAME | RrType::DNAME => 0,
        RrType::MX | RrType::SVCB | RrType::HTTPS => 2,
        RrType::SRV => 6,
        _ => return None,
    };
    let rest = rdata.get(from..)?;
    rest.get(..crate::wire::name::name_len(rest).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lowered_as_octets_are() {
        for octet in 0..=u8::MAX {
            let word = [octet, b'A', 0xff, octet, 0x80, b'z', octet, octet];
            assert_eq!(
                lower(u64::from_le_bytes(word)).to_le_bytes(),
                word.map(|octet| octet.to_ascii_lowercase())
            );
        }
    }
}
