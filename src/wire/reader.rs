//! Reading whole messages: a cursor, compressed names, records with their RDATA expanded.
//!
//! Not on the way of a plain query; used for TSIG, by the bridge to the stream transports, by `explain` and by tests.

use super::header::Header;
use super::name::{Name, NameBuf, NameError};
use super::{Class, HEADER_LEN, MAX_LABEL, MAX_NAME, RrType};

/// A place in a packet; every read is checked.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'p> {
    packet: &'p [u8],
    at: usize,
}

impl<'p> Cursor<'p> {
    /// Starts reading at an offset.
    pub fn new(packet: &'p [u8], at: usize) -> Cursor<'p> {
        Cursor { packet, at }
    }

    /// The whole packet.
    pub fn packet(&self) -> &'p [u8] {
        self.packet
    }

    /// The offset of the next octet.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to an offset.
    pub fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// The next `len` octets.
    pub fn take(&mut self, len: usize) -> Option<&'p [u8]> {
        let bytes = self.packet.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(bytes)
    }

    /// Two octets in network order.
    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_be_bytes([b[0], b[1]]))
    }

    /// Four octets in network order.
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A name, expanded.
    pub fn name(&mut self) -> Option<NameBuf> {
        let (name, next) = read_name(self.packet, self.at).ok()?;
        self.at = next;
        Some(name)
    }
}

/// The offset behind the (possibly compressed) name at `at`; pointers are not followed.
pub fn skip_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let len = usize::from(*packet.get(at)?);
        match len {
            0 => return Some(at + 1),
            1..=MAX_LABEL => at += 1 + len,
            0xc0.. => return packet.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}

/// Reads a possibly compressed name (RFC 1035 section 4.1.4) and the offset behind it. Pointers must lead back,
/// each further than the one before, so that no message can make this loop.
pub fn read_name(packet: &[u8], start: usize) -> Result<(NameBuf, usize), NameError> {
    let mut wire = [0u8; MAX_NAME];
    let mut len = 0;
    let mut at = start;
    let mut behind = None;
    let mut lowest = start;
    loop {
        let octet = *packet.get(at).ok_or(NameError::Malformed)?;
        match usize::from(octet) {
            label_len @ 0..=MAX_LABEL => {
                let label = packet.get(at..at + 1 + label_len).ok_or(NameError::Malformed)?;
                let target = wire.get_mut(len..len + label.len()).ok_or(NameError::NameTooLong)?;
                target.copy_from_slice(label);
                len += label.len();
                at += label.len();
                if label_len == 0 {
                    return Ok((NameBuf::from_wire(&wire[..len])?, behind.unwrap_or(at)));
                }
            }
            0xc0.. => {
                let low = *packet.get(at + 1).ok_or(NameError::Malformed)?;
                let target = usize::from(octet & 0x3f) << 8 | usize::from(low);
                behind.get_or_insert(at + 2);
                if target >= lowest {
                    return Err(NameError::Malformed);
                }
                lowest = target;
                at = target;
            }
            _ => return Err(NameError::Malformed),
        }
    }
}

/// The section that a record stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Answer section.
    Answer,
    /// Authority section.
    Authority,
    /// Additional section, OPT included.
    Additional,
}

/// A record of a message, its names expanded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageRecord {
    /// Where it stands.
    pub section: Section,
    /// The owner.
    pub owner: Name,
    /// The type.
    pub rtype: RrType,
    /// The class; of an OPT the sender's UDP size.
    pub class: Class,
    /// The TTL; of an OPT extended rcode, version and flags.
    pub ttl: u32,
    /// RDATA without compression.
    pub rdata: Box<[u8]>,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// ID and flags.
    pub header: Header,
    /// The question, if there is one: name, type, class.
    pub question: Option<(Name, RrType, Class)>,
    /// The records of all sections in order.
    pub records: Vec<MessageRecord>,
}

