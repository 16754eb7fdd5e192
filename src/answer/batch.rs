//! Many packets of one moment, answered in place.

use arrayvec::ArrayVec;

use super::{Answered, Settings, Transport, respond};
use crate::snapshot::Snapshot;

/// Most packets of a batch.
pub const BATCH: usize = 32;

/// A packet, and afterwards its answer in the same place.
#[derive(Debug)]
pub struct Packet<'b> {
    /// Holds the packet, then the answer; at least 1280 octets.
    pub buffer: &'b mut [u8],
    /// Octets of the packet.
    pub len: usize,
    /// What became of it; `None` as long as nothing did.
    pub verdict: Option<Verdict>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The buffer holds the answer.
    Answer(Answered),
    /// Nothing is sent back.
    Silence,
    /// Nothing that plain load is made of: the buffer holds the packet as it came, [`respond`] answers it in its own
    /// time.
    Unusual,
}

/// Packets that came over UDP.
#[derive(Debug, Default)]
pub struct Batch<'b> {
    /// The packets.
    pub packets: ArrayVec<Packet<'b>, BATCH>,
    /// The packet that is being worked upon: the one to blame for a panic.
    pub at: usize,
}

impl Batch<'_> {
    /// Answers the packets that have no verdict yet. `turn` is that of the first packet.
    pub fn respond(&mut self, snapshot: &Snapshot, settings: &Settings, turn: u32) {
        for (at, packet) in self.packets.iter_mut().enumerate().filter(|(_, packet)| packet.verdict.is_none())
        {
            self.at = at;
            let copy = packet.buffer[..packet.len].to_vec();
            let turn = turn.wrapping_add(at as u32);
            let answered = respond(snapshot, settings, &copy, Transport::Udp, turn, packet.buffer);
            packet.verdict = Some(answered.map_or(Verdict::Silence, Verdict::Answer));
        }
    }
}
