//! An outcome to bytes: whole RRsets or an empty answer with TC.

use super::MAX_LINKS;
use super::outcome::{End, LinkKind, Outcome};
use crate::model::AUTOMATIC_TTL;
use crate::snapshot::layout::record;
use crate::snapshot::{Family, Node, Rrset, ZoneEntry};
use crate::wire::Header;
use crate::wire::edns::{OPT_LEN, Options};
use crate::wire::reader::read_name;
use crate::wire::writer::{Full, Writer};
use crate::wire::{Class, HEADER_LEN, QNAME_AT, Query, RrType};

/// UDP payload that we send and take: no fragment on any common path.
pub const OWN_UDP_SIZE: u16 = 1232;
/// Longest answer without EDNS (RFC 1035 section 4.2.1), and the least that EDNS can ask for (RFC 6891 section 6.2.3).
pub const LEAST_UDP_SIZE: u16 = 512;
/// A compression pointer reaches no further (RFC 1035 section 4.1.4).
const POINTER_LIMIT: usize = 0x4000;
/// TTL of the HINFO that answers ANY, in seconds.
const HINFO_TTL: u32 = 3600;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Octets.
    pub len: usize,
    /// TC was set.
    pub truncated: bool,
}

/// What bounds and varies an answer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'t> {
    /// Most octets of the message.
    pub limit: usize,
    /// Where a rotation of addresses starts; `None` keeps their order.
    pub turn: Option<u32>,
    /// The idle timeout of the stream, in units of 100 ms, for clients that ask (RFC 7828).
    pub keepalive: Option<u16>,
    /// The NSID option, for clients that ask (RFC 5001); else nothing.
    pub nsid: &'t [u8],
    /// Appended behind everything else: a TSIG record.
    pub tail: &'t [u8],
}

/// Writes the answer to `query` into `out`, which begins with the query's own header and question: they stay where
/// they are, the header with the flags and counts of the answer.
pub fn write(outcome: &Outcome<'_>, query: &Query<'_>, frame: Frame<'_>, out: &mut [u8]) -> Written {
    let mut message = Message {
        outcome,
        query,
        turn: frame.turn,
        writer: Writer::resume(out, query.question.end(), frame.limit),
        counts: [0; 3],
        dnames: [0; MAX_LINKS],
    };
    match message.write_all(frame) {
        Ok(truncated) => Written { len: message.writer.len(), truncated },
        // Only a buffer shorter than the longest question and OPT can bring us here.
        Err(Full) => Written { len: 0, truncated: true },
    }
}

/// Where the name that is looked at stands in the message, and how long it is when expanded.
#[derive(Clone, Copy)]
struct Owner {
    at: usize,
    len: usize,
}

struct Message<'a, 'b> {
    outcome: &'a Outcome<'a>,
    query: &'a Query<'a>,
    turn: Option<u32>,
    writer: Writer<'b>,
    /// Records in answer, authority and additional section.
    counts: [u16; 3],
    /// Where the DNAME of each link stands.
    dnames: [u16; MAX_LINKS],
}

const ANSWER: usize = 0;
const AUTHORITY: usize = 1;
const ADDITIONAL: usize = 2;

impl Message<'_, '_> {
    fn write_all(&mut self, frame: Frame<'_>) -> Result<bool, Full> {
        let sections = self.writer.len();
        if sections != self.query.question.end() {
            return Err(Full);
        }
        let options = Options { error: self.outcome.error, keepalive: frame.keepalive, nsid: frame.nsid };
        let opt = self.query.edns.map_or(0, |_| OPT_LEN + options.len());
        // Two long names, the question and the key, may leave no room: then TCP is the place to ask (TC).
        let fits = self.writer.room() >= opt + frame.tail.len();
        let tail = if fits { frame.tail } else { &[] };
        self.writer.reserve(opt + tail.len())?;
        let truncated = self.write_sections().is_err() || !fits;
        if truncated {
            self.writer.step_back(sections);
            self.counts = [0; 3];
        }
        self.writer.release(opt + tail.len());
        if let Some(edns) = self.query.edns {
            edns.write(OWN_UDP_SIZE, self.outcome.rcode, options, &mut self.writer)?;
            self.counts[ADDITIONAL] += 1;
        }
        if !tail.is_empty() {
            self.writer.put(tail)?;
            self.counts[ADDITIONAL] += 1;
        }
        self.patch_header(truncated);
        Ok(truncated)
    }

