//! A compiled zone: one run of immutable bytes, read in place.

use std::fmt;
use std::sync::Arc;

use super::Seed;
use super::layout::{DENSE, extension, flag, head, node, record, tag, tags_len};
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
        bytes[head::FLAGS] = head::FAULTY;
        bytes.extend_from_slice(origin_lower);
        Zone(bytes.into())
    }

    /// Whether the zone cannot be answered from.
    pub fn is_faulty(&self) -> bool {
        self.flags() & head::FAULTY != 0
    }

    pub(super) fn flags(&self) -> u8 {
        self.0[head::FLAGS]
    }

    /// The origin in wire form, lower case.
    pub fn origin(&self) -> &[u8] {
        &self.0[head::LEN..head::LEN + usize::from(self.0[head::ORIGIN_LEN])]
    }

    /// Number of names that own records or are proxied.
    pub fn names(&self) -> u32 {
        self.u32(head::NAMES)
    }

    /// Number of proxied names.
    pub fn proxied(&self) -> u32 {
        self.u32(head::PROXIED)
    }

    /// Octets that the zone takes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// The apex. A faulty zone has none.
    pub fn apex(&self) -> Node<'_> {
        Node { zone: &self.0, at: self.table().end() }
    }

    /// The SOA RRset.
    pub fn soa(&self) -> Rrset<'_> {
        let (bytes, records) = (self.u16(head::SOA_BYTES), self.u16(head::SOA_RECORDS));
        Rrset { zone: &self.0, at: self.u32(head::SOA), bytes, records }
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
        self.probe(hash, |node| node.relative_name() == relative)
    }

    /// The first node that a name of this hash can be, without a look at the node itself: what a batch touches
    /// ahead. A faulty zone has none.
    pub fn seek(&self, hash: u64) -> Option<Node<'_>> {
        self.probe(hash, |_| true)
    }

    /// Reads an octet of the head, so that the first cache line is on its way before anything depends on it.
    pub fn touch_head(&self) -> u8 {
        self.0[head::FLAGS]
    }

    /// Reads from the tag and the slot where the search for a hash begins, so that both are on their way before
    /// anything depends on them. What is returned means nothing.
    pub fn touch_home(&self, hash: u64) -> u8 {
        let table = self.table();
        let home = if table.slots <= DENSE { 0 } else { hash as usize & (table.slots - 1) };
        let width = if table.wide { 4 } else { 2 };
        let read = |at: usize| self.0.get(at).copied().unwrap_or_default();
        read(table.tags + home) ^ read(table.places() + width * home)
    }

    /// The first node with the tag of a hash that `is_it` says yes to.
    fn probe<'z>(&'z self, hash: u64, is_it: impl Fn(Node<'z>) -> bool) -> Option<Node<'z>> {
        let table = self.table();
        let wanted = tag(hash);
        if table.slots <= DENSE {
            let group = |at: usize| u64::from_le_bytes(octets(&self.0, at));
            for first in (0..table.slots).step_by(8) {
                // A zero octet is a hit, and so may be the octet behind one: the name decides. The padding never is:
                // it lacks the highest bit, which every tag has.
                let missed = group(table.tags + first) ^ (LOW * u64::from(wanted));
                let mut hits = missed.wrapping_sub(LOW) & !missed & HIGH;
                while hits != 0 {
                    let node = self.node_in(&table, first + hits.trailing_zeros() as usize / 8);
                    if is_it(node) {
                        return Some(node);
                    }
                    hits &= hits - 1;
                }
            }
            return None;
        }
        let mask = table.slots - 1;
        let mut slot = hash as usize & mask;
        loop {
            // The table is never full, so an empty slot ends every search.
            match self.0[table.tags + slot] {
                0 => return None,
                found if found == wanted => {
                    let node = self.node_in(&table, slot);
                    if is_it(node) {
                        return Some(node);
                    }
                }
                _ => {}
            }
            slot = (slot + 1) & mask;
        }
    }

    /// All nodes, empty non-terminals included, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let table = self.table();
        (0..table.slots)
            .filter(move |slot| self.0[table.tags + slot] != 0)
            .map(move |slot| self.node_in(&table, slot))
    }

    fn table(&self) -> Table {
        let tags = head::LEN + usize::from(self.0[head::ORIGIN_LEN]);
        let slots = self.u32(head::SLOTS) as usize;
        let wide = self.0[head::FLAGS] & head::WIDE != 0;
        Table { tags, slots, wide }
    }

    fn node_in(&self, table: &Table, slot: usize) -> Node<'_> {
        let places = table.places();
        let at = if table.wide {
            self.u32(places + 4 * slot) as usize
        } else {
            usize::from(self.u16(places + 2 * slot))
        };
        Node { zone: &self.0, at }
    }

    fn u16(&self, at: usize) -> u16 {
        u16_at(&self.0, at)
    }

    fn u32(&self, at: usize) -> u32 {
        u32_at(&self.0, at)
    }
}

fn octets<const N: usize>(zone: &[u8], at: usize) -> [u8; N] {
    *zone[at..].first_chunk().expect("compile writes what the layout says")
}

fn u16_at(zone: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(octets(zone, at))
}

