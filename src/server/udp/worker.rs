//! A worker: receive what has come, answer it in place, send all answers, and again.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;

use super::Socket;
use super::mmsg::{BUFFER, Messages};
use crate::answer::{BATCH, Batch, Packet, Verdict};
use crate::server::answerer::{Answerer, server_failure};
use crate::server::packet_info;
use crate::server::slow::SlowDoor;
use crate::server::stop::Stop;
use crate::snapshot::Reader;
use crate::telemetry::samples::{Ring, due};
use crate::telemetry::{Cell, Throttle};
use crate::wire::HEADER_LEN;

/// After this many failed receives in a row a worker pauses, so that a broken socket does not eat a core.
const FAILURES_IN_A_ROW: u32 = 64;
/// How long it pauses.
const PAUSE: Duration = Duration::from_millis(100);

/// The first octets of every packet, as they came.
type Heads = ArrayVec<[u8; HEADER_LEN], BATCH>;

/// One worker.
#[derive(Debug)]
pub(in crate::server) struct Worker {
    pub(in crate::server) socket: Arc<Socket>,
    pub(in crate::server) reader: Reader,
    pub(in crate::server) answerer: Answerer,
    pub(in crate::server) slow: SlowDoor,
    pub(in crate::server) stop: Arc<Stop>,
    /// Of the next packet.
    pub(in crate::server) turn: u32,
    pub(in crate::server) errors: Throttle,
    /// A few of the questions.
    pub(in crate::server) samples: Arc<Ring>,
}

impl Worker {
    /// Answers until told to stop.
    pub(in crate::server) fn run(mut self) {
        let mut messages = Messages::new(self.socket.is_wildcard());
        let mut failures = 0;
        while !self.stop.is_said() {
            if let Err(error) = messages.receive(self.socket.as_fd()) {
                self.receive_failed(&error, &mut failures);
                continue;
            }
            failures = 0;
            if self.stop.is_said() {
                break;
            }
            self.answer(&mut messages);
        }
    }

    /// Answers what was received.
    fn answer(&mut self, messages: &mut Messages) {
        let snapshot = self.reader.current();
        let (settings, turn) = (self.answerer.settings(), self.turn);
        let outcome = answer(&self.answerer, messages, |batch| batch.respond(snapshot, settings, turn));
        self.turn = turn.wrapping_add(outcome.received);
        self.finish(messages, &outcome);
        if let Some(at) = due(turn, outcome.received)
            && outcome.asked & (1 << at) != 0
        {
            // The answer stands in the place of the packet, and its question where it was.
            self.samples.note(messages.octets(at, BUFFER));
        }
    }

    /// Sends the plain answers, and then hands over what is unusual: all together, so that the thread behind the slow
    /// door is woken once.
    fn finish(&self, messages: &mut Messages, outcome: &Outcome) {
        self.send(messages);
        for (at, len) in &outcome.unusual {
            self.slow.take(&self.answerer, messages.octets(*at, *len), messages.addresses(*at));
        }
    }

    /// Sends what is queued. What the kernel refuses is left out, and the rest is sent.
    fn send(&self, messages: &mut Messages) {
        let total = messages.queued();
        send_all(total, |skip| messages.send(self.socket.as_fd(), skip), |error| self.send_failed(error));
    }

    fn send_failed(&self, error: &io::Error) {
        self.answerer.block().bump(Cell::SendErrors);
        log(&self.errors, error, "an answer could not be sent");
    }

    fn receive_failed(&mut self, error: &io::Error, failures: &mut u32) {
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
                log(&self.errors, error, "a packet could not be received");
                *failures += 1;
                if *failures >= FAILURES_IN_A_ROW {
                    self.stop.wait(PAUSE);
                }
            }
        }
    }
}

/// What became of a batch, beside the answers that are queued.
struct Outcome {
    /// Packets of the batch.
    received: u32,
    /// A bit for each slot: whether its packet held a question that was answered.
    asked: u32,
    /// Slots and lengths of the packets for the slow door.
    unusual: ArrayVec<(usize, usize), BATCH>,
}

/// Answers what was received by `respond`, and queues the answers.
fn answer(answerer: &Answerer, messages: &mut Messages, respond: impl FnMut(&mut Batch<'_>)) -> Outcome {
    let mut batch = Batch::default();
    let mut heads = Heads::new();
    let mut octets = 0;
    for message in messages.received() {
        octets += message.len;
        let head = message.buffer.first_chunk().expect("a buffer is longer than a header");
        heads.push(*head);
        // Admission. Nothing listens on port 0: whoever sends from it wants the answer to hurt somebody. Cookies are
        // looked at here, when there are any; response rate limiting stands behind the answer, by its kind.
        let admitted = packet_info::port(message.peer).is_some_and(|port| port != 0);
        let verdict = (!admitted).then_some(Verdict::Silence);
        batch.packets.push(Packet { buffer: message.buffer, len: message.len, verdict });
    }
    answerer.block().received_together(batch.packets.len(), octets);
    guard(answerer, &mut batch, &heads, respond);

    let mut outcome = Outcome { received: batch.packets.len() as u32, asked: 0, unusual: ArrayVec::new() };
    let mut answers = ArrayVec::<(usize, usize), BATCH>::new();
    for (at, packet) in batch.packets.iter().enumerate() {
        match packet.verdict {
            Some(Verdict::Answer(answered)) if answered.len <= packet.buffer.len() => {
                answerer.count(&answered);
                outcome.asked |= u32::from(answered.qtype.is_some()) << at;
                answers.push((at, answered.len));
            }
            Some(Verdict::Unusual) => outcome.unusual.push((at, packet.len)),
            _ => answerer.block().bump(Cell::Dropped),
        }
    }
    drop(batch);
    for (at, len) in answers {
        if !messages.queue(at, len) {
            // The kernel did not tell where the packet came to, so the client would not know the answer as one.
            answerer.block().bump(Cell::SendErrors);
        }
    }
    outcome
}

/// Runs `respond` until every packet has a verdict. A panic costs the packet that was being answered, which becomes
/// SERVFAIL, and the time of the others, which are answered in another go.
fn guard(answerer: &Answerer, batch: &mut Batch<'_>, heads: &Heads, mut respond: impl FnMut(&mut Batch<'_>)) {
    // What a panic leaves half done are buffers of packets without a verdict.
    while catch_unwind(AssertUnwindSafe(|| respond(batch))).is_err() {
        let blamed = batch.packets.get_mut(batch.at).filter(|packet| packet.verdict.is_none());
        let (Some(packet), Some(head)) = (blamed, heads.get(batch.at)) else {
            // Nobody is to blame, so there is no telling whether another go would end.
            answerer.report_panic(&[]);
            return;
        };
        // The answer is written over the packet: of what is logged the header and the question are as they came.
        packet.buffer[..HEADER_LEN].copy_from_slice(head);
        answerer.report_panic(&packet.buffer[..packet.len]);
        let failure = server_failure(&head[..packet.len.min(HEADER_LEN)], packet.buffer);
        packet.verdict = Some(failure.map_or(Verdict::Silence, Verdict::Answer));
    }
}

/// Sends `total` answers by calls of `send`, which is told how many are done and returns how many it took or why it
/// refused the first. A refused one is left out.
fn send_all(
    total: usize,
    mut send: impl FnMut(usize) -> io::Result<usize>,
    mut refused: impl FnMut(&io::Error),
) {
    let mut done = 0;
    while done < total {
        match send(done) {
            Ok(sent) => done += sent.max(1),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                refused(&error);
                done += 1;
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
mod tests;
