//! One packet to one answer, counted and kept from taking the worker down.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use crate::answer::{self, Answered, Category, Settings, Transport};
use crate::snapshot::Snapshot;
use crate::telemetry::{Block, Cell, Reply, Throttle};
use crate::wire::Header;
use crate::wire::{HEADER_LEN, Rcode};

/// Most octets of a packet that are logged.
const LOGGED_OCTETS: usize = 512;

/// Answers packets of one socket; used by one thread.
#[derive(Debug)]
pub(super) struct Answerer {
    settings: Arc<Settings>,
    block: Arc<Block>,
    turn: AtomicU32,
    panics: Throttle,
}

impl Answerer {
    pub(super) fn new(settings: Arc<Settings>, block: Arc<Block>) -> Answerer {
        let panics = Throttle::new(Duration::from_secs(1));
        Answerer { settings, block, turn: AtomicU32::new(0), panics }
    }

    /// The counters of this socket.
    pub(super) fn block(&self) -> &Block {
        &self.block
    }

    /// What an answer depends on beside the snapshot.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts `packet` and writes the answer to it into `out`; `None` is silence.
    pub(super) fn answer<'o>(
        &self,
        snapshot: &Snapshot,
        packet: &[u8],
        transport: Transport,
        out: &'o mut [u8],
    ) -> Option<&'o [u8]> {
        self.block.received(packet.len());
        self.answer_counted(snapshot, packet, transport, out)
    }

    /// The same for a packet that somebody else has counted already.
    pub(super) fn answer_counted<'o>(
        &self,
        snapshot: &Snapshot,
        packet: &[u8],
        transport: Transport,
        out: &'o mut [u8],
    ) -> Option<&'o [u8]> {
        let turn = self.turn.load(Relaxed);
        self.turn.store(turn.wrapping_add(1), Relaxed);
        self.guard(packet, out, |out| answer::respond(snapshot, &self.settings, packet, transport, turn, out))
    }

    /// Runs `respond`, counts what it says; a panic becomes SERVFAIL.
    fn guard<'o>(
        &self,
        packet: &[u8],
        out: &'o mut [u8],
        respond: impl FnOnce(&mut [u8]) -> Option<Answered>,
    ) -> Option<&'o [u8]> {
        // `out` may hold half an answer after a panic: it is overwritten.
        let answered = match catch_unwind(AssertUnwindSafe(|| respond(out))) {
            Ok(answered) => answered,
            Err(_) => {
                self.report_panic(packet);
                server_failure(packet, out)
            }
        };
        let Some(answered) = answered else {
            self.block.bump(Cell::Dropped);
            return None;
        };
        self.count(&answered);
        out.get(..answered.len)
    }

    /// Counts an answer.
    pub(super) fn count(&self, answered: &Answered) {
        self.block.replied(&Reply {
            len: answered.len,
            rcode: answered.rcode,
            qtype: answered.qtype,
            source: answered.source,
            truncated: answered.truncated,
            malformed: answered.malformed,
        });
    }

    /// Counts a panic, and logs the packet that was being answered.
    pub(super) fn report_panic(&self, packet: &[u8]) {
        self.block.bump(Cell::Panics);
        if let Some(suppressed) = self.panics.pass() {
            tracing::error!(
                packet = hex(packet),
                suppressed,
                "answering a packet ended in a panic; it was answered SERVFAIL; please report it with this packet"
            );
        }
    }
}

/// SERVFAIL without a question, to anything that is a query by its header.
pub(super) fn server_failure(packet: &[u8], out: &mut [u8]) -> Option<Answered> {
    let head = packet.first_chunk::<HEADER_LEN>()?;
    let header =
        Header { id: u16::from_be_bytes([head[0], head[1]]), flags: u16::from_be_bytes([head[2], head[3]]) };
    if header.flags & Header::QR != 0 {
        return None;
    }
    let out = out.first_chunk_mut::<HEADER_LEN>()?;
    out.fill(0);
    out[..2].copy_from_slice(&header.id.to_be_bytes());
    out[2..4].copy_from_slice(&(header.reply_flags() | Rcode::SERVFAIL.0).to_be_bytes());
    Some(Answered {
        len: HEADER_LEN,
        rcode: Rcode::SERVFAIL,
        qtype: None,
        source: None,
        truncated: false,
        malformed: false,
        category: Category::Error,
    })
}

fn hex(packet: &[u8]) -> String {
    let mut text = String::with_capacity(2 * packet.len().min(LOGGED_OCTETS) + 1);
    for octet in packet.iter().take(LOGGED_OCTETS) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    if packet.len() > LOGGED_OCTETS {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Counters, Family};

    fn answerer() -> Answerer {
        let block = Counters::new().block(crate::telemetry::Transport::Udp, Family::V4);
        Answerer::new(Arc::new(Settings::default()), block)
    }

    #[test]
    fn a_panic_is_counted_and_answered_servfail() {
        let answerer = answerer();
        let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01";
        let mut out = [7; 64];
        let answer = answerer.guard(query, &mut out, |_| panic!("on purpose")).unwrap();
        assert_eq!(answer, b"\x12\x34\x81\x02\x00\x00\x00\x00\x00\x00\x00\x00");
        assert_eq!(answerer.block().get(Cell::Panics), 1);
    }

    #[test]
    fn a_panic_over_a_response_or_a_stub_is_silence() {
        let answerer = answerer();
        for packet in [&[0u8; 11][..], &[0xff; 40][..]] {
            let mut out = [0; 64];
            assert_eq!(answerer.guard(packet, &mut out, |_| panic!("on purpose")), None);
        }
        assert_eq!(answerer.block().get(Cell::Dropped), 2);
    }

    #[test]
    fn an_answer_longer_than_the_buffer_is_not_sent() {
        let answered = Answered {
            len: 65,
            rcode: Rcode::NOERROR,
            qtype: None,
            source: None,
            truncated: false,
            malformed: false,
            category: Category::Answer,
        };
        assert_eq!(answerer().guard(&[], &mut [0; 64], |_| Some(answered)), None);
    }

    #[test]
    fn long_packets_are_logged_in_part() {
        assert_eq!(hex(&[0x0a, 0xff]), "0aff");
        assert_eq!(hex(&[0; 600]).chars().count(), 2 * LOGGED_OCTETS + 1);
    }
}
