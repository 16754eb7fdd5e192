//! A query as it came: header, the one question, OPT and TSIG, borrowed from the packet.

use super::edns::Edns;
use super::header::Header;
use super::name::{Name, NameBuf};
use super::reader::{Cursor, skip_name};
use super::{Class, HEADER_LEN, Opcode, QNAME_AT, RrType};

/// What is asked: one name, type and class.
#[derive(Clone, Debug)]
pub struct Question<'p> {
    /// The name as it was asked, wire form, octet for octet.
    pub qname: &'p [u8],
    /// The name in lower case: what is looked up.
    pub lower: NameBuf,
    /// The type asked for.
    pub qtype: RrType,
    /// The class asked for.
    pub qclass: Class,
}

impl<'p> Question<'p> {
    /// A question of class IN that came from no packet.
    pub fn new(name: &'p Name, qtype: RrType) -> Question<'p> {
        let lower = NameBuf::lower_from_wire(name.as_wire()).expect("a Name is well-formed wire");
        Question { qname: name.as_wire(), lower, qtype, qclass: Class::IN }
    }
}

/// One query.
#[derive(Clone, Debug)]
pub struct Query<'p> {
    /// ID and flags.
    pub header: Header,
    /// The question.
    pub question: Question<'p>,
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

impl<'p> Query<'p> {
    /// Reads a packet. Exactly one question, at most one OPT, nothing behind the last record.
    pub fn parse(packet: &'p [u8]) -> Result<Query<'p>, Malformed> {
        let Some(head) = packet.first_chunk::<HEADER_LEN>() else { return Err(Malformed::Silence) };
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let header = Header { id: word(0), flags: word(2) };
        if header.flags & Header::QR != 0 {
            return Err(Malformed::Silence);
        }
        let question = if word(4) == 1 { read_question(packet) } else { None };
        let Some((question, end)) = question else {
            return Err(match header.opcode() {
                Opcode::QUERY => Malformed::FormErr { header, question_end: None, edns: None },
                _ => Malformed::NotImp { header, question_end: None, edns: None },
            });
        };
        let mut query = Query { header, question, edns: None, tsig_at: None };
        let well_formed = query.read_records([word(6), word(8), word(10)], Cursor::new(packet, end));
        let (question_end, edns) = (Some(end), query.edns);
        let no_question =
            matches!(query.question.qtype, RrType::OPT | RrType::TSIG | RrType::TKEY | RrType(0));
        if header.opcode() != Opcode::QUERY {
            Err(Malformed::NotImp { header, question_end, edns })
        } else if !well_formed || no_question {
            Err(Malformed::FormErr { header, question_end, edns })
        } else {
            Ok(query)
        }
    }

    /// Reads what stands behind the question, up to the end of the packet.
    fn read_records(&mut self, counts: [u16; 3], mut cursor: Cursor<'p>) -> bool {
        let [answers, authorities, additionals] = counts.map(u32::from);
        for index in 0..answers + authorities + additionals {
            // TSIG must be the last record (RFC 8945 section 5.1), so nothing may follow one.
            let read =
                self.tsig_at.is_none().then(|| self.read_record(&mut cursor, index >= answers + authorities));
            if read.flatten().is_none() {
                return false;
            }
        }
        cursor.at() == cursor.packet().len()
    }

    /// Reads one record behind the question; `None` is a format error.
    fn read_record(&mut self, cursor: &mut Cursor<'p>, additional: bool) -> Option<()> {
        let start = cursor.at();
        let packet = cursor.packet();
        cursor.seek(skip_name(packet, start)?);
        let rtype = RrType(cursor.u16()?);
        let class = cursor.u16()?;
        let ttl = cursor.u32()?;
        let rdlength = usize::from(cursor.u16()?);
        let rdata = cursor.take(rdlength)?;
        match rtype {
            RrType::OPT => {
                let root = packet[start] == 0;
                if !additional || !root || self.edns.is_some() || !Edns::options_are_well_formed(rdata) {
                    return None;
                }
                self.edns = Some(Edns::from_fields(class, ttl));
            }
            RrType::TSIG if additional => self.tsig_at = Some(start),
            RrType::TSIG => return None,
            _ => {}
        }
        Some(())
    }
}

/// Reads the first question; compression has no place in it.
fn read_question(packet: &[u8]) -> Option<(Question<'_>, usize)> {
    let lower = NameBuf::lower_from_wire(&packet[QNAME_AT..]).ok()?;
    let name_end = QNAME_AT + lower.as_wire().len();
    let mut cursor = Cursor::new(packet, name_end);
    let qtype = RrType(cursor.u16()?);
    let qclass = Class(cursor.u16()?);
    Some((Question { qname: &packet[QNAME_AT..name_end], lower, qtype, qclass }, cursor.at()))
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

    const QUESTION: &[u8] = b"\x03WwW\x00\x00\x01\x00\x01";
    const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

    fn with(counts: [u16; 4], tails: &[&[u8]]) -> Vec<u8> {
        packet(0x0100, counts, &tails.concat())
    }

    #[test]
    fn a_plain_query_is_read_and_its_case_kept() {
        let bytes = with([1, 0, 0, 1], &[QUESTION, OPT]);
        let query = Query::parse(&bytes).unwrap();
        assert_eq!(query.question.qname, b"\x03WwW\x00");
        assert_eq!(query.question.lower.as_wire(), b"\x03www\x00");
        assert_eq!(query.edns, Some(Edns { udp_size: 1232, version: 0, dnssec_ok: true }));
        assert_eq!(query.header.reply_flags(), 0x8100);
    }

    #[test]
    fn responses_and_stubs_get_silence() {
        assert_eq!(Query::parse(&[0; 11]).unwrap_err(), Malformed::Silence);
        let response = packet(0x8000, [1, 0, 0, 0], QUESTION);
        assert_eq!(Query::parse(&response).unwrap_err(), Malformed::Silence);
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
            assert!(matches!(Query::parse(bytes), Err(Malformed::FormErr { .. })), "{what}");
        }
    }

    #[test]
    fn tsig_is_noticed_and_other_opcodes_are_told_apart() {
        let tsig: &[u8] = b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00";
        let bytes = with([1, 0, 0, 2], &[QUESTION, OPT, tsig]);
        assert_eq!(Query::parse(&bytes).unwrap().tsig_at, Some(12 + QUESTION.len() + OPT.len()));
        let notify = packet(0x2400, [1, 0, 0, 0], QUESTION);
        assert!(matches!(Query::parse(&notify), Err(Malformed::NotImp { question_end: Some(21), .. })));
    }
}
