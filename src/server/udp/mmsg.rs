//! `recvmmsg` and `sendmmsg`: many datagrams with one call. The only file with `unsafe`.
//!
//! Invariant: every pointer in a header leads into the same [`Memory`], to a place that is at least as long as the
//! header says. The memory is allocated once, never moves and is freed with [`Messages`]; the kernel looks at it only
//! during a call, and each call has `&mut self`.

#![allow(unsafe_code)]

use std::io;
use std::mem::offset_of;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

use libc::{c_uint, iovec, mmsghdr};

use crate::answer::BATCH;
use crate::server::packet_info::{self, Local, MAX_CONTROL, MAX_PEER};

/// Octets of a packet taken: what is longer arrives cut. An answer has the same room.
pub(in crate::server) const BUFFER: usize = 4096;
/// Octets for what the kernel tells about a packet: the address, and what the owner of a socket that was given asked
/// for, a time for example.
const CONTROL: usize = 96;

/// One packet, and then its answer.
///
/// Its size is no multiple of 4096: the first octets of all slots would share the same few lines of the first cache.
#[repr(C, align(64))]
struct Slot {
    buffer: [u8; BUFFER],
    peer: [u8; 32],
    control: [u8; CONTROL],
}

const _: () = assert!(!size_of::<Slot>().is_multiple_of(4096) && MAX_PEER <= 32 && MAX_CONTROL <= CONTROL);
// The kernel wants control data to start as a `cmsghdr` would.
const _: () = assert!(offset_of!(Slot, control).is_multiple_of(align_of::<libc::cmsghdr>()));

/// All that the kernel reads and writes.
struct Memory {
    slots: [Slot; BATCH],
    inbox: [mmsghdr; BATCH],
    inbox_pieces: [iovec; BATCH],
    outbox: [mmsghdr; BATCH],
    outbox_pieces: [iovec; BATCH],
}

/// A packet that came in.
pub(super) struct Message<'m> {
    /// Holds the packet; what is behind it is left from packets before.
    pub(super) buffer: &'m mut [u8; BUFFER],
    /// Octets of the packet.
    pub(super) len: usize,
    /// The sender in the kernel's form, for [`packet_info::peer`].
    pub(super) peer: &'m [u8],
}

/// The packets of one worker and the answers to them.
pub(in crate::server) struct Messages {
    memory: NonNull<Memory>,
    /// Octets of control data received with each packet, at most.
    control: usize,
    /// Headers that the last call may have written to.
    used: usize,
    received: usize,
    queued: usize,
}

impl Messages {
    /// Memory for packets of a socket; of a wildcard socket with the address that each came to.
    pub(in crate::server) fn new(wildcard: bool) -> Messages {
        let mut memory = Box::<Memory>::new_uninit();
        // SAFETY: the pointer is to one `Memory`, which is made of integers and raw pointers alone: all of them may be
        // zero.
        let memory = unsafe {
            memory.as_mut_ptr().write_bytes(0, 1);
            memory.assume_init()
        };
        let base = Box::into_raw(memory);
        for at in 0..BATCH {
            // SAFETY: `base` is a valid `Memory` that nobody else has, and `at` is within its arrays. No reference is
            // made that would outlive its statement; the pointers kept are derived from `base` itself and stay valid
            // as long as the memory is there.
            unsafe {
                let slot = &raw mut (*base).slots[at];
                (*base).inbox_pieces[at] =
                    iovec { iov_base: (&raw mut (*slot).buffer).cast(), iov_len: BUFFER };
                let head = &raw mut (*base).inbox[at].msg_hdr;
                (*head).msg_name = (&raw mut (*slot).peer).cast();
                (*head).msg_iov = &raw mut (*base).inbox_pieces[at];
                (*head).msg_iovlen = 1;
                if wildcard {
                    (*head).msg_control = (&raw mut (*slot).control).cast();
                }
                let head = &raw mut (*base).outbox[at].msg_hdr;
                (*head).msg_iov = &raw mut (*base).outbox_pieces[at];
                (*head).msg_iovlen = 1;
            }
        }
        let memory = NonNull::new(base).expect("a box is not null");
        let control = if wildcard { CONTROL } else { 0 };
        // Every header is made ready once, as if all had been used.
        Messages { memory, control, used: BATCH, received: 0, queued: 0 }
    }

    fn memory(&self) -> &Memory {
        // SAFETY: it was allocated in `new` and is there until `drop`. Whoever writes to it, we or the kernel, has
        // `&mut self`.
        unsafe { self.memory.as_ref() }
    }

    fn memory_mut(&mut self) -> &mut Memory {
        // SAFETY: as above, and `&mut self` makes this the only reference.
        unsafe { self.memory.as_mut() }
    }

