//! Where things stand in the bytes of a compiled zone. Written by `compile`, read by [`super::zone`].
//!
//! All numbers are little-endian; nodes and RRsets start at multiples of four. A zone ends at 4 GiB.
//!
//! ```text
//! zone  = head, origin, tags (one octet a slot), slots (u32 a slot), nodes
//! node  = flags u8, length of the relative name u8, number of types u16, link u32,
//!         relative name in lower case (padded), directory, then its RRsets
//! directory entry = type u16, zero u16, place of the RRset u32
//! rrset = length u16, records u16, patches u16, additionals u16,
//!         patches (u16 each, padded), additionals (u16 name, u16 flags, u32 node), records (padded)
//! ```
//!
//! Records of an RRset are ready for a message: the owner is the pointer `C0 0C`, which is right whenever the owner is
//! the name asked for. Names in the RDATA of RFC 1035 types that end in the zone's origin end in a pointer that a
//! *patch* names: where the origin stands in a message is known only there.

/// Offsets in the head.
pub mod head {
    /// Names that own records or are proxied: what people count.
    pub const NAMES: usize = 0;
    /// Slots of the hash table minus one.
    pub const MASK: usize = 4;
    /// Place of the tags.
    pub const TAGS: usize = 8;
    /// Place of the slots.
    pub const SLOTS: usize = 12;
    /// Place of the apex node.
    pub const APEX: usize = 16;
    /// Place of the SOA RRset.
    pub const SOA: usize = 20;
    /// min(TTL of the SOA, MINIMUM), in seconds (RFC 2308 section 5).
    pub const NEGATIVE_TTL: usize = 24;
    /// Octets of the origin in wire form.
    pub const ORIGIN_LEN: usize = 28;
    /// 1 where the zone cannot be answered from.
    pub const FAULTY: usize = 29;
    /// Octets of the head; the origin follows.
    pub const LEN: usize = 32;
}

/// Offsets in a node.
pub mod node {
    /// Flags.
    pub const FLAGS: usize = 0;
    /// Octets of the relative name.
    pub const NAME_LEN: usize = 1;
    /// Number of directory entries.
    pub const TYPES: usize = 2;
    /// Place of another node: what covers this one if it is occluded, else its wildcard child; 0 for none.
    pub const LINK: usize = 4;
    /// Octets before the relative name.
    pub const LEN: usize = 8;
    /// Octets of a directory entry.
    pub const ENTRY: usize = 8;
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
}

/// Offsets in an RRset.
pub mod rrset {
    /// Octets of all records.
    pub const BYTES: usize = 0;
    /// Number of records.
    pub const RECORDS: usize = 2;
    /// Number of patches.
    pub const PATCHES: usize = 4;
    /// Number of additionals.
    pub const ADDITIONALS: usize = 6;
    /// Octets before the patches.
    pub const LEN: usize = 8;
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

/// The next multiple of four.
pub const fn pad(len: usize) -> usize {
    (len + 3) & !3
}

/// The tag of a hash: never zero, which means an empty slot.
pub const fn tag(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}