    fn patch_header(&mut self, truncated: bool) {
        let mut flags = self.query.header.reply_flags() | self.outcome.rcode.0 & 0xf;
        if self.outcome.authoritative {
            flags |= Header::AA;
        }
        if truncated {
            flags |= Header::TC;
        }
        let [answer, authority, additional] = self.counts;
        let mut words = [0; HEADER_LEN - 2];
        for (at, word) in [flags, 1, answer, authority, additional].into_iter().enumerate() {
            words[2 * at..2 * at + 2].copy_from_slice(&word.to_be_bytes());
        }
        // The ID is the query's.
        self.writer.patch(2, words);
    }

    fn write_sections(&mut self) -> Result<(), Full> {
        let mut owner = Owner { at: QNAME_AT, len: self.query.question.lower.as_wire().len() };
        for index in 0..self.outcome.links.len() {
            owner = self.write_link(index, owner)?;
        }
        match self.outcome.end {
            End::Nothing => Ok(()),
            // A DNAME that was asked for and led here stands in the answer already.
            End::Rrset(_, rrset) if self.outcome.links.iter().any(|link| link.rrset == rrset) => Ok(()),
            // Where nothing in it depends on the place of the origin, that is not looked for.
            End::Rrset(_, rrset) if rrset.is_plain() => {
                self.put_rrset(ANSWER, rrset, owner.at, owner.at, None).map(drop)
            }
            End::Rrset(entry, rrset) => {
                let origin = self.origin(owner, entry);
                let start = self.put_rrset(ANSWER, rrset, owner.at, origin, None)?;
                self.write_additionals(entry, rrset, start, origin, false)
            }
            // Addresses hold no names, so the place of the origin does not matter.
            End::Flattened(rrset) => {
                self.put_rrset(ANSWER, rrset, owner.at, owner.at, Some(AUTOMATIC_TTL)).map(drop)
            }
            End::Addresses(set, _, family) => self.put_family(ANSWER, set.family(family), owner.at),
            End::Negative(entry, ttl) => {
                let origin = self.origin(owner, entry);
                self.put_rrset(AUTHORITY, entry.zone.soa(), origin, origin, Some(ttl)).map(drop)
            }
            End::Referral(entry, cut) => self.write_referral(entry, cut, owner),
            End::Hinfo => self.put_small(RrType::HINFO, Class::IN, HINFO_TTL, owner.at, b"\x07RFC8482\x00"),
            End::Chaos(text) => {
                let mut rdata = [0; 256];
                let len = text.len().min(255);
                rdata[0] = len as u8;
                rdata[1..1 + len].copy_from_slice(&text.as_bytes()[..len]);
                self.put_small(RrType::TXT, Class::CH, 0, owner.at, &rdata[..1 + len])
            }
        }
    }

    /// Where the zone's origin stands, below which the owner lies.
    fn origin(&self, owner: Owner, entry: &ZoneEntry) -> usize {
        locate(self.writer.written(), owner.at, owner.len - entry.zone.origin().len())
    }

