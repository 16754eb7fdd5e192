//! A compiled zone: one run of immutable bytes, read in place.

use std::fmt;
use std::sync::Arc;

use super::Seed;
use super::layout::{flag, head, node, pad, record, rrset, tag};
use crate::wire::RrType;

/// A compiled zone. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(Arc<[u8]>);

impl Zone {
    /// Takes bytes as [`super::layout`] describes them; only `compile` makes such bytes.
    pub fn from_bytes(bytes: Arc<[u8]>) -> Zone {
        Zone(bytes)
    }

    /// A zone that is known but cannot be answered from: its queries are answered SERVFAIL.
    pub fn faulty(origin_lower: &[u8]) -> Zone {
        let mut bytes = vec![0; head::LEN];
        bytes[head::ORIGIN_LEN] = origin_lower.len() as u8;
        bytes[head::FAULTY] = 1;
        bytes.extend_from_slice(origin_lower);
        Zone(bytes.into())
    }

    /// Whether the zone cannot be answered from.
    pub fn is_faulty(&self) -> bool {
        self.0[head::FAULTY] != 0
    }

    /// The origin in wire form, lower case.
    pub fn origin(&self) -> &[u8] {
        &self.0[head::LEN..head::LEN + usize::from(self.0[head::ORIGIN_LEN])]
    }

    /// Number of names that own records or are proxied.
    pub fn names(&self) -> u32 {
        self.u32(head::NAMES)
    }

    /// Octets that the zone takes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The apex.
    pub fn apex(&self) -> Node<'_> {
        Node { zone: self, at: self.u32(head::APEX) as usize }
    }

    /// The SOA RRset.
    pub fn soa(&self) -> Rrset<'_> {
        Rrset { zone: self, at: self.u32(head::SOA) as usize }
    }

    /// TTL of negative answers, in seconds: min(TTL of the SOA, MINIMUM) (RFC 2308 section 5).
    pub fn negative_ttl(&self) -> u32 {
        self.u32(head::NEGATIVE_TTL)
    }

    /// The node of a name, given by its labels in front of the origin in lower case.
    pub fn find(&self, seed: &Seed, relative: &[u8]) -> Option<Node<'_>> {
        self.find_hashed(seed.hash(relative), relative)
    }

    /// [`Zone::find`] where the hash of `relative` by the seed is known already.
    pub fn find_hashed(&self, hash: u64, relative: &[u8]) -> Option<Node<'_>> {
        self.candidates(hash).find(|node| node.relative_name() == relative)
    }

    /// The first node that a name of this hash can be, without a look at the node itself: what a batch touches
    /// ahead. A faulty zone has none.
    pub fn seek(&self, hash: u64) -> Option<Node<'_>> {
        if self.is_faulty() { None } else { self.candidates(hash).next() }
    }

    /// Reads an octet of the head, so that the first cache line is on its way before anything depends on it.
    pub fn touch_head(&self) -> u8 {
        self.0[head::FAULTY]
    }

    /// The nodes whose tag is that of a hash.
    fn candidates(&self, hash: u64) -> impl Iterator<Item = Node<'_>> {
        let mask = self.u32(head::MASK) as usize;
        let tags = self.u32(head::TAGS) as usize;
        let slots = self.u32(head::SLOTS) as usize;
        let wanted = tag(hash);
        let mut slot = hash as usize & mask;
        std::iter::from_fn(move || {
            loop {
                let (here, found) = (slot, self.0[tags + slot]);
                // The table is never full, so an empty slot ends every search.
                if found == 0 {
                    return None;
                }
                slot = (slot + 1) & mask;
                if found == wanted {
                    return Some(Node { zone: self, at: self.u32(slots + 4 * here) as usize });
                }
            }
        })
    }

    /// All nodes, empty non-terminals included, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let count = if self.is_faulty() { 0 } else { self.u32(head::MASK) as usize + 1 };
        let tags = self.u32(head::TAGS) as usize;
        let slots = self.u32(head::SLOTS) as usize;
        (0..count)
            .filter(move |slot| self.0[tags + slot] != 0)
            .map(move |slot| Node { zone: self, at: self.u32(slots + 4 * slot) as usize })
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({} octets)", self.0.len())
    }
}

/// A name of a zone.
#[derive(Clone, Copy)]
pub struct Node<'z> {
    zone: &'z Zone,
    at: usize,
}

impl<'z> Node<'z> {
    fn flags(self) -> u8 {
        self.zone.0[self.at + node::FLAGS]
    }

    fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// The labels in front of the origin in wire form, lower case, without a root label.
    pub fn relative_name(self) -> &'z [u8] {
        let len = usize::from(self.zone.0[self.at + node::NAME_LEN]);
        &self.zone.0[self.at + node::LEN..self.at + node::LEN + len]
    }

    /// Reads an octet of the node, so that its cache line is on its way before anything depends on it.
    pub fn touch(self) -> u8 {
        self.flags()
    }

    /// Whether addresses come from the governing set.
    pub fn is_proxied(self) -> bool {
        self.has(flag::PROXIED)
    }

    /// Whether it is a zone cut.
    pub fn is_cut(self) -> bool {
        self.has(flag::CUT)
    }

    /// Whether it owns a DNAME.
    pub fn is_dname(self) -> bool {
        self.has(flag::DNAME)
    }

    /// Whether it owns a CNAME that is not proxied.
    pub fn is_cname(self) -> bool {
        self.has(flag::CNAME)
    }

    /// Whether its CNAME is to be answered as the addresses of the target.
    pub fn is_flattened(self) -> bool {
        self.has(flag::FLATTEN)
    }

    /// Whether it is the apex.
    pub fn is_apex(self) -> bool {
        self.zone.0[self.at + node::NAME_LEN] == 0
    }

    /// Whether it owns nothing itself and exists only because names below it do (RFC 4592 section 2.2.2).
    pub fn is_empty_non_terminal(self) -> bool {
        self.zone.u16(self.at + node::TYPES) == 0 && !self.is_proxied()
    }

    /// The cut or DNAME that this name lies below.
    pub fn covered_by(self) -> Option<Node<'z>> {
        self.has(flag::OCCLUDED).then(|| self.linked()).flatten()
    }

    /// The wildcard directly below this name.
    pub fn wildcard(self) -> Option<Node<'z>> {
        if self.has(flag::OCCLUDED) { None } else { self.linked() }
    }

    fn linked(self) -> Option<Node<'z>> {
        let at = self.zone.u32(self.at + node::LINK) as usize;
        (at != 0).then_some(Node { zone: self.zone, at })
    }

    /// The RRset of a type, as stored.
    pub fn rrset(self, rtype: RrType) -> Option<Rrset<'z>> {
        self.rrsets().find(|(found, _)| *found == rtype).map(|(_, rrset)| rrset)
    }

    /// All RRsets stored here.
    pub fn rrsets(self) -> impl Iterator<Item = (RrType, Rrset<'z>)> {
        let zone = self.zone;
        let name_len = usize::from(zone.0[self.at + node::NAME_LEN]);
        let directory = self.at + pad(node::LEN + name_len);
        let types = usize::from(zone.u16(self.at + node::TYPES));
        (0..types).map(move |index| {
            let entry = directory + node::ENTRY * index;
            (RrType(zone.u16(entry)), Rrset { zone, at: zone.u32(entry + 4) as usize })
        })
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({:#04x}, {:?})", self.flags(), self.relative_name())
    }
}

/// An RRset, ready for a message.
#[derive(Clone, Copy)]
pub struct Rrset<'z> {
    zone: &'z Zone,
    at: usize,
}

impl<'z> Rrset<'z> {
    /// Number of records.
    pub fn len(self) -> u16 {
        self.zone.u16(self.at + rrset::RECORDS)
    }

    /// Whether there is no record; does not occur.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn patch_count(self) -> usize {
        usize::from(self.zone.u16(self.at + rrset::PATCHES))
    }

    fn additional_count(self) -> usize {
        usize::from(self.zone.u16(self.at + rrset::ADDITIONALS))
    }

    fn additionals_at(self) -> usize {
        self.at + pad(rrset::LEN + 2 * self.patch_count())
    }

    /// The records as they stand in a message, the owner being the name asked for.
    pub fn bytes(self) -> &'z [u8] {
        let start = self.additionals_at() + rrset::ADDITIONAL * self.additional_count();
        &self.zone.0[start..start + usize::from(self.zone.u16(self.at + rrset::BYTES))]
    }

    /// Where in [`Rrset::bytes`] a pointer to the zone's origin belongs.
    pub fn patches(self) -> impl Iterator<Item = usize> {
        (0..self.patch_count()).map(move |index| usize::from(self.zone.u16(self.at + rrset::LEN + 2 * index)))
    }

    /// The names in the RDATA whose addresses belong into the additional section.
    pub fn additionals(self) -> impl Iterator<Item = Additional<'z>> {
        let zone = self.zone;
        let start = self.additionals_at();
        (0..self.additional_count()).map(move |index| {
            let at = start + rrset::ADDITIONAL * index;
            Additional {
                name_at: usize::from(zone.u16(at)),
                required: zone.u16(at + 2) & rrset::REQUIRED != 0,
                node: Node { zone, at: zone.u32(at + 4) as usize },
            }
        })
    }

    /// TTL of the records, in seconds.
    pub fn ttl(self) -> u32 {
        let bytes = self.bytes();
        let field = bytes.get(record::TTL..record::RDLENGTH).and_then(|ttl| ttl.try_into().ok());
        field.map_or(0, u32::from_be_bytes)
    }

    /// RDATA of the first record; its names may end in a pointer to be patched.
    pub fn first_rdata(self) -> &'z [u8] {
        let bytes = self.bytes();
        let len = usize::from(u16::from_be_bytes([bytes[record::RDLENGTH], bytes[record::RDLENGTH + 1]]));
        &bytes[record::RDATA..record::RDATA + len]
    }

    /// Whether the first name in the RDATA of the first record ends in a pointer to the origin.
    pub fn is_patched(self) -> bool {
        self.patch_count() > 0
    }
}

/// Whether two are the same one of the same zone, not whether they say the same.
impl PartialEq for Rrset<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.zone, other.zone) && self.at == other.at
    }
}

impl fmt::Debug for Rrset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rrset({} records)", self.len())
    }
}

/// A name in RDATA whose addresses belong into the additional section.
#[derive(Clone, Copy, Debug)]
pub struct Additional<'z> {
    /// Where the name starts in the RRset's bytes.
    pub name_at: usize,
    /// An in-domain name server: the referral is useless without its addresses (RFC 9471).
    pub required: bool,
    /// The name's node in the same zone.
    pub node: Node<'z>,
}
