//! The server over its sockets: the same answers by every way, from the address asked, whatever comes in.

#![allow(clippy::unwrap_used)]

mod client;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use client::served::{self, Records, framed, receive};
use portolan::answer::{self, Settings};
use portolan::server::{Given, Listen, ListenError, Server, ServerConfig, StartError, TcpLimits};
use portolan::snapshot::{Content, Publisher, Seed, Snapshot};
use portolan::telemetry::{Cell, Counters, Samples, Transport};
use portolan::wire::reader::{Message, Section};
use portolan::wire::{Rcode, RrType};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";
const PATIENCE: Duration = Duration::from_secs(30);

/// A zone with what is hard to carry over a stream.
fn snapshot(generation: u64) -> Arc<Snapshot> {
    let mut records: Records = Vec::new();
    let mut add = |owner, rtype, rdata: &[u8]| records.push((owner, rtype, rdata.to_vec()));
    add(
        "Example.",
        RrType::SOA,
        b"\x02ns\x07Example\x00\x01h\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
    );
    add("Example.", RrType::NS, b"\x02Ns\x07Example\x00");
    add("Ns", RrType::A, &[192, 0, 2, 53]);
    add("one", RrType::A, &[192, 0, 2, 1]);
    add("one", RrType::AAAA, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    add("one", RrType::MX, b"\x00\x0a\x02NS\x07eXample\x00");
    add("one", RrType(65280), b"\x00\xc0\x0c\xff");
    add("one", RrType(65281), b"");
    for n in 0..200 {
        add("many", RrType::A, &[198, 51, 100, n]);
    }
    for n in 0..8 {
        add("large", RrType::TXT, &[&[255][..], &[b'a' + n; 255]].concat());
    }
    served::snapshot(generation, "Example.", 3600, records)
}

struct Running {
    server: Server,
    publisher: Publisher,
    counters: Arc<Counters>,
}

fn listen(addresses: &[&str]) -> Vec<Listen> {
    addresses.iter().map(|text| Listen { addr: text.parse().unwrap(), is_default: false }).collect()
}

fn config(addresses: &[&str], workers: usize) -> ServerConfig {
    let settings = Settings { version: Some("portolan".to_owned()), ..Settings::default() };
    let tcp = TcpLimits::default();
    let settings = Arc::new(settings);
    let samples = Arc::default();
    ServerConfig { listen: listen(addresses), given: Given::default(), workers, tcp, settings, samples }
}

fn start(addresses: &[&str], workers: usize) -> Running {
    let publisher = Publisher::new(snapshot(1));
    let counters = Arc::new(Counters::new());
    let server = Server::start(config(addresses, workers), &publisher, counters.clone()).unwrap();
    Running { server, publisher, counters }
}

impl Running {
    fn address(&self) -> SocketAddr {
        self.server.local_addresses()[0]
    }
}

fn query(name: &str, rtype: RrType, class: u16, opt: &[u8]) -> Vec<u8> {
    served::query(0x1234, name, rtype, class, opt)
}

/// Asks who answers.
const NSID: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x03\x00\x00";
const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

fn udp(server: SocketAddr) -> UdpSocket {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    // Connected: an answer from another address is not received.
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn ask_udp(server: SocketAddr, query: &[u8]) -> Vec<u8> {
    let socket = udp(server);
    socket.send(query).unwrap();
    receive_udp(&socket)
}

fn receive_udp(socket: &UdpSocket) -> Vec<u8> {
    let mut answer = vec![0; 65535];
    let len = socket.recv(&mut answer).unwrap();
    answer.truncate(len);
    answer
}

fn tcp(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn send_tcp(stream: &mut TcpStream, query: &[u8]) {
    stream.write_all(&framed(query)).unwrap();
}

fn ask_tcp(server: SocketAddr, query: &[u8]) -> Vec<u8> {
    let mut stream = tcp(server);
    send_tcp(&mut stream, query);
    receive(&mut stream)
}

fn parse(answer: &[u8]) -> Message {
    Message::parse(answer).unwrap()
}

/// What the one answer says, without a socket.
fn expected(query: &[u8], transport: answer::Transport) -> Vec<u8> {
    let settings = Settings { version: Some("portolan".to_owned()), ..Settings::default() };
    let mut out = vec![0; 65535];
    let answered = answer::respond(&snapshot(1), &settings, query, transport, 0, &mut out).unwrap();
    out.truncate(answered.len);
    out
}

/// Whether the one answer is not silence.
fn is_answered(packet: &[u8]) -> bool {
    answer::respond(&snapshot(1), &Settings::default(), packet, answer::Transport::Udp, 0, &mut [0; 4096])
        .is_some()
}

#[test]
fn udp_sends_the_one_answer_and_tcp_the_same_message() {
    let running = start(&[V4], 1);
    let tsig = b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x1d\x0bhmac-sha256\x00\0\0\0\0\0\x01\x01\x2c\0\0\x12\x34\0\0\0\0";
    let mut signed = query("one.example.", RrType::A, 1, OPT);
    signed[11] = 2;
    signed.extend(tsig);
    let queries = [
        query("oNe.exAmple.", RrType::A, 1, b""),
        query("one.example.", RrType::AAAA, 1, OPT),
        query("one.example.", RrType::MX, 1, OPT),
        query("one.example.", RrType::MX, 1, NSID),
        query("one.example.", RrType::ANY, 1, OPT),
        query("one.example.", RrType(65280), 1, b""),
        query("one.example.", RrType(65281), 1, b""),
        query("missing.example.", RrType::A, 1, OPT),
        query("elsewhere.", RrType::A, 1, OPT),
        query("version.bind.", RrType::TXT, 3, OPT),
        query("one.example.", RrType::A, 0x1234, b""),
        // EDNS version 1: an extended response code.
        query("one.example.", RrType::A, 1, b"\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"),
        // Another opcode.
        [&[0x12, 0x34, 0x28, 0x00][..], &query("one.example.", RrType::SOA, 1, b"")[4..]].concat(),
        // Bytes behind the end, two questions, none.
        [&query("one.example.", RrType::A, 1, b"")[..], b"x"].concat(),
        [&[0x12, 0x34, 0, 0, 0, 2][..], &query("a.", RrType::A, 1, b"")[6..], b"\x01b\x00\x00\x01\x00\x01"]
            .concat(),
        vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        signed,
    ];
    for query in &queries {
        let datagram = ask_udp(running.address(), query);
        assert_eq!(datagram, expected(query, answer::Transport::Udp), "{query:02x?}");
        let message = ask_tcp(running.address(), query);
        assert_eq!(message, expected(query, answer::Transport::Stream), "{query:02x?}");
        assert_eq!(parse(&message), parse(&datagram), "{query:02x?}");
    }
    running.server.stop();
}

#[test]
fn who_asks_is_told_which_state_answers_and_nobody_else() {
    let running = start(&[V4], 1);
    let told = |answer: Vec<u8>| parse(&answer).opt().unwrap().rdata.to_vec();
    let says = |text: &str| [&[0, 3, 0, text.len() as u8][..], text.as_bytes()].concat();
    let ask = query("one.example.", RrType::A, 1, NSID);
    assert_eq!(told(ask_udp(running.address(), &ask)), says("g1-0000000000000000"));
    assert_eq!(told(ask_tcp(running.address(), &ask)), says("g1-0000000000000000"));
    let mut next = Snapshot::clone(&snapshot(2));
    next.identify(1_795_270_001, Content::default().with(0x4f1c_2a0d_8e6b_9357));
    running.publisher.publish(Arc::new(next));
    assert_eq!(told(ask_udp(running.address(), &ask)), says("g1795270001-4f1c2a0d8e6b9357"));
    // An answer that is cut short says it as well.
    let large = query("large.example.", RrType::TXT, 1, NSID);
    assert_eq!(told(ask_udp(running.address(), &large)), says("g1795270001-4f1c2a0d8e6b9357"));
    for plain in [OPT, b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x03\x00\x01x"] {
        assert_eq!(told(ask_udp(running.address(), &query("one.example.", RrType::A, 1, plain))), b"");
    }
    let settings = Settings { nsid: false, ..Settings::default() };
    let mut out = [0; 512];
    let answered =
        answer::respond(&snapshot(1), &settings, &ask, answer::Transport::Udp, 0, &mut out).unwrap();
    assert_eq!(told(out[..answered.len].to_vec()), b"");
}

#[test]
fn a_few_of_the_questions_are_kept() {
    let publisher = Publisher::new(snapshot(1));
    let (config, samples) = (config(&[V4], 1), Arc::new(Samples::new()));
    let config = ServerConfig { samples: samples.clone(), ..config };
    let server = Server::start(config, &publisher, Arc::new(Counters::new())).unwrap();
    let socket = udp(server.local_addresses()[0]);
    for number in 0..200 {
        socket.send(&query(&format!("N{number}.Example."), RrType::A, 1, OPT)).unwrap();
        receive_udp(&socket);
    }
    server.stop();
    let kept = samples.questions();
    let kept: Vec<String> = kept.iter().map(|(name, qtype)| format!("{name} {qtype}")).collect();
    assert_eq!(kept, ["n0.example. A", "n64.example. A", "n128.example. A", "n192.example. A"]);
}

#[test]
fn what_does_not_fit_a_datagram_comes_by_tcp() {
    let running = start(&[V4], 1);
    for (name, rtype, count) in [("many.example.", RrType::A, 200), ("large.example.", RrType::TXT, 8)] {
        let query = query(name, rtype, 1, OPT);
        let datagram = parse(&ask_udp(running.address(), &query));
        assert_ne!(datagram.header.flags & 0x0200, 0);
        assert_eq!(datagram.section(Section::Answer).count(), 0);
        let message = parse(&ask_tcp(running.address(), &query));
        assert_eq!(message.header.flags & 0x0200, 0);
        assert_eq!(message.section(Section::Answer).count(), count);
    }
    let sums = running.counters.sum(Some(Transport::Udp), None);
    assert_eq!(sums.get(Cell::Truncated), 2);
}

#[test]
fn one_connection_takes_many_queries() {
    let running = start(&[V4], 1);
    let mut stream = tcp(running.address());
    let query = query("one.example.", RrType::A, 1, b"");
    for _ in 0..100 {
        send_tcp(&mut stream, &query);
    }
    for _ in 0..100 {
        assert_eq!(parse(&receive(&mut stream)).section(Section::Answer).count(), 1);
    }
}

#[test]
fn every_address_and_worker_answers() {
    let running = start(&[V4, "127.0.0.2:0", V6], 3);
    let addresses = running.server.local_addresses().to_vec();
    assert_eq!(addresses.len(), 3);
    let query = query("one.example.", RrType::AAAA, 1, b"");
    for address in addresses {
        // Many source ports, so that the kernel chooses every worker.
        for _ in 0..24 {
            assert_eq!(parse(&ask_udp(address, &query)).section(Section::Answer).count(), 1);
        }
        assert_eq!(parse(&ask_tcp(address, &query)).section(Section::Answer).count(), 1);
    }
    running.server.stop();
    let sums = |transport| running.counters.sum(Some(transport), None);
    assert_eq!(sums(Transport::Udp).get(Cell::Received), 72);
    assert_eq!(sums(Transport::Tcp).get(Cell::Received), 3);
    assert_eq!(sums(Transport::Udp).answers().collect::<Vec<_>>(), [("AAAA", "NOERROR", 72)]);
}

#[test]
fn a_wildcard_answers_from_the_address_asked() {
    let query = query("one.example.", RrType::A, 1, b"");
    for (wildcard, asked) in [("0.0.0.0:0", "127.0.0.2"), ("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "::1")] {
        let running = start(&[wildcard], 2);
        let asked = SocketAddr::new(asked.parse().unwrap(), running.address().port());
        assert_eq!(parse(&ask_udp(asked, &query)).rcode(), Rcode::NOERROR, "{asked}");
        assert_eq!(parse(&ask_tcp(asked, &query)).rcode(), Rcode::NOERROR, "{asked}");
        running.server.stop();
    }
}

#[test]
fn a_wildcard_of_ipv6_leaves_ipv4_alone() {
    let running = start(&["[::]:0"], 1);
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, running.address().port()));
    assert_eq!(TcpStream::connect(v4).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_second_server_on_an_address_is_refused_and_named() {
    let running = start(&[V4], 2);
    let address = running.address();
    let second = ServerConfig { listen: vec![Listen { addr: address, is_default: true }], ..config(&[], 2) };
    let publisher = Publisher::new(snapshot(1));
    let error = Server::start(second, &publisher, Arc::new(Counters::new())).unwrap_err();
    assert!(
        matches!(error, StartError::Listen(ListenError::InUse { addr, .. }) if addr == address),
        "{error}"
    );
    assert!(error.to_string().starts_with(&format!("{address} is in use")), "{error}");
}

#[test]
fn after_stop_the_address_is_free_and_silent() {
    let running = start(&[V4, V6], 4);
    let addresses = running.server.local_addresses().to_vec();
    let mut idle = tcp(addresses[0]);
    send_tcp(&mut idle, &query("one.example.", RrType::A, 1, b""));
    receive(&mut idle);
    running.server.stop();
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "an idle connection is closed");
    for address in addresses {
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        UdpSocket::bind(address).unwrap();
    }
}

#[test]
fn garbage_gets_formerr_or_silence_and_the_worker_lives_on() {
    let running = start(&[V4], 1);
    let socket = udp(running.address());
    let good = query("one.example.", RrType::A, 1, b"");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut silent = 0;
    for round in 0..500 {
        let mut garbage = match round % 3 {
            // Nothing but noise.
            0 => (0..random() % 600).map(|_| random() as u8).collect(),
            // A query with a dent.
            1 => {
                let mut bytes = query("one.example.", RrType::A, 1, OPT);
                let at = 2 + random() as usize % (bytes.len() - 2);
                bytes[at] ^= 1 << (random() % 8);
                bytes
            }
            // A query cut short.
            _ => good[..random() as usize % good.len()].to_vec(),
        };
        // The ID tells the answer to it from the one to the good query behind it.
        for (octet, id) in garbage.iter_mut().zip([0xff, 0xff]) {
            *octet = id;
        }
        socket.send(&garbage).unwrap();
        socket.send(&good).unwrap();
        // What is malformed may be answered behind what is not.
        let mut answers = vec![receive_udp(&socket)];
        if is_answered(&garbage) {
            answers.push(receive_udp(&socket));
            answers.sort_by_key(|answer| answer[..2] == [0xff, 0xff]);
            assert!(answers[1][..2] == [0xff, 0xff] && answers[1][2] & 0x80 != 0, "after {garbage:02x?}");
        } else {
            silent += 1;
        }
        assert_eq!(parse(&answers[0]).section(Section::Answer).count(), 1, "after {garbage:02x?}");
    }
    running.server.stop();
    let sums = running.counters.sum(Some(Transport::Udp), None);
    assert_eq!(sums.get(Cell::Received), 1000);
    assert_eq!(sums.get(Cell::Dropped), silent);
    assert_eq!(sums.get(Cell::Panics), 0);
    assert!(sums.get(Cell::Malformed) > 0);
}

#[test]
fn a_published_snapshot_is_answered_at_once_on_every_way() {
    let running = start(&[V4, "0.0.0.0:0"], 2);
    let query = query("one.example.", RrType::A, 1, b"");
    let wildcard = SocketAddr::from((Ipv4Addr::LOCALHOST, running.server.local_addresses()[1].port()));
    for address in [running.address(), wildcard] {
        assert_eq!(parse(&ask_udp(address, &query)).rcode(), Rcode::NOERROR);
    }
    running.publisher.publish(Arc::new(Snapshot::empty(2, Seed::random())));
    for address in [running.address(), wildcard] {
        for _ in 0..8 {
            assert_eq!(parse(&ask_udp(address, &query)).rcode(), Rcode::REFUSED);
        }
        assert_eq!(parse(&ask_tcp(address, &query)).rcode(), Rcode::REFUSED);
    }
}

/// The worker takes them in batches, whose bounds are where they happen to be.
#[test]
fn a_crowd_of_packets_gets_each_its_own_answer() {
    let running = start(&[V4, "0.0.0.0:0"], 2);
    let wildcard = SocketAddr::from(([127, 0, 0, 2], running.server.local_addresses()[1].port()));
    for address in [running.address(), wildcard] {
        let clients: Vec<UdpSocket> = (0..5).map(|_| udp(address)).collect();
        for round in 0..20u8 {
            for (client, number) in (0..100u8).map(|number| (&clients[usize::from(number) % 5], number)) {
                let name = if number % 7 == 0 { "missing.example." } else { "one.example." };
                let mut query = query(name, RrType::A, if number % 11 == 0 { 3 } else { 1 }, b"");
                query[..2].copy_from_slice(&[round, number]);
                client.send(&query).unwrap();
            }
            for (at, client) in clients.iter().enumerate() {
                let mut answers: Vec<Vec<u8>> = (0..20).map(|_| receive_udp(client)).collect();
                answers.sort();
                for (index, answer) in answers.iter().enumerate() {
                    let number = (5 * index + at) as u8;
                    let expected = match (number % 11, number % 7) {
                        (0, _) => Rcode::REFUSED,
                        (_, 0) => Rcode::NXDOMAIN,
                        _ => Rcode::NOERROR,
                    };
                    assert_eq!(
                        (answer[..2].to_vec(), parse(answer).rcode()),
                        (vec![round, number], expected)
                    );
                }
            }
        }
    }
    running.server.stop();
    let sums = running.counters.sum(Some(Transport::Udp), None);
    assert_eq!((sums.get(Cell::Received), sums.get(Cell::Dropped)), (4000, 0));
}

#[test]
fn nothing_and_too_much_are_taken_for_what_they_are() {
    let running = start(&[V4, "0.0.0.0:0"], 1);
    let wildcard = SocketAddr::from((Ipv4Addr::LOCALHOST, running.server.local_addresses()[1].port()));
    let good = query("one.example.", RrType::A, 1, b"");
    for address in [running.address(), wildcard] {
        let socket = udp(address);
        socket.send(b"").unwrap();
        // A question, and more behind it than any buffer holds.
        socket.send(&[&good[..], &[0; 60_000]].concat()).unwrap();
        assert_eq!(parse(&receive_udp(&socket)).rcode(), Rcode::FORMERR);
        socket.send(&good).unwrap();
        assert_eq!(parse(&receive_udp(&socket)).rcode(), Rcode::NOERROR);
    }
    running.server.stop();
    let sums = running.counters.sum(Some(Transport::Udp), None);
    assert_eq!((sums.get(Cell::Received), sums.get(Cell::Dropped), sums.get(Cell::Malformed)), (6, 2, 2));
}

/// Whoever floods the slow door harms only its own kind: what does not fit is dropped there, plain queries never are.
#[test]
fn a_flood_of_unusual_queries_takes_no_answer_from_plain_ones() {
    const FLOOD: u64 = 20_000;
    let running = start(&[V4], 1);
    let address = running.address();
    let plain = query("one.example.", RrType::A, 1, b"");
    let unusual = query("one.example.", RrType::A, 0x1234, b"");
    let received = || running.counters.sum(Some(Transport::Udp), None).get(Cell::Received);
    let mut asked = 0;
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(address).unwrap();
            for sent in 1..=FLOOD {
                socket.send(&unusual).unwrap();
                // No more than the worker takes: what overflows its socket would say nothing of the slow door.
                while received() + 64 < sent {
                    std::thread::yield_now();
                }
            }
        });
        let socket = udp(address);
        while !flood.is_finished() {
            socket.send(&plain).unwrap();
            assert_eq!(parse(&receive_udp(&socket)).section(Section::Answer).count(), 1);
            asked += 1;
        }
    });
    // Of a socket that stops, what it was sent before is not read any more.
    while received() < FLOOD + asked {
        std::thread::yield_now();
    }
    running.server.stop();
    let sums = running.counters.sum(Some(Transport::Udp), None);
    let answered =
        |kind| sums.answers().filter(|(_, rcode, _)| *rcode == kind).map(|(_, _, n)| n).sum::<u64>();
    assert_eq!(answered("NOERROR"), asked);
    assert_eq!(answered("REFUSED") + sums.get(Cell::Dropped), FLOOD);
    assert_eq!(sums.get(Cell::Dropped), sums.get(Cell::UnusualDropped));
    println!("{asked} plain beside {FLOOD} unusual, {} of them dropped", sums.get(Cell::UnusualDropped));
}
