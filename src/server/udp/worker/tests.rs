use std::collections::VecDeque;
use std::net::UdpSocket;
use std::process::Command;

use super::*;
use crate::answer::{self, Answered, Settings, respond};
use crate::server::slow::{SlowThread, slow_door};
use crate::server::tests;
use crate::snapshot::{Publisher, Retired, Seed, Snapshot};
use crate::telemetry::{Counters, Family, Samples, Transport};

fn answerer() -> Answerer {
    Answerer::new(Arc::new(Settings::default()), Counters::new().block(Transport::Udp, Family::V4))
}

/// A worker by a socket, the thread behind its slow door, and what it answers from.
fn worker(socket: UdpSocket) -> (Worker, SlowThread, Publisher) {
    let socket = Arc::new(Socket::new(socket).unwrap());
    let publisher = Publisher::new(Arc::new(Snapshot::empty(1, Seed::random())));
    let (mut doors, thread) = slow_door(vec![(socket.clone(), Arc::new(answerer()))], publisher.reader());
    let worker = Worker {
        socket,
        reader: publisher.reader(),
        answerer: answerer(),
        slow: doors.remove(0),
        stop: Arc::default(),
        turn: 0,
        errors: Throttle::new(Duration::from_secs(3600)),
        samples: Samples::new().rings(1).remove(0),
    };
    (worker, thread, publisher)
}

fn client(worker: &Worker) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", worker.socket.local_addr().unwrap().port())).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client
}

fn send(client: &UdpSocket, packet: &[u8]) {
    client.send(packet).unwrap();
}

fn receive(client: &UdpSocket) -> Vec<u8> {
    let mut answer = vec![0; 4096];
    let len = client.recv(&mut answer).unwrap();
    answer.truncate(len);
    answer
}

/// A query by its first octets; the last is its number.
fn query(number: u8) -> [u8; HEADER_LEN + 1] {
    [0x12, number, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, number]
}

fn answered(len: usize) -> Answered {
    Answered { len, ..server_failure(&query(0), &mut [0; HEADER_LEN]).unwrap() }
}

/// Answers with the packet and QR; writes into the packet first and then panics where the number says so.
fn poisoned(batch: &mut Batch<'_>, poison: &[u8]) {
    for at in 0..batch.packets.len() {
        batch.at = at;
        let packet = &mut batch.packets[at];
        if packet.verdict.is_none() {
            packet.buffer[2] |= 0x80;
            assert!(!poison.contains(&packet.buffer[packet.len - 1]), "on purpose");
            packet.verdict = Some(Verdict::Answer(answered(packet.len)));
        }
    }
}

#[test]
fn a_panic_costs_one_batch_and_is_servfail_for_its_packet_alone() {
    let (worker, _thread, _) = worker(UdpSocket::bind("127.0.0.1:0").unwrap());
    let client = client(&worker);
    let mut messages = Messages::new(false);
    for (poison, panics) in [(&[][..], 0), (&[3], 1), (&[0, 4], 2), (&[0, 1, 2, 3, 4], 5), (&[], 0)] {
        (0..5).for_each(|number| send(&client, &query(number)));
        let before = worker.answerer.block().get(Cell::Panics);
        assert_eq!(messages.receive(worker.socket.as_fd()).unwrap(), 5);
        let outcome = answer(&worker.answerer, &mut messages, |batch| poisoned(batch, poison));
        assert_eq!(outcome.received, 5);
        worker.send(&mut messages);
        assert_eq!(worker.answerer.block().get(Cell::Panics) - before, panics);
        for number in 0..5 {
            let mut expected = query(number).to_vec();
            expected[2] |= 0x80;
            if poison.contains(&number) {
                expected = vec![0x12, number, 0x81, 2, 0, 0, 0, 0, 0, 0, 0, 0];
            }
            assert_eq!(receive(&client), expected, "{poison:?}");
        }
    }
    assert_eq!(worker.answerer.block().get(Cell::Received), 25);
    assert_eq!(worker.answerer.block().get(Cell::Dropped), 0);
}

