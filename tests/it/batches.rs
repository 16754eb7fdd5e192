//! The answers of a batch against those of one packet at a time, octet for octet.

use portolan::answer::{Answered, BATCH, Batch, Category, Packet, Settings, Transport, Verdict, respond};
use portolan::compile::compile;
use portolan::snapshot::Snapshot;
use portolan::wire::RrType;

use crate::support::ask::{Ask, Opt};
use crate::support::name;
use crate::support::zone::Zone;

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

/// The verdict on each packet, and what its buffer holds afterwards.
fn answered(zone: &Zone, packets: &[Vec<u8>]) -> Vec<(Answered, Vec<u8>)> {
    let snapshot = compile(&zone.world(), 1).snapshot;
    assert_eq!(disagreement(&snapshot, packets), None);
    let mut buffers: Vec<Vec<u8>> = packets.iter().map(|packet| within(packet, ROOM)).collect();
    let mut batch = Batch::default();
    for (packet, buffer) in packets.iter().zip(&mut buffers) {
        batch.packets.push(Packet { buffer, len: packet.len(), verdict: None });
    }
    batch.respond(&snapshot, &Settings::default(), 0);
    let verdicts: Vec<_> = batch.packets.iter().map(|packet| packet.verdict).collect();
    let answer = |verdict| match verdict {
        Some(Verdict::Answer(answered)) => answered,
        other => panic!("{other:?}"),
    };
    drop(batch);
    let answers = verdicts.into_iter().map(answer);
    answers.zip(buffers).map(|(answered, buffer)| (answered, buffer[..answered.len].to_vec())).collect()
}

/// Names and packets at the limits of length, answers that need all of their room and more.
#[test]
fn answers_stand_where_the_packets_stood() {
    let mut zone = Zone::new("example.");
    zone.add(&name("*.w.example."), RrType::A, vec![192, 0, 2, 1]);
    let text = |octets: usize| [vec![octets as u8], vec![b'x'; octets]].concat();
    zone.add(&name("some.example."), RrType::TXT, [text(200), text(200)].concat());
    zone.add(&name("more.example."), RrType::TXT, text(255).repeat(4));
    zone.add(&name("most.example."), RrType::TXT, text(255).repeat(5));
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}.w.example.", "a".repeat(51));
    assert_eq!(name(&longest).as_wire().len(), 255);
    let ask = |name_text: &str, qtype, size: Option<u16>| {
        let opt = size.map(|size| Opt { size, dnssec_ok: false });
        Ask { opt, ..Ask::new(name(name_text), qtype) }.packet()
    };
    // An option of 900 octets: the packet is longer than its answer.
    let mut long = ask("x.w.example.", RrType::A, Some(1232));
    let rdlength = long.len() - 2;
    long[rdlength..].copy_from_slice(&904_u16.to_be_bytes());
    long.extend([0, 12, 3, 132]);
    long.extend([0; 900]);
    // One that asks who answers.
    let mut nsid = ask("x.w.example.", RrType::A, Some(1232));
    *nsid.last_mut().unwrap() = 4;
    nsid.extend([0, 3, 0, 0]);
    let packets = [
        ask(&longest, RrType::A, None),
        ask(&longest, RrType::A, Some(512)),
        long,
        nsid,
        ask("some.example.", RrType::TXT, None),
        ask("more.example.", RrType::TXT, None),
        ask("more.example.", RrType::TXT, Some(1232)),
        ask("most.example.", RrType::TXT, Some(4096)),
    ];
    let answers = answered(&zone, &packets);
    let found: Vec<_> = answers.iter().map(|(answered, bytes)| (bytes.len(), answered.truncated)).collect();
    let question = 12 + 255 + 4;
    let expected = [
        (question + 16, false),
        (question + 16 + 11, false),
        (12 + 13 + 4 + 16 + 11, false),
        (12 + 13 + 4 + 16 + 11 + 4 + "g1-0000000000000000".len(), false),
        (12 + 14 + 4 + 12 + 402, false),
        (12 + 14 + 4, true),
        (12 + 14 + 4 + 12 + 1024 + 11, false),
        (12 + 14 + 4 + 11, true),
    ];
    assert_eq!(found, expected);
    let categories: Vec<_> = answers.iter().map(|(answered, _)| answered.category).collect();
    let (wildcard, answer) = (Category::Wildcard, Category::Answer);
    assert_eq!(categories, [wildcard, wildcard, wildcard, wildcard, answer, answer, answer, answer]);
}
