//! Our answer in hickory's terms: its server takes records, not bytes.
//!
//! Every record, OPT and TSIG included, goes over with opaque RDATA in the order that it has in our message, so that
//! hickory interprets nothing. What it changes: names in RDATA stay uncompressed, and owners are compressed anew.

use hickory_server::proto::op::{Header, Metadata};
use hickory_server::proto::rr::rdata::NULL;
use hickory_server::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_server::proto::serialize::binary::{BinDecodable, BinDecoder};
use hickory_server::zone_handler::Queries;

use crate::wire::reader::{Message, MessageRecord, Section};
use crate::wire::{HEADER_LEN, MAX_NAME};

/// An answer, ready for a `MessageResponseBuilder`.
#[derive(Debug)]
pub(super) struct Bridged {
    /// ID and flags.
    pub(super) metadata: Metadata,
    /// The question, octet for octet; none where ours has none.
    pub(super) queries: Queries,
    /// Answer section.
    pub(super) answers: Vec<Record>,
    /// Authority section.
    pub(super) authorities: Vec<Record>,
    /// Additional section with OPT and TSIG.
    pub(super) additionals: Vec<Record>,
}

/// Reads our own answer back. `None` means that it was no well-formed message, which is a fault of ours.
pub(super) fn bridge(answer: &[u8]) -> Option<Bridged> {
    let mut decoder = BinDecoder::new(answer);
    let header = Header::read(&mut decoder).ok()?;
    let queries = Queries::read(&mut decoder, usize::from(header.counts.queries)).ok()?;
    let mut bridged = Bridged {
        metadata: header.metadata,
        queries,
        answers: Vec::new(),
        authorities: Vec::new(),
        additionals: Vec::new(),
    };
    for record in Message::parse(answer)?.records {
        let section = match record.section {
            Section::Answer => &mut bridged.answers,
            Section::Authority => &mut bridged.authorities,
            Section::Additional => &mut bridged.additionals,
        };
        section.push(opaque(record)?);
    }
    bridged.fit();
    Some(bridged)
}

impl Bridged {
    /// Makes sure that hickory's form of the answer, whose names are longer than ours, fits into a message: without
    /// additional addresses, else without any record but with TC. Hickory itself would cut an RRset.
    fn fit(&mut self) {
        let fits = |bridged: &Bridged| bridged.longest() <= usize::from(u16::MAX);
        let pseudo = |record: &Record| matches!(u16::from(record.record_type()), 41 | 250);
        if !fits(self) {
            self.additionals.retain(pseudo);
        }
        if !fits(self) {
            self.answers.clear();
            self.authorities.clear();
            self.metadata.truncation = true;
        }
    }

    /// The most octets that the answer can take: every owner but the name asked for counts whole.
    fn longest(&self) -> usize {
        let question = self.queries.queries().first();
        let records = self.answers.iter().chain(&self.authorities).chain(&self.additionals);
        let octets = records.map(|record| {
            let asked = question.is_some_and(|question| *question.original().name() == record.name);
            let owner = if asked { 2 } else { record.name.len() };
            let RData::Unknown { rdata, .. } = &record.data else { return owner + 10 };
            owner + 10 + rdata.anything.len()
        });
        HEADER_LEN + MAX_NAME + 4 + octets.sum::<usize>()
    }
}

fn opaque(record: MessageRecord) -> Option<Record> {
    let name = Name::read(&mut BinDecoder::new(record.owner.as_wire())).ok()?;
    // An empty `NULL::with` trips an assertion of hickory's.
    let rdata = if record.rdata.is_empty() { NULL::new() } else { NULL::with(record.rdata.into_vec()) };
    let code = RecordType::from(record.rtype.0);
    let mut opaque = Record::from_rdata(name, record.ttl, RData::Unknown { code, rdata });
    opaque.dns_class = DNSClass::from(record.class.0);
    Some(opaque)
}

#[cfg(test)]
mod tests {
    use hickory_server::proto::serialize::binary::BinEncoder;
    use hickory_server::zone_handler::MessageResponseBuilder;

    use super::*;

