//! Wildcard sockets: the address that a packet came to, and answers that leave from it (IP_PKTINFO, RFC 3542).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrLike, recvfrom, recvmsg,
    sendmsg, setsockopt, sockopt,
};

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

/// A buffer for what the kernel tells about one packet.
pub(super) fn control_buffer() -> Vec<u8> {
    cmsg_space!(in6_pktinfo)
}

/// Receives a packet: its length, its sender and where it came to.
pub(super) fn receive(
    socket: &UdpSocket,
    v4: bool,
    buffer: &mut [u8],
    control: &mut [u8],
) -> io::Result<(usize, SocketAddr, Local)> {
    if v4 {
        receive_from::<SockaddrIn>(socket, buffer, control, |from| SocketAddr::V4((*from).into()))
    } else {
        receive_from::<SockaddrIn6>(socket, buffer, control, |from| SocketAddr::V6((*from).into()))
    }
}

fn receive_from<S: SockaddrLike>(
    socket: &UdpSocket,
    buffer: &mut [u8],
    control: &mut [u8],
    address: impl Fn(&S) -> SocketAddr,
) -> io::Result<(usize, SocketAddr, Local)> {
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<S>(socket.as_raw_fd(), &mut slices, Some(control), MsgFlags::empty())?;
    let local = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(Local { ip: Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into(), interface: 0 })
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            let interface = if ip.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
            Some(Local { ip: ip.into(), interface })
        }
        _ => None,
    });
    // A socket that was shut down returns without a packet: then there is nothing here, and nothing that could be
    // read as a sender.
    let local = local.ok_or(io::ErrorKind::NotConnected)?;
    let from = message.address.as_ref().map(address).ok_or(io::ErrorKind::NotConnected)?;
    Ok((message.bytes, from, local))
}

/// Receives a packet on a socket that is bound to one address: its length and its sender.
///
/// The standard library's own `recv_from` asserts that there is a sender, and a socket that was shut down returns
/// without one.
pub(super) fn receive_plain(
    socket: &UdpSocket,
    v4: bool,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr)> {
    let fd = socket.as_raw_fd();
    let (len, from) = if v4 {
        let (len, from) = recvfrom::<SockaddrIn>(fd, buffer)?;
        (len, from.map(|from| SocketAddr::V4(from.into())))
    } else {
        let (len, from) = recvfrom::<SockaddrIn6>(fd, buffer)?;
        (len, from.map(|from| SocketAddr::V6(from.into())))
    };
    Ok((len, from.ok_or(io::ErrorKind::NotConnected)?))
}

/// Sends an answer from `local`.
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
