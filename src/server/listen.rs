//! Binding: which sockets listen on which address.
//!
//! An address is taken for TCP first. That bind is exclusive, so of two servers on one port only one gets further,
//! and nobody can slip in between the probe for UDP and the sockets with SO_REUSEPORT, which would share the port
//! with anyone of the same user who asks.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use nix::libc;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::udp;

/// Receive buffer of a UDP socket: what arrives while its worker is not looking.
const RECEIVE_BUFFER: usize = 2 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often a free port is sought where port 0 is asked.
const PORT_ATTEMPTS: u32 = 16;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address; port 0 takes any free port, the same for UDP and TCP.
    pub addr: SocketAddr,
    /// Nobody asked for it: where the machine lacks its family it is left out with a warning.
    pub is_default: bool,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error(
        "{addr} is in use ({transport}): another server, or another of the addresses to listen on, has this port; \
         stop it or choose another address or port"
    )]
    InUse {
        /// The address.
        addr: SocketAddr,
        /// UDP or TCP.
        transport: &'static str,
    },
    /// The port is reserved.
    #[error(
        "no permission to listen on {addr} ({transport}): ports below 1024 need the capability \
         CAP_NET_BIND_SERVICE; grant it or choose a higher port"
    )]
    Permission {
        /// The address.
        addr: SocketAddr,
        /// UDP or TCP.
        transport: &'static str,
    },
    /// No interface has the address.
    #[error(
        "{addr} is not an address of this machine; choose one of its own, or 0.0.0.0 or [::] for all of them"
    )]
    NotLocal {
        /// The address.
        addr: SocketAddr,
    },
    /// The machine does not speak the family.
    #[error("{addr}: this machine does not speak {family}; leave the address out", family = family(.addr))]
    NoFamily {
        /// The address.
        addr: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {addr} ({transport}): {source}")]
    Other {
        /// The address.
        addr: SocketAddr,
        /// UDP or TCP.
        transport: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Nothing is left to listen on.
    #[error("there is no address to listen on; give one")]
    Nothing,
}

fn family(addr: &SocketAddr) -> &'static str {
    if addr.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// The sockets of one address.
#[derive(Debug)]
pub(super) struct Bound {
    /// The address with its real port.
    pub(super) addr: SocketAddr,
    /// One socket per worker.
    pub(super) udp: Vec<udp::Socket>,
    /// The listener, not blocking.
    pub(super) tcp: TcpListener,
}

/// Binds all addresses, or none.
pub(super) fn bind_all(listen: &[Listen], workers: usize) -> Result<Vec<Bound>, ListenError> {
    let mut bound = Vec::with_capacity(listen.len());
    for wanted in listen {
        match bind(wanted.addr, workers) {
            Ok(sockets) => bound.push(sockets),
            Err(error @ (ListenError::NoFamily { .. } | ListenError::NotLocal { .. }))
                if wanted.is_default =>
            {
                tracing::warn!(address = %wanted.addr, "default address left out: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    if bound.is_empty() { Err(ListenError::Nothing) } else { Ok(bound) }
}

fn bind(addr: SocketAddr, workers: usize) -> Result<Bound, ListenError> {
    let mut attempts = if addr.port() == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        // A port that is free for TCP may be taken for UDP.
        match bind_once(addr, workers) {
            Err(ListenError::InUse { .. }) if attempts > 0 => {}
            result => return result,
        }
    }
}

fn bind_once(addr: SocketAddr, workers: usize) -> Result<Bound, ListenError> {
    let tcp = bind_tcp(addr).map_err(|error| explain(addr, "TCP", error))?;
    let addr = tcp.local_addr().map_err(|error| explain(addr, "TCP", error))?;
    let udp_error = |error| explain(addr, "UDP", error);
    drop(bind_udp(addr, false).map_err(udp_error)?);
    let udp = (0..workers)
        .map(|_| udp::Socket::new(bind_udp(addr, true)?.into()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(udp_error)?;
    Ok(Bound { addr, udp, tcp })
}

fn socket(addr: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn bind_tcp(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(addr, Type::STREAM, Protocol::TCP)?;
    // Connections of an earlier run that linger in TIME_WAIT are no hindrance; a listener still is.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(addr))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn bind_udp(addr: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = socket(addr, Type::DGRAM, Protocol::UDP)?;
    if shared {
        socket.set_reuse_port(true)?;
        // The kernel cuts it to net.core.rmem_max; whatever it grants will do.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    socket.bind(&SockAddr::from(addr))?;
    Ok(socket)
}

fn explain(addr: SocketAddr, transport: &'static str, source: io::Error) -> ListenError {
    match (source.kind(), source.raw_os_error()) {
        (ErrorKind::AddrInUse, _) => ListenError::InUse { addr, transport },
        (ErrorKind::PermissionDenied, _) => ListenError::Permission { addr, transport },
        (ErrorKind::AddrNotAvailable, _) => ListenError::NotLocal { addr },
        (_, Some(libc::EAFNOSUPPORT)) => ListenError::NoFamily { addr },
        _ => ListenError::Other { addr, transport, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(addr: &str, is_default: bool) -> Listen {
        Listen { addr: addr.parse().unwrap(), is_default }
    }

    #[test]
    fn all_sockets_of_port_zero_have_one_port() {
        let bound = bind_all(&[listen("127.0.0.1:0", false)], 3).unwrap();
        let port = bound[0].addr.port();
        assert_ne!(port, 0);
        assert_eq!(bound[0].tcp.local_addr().unwrap().port(), port);
        assert_eq!(bound[0].udp.len(), 3);
        for socket in &bound[0].udp {
            assert_eq!(socket.local_addr().unwrap().port(), port);
        }
    }

    #[test]
    fn a_port_that_is_taken_for_udp_is_noticed_even_if_its_owner_shares_it() {
        let taken = bind_udp("127.0.0.1:0".parse().unwrap(), true).unwrap();
        let addr = taken.local_addr().unwrap().as_socket().unwrap();
        let error = bind_all(&[Listen { addr, is_default: true }], 1).unwrap_err();
        assert!(matches!(error, ListenError::InUse { transport: "UDP", .. }), "{error}");
        assert!(error.to_string().contains(&addr.to_string()));
    }

    #[test]
    fn a_second_server_finds_the_address_in_use() {
        let first = bind_all(&[listen("127.0.0.1:0", false)], 2).unwrap();
        let again = Listen { addr: first[0].addr, is_default: true };
        let error = bind_all(&[again], 2).unwrap_err();
        assert!(matches!(error, ListenError::InUse { transport: "TCP", .. }), "{error}");
    }

    #[test]
    fn a_strange_address_is_an_error_unless_it_is_a_default() {
        // TEST-NET-1 is no address of any machine.
        let error = bind_all(&[listen("192.0.2.1:0", false)], 1).unwrap_err();
        assert!(matches!(error, ListenError::NotLocal { .. }), "{error}");
        let bound = bind_all(&[listen("192.0.2.1:0", true), listen("127.0.0.1:0", false)], 1).unwrap();
        assert_eq!(bound.len(), 1);
        assert!(matches!(bind_all(&[listen("192.0.2.1:0", true)], 1), Err(ListenError::Nothing)));
    }

    #[test]
    fn wildcards_of_both_families_share_a_port() {
        let Ok(v6) = bind_all(&[listen("[::]:0", false)], 1) else {
            return; // no IPv6 on this machine
        };
        let v4 = SocketAddr::from(([0, 0, 0, 0], v6[0].addr.port()));
        // Another test may hold the port on an address of IPv4; IPv6 never does.
        match bind_all(&[Listen { addr: v4, is_default: false }], 1) {
            Ok(bound) => assert_eq!(bound[0].addr, v4),
            Err(error) => assert!(matches!(error, ListenError::InUse { .. }), "{error}"),
        }
    }
}
