//! The connections of one thread, each in one of three queues by what it waits for, the longest waiting first.
//!
//! All that wait for the same thing may wait as long as each other, so that only the first of a queue can be late: no
//! timer is set or moved for a query.

use std::time::Instant;

use super::conversation::Waits;

/// No slot.
const NONE: u32 = u32::MAX;

/// Names a connection; of one that is closed it names nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    /// How often the slot was emptied.
    generation: u32,
}

impl Key {
    /// As one number, below [`Key::BOUND`].
    pub(super) fn to_u64(self) -> u64 {
        u64::from(self.index) << 32 | u64::from(self.generation)
    }

    /// The key of a number.
    pub(super) fn from_u64(number: u64) -> Key {
        Key { index: (number >> 32) as u32, generation: number as u32 }
    }

    /// No key is this number or a higher one.
    pub(super) const BOUND: u64 = (NONE as u64) << 32;
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    /// Neighbours in the queue; of an empty slot `behind` is the next empty one.
    before: u32,
    behind: u32,
    held: Option<Held<T>>,
}

#[derive(Debug)]
struct Held<T> {
    item: T,
    waits: Waits,
    since: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
}

/// The connections.
#[derive(Debug)]
pub(super) struct Roll<T> {
    slots: Vec<Slot<T>>,
    /// First of the empty slots.
    empty: u32,
    queues: [Ends; 3],
}

impl<T> Roll<T> {
    /// None yet.
    pub(super) fn new() -> Roll<T> {
        Roll { slots: Vec::new(), empty: NONE, queues: [Ends { first: NONE, last: NONE }; 3] }
    }

    /// Takes one in that waits for a message since `now`.
    pub(super) fn insert(&mut self, item: T, now: Instant) -> Key {
        if self.empty == NONE {
            self.empty = u32::try_from(self.slots.len()).expect("there are fewer connections than ports");
            self.slots.push(Slot { generation: 0, before: NONE, behind: NONE, held: None });
        }
        let index = self.empty;
        let slot = &mut self.slots[index as usize];
        self.empty = slot.behind;
        slot.held = Some(Held { item, waits: Waits::Message, since: now });
        let key = Key { index, generation: slot.generation };
        self.append(index, Waits::Message);
        key
    }

