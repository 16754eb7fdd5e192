//! Asking: a query packet, `answer::respond`, the reply read by two parsers.

use hickory_proto::op::Message as HickoryMessage;
use portolan::answer::{Answered, Settings, Transport, respond};
use portolan::snapshot::Snapshot;
use portolan::wire::Header;
use portolan::wire::reader::{Message, Section};
use portolan::wire::{Class, Name, RrType};

use super::row::{Row, Rows};

/// What an OPT says in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) size: u16,
    pub(crate) dnssec_ok: bool,
}

/// One query.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: u16,
    pub(crate) name: Name,
    pub(crate) qtype: RrType,
    pub(crate) recursion_desired: bool,
    pub(crate) opt: Option<Opt>,
    pub(crate) transport: Transport,
    /// The caller's counter of rotations.
    pub(crate) turn: u32,
}

/// What came back, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) message: Message,
    pub(crate) answered: Answered,
}

impl Ask {
    /// A query over a stream without EDNS, so that nothing is cut.
    pub(crate) fn new(name: Name, qtype: RrType) -> Ask {
        Ask {
            id: 0x5057,
            name,
            qtype,
            recursion_desired: false,
            opt: None,
            transport: Transport::Stream,
            turn: 0,
        }
    }

    /// The query as octets.
    pub(crate) fn packet(&self) -> Vec<u8> {
        let mut packet = self.id.to_be_bytes().to_vec();
        let flags = if self.recursion_desired { Header::RD } else { 0 };
        packet.extend(flags.to_be_bytes());
        for count in [1, 0, 0, u16::from(self.opt.is_some())] {
            packet.extend(count.to_be_bytes());
        }
        packet.extend(self.name.as_wire());
        packet.extend(self.qtype.0.to_be_bytes());
        packet.extend(Class::IN.0.to_be_bytes());
        if let Some(opt) = self.opt {
            packet.push(0);
            packet.extend(RrType::OPT.0.to_be_bytes());
            packet.extend(opt.size.to_be_bytes());
            packet.extend(if opt.dnssec_ok { 0x8000_u32 } else { 0 }.to_be_bytes());
            packet.extend([0, 0]);
        }
        packet
    }

    /// The most octets that the answer may have.
    pub(crate) fn limit(&self) -> usize {
        match (self.transport, self.opt) {
            (Transport::Stream, _) => 65535,
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some(opt)) => usize::from(opt.size.clamp(512, 1232)),
        }
    }

    /// Asks a snapshot. The error says what is wrong with the form of the reply, whatever its content.
    pub(crate) fn of(&self, snapshot: &Snapshot, settings: &Settings) -> Result<Reply, String> {
        let mut out = vec![0; 65535];
        let packet = self.packet();
        let answered = respond(snapshot, settings, &packet, self.transport, self.turn, &mut out);
        let answered = answered.ok_or("silence")?;
        out.truncate(answered.len);
        self.read(out, answered)
    }

    fn read(&self, bytes: Vec<u8>, answered: Answered) -> Result<Reply, String> {
        let message = read_both(&bytes)?;
        let flags = message.header.flags;
        if bytes.len() > self.limit() {
            return Err(format!("{} octets where {} are allowed", bytes.len(), self.limit()));
        }
        if message.header.id != self.id || flags & Header::QR == 0 || flags & 0x7800 != 0 {
            return Err(format!("bad header: id {:04x} flags {flags:04x}", message.header.id));
        }
        if flags & (Header::RA | 0x0060) != 0 {
            return Err(format!("flags that an authoritative server does not set: {flags:04x}"));
        }
        if (flags & Header::RD != 0) != self.recursion_desired {
            return Err(format!("RD is not copied: {flags:04x}"));
        }
        let question = &self.packet()[12..12 + self.name.as_wire().len() + 4];
        if bytes.get(12..12 + question.len()) != Some(question) {
            return Err("the question is not copied octet for octet".to_owned());
        }
        match (self.opt, message.opt()) {
            (None, None) => {}
            (Some(asked), Some(opt)) if opt.ttl & 0x00ff_ffff == if asked.dnssec_ok { 0x8000 } else { 0 } => {
            }
            (asked, opt) => return Err(format!("OPT asked: {asked:?}, OPT answered: {opt:?}")),
        }
        if message.records.iter().any(|record| record.rtype != RrType::OPT && record.class != Class::IN) {
            return Err("a record of another class".to_owned());
        }
        let truncated = flags & Header::TC != 0;
        if answered.rcode != message.rcode() || answered.truncated != truncated {
            return Err(format!("the return value says {answered:?}, the message says {}", message.rcode()));
        }
        if answered.qtype != Some(self.qtype) || answered.malformed {
            return Err(format!("the return value says {answered:?} of a query of type {}", self.qtype));
        }
        Ok(Reply { bytes, message, answered })
    }
}

/// Reads a message with our parser and with hickory's; both must take it to the last octet.
pub(crate) fn read_both(bytes: &[u8]) -> Result<Message, String> {
    let message = Message::parse(bytes).ok_or_else(|| format!("our parser refuses it: {bytes:02x?}"))?;
    let theirs = HickoryMessage::from_vec(bytes)
        .map_err(|error| format!("hickory refuses it: {error}: {bytes:02x?}"))?;
    for (section, count) in [
        (Section::Answer, theirs.answers.len()),
        (Section::Authority, theirs.authorities.len()),
        (Section::Additional, theirs.additionals.len()),
    ] {
        if message.section(section).count() != count {
            return Err(format!("hickory counts {count} records in {section:?}"));
        }
    }
    Ok(message)
}

impl Reply {
    /// A section as a set; the error names a record that stands in it twice.
    pub(crate) fn rows(&self, section: Section) -> Result<Rows, String> {
        rows(&self.message, section)
    }

    pub(crate) fn is_authoritative(&self) -> bool {
        self.message.header.flags & Header::AA != 0
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.message.header.flags & Header::TC != 0
    }
}

/// A section as a set; the error names a record that stands in it twice.
pub(crate) fn rows(message: &Message, section: Section) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for record in message.section(section) {
        let row = Row::from(record);
        if rows.contains(&row) {
            return Err(format!("twice in {section:?}: {row}"));
        }
        rows.insert(row);
    }
    Ok(rows)
}
