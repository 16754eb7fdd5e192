//! A query as it came: header, the one question, OPT and TSIG, borrowed from the packet.

use super::edns::Edns;
use super::header::Header;
use super::name::{Name, NameBuf};
use super::reader::{Cursor, skip_name};
use super::{Class, HEADER_LEN, Opcode, QNAME_AT, RrType};

/// What is asked: one name, type and class.
#[derive(Clone, Copy, Debug)]
pub struct Question<'n> {
    /// The name in lower case: what is looked up.
    pub lower: &'n NameBuf,
    /// The type asked for.
    pub qtype: RrType,
    /// The class asked for.
    pub qclass: Class,
}

impl<'n> Question<'n> {
    /// A question of class IN that came from no packet; `lower` is in lower case.
    pub fn new(lower: &'n NameBuf, qtype: RrType) -> Question<'n> {
        Question { lower, qtype, qclass: Class::IN }
    }

    /// Puts header and question of a query into a message; `name` is the name as it shall stand there. `None` where
    /// `out` is too short for them.
    pub fn put(&self, header: Header, name: &Name, out: &mut [u8]) -> Option<()> {
        let out = out.get_mut(..self.end())?;
        let (head, question) = out.split_at_mut(QNAME_AT);
        head.fill(0);
        head[..2].copy_from_slice(&header.id.to_be_bytes());
        head[2..4].copy_from_slice(&header.flags.to_be_bytes());
        head[5] = 1;
        let (qname, fixed) = question.split_at_mut(self.lower.as_wire().len());
        qname.copy_from_slice(name.as_wire());
        fixed[..2].copy_from_slice(&self.qtype.0.to_be_bytes());
        fixed[2..].copy_from_slice(&self.qclass.0.to_be_bytes());
        Some(())
    }

    /// Where the question section ends in every message that asks or answers it.
    pub fn end(&self) -> usize {
        QNAME_AT + self.lower.as_wire().len() + 4
    }
}

/// One query.
#[derive(Clone, Copy, Debug)]
pub struct Query<'n> {
    /// ID and flags.
    pub header: Header,
    /// The question.
    pub question: Question<'n>,
    /// OPT, if there is one.
    pub edns: Option<Edns>,
    /// Where the TSIG record starts in the packet, if the message is signed (RFC 8945).
    pub tsig_at: Option<usize>,
}

/// A packet that is no query that could be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than a header, or itself a response: nothing is sent back.
    Silence,
    /// The header can be read: FORMERR. `question_end` is where the question section ends if it could be read.
    FormErr {
        /// ID and flags.
        header: Header,
        /// End of the one question.
        question_end: Option<usize>,
        /// OPT, if one was read before the fault.
        edns: Option<Edns>,
    },
    /// Another opcode than QUERY: NOTIMP.
    NotImp {
        /// ID and flags.
        header: Header,
        /// End of the one question.
        question_end: Option<usize>,
        /// OPT, if one could be read.
        edns: Option<Edns>,
    },
}

impl<'n> Query<'n> {
    /// Reads a packet; `name` becomes the name of the question. Exactly one question, at most one OPT, nothing behind
    /// the last record.
    pub fn parse(packet: &[u8], name: &'n mut NameBuf) -> Result<Query<'n>, Malformed> {
        let Some(head) = packet.first_chunk::<HEADER_LEN>() else { return Err(Malformed::Silence) };
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let header = Header { id: word(0), flags: word(2) };
        if header.flags & Header::QR != 0 {
            return Err(Malformed::Silence);
        }
        let question = if word(4) == 1 { read_question(packet, name) } else { None };
        let Some(question) = question else {
            return Err(match header.opcode() {
                Opcode::QUERY => Malformed::FormErr { header, question_end: None, edns: None },
                _ => Malformed::NotImp { header, question_end: None, edns: None },
            });
        };
        let mut records = Records { cursor: Cursor::new(packet, question.end()), edns: None, tsig_at: None };
        let well_formed = records.read([word(6), word(8), word(10)]);
        let Records { edns, tsig_at, .. } = records;
        let question_end = Some(question.end());
        let no_question = matches!(question.qtype, RrType::OPT | RrType::TSIG | RrType::TKEY | RrType(0));
        if header.opcode() != Opcode::QUERY {
            Err(Malformed::NotImp { header, question_end, edns })
        } else if !well_formed || no_question {
            Err(Malformed::FormErr { header, question_end, edns })
        } else {
            Ok(Query { header, question, edns, tsig_at })
        }
    }
}

/// Reads the first question; compression has no place in it.
fn read_question<'n>(packet: &[u8], name: &'n mut NameBuf) -> Option<Question<'n>> {
    name.set(&packet[QNAME_AT..]).ok()?;
    let fixed = packet[QNAME_AT + name.as_wire().len()..].first_chunk::<4>()?;
    name.make_lower();
    let qtype = RrType(u16::from_be_bytes([fixed[0], fixed[1]]));
    let qclass = Class(u16::from_be_bytes([fixed[2], fixed[3]]));
    Some(Question { lower: name, qtype, qclass })
}

