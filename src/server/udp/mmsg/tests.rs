use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::*;
use crate::server::udp::Socket;

const PATIENCE: Duration = Duration::from_secs(30);

/// A socket of ours, and one that is connected to it by `to`.
pub(in crate::server::udp) fn pair(bind: &str, to: &str) -> (Socket, UdpSocket) {
    let socket = Socket::new(UdpSocket::bind((bind, 0)).unwrap()).unwrap();
    let client = UdpSocket::bind((if to.contains(':') { "::" } else { "0.0.0.0" }, 0)).unwrap();
    // Connected: an answer from another address is not received.
    client.connect((to, socket.local_addr().unwrap().port())).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, client)
}

fn lengths(messages: &mut Messages) -> Vec<usize> {
    messages.received().map(|message| message.len).collect()
}

/// On loopback a packet is in the receiver's queue when `send` returns.
#[test]
fn what_has_come_is_taken_at_once_and_at_most_a_batch() {
    let (socket, client) = pair("127.0.0.1", "127.0.0.1");
    let mut messages = Messages::new(false);
    for _ in 0..2 {
        for n in 0..BATCH + 8 {
            client.send(&vec![n as u8; n]).unwrap();
        }
        assert_eq!(messages.receive(socket.as_fd()).unwrap(), BATCH);
        for (n, message) in messages.received().enumerate() {
            // The first is a datagram without an octet.
            assert_eq!(message.buffer[..message.len], vec![n as u8; n]);
            assert_eq!(packet_info::peer(message.peer), Some(client.local_addr().unwrap()));
        }
        assert_eq!(messages.receive(socket.as_fd()).unwrap(), 8);
        assert_eq!(lengths(&mut messages), (BATCH..BATCH + 8).collect::<Vec<_>>());
        client.send(b"x").unwrap();
        assert_eq!(messages.receive(socket.as_fd()).unwrap(), 1);
        assert_eq!(messages.received().count(), 1);
    }
}

#[test]
fn a_datagram_that_is_too_long_arrives_cut() {
    let (socket, client) = pair("127.0.0.1", "127.0.0.1");
    let mut messages = Messages::new(false);
    for len in [BUFFER - 1, BUFFER, BUFFER + 1, 60_000] {
        client.send(&vec![7; len]).unwrap();
    }
    messages.receive(socket.as_fd()).unwrap();
    assert_eq!(lengths(&mut messages), [BUFFER - 1, BUFFER, BUFFER, BUFFER]);
}

#[test]
fn answers_go_to_who_asked_from_the_address_asked() {
    for (bind, to) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.2"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "::1"),
        ("::", "::1"),
    ] {
        let (socket, client) = pair(bind, to);
        let mut messages = Messages::new(socket.is_wildcard());
        for batch in [BATCH, 1, 3] {
            for n in 0..batch {
                client.send(&[n as u8]).unwrap();
            }
            assert_eq!(messages.receive(socket.as_fd()).unwrap(), batch, "{bind}");
            for message in messages.received() {
                let octet = message.buffer[0];
                message.buffer[1..3].fill(octet);
            }
            let at = messages.addresses(0).unwrap();
            assert_eq!(
                (at.0.port(), at.1.is_some()),
                (client.local_addr().unwrap().port(), socket.is_wildcard())
            );
            // Not all are answered, and not in order of arrival.
            let answered: Vec<usize> = (0..batch).rev().filter(|at| at % 3 != 1).collect();
            answered.iter().for_each(|at| assert!(messages.queue(*at, 3), "{bind}"));
            assert_eq!(messages.send(socket.as_fd(), 0).unwrap(), answered.len());
            for at in answered {
                let mut answer = [0; 16];
                assert_eq!(client.recv(&mut answer).unwrap(), 3, "{bind}");
                assert_eq!(answer[..3], [at as u8; 3]);
            }
        }
    }
}

