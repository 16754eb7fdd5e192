//! The slow door: one thread of lower priority for the packets that plain load is not made of.
//!
//! Invariant: whoever floods it harms only its own kind. The queue is bounded, what does not fit is dropped and counted,
//! and no worker ever waits for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use super::answerer::Answerer;
use super::packet_info::Local;
use super::udp::mmsg::BUFFER;
use super::udp::{IDLE, Socket};
use crate::answer::Transport;
use crate::snapshot::Reader;
use crate::telemetry::{Cell, Throttle};

/// Most packets that wait.
const QUEUE: usize = 1024;
/// How much less than a worker's the thread's claim on a core is (`nice`).
const NICE: i32 = 5;

/// A packet that waits.
#[derive(Debug)]
struct Unusual {
    /// Which of the sockets it came by.
    socket: usize,
    packet: Box<[u8]>,
    peer: SocketAddr,
    local: Option<Local>,
}

/// A worker's side of the door.
#[derive(Clone, Debug)]
pub(super) struct SlowDoor {
    queue: SyncSender<Unusual>,
    /// Which of the sockets the worker has: an index instead of a reference, whose count two threads would write.
    socket: usize,
}

impl SlowDoor {
    /// Takes a packet from a worker, whose counters are those of `answerer`.
    pub(super) fn take(
        &self,
        answerer: &Answerer,
        packet: &[u8],
        addresses: Option<(SocketAddr, Option<Local>)>,
    ) {
        answerer.block().bump(Cell::Unusual);
        let Some((peer, local)) = addresses else {
            // The kernel did not tell where an answer should go, or leave from.
            answerer.block().bump(Cell::Dropped);
            return;
        };
        let unusual = Unusual { socket: self.socket, packet: packet.into(), peer, local };
        if self.queue.try_send(unusual).is_err() {
            answerer.block().bump(Cell::UnusualDropped);
            answerer.block().bump(Cell::Dropped);
        }
    }
}

/// The other side: the thread that answers.
#[derive(Debug)]
pub(super) struct SlowThread {
    queue: Receiver<Unusual>,
    sockets: Vec<(Arc<Socket>, Arc<Answerer>)>,
    reader: Reader,
    out: Box<[u8]>,
    errors: Throttle,
}

/// Both sides of the door: one for the worker of each socket, and the thread, which answers by the socket with the
/// answerer that stands beside it.
pub(super) fn slow_door(
    sockets: Vec<(Arc<Socket>, Arc<Answerer>)>,
    reader: Reader,
) -> (Vec<SlowDoor>, SlowThread) {
    let (sender, queue) = sync_channel(QUEUE);
    let doors = (0..sockets.len()).map(|socket| SlowDoor { queue: sender.clone(), socket }).collect();
    let (out, errors) = (vec![0; BUFFER].into_boxed_slice(), Throttle::new(super::ERROR_LINES));
    (doors, SlowThread { queue, sockets, reader, out, errors })
}

impl SlowThread {
    /// Answers until the last worker has gone and nothing waits any more.
    pub(super) fn run(mut self) {
        // On Linux this is the thread alone.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "the slow door runs at the workers' priority");
        }
        while self.answer_next() {}
    }

    /// Waits for a packet and answers it, or looks up in vain; `false` at the end.
    pub(super) fn answer_next(&mut self) -> bool {
        match self.queue.recv_timeout(IDLE) {
            Ok(unusual) => self.answer(&unusual),
            // Looking at what is served now lets go of what was served before.
            Err(RecvTimeoutError::Timeout) => _ = self.reader.current(),
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn answer(&mut self, unusual: &Unusual) {
        let (socket, answerer) = &self.sockets[unusual.socket];
        let snapshot = self.reader.current();
        // Response rate limiting will stand between the answer and the sending of it, as it does for a worker.
        let Some(answer) = answerer.answer_counted(snapshot, &unusual.packet, Transport::Udp, &mut self.out)
        else {
            return;
        };
        if let Err(error) = socket.send(answer, unusual.peer, unusual.local) {
            answerer.block().bump(Cell::SendErrors);
            if let Some(suppressed) = self.errors.pass() {
                tracing::warn!(%error, suppressed, "an answer could not be sent; the slow door goes on");
            }
        }
    }
}

#[cfg(test)]
mod tests;
