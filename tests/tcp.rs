//! Plain TCP: pipelines, pieces, slow readers, limits and ends.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::served::{self, Records, framed, receive};
use portolan::answer::{self, Settings};
use portolan::server::{Given, Listen, Server, ServerConfig, TcpLimits};
use portolan::snapshot::{Publisher, Snapshot};
use portolan::telemetry::{Cell, Counters, Transport};
use portolan::wire::RrType;
use portolan::wire::reader::Message;
use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(60);

fn snapshot(address: u8) -> Arc<Snapshot> {
    let mut records: Records = Vec::new();
    let mut add = |owner, rtype, rdata: &[u8]| records.push((owner, rtype, rdata.to_vec()));
    add("example.", RrType::SOA, b"\x02ns\x00\x01h\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05");
    add("example.", RrType::NS, b"\x02ns\x00");
    add("one", RrType::A, &[192, 0, 2, address]);
    for n in 0..100 {
        add("large", RrType::TXT, &[&[255][..], &[b'a', n], &[b'x'; 253]].concat());
    }
    served::snapshot(u64::from(address), "example.", 60, records)
}

struct Running {
    server: Server,
    publisher: Publisher,
    counters: Arc<Counters>,
}

fn start(workers: usize, tcp: TcpLimits, idle: Duration) -> Running {
    let publisher = Publisher::new(snapshot(1));
    let counters = Arc::new(Counters::new());
    let config = ServerConfig {
        listen: vec![Listen { addr: "127.0.0.1:0".parse().unwrap(), is_default: false }],
        given: Given::default(),
        workers,
        tcp,
        settings: Arc::new(Settings { stream_idle: idle, ..Settings::default() }),
        samples: Arc::default(),
    };
    let server = Server::start(config, &publisher, counters.clone()).unwrap();
    Running { server, publisher, counters }
}

fn start_plain() -> Running {
    start(2, TcpLimits::default(), PATIENCE)
}

impl Running {
    fn connect(&self) -> TcpStream {
        connected(TcpStream::connect(self.server.local_addresses()[0]).unwrap())
    }

    /// From an address of one's own.
    fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&self.server.local_addresses()[0].into()).unwrap();
        connected(socket.into())
    }

    fn count(&self, cell: Cell) -> u64 {
        self.counters.sum(Some(Transport::Tcp), None).get(cell)
    }

    fn wait_for(&self, cell: Cell, count: u64) {
        let until = Instant::now() + PATIENCE;
        while self.count(cell) < count {
            assert!(Instant::now() < until, "{cell:?} is {}, not {count}", self.count(cell));
            std::thread::yield_now();
        }
    }
}

fn connected(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn query(name: &str, rtype: RrType, id: u16) -> Vec<u8> {
    framed(&served::query(id, name, rtype, 1, b""))
}

fn one(id: u16) -> Vec<u8> {
    query("one.example.", RrType::A, id)
}

/// What the one answer to a framed query says, framed.
fn expected(query: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 65535];
    let (settings, transport) = (Settings::default(), answer::Transport::Stream);
    let answered = answer::respond(&snapshot(1), &settings, &query[2..], transport, 0, &mut out).unwrap();
    framed(&out[..answered.len])
}

/// Asks and returns the last octet of the address.
fn ask(stream: &mut TcpStream) -> u8 {
    stream.write_all(&one(7)).unwrap();
    let answer = receive(stream);
    assert_eq!(answer[..2], [0, 7]);
    *answer.last().unwrap()
}