    /// Writes an alias and returns where its target stands.
    fn write_link(&mut self, index: usize, owner: Owner) -> Result<Owner, Full> {
        let link = &self.outcome.links[index];
        let origin = self.origin(owner, link.entry);
        let owner_len = match link.kind {
            LinkKind::Cname => {
                let start = self.put_rrset(ANSWER, link.rrset, owner.at, origin, None)?;
                let rdata = link.rrset.first_rdata().len();
                let patched = if link.rrset.is_patched() { link.entry.zone.origin().len() - 2 } else { 0 };
                return Ok(Owner { at: start + record::RDATA, len: rdata + patched });
            }
            LinkKind::Dname(len) | LinkKind::Overflow(len) => len,
        };
        // A chain that passes a DNAME twice shows it once.
        let earlier = self.outcome.links[..index].iter().position(|earlier| earlier.rrset == link.rrset);
        let dname = match earlier {
            Some(earlier) => usize::from(self.dnames[earlier]),
            None => {
                let at = locate(self.writer.written(), owner.at, owner.len - owner_len);
                self.put_rrset(ANSWER, link.rrset, at, origin, None)?
            }
        };
        self.dnames[index] = dname as u16;
        if link.kind == LinkKind::Overflow(owner_len) {
            return Ok(owner);
        }
        // The CNAME that the DNAME makes (RFC 6672 section 3.1), with the DNAME's TTL.
        let (name, _) = read_name(self.writer.written(), owner.at).map_err(|_| Full)?;
        let prefix = &name.as_wire()[..owner.len - owner_len];
        self.put_record_head(RrType::CNAME, Class::IN, link.rrset.ttl(), owner.at, prefix.len() + 2)?;
        let target = self.writer.len();
        self.writer.put(prefix)?;
        self.writer.put(&pointer(dname + record::RDATA))?;
        self.counts[ANSWER] += 1;
        Ok(Owner { at: target, len: prefix.len() + link.rrset.first_rdata().len() })
    }

    fn write_referral(&mut self, entry: &ZoneEntry, cut: Node<'_>, owner: Owner) -> Result<(), Full> {
        let Some(rrset) = cut.rrset(RrType::NS) else { return Ok(()) };
        let origin = self.origin(owner, entry);
        let cut_len = cut.relative_name().len() + entry.zone.origin().len();
        let at = locate(self.writer.written(), owner.at, owner.len - cut_len);
        let start = self.put_rrset(AUTHORITY, rrset, at, origin, None)?;
        self.write_additionals(entry, rrset, start, origin, true)
    }

    /// Addresses of the names in `rrset`, which starts at `start`. They may be left out, but for those without which a
    /// referral leads nowhere (RFC 9471).
    fn write_additionals(
        &mut self,
        entry: &ZoneEntry,
        rrset: Rrset<'_>,
        start: usize,
        origin: usize,
        referral: bool,
    ) -> Result<(), Full> {
        for additional in rrset.additionals() {
            let owner = start + additional.name_at;
            for family in [RrType::A, RrType::AAAA] {
                let before = (self.writer.len(), self.counts[ADDITIONAL]);
                let written = self.write_addresses(entry, additional.node, family, owner, origin);
                if written.is_err() {
                    if referral && additional.required {
                        return Err(Full);
                    }
                    self.writer.step_back(before.0);
                    self.counts[ADDITIONAL] = before.1;
                }
            }
        }
        Ok(())
    }

    fn write_addresses(
        &mut self,
        entry: &ZoneEntry,
        node: Node<'_>,
        family: RrType,
        owner: usize,
        origin: usize,
    ) -> Result<(), Full> {
        if !node.is_proxied() {
            return match node.rrset(family) {
                Some(rrset) if owner < POINTER_LIMIT => {
                    self.put_rrset(ADDITIONAL, rrset, owner, origin, None).map(drop)
                }
                Some(rrset) => self.put_far(rrset.bytes(), node.relative_name(), origin),
                None => Ok(()),
            };
        }
        match self.outcome.snapshot.governing(entry) {
            Ok(governing) if family == RrType::A || entry.ipv6 => {
                let addresses = governing.set.family(family);
                if owner < POINTER_LIMIT {
                    self.put_family(ADDITIONAL, addresses, owner)
                } else {
                    self.put_far(addresses.bytes, node.relative_name(), origin)
                }
            }
            _ => Ok(()),
        }
    }

