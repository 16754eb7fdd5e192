//! One shard of the zone index: open addressing with linear probing.

use std::sync::Arc;

use super::ZoneEntry;

#[derive(Clone, Debug)]
struct Slot {
    hash: u32,
    entry: ZoneEntry,
}

/// Zones whose hashes fall together. Cloning shares the slots; the first change after that copies them.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    /// A power of two. Never full, so that an empty slot ends every search.
    slots: Arc<[Option<Slot>]>,
    taken: usize,
}

impl Shard {
    /// A shard without zones.
    pub(super) fn new() -> Shard {
        Shard { slots: vec![None; capacity(0)].into(), taken: 0 }
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ZoneEntry> {
        self.slots.iter().flatten().map(|slot| &slot.entry)
    }

    /// The zone with exactly this origin.
    pub(super) fn get(&self, hash: u32, origin: &[u8]) -> Option<&ZoneEntry> {
        self.of(hash).find(|entry| entry.zone.origin() == origin)
    }

    /// Reads from the first slot for a hash.
    pub(super) fn touch(&self, hash: u32) -> u8 {
        let slot = &self.slots[hash as usize & (self.slots.len() - 1)];
        slot.as_ref().map_or(0, |slot| slot.hash as u8)
    }

    /// The first zone with this hash, which nearly always is the only one.
    pub(super) fn guess(&self, hash: u32) -> Option<&ZoneEntry> {
        self.of(hash).next()
    }

    /// The zones with this hash.
    fn of(&self, hash: u32) -> impl Iterator<Item = &ZoneEntry> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        std::iter::from_fn(move || {
            while let Some(slot) = &self.slots[at] {
                at = (at + 1) & mask;
                if slot.hash == hash {
                    return Some(&slot.entry);
                }
            }
            None
        })
    }

    /// Puts an entry in and returns the one that had its origin.
    pub(super) fn put(&mut self, hash: u32, entry: ZoneEntry) -> Option<ZoneEntry> {
        if capacity(self.taken + 1) > self.slots.len() {
            self.resize(capacity(self.taken + 1));
        }
        let replaced = place(Arc::make_mut(&mut self.slots), Slot { hash, entry });
        self.taken += usize::from(replaced.is_none());
        replaced
    }

    /// Takes the zone with exactly this origin out.
    pub(super) fn remove(&mut self, hash: u32, origin: &[u8]) -> Option<ZoneEntry> {
        // What is not there must not cost a copy.
        self.get(hash, origin)?;
        let slots = Arc::make_mut(&mut self.slots);
        let mask = slots.len() - 1;
        let is_it =
            |slot: &Option<Slot>| slot.as_ref().is_some_and(|slot| slot.entry.zone.origin() == origin);
        let mut hole = hash as usize & mask;
        while !is_it(&slots[hole]) {
            hole = (hole + 1) & mask;
        }
        let gone = slots[hole].take();
        // What was pushed past the hole moves back, or an empty slot would end its search too early.
        let mut at = (hole + 1) & mask;
        while let Some(slot) = &slots[at] {
            let home = slot.hash as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                slots.swap(hole, at);
                hole = at;
            }
            at = (at + 1) & mask;
        }
        self.taken -= 1;
        // Twice what is needed, so that zones coming and going do not resize it every time.
        if 4 * capacity(self.taken) <= self.slots.len() {
            self.resize(2 * capacity(self.taken));
        }
        gone.map(|slot| slot.entry)
    }

    /// Whether the two are the same slots.
    #[cfg(test)]
    pub(super) fn is_shared_with(&self, other: &Shard) -> bool {
        Arc::ptr_eq(&self.slots, &other.slots)
    }

    fn resize(&mut self, capacity: usize) {
        let mut slots = vec![None; capacity];
        for slot in self.slots.iter().flatten() {
            place(&mut slots, slot.clone());
        }
        self.slots = slots.into();
    }
}

/// Slots for so many zones: at most two thirds of them are taken.
fn capacity(zones: usize) -> usize {
    (zones * 3 / 2 + 1).next_power_of_two()
}

fn place(slots: &mut [Option<Slot>], slot: Slot) -> Option<ZoneEntry> {
    let mask = slots.len() - 1;
    let mut at = slot.hash as usize & mask;
    while let Some(taken) = &slots[at] {
        if taken.hash == slot.hash && taken.entry.zone.origin() == slot.entry.zone.origin() {
            break;
        }
        at = (at + 1) & mask;
    }
    slots[at].replace(slot).map(|slot| slot.entry)
}
