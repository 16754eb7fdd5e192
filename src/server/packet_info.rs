//! What the kernel tells about a packet beside its octets: who sent it, and on wildcard sockets the address that it
//! came to, from which the answer leaves (IP_PKTINFO, RFC 3542).
//!
//! Sender and control data are read here as plain octets, by safe code.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use libc::{
    AF_INET, AF_INET6, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, c_int, in_addr, in_pktinfo,
    in6_addr, in6_pktinfo,
};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, SockaddrIn6, sendmsg, setsockopt, sockopt};

/// Octets of the longest sender: a `sockaddr_in6`.
pub(super) const MAX_PEER: usize = 28;
/// Octets of the control data of an answer, at most: one IPV6_PKTINFO.
pub(super) const MAX_CONTROL: usize = HEAD + 24;

/// Octets of a `cmsghdr`: a length of the size of a pointer, level and type.
const HEAD: usize = size_of::<usize>() + 2 * size_of::<c_int>();
/// Control messages start at multiples of this.
const ALIGN: usize = size_of::<usize>();

/// Where a packet came to: what its answer leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    ip: IpAddr,
    /// The interface, where the address alone does not say it (link-local IPv6); else 0.
    interface: u32,
}

/// Asks the kernel to tell the local address of every packet.
pub(super) fn enable(socket: &UdpSocket) -> io::Result<()> {
    if socket.local_addr()?.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    }
    Ok(())
}

/// The port of a sender in the kernel's form; it stands at one place in both families.
pub(super) fn port(peer: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(octets(peer, 2)?))
}

/// A sender in the kernel's form: a `sockaddr_in` or `sockaddr_in6`, whole.
pub(super) fn peer(peer: &[u8]) -> Option<SocketAddr> {
    let port = port(peer)?;
    match c_int::from(u16::from_ne_bytes(octets(peer, 0)?)) {
        // Eight octets of nothing follow.
        AF_INET if peer.len() >= 16 => {
            Some(SocketAddrV4::new(Ipv4Addr::from(octets::<4>(peer, 4)?), port).into())
        }
        AF_INET6 => {
            let ip = Ipv6Addr::from(octets::<16>(peer, 8)?);
            // The flow is handed on as it came, which is the form that the kernel takes back.
            let flow = u32::from_ne_bytes(octets(peer, 4)?);
            let scope = u32::from_ne_bytes(octets(peer, 24)?);
            Some(SocketAddrV6::new(ip, port, flow, scope).into())
        }
        _ => None,
    }
}

/// The address that a packet came to, from its control data; `None` where none is told, or not whole.
pub(super) fn local(mut control: &[u8]) -> Option<Local> {
    loop {
        let len = usize::from_ne_bytes(octets(control, 0)?);
        let level = c_int::from_ne_bytes(octets(control, ALIGN)?);
        let kind = c_int::from_ne_bytes(octets(control, ALIGN + size_of::<c_int>())?);
        let data = control.get(HEAD..len)?;
        match (level, kind) {
            // `ipi_spec_dst`, behind the interface: the local address even where the packet was a broadcast.
            (IPPROTO_IP, IP_PKTINFO) if data.len() >= 12 => {
                let ip = Ipv4Addr::from(octets::<4>(data, 4)?);
                return Some(Local { ip: ip.into(), interface: 0 });
            }
            (IPPROTO_IPV6, IPV6_PKTINFO) if data.len() >= 20 => {
                let ip = Ipv6Addr::from(octets::<16>(data, 0)?);
                let told = u32::from_ne_bytes(octets(data, 16)?);
                let interface = if ip.is_unicast_link_local() { told } else { 0 };
                return Some(Local { ip: ip.into(), interface });
            }
            _ => control = control.get(len.checked_next_multiple_of(ALIGN)?..)?,
        }
    }
}

/// Writes the control data that sends an answer from `local`, and returns its length.
pub(super) fn write(local: Local, control: &mut [u8; MAX_CONTROL]) -> usize {
    *control = [0; MAX_CONTROL];
    let (level, kind, len) = match local.ip {
        IpAddr::V4(ip) => {
            control[HEAD + 4..HEAD + 8].copy_from_slice(&ip.octets());
            (IPPROTO_IP, IP_PKTINFO, HEAD + 12)
        }
        IpAddr::V6(ip) => {
            control[HEAD..HEAD + 16].copy_from_slice(&ip.octets());
            control[HEAD + 16..HEAD + 20].copy_from_slice(&local.interface.to_ne_bytes());
            (IPPROTO_IPV6, IPV6_PKTINFO, HEAD + 20)
        }
    };
    control[..ALIGN].copy_from_slice(&len.to_ne_bytes());
    control[ALIGN..ALIGN + 4].copy_from_slice(&level.to_ne_bytes());
    control[ALIGN + 4..HEAD].copy_from_slice(&kind.to_ne_bytes());
    len.next_multiple_of(ALIGN)
}

