//! A few of the questions that were really asked: kept in memory, the newest of them, never written anywhere.
//!
//! Invariant: a worker neither waits nor allocates for it. What cannot be noted at once is not noted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::wire::{Name, NameBuf, QNAME_AT, RrType};

/// Most questions that are kept, of all workers together.
pub const MOST: usize = 65_536;
/// One question of so many is noted.
pub const ONE_OF: u32 = 64;
/// Octets for each question: for longer names fewer are kept.
const OCTETS_EACH: usize = 32;
/// What stands before a name: its length and the type.
const HEAD: usize = 3;

/// The questions of all workers.
#[derive(Debug, Default)]
pub struct Samples(Mutex<Vec<Arc<Ring>>>);

impl Samples {
    /// None yet.
    pub fn new() -> Samples {
        Samples::default()
    }

    /// A ring for each of `workers`, which share the room. What rings of an earlier call hold is forgotten.
    pub fn rings(&self, workers: usize) -> Vec<Arc<Ring>> {
        let rings: Vec<_> = (0..workers).map(|_| Arc::new(Ring::new(MOST / workers))).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&rings);
        rings
    }

    /// The questions, names in lower case; of each worker in the order asked. At most [`MOST`].
    pub fn questions(&self) -> Vec<(Name, RrType)> {
        let rings = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        rings.iter().flat_map(|ring| ring.questions()).collect()
    }
}

/// The questions of one worker: the newest that have room.
#[derive(Debug)]
pub struct Ring(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// One after the other: length of the name, type, name.
    octets: VecDeque<u8>,
    room: usize,
    count: usize,
    most: usize,
}

impl Ring {
    /// Room for `most` questions of usual length, at least one of any length. Memory that was never written to is
    /// only claimed.
    fn new(most: usize) -> Ring {
        let most = most.max(1);
        let room = (most * OCTETS_EACH).max(HEAD + crate::wire::MAX_NAME);
        Ring(Mutex::new(Kept { octets: VecDeque::with_capacity(room), room, count: 0, most }))
    }

    /// Notes the question of a message that has one, the oldest make room. Where somebody reads at this moment it is
    /// not noted.
    pub fn note(&self, message: &[u8]) {
        let mut name = NameBuf::new();
        let Some(question) = message.get(QNAME_AT..) else { return };
        if name.set(question).is_err() {
            return;
        }
        let Some(qtype) = question.get(name.as_wire().len()..).and_then(<[u8]>::first_chunk::<2>) else {
            return;
        };
        name.make_lower();
        if let Ok(mut kept) = self.0.try_lock() {
            kept.push(name.as_wire(), *qtype);
        }
    }

    fn questions(&self) -> Vec<(Name, RrType)> {
        // Copied at once, so that the worker misses as little as can be.
        let octets = self.0.lock().unwrap_or_else(PoisonError::into_inner).octets.clone();
        let (mut rest, mut questions) = (Vec::from(octets), Vec::new());
        let mut octets = &mut rest[..];
        while let [len, t0, t1, behind @ ..] = octets {
            let (name, next) = behind.split_at_mut(usize::from(*len));
            if let Ok(name) = Name::from_wire(name) {
                questions.push((name, RrType(u16::from_be_bytes([*t0, *t1]))));
            }
            octets = next;
        }
        questions
    }
}

impl Kept {
    fn push(&mut self, name: &[u8], qtype: [u8; 2]) {
        while self.count == self.most || self.octets.len() + HEAD + name.len() > self.room {
            let Some(len) = self.octets.front() else { break };
            self.octets.drain(..HEAD + usize::from(*len));
            self.count -= 1;
        }
        // A name has at most 255 octets.
        self.octets.extend([name.len() as u8, qtype[0], qtype[1]]);
        self.octets.extend(name);
        self.count += 1;
    }
}

/// Which packet of a batch is to be noted, if any: `turn` is that of its first.
pub fn due(turn: u32, packets: u32) -> Option<usize> {
    let next = turn.wrapping_neg() % ONE_OF;
    (next < packets).then_some(next as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, qtype: u16) -> Vec<u8> {
        let name = Name::parse(name, None).unwrap();
        [&[0; QNAME_AT][..], name.as_wire(), &qtype.to_be_bytes(), &[0, 1]].concat()
    }

    fn told(samples: &Samples) -> Vec<String> {
        samples.questions().iter().map(|(name, qtype)| format!("{name} {qtype}")).collect()
    }

    #[test]
    fn the_newest_questions_are_kept_in_lower_case() {
        let samples = Samples::new();
        let rings = samples.rings(MOST / 2);
        for (name, qtype) in [("a.example.", 1), ("B.Example.", 28), (".", 2)] {
            rings[0].note(&message(name, qtype));
        }
        rings[7].note(&message("seven.", 65280));
        assert_eq!(told(&samples), ["b.example. AAAA", ". NS", "seven. TYPE65280"]);
        // A long name takes the place of all others, a short one that of the long.
        let long = format!("{0}.{0}.{0}.{1}.", "x".repeat(63), "y".repeat(61));
        rings[0].note(&message(&long, 1));
        assert_eq!(told(&samples), [format!("{long} A"), "seven. TYPE65280".into()]);
        rings[0].note(&message("short.", 1));
        assert_eq!(told(&samples), ["short. A", "seven. TYPE65280"]);
    }

    #[test]
    fn there_are_never_too_many_and_the_room_never_grows() {
        let samples = Samples::new();
        let rings = samples.rings(1);
        let room = rings[0].0.lock().unwrap().octets.capacity();
        for number in 0..MOST + 5 {
            rings[0].note(&message(&format!("n{number}."), 1));
        }
        let kept = samples.questions();
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[0].0.to_string(), "n5.");
        for number in 0..MOST {
            rings[0].note(&message(&format!("{number}.a-name-that-is-longer-than-usual.example."), 1));
        }
        let kept = samples.questions();
        assert!(kept.len() > MOST / 3 && kept.len() < MOST, "{}", kept.len());
        assert_eq!(kept.last().unwrap().0.to_string(), "65535.a-name-that-is-longer-than-usual.example.");
        assert_eq!(rings[0].0.lock().unwrap().octets.capacity(), room);
    }

    #[test]
    fn what_is_no_question_or_comes_while_somebody_reads_is_not_noted() {
        let samples = Samples::new();
        let rings = samples.rings(1);
        for broken in [&message("a.", 1)[..5], &message("a.", 1)[..QNAME_AT + 4], &[0xff; 40]] {
            rings[0].note(broken);
        }
        let reading = rings[0].0.lock().unwrap();
        rings[0].note(&message("a.", 1));
        drop(reading);
        assert_eq!(samples.questions(), []);
    }

    #[test]
    fn one_of_sixty_four_is_due_however_they_are_batched() {
        let mut noted = Vec::new();
        let mut turn = u32::MAX - 130;
        for size in (1..=32).cycle().take(40) {
            noted.extend(due(turn, size).map(|at| turn.wrapping_add(at as u32)));
            turn = turn.wrapping_add(size);
        }
        assert_eq!(noted[0] % ONE_OF, 0);
        assert!(noted.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == ONE_OF), "{noted:?}");
    }
}