#[test]
fn a_panic_over_a_response_or_a_stub_is_silence_and_one_of_nobody_ends() {
    let (worker, _thread, _) = worker(UdpSocket::bind("127.0.0.1:0").unwrap());
    let client = client(&worker);
    let mut messages = Messages::new(false);
    for packet in [&[7u8; 11][..], &[0xff; 40], b""] {
        client.send(packet).unwrap();
        messages.receive(worker.socket.as_fd()).unwrap();
        answer(&worker.answerer, &mut messages, |batch| {
            assert!(batch.packets[0].verdict.is_some(), "on purpose");
        });
        assert_eq!(messages.queued(), 0);
    }
    assert_eq!(worker.answerer.block().get(Cell::Dropped), 3);
    let mut batches = 0;
    client.send(&query(1)).unwrap();
    messages.receive(worker.socket.as_fd()).unwrap();
    answer(&worker.answerer, &mut messages, |batch| {
        batches += 1;
        batch.at = BATCH;
        panic!("on purpose");
    });
    assert_eq!((batches, worker.answerer.block().get(Cell::Panics)), (1, 4));
    assert_eq!(worker.answerer.block().get(Cell::Dropped), 4);
}

#[test]
fn port_zero_gets_no_answer_and_an_answer_too_long_is_none() {
    let (worker, _thread, _) = worker(UdpSocket::bind("127.0.0.1:0").unwrap());
    let client = client(&worker);
    let mut messages = Messages::new(false);
    (0..3).for_each(|number| send(&client, &query(number)));
    messages.receive(worker.socket.as_fd()).unwrap();
    messages.spoil_port(0);
    answer(&worker.answerer, &mut messages, |batch| {
        poisoned(batch, &[]);
        batch.packets[1].verdict = Some(Verdict::Answer(answered(4097)));
    });
    worker.send(&mut messages);
    assert_eq!(receive(&client)[1], 2);
    let block = worker.answerer.block();
    assert_eq!((block.get(Cell::Received), block.get(Cell::Dropped), block.get(Cell::SendErrors)), (3, 2, 0));
}

#[test]
fn a_batch_allocates_nothing_from_its_packets_to_its_answers() {
    for bind in ["127.0.0.1:0", "0.0.0.0:0"] {
        let (mut worker, _thread, publisher) = worker(UdpSocket::bind(bind).unwrap());
        let snapshot = tests::snapshot();
        let mut retired = Retired::default();
        retired.push(publisher.publish(snapshot.clone()));
        let client = client(&worker);
        let mut messages = Messages::new(worker.socket.is_wildcard());
        let queries = tests::queries();
        let mut turn = 0;
        for batch in [queries.len(), 1, 7, 2, 5, 1] {
            queries[..batch].iter().for_each(|query| send(&client, query));
            let counted = allocation_counter::measure(|| {
                assert_eq!(messages.receive(worker.socket.as_fd()).unwrap(), batch);
                worker.answer(&mut messages);
            });
            assert_eq!(counted.count_total, 0, "{bind}");
            for query in &queries[..batch] {
                let mut expected = [0; 4096];
                let settings = Settings::default();
                let answered =
                    respond(&snapshot, &settings, query, answer::Transport::Udp, turn, &mut expected);
                assert_eq!(receive(&client), expected[..answered.unwrap().len], "{query:02x?}");
                turn += 1;
            }
        }
        assert_eq!(worker.answerer.block().get(Cell::Received), u64::from(turn));
    }
}

#[test]
fn what_the_kernel_refuses_is_left_out_and_counted_and_the_rest_is_sent() {
    let refusal = |code| Err(io::Error::from_raw_os_error(code));
    let mut answers = VecDeque::from([
        (0, Ok(2)),
        // Says nothing of message 2.
        (2, refusal(libc::EINTR)),
        (2, refusal(libc::ENOBUFS)),
        (3, Ok(1)),
        (4, refusal(libc::EPERM)),
        (5, refusal(libc::EINVAL)),
        (6, Ok(3)),
        (9, refusal(libc::EPERM)),
    ]);
    let mut refused = Vec::new();
    send_all(
        10,
        |skip| {
            let (expected, result) = answers.pop_front().unwrap();
            assert_eq!(skip, expected);
            result
        },
        |error| refused.push(error.raw_os_error().unwrap()),
    );
    assert_eq!(refused, [libc::ENOBUFS, libc::EPERM, libc::EINVAL, libc::EPERM]);
    assert!(answers.is_empty());
    send_all(0, |_| panic!("nothing is to be sent"), |_| ());
    // A kernel that takes nothing and says nothing would otherwise be asked for ever.
    let mut calls = 0;
    send_all(
        3,
        |_| {
            calls += 1;
            Ok(0)
        },
        |_| (),
    );
    assert_eq!(calls, 3);
}

