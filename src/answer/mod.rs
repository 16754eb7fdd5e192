//! Question and snapshot to outcome to bytes: the only code that decides what a query is answered.
//!
//! [`resolve`] finds what the name is, [`write`](fn@write) puts it on the wire; [`respond`] does both for a packet of any transport.
//! Invariant: no I/O, no clock, no allocation; what varies comes in as a value.

mod batch;
mod locate;
mod outcome;
mod refuse;
mod resolve;
mod trace;
mod write;

pub use batch::{BATCH, Batch, Packet, Verdict};
pub use outcome::{Category, End, Link, LinkKind, Outcome};
pub use resolve::{MAX_LINKS, resolve};
pub use trace::{Step, Trace};
pub use write::{Frame, LEAST_UDP_SIZE, OWN_UDP_SIZE, Written, write};

use std::time::Duration;

use locate::Located;
use resolve::resolve_located;

use crate::model::AddressSource;
use crate::snapshot::Snapshot;
use crate::wire::query::Malformed;
use crate::wire::{Class, NameBuf, QNAME_AT, Query, Question, Rcode, RrType};

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
    /// Tell generation and content to clients that ask with NSID (RFC 5001).
    pub nsid: bool,
    /// How long a stream may be idle before it is closed; clients that ask are told (RFC 7828).
    pub stream_idle: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rotate: true,
            version: None,
            server_id: None,
            nsid: true,
            stream_idle: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// [`Settings::stream_idle`] as edns-tcp-keepalive tells it, in units of 100 ms.
    fn idle_units(&self) -> u16 {
        u16::try_from(self.stream_idle.as_millis() / 100).unwrap_or(u16::MAX)
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
    /// What kind of answer it is.
    pub category: Category,
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
    let mut name = NameBuf::new();
    let query = match Query::parse(packet, &mut name) {
        Ok(query) => query,
        Err(malformed) => return reject(packet, malformed, out),
    };
    let end = query.question.end();
    let mut tsig = None;
    if let Some(at) = query.tsig_at {
        tsig = refuse::bad_key(packet, at);
        if tsig.is_none() {
            let fault =
                Malformed::FormErr { header: query.header, question_end: Some(end), edns: query.edns };
            return reject(packet, fault, out);
        }
    }
    out.get_mut(..end)?.copy_from_slice(&packet[..end]);
    if query.question.qclass == Class::IN && tsig.is_none() && query.edns.is_none_or(|edns| edns.version == 0)
    {
        let located = Located::of(snapshot, query.question.lower.as_wire(), query.question.qtype);
        return answer_located(snapshot, settings, &query, located, transport, turn, out);
    }
    let outcome = unusual(snapshot, settings, &query);
    let frame = frame(snapshot, settings, &query, transport, turn);
    let tail = tsig.as_deref().unwrap_or_default();
    answered(&outcome, &query, Frame { tail, ..frame }, out)
}

/// Answers a query of class IN whose header and question stand in `out` and whose place is known.
fn answer_located(
    snapshot: &Snapshot,
    settings: &Settings,
    query: &Query<'_>,
    located: Option<Located<'_>>,
    transport: Transport,
    turn: u32,
    out: &mut [u8],
) -> Option<Answered> {
    let mut outcome = Outcome::code(snapshot, Rcode::NOERROR, None);
    resolve_located(&query.question, located, &mut (), &mut outcome);
    answered(&outcome, query, frame(snapshot, settings, query, transport, turn), out)
}

fn frame<'s>(
    snapshot: &'s Snapshot,
    settings: &Settings,
    query: &Query<'_>,
    transport: Transport,
    turn: u32,
) -> Frame<'s> {
    let (limit, keepalive) = match (transport, query.edns) {
        (Transport::Stream, Some(edns)) if edns.keepalive => (u16::MAX, Some(settings.idle_units())),
        (Transport::Stream, _) => (u16::MAX, None),
        (Transport::Udp, None) => (LEAST_UDP_SIZE, None),
        (Transport::Udp, Some(edns)) => (edns.udp_size.clamp(LEAST_UDP_SIZE, OWN_UDP_SIZE), None),
    };
    let nsid = match query.edns {
        Some(edns) if edns.nsid && settings.nsid => snapshot.nsid(),
        _ => &[],
    };
    Frame { limit: usize::from(limit), turn: settings.rotate.then_some(turn), keepalive, nsid, tail: &[] }
}

fn answered(outcome: &Outcome<'_>, query: &Query<'_>, frame: Frame<'_>, out: &mut [u8]) -> Option<Answered> {
    let written = write(outcome, query, frame, out);
    (written.len != 0).then(|| Answered {
        len: written.len,
        rcode: outcome.rcode,
        qtype: Some(query.question.qtype),
        source: outcome.source(),
        truncated: written.truncated,
        malformed: false,
        category: outcome.category(),
    })
}

/// What is answered to another EDNS version, a signed query or another class.
fn unusual<'s>(snapshot: &'s Snapshot, settings: &'s Settings, query: &Query<'_>) -> Outcome<'s> {
    if query.edns.is_some_and(|edns| edns.version != 0) {
        return Outcome::code(snapshot, Rcode::BADVERS, None);
    }
    if query.tsig_at.is_some() {
        return Outcome::code(snapshot, Rcode::NOTAUTH, None);
    }
    match query.question.qclass {
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
    let category = Category::Error;
    Some(Answered { len, rcode, qtype: None, source: None, truncated: false, malformed, category })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Seed;
    use crate::wire::reader::Message;

    /// A query for `a.` with an OPT that holds these options.
    fn packet(options: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        packet.extend(b"\x01a\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00");
        packet.push(options.len() as u8);
        packet.extend(options);
        packet
    }

    fn options(settings: &Settings, transport: Transport, options: &[u8]) -> Vec<u8> {
        let snapshot = Snapshot::empty(1, Seed::random());
        let mut out = [0; 512];
        let answered = respond(&snapshot, settings, &packet(options), transport, 0, &mut out).unwrap();
        assert_eq!((answered.rcode, answered.category), (Rcode::REFUSED, Category::Error));
        Message::parse(&out[..answered.len]).unwrap().opt().unwrap().rdata.to_vec()
    }

    #[test]
    fn clients_of_a_stream_that_ask_are_told_how_long_it_may_be_idle() {
        const NOT_AUTHORITATIVE: &[u8] = &[0, 15, 0, 2, 0, 20];
        let settings = |stream_idle| Settings { stream_idle, ..Settings::default() };
        let of_seconds = |seconds| settings(Duration::from_secs(seconds));
        let asked = &[0, 11, 0, 0];
        for (settings, told) in [
            (of_seconds(10), [0, 100]),
            (of_seconds(0), [0, 0]),
            (of_seconds(100_000), [255, 255]),
            (settings(Duration::from_millis(250)), [0, 2]),
        ] {
            let told = [&[0, 11, 0, 2], &told[..], NOT_AUTHORITATIVE].concat();
            assert_eq!(options(&settings, Transport::Stream, asked), told);
        }
        let settings = of_seconds(10);
        assert_eq!(options(&settings, Transport::Udp, asked), NOT_AUTHORITATIVE);
        assert_eq!(options(&settings, Transport::Stream, &[]), NOT_AUTHORITATIVE);
        assert_eq!(options(&settings, Transport::Stream, &[0, 11, 0, 2, 0, 9]), NOT_AUTHORITATIVE);
        assert_eq!(options(&settings, Transport::Stream, &[0, 10, 0, 1, 7]), NOT_AUTHORITATIVE);
    }
}
