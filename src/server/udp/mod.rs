//! UDP: sockets that answer from the address asked, and the workers, each one thread and one socket.

pub(super) mod mmsg;
mod worker;

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::SockRef;

use super::packet_info::{self, Local};
pub(super) use worker::Worker;

/// A thread that has nothing to do looks up this often: to let go of a snapshot that is no longer served.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// A bound UDP socket that answers from the address asked.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    wildcard: bool,
    /// Whether somebody else has it as well, who is to find it as it was.
    given: bool,
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
        let wildcard = socket.local_addr()?.ip().is_unspecified();
        if wildcard {
            packet_info::enable(&socket)?;
        }
        socket.set_read_timeout(Some(IDLE))?;
        Ok(Socket { socket, wildcard, given })
    }

    /// Whether it takes packets to any address of the machine, and is told to which.
    pub(super) fn is_wildcard(&self) -> bool {
        self.wildcard
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

    /// Sends one answer, from the address that the packet came to where that is known; again where a signal came
    /// between.
    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr, local: Option<Local>) -> io::Result<()> {
        loop {
            let sent = match local {
                Some(local) => packet_info::send(&self.socket, bytes, to, local),
                None => self.socket.send_to(bytes, to),
            };
            match sent {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    #[cfg(test)]
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
