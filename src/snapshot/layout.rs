//! Where things stand in the bytes of a compiled zone. Written by `compile`, read by [`super::zone`].
//!
//! All numbers are little-endian and nothing is padded but the tags: what a lookup needs of a small zone lies in its
//! first cache lines, and a name's data right behind the name. A zone ends at 4 GiB.
//!
//! ```text
//! zone  = head, origin, tags (one octet a slot, padded to a multiple of eight), slots (u16 a slot, u32 in a wide
//!         zone), nodes, the apex first
//! node  = flags u8, length of the relative name u8, number of types u16, link u32 (only with the flag LINKED),
//!         relative name in lower case, directory, then its RRsets in the order of the directory
//! directory entry = type u16, octets of the records u16, number of records u16 (with EXTENDED)
//! rrset = its extension (only with EXTENDED): patches u16, additionals u16, patches (u16 each),
//!         additionals (u16 name, u16 flags, u32 node);
//!         records
//! ```
//!
//! Up to [`DENSE`] names are looked for among all tags, eight at a time: the slot of a name is its number. More are
//! in a hash table with open addressing.
//!
//! Records of an RRset are ready for a message: the owner is the pointer `C0 0C`, which is right whenever the owner is
//! the name asked for. Names in the RDATA of RFC 1035 types that end in the zone's origin end in a pointer that a
//! *patch* names: where the origin stands in a message is known only there.

/// Offsets in the head.
pub mod head {
    /// Names that own records or are proxied: what people count.
    pub const NAMES: usize = 0;
    /// Number of slots: the names of a dense zone, else a power of two above [`super::DENSE`].
    pub const SLOTS: usize = 4;
    /// Place of the SOA RRset.
    pub const SOA: usize = 8;
    /// Octets of its records.
    pub const SOA_BYTES: usize = 12;
    /// Number of its records, as in a directory entry.
    pub const SOA_RECORDS: usize = 14;
    /// min(TTL of the SOA, MINIMUM), in seconds (RFC 2308 section 5).
    pub const NEGATIVE_TTL: usize = 16;
    /// Proxied names.
    pub const PROXIED: usize = 20;
    /// Octets of the origin in wire form.
    pub const ORIGIN_LEN: usize = 24;
    /// Flags of the zone.
    pub const FLAGS: usize = 25;
    /// Octets of the head; the origin follows.
    pub const LEN: usize = 26;
    /// Flag: the zone cannot be answered from.
    pub const FAULTY: u8 = 1;
    /// Flag: the zone is larger than 64 KiB, and a slot has four octets.
    pub const WIDE: u8 = 2;
    /// Flag: a name has a CNAME that is not proxied, or a DNAME.
    pub const ALIASES: u8 = 4;
    /// Flag: one of these leads out of the zone.
    pub const LEAVES: u8 = 8;
}

/// Most names, empty non-terminals and the apex included, that are looked for among all tags.
pub const DENSE: usize = 32;

/// Octets of the tags of so many slots.
pub const fn tags_len(slots: usize) -> usize {
    (slots + 7) & !7
}

/// Number of slots of a zone with so many names.
pub const fn slots_for(names: usize) -> usize {
    if names <= DENSE { names } else { (names + names / 2 + 1).next_power_of_two() }
}

/// Offsets in a node.
pub mod node {
    /// Flags.
    pub const FLAGS: usize = 0;
    /// Octets of the relative name.
    pub const NAME_LEN: usize = 1;
    /// Number of directory entries.
    pub const TYPES: usize = 2;
    /// Octets before the link or the relative name.
    pub const LEN: usize = 4;
    /// Octets of a link: the place of another node, of what covers this one if it is occluded, else of its wildcard
    /// child.
    pub const LINK: usize = 4;
    /// Octets of a directory entry.
    pub const ENTRY: usize = 6;
    /// Bit of the number of records in a directory entry: the RRset has an extension. (An RRset of 65,535 octets has
    /// 5,461 records at most.)
    pub const EXTENDED: u16 = 0x8000;
}

/// Flags of a node.
pub mod flag {
    /// At least one proxied A, AAAA or CNAME: addresses come from the zone's governing set.
    pub const PROXIED: u8 = 1;
    /// A zone cut (RFC 9499): NS below the apex.
    pub const CUT: u8 = 2;
    /// Below a cut or a DNAME; the link names that node.
    pub const OCCLUDED: u8 = 4;
    /// Owns a DNAME.
    pub const DNAME: u8 = 8;
    /// Owns a CNAME that is not proxied.
    pub const CNAME: u8 = 16;
    /// That CNAME is answered as the addresses of its target.
    pub const FLATTEN: u8 = 32;
    /// Has a link.
    pub const LINKED: u8 = 64;
}

/// Offsets in the extension of an RRset.
pub mod extension {
    /// Number of patches.
    pub const PATCHES: usize = 0;
    /// Number of additionals.
    pub const ADDITIONALS: usize = 2;
    /// Octets before the patches.
    pub const LEN: usize = 4;
    /// Octets of a patch.
    pub const PATCH: usize = 2;
    /// Octets of an additional.
    pub const ADDITIONAL: usize = 8;
    /// Flag of an additional: an in-domain name server, whose addresses a referral must carry (RFC 9471).
    pub const REQUIRED: u16 = 1;
}

/// Offsets in a record whose owner is a pointer.
pub mod record {
    /// The type.
    pub const TYPE: usize = 2;
    /// The TTL.
    pub const TTL: usize = 6;
    /// RDLENGTH.
    pub const RDLENGTH: usize = 10;
    /// RDATA.
    pub const RDATA: usize = 12;
}

/// `C0 0C`: a pointer to the name of the question.
pub const OWNER_IS_QNAME: [u8; 2] = [0xc0, 0x0c];

/// The tag of a hash: never zero, which means an empty slot.
pub const fn tag(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}
