//! Binding: which sockets listen on which address.
//!
//! An address is taken for TCP first. That bind is exclusive, so of two servers on one port only one gets further,
//! and nobody can slip in between the probe for UDP and the sockets with SO_REUSEPORT, which would share the port
//! with anyone of the same user who asks.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

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

/// Sockets that somebody else has bound and keeps: a service manager that holds them over a restart.
#[derive(Debug, Default)]
pub struct Given {
    /// Bound UDP sockets.
    pub udp: Vec<UdpSocket>,
    /// Listening TCP sockets.
    pub tcp: Vec<TcpListener>,
}

impl Given {
    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.udp.is_empty() && self.tcp.is_empty()
    }
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
    /// A socket that was given cannot be used.
    #[error("cannot use a socket that was given ({transport}{}): {source}", .addr.map_or_else(String::new, |addr| format!(", {addr}")))]
    Given {
        /// Its address, where it has one.
        addr: Option<SocketAddr>,
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
    /// One socket per worker; none where only a listener was given.
    pub(super) udp: Vec<udp::Socket>,
    /// The listeners, not blocking: one, or as many as were given.
    pub(super) tcp: Vec<TcpListener>,
}

/// Takes sockets that were given, in the order of their addresses. Each UDP socket has a worker at least; where there
/// are fewer sockets than workers, workers share them.
pub(super) fn take_given(given: Given, workers: usize) -> Result<Vec<Bound>, ListenError> {
    let failed = |addr, transport| move |source| ListenError::Given { addr, transport, source };
    let mut by_address: BTreeMap<SocketAddr, (Vec<UdpSocket>, Vec<TcpListener>)> = BTreeMap::new();
    for socket in given.udp {
        let addr = socket.local_addr().map_err(failed(None, "UDP"))?;
        // The workers block, and wake from time to time by a timeout.
        socket.set_nonblocking(false).map_err(failed(Some(addr), "UDP"))?;
        let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        by_address.entry(addr).or_default().0.push(socket);
    }
    for socket in given.tcp {
        let addr = socket.local_addr().map_err(failed(None, "TCP"))?;
        socket.set_nonblocking(true).map_err(failed(Some(addr), "TCP"))?;
        by_address.entry(addr).or_default().1.push(socket);
    }
    let mut bound = Vec::with_capacity(by_address.len());
    for (addr, (sockets, tcp)) in by_address {
        if sockets.is_empty() || tcp.is_empty() {
            let missing = if tcp.is_empty() { "TCP" } else { "UDP" };
            tracing::warn!(address = %addr, "no {missing} socket was given for this address: resolvers need both");
        }
        let workers = if sockets.is_empty() { 0 } else { workers.max(sockets.len()) };
        let mut udp = Vec::with_capacity(workers);
        for index in 0..workers {
            let socket = sockets[index % sockets.len()].try_clone();
            udp.push(socket.and_then(udp::Socket::given).map_err(failed(Some(addr), "UDP"))?);
        }
        bound.push(Bound { addr, udp, tcp });
    }
    if bound.is_empty() { Err(ListenError::Nothing) } else { Ok(bound) }
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
    Ok(Bound { addr, udp, tcp: vec![tcp] })
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
        assert_eq!(bound[0].tcp[0].local_addr().unwrap().port(), port);
        assert_eq!(bound[0].udp.len(), 3);
        for socket in &bound[0].udp {
            assert_eq!(socket.local_addr().unwrap().port(), port);
        }
    }

    fn given(udp: &[&str], tcp: &[&str]) -> Given {
        Given {
            udp: udp.iter().map(|addr| UdpSocket::bind(addr).unwrap()).collect(),
            tcp: tcp.iter().map(|addr| TcpListener::bind(addr).unwrap()).collect(),
        }
    }

    #[test]
    fn sockets_that_are_given_are_shared_among_the_workers() {
        let given = given(&["127.0.0.1:0"], &[]);
        given.udp[0].set_nonblocking(true).unwrap();
        let addr = given.udp[0].local_addr().unwrap();
        let bound = take_given(given, 3).unwrap();
        assert_eq!((bound.len(), bound[0].addr, bound[0].udp.len(), bound[0].tcp.len()), (1, addr, 3, 0));
        assert!(bound[0].udp.iter().all(|socket| socket.local_addr().unwrap() == addr));
    }

    #[test]
    fn every_socket_that_is_given_has_a_worker() {
        let first = bind_udp("127.0.0.1:0".parse().unwrap(), true).unwrap();
        let addr = first.local_addr().unwrap().as_socket().unwrap();
        let second = bind_udp(addr, true).unwrap();
        let tcp = given(&[], &["127.0.0.1:0"]).tcp;
        let listens = tcp[0].local_addr().unwrap();
        let bound = take_given(Given { udp: vec![first.into(), second.into()], tcp }, 1).unwrap();
        let mut shape: Vec<_> =
            bound.iter().map(|bound| (bound.addr, bound.udp.len(), bound.tcp.len())).collect();
        shape.sort();
        let mut expected = [(addr, 2, 0), (listens, 0, 1)];
        expected.sort();
        assert_eq!(shape, expected);
        assert!(matches!(take_given(Given::default(), 1), Err(ListenError::Nothing)));
    }

    #[test]
    fn a_port_that_is_taken_for_udp_is_noticed_even_if_its_owner_shares_it() {
        // The kernel's choice of a port for UDP may be taken for TCP by somebody else.
        let (addr, error) = (0..100)
            .find_map(|_| {
                let taken = bind_udp("127.0.0.1:0".parse().unwrap(), true).unwrap();
                let addr = taken.local_addr().unwrap().as_socket().unwrap();
                let error = bind_all(&[Listen { addr, is_default: true }], 1).unwrap_err();
                (!matches!(error, ListenError::InUse { transport: "TCP", .. })).then_some((addr, error))
            })
            .unwrap();
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