#[test]
fn an_answer_that_the_kernel_refuses_ends_the_call_before_it() {
    let (socket, client) = pair("127.0.0.1", "127.0.0.1");
    let mut messages = Messages::new(false);
    for n in 0..4 {
        client.send(&[n]).unwrap();
    }
    assert_eq!(messages.receive(socket.as_fd()).unwrap(), 4);
    messages.spoil_port(2);
    (0..4).for_each(|at| assert!(messages.queue(at, 1)));
    assert_eq!(messages.send(socket.as_fd(), 0).unwrap(), 2);
    assert_eq!(messages.send(socket.as_fd(), 2).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    assert_eq!(messages.send(socket.as_fd(), 3).unwrap(), 1);
    assert_eq!(messages.send(socket.as_fd(), 4).unwrap(), 0);
    for n in [0, 1, 3] {
        let mut answer = [9; 2];
        assert_eq!((client.recv(&mut answer).unwrap(), answer[0]), (1, n));
    }
}

#[test]
fn without_the_whole_local_address_nothing_is_queued() {
    for (bind, to) in [("0.0.0.0", "127.0.0.1"), ("::", "::1")] {
        let (socket, client) = pair(bind, to);
        let mut messages = Messages::new(true);
        for _ in 0..3 {
            client.send(b"x").unwrap();
        }
        assert_eq!(messages.receive(socket.as_fd()).unwrap(), 3);
        messages.cut_control(0, 0);
        messages.cut_control(1, 20);
        assert!(messages.addresses(0).is_none() && messages.addresses(1).is_none());
        assert!(!messages.queue(0, 1) && !messages.queue(1, 1) && messages.queue(2, 1));
        assert_eq!((messages.queued(), messages.send(socket.as_fd(), 0).unwrap()), (1, 1));
        // The next packet has the whole room again.
        client.send(b"x").unwrap();
        messages.receive(socket.as_fd()).unwrap();
        assert!(messages.addresses(0).is_some());
    }
}

/// Control data that somebody else asked for does not take the place of ours.
#[test]
fn a_time_beside_the_local_address_is_no_hindrance() {
    let (socket, client) = pair("0.0.0.0", "127.0.0.2");
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::ReceiveTimestampns, &true).unwrap();
    let mut messages = Messages::new(true);
    client.send(b"x").unwrap();
    messages.receive(socket.as_fd()).unwrap();
    assert!(messages.queue(0, 1));
    messages.send(socket.as_fd(), 0).unwrap();
    assert_eq!(client.recv(&mut [0; 2]).unwrap(), 1);
}

/// Systemd binds `[::]` for both families where it is not told otherwise.
#[test]
fn a_socket_of_both_families_answers_both() {
    let bind = || -> io::Result<UdpSocket> {
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::DGRAM, None)?;
        socket.set_only_v6(false)?;
        socket.bind(&"[::]:0".parse::<SocketAddr>().unwrap().into())?;
        Ok(socket.into())
    };
    let Ok(socket) = bind() else {
        println!("skipped: no IPv6 here");
        return;
    };
    let socket = Socket::given(socket).unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut messages = Messages::new(true);
    for to in ["127.0.0.2", "::1"] {
        let client = UdpSocket::bind((if to.contains(':') { "::" } else { "0.0.0.0" }, 0)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.connect((to, port)).unwrap();
        client.send(b"xy").unwrap();
        messages.receive(socket.as_fd()).unwrap();
        let (peer, local) = messages.addresses(0).unwrap();
        assert!(messages.queue(0, 2));
        assert_eq!(messages.send(socket.as_fd(), 0).unwrap(), 1, "{to}");
        assert_eq!(client.recv(&mut [0; 3]).unwrap(), 2, "{to}");
        // The same way through the slow door.
        socket.send(b"slow", peer, local).unwrap();
        assert_eq!(client.recv(&mut [0; 9]).unwrap(), 4, "{to}");
    }
}

#[test]
fn a_receive_ends_by_its_timeout() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut messages = Messages::new(false);
    for _ in 0..2 {
        let error = messages.receive(socket.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!((messages.received().count(), messages.queued()), (0, 0));
    }
}

/// A socket that is shut down says so at once, for ever.
#[test]
fn a_socket_that_was_given_waits_afterwards() {
    let keeper = UdpSocket::bind("127.0.0.1:0").unwrap();
    Socket::given(keeper.try_clone().unwrap()).unwrap().wake();
    keeper.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let error = Messages::new(false).receive(keeper.as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn of_a_socket_that_was_shut_down_the_packets_before_are_taken_and_then_nothing() {
    let (socket, client) = pair("127.0.0.1", "127.0.0.1");
    let mut messages = Messages::new(false);
    client.send(b"x").unwrap();
    client.send(b"").unwrap();
    socket.wake();
    assert_eq!(messages.receive(socket.as_fd()).unwrap(), 2);
    assert_eq!(lengths(&mut messages), [1, 0]);
    for _ in 0..2 {
        let error = messages.receive(socket.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        assert_eq!(messages.received().count(), 0);
    }
}

/// Not the timeout that idle workers have ends the receive: it is taken away.
#[test]
fn a_receive_that_waits_is_woken() {
    for (bind, to) in [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1"), ("::", "::1")] {
        let (socket, client) = pair(bind, to);
        SockRef::from(&socket).set_read_timeout(None).unwrap();
        // A packet before: what it leaves behind must not be taken for the sender of none.
        client.send(b"x").unwrap();
        thread::scope(|scope| {
            let (first, got_first) = channel();
            let socket = &socket;
            let receiving = scope.spawn(move || {
                let mut messages = Messages::new(socket.is_wildcard());
                first.send(messages.receive(socket.as_fd()).unwrap()).unwrap();
                messages.receive(socket.as_fd())
            });
            assert_eq!(got_first.recv().unwrap(), 1);
            socket.wake();
            assert!(receiving.join().unwrap().is_err(), "{bind}");
        });
    }
}