    /// Appends additional addresses whose owner stands further away than a pointer reaches: its labels are written
    /// out in front of the origin, which is always near.
    fn put_far(&mut self, records: &[u8], owner: &[u8], origin: usize) -> Result<(), Full> {
        let mut rest = records;
        while let Some(length) = rest.get(record::RDLENGTH..record::RDATA) {
            let len = record::RDATA + usize::from(u16::from_be_bytes([length[0], length[1]]));
            self.writer.put(owner)?;
            self.writer.put(&pointer(origin))?;
            self.writer.put(&rest[record::TYPE..len])?;
            self.counts[ADDITIONAL] += 1;
            rest = &rest[len..];
        }
        Ok(())
    }

    /// Appends an RRset and returns where it starts.
    fn put_rrset(
        &mut self,
        section: usize,
        rrset: Rrset<'_>,
        owner: usize,
        origin: usize,
        ttl: Option<u32>,
    ) -> Result<usize, Full> {
        let start = self.writer.len();
        let bytes = rrset.bytes();
        self.writer.put(bytes)?;
        for patch in rrset.patches() {
            self.writer.patch(start + patch, pointer(origin));
        }
        if owner != QNAME_AT || ttl.is_some() {
            self.adjust(start, bytes, owner, ttl);
        }
        self.counts[section] += rrset.len();
        Ok(start)
    }

    /// Gives the records that were put at `start` another owner than the name asked for, or another TTL.
    #[cold]
    fn adjust(&mut self, start: usize, bytes: &[u8], owner: usize, ttl: Option<u32>) {
        let mut at = 0;
        while let Some(length) = bytes.get(at + record::RDLENGTH..at + record::RDATA) {
            self.writer.patch(start + at, pointer(owner));
            if let Some(ttl) = ttl {
                self.writer.patch(start + at + record::TTL, ttl.to_be_bytes());
            }
            at += record::RDATA + usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
    }

    /// Appends the addresses of a family, beginning at the turn of the rotation.
    fn put_family(&mut self, section: usize, family: Family<'_>, owner: usize) -> Result<(), Full> {
        if family.is_empty() {
            return Ok(());
        }
        let start = self.writer.len();
        let first = self.turn.map_or(0, |turn| first_of(turn, family.len())) * family.stride;
        self.writer.put(&family.bytes[first..])?;
        self.writer.put(&family.bytes[..first])?;
        if owner != QNAME_AT {
            for index in 0..family.len() {
                self.writer.patch(start + index * family.stride, pointer(owner));
            }
        }
        self.counts[section] += family.len() as u16;
        Ok(())
    }

    fn put_small(
        &mut self,
        rtype: RrType,
        class: Class,
        ttl: u32,
        owner: usize,
        rdata: &[u8],
    ) -> Result<(), Full> {
        self.put_record_head(rtype, class, ttl, owner, rdata.len())?;
        self.counts[ANSWER] += 1;
        self.writer.put(rdata)
    }

    fn put_record_head(
        &mut self,
        rtype: RrType,
        class: Class,
        ttl: u32,
        owner: usize,
        rdata: usize,
    ) -> Result<(), Full> {
        self.writer.put(&pointer(owner))?;
        self.writer.put_u16(rtype.0)?;
        self.writer.put_u16(class.0)?;
        self.writer.put_u32(ttl)?;
        self.writer.put_u16(rdata as u16)
    }
}

/// Which of `count` addresses comes first. The turns are spread by the golden ratio, so that a client that takes
/// every second turn (A and AAAA alternating) sees all of them too.
fn first_of(turn: u32, count: usize) -> usize {
    let spread = u64::from(turn.wrapping_mul(0x9e37_79b9));
    ((spread * count as u64) >> 32) as usize
}

fn pointer(at: usize) -> [u8; 2] {
    (0xc000 | at as u16).to_be_bytes()
}

/// The place of what is left of the name at `at` after its first `skip` expanded octets.
fn locate(written: &[u8], mut at: usize, mut skip: usize) -> usize {
    while skip > 0 {
        match written[at] {
            high @ 0xc0.. => at = usize::from(high & 0x3f) << 8 | usize::from(written[at + 1]),
            len => {
                let label = 1 + usize::from(len);
                at += label;
                skip = skip.saturating_sub(label);
            }
        }
    }
    at
}
