use std::collections::VecDeque;

use super::*;

/// A socket in thought: what it gives to read and has room for, piece by piece. Answers repeat the message, as often as
/// its last octet says; 0 is silence.
#[derive(Default)]
struct Script {
    reads: VecDeque<io::Result<Vec<u8>>>,
    /// Octets that the next sends take; afterwards there is room for everything.
    room: VecDeque<usize>,
    sent: Vec<u8>,
    sends: usize,
}

impl Wire for Script {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.reads.pop_front().unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
        let len = read.len().min(buffer.len());
        buffer[..len].copy_from_slice(&read[..len]);
        let rest = read.split_off(len);
        if !rest.is_empty() {
            self.reads.push_front(Ok(rest));
        }
        Ok(len)
    }

    fn send(&mut self, octets: &[u8]) -> io::Result<usize> {
        assert!(!octets.is_empty());
        self.sends += 1;
        let len = self.room.pop_front().unwrap_or(octets.len()).min(octets.len());
        if len == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.sent.extend(&octets[..len]);
        Ok(len)
    }

    fn answer(&mut self, message: &[u8], out: &mut [u8]) -> Option<usize> {
        let times = usize::from(*message.last().unwrap());
        let answer = message.repeat(times);
        out[..answer.len()].copy_from_slice(&answer);
        (times > 0).then_some(answer.len())
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

/// A message of `len` octets that is answered by `times` of it.
fn message(len: usize, times: u8) -> Vec<u8> {
    let mut message: Vec<u8> = (0..len).map(|at| at as u8).collect();
    message[len - 1] = times;
    message
}

fn step(waits: Waits, took_message: bool) -> Step {
    Step { waits, took_message }
}

/// Reads until nothing is there, sends whenever there is room; how it ended, or what it waits for.
fn play(script: &mut Script, conversation: &mut Conversation) -> Result<Waits, End> {
    let mut scratch = Scratch::new();
    loop {
        match conversation.waits() {
            Waits::Room => conversation.writable(&mut scratch, script)?,
            waits if script.reads.is_empty() => return Ok(waits),
            _ => conversation.readable(&mut scratch, script)?,
        };
    }
}

#[test]
fn messages_of_one_read_are_answered_by_one_send() {
    let mut script = Script::default();
    let messages: Vec<u8> = (0..100).flat_map(|n| framed(&message(20 + n, 1))).collect();
    script.reads.push_back(Ok(messages.clone()));
    let mut conversation = Conversation::default();
    let took = conversation.readable(&mut Scratch::new(), &mut script).unwrap();
    assert_eq!((took, script.sends), (step(Waits::Message, true), 1));
    assert_eq!((script.sent == messages, conversation.kept()), (true, 0));
}

#[test]
fn every_way_to_cut_the_stream_gives_the_same_answers() {
    let stream = [framed(&message(12, 2)), framed(&message(40, 0)), framed(&message(33, 3))].concat();
    let expected = [framed(&message(12, 2).repeat(2)), framed(&message(33, 3).repeat(3))].concat();
    for size in 1..=stream.len() {
        for room in [1, 7, usize::MAX] {
            let mut script = Script { room: [room, 0].repeat(100).into(), ..Script::default() };
            script.reads = stream.chunks(size).map(|piece| Ok(piece.to_vec())).collect();
            let mut conversation = Conversation::default();
            assert_eq!(play(&mut script, &mut conversation).unwrap(), Waits::Message);
            assert_eq!(script.sent, expected, "{size} {room}");
            assert_eq!(conversation.kept(), 0);
        }
    }
}

#[test]
fn a_piece_of_a_message_is_no_message() {
    let mut scratch = Scratch::new();
    let mut conversation = Conversation::default();
    let whole = framed(&message(30, 1));
    for (at, octet) in whole.iter().enumerate() {
        let mut script = Script { reads: [Ok(vec![*octet])].into(), ..Script::default() };
        let took = conversation.readable(&mut scratch, &mut script).unwrap();
        let is_last = at + 1 == whole.len();
        assert_eq!(took, step(if is_last { Waits::Message } else { Waits::Rest }, is_last));
    }
    // Nothing to read after all.
    let took = conversation.readable(&mut scratch, &mut Script::default()).unwrap();
    assert_eq!(took, step(Waits::Message, false));
}

#[test]
fn nothing_is_read_while_answers_are_unsent_and_what_is_kept_is_bounded() {
    let mut scratch = Scratch::new();
    let mut conversation = Conversation::default();
    // 300 answers of 12,750 octets each: far more than is written at a time.
    let stream: Vec<u8> = (0..300).flat_map(|_| framed(&message(50, 255))).collect();
    let expected: Vec<u8> = (0..300).flat_map(|_| framed(&message(50, 255).repeat(255))).collect();
    let mut script = Script { reads: [Ok(stream)].into(), room: [0].into(), ..Script::default() };
    assert_eq!(conversation.readable(&mut scratch, &mut script).unwrap(), step(Waits::Room, true));
    assert!(conversation.kept() <= FLUSH + LENGTH + MESSAGE + READ, "{}", conversation.kept());
    // Asked to read it sends, and takes nothing in.
    script.room = [100, 0].into();
    assert_eq!(conversation.readable(&mut scratch, &mut script).unwrap(), step(Waits::Room, false));
    assert_eq!(script.sent.len(), 100);
    script.room = [5000, 0].repeat(2000).into();
    assert_eq!(play(&mut script, &mut conversation).unwrap(), Waits::Message);
    assert!(script.sent == expected && conversation.kept() == 0);
}

#[test]
fn the_largest_messages_and_answers_pass() {
    let mut question = message(MESSAGE, 1);
    question[0] = 1;
    let stream = framed(&question).repeat(3);
    let mut script = Script { reads: [Ok(stream.clone())].into(), ..Script::default() };
    let mut conversation = Conversation::default();
    assert_eq!(play(&mut script, &mut conversation).unwrap(), Waits::Message);
    assert!(script.sent == stream && conversation.kept() == 0);
}

#[test]
fn a_length_that_no_message_has_ends_it_after_the_answers() {
    for length in 0..HEADER_LEN as u8 {
        for room in [VecDeque::new(), [3, 0].into()] {
            let good = framed(&message(12, 1));
            let stream = [&good[..], &[0, length], &good].concat();
            let mut script = Script { reads: [Ok(stream)].into(), room, ..Script::default() };
            let end = play(&mut script, &mut Conversation::default());
            assert!(matches!(end, Err(End::Broken)), "{end:?}");
            assert_eq!(script.sent, good);
        }
    }
}

#[test]
fn a_client_that_ends_gets_all_its_answers_first() {
    let good = framed(&message(12, 1));
    for room in [VecDeque::new(), [5, 0, 0].into()] {
        let reads = [Ok(good.repeat(2)), Ok(Vec::new())].into();
        let mut script = Script { reads, room, ..Script::default() };
        let end = play(&mut script, &mut Conversation::default());
        assert!(matches!(end, Err(End::Finished)), "{end:?}");
        assert_eq!(script.sent, good.repeat(2));
    }
    let reads = [Ok(good[..5].to_vec()), Err(ErrorKind::ConnectionReset.into())].into();
    let mut script = Script { reads, ..Script::default() };
    assert!(matches!(play(&mut script, &mut Conversation::default()), Err(End::Finished)));
}
