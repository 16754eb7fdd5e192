//! The answers of a batch against those of one packet at a time, octet for octet.

use portolan::answer::{Answered, BATCH, Batch, Packet, Settings, Transport, Verdict, respond};
use portolan::snapshot::Snapshot;

/// The least room that a packet of a batch has.
const ROOM: usize = 1280;

/// Answers packets in batches whose sizes change from one to the next, packets without a plain question among them,
/// and tells the first that is answered differently than alone.
pub(crate) fn disagreement(snapshot: &Snapshot, packets: &[Vec<u8>]) -> Option<String> {
    let settings = Settings::default();
    let mut rest = packets;
    let mut size = packets.len();
    let mut turn = 0;
    while !rest.is_empty() {
        size = size % (BATCH - 3) + 1;
        let (now, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        let mut mixed = now.to_vec();
        for (at, odd) in odd(&now[0]).into_iter().enumerate() {
            if mixed.len() < BATCH && (size + at).is_multiple_of(3) {
                mixed.insert(size * 7 % (mixed.len() + 1), odd);
            }
        }
        let room = if size.is_multiple_of(2) { ROOM } else { 4096 };
        let mut buffers: Vec<Vec<u8>> = mixed.iter().map(|packet| within(packet, room)).collect();
        let mut batch = Batch::default();
        for (packet, buffer) in mixed.iter().zip(&mut buffers) {
            batch.packets.push(Packet { buffer, len: packet.len(), verdict: None });
        }
        batch.respond(snapshot, &settings, turn);
        for (at, (before, after)) in mixed.iter().zip(&batch.packets).enumerate() {
            let mut out = vec![0; ROOM];
            let turn = turn.wrapping_add(at as u32);
            let alone = respond(snapshot, &settings, before, Transport::Udp, turn, &mut out);
            if let Err(fault) = agrees(before, after, alone, &out) {
                return Some(format!("{fault}, {at} of {}: {before:02x?}\n  {after:02x?}", mixed.len()));
            }
        }
        turn = turn.wrapping_add(mixed.len() as u32);
    }
    None
}

fn within(packet: &[u8], room: usize) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(room, 0xee);
    buffer
}

/// Packets like this one that a batch leaves to others, or that nobody answers.
fn odd(packet: &[u8]) -> Vec<Vec<u8>> {
    let with = |at: usize, octet: u8| {
        let mut odd = packet.to_vec();
        odd[at] = octet;
        odd
    };
    let mut chaos = packet.to_vec();
    let class = chaos.len() - 1 - if packet[11] == 1 { 11 } else { 0 };
    chaos[class] = 3;
    vec![
        with(2, 0x80),
        packet[..11].to_vec(),
        with(2, 0x28),
        with(5, 0),
        packet[..packet.len() - 1].to_vec(),
        chaos,
    ]
}

fn agrees(
    before: &[u8],
    after: &Packet<'_>,
    alone: Option<Answered>,
    out: &[u8],
) -> Result<(), &'static str> {
    match (after.verdict, alone) {
        (None, _) => Err("no verdict"),
        (Some(Verdict::Silence), None) => Ok(()),
        (Some(Verdict::Unusual), Some(_)) if after.buffer[..after.len] != *before => Err("not as it came"),
        (Some(Verdict::Unusual), Some(alone)) if is_plain(before, alone) => Err("left to others"),
        (Some(Verdict::Unusual), Some(_)) => Ok(()),
        (Some(Verdict::Answer(answered)), Some(alone)) if answered != alone => Err("another verdict"),
        (Some(Verdict::Answer(answered)), Some(_)) if after.buffer[..answered.len] != out[..answered.len] => {
            Err("another answer")
        }
        (Some(Verdict::Answer(_)), Some(_)) => Ok(()),
        _ => Err("silence"),
    }
}

/// Whether a packet has a plain question: what a batch must answer itself.
fn is_plain(packet: &[u8], alone: Answered) -> bool {
    let of_class_in = packet.get(packet.len() - 1 - if packet[11] == 1 { 11 } else { 0 }) == Some(&1);
    let transfer = alone.qtype.is_some_and(|qtype| matches!(qtype.0, 251 | 252));
    !alone.malformed && packet[2] & 0x78 == 0 && of_class_in && !transfer
}
