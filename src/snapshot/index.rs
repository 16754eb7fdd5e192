//! The zones of the server by origin: shards of open addressing, so that one changed zone copies one shard.

use std::sync::Arc;

use super::{Seed, Zone};
use crate::wire::name::labels;

/// Index of an account in the account table.
pub type AccountIndex = u32;
/// Index of an address set in the table of sets.
pub type SetIndex = u32;

/// A zone and what governs it. Nothing of it is stored per name.
#[derive(Clone, Debug)]
pub struct ZoneEntry {
    /// The data.
    pub zone: Zone,
    /// The account that it belongs to.
    pub account: AccountIndex,
    /// The set of the map that the zone is a member of; else the account's holds.
    pub own_set: Option<SetIndex>,
    /// Whether AAAA is answered for proxied names.
    pub ipv6: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u32,
    entry: ZoneEntry,
}

type Shard = Arc<[Option<Slot>]>;

/// The index.
#[derive(Clone, Debug)]
pub struct ZoneIndex {
    shards: Box<[Shard]>,
    /// Bit n is set where a zone with n labels exists, so that only such suffixes are hashed.
    depths: u128,
    len: usize,
}

/// Zones that a shard holds on average, before it is made twice as fine.
const ZONES_PER_SHARD: usize = 256;
/// Most shards: their reference counts are what copying the index costs.
const MAX_SHARDS: usize = 1024;

impl ZoneIndex {
    /// Builds the index; of two entries with one origin the later is kept.
    pub fn build(seed: &Seed, entries: Vec<ZoneEntry>) -> ZoneIndex {
        let shards = (entries.len() / ZONES_PER_SHARD).next_power_of_two().clamp(1, MAX_SHARDS);
        let mut parts: Vec<Vec<Slot>> = vec![Vec::new(); shards];
        let mut depths = 0;
        for entry in entries {
            depths |= 1 << labels(entry.zone.origin()).count();
            let hash = seed.hash(entry.zone.origin());
            parts[shard_of(hash, shards)].push(Slot { hash: hash as u32, entry });
        }
        let shards: Box<[Shard]> = parts.into_iter().map(build_shard).collect();
        let len = shards.iter().map(|shard| shard.iter().flatten().count()).sum();
        ZoneIndex { shards, depths, len }
    }

    /// Number of zones.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no zone.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &ZoneEntry> {
        self.shards.iter().flat_map(|shard| shard.iter()).flatten().map(|slot| &slot.entry)
    }

    /// The zone with exactly this origin (wire form, lower case).
    pub fn get(&self, seed: &Seed, origin: &[u8]) -> Option<&ZoneEntry> {
        let hash = seed.hash(origin);
        let shard = &self.shards[shard_of(hash, self.shards.len())];
        let mask = shard.len() - 1;
        let mut at = hash as usize & mask;
        // A shard is never full, so an empty slot ends every search.
        while let Some(slot) = &shard[at] {
            if slot.hash == hash as u32 && slot.entry.zone.origin() == origin {
                return Some(&slot.entry);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The closest zone at or above a name (wire form, lower case), leaving out the first `skip` labels.
    pub fn closest(&self, seed: &Seed, name: &[u8], skip: usize) -> Option<&ZoneEntry> {
        let mut depth = labels(name).count();
        let mut at = 0;
        for _ in 0..skip {
            depth = depth.checked_sub(1)?;
            at += 1 + usize::from(name[at]);
        }
        loop {
            let there = self.depths >> depth & 1 == 1;
            if let Some(entry) = there.then(|| self.get(seed, &name[at..])).flatten() {
                return Some(entry);
            }
            depth = depth.checked_sub(1)?;
            at += 1 + usize::from(name[at]);
        }
    }
}

fn shard_of(hash: u64, shards: usize) -> usize {
    (hash >> 32) as usize & (shards - 1)
}

fn build_shard(part: Vec<Slot>) -> Shard {
    let capacity = (part.len() * 3 / 2 + 1).next_power_of_two();
    let mut slots: Vec<Option<Slot>> = vec![None; capacity];
    for slot in part {
        let mut at = slot.hash as usize & (capacity - 1);
        while let Some(taken) = &slots[at] {
            if taken.entry.zone.origin() == slot.entry.zone.origin() {
                break;
            }
            at = (at + 1) & (capacity - 1);
        }
        slots[at] = Some(slot);
    }
    slots.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    fn wire(text: &str) -> Box<[u8]> {
        Name::parse(text, None).unwrap().to_lower_wire()
    }

    fn index(seed: &Seed, origins: &[String]) -> ZoneIndex {
        let entry = |(account, origin): (usize, &String)| ZoneEntry {
            zone: Zone::faulty(&wire(origin)),
            account: account as u32,
            own_set: None,
            ipv6: true,
        };
        ZoneIndex::build(seed, origins.iter().enumerate().map(entry).collect())
    }

    #[test]
    fn the_closest_zone_is_found_among_many() {
        let seed = Seed::random();
        let mut origins: Vec<String> = (0..5000).map(|n| format!("z{n}.example.")).collect();
        origins.push("a.z7.example.".into());
        let index = index(&seed, &origins);
        assert_eq!(index.len(), 5001);
        for (account, origin) in origins.iter().enumerate() {
            let below = wire(&format!("x.y.{origin}"));
            let found = index.closest(&seed, &below, 0).unwrap();
            assert_eq!(found.account as usize, account, "{origin}");
        }
        assert!(index.closest(&seed, &wire("example."), 0).is_none());
        assert!(index.closest(&seed, &wire("."), 0).is_none());
        assert_eq!(index.closest(&seed, &wire("a.z7.example."), 1).unwrap().account, 7);
        assert!(index.closest(&seed, &wire("z7.example."), 1).is_none());
    }

    #[test]
    fn the_root_zone_catches_all() {
        let seed = Seed::random();
        let index = index(&seed, &[".".into()]);
        assert!(index.closest(&seed, &wire("a.b."), 0).is_some());
        assert!(index.closest(&seed, &wire("."), 0).is_some());
        assert!(index.closest(&seed, &wire("."), 1).is_none());
    }
}