fn assert_ended(stream: &mut TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_thousand_queries_in_one_write_are_answered_though_the_client_says_no_more() {
    let running = start_plain();
    let mut stream = running.connect();
    let queries: Vec<u8> = (0..1000).flat_map(one).collect();
    stream.write_all(&queries).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    assert!(answers == (0..1000).flat_map(|id| expected(&one(id))).collect::<Vec<u8>>());
    running.wait_for(Cell::Closed, 1);
    assert_eq!((running.count(Cell::Received), running.count(Cell::SendErrors)), (1000, 0));
}

#[test]
fn every_octet_may_come_alone() {
    let running = start_plain();
    let mut stream = running.connect();
    for id in 0..3 {
        for octet in one(id) {
            stream.write_all(&[octet]).unwrap();
        }
        assert_eq!(framed(&receive(&mut stream)), expected(&one(id)));
    }
}

#[test]
fn a_slow_reader_gets_every_answer_and_keeps_nobody_waiting() {
    const QUERIES: u16 = 2000;
    let running = start(1, TcpLimits::default(), PATIENCE);
    let mut slow = running.connect();
    let mut writing = slow.try_clone().unwrap();
    // 50 MB of answers: more than all buffers of a connection hold.
    let writer = std::thread::spawn(move || {
        for id in 0..QUERIES {
            writing.write_all(&query("large.example.", RrType::TXT, id)).unwrap();
        }
    });
    let mut other = running.connect();
    for _ in 0..100 {
        assert_eq!(ask(&mut other), 1);
    }
    let first = expected(&query("large.example.", RrType::TXT, 0));
    assert!(first.len() > 25_000);
    for id in 0..QUERIES {
        let answer = receive(&mut slow);
        assert!(answer[..2] == id.to_be_bytes() && answer[2..] == first[4..], "answer {id}");
    }
    writer.join().unwrap();
    assert_eq!(running.count(Cell::ClosedSlow), 0);
}

#[test]
fn at_the_limit_the_longest_idle_makes_room() {
    let running = start(1, TcpLimits { connections: 2, per_prefix: 9 }, PATIENCE);
    let (mut first, mut second) = (running.connect(), running.connect());
    assert_eq!((ask(&mut first), ask(&mut second), ask(&mut first)), (1, 1, 1));
    let mut third = running.connect();
    assert_eq!(ask(&mut third), 1);
    assert_ended(&mut second);
    assert_eq!((ask(&mut first), ask(&mut third)), (1, 1));
    assert_eq!((running.count(Cell::ClosedForRoom), running.count(Cell::Accepted)), (1, 3));
}

#[test]
fn a_network_has_its_share_and_no_more() {
    let running = start(2, TcpLimits { connections: 9, per_prefix: 2 }, PATIENCE);
    let mut from_one: Vec<TcpStream> = (1..3).map(|host| running.connect_from([127, 0, 1, host])).collect();
    from_one.iter_mut().for_each(|stream| assert_eq!(ask(stream), 1));
    assert_ended(&mut running.connect_from([127, 0, 1, 3]));
    assert_eq!(ask(&mut running.connect_from([127, 0, 2, 1])), 1);
    from_one.iter_mut().for_each(|stream| assert_eq!(ask(stream), 1));
    assert_eq!((running.count(Cell::RefusedPrefix), running.count(Cell::ClosedForRoom)), (1, 0));
    // A place that is given back is had again.
    drop(from_one);
    running.wait_for(Cell::Closed, 3);
    assert_eq!(ask(&mut running.connect_from([127, 0, 1, 3])), 1);
}

#[test]
fn who_says_nothing_is_cut_and_who_trickles_too() {
    let running = start(1, TcpLimits::default(), Duration::from_millis(50));
    assert_ended(&mut running.connect());
    running.wait_for(Cell::ClosedIdle, 1);
    let running = start_plain();
    let mut trickling = running.connect();
    trickling.write_all(&[200, 0]).unwrap();
    let since = Instant::now();
    trickling.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    // The read is the pause between two octets.
    loop {
        match trickling.read(&mut [0; 1]) {
            Ok(0) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            other => panic!("{other:?}"),
        }
        assert!(since.elapsed() < PATIENCE);
        if trickling.write_all(&[0]).is_err() {
            break;
        }
    }
    running.wait_for(Cell::ClosedSlow, 1);
}

/// RFC 7828: whoever asks is told; over UDP nobody is.
#[test]
fn a_client_that_asks_is_told_how_long_it_may_be_idle() {
    let running = start(1, TcpLimits::default(), Duration::from_millis(12_300));
    let with_options = |options: &[u8]| {
        let mut query = one(7)[2..].to_vec();
        query[11] = 1;
        query.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.len() as u8]);
        [query, options.to_vec()].concat()
    };
    let told = |answer: &[u8]| Message::parse(answer).unwrap().opt().unwrap().rdata.to_vec();
    let asking = with_options(&[0, 11, 0, 0]);
    let mut stream = running.connect();
    for _ in 0..2 {
        stream.write_all(&framed(&asking)).unwrap();
        assert_eq!(told(&receive(&mut stream)), [0, 11, 0, 2, 0, 123]);
        assert_eq!(ask(&mut stream), 1);
    }
    // Not asked for, or asked with a time, which is the server's to tell.
    for options in [&[][..], &[0, 11, 0, 2, 0, 1]] {
        stream.write_all(&framed(&with_options(options))).unwrap();
        assert!(told(&receive(&mut stream)).is_empty(), "{options:?}");
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&asking, running.server.local_addresses()[0]).unwrap();
    let mut answer = [0; 1232];
    let len = socket.recv(&mut answer).unwrap();
    assert!(told(&answer[..len]).is_empty());
}