#[test]
fn an_idle_worker_lets_go_and_failures_are_counted() {
    let (mut worker, _thread, publisher) = worker(UdpSocket::bind("127.0.0.1:0").unwrap());
    drop(_thread);
    let mut failures = 0;
    worker.reader.current();
    let mut retired = Retired::default();
    retired.push(publisher.publish(Arc::new(Snapshot::empty(2, Seed::random()))));
    assert_eq!(retired.free(), 1);
    for (code, counted, in_a_row) in
        [(libc::EINTR, 0, 0), (libc::ENOBUFS, 1, 1), (libc::ENOTCONN, 2, 2), (libc::EAGAIN, 2, 0)]
    {
        worker.receive_failed(&io::Error::from_raw_os_error(code), &mut failures);
        let found = (worker.answerer.block().get(Cell::ReceiveErrors), failures);
        assert_eq!(found, (counted, in_a_row), "{code}");
    }
    assert_eq!(retired.free(), 0);
    // Said, it is what the workers are woken by.
    worker.stop.stop();
    worker.receive_failed(&io::Error::from_raw_os_error(libc::ENOTCONN), &mut failures);
    assert_eq!(worker.answerer.block().get(Cell::ReceiveErrors), 2);
}

#[test]
fn unusual_packets_go_to_the_slow_door_as_they_came_and_too_many_are_dropped() {
    let (worker, mut thread, _) = worker(UdpSocket::bind("127.0.0.1:0").unwrap());
    let client = client(&worker);
    let mut messages = Messages::new(false);
    let mut taken = 0;
    while worker.answerer.block().get(Cell::UnusualDropped) < 3 {
        client.send(&query(9)).unwrap();
        client.send(&query(1)).unwrap();
        messages.receive(worker.socket.as_fd()).unwrap();
        let outcome = answer(&worker.answerer, &mut messages, |batch| {
            batch.packets[0].verdict = Some(Verdict::Unusual);
            poisoned(batch, &[]);
        });
        assert_eq!(outcome.unusual[..], [(0, query(9).len())]);
        worker.finish(&mut messages, &outcome);
        // Plain ones are answered however full the queue is.
        assert_eq!(receive(&client)[..2], query(1)[..2]);
        taken += 1;
    }
    let block = worker.answerer.block();
    assert_eq!((block.get(Cell::Unusual), block.get(Cell::Dropped)), (taken, 3));
    // It has no question that could be read.
    for _ in 0..taken - 3 {
        assert!(thread.answer_next());
        assert_eq!(receive(&client), [0x12, 9, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    drop(worker);
    assert!(!thread.answer_next());
}

/// Runs in a network namespace of its own, where that may be made.
#[test]
fn an_address_that_goes_away_costs_its_own_answers_alone() {
    let ip = |arguments: &str| {
        let done = Command::new("ip").args(arguments.split(' ')).status();
        done.is_ok_and(|status| status.success())
    };
    let away = std::thread::spawn(move || {
        // Of this thread alone, and of what it starts.
        if nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).is_err() || !ip("link set lo up") {
            println!("skipped: a network namespace and `ip` are needed");
            return;
        }
        for (bind, stays, goes) in
            [("0.0.0.0:0", "127.0.0.1", "192.0.2.7/32"), ("[::]:0", "::1", "2001:db8::7/128")]
        {
            let nodad = if goes.contains(':') { " nodad" } else { "" };
            if !ip(&format!("address add {goes} dev lo{nodad}")) {
                println!("skipped: {goes} cannot be added");
                continue;
            }
            let (worker, _thread, _) = worker(UdpSocket::bind(bind).unwrap());
            let port = worker.socket.local_addr().unwrap().port();
            let client = UdpSocket::bind((stays, 0)).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let goes_away = goes.split('/').next().unwrap();
            for (number, to) in [stays, goes_away, goes_away, stays].into_iter().enumerate() {
                client.send_to(&query(number as u8), (to, port)).unwrap();
            }
            // One batch, but on a busy machine, where the kernel may put off what is on its way.
            let (mut batches, mut received) = (Vec::new(), 0);
            while received < 4 {
                let mut messages = Messages::new(true);
                received += messages.receive(worker.socket.as_fd()).unwrap();
                batches.push(messages);
            }
            assert!(ip(&format!("address del {goes} dev lo")));
            for messages in &mut batches {
                answer(&worker.answerer, messages, |batch| poisoned(batch, &[]));
                worker.send(messages);
            }
            assert_eq!(worker.answerer.block().get(Cell::SendErrors), 2, "{goes}");
            assert_eq!([receive(&client)[1], receive(&client)[1]], [0, 3]);
        }
    });
    away.join().unwrap();
}