fn u32_at(zone: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(octets(zone, at))
}

/// The lowest and the highest bit of every octet.
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where the tags and slots of a zone stand.
#[derive(Clone, Copy)]
struct Table {
    tags: usize,
    /// Number of slots.
    slots: usize,
    /// Whether a slot has four octets.
    wide: bool,
}

impl Table {
    /// Place of the slots.
    fn places(&self) -> usize {
        self.tags + tags_len(self.slots)
    }

    /// Behind the slots: the first node.
    fn end(&self) -> usize {
        self.places() + if self.wide { 4 } else { 2 } * self.slots
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
    zone: &'z [u8],
    at: usize,
}

impl<'z> Node<'z> {
    fn flags(self) -> u8 {
        self.zone[self.at + node::FLAGS]
    }

    fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// Place of the relative name.
    fn name_at(self) -> usize {
        let link = usize::from(self.has(flag::LINKED)) * node::LINK;
        self.at + node::LEN + link
    }

    fn name_len(self) -> usize {
        usize::from(self.zone[self.at + node::NAME_LEN])
    }

    /// The labels in front of the origin in wire form, lower case, without a root label.
    pub fn relative_name(self) -> &'z [u8] {
        &self.zone[self.name_at()..][..self.name_len()]
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
        self.name_len() == 0
    }

    /// Whether it owns nothing itself and exists only because names below it do (RFC 4592 section 2.2.2).
    pub fn is_empty_non_terminal(self) -> bool {
        u16_at(self.zone, self.at + node::TYPES) == 0 && !self.is_proxied()
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
        self.has(flag::LINKED)
            .then(|| Node { zone: self.zone, at: u32_at(self.zone, self.at + node::LEN) as usize })
    }

    /// The RRset of a type, as stored.
    pub fn rrset(self, rtype: RrType) -> Option<Rrset<'z>> {
        self.rrsets().find(|(found, _)| *found == rtype).map(|(_, rrset)| rrset)
    }

    /// All RRsets stored here.
    pub fn rrsets(self) -> impl Iterator<Item = (RrType, Rrset<'z>)> {
        let zone = self.zone;
        let directory = self.name_at() + self.name_len();
        let types = usize::from(u16_at(zone, self.at + node::TYPES));
        let mut at = directory + node::ENTRY * types;
        (0..types).map(move |index| {
            let [t0, t1, b0, b1, r0, r1] = octets(zone, directory + node::ENTRY * index);
            let (bytes, records) = (u16::from_le_bytes([b0, b1]), u16::from_le_bytes([r0, r1]));
            let rrset = Rrset { zone, at: at as u32, bytes, records };
            at += rrset.extension_len() + usize::from(bytes);
            (RrType(u16::from_le_bytes([t0, t1])), rrset)
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
    zone: &'z [u8],
    /// Place of its extension or, where it has none, of its records.
    at: u32,
    /// Octets of its records.
    bytes: u16,
    /// Number of its records, with [`node::EXTENDED`].
    records: u16,
}

impl<'z> Rrset<'z> {
    /// Number of records.
    pub fn len(self) -> u16 {
        self.records & !node::EXTENDED
    }

    /// Whether there is no record; does not occur.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether it has neither patches nor additionals.
    pub fn is_plain(self) -> bool {
        self.records & node::EXTENDED == 0
    }

    /// Numbers of patches and additionals.
    fn counts(self) -> (usize, usize) {
        if self.is_plain() {
            return (0, 0);
        }
        let at = self.at as usize;
        let count = |field| usize::from(u16_at(self.zone, at + field));
        (count(extension::PATCHES), count(extension::ADDITIONALS))
    }

    fn patches_at(self) -> usize {
        self.at as usize + extension::LEN
    }

    fn extension_len(self) -> usize {
        if self.is_plain() {
            return 0;
        }
        let (patches, additionals) = self.counts();
        extension::LEN + extension::PATCH * patches + extension::ADDITIONAL * additionals
    }

    /// The records as they stand in a message, the owner being the name asked for.
    pub fn bytes(self) -> &'z [u8] {
        let start = self.at as usize + self.extension_len();
        &self.zone[start..start + usize::from(self.bytes)]
    }

    /// Where in [`Rrset::bytes`] a pointer to the zone's origin belongs.
    pub fn patches(self) -> impl Iterator<Item = usize> {
        let patch = move |index| usize::from(u16_at(self.zone, self.patches_at() + extension::PATCH * index));
        (0..self.counts().0).map(patch)
    }

    /// The names in the RDATA whose addresses belong into the additional section.
    pub fn additionals(self) -> impl Iterator<Item = Additional<'z>> {
        let zone = self.zone;
        let (patches, additionals) = self.counts();
        let start = self.patches_at() + extension::PATCH * patches;
        (0..additionals).map(move |index| {
            let at = start + extension::ADDITIONAL * index;
            Additional {
                name_at: usize::from(u16_at(zone, at)),
                required: u16_at(zone, at + 2) & extension::REQUIRED != 0,
                node: Node { zone, at: u32_at(zone, at + 4) as usize },
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
        self.counts().0 > 0
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
