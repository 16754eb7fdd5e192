//! Many packets of one moment, answered in place.
//!
//! A lookup in a large world waits for memory several times in a row. The packets of a batch wait together: every
//! step is taken for all of them, and touches what the next one will read.

use std::hint::black_box;

use arrayvec::ArrayVec;

use super::locate::Search;
use super::{Answered, Settings, Transport, answer_located};
use crate::snapshot::Snapshot;
use crate::wire::{Class, Malformed, NameBuf, Query, RrType};

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
    /// Nothing that plain load is made of: the buffer holds the packet as it came, [`super::respond`] answers it in
    /// its own time.
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

/// A query of the batch on its way to its answer.
struct Asked<'n, 's> {
    /// Which packet it is.
    at: usize,
    query: Query<'n>,
    search: Search<'s>,
}

impl Batch<'_> {
    /// Answers the packets that have no verdict yet. `turn` is that of the first packet.
    pub fn respond(&mut self, snapshot: &Snapshot, settings: &Settings, turn: u32) {
        // Pushed one by one, because what is collected is moved as a whole.
        let mut names = ArrayVec::<NameBuf, BATCH>::new();
        self.packets.iter().for_each(|_| names.push(NameBuf::new()));
        let mut asked = ArrayVec::new();
        self.read(&mut names, snapshot, &mut asked);
        self.locate(snapshot, &mut asked);
        for Asked { at, query, search } in &asked {
            self.at = *at;
            let packet = &mut self.packets[*at];
            let located = search.finish(query.question.lower.as_wire());
            let turn = turn.wrapping_add(*at as u32);
            let answered =
                answer_located(snapshot, settings, query, located, Transport::Udp, turn, packet.buffer);
            packet.verdict = Some(answered.map_or(Verdict::Silence, Verdict::Answer));
        }
    }

    /// Reads the packets; what is no plain query has its verdict at once.
    fn read<'n, 's>(
        &mut self,
        names: &'n mut [NameBuf],
        snapshot: &'s Snapshot,
        asked: &mut ArrayVec<Asked<'n, 's>, BATCH>,
    ) {
        for ((at, packet), name) in self.packets.iter_mut().enumerate().zip(names) {
            if packet.verdict.is_some() {
                continue;
            }
            self.at = at;
            match Query::parse(&packet.buffer[..packet.len], name) {
                Ok(query) if is_plain(&query) => {
                    let search = Search::begin(snapshot, query.question.lower.as_wire());
                    asked.push(Asked { at, query, search });
                }
                Err(Malformed::Silence) => packet.verdict = Some(Verdict::Silence),
                Ok(_) | Err(_) => packet.verdict = Some(Verdict::Unusual),
            }
        }
    }

    /// Goes to the nodes, step by step. The loops that touch are short, so that the processor waits for many of
    /// their reads at a time.
    fn locate<'s>(&mut self, snapshot: &'s Snapshot, asked: &mut [Asked<'_, 's>]) {
        // One packet waits for nobody.
        if let [asked] = asked {
            self.at = asked.at;
            asked.search.guess_zone();
            asked.find_zone(snapshot);
            asked.search.seek();
            return;
        }
        touch(asked, |search| search.touch_slot());
        touch(asked, Search::guess_zone);
        for asked in &mut *asked {
            self.at = asked.at;
            asked.find_zone(snapshot);
        }
        touch(asked, |search| search.touch_home());
        touch(asked, Search::seek);
    }
}

impl<'s> Asked<'_, 's> {
    fn find_zone(&mut self, snapshot: &'s Snapshot) {
        let question = &self.query.question;
        self.search.find_zone(snapshot, question.lower.as_wire(), question.qtype);
    }
}

/// Reads something for each of the queries; nothing waits for what is read.
fn touch<'s>(asked: &mut [Asked<'_, 's>], read: impl Fn(&mut Search<'s>) -> u8) {
    black_box(asked.iter_mut().fold(0, |sum, asked| sum ^ read(&mut asked.search)));
}

/// Whether a query is what plain load is made of.
fn is_plain(query: &Query<'_>) -> bool {
    query.question.qclass == Class::IN
        && query.tsig_at.is_none()
        && query.edns.is_none_or(|edns| edns.version == 0)
        && !matches!(query.question.qtype, RrType::AXFR | RrType::IXFR)
}
