//! Counters of the workers: one block each, summed when somebody looks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::AddressSource;
use crate::wire::{Rcode, RrType};

/// The transport that a block counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Transport; 2] = [Transport::Udp, Transport::Tcp];

    /// The transport as the value of a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

/// The address family that a block counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The family of a socket address.
    pub fn of(address: std::net::SocketAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The family as the value of a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        }
    }
}

/// The types that are counted by name; all others are one class.
pub const TYPES: [RrType; 28] = [
    RrType::A,
    RrType::AAAA,
    RrType::HTTPS,
    RrType::SVCB,
    RrType::NS,
    RrType::SOA,
    RrType::CNAME,
    RrType::DNAME,
    RrType::MX,
    RrType::TXT,
    RrType::PTR,
    RrType::SRV,
    RrType::NAPTR,
    RrType::CAA,
    RrType::TLSA,
    RrType::SSHFP,
    RrType::DS,
    RrType::CDS,
    RrType::CDNSKEY,
    RrType::DNSKEY,
    RrType::RRSIG,
    RrType::NSEC,
    RrType::NSEC3,
    RrType::NSEC3PARAM,
    RrType::ANY,
    RrType::AXFR,
    RrType::IXFR,
    RrType::URI,
];
/// The response codes that are counted by name; all others are one class.
pub const RCODES: [Rcode; 8] = [
    Rcode::NOERROR,
    Rcode::FORMERR,
    Rcode::SERVFAIL,
    Rcode::NXDOMAIN,
    Rcode::NOTIMP,
    Rcode::REFUSED,
    Rcode::NOTAUTH,
    Rcode::BADVERS,
];
/// Label of what has no class of its own.
pub const OTHER: &str = "other";
/// Label of the type where no question could be read, and of the source of everything that is not proxied.
pub const NONE: &str = "none";

const OTHER_TYPE: usize = TYPES.len();
const NO_TYPE: usize = TYPES.len() + 1;
const TYPE_ROWS: usize = TYPES.len() + 2;
const RCODE_COLUMNS: usize = RCODES.len() + 1;
const SOURCES_AT: usize = TYPE_ROWS * RCODE_COLUMNS;
const SOURCE_CELLS: usize = AddressSource::ALL.len() + 1;
const SINGLES_AT: usize = SOURCES_AT + SOURCE_CELLS;
const CELLS: usize = SINGLES_AT + Cell::ALL.len();

/// Row of each type below 512.
const TYPE_ROW: [u8; 512] = {
    let mut rows = [OTHER_TYPE as u8; 512];
    let mut index = 0;
    while index < TYPES.len() {
        rows[TYPES[index].0 as usize] = index as u8;
        index += 1;
    }
    rows
};
/// Column of each response code below 32.
const RCODE_COLUMN: [u8; 32] = {
    let mut columns = [RCODES.len() as u8; 32];
    let mut index = 0;
    while index < RCODES.len() {
        columns[RCODES[index].0 as usize] = index as u8;
        index += 1;
    }
    columns
};

fn type_row(qtype: Option<RrType>) -> usize {
    match qtype {
        None => NO_TYPE,
        Some(qtype) => TYPE_ROW.get(usize::from(qtype.0)).map_or(OTHER_TYPE, |row| usize::from(*row)),
    }
}

fn rcode_column(rcode: Rcode) -> usize {
    RCODE_COLUMN.get(usize::from(rcode.0)).map_or(RCODES.len(), |column| usize::from(*column))
}

fn source_cell(source: Option<AddressSource>) -> usize {
    match source {
        Some(AddressSource::ZoneMap) => 0,
        Some(AddressSource::AccountMap) => 1,
        Some(AddressSource::ImmutableMap) => 2,
        Some(AddressSource::AnycastDefaults) => 3,
        None => 4,
    }
}