    /// The one that a key names, and what it waits for.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<(&mut T, Waits)> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let held = slot.held.as_mut().filter(|_| slot.generation == key.generation)?;
        Some((&mut held.item, held.waits))
    }

    /// It waits, from now on.
    pub(super) fn wait(&mut self, key: Key, waits: Waits, now: Instant) {
        let Some((_, before)) = self.get_mut(key) else { return };
        // The last one stays where it is: the common case of a busy connection.
        if before != waits || self.queues[waits as usize].last != key.index {
            self.unlink(key.index, before);
            self.append(key.index, waits);
        }
        if let Some(held) = &mut self.slots[key.index as usize].held {
            (held.waits, held.since) = (waits, now);
        }
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let (_, waits) = self.get_mut(key)?;
        self.unlink(key.index, waits);
        let slot = &mut self.slots[key.index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.behind = self.empty;
        self.empty = key.index;
        slot.held.take().map(|held| held.item)
    }

    /// The one that waits longest for this, and since when.
    pub(super) fn first(&self, waits: Waits) -> Option<(Key, Instant)> {
        let index = self.queues[waits as usize].first;
        let slot = self.slots.get(index as usize)?;
        let held = slot.held.as_ref()?;
        Some((Key { index, generation: slot.generation }, held.since))
    }

    fn append(&mut self, index: u32, waits: Waits) {
        let ends = &mut self.queues[waits as usize];
        let last = std::mem::replace(&mut ends.last, index);
        match self.slots.get_mut(last as usize) {
            Some(slot) => slot.behind = index,
            None => ends.first = index,
        }
        let slot = &mut self.slots[index as usize];
        (slot.before, slot.behind) = (last, NONE);
    }

    fn unlink(&mut self, index: u32, waits: Waits) {
        let (before, behind) = (self.slots[index as usize].before, self.slots[index as usize].behind);
        let ends = &mut self.queues[waits as usize];
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.behind = behind,
            None => ends.first = behind,
        }
        match self.slots.get_mut(behind as usize) {
            Some(slot) => slot.before = before,
            None => ends.last = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The connections of a queue from the first to the last, taken out.
    fn drain(roll: &mut Roll<u32>, waits: Waits) -> Vec<u32> {
        std::iter::from_fn(|| roll.first(waits).map(|(key, _)| roll.remove(key).unwrap())).collect()
    }

    #[test]
    fn the_longest_waiting_comes_first() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut roll = Roll::new();
        let keys: Vec<Key> = (0..6).map(|n| roll.insert(n, at(0))).collect();
        roll.wait(keys[0], Waits::Message, at(1));
        roll.wait(keys[5], Waits::Rest, at(2));
        roll.wait(keys[3], Waits::Rest, at(3));
        roll.wait(keys[4], Waits::Room, at(4));
        roll.wait(keys[5], Waits::Message, at(5));
        assert_eq!(roll.first(Waits::Message), Some((keys[1], at(0))));
        assert_eq!(roll.first(Waits::Rest), Some((keys[3], at(3))));
        assert_eq!(roll.remove(keys[2]), Some(2));
        assert_eq!(drain(&mut roll, Waits::Message), [1, 0, 5]);
        assert_eq!((drain(&mut roll, Waits::Rest), drain(&mut roll, Waits::Room)), (vec![3], vec![4]));
        assert!([Waits::Message, Waits::Rest, Waits::Room].map(|waits| roll.first(waits)) == [None; 3]);
    }

    #[test]
    fn a_key_outlives_its_connection_and_names_no_other() {
        let now = Instant::now();
        let mut roll = Roll::new();
        let old = roll.insert('a', now);
        assert_eq!(Key::from_u64(old.to_u64()), old);
        assert_eq!(roll.remove(old), Some('a'));
        let new = roll.insert('b', now);
        assert_eq!(new.index, old.index, "the slot is used again");
        assert!(roll.get_mut(old).is_none() && roll.remove(old).is_none());
        roll.wait(old, Waits::Room, now);
        assert_eq!(roll.first(Waits::Room), None);
        assert_eq!(roll.get_mut(new), Some((&mut 'b', Waits::Message)));
        assert!(Key { index: NONE - 1, generation: u32::MAX }.to_u64() < Key::BOUND);
    }

    /// Against a list that is searched through.
    #[test]
    fn any_order_of_events_leaves_the_queues_whole() {
        let start = Instant::now();
        let mut roll = Roll::new();
        let mut plain: Vec<(Key, u32, Waits)> = Vec::new();
        let mut state = 0x9e37_79b9_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize
        };
        for round in 0..20_000 {
            let now = start + Duration::from_millis(u64::from(round));
            match random() % 5 {
                0 | 1 if plain.len() < 20 => {
                    plain.push((roll.insert(round, now), round, Waits::Message));
                }
                2 if !plain.is_empty() => {
                    let (key, item, _) = plain.remove(random() % plain.len());
                    assert_eq!(roll.remove(key), Some(item));
                }
                _ if !plain.is_empty() => {
                    let (key, item, _) = plain.remove(random() % plain.len());
                    let waits = [Waits::Message, Waits::Rest, Waits::Room][random() % 3];
                    roll.wait(key, waits, now);
                    plain.push((key, item, waits));
                }
                _ => {}
            }
            for waits in [Waits::Message, Waits::Rest, Waits::Room] {
                let expected = plain.iter().find(|(_, _, found)| *found == waits).map(|(key, _, _)| *key);
                assert_eq!(roll.first(waits).map(|(key, _)| key), expected);
            }
        }
        assert!(roll.slots.len() <= 20);
    }
}