#[test]
fn an_impossible_length_ends_the_connection_after_the_answers() {
    let running = start_plain();
    for length in [0, 1, 11] {
        let mut stream = running.connect();
        stream.write_all(&[&one(1)[..], &[0, length]].concat()).unwrap();
        assert_eq!(framed(&receive(&mut stream)), expected(&one(1)));
        assert_ended(&mut stream);
    }
    // A response is silence, not the end.
    let mut stream = running.connect();
    let mut response = one(1);
    response[4] |= 0x80;
    stream.write_all(&response).unwrap();
    assert_eq!(ask(&mut stream), 1);
}

#[test]
fn an_open_connection_gets_the_answers_of_what_is_published() {
    let running = start_plain();
    let mut stream = running.connect();
    for address in 2..10 {
        drop(running.publisher.publish(snapshot(address)));
        assert_eq!(ask(&mut stream), address);
    }
}

#[test]
fn idle_threads_let_go_of_what_was_served() {
    let running = start_plain();
    let first = Arc::downgrade(&running.publisher.current());
    drop(running.publisher.publish(snapshot(2)));
    let until = Instant::now() + PATIENCE;
    while first.upgrade().is_some() {
        assert!(Instant::now() < until);
        std::thread::yield_now();
    }
}

#[test]
fn a_stop_closes_what_is_open() {
    let running = start_plain();
    let mut streams: Vec<TcpStream> = (0..50).map(|_| running.connect()).collect();
    streams.iter_mut().for_each(|stream| assert_eq!(ask(stream), 1));
    streams[0].write_all(&[0, 50, 1]).unwrap();
    running.server.stop();
    streams.iter_mut().for_each(assert_ended);
    let sums = running.counters.sum(Some(Transport::Tcp), None);
    assert_eq!((sums.get(Cell::Accepted), sums.get(Cell::Closed)), (50, 50));
}

#[test]
fn noise_and_a_storm_of_connections_leave_it_answering() {
    let running = start_plain();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..300 {
        let noise: Vec<u8> = (0..random() % 3000).map(|_| random() as u8 & random() as u8).collect();
        // It may be cut off in the middle of it.
        let _ = running.connect().write_all(&noise);
    }
    for _ in 0..5000 {
        drop(running.connect());
    }
    running.wait_for(Cell::Closed, running.count(Cell::Accepted));
    let until = Instant::now() + PATIENCE;
    // The last ones may still hold the places of the network.
    loop {
        let mut stream = running.connect();
        let mut length = [0; 2];
        if stream.write_all(&one(1)).is_ok() && stream.read_exact(&mut length).is_ok() {
            break;
        }
        assert!(Instant::now() < until);
    }
    assert_eq!(running.count(Cell::Panics), 0);
}
