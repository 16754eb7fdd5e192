use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::{EventfdFlags, eventfd};

use super::*;
use crate::answer::{Settings, respond};
use crate::server::tcp::TcpLimits;
use crate::server::tests;
use crate::snapshot::Publisher;
use crate::telemetry::{Counters, Transport as Counted};

const PATIENCE: Duration = Duration::from_secs(30);

/// A thread's work without the thread, and the listener that clients connect to.
fn worker(snapshot: Arc<Snapshot>) -> (Worker, TcpListener) {
    let (settings, counters) = (Arc::new(Settings::default()), Counters::new());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let answerers =
        Family::ALL.map(|family| Answerer::new(settings.clone(), counters.block(Counted::Tcp, family)));
    socket.set_nonblocking(true).unwrap();
    let listener = Listener { socket: socket.try_clone().unwrap(), family: Family::V4 };
    let places = Arc::new(Places::new(TcpLimits::default(), PATIENCE));
    let wake = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let reader = Publisher::new(snapshot).reader();
    let worker = Worker::new(Arc::new([listener]), places, answerers, reader, Arc::default(), &wake);
    (worker.unwrap(), socket)
}

/// What one wake does with what came by open connections.
fn wake(worker: &mut Worker, events: &mut Vec<epoll::Event>) {
    events.clear();
    epoll::wait(&worker.desk.epoll, spare_capacity(events), None).unwrap();
    let snapshot = worker.reader.current();
    for event in &*events {
        worker.desk.happened(Key::from_u64(event.data.u64()), event.flags, snapshot, Instant::now());
    }
}

#[test]
fn queries_over_an_open_connection_allocate_nothing() {
    let snapshot = tests::snapshot();
    let (mut worker, listener) = worker(snapshot.clone());
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    worker.desk.accept(0, Instant::now());
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    let queries = tests::queries();
    let mut expected = (0..).zip(queries.iter().chain(&queries)).map(|(turn, query)| {
        let mut out = vec![0; 65535];
        let settings = Settings::default();
        let answered = respond(&snapshot, &settings, query, Transport::Stream, turn, &mut out).unwrap();
        framed(&out[..answered.len])
    });
    let mut events = Vec::with_capacity(EVENTS);
    let mut ask = |asked: &[u8], expected: &[u8]| {
        client.write_all(asked).unwrap();
        let counted = allocation_counter::measure(|| wake(&mut worker, &mut events));
        assert_eq!(counted.count_total, 0);
        let mut answers = vec![0; expected.len()];
        client.read_exact(&mut answers).unwrap();
        assert!(answers == expected, "{answers:02x?}");
    };
    // One by one, and then all at once.
    queries.iter().for_each(|query| ask(&framed(query), &expected.next().unwrap()));
    let all: Vec<u8> = queries.iter().flat_map(|query| framed(query)).collect();
    ask(&all, &expected.collect::<Vec<_>>().concat());
}

/// What waits at a listener would wake a thread that has no descriptor for it again and again.
#[test]
fn while_accepting_pauses_nothing_wakes_the_thread() {
    let (mut worker, listener) = worker(tests::snapshot());
    let now = Instant::now();
    worker.desk.pause(now);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut waiting = |worker: &Worker| {
        events.clear();
        epoll::wait(&worker.desk.epoll, spare_capacity(&mut events), Some(&at_once)).unwrap()
    };
    assert_eq!(waiting(&worker), 0);
    // An event from before the pause.
    worker.desk.accept(0, now);
    worker.desk.expire(now + PAUSE / 2);
    assert_eq!((waiting(&worker), worker.desk.connections.first(Waits::Message)), (0, None));
    worker.desk.expire(now + PAUSE);
    assert_eq!(waiting(&worker), 1);
    worker.desk.accept(0, now);
    assert!(worker.desk.connections.first(Waits::Message).is_some());
    drop(client);
}

#[test]
fn answers_that_nobody_takes_are_kept_for_a_while_and_tried_once_more_at_the_end() {
    let snapshot = tests::snapshot();
    for at_the_end in [false, true] {
        let (mut worker, listener) = worker(snapshot.clone());
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let now = Instant::now();
        worker.desk.accept(0, now);
        let (key, _) = worker.desk.connections.first(Waits::Message).unwrap();
        let query = &tests::queries()[0];
        let queries = [&(query.len() as u16).to_be_bytes()[..], query].concat().repeat(1000);
        // Until no buffer of the connection takes any more.
        while worker.desk.connections.first(Waits::Room).is_none() {
            let _ = client.write(&queries);
            worker.desk.happened(key, epoll::EventFlags::IN, &snapshot, now);
        }
        let (patience, closed) = (worker.desk.places.patience(Waits::Room), Cell::ClosedSlow);
        worker.desk.expire(now + patience - Duration::from_millis(1));
        assert_eq!(worker.desk.block(Family::V4).get(closed), 0);
        if !at_the_end {
            worker.desk.expire(now + patience);
            assert_eq!(worker.desk.block(Family::V4).get(closed), 1);
            continue;
        }
        let mut taken = Vec::new();
        let mut take = |client: &mut TcpStream| {
            let mut piece = vec![0; 1 << 20];
            while let Ok(read @ 1..) = client.read(&mut piece) {
                taken.extend_from_slice(&piece[..read]);
            }
            taken.len()
        };
        let before = take(&mut client);
        worker.desk.finish(&snapshot);
        assert!(take(&mut client) > before);
    }
}
