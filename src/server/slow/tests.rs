use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::answer::{Settings, respond};
use crate::compile::compile;
use crate::control::{Sources, load};
use crate::server::udp::mmsg::Messages;
use crate::snapshot::Publisher;
use crate::telemetry::{Counters, Family};
use crate::wire::{Name, RrType};

/// The questions of a golden case, and each with what makes a packet unusual: another class, another opcode, a key, an
/// odd version of EDNS, half of it.
fn packets(text: &str) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for question in text.lines().filter_map(|line| line.strip_prefix("> ")) {
        let mut words = question.split_whitespace();
        let name = Name::parse(words.next().unwrap(), None).unwrap();
        let rtype: RrType = words.next().unwrap().parse().unwrap();
        let edns = question.contains("+edns") || question.contains("+do");
        for (opcode, class, opt, tsig) in [
            (0, 1, edns.then_some(0), false),
            (0, 1, Some(0), false),
            (0, 1, Some(1), false),
            (0, 3, None, false),
            (0, 1, None, true),
            (4, 1, None, false),
        ] {
            let count = u8::from(opt.is_some()) + u8::from(tsig);
            let mut packet = vec![0x12, 0x34, opcode << 3, 0, 0, 1, 0, 0, 0, 0, 0, count];
            packet.extend(name.as_wire());
            packet.extend([rtype.0.to_be_bytes(), [0, class]].concat());
            if let Some(version) = opt {
                packet.extend([0, 0, 41, 4, 208, 0, version, 0, 0, 0, 0]);
            }
            if tsig {
                packet.extend(b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x1d\x0bhmac-sha256\x00");
                packet.extend(b"\0\0\0\0\0\x01\x01\x2c\0\0\x12\x34\0\0\0\0");
            }
            packets.push(packet[..packet.len() - 3].to_vec());
            packets.push(packet);
        }
    }
    packets
}

/// `tests/golden.rs` asks the same questions over the workers' way.
#[test]
fn the_slow_door_says_what_the_one_answer_says_to_every_golden_question() {
    let settings = Arc::new(Settings { rotate: false, ..Settings::default() });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/answers");
    let mut asked = 0;
    for case in std::fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let sources = Sources { zones: case.join("zones"), addrmaps: case.join("addrmaps") };
        let Ok(loaded) = load(&sources) else { panic!("{}", case.display()) };
        let snapshot = Arc::new(compile(&loaded.world, 1).snapshot);
        let publisher = Publisher::new(snapshot.clone());
        // A wildcard, so that the address asked must come along.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let socket = Arc::new(Socket::new(socket).unwrap());
        let counters = Counters::new();
        let answerer =
            || Answerer::new(settings.clone(), counters.block(crate::telemetry::Transport::Udp, Family::V4));
        let (doors, thread) = slow_door(vec![(socket.clone(), Arc::new(answerer()))], publisher.reader());
        let thread = std::thread::spawn(|| thread.run());

        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(("127.0.0.2", port)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut messages = Messages::new(true);
        let worker = answerer();
        let text = std::fs::read_to_string(case.join("queries.txt")).unwrap();
        for packet in packets(&text) {
            client.send(&packet).unwrap();
            messages.receive(std::os::fd::AsFd::as_fd(&*socket)).unwrap();
            doors[0].take(&worker, messages.octets(0, packet.len()), messages.addresses(0));
            let mut expected = vec![0; 4096];
            let answered = respond(&snapshot, &settings, &packet, Transport::Udp, 0, &mut expected).unwrap();
            let mut answer = vec![0; 4096];
            let len = client.recv(&mut answer).unwrap();
            assert_eq!(answer[..len], expected[..answered.len], "{}: {packet:02x?}", case.display());
            asked += 1;
        }
        drop(doors);
        thread.join().unwrap();
        let sums = counters.sum(None, None);
        let packets = packets(&text).len() as u64;
        assert_eq!((sums.get(Cell::Unusual), sums.get(Cell::Dropped)), (packets, 0));
        assert_eq!(sums.answers().map(|(_, _, count)| count).sum::<u64>(), packets);
    }
    assert!(asked > 2000, "only {asked} packets");
}

#[test]
fn a_packet_from_nowhere_is_dropped() {
    let publisher = Publisher::new(Arc::new(compile(&Default::default(), 1).snapshot));
    let socket = Arc::new(Socket::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap());
    let block = Counters::new().block(crate::telemetry::Transport::Udp, Family::V4);
    let answerer = Arc::new(Answerer::new(Arc::default(), block));
    let (doors, mut thread) = slow_door(vec![(socket, answerer.clone())], publisher.reader());
    doors[0].take(&answerer, &[0; 12], None);
    drop(doors);
    assert!(!thread.answer_next());
    assert_eq!((answerer.block().get(Cell::Unusual), answerer.block().get(Cell::Dropped)), (1, 1));
}
