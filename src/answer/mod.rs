//! Question and snapshot to outcome to bytes: the only code that decides what a query is answered.
//!
//! Invariant: no I/O, no clock, no allocation; what varies comes in as a value.

use crate::model::AddressSource;
use crate::snapshot::Snapshot;
use crate::wire::{Rcode, RrType};

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
    /// Text of `version.bind` in class CH; `None` refuses it.
    pub version: Option<String>,
    /// Text of `id.server` in class CH; `None` refuses it.
    pub server_id: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { rotate: true, version: None, server_id: None }
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

/// Answers one packet into `out`; `None` is silence. `turn` is a counter of the caller that turns the order of
/// rotated addresses.
pub fn respond(
    snapshot: &Snapshot,
    settings: &Settings,
    packet: &[u8],
    transport: Transport,
    turn: u32,
    out: &mut [u8],
) -> Option<Answered> {
    let _ = (snapshot, settings, packet, transport, turn, out);
    None
}
