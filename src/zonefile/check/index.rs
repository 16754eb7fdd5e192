//! The names of a zone as a tree: owners, the empty names between them, and what lies below a cut.
//!
//! Invariant: a parent has a lower number than its children, so that one pass in order passes everything down.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;

use crate::model::Record;
use crate::wire::{MAX_NAME, Name, RrType};

/// A wire name as a key, without regard to case.
#[derive(Clone, Copy)]
struct Folded<'r>(&'r [u8]);

impl PartialEq for Folded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Folded<'_> {}

impl Hash for Folded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut lower = [0; MAX_NAME];
        let len = self.0.len().min(MAX_NAME);
        lower[..len].copy_from_slice(&self.0[..len]);
        lower[..len].make_ascii_lowercase();
        state.write(&lower[..len]);
    }
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
    by_name: HashMap<Folded<'r>, u32, RandomState>,
    /// The name above the last owner that was new, and its node.
    last_parent: (&'r [u8], u32),
    pub(super) nodes: Vec<Node>,
    /// The node of every record; of those dropped it means nothing.
    pub(super) node_of: Vec<u32>,
    /// Record numbers by node, in the order read.
    members: Vec<u32>,
}

impl<'r> Index<'r> {
    /// Makes the tree of the records that are not dropped, all of which are in the zone.
    pub(super) fn new(zone: &'r Name, records: &'r [Record], dropped: &[bool]) -> Index<'r> {
        let mut nodes = Vec::with_capacity(records.len() / 2 + 8);
        nodes.push(Node::default());
        let mut index = Index {
            apex: zone.as_wire(),
            by_name: HashMap::with_capacity_and_hasher(records.len() / 2 + 1, RandomState::default()),
            last_parent: (&[], 0),
            nodes,
            node_of: Vec::with_capacity(records.len()),
            members: Vec::new(),
        };
        index.by_name.insert(Folded(index.apex), 0);
        let mut last: (&[u8], u32) = (index.apex, 0);
        for (record, dropped) in records.iter().zip(dropped) {
            let owner = record.owner.as_wire();
            // Records of one owner stand together nearly always.
            if !*dropped && last.0 != owner {
                last = (owner, index.ensure(owner));
            }
            index.node_of.push(last.1);
            index.nodes[last.1 as usize].count += u32::from(!*dropped);
        }
        let mut first = 0;
        for node in &mut index.nodes {
            node.first = first;
            first += node.count;
            node.count = 0;
        }
        index.members.resize(first as usize, 0);
        for (at, node) in index.node_of.iter().enumerate().filter(|(at, _)| !dropped[*at]) {
            let node = &mut index.nodes[*node as usize];
            index.members[(node.first + node.count) as usize] = at as u32;
            node.count += 1;
        }
        index
    }

    /// The node of a name, made with those above it where they are missing.
    fn ensure(&mut self, name: &'r [u8]) -> u32 {
        let above = name.get(1 + usize::from(name[0])..).unwrap_or_default();
        // Names of one parent follow each other nearly always.
        if above.is_empty() || !above.eq_ignore_ascii_case(self.last_parent.0) {
            if let Some(node) = self.by_name.get(&Folded(name)) {
                return *node;
            }
            // Not the apex, which is there: so the name above is in the zone as well.
            self.last_parent = (above, self.ensure_above(above));
        }
        let parent = self.last_parent.1;
        match self.by_name.entry(Folded(name)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let node = self.nodes.len() as u32;
                self.nodes.push(Node { parent, wildcard: name.starts_with(b"\x01*"), ..Node::default() });
                *entry.insert(node)
            }
        }
    }

    /// The node of a name above an owner, made with those above it where they are missing.
    fn ensure_above(&mut self, name: &'r [u8]) -> u32 {
        let mut missing: [u8; MAX_NAME] = [0; MAX_NAME];
        let (mut count, mut at) = (0, 0);
        let mut parent = loop {
            match self.by_name.get(&Folded(&name[at..])) {
                Some(node) => break *node,
                None => {
                    // Offsets in a name are below 255.
                    missing[count] = at as u8;
                    count += 1;
                    at += 1 + usize::from(name[at]);
                }
            }
        };
        for at in missing[..count].iter().rev() {
            let name = &name[usize::from(*at)..];
            let node = self.nodes.len() as u32;
            self.nodes.push(Node { parent, wildcard: name.starts_with(b"\x01*"), ..Node::default() });
            self.by_name.insert(Folded(name), node);
            parent = node;
        }
        parent
    }

    /// The records of a node in the order read.
    pub(super) fn members(&self, node: u32) -> &[u32] {
        let node = &self.nodes[node as usize];
        &self.members[node.first as usize..(node.first + node.count) as usize]
    }

    /// Finds the cuts and passes down what they and DNAME records hide.
    pub(super) fn find_cuts(&mut self) {
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
        if !crate::wire::name::is_at_or_below(name, self.apex) {
            return Found::Outside;
        }
        let mut at = 0;
        let closest = loop {
            match self.by_name.get(&Folded(&name[at..])) {
                Some(node) => break *node,
                None => at += 1 + usize::from(name[at]),
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
        wildcard.extend_from_slice(&name[at..]);
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