/// A counter that stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Messages that came in, whatever became of them.
    Received,
    /// Octets that came in.
    BytesReceived,
    /// Octets of answers.
    BytesSent,
    /// Answers with TC.
    Truncated,
    /// Messages that were no well-formed query.
    Malformed,
    /// Messages that got no answer.
    Dropped,
    /// Answers that ended in a panic.
    Panics,
    /// Messages that went to the slow door, answered or not.
    Unusual,
    /// Messages that were dropped because too many waited at the slow door.
    UnusualDropped,
    /// Failed receives.
    ReceiveErrors,
    /// Answers that could not be sent.
    SendErrors,
    /// Connections accepted.
    Accepted,
    /// Connections closed, by whomever.
    Closed,
    /// Connections refused because there were too many.
    RefusedLimit,
    /// Connections refused because there were too many from their network.
    RefusedPrefix,
    /// Connections closed because no message came.
    ClosedIdle,
    /// Connections closed because the rest of a message did not come, or answers were not taken.
    ClosedSlow,
    /// Idle connections closed to make room for others.
    ClosedForRoom,
}

impl Cell {
    /// Every one of them.
    pub const ALL: [Cell; 18] = [
        Cell::Received,
        Cell::BytesReceived,
        Cell::BytesSent,
        Cell::Truncated,
        Cell::Malformed,
        Cell::Dropped,
        Cell::Panics,
        Cell::Unusual,
        Cell::UnusualDropped,
        Cell::ReceiveErrors,
        Cell::SendErrors,
        Cell::Accepted,
        Cell::Closed,
        Cell::RefusedLimit,
        Cell::RefusedPrefix,
        Cell::ClosedIdle,
        Cell::ClosedSlow,
        Cell::ClosedForRoom,
    ];
}

/// What was answered to one message.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Octets of the answer.
    pub len: usize,
    /// The response code.
    pub rcode: Rcode,
    /// The type asked for, if a question could be read.
    pub qtype: Option<RrType>,
    /// The level that gave the addresses of a proxied name.
    pub source: Option<AddressSource>,
    /// TC was set.
    pub truncated: bool,
    /// The message was no well-formed query.
    pub malformed: bool,
}

/// The counters of one worker and one socket. Only one thread writes them, everybody may read. Two never share a pair
/// of cache lines, which processors fetch together.
#[repr(align(128))]
pub struct Block {
    transport: Transport,
    family: Family,
    cells: [AtomicU64; CELLS],
}

impl Block {
    /// Counts a message that came in.
    pub fn received(&self, octets: usize) {
        self.received_together(1, octets);
    }

    /// Counts messages that came in together, `octets` in all.
    pub fn received_together(&self, messages: usize, octets: usize) {
        self.add(SINGLES_AT + Cell::Received as usize, messages as u64);
        self.add(SINGLES_AT + Cell::BytesReceived as usize, octets as u64);
    }

    /// Counts an answer.
    pub fn replied(&self, reply: &Reply) {
        self.add(type_row(reply.qtype) * RCODE_COLUMNS + rcode_column(reply.rcode), 1);
        self.add(SOURCES_AT + source_cell(reply.source), 1);
        self.add(SINGLES_AT + Cell::BytesSent as usize, reply.len as u64);
        if reply.truncated {
            self.bump(Cell::Truncated);
        }
        if reply.malformed {
            self.bump(Cell::Malformed);
        }
    }

    /// Adds one.
    pub fn bump(&self, cell: Cell) {
        self.add(SINGLES_AT + cell as usize, 1);
    }

    /// The counter as it is now.
    pub fn get(&self, cell: Cell) -> u64 {
        self.cells[SINGLES_AT + cell as usize].load(Relaxed)
    }

    fn add(&self, at: usize, value: u64) {
        // One writer: nothing can come between the load and the store.
        let cell = &self.cells[at];
        cell.store(cell.load(Relaxed).wrapping_add(value), Relaxed);
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("transport", &self.transport).field("family", &self.family).finish()
    }
}

/// All blocks.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Vec<Arc<Block>>>);

impl Counters {
    /// No blocks yet.
    pub fn new() -> Counters {
        Counters::default()
    }

    /// A new block for one writer.
    pub fn block(&self, transport: Transport, family: Family) -> Arc<Block> {
        let block = Arc::new(Block { transport, family, cells: [const { AtomicU64::new(0) }; CELLS] });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(block.clone());
        block
    }

    /// The sum over all blocks of a transport and family; `None` stands for all of them.
    pub fn sum(&self, transport: Option<Transport>, family: Option<Family>) -> Sums {
        let mut cells = [0; CELLS];
        for block in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if transport.is_none_or(|wanted| wanted == block.transport)
                && family.is_none_or(|wanted| wanted == block.family)
            {
                for (sum, cell) in cells.iter_mut().zip(&block.cells) {
                    *sum += cell.load(Relaxed);
                }
            }
        }
        Sums(Box::new(cells))
    }
}