    /// Waits for a packet, takes what has come by then, and returns how many: 1 to [`BATCH`]. What was received and
    /// queued before is forgotten.
    ///
    /// Errors: those of the socket, among them its timeout; `NotConnected` where it was shut down.
    pub(in crate::server) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let (used, control) = (self.used, self.control);
        (self.received, self.queued) = (0, 0);
        for head in &mut self.memory_mut().inbox[..used] {
            // What the last call told is now the room again.
            head.msg_hdr.msg_namelen = MAX_PEER as _;
            head.msg_hdr.msg_controllen = control as _;
        }
        // SAFETY: the pointer is to `BATCH` headers that lead to memory of ours as the invariant says: names of
        // `MAX_PEER`, pieces of `BUFFER` and control data of `CONTROL` octets or none. It is derived from the pointer
        // of the allocation, as those in the headers are. No timeout is given.
        let count = unsafe {
            let inbox = (&raw mut (*self.memory.as_ptr()).inbox).cast::<mmsghdr>();
            let flags = libc::MSG_WAITFORONE as _;
            libc::recvmmsg(socket.as_raw_fd(), inbox, BATCH as c_uint, flags, ptr::null_mut())
        };
        // A call that failed may have begun with the first.
        self.used = usize::try_from(count).unwrap_or(1).min(BATCH);
        if count < 0 {
            return Err(io::Error::last_os_error());
        }
        // A socket that was shut down returns at once, with nothing and from nobody, as often as it is asked.
        let nobody = |head: &mmsghdr| head.msg_hdr.msg_namelen == 0;
        let inbox = &self.memory().inbox[..self.used];
        let count = inbox.iter().position(nobody).unwrap_or(inbox.len());
        if count == 0 {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.received = count;
        Ok(count)
    }

    /// The packets received, in the order in which they came.
    pub(super) fn received(&mut self) -> impl Iterator<Item = Message<'_>> {
        let received = self.received;
        let Memory { slots, inbox, .. } = self.memory_mut();
        slots.iter_mut().zip(inbox.iter()).take(received).map(|(slot, head)| Message {
            buffer: &mut slot.buffer,
            len: (head.msg_len as usize).min(BUFFER),
            peer: &slot.peer[..peer_len(head)],
        })
    }

    /// The sender of a packet, and on wildcard sockets the address that it came to. `None` where the kernel did not
    /// tell, or not whole. Not to be asked once the answer is queued, which takes the same room.
    pub(in crate::server) fn addresses(&self, at: usize) -> Option<(SocketAddr, Option<Local>)> {
        let Memory { slots, inbox, .. } = self.memory();
        let peer = packet_info::peer(&slots[at].peer[..peer_len(&inbox[at])])?;
        let local = match self.control {
            0 => None,
            _ => Some(packet_info::local(&slots[at].control[..control_len(&inbox[at])])?),
        };
        Some((peer, local))
    }

    /// The first `len` octets of a slot: a packet that has no answer yet.
    pub(in crate::server) fn octets(&self, at: usize, len: usize) -> &[u8] {
        &self.memory().slots[at].buffer[..len]
    }

    /// Queues the answer that stands in the slot of packet `at`: to its sender, from the address that it came to.
    /// `false` where the kernel did not tell that address.
    ///
    /// Panics where `len` is above [`BUFFER`].
    #[must_use]
    pub(super) fn queue(&mut self, at: usize, len: usize) -> bool {
        assert!(len <= BUFFER, "an answer of {len} octets");
        let (queued, wildcard) = (self.queued, self.control > 0);
        let Memory { slots, inbox, inbox_pieces, outbox, outbox_pieces } = self.memory_mut();
        let (asked, answer) = (&inbox[at].msg_hdr, &mut outbox[queued].msg_hdr);
        if wildcard {
            let control = &mut slots[at].control;
            let Some(local) = packet_info::local(&control[..control_len(&inbox[at])]) else { return false };
            let room = control.first_chunk_mut().expect("it was asserted to be long enough");
            answer.msg_control = asked.msg_control;
            answer.msg_controllen = packet_info::write(local, room) as _;
        }
        answer.msg_name = asked.msg_name;
        answer.msg_namelen = peer_len(&inbox[at]) as _;
        outbox_pieces[queued] = iovec { iov_base: inbox_pieces[at].iov_base, iov_len: len };
        self.queued += 1;
        true
    }

    /// How many answers are queued.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Sends the queued answers but the first `skip`, and returns how many the kernel took: all of them or those before
    /// the first that it refused. An error is that of the first.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>, skip: usize) -> io::Result<usize> {
        let count = self.queued.saturating_sub(skip);
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: `skip + count` is the number of headers that `queue` made, at most `BATCH`. They lead to memory of
        // ours as the invariant says: `queue` took their pointers from headers of `inbox`, and bounded all lengths.
        // The pointer is derived from that of the allocation.
        let sent = unsafe {
            let outbox = (&raw mut (*self.memory.as_ptr()).outbox).cast::<mmsghdr>().add(skip);
            libc::sendmmsg(socket.as_raw_fd(), outbox, count as c_uint, 0)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: the pointer came out of a box in `new`, and nobody has it beside us.
        drop(unsafe { Box::from_raw(self.memory.as_ptr()) });
    }
}

fn peer_len(head: &mmsghdr) -> usize {
    // Of a sender that is longer than the room the kernel tells the full length.
    (head.msg_hdr.msg_namelen as usize).min(MAX_PEER)
}

#[allow(clippy::unnecessary_cast, reason = "musl has another type")]
fn control_len(head: &mmsghdr) -> usize {
    (head.msg_hdr.msg_controllen as usize).min(CONTROL)
}

#[cfg(test)]
impl Messages {
    /// A sender that no answer can be sent to, which the kernel says at once.
    pub(super) fn spoil_port(&mut self, at: usize) {
        self.memory_mut().slots[at].peer[2..4].fill(0);
    }

    /// What the kernel told about where packet `at` came to, cut to `len` octets.
    pub(super) fn cut_control(&mut self, at: usize, len: usize) {
        self.memory_mut().inbox[at].msg_hdr.msg_controllen = len as _;
    }
}

#[cfg(test)]
mod tests;
