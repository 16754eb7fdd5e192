//! The octets of one connection: messages in, answers out, and what is kept between two events. No socket and no clock.
//!
//! Every message has two octets of length before it (RFC 1035 section 4.2.2). Answers come in the order of the
//! queries (RFC 7766 section 6.2.1.1 allows any). While a client does not take its answers nothing is read from it, so
//! what it can make us keep is bounded: the messages of one read, [`FLUSH`] octets of answers, and one answer more.

use std::io::{self, ErrorKind};

use crate::wire::HEADER_LEN;

/// Longest message on a stream.
const MESSAGE: usize = u16::MAX as usize;
/// Octets of the length before a message.
const LENGTH: usize = 2;
/// Most octets taken in one read: some hundred queries, so that one connection does not keep the others waiting.
const READ: usize = 16 * 1024;
/// Answers are sent once there are so many octets of them, or no more queries.
const FLUSH: usize = 32 * 1024;

/// Buffers that all connections of one thread use, one after the other.
#[derive(Debug)]
pub(super) struct Scratch {
    /// What was kept of the connection, and a read behind it.
    input: Box<[u8]>,
    /// Answers with their lengths.
    output: Box<[u8]>,
}

impl Scratch {
    /// About 180 KiB.
    pub(super) fn new() -> Scratch {
        Scratch {
            input: vec![0; LENGTH + MESSAGE + READ].into(),
            output: vec![0; FLUSH + LENGTH + MESSAGE].into(),
        }
    }
}

/// What a connection keeps between two events. Nothing is allocated while nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The beginning of a message; while answers are unsent, also whole messages that wait for their turn.
    input: Vec<u8>,
    /// Answers that the socket did not take.
    unsent: Vec<u8>,
    /// Octets of them that it took since.
    sent: usize,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// A message.
    Message,
    /// The rest of a message.
    Rest,
    /// Room for its answers.
    Room,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What is waited for now.
    pub(super) waits: Waits,
    /// Whether a whole message was among what came.
    pub(super) took_message: bool,
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The client said all it had to say, and has all its answers.
    Finished,
    /// A length that no message has; all answers before it were sent.
    Broken,
    /// The client is gone, and did not take all its answers.
    Lost,
}

/// What the octets of one connection pass through: a socket, or a test.
pub(super) trait Wire {
    /// Reads what is there; 0 is the end.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Sends what there is room for.
    fn send(&mut self, octets: &[u8]) -> io::Result<usize>;
    /// Writes the answer to a message; `None` is silence.
    fn answer(&mut self, message: &[u8], out: &mut [u8]) -> Option<usize>;
}

impl Conversation {
    /// What it waits for.
    fn waits(&self) -> Waits {
        match (self.unsent.is_empty(), self.input.is_empty()) {
            (false, _) => Waits::Room,
            (true, false) => Waits::Rest,
            (true, true) => Waits::Message,
        }
    }

    /// Octets kept on the heap.
    #[cfg(test)]
    fn kept(&self) -> usize {
        self.input.capacity() + self.unsent.capacity()
    }

    /// Something can be read: reads once and answers every whole message.
    pub(super) fn readable(&mut self, scratch: &mut Scratch, wire: &mut impl Wire) -> Result<Step, End> {
        if self.waits() == Waits::Room {
            // Nobody asked to be told; it comes with an error, which the send meets as well.
            return self.writable(scratch, wire);
        }
        let kept = self.input.len();
        let room = &mut scratch.input[kept..(kept + READ).min(LENGTH + MESSAGE + READ)];
        match again(|| wire.receive(room)) {
            Ok(0) => Err(End::Finished),
            Ok(read) => {
                scratch.input[..kept].copy_from_slice(&self.input);
                self.answer(scratch, kept + read, wire)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Ok(Step { waits: self.waits(), took_message: false })
            }
            // It hung up the hard way; all that it asked was answered before.
            Err(_) => Err(End::Finished),
        }
    }

    /// There is room for answers: sends what is unsent, then goes on with the messages that had to wait.
    pub(super) fn writable(&mut self, scratch: &mut Scratch, wire: &mut impl Wire) -> Result<Step, End> {
        if self.waits() != Waits::Room {
            return Ok(Step { waits: self.waits(), took_message: false });
        }
        self.sent += send(wire, &self.unsent[self.sent..])?;
        if self.sent < self.unsent.len() {
            return Ok(Step { waits: Waits::Room, took_message: false });
        }
        (self.unsent, self.sent) = (Vec::new(), 0);
        let len = self.input.len();
        scratch.input[..len].copy_from_slice(&self.input);
        self.answer(scratch, len, wire)
    }

    /// Answers the messages in the first `len` octets of the scratch buffer and keeps what is left.
    fn answer(&mut self, scratch: &mut Scratch, len: usize, wire: &mut impl Wire) -> Result<Step, End> {
        let input = &scratch.input[..len];
        let mut at = 0;
        loop {
            let took = answer_some(&input[at..], &mut scratch.output, wire);
            at += took.octets;
            let answers = &scratch.output[..took.answers];
            let sent = if answers.is_empty() { 0 } else { send(wire, answers)? };
            if sent < answers.len() {
                self.unsent = answers[sent..].to_vec();
                // A length that no message has is kept, and met again once all is sent.
            } else if took.until == Until::Full {
                continue;
            } else if took.until == Until::Broken {
                return Err(End::Broken);
            }
            // The common case touches nothing: nothing was kept, and nothing is left.
            if at == 0 {
                self.input.extend_from_slice(&input[self.input.len()..]);
            } else if !self.input.is_empty() || at < len {
                self.input = input[at..].to_vec();
            }
            return Ok(Step { waits: self.waits(), took_message: at > 0 });
        }
    }
}

/// Why [`answer_some`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// There is no whole message any more.
    Dry,
    /// There are answers enough to be sent.
    Full,
    /// A message has an impossible length.
    Broken,
}

/// What [`answer_some`] did.
struct Took {
    /// Octets of the messages that it took.
    octets: usize,
    /// Octets of their answers.
    answers: usize,
    until: Until,
}

fn answer_some(input: &[u8], output: &mut [u8], wire: &mut impl Wire) -> Took {
    let (mut at, mut filled) = (0, 0);
    let until = loop {
        let Some(length) = input[at..].first_chunk::<LENGTH>() else { break Until::Dry };
        let length = usize::from(u16::from_be_bytes(*length));
        // What follows a length that no message has cannot be trusted to begin with a length.
        if length < HEADER_LEN {
            break Until::Broken;
        }
        let Some(message) = input.get(at + LENGTH..at + LENGTH + length) else { break Until::Dry };
        if filled >= FLUSH {
            break Until::Full;
        }
        at += LENGTH + length;
        let (prefix, room) = output[filled..filled + LENGTH + MESSAGE].split_at_mut(LENGTH);
        if let Some(len) = wire.answer(message, room) {
            debug_assert!(len <= MESSAGE);
            prefix.copy_from_slice(&(len as u16).to_be_bytes());
            filled += LENGTH + len;
        }
    };
    Took { octets: at, answers: filled, until }
}

/// Sends; a full buffer of the socket takes 0 octets.
fn send(wire: &mut impl Wire, octets: &[u8]) -> Result<usize, End> {
    match again(|| wire.send(octets)) {
        Ok(sent) => Ok(sent),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(_) => Err(End::Lost),
    }
}

/// Tries again where a signal came between.
fn again(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