/// What stands behind the question.
struct Records<'p> {
    cursor: Cursor<'p>,
    edns: Option<Edns>,
    tsig_at: Option<usize>,
}

impl Records<'_> {
    /// Reads all records, so many by section, up to the end of the packet; false is a format error.
    fn read(&mut self, counts: [u16; 3]) -> bool {
        let [answers, authorities, additionals] = counts.map(u32::from);
        for index in 0..answers + authorities + additionals {
            // TSIG must be the last record (RFC 8945 section 5.1), so nothing may follow one.
            if self.tsig_at.is_some() || self.read_one(index >= answers + authorities).is_none() {
                return false;
            }
        }
        self.cursor.at() == self.cursor.packet().len()
    }

    /// Reads one record; `None` is a format error.
    fn read_one(&mut self, additional: bool) -> Option<()> {
        let cursor = &mut self.cursor;
        let start = cursor.at();
        let packet = cursor.packet();
        let behind = skip_name(packet, start)?;
        let fixed = packet.get(behind..)?.first_chunk::<10>()?;
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let (rtype, class) = (RrType(word(0)), word(2));
        let ttl = u32::from(word(4)) << 16 | u32::from(word(6));
        cursor.seek(behind + fixed.len());
        let rdata = cursor.take(usize::from(word(8)))?;
        match rtype {
            RrType::OPT => {
                let root = packet[start] == 0;
                if !additional || !root || self.edns.is_some() {
                    return None;
                }
                self.edns = Some(Edns::read(class, ttl, rdata)?);
            }
            RrType::TSIG if additional => self.tsig_at = Some(start),
            RrType::TSIG => return None,
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(flags: u16, counts: [u16; 4], tail: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34];
        bytes.extend(flags.to_be_bytes());
        for count in counts {
            bytes.extend(count.to_be_bytes());
        }
        bytes.extend(tail);
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        Query::parse(bytes, &mut NameBuf::new()).map(|query| query.tsig_at)
    }

    const QUESTION: &[u8] = b"\x03WwW\x00\x00\x01\x00\x01";
    const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

    fn with(counts: [u16; 4], tails: &[&[u8]]) -> Vec<u8> {
        packet(0x0100, counts, &tails.concat())
    }

    #[test]
    fn a_plain_query_is_read_and_its_case_kept() {
        let bytes = with([1, 0, 0, 1], &[QUESTION, OPT]);
        let mut name = NameBuf::new();
        let query = Query::parse(&bytes, &mut name).unwrap();
        assert_eq!(query.question.end(), QNAME_AT + QUESTION.len());
        assert_eq!(query.question.lower.as_wire(), b"\x03www\x00");
        assert_eq!(query.edns, Some(Edns { dnssec_ok: true, ..Edns::of_size(1232) }));
        assert_eq!(query.header.reply_flags(), 0x8100);
    }

    #[test]
    fn responses_and_stubs_get_silence() {
        assert_eq!(parse(&[0; 11]).unwrap_err(), Malformed::Silence);
        let response = packet(0x8000, [1, 0, 0, 0], QUESTION);
        assert_eq!(parse(&response).unwrap_err(), Malformed::Silence);
    }

    #[test]
    fn what_is_no_query_is_a_format_error() {
        let tsig: &[u8] = b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00";
        let cases: &[(&str, Vec<u8>)] = &[
            ("no question", with([0, 0, 0, 0], &[])),
            ("two questions", with([2, 0, 0, 0], &[QUESTION, QUESTION])),
            ("compressed question", with([1, 0, 0, 0], &[b"\xc0\x0c\x00\x01\x00\x01"])),
            ("cut question", with([1, 0, 0, 0], &[b"\x03www\x00\x00\x01\x00"])),
            ("missing record", with([1, 0, 0, 1], &[QUESTION])),
            ("two OPT", with([1, 0, 0, 2], &[QUESTION, OPT, OPT])),
            ("OPT as answer", with([1, 1, 0, 0], &[QUESTION, OPT])),
            ("OPT with an owner", with([1, 0, 0, 1], &[QUESTION, b"\x01a", OPT])),
            ("behind the end", with([1, 0, 0, 0], &[QUESTION, b"x"])),
            ("record behind TSIG", with([1, 0, 0, 2], &[QUESTION, tsig, OPT])),
            ("QTYPE OPT", with([1, 0, 0, 0], &[b"\x00\x00\x29\x00\x01"])),
        ];
        for (what, bytes) in cases {
            assert!(matches!(parse(bytes), Err(Malformed::FormErr { .. })), "{what}");
        }
    }

    #[test]
    fn tsig_is_noticed_and_other_opcodes_are_told_apart() {
        let tsig: &[u8] = b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00";
        let bytes = with([1, 0, 0, 2], &[QUESTION, OPT, tsig]);
        assert_eq!(parse(&bytes), Ok(Some(12 + QUESTION.len() + OPT.len())));
        let notify = packet(0x2400, [1, 0, 0, 0], QUESTION);
        assert!(matches!(parse(&notify), Err(Malformed::NotImp { question_end: Some(21), .. })));
    }
}
