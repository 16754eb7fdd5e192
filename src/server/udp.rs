//! UDP workers: one thread, one socket; receive, answer, send.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use super::answerer::Answerer;
use super::packet_info::{self, Local};
use super::stop::Stop;
use crate::answer::Transport;
use crate::snapshot::Reader;
use crate::telemetry::{Cell, Throttle};

/// Longest query taken. What is longer arrives cut and is a format error.
const QUERY_BUFFER: usize = 4096;
/// Room for an answer; our own limit of 1232 octets is below it.
const ANSWER_BUFFER: usize = 4096;
/// An idle worker looks up this often: to let go of a snapshot that is no longer served.
const IDLE: Duration = Duration::from_secs(1);
/// After this many failed receives in a row a worker pauses, so that a broken socket does not eat a core.
const FAILURES_IN_A_ROW: u32 = 64;
/// How long it pauses.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound UDP socket that answers from the address asked.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    v4: bool,
    wildcard: bool,
    /// Whether somebody else has it as well, who is to find it as it was.
    given: bool,
}

/// Who asked, and where.
#[derive(Clone, Copy, Debug)]
struct Peer {
    addr: SocketAddr,
    /// Only on wildcard sockets.
    local: Option<Local>,
}

impl Socket {
    /// A socket of ours.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Socket> {
        Socket::with(socket, false)
    }

    /// A socket that a service manager keeps for the next process.
    pub(super) fn given(socket: UdpSocket) -> io::Result<Socket> {
        Socket::with(socket, true)
    }

    fn with(socket: UdpSocket, given: bool) -> io::Result<Socket> {
        let local = socket.local_addr()?;
        let wildcard = local.ip().is_unspecified();
        if wildcard {
            packet_info::enable(&socket)?;
        }
        socket.set_read_timeout(Some(IDLE))?;
        Ok(Socket { socket, v4: local.is_ipv4(), wildcard, given })
    }

    /// Ends a receive that waits. Only for the end: nothing is received afterwards.
    pub(super) fn wake(&self) {
        // Shut down it would be so for the next process too, whose receives would never wait again. It times out.
        if self.given {
            return;
        }
        // Linux wakes the receiver and says ENOTCONN all the same, for the socket has no peer. Should it not wake,
        // the receive times out.
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Read);
    }

    #[cfg(test)]
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn receive(&self, buffer: &mut [u8], control: &mut [u8]) -> io::Result<(usize, Peer)> {
        if self.wildcard {
            let (len, addr, local) = packet_info::receive(&self.socket, self.v4, buffer, control)?;
            return Ok((len, Peer { addr, local: Some(local) }));
        }
        let (len, addr) = packet_info::receive_plain(&self.socket, self.v4, buffer)?;
        Ok((len, Peer { addr, local: None }))
    }

    fn send(&self, bytes: &[u8], to: Peer) -> io::Result<usize> {
        match to.local {
            Some(local) => packet_info::send(&self.socket, bytes, to.addr, local),
            None => self.socket.send_to(bytes, to.addr),
        }
    }
}

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) socket: Arc<Socket>,
    pub(super) reader: Reader,
    pub(super) answerer: Answerer,
    pub(super) stop: Arc<Stop>,
}

impl Worker {
    /// Answers until told to stop.
    pub(super) fn run(mut self) {
        let mut query = [0; QUERY_BUFFER];
        let mut answer = [0; ANSWER_BUFFER];
        let mut control = packet_info::control_buffer();
        let mut failures = 0;
        let errors = Throttle::new(Duration::from_secs(10));
        while !self.stop.is_said() {
            let (len, peer) = match self.socket.receive(&mut query, &mut control) {
                Ok(received) => received,
                Err(error) => {
                    self.receive_failed(&error, &mut failures, &errors);
                    continue;
                }
            };
            failures = 0;
            if self.stop.is_said() {
                break;
            }
            // Nothing listens on port 0: whoever sends from it wants the answer to hurt somebody.
            if peer.addr.port() == 0 {
                self.answerer.block().received(len);
                self.answerer.block().bump(Cell::Dropped);
                continue;
            }
            let snapshot = self.reader.current();
            let Some(bytes) = self.answerer.answer(snapshot, &query[..len], Transport::Udp, &mut answer)
            else {
                continue;
            };
            if let Err(error) = self.send(bytes, peer) {
                self.answerer.block().bump(Cell::SendErrors);
                log(&errors, &error, "an answer could not be sent");
            }
        }
    }

    /// Sends, again where a signal came between.
    fn send(&self, bytes: &[u8], to: Peer) -> io::Result<()> {
        loop {
            match self.socket.send(bytes, to) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receive_failed(&mut self, error: &io::Error, failures: &mut u32, errors: &Throttle) {
        match error.kind() {
            ErrorKind::Interrupted => {}
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                // Looking at what is served now lets go of what was served before.
                self.reader.current();
                *failures = 0;
            }
            _ if self.stop.is_said() => {}
            _ => {
                self.answerer.block().bump(Cell::ReceiveErrors);
                log(errors, error, "a packet could not be received");
                *failures += 1;
                if *failures >= FAILURES_IN_A_ROW {
                    self.stop.wait(PAUSE);
                }
            }
        }
    }
}

fn log(throttle: &Throttle, error: &io::Error, what: &str) {
    if let Some(suppressed) = throttle.pass() {
        tracing::warn!(%error, suppressed, "{what}; the worker goes on");
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A socket that is shut down says ENOTCONN at once, for ever.
    #[test]
    fn a_socket_that_was_given_waits_afterwards() {
        let keeper = UdpSocket::bind("127.0.0.1:0").unwrap();
        Socket::given(keeper.try_clone().unwrap()).unwrap().wake();
        keeper.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let error = packet_info::receive_plain(&keeper, true, &mut [0; 64]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    /// Not the timeout that idle workers have ends the receive: it is taken away.
    #[test]
    fn a_receive_that_waits_is_woken() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let socket = Socket::new(UdpSocket::bind(address).unwrap()).unwrap();
            socket.socket.set_read_timeout(None).unwrap();
            // A packet before: what it leaves behind must not be taken for the sender of none.
            let local = socket.local_addr().unwrap();
            let to = if local.is_ipv4() { "127.0.0.1" } else { "::1" };
            let sender = UdpSocket::bind(if local.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).unwrap();
            sender.send_to(b"x", (to, local.port())).unwrap();
            thread::scope(|scope| {
                let (first, got_first) = std::sync::mpsc::channel();
                let socket = &socket;
                let receiving = scope.spawn(move || {
                    let mut control = packet_info::control_buffer();
                    let mut receive = || socket.receive(&mut [0; 64], &mut control).map(|(len, _)| len);
                    first.send(receive().unwrap()).unwrap();
                    receive()
                });
                assert_eq!(got_first.recv().unwrap(), 1);
                socket.wake();
                assert!(receiving.join().unwrap().is_err(), "{address}");
            });
        }
    }
}