    /// What hickory would write on a stream.
    fn through(answer: &[u8]) -> Vec<u8> {
        let bridged = bridge(answer).unwrap();
        let response = MessageResponseBuilder::new(&bridged.queries, None).build(
            bridged.metadata,
            bridged.answers.iter(),
            bridged.authorities.iter(),
            [],
            bridged.additionals.iter(),
        );
        let mut bytes = Vec::new();
        response.destructive_emit(&mut BinEncoder::new(&mut bytes)).unwrap();
        bytes
    }

    fn record(owner: &[u8], rtype: u16, class: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
        let mut bytes = owner.to_vec();
        bytes.extend(rtype.to_be_bytes());
        bytes.extend(class.to_be_bytes());
        bytes.extend(ttl.to_be_bytes());
        bytes.extend((rdata.len() as u16).to_be_bytes());
        bytes.extend(rdata);
        bytes
    }

    fn message(flags: u16, question: &[u8], sections: [&[Vec<u8>]; 3]) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd];
        bytes.extend(flags.to_be_bytes());
        bytes.extend(u16::from(!question.is_empty()).to_be_bytes());
        for section in sections {
            bytes.extend((section.len() as u16).to_be_bytes());
        }
        bytes.extend(question);
        for record in sections.into_iter().flatten() {
            bytes.extend(record);
        }
        bytes
    }

    const QUESTION: &[u8] = b"\x03WwW\x07eXample\x00\x00\x01\x00\x01";

    #[test]
    fn an_answer_of_ours_comes_out_as_it_went_in() {
        let opt = record(b"\x00", 41, 1232, 0x0100_8000, b"\x00\x0f\x00\x05\x00\x0ehey");
        let tsig = record(
            b"\x03key\x00",
            250,
            255,
            0,
            b"\x04hmac\x00\x00\x00\x00\x00\x00\x00\x01\x2c\x00\x00\xab\xcd\x00\x11\x00\x00",
        );
        let answers = [
            record(b"\xc0\x0c", 1, 1, 300, &[192, 0, 2, 1]),
            record(b"\xc0\x0c", 1, 1, 300, &[192, 0, 2, 2]),
            // RDATA that no parser of the type would take.
            record(b"\xc0\x0c", 28, 1, 5, &[1]),
            record(b"\xc0\x0c", 33, 3, 5, b""),
            record(b"\x05OtHer\x00", 65280, 0x1234, u32::MAX, b"\xff\x00any\xc0\x0c"),
        ];
        let authorities = [record(
            b"\xc0\x10",
            6,
            1,
            60,
            b"\x02ns\x00\x01h\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
        )];
        for flags in [0x8400u16, 0x8510, 0x8600, 0xa585, 0x8130] {
            let ours = message(flags, QUESTION, [&answers, &authorities, &[opt.clone(), tsig.clone()]]);
            let theirs = through(&ours);
            assert_eq!(Message::parse(&theirs).unwrap(), Message::parse(&ours).unwrap(), "{flags:04x}");
            assert_eq!(theirs[12..12 + QUESTION.len()], *QUESTION);
        }
    }

    #[test]
    fn an_answer_without_a_question_stays_so() {
        let ours = message(0x8001, b"", [&[], &[], &[]]);
        assert_eq!(through(&ours), ours);
    }

    #[test]
    fn more_records_than_hickory_remembers_names() {
        let answers: Vec<Vec<u8>> = (0..2000u16)
            .map(|n| record(&[&[2], &n.to_be_bytes()[..], &[0]].concat(), 16, 1, 1, b"\x03abc"))
            .collect();
        let ours = message(0x8400, QUESTION, [&answers, &[], &[]]);
        assert_eq!(Message::parse(&through(&ours)).unwrap(), Message::parse(&ours).unwrap());
    }

    #[test]
    fn what_is_no_message_is_none() {
        assert!(bridge(&[0; 11]).is_none());
        let mut cut =
            message(0x8400, QUESTION, [&[record(b"\xc0\x0c", 1, 1, 300, &[192, 0, 2, 1])], &[], &[]]);
        cut.pop();
        assert!(bridge(&cut).is_none());
    }
}