impl Message {
    /// Reads a message to its last octet; `None` where it is not well-formed.
    pub fn parse(packet: &[u8]) -> Option<Message> {
        let mut cursor = Cursor::new(packet, 0);
        let header = Header { id: cursor.u16()?, flags: cursor.u16()? };
        let questions = cursor.u16()?;
        let counts = [
            (Section::Answer, cursor.u16()?),
            (Section::Authority, cursor.u16()?),
            (Section::Additional, cursor.u16()?),
        ];
        debug_assert_eq!(cursor.at(), HEADER_LEN);
        let mut question = None;
        for _ in 0..questions {
            question = Some((cursor.name()?.to_name(), RrType(cursor.u16()?), Class(cursor.u16()?)));
        }
        let mut records = Vec::new();
        for (section, count) in counts {
            for _ in 0..count {
                records.push(read_record(&mut cursor, section)?);
            }
        }
        (cursor.at() == packet.len()).then_some(Message { header, question, records })
    }

    /// The response code, with the upper bits of the OPT if there is one (RFC 6891 section 6.1.3).
    pub fn rcode(&self) -> super::Rcode {
        let upper = self.opt().map_or(0, |opt| (opt.ttl >> 24) as u16);
        super::Rcode(upper << 4 | self.header.flags & 0xf)
    }

    /// The OPT record.
    pub fn opt(&self) -> Option<&MessageRecord> {
        self.records.iter().find(|record| record.rtype == RrType::OPT)
    }

    /// The records of one section, OPT left out.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &MessageRecord> {
        self.records.iter().filter(move |record| record.section == section && record.rtype != RrType::OPT)
    }
}

fn read_record(cursor: &mut Cursor<'_>, section: Section) -> Option<MessageRecord> {
    let owner = cursor.name()?.to_name();
    let rtype = RrType(cursor.u16()?);
    let class = Class(cursor.u16()?);
    let ttl = cursor.u32()?;
    let rdlength = usize::from(cursor.u16()?);
    let start = cursor.at();
    let raw = cursor.take(rdlength)?;
    let rdata = if rtype.has_compressible_names() {
        expand_rdata(cursor.packet(), rtype, start, start + rdlength)?
    } else {
        raw.to_vec()
    };
    Some(MessageRecord { section, owner, rtype, class, ttl, rdata: rdata.into() })
}

/// RDATA of an RFC 1035 type with its names expanded.
fn expand_rdata(packet: &[u8], rtype: RrType, start: usize, end: usize) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(packet, start);
    let mut rdata = Vec::new();
    if rtype == RrType::MX {
        rdata.extend_from_slice(cursor.take(2)?);
    }
    let names = if matches!(rtype, RrType::SOA | RrType::MINFO) { 2 } else { 1 };
    for _ in 0..names {
        rdata.extend_from_slice(cursor.name()?.as_wire());
    }
    rdata.extend_from_slice(cursor.take(end.checked_sub(cursor.at())?)?);
    Some(rdata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_back_only() {
        let packet = b"\x01a\x00\x01b\xc0\x00\xc0\x03";
        let (name, next) = read_name(packet, 7).unwrap();
        assert_eq!(name.to_string(), "b.a.");
        assert_eq!(next, 9);
        assert!(read_name(b"\xc0\x00", 0).is_err());
        assert!(read_name(b"\xc0\x02\xc0\x00", 2).is_err());
        assert!(read_name(b"\x01a\xc0\x05\x00\x00", 0).is_err());
        assert!(read_name(b"\x40a", 0).is_err());
    }

    #[test]
    fn names_longer_than_255_octets_are_refused() {
        let mut packet = Vec::new();
        for _ in 0..4 {
            packet.push(63);
            packet.extend([b'a'; 63]);
        }
        packet.push(0);
        assert!(read_name(&packet, 0).is_err());
    }

    #[test]
    fn rdata_names_are_expanded() {
        let mut packet = vec![0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        packet.extend(b"\x01a\x00\x00\x0f\x00\x01");
        packet.extend(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x06\x00\x0a\x01m\xc0\x0c");
        let message = Message::parse(&packet).unwrap();
        assert_eq!(&*message.records[0].rdata, b"\x00\x0a\x01m\x01a\x00");
        assert_eq!(message.records[0].ttl, 60);
    }
}
