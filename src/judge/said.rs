//! What an answer says, in a form in which two answers compare: order, compression and the case of names do not count.

use std::collections::BTreeMap;

use crate::answer::{self, Frame, Step, Trace};
use crate::snapshot::Snapshot;
use crate::wire::reader::{Message, MessageRecord, Section};
use crate::wire::{Edns, Header, Name, NameBuf, Query, Question, Rcode, RrType};

/// Records without their TTL: owner, type and RDATA, names in lower case.
pub(super) type Records = BTreeMap<(Name, RrType, Box<[u8]>), u32>;

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) rcode: Rcode,
    pub(super) authoritative: bool,
    pub(super) answer: Records,
    pub(super) authority: Records,
    pub(super) additional: Records,
}

impl Said {
    pub(super) fn by(message: &Message) -> Said {
        let section = |section| {
            let records = message.section(section);
            records
                .map(|record| ((record.owner.to_lower(), record.rtype, lower(record)), record.ttl))
                .collect()
        };
        Said {
            rcode: message.rcode(),
            authoritative: message.header.flags & Header::AA != 0,
            answer: section(Section::Answer),
            authority: section(Section::Authority),
            additional: section(Section::Additional),
        }
    }

    /// The records of one type in the authority section.
    pub(super) fn authority_of(&self, rtype: RrType) -> Records {
        let of_type = self.authority.iter().filter(|((_, found, _), _)| *found == rtype);
        of_type.map(|(key, ttl)| (key.clone(), *ttl)).collect()
    }

    /// Whether it sends the resolver to a child zone.
    pub(super) fn is_referral(&self) -> bool {
        !self.authoritative
            && self.rcode == Rcode::NOERROR
            && self.answer.is_empty()
            && self.authority.keys().any(|(_, rtype, _)| *rtype == RrType::NS)
    }

    /// The same without what an edit of a zone changes in all its negative answers: the SOA.
    pub(super) fn without_soa(mut self) -> Said {
        self.authority.retain(|(_, rtype, _), _| *rtype != RrType::SOA);
        self
    }
}

/// RDATA with the names of the types in common use in lower case. No length of a label is a letter.
fn lower(record: &MessageRecord) -> Box<[u8]> {
    let mut rdata = record.rdata.clone();
    let names = match record.rtype {
        RrType::NS | RrType::CNAME | RrType::PTR | RrType::DNAME => 0..rdata.len(),
        RrType::MX => 2.min(rdata.len())..rdata.len(),
        RrType::SRV => 6.min(rdata.len())..rdata.len(),
        RrType::SOA => 0..rdata.len().saturating_sub(20),
        _ => return rdata,
    };
    rdata[names].make_ascii_lowercase();
    rdata
}

/// Writes what a snapshot answers to a question of class IN as a resolver with room for all of it gets it; addresses
/// in the order written.
pub(super) fn write<'s>(
    snapshot: &'s Snapshot,
    name: &Name,
    qtype: RrType,
    trace: &mut impl Trace<'s>,
) -> Vec<u8> {
    let lower = NameBuf::lower_of(name);
    let question = Question::new(&lower, qtype);
    let outcome = answer::resolve(snapshot, &question, trace);
    let edns = Some(Edns::of_size(u16::MAX));
    let header = Header { id: 0, flags: 0 };
    let query = Query { header, question, edns, tsig_at: None };
    let mut bytes = vec![0; usize::from(u16::MAX)];
    question.put(header, name, &mut bytes).expect("any question fits into 65535 octets");
    let frame = Frame { limit: bytes.len(), turn: None, keepalive: None, nsid: &[], tail: &[] };
    let written = answer::write(&outcome, &query, frame, &mut bytes);
    bytes.truncate(written.len);
    bytes
}

/// What a snapshot answers, and on which way.
pub(super) fn say<'s>(snapshot: &'s Snapshot, name: &Name, qtype: RrType) -> (Message, Vec<Step<'s>>) {
    let mut steps = Vec::new();
    let bytes = write(snapshot, name, qtype, &mut steps);
    (Message::parse(&bytes).expect("an answer of ours is a message"), steps)
}