fn octets<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Sends one answer from `local`.
pub(super) fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr, local: Local) -> io::Result<usize> {
    let slices = [IoSlice::new(bytes)];
    let fd = socket.as_raw_fd();
    let flags = MsgFlags::empty();
    let sent = match (to, local.ip) {
        (SocketAddr::V4(to), IpAddr::V4(ip)) => {
            let info = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                ipi_addr: in_addr { s_addr: 0 },
            };
            sendmsg(fd, &slices, &[ControlMessage::Ipv4PacketInfo(&info)], flags, Some(&SockaddrIn::from(to)))
        }
        (SocketAddr::V6(to), IpAddr::V6(ip)) => {
            let info =
                in6_pktinfo { ipi6_addr: in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: local.interface };
            sendmsg(
                fd,
                &slices,
                &[ControlMessage::Ipv6PacketInfo(&info)],
                flags,
                Some(&SockaddrIn6::from(to)),
            )
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    Ok(sent?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEAD + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        bytes
    }

    fn v4() -> Vec<u8> {
        message(IPPROTO_IP, IP_PKTINFO, &[9, 0, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1])
    }

    fn v6(ip: &str) -> Vec<u8> {
        let mut data = ip.parse::<Ipv6Addr>().unwrap().octets().to_vec();
        data.extend(7u32.to_ne_bytes());
        message(IPPROTO_IPV6, IPV6_PKTINFO, &data)
    }

    fn at(ip: &str, interface: u32) -> Local {
        Local { ip: ip.parse().unwrap(), interface }
    }

    #[test]
    fn the_local_address_is_found_among_other_messages() {
        assert_eq!(local(&v4()), Some(at("192.0.2.1", 0)));
        assert_eq!(local(&v6("2001:db8::1")), Some(at("2001:db8::1", 0)));
        assert_eq!(local(&v6("fe80::1")), Some(at("fe80::1", 7)));
        // A stamp of time of a length that needs padding, the same type of another level.
        let others = [message(1, 29, &[1; 13]), message(1, IP_PKTINFO, &[1; 12])].concat();
        assert_eq!(local(&[others.clone(), v4()].concat()), Some(at("192.0.2.1", 0)));
        assert_eq!(local(&others), None);
    }

    #[test]
    fn control_data_cut_anywhere_is_none_and_never_a_wrong_address() {
        for whole in [v4(), v6("2001:db8::1"), [message(1, 29, &[1; 13]), v4()].concat()] {
            let expected = local(&whole);
            assert!(expected.is_some());
            for len in 0..whole.len() {
                let found = local(&whole[..len]);
                // Of what is padding alone nothing is missed.
                assert!(found.is_none() || found == expected && len + ALIGN > whole.len(), "{len}");
            }
        }
        // What the kernel makes of a message that does not fit: its length says what is there.
        assert_eq!(local(&message(IPPROTO_IP, IP_PKTINFO, &[1; 11])), None);
        assert_eq!(local(&message(IPPROTO_IPV6, IPV6_PKTINFO, &[1; 19])), None);
    }

    #[test]
    fn lengths_that_lie_are_none() {
        for len in [0, 1, HEAD - 1, HEAD + 13, usize::MAX, usize::MAX - 7] {
            let mut bytes = message(1, 1, &[0; 12]);
            bytes[..ALIGN].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(local(&[bytes, v4()].concat()[..HEAD + 12]), None, "{len}");
        }
        let mut empty = message(1, 1, &[]);
        empty.extend(v4());
        assert_eq!(local(&empty), Some(at("192.0.2.1", 0)));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (local_address, expected) in [(at("192.0.2.1", 0), 12), (at("fe80::1", 7), 20)] {
            let mut control = [0xff; MAX_CONTROL];
            let len = write(local_address, &mut control);
            assert_eq!(len, (HEAD + expected).next_multiple_of(ALIGN));
            assert_eq!(local(&control[..len]), Some(local_address));
        }
        // The interface is that of the packet, which need not be the one that the answer takes.
        let mut control = [0xff; MAX_CONTROL];
        write(at("192.0.2.1", 0), &mut control);
        assert_eq!(control[HEAD..HEAD + 12], [0, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn senders_of_both_families_are_read_and_others_are_none() {
        let mut name = (AF_INET as u16).to_ne_bytes().to_vec();
        name.extend([0x14, 0xe9, 192, 0, 2, 1]);
        name.extend([0; 8]);
        assert_eq!(peer(&name), Some("192.0.2.1:5353".parse().unwrap()));
        assert_eq!(port(&name), Some(5353));
        for len in 0..name.len() {
            assert_eq!(peer(&name[..len]), None, "{len}");
        }
        name[0] ^= 0x40;
        assert_eq!(peer(&name), None);

        let mut name = (AF_INET6 as u16).to_ne_bytes().to_vec();
        name.extend([0x14, 0xe9, 1, 2, 3, 4]);
        name.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
        name.extend(3u32.to_ne_bytes());
        let flow = u32::from_ne_bytes([1, 2, 3, 4]);
        let expected = SocketAddrV6::new("fe80::1".parse().unwrap(), 5353, flow, 3);
        assert_eq!(peer(&name), Some(expected.into()));
        for len in 0..name.len() {
            assert_eq!(peer(&name[..len]), None, "{len}");
        }
    }
}
