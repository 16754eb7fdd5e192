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
