//! Where a name stands, in steps: each reads what the one before it can touch, so that a batch takes them side by side.

use crate::snapshot::{Candidate, Node, Seed, Snapshot, Zone, ZoneEntry};
use crate::wire::RrType;

/// The zone that answers for a name, and the name's own node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located<'s> {
    pub(super) entry: &'s ZoneEntry,
    /// `None` where the name does not exist itself.
    pub(super) node: Option<Node<'s>>,
}

impl<'s> Located<'s> {
    /// All steps one after the other; `name` is in lower case.
    pub(super) fn of(snapshot: &'s Snapshot, name: &[u8], qtype: RrType) -> Option<Located<'s>> {
        let mut search = Search::begin(snapshot, name);
        search.guess_zone();
        search.find_zone(snapshot, name, qtype);
        search.seek();
        search.finish(name)
    }
}

/// A name on its way to its node. Touching is an early read whose value means nothing: the caches then have the line
/// when the next step needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'s> {
    candidate: Option<Candidate<'s>>,
    /// First what is most likely the zone, then the zone.
    entry: Option<&'s ZoneEntry>,
    /// Hash of the name relative to its zone.
    hash: u64,
    /// What is most likely the node; where there is nothing like it, there is none.
    node: Option<Node<'s>>,
}

impl<'s> Search<'s> {
    /// Hashes what is most likely the origin of the zone.
    pub(super) fn begin(snapshot: &'s Snapshot, name: &[u8]) -> Search<'s> {
        let candidate = snapshot.zones.candidate(&snapshot.seed, name, 0);
        Search { candidate, entry: None, hash: 0, node: None }
    }

    /// Touches the slot of the zone index.
    pub(super) fn touch_slot(&self) -> u8 {
        self.candidate.map_or(0, |candidate| candidate.touch())
    }

    /// Guesses the zone; touches its head.
    pub(super) fn guess_zone(&mut self) -> u8 {
        self.entry = self.candidate.and_then(|candidate| candidate.guess());
        self.entry.map_or(0, |entry| entry.zone.touch_head())
    }

    /// Finds the zone and hashes what stands in front of its origin.
    #[inline]
    pub(super) fn find_zone(&mut self, snapshot: &'s Snapshot, name: &[u8], qtype: RrType) {
        let Some(candidate) = self.candidate else { return };
        self.entry = snapshot.zones.closest_from(&snapshot.seed, name, candidate, self.entry);
        let Some(closest) = self.entry else { return };
        let entry = if qtype == RrType::DS { parent_for_ds(snapshot, closest, name) } else { closest };
        self.hash = snapshot.seed.hash(relative(entry, name));
        self.entry = Some(entry);
    }

    /// Touches where the zone's table is looked at first.
    pub(super) fn touch_home(&self) -> u8 {
        self.entry.map_or(0, |entry| entry.zone.touch_home(self.hash))
    }

    /// Finds what is most likely the node; touches it.
    pub(super) fn seek(&mut self) -> u8 {
        self.node = self.entry.and_then(|entry| entry.zone.seek(self.hash));
        self.node.map_or(0, Node::touch)
    }

    /// Finds the node; `None` where no zone here holds the name.
    #[inline]
    pub(super) fn finish(&self, name: &[u8]) -> Option<Located<'s>> {
        let entry = self.entry?;
        let relative = relative(entry, name);
        let node = match self.node {
            Some(node) if node.relative_name() != relative => entry.zone.find_hashed(self.hash, relative),
            sought => sought,
        };
        Some(Located { entry, node })
    }
}

/// The labels of a name in front of the origin of its zone.
pub(super) fn relative<'n>(entry: &ZoneEntry, name: &'n [u8]) -> &'n [u8] {
    &name[..name.len() - entry.zone.origin().len()]
}

/// The zone that answers for DS at a name: the parent, where it is here (RFC 4035 section 3.1.4.1).
fn parent_for_ds<'s>(snapshot: &'s Snapshot, closest: &'s ZoneEntry, name: &[u8]) -> &'s ZoneEntry {
    if closest.zone.origin().len() != name.len() {
        return closest;
    }
    // Another account's zone above is the parent only if it delegates.
    let parent = snapshot.zones.closest(&snapshot.seed, name, 1);
    let parent =
        parent.filter(|parent| parent.account == closest.account || delegates(snapshot, parent, name));
    parent.unwrap_or(closest)
}

/// Whether a name is at or below a cut of a zone.
fn delegates(snapshot: &Snapshot, entry: &ZoneEntry, name: &[u8]) -> bool {
    let relative = relative(entry, name);
    let node = entry.zone.find(&snapshot.seed, relative);
    !entry.zone.is_faulty()
        && matches!(
            Found::of(&entry.zone, &snapshot.seed, relative, node),
            Found::Exact(node) | Found::Covered(node) if node.is_cut()
        )
}

/// What a name is in its zone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'s> {
    Exact(Node<'s>),
    Covered(Node<'s>),
    Wildcard(Node<'s>),
    Missing(Node<'s>),
}

impl<'s> Found<'s> {
    /// What a name with this node of its own is. An existing one is found at once, only misses climb.
    #[inline]
    pub(super) fn of(zone: &'s Zone, seed: &Seed, relative: &[u8], node: Option<Node<'s>>) -> Found<'s> {
        match node {
            Some(node) => node.covered_by().map_or(Found::Exact(node), Found::Covered),
            None => Found::above(zone, seed, relative),
        }
    }

    /// What a name is that has no node of its own.
    fn above(zone: &'s Zone, seed: &Seed, relative: &[u8]) -> Found<'s> {
        let mut rest = relative;
        while let Some((&len, tail)) = rest.split_first() {
            rest = &tail[usize::from(len)..];
            let Some(encloser) = zone.find(seed, rest) else { continue };
            return match encloser.covered_by() {
                Some(covering) => Found::Covered(covering),
                None if encloser.is_cut() || encloser.is_dname() => Found::Covered(encloser),
                None => encloser.wildcard().map_or(Found::Missing(encloser), Found::Wildcard),
            };
        }
        Found::Missing(zone.apex())
    }
}