/// Counters of several blocks, summed.
#[derive(Clone, Debug)]
pub struct Sums(Box<[u64; CELLS]>);

impl Sums {
    /// A counter that stands alone.
    pub fn get(&self, cell: Cell) -> u64 {
        self.0[SINGLES_AT + cell as usize]
    }

    /// Answers from one level of the precedence; `None`: everything that is not proxied.
    pub fn source(&self, source: Option<AddressSource>) -> u64 {
        self.0[SOURCES_AT + source_cell(source)]
    }

    /// Answers by type and response code, without those that never occurred.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        (0..TYPE_ROWS)
            .flat_map(|row| (0..RCODE_COLUMNS).map(move |column| (row, column)))
            .map(|(row, column)| (type_label(row), rcode_label(column), self.0[row * RCODE_COLUMNS + column]))
            .filter(|(_, _, count)| *count != 0)
    }
}

fn type_label(row: usize) -> &'static str {
    match TYPES.get(row) {
        Some(rtype) => rtype.mnemonic().unwrap_or(OTHER),
        None if row == NO_TYPE => NONE,
        None => OTHER,
    }
}

fn rcode_label(column: usize) -> &'static str {
    RCODES.get(column).and_then(|rcode| rcode.mnemonic()).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(qtype: Option<RrType>, rcode: Rcode) -> Reply {
        Reply { len: 40, rcode, qtype, source: None, truncated: false, malformed: false }
    }

    #[test]
    fn blocks_are_summed_by_transport_and_family() {
        let counters = Counters::new();
        let udp4 = counters.block(Transport::Udp, Family::V4);
        let udp6 = counters.block(Transport::Udp, Family::V6);
        let tcp4 = counters.block(Transport::Tcp, Family::V4);
        udp4.received(30);
        udp6.received(31);
        tcp4.received(32);
        let received = |transport, family| counters.sum(transport, family).get(Cell::Received);
        assert_eq!(received(Some(Transport::Udp), None), 2);
        assert_eq!(received(None, Some(Family::V4)), 2);
        assert_eq!(received(Some(Transport::Tcp), Some(Family::V6)), 0);
        assert_eq!(counters.sum(None, None).get(Cell::BytesReceived), 93);
    }

    #[test]
    fn every_type_and_rcode_has_a_class() {
        let counters = Counters::new();
        let block = counters.block(Transport::Udp, Family::V4);
        for qtype in 0..=u16::MAX {
            block.replied(&reply(Some(RrType(qtype)), Rcode::NOERROR));
        }
        for rcode in 0..=u16::MAX {
            block.replied(&reply(None, Rcode(rcode)));
        }
        let sums = counters.sum(None, None);
        let count = |rtype, rcode| {
            sums.answers().find(|(t, r, _)| (*t, *r) == (rtype, rcode)).map_or(0, |(_, _, count)| count)
        };
        for rtype in TYPES {
            assert_eq!(count(rtype.mnemonic().unwrap(), "NOERROR"), 1, "{rtype}");
        }
        assert_eq!(count(OTHER, "NOERROR"), 65536 - TYPES.len() as u64);
        for rcode in RCODES {
            assert_eq!(count(NONE, rcode.mnemonic().unwrap()), 1, "{rcode}");
        }
        assert_eq!(count(NONE, OTHER), 65536 - RCODES.len() as u64);
        assert_eq!(sums.source(None), 2 * 65536);
    }

    #[test]
    fn levels_and_marks_are_counted() {
        let counters = Counters::new();
        let block = counters.block(Transport::Tcp, Family::V6);
        for source in AddressSource::ALL {
            let reply =
                Reply { source: Some(source), truncated: true, ..reply(Some(RrType::A), Rcode::NOERROR) };
            block.replied(&reply);
        }
        let sums = counters.sum(None, None);
        for source in AddressSource::ALL {
            assert_eq!(sums.source(Some(source)), 1);
        }
        assert_eq!(sums.get(Cell::Truncated), 4);
        assert_eq!(sums.get(Cell::Malformed), 0);
        assert_eq!(sums.get(Cell::BytesSent), 160);
    }
}
