//! Question and snapshot to outcome to bytes: the only code that decides what a query is answered.
//!
//! [`resolve`] finds what the name is, [`write`](fn@write) puts it on the wire; [`respond`] does both for a packet of any transport.
//! Invariant: no I/O, no clock, no allocation; what varies comes in as a value.

mod batch;
mod outcome;
mod refuse;
mod resolve;
mod trace;
mod write;

pub use batch::{BATCH, Batch, Packet, Verdict};
pub use outcome::{End, Link, LinkKind, Outcome};
pub use resolve::{MAX_LINKS, resolve};
pub use trace::{Step, Trace};
pub use write::{LEAST_UDP_SIZE, OWN_UDP_SIZE, Written, write};

use std::time::Duration;

use crate::model::AddressSource;
use crate::snapshot::Snapshot;
use crate::wire::query::Malformed;
use crate::wire::{Class, QNAME_AT, Query, Question, Rcode, RrType};

/// How the query came: what bounds the size of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram: 512 octets, or what EDNS allows up to our own 1232.
    Udp,
    /// A stream: 65535 octets.
    Stream,
}

/// Settings of the server that an answer depends on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rotate the addresses of maps from answer to answer.
    pub rotate: bool,
    /// Text of `version.bind` in class CH, at most 255 octets; `None` refuses it.
    pub version: Option<String>,
    /// Text of `id.server` in class CH, at most 255 octets; `None` refuses it.
    pub server_id: Option<String>,
    /// How long a stream may be idle before it is closed; clients that ask are told (RFC 7828).
    pub stream_idle: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { rotate: true, version: None, server_id: None, stream_idle: Duration::from_secs(10) }
    }
}

/// What was answered, for counters and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Octets written.
    pub len: usize,
    /// The response code.
    pub rcode: Rcode,
    /// The type asked for; `None` where no question could be read.
    pub qtype: Option<RrType>,
    /// The level that gave the addresses of a proxied name; `None` for everything else.
    pub source: Option<AddressSource>,
    /// TC was set.
    pub truncated: bool,
    /// The packet was no well-formed query.
    pub malformed: bool,
}

/// Answers one packet into `out` (at least 512 octets; what fits into it bounds the answer as well); `None` is silence.
/// `turn` is a counter of the caller that turns the order of rotated addresses.
pub fn respond(
    snapshot: &Snapshot,
    settings: &Settings,
    packet: &[u8],
    transport: Transport,
    turn: u32,
    out: &mut [u8],
) -> Option<Answered> {
    let query = match Query::parse(packet) {
        Ok(query) => query,
        Err(malformed) => return reject(packet, malformed, out),
    };
    let mut tsig = None;
    if let Some(at) = query.tsig_at {
        tsig = refuse::bad_key(packet, at);
        if tsig.is_none() {
            let question_end = Some(QNAME_AT + query.question.qname.len() + 4);
            let fault = Malformed::FormErr { header: query.header, question_end, edns: query.edns };
            return reject(packet, fault, out);
        }
    }
    let outcome = decide(snapshot, settings, &query);
    let limit = match (transport, query.edns) {
        (Transport::Stream, _) => usize::from(u16::MAX),
        (Transport::Udp, None) => usize::from(LEAST_UDP_SIZE),
        (Transport::Udp, Some(edns)) => usize::from(edns.udp_size.clamp(LEAST_UDP_SIZE, OWN_UDP_SIZE)),
    };
    let turn = settings.rotate.then_some(turn);
    let tail = tsig.as_deref().unwrap_or_default();
    let written = write(&outcome, &query, limit, turn, tail, out);
    if written.len == 0 {
        return None;
    }
    Some(Answered {
        len: written.len,
        rcode: outcome.rcode,
        qtype: Some(query.question.qtype),
        source: outcome.source(),
        truncated: written.truncated,
        malformed: false,
    })
}

fn decide<'s>(snapshot: &'s Snapshot, settings: &'s Settings, query: &Query<'_>) -> Outcome<'s> {
    if query.edns.is_some_and(|edns| edns.version != 0) {
        return Outcome::code(snapshot, Rcode::BADVERS, None);
    }
    if query.tsig_at.is_some() {
        return Outcome::code(snapshot, Rcode::NOTAUTH, None);
    }
    match query.question.qclass {
        Class::IN => resolve(snapshot, &query.question, &mut ()),
        Class::CH => chaos(snapshot, settings, &query.question),
        _ => Outcome::code(snapshot, Rcode::REFUSED, None),
    }
}

/// Class CH: who we are, where the operator wants it told (RFC 4892).
fn chaos<'s>(snapshot: &'s Snapshot, settings: &'s Settings, question: &Question<'_>) -> Outcome<'s> {
    let text = match question.lower.as_wire() {
        b"\x07version\x04bind\x00" | b"\x07version\x06server\x00" => &settings.version,
        b"\x02id\x06server\x00" | b"\x08hostname\x04bind\x00" => &settings.server_id,
        _ => &None,
    };
    match text {
        Some(text) if matches!(question.qtype, RrType::TXT | RrType::ANY) => {
            let end = End::Chaos(text);
            Outcome { authoritative: true, end, ..Outcome::code(snapshot, Rcode::NOERROR, None) }
        }
        _ => Outcome::code(snapshot, Rcode::REFUSED, None),
    }
}

fn reject(packet: &[u8], malformed: Malformed, out: &mut [u8]) -> Option<Answered> {
    let (header, question_end, edns, rcode) = match malformed {
        Malformed::Silence => return None,
        Malformed::FormErr { header, question_end, edns } => (header, question_end, edns, Rcode::FORMERR),
        Malformed::NotImp { header, question_end, edns } => (header, question_end, edns, Rcode::NOTIMP),
    };
    let question = question_end.and_then(|end| packet.get(QNAME_AT..end));
    let len = refuse::bare(header, question, edns, rcode, out).ok()?;
    let malformed = rcode == Rcode::FORMERR;
    Some(Answered { len, rcode, qtype: None, source: None, truncated: false, malformed })
}
