//! The zones of the server by origin: shards of open addressing in groups, so that one changed zone copies one shard,
//! one group and the list of groups, each short however many zones there are.

use std::sync::Arc;

use super::shard::Shard;
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

/// The index. Cloning shares all shards; changing a clone copies the shards that are touched, each once.
#[derive(Clone, Debug)]
pub struct ZoneIndex {
    /// Shared as a whole, so that a snapshot with the same zones copies nothing of them. All groups are of one size.
    groups: Arc<[Arc<[Shard]>]>,
    /// Binary logarithm of the number of shards in a group.
    group_bits: u32,
    /// Bit n is set where a zone with n labels exists, so that only such suffixes are hashed.
    depths: u128,
    /// Number of zones by their labels.
    by_depth: Box<[u32; DEPTHS]>,
    len: usize,
}

/// A name has 0 to 127 labels.
const DEPTHS: usize = 128;
/// Zones that a shard should hold on average: copying one touches the reference count of each.
const ZONES_PER_SHARD: usize = 64;
/// Shards of a group, where there are so many.
const GROUP: usize = 128;
/// Most shards: room for some million zones until the shards grow.
const MAX_SHARDS: usize = GROUP * 512;

impl ZoneIndex {
    /// An index without zones, its shards as fine as so many zones need.
    pub fn with_room_for(zones: usize) -> ZoneIndex {
        let shards = (zones / ZONES_PER_SHARD).next_power_of_two().clamp(1, MAX_SHARDS);
        let (groups, group_bits) = grouped((0..shards).map(|_| Shard::new()).collect());
        ZoneIndex { groups, group_bits, depths: 0, by_depth: Box::new([0; DEPTHS]), len: 0 }
    }

    /// Puts an entry in and returns the one that had its origin. The seed must be that of all other calls.
    pub fn put(&mut self, seed: &Seed, entry: ZoneEntry) -> Option<ZoneEntry> {
        let shards = self.shards();
        if shards < MAX_SHARDS && self.len >= 2 * ZONES_PER_SHARD * shards {
            self.refine(seed);
        }
        let hash = seed.hash(entry.zone.origin());
        let depth = labels(entry.zone.origin()).count();
        let replaced = self.shard_mut(hash).put(hash as u32, entry);
        if replaced.is_none() {
            self.len += 1;
            self.by_depth[depth] += 1;
            self.depths |= 1 << depth;
        }
        replaced
    }

    /// Takes the zone with exactly this origin (wire form, lower case) out.
    pub fn remove(&mut self, seed: &Seed, origin: &[u8]) -> Option<ZoneEntry> {
        let hash = seed.hash(origin);
        // What is not there must not cost a copy.
        self.shard(hash).get(hash as u32, origin)?;
        let removed = self.shard_mut(hash).remove(hash as u32, origin)?;
        let depth = labels(origin).count();
        self.len -= 1;
        self.by_depth[depth] -= 1;
        if self.by_depth[depth] == 0 {
            self.depths &= !(1 << depth);
        }
        Some(removed)
    }

    /// Number of shards.
    fn shards(&self) -> usize {
        self.groups.len() << self.group_bits
    }

    /// The group of a hash and the shard in it.
    fn place(&self, hash: u64) -> (usize, usize) {
        let at = shard_of(hash, self.shards());
        (at >> self.group_bits, at & ((1 << self.group_bits) - 1))
    }

    fn shard(&self, hash: u64) -> &Shard {
        let (group, shard) = self.place(hash);
        &self.groups[group][shard]
    }

    /// The shard for changes: it, its group and the list of groups are copied where another index shares them.
    fn shard_mut(&mut self, hash: u64) -> &mut Shard {
        let (group, shard) = self.place(hash);
        &mut Arc::make_mut(&mut Arc::make_mut(&mut self.groups)[group])[shard]
    }

    /// Twice as many shards. Rare enough that it costs nothing per zone put in.
    fn refine(&mut self, seed: &Seed) {
        let count = 2 * self.shards();
        let mut shards: Vec<Shard> = (0..count).map(|_| Shard::new()).collect();
        for entry in self.iter() {
            let hash = seed.hash(entry.zone.origin());
            shards[shard_of(hash, count)].put(hash as u32, entry.clone());
        }
        (self.groups, self.group_bits) = grouped(shards);
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
        self.groups.iter().flat_map(|group| group.iter()).flat_map(Shard::iter)
    }

    /// The zone with exactly this origin (wire form, lower case).
    pub fn get(&self, seed: &Seed, origin: &[u8]) -> Option<&ZoneEntry> {
        let hash = seed.hash(origin);
        self.shard(hash).get(hash as u32, origin)
    }

    /// The closest zone at or above a name (wire form, lower case), leaving out the first `skip` labels.
    pub fn closest(&self, seed: &Seed, name: &[u8], skip: usize) -> Option<&ZoneEntry> {
        self.closest_from(seed, name, self.candidate(seed, name, skip)?, None)
    }

    /// Where a search for the closest zone begins: the longest suffix, leaving out the first `skip` labels, that has
    /// as many labels as some zone.
    pub fn candidate(&self, seed: &Seed, name: &[u8], skip: usize) -> Option<Candidate<'_>> {
        let labels = labels(name).count();
        self.descend(seed, name, (0, labels), labels.checked_sub(skip)?)
    }

    /// The longest suffix of at most `allowed` labels that has as many as some zone, from a place in the name on with
    /// so many labels left.
    fn descend(
        &self,
        seed: &Seed,
        name: &[u8],
        (mut at, mut left): (usize, usize),
        allowed: usize,
    ) -> Option<Candidate<'_>> {
        let depths = self.depths & (u128::MAX >> (DEPTHS - 1 - allowed));
        let labels = depths.checked_ilog2()? as usize;
        while left > labels {
            left -= 1;
            at += 1 + usize::from(name[at]);
        }
        let hash = seed.hash(&name[at..]);
        Some(Candidate { shard: self.shard(hash), hash: hash as u32, at, labels })
    }

    /// [`ZoneIndex::closest`] from its first candidate on. `guess` is what [`Candidate::guess`] said.
    pub fn closest_from<'s>(
        &'s self,
        seed: &Seed,
        name: &[u8],
        mut candidate: Candidate<'s>,
        guess: Option<&'s ZoneEntry>,
    ) -> Option<&'s ZoneEntry> {
        if let Some(entry) = guess.filter(|entry| *entry.zone.origin() == name[candidate.at..]) {
            return Some(entry);
        }
        loop {
            let Candidate { shard, hash, at, labels } = candidate;
            if let Some(entry) = shard.get(hash, &name[at..]) {
                return Some(entry);
            }
            candidate = self.descend(seed, name, (at, labels), labels.checked_sub(1)?)?;
        }
    }
}

/// A suffix of a name that may be a zone.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'s> {
    shard: &'s Shard,
    hash: u32,
    /// Where in the name the suffix begins.
    at: usize,
    labels: usize,
}

impl<'s> Candidate<'s> {
    /// Reads from the slot where the search begins, so that it is on its way to the caches before anything depends on
    /// it. What is returned means nothing.
    pub fn touch(&self) -> u8 {
        self.shard.touch(self.hash)
    }

    /// The zone that it most likely is: nothing is read but the slots.
    pub fn guess(&self) -> Option<&'s ZoneEntry> {
        self.shard.guess(self.hash)
    }
}

/// A power of two of shards in groups, and the binary logarithm of the size of a group.
fn grouped(shards: Vec<Shard>) -> (Arc<[Arc<[Shard]>]>, u32) {
    let group_bits = shards.len().min(GROUP).trailing_zeros();
    let mut shards = shards.into_iter().peekable();
    let mut groups = Vec::new();
    while shards.peek().is_some() {
        groups.push(shards.by_ref().take(GROUP).collect());
    }
    (groups.into(), group_bits)
}

fn shard_of(hash: u64, shards: usize) -> usize {
    (hash >> 32) as usize & (shards - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    fn wire(text: &str) -> Box<[u8]> {
        Name::parse(text, None).unwrap().to_lower_wire()
    }

    fn entry(origin: &str, account: usize) -> ZoneEntry {
        ZoneEntry { zone: Zone::faulty(&wire(origin)), account: account as u32, own_set: None, ipv6: true }
    }

    fn index(seed: &Seed, origins: &[String]) -> ZoneIndex {
        let mut index = ZoneIndex::with_room_for(origins.len());
        for (account, origin) in origins.iter().enumerate() {
            assert!(index.put(seed, entry(origin, account)).is_none());
        }
        index
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

    #[test]
    fn an_edited_clone_leaves_the_original_as_it_was() {
        let seed = Seed::random();
        let mut edited = index(&seed, &[]);
        let mut kept: Vec<(ZoneIndex, Vec<Option<u32>>)> = Vec::new();
        let origins: Vec<String> = (0..4000).map(|n| format!("z{n}.example.")).collect();
        // What must be found: it grows past several refinements, is changed in part and falls to nothing.
        let mut expected: Vec<Option<u32>> = vec![None; origins.len()];
        for step in 0..12_000 {
            let (round, n) = (step / 4000, step * 7 % 4000);
            if round == 1 && n % 3 != 0 {
                continue;
            }
            let replaced = if round == 2 {
                edited.remove(&seed, &wire(&origins[n]))
            } else {
                edited.put(&seed, entry(&origins[n], step))
            };
            assert_eq!(replaced.map(|entry| entry.account), expected[n], "step {step}");
            expected[n] = (round != 2).then_some(step as u32);
            if step % 1000 == 500 {
                kept.push((edited.clone(), expected.clone()));
            }
        }
        assert!(edited.is_empty() && edited.iter().next().is_none());
        kept.push((edited, expected));
        for (index, expected) in &kept {
            assert_eq!(index.len(), expected.iter().flatten().count());
            assert_eq!(index.iter().count(), index.len());
            for (origin, account) in origins.iter().zip(expected) {
                assert_eq!(index.get(&seed, &wire(origin)).map(|entry| entry.account), *account, "{origin}");
            }
        }
    }

    #[test]
    fn a_depth_without_zones_is_not_searched() {
        let seed = Seed::random();
        let mut index = index(&seed, &["a.".into(), "b.a.".into(), "c.a.".into()]);
        assert_eq!(index.depths, 0b110);
        index.remove(&seed, &wire("b.a."));
        assert_eq!(index.depths, 0b110);
        index.put(&seed, entry("c.a.", 9));
        index.remove(&seed, &wire("c.a."));
        assert_eq!(index.depths, 0b10);
        assert_eq!(index.closest(&seed, &wire("x.c.a."), 0).unwrap().account, 0);
        assert!(index.remove(&seed, &wire("c.a.")).is_none());
        assert_eq!(index.len(), 1);
    }

    #[test]
    fn one_changed_zone_copies_one_shard() {
        let seed = Seed::random();
        let origins: Vec<String> = (0..3000).map(|n| format!("z{n}.example.")).collect();
        let before = index(&seed, &origins);
        let mut after = before.clone();
        after.put(&seed, entry("z7.example.", 1));
        after.remove(&seed, &wire("absent.example."));
        let shards = |index: &ZoneIndex| -> Vec<Shard> {
            index.groups.iter().flat_map(|group| group.iter()).cloned().collect()
        };
        let (old, new) = (shards(&before), shards(&after));
        let copied = old.iter().zip(&new).filter(|(a, b)| !a.is_shared_with(b)).count();
        assert_eq!((before.shards(), copied), (64, 1));
    }
}
