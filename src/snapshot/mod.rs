//! The immutable data served: zone index, nodes, address sets, publisher and reader.
//!
//! Invariant: nothing that is shared ever changes: a snapshot is edited as a clone of which only the touched shards
//! and chunks are copied. A lookup neither locks nor allocates. A node stores nothing that a map could change: it
//! says "proxied", the zone entry or the account says which set.

pub mod addresses;
mod aliases;
mod between;
mod difference;
pub mod index;
pub mod layout;
pub mod publish;
pub mod seed;
mod shard;
pub mod sharded;
pub mod touched;
pub mod zone;

pub use addresses::{AddressSet, Family};
pub use index::{AccountIndex, Candidate, SetIndex, ZoneEntry, ZoneIndex};
pub use publish::{Publisher, Reader, Retired};
pub use seed::Seed;
pub use sharded::Sharded;
pub use touched::{Owned, Tally, Touched, Weight};
pub use zone::{Node, Rrset, Zone};

use std::fmt;
use std::sync::Arc;

use crate::model::{AccountId, AddressSource};
use crate::wire::edns::{ExtendedError, nsid_option};

/// Counts over all zones, kept while they come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Names in all zones.
    pub names: u64,
    /// Zones that are answered SERVFAIL.
    pub faulty: usize,
    /// Accounts that have a zone.
    pub owners: usize,
}

/// What is served at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Number of this state, raised with every publication.
    pub generation: u64,
    /// What is served, as a number that says the same on every server that serves the same.
    pub content: Content,
    /// Both as the NSID option of an answer.
    nsid: Arc<[u8]>,
    /// What all tables are hashed with.
    pub seed: Seed,
    /// Address maps known, disabled ones and those that govern nothing included.
    pub maps: usize,
    /// Counts over all zones.
    pub totals: Totals,
    /// The zones.
    pub zones: ZoneIndex,
    /// The accounts; what no zone refers to is left over from an account that is gone.
    pub accounts: Sharded<Account>,
    /// The set of the anycast defaults, while there are any.
    pub defaults: Option<SetIndex>,
    /// The address sets; what no zone and no account refers to is left over from a map that is gone.
    pub sets: Sharded<Arc<AddressSet>>,
}

fn nsid(generation: u64, content: Content) -> Arc<[u8]> {
    nsid_option(&format!("g{generation}-{content}")).into()
}

/// What is served, in one number. Sums of what the parts of it come to, so that an edit costs what it changes; the
/// order of the parts does not count. Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content(u64);

impl Content {
    /// With another part.
    #[must_use]
    pub fn with(self, part: u64) -> Content {
        Content(self.0.wrapping_add(part))
    }

    /// Without a part that it has.
    #[must_use]
    pub fn without(self, part: u64) -> Content {
        Content(self.0.wrapping_sub(part))
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An account in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// What answers proxied names of zones without a map of their own.
    pub fallback: Fallback,
}

/// What answers the proxied names of an account's zones that have no map of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// An address set, and the level that it comes from.
    Set(AddressSource, SetIndex),
    /// Nothing may answer: SERVFAIL, and why.
    Nothing(ExtendedError),
}

/// The set that governs a zone, and the level that chose it. Two are equal where they answer the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Governing<'s> {
    /// The level.
    pub source: AddressSource,
    /// The addresses.
    pub set: &'s AddressSet,
}

impl Snapshot {
    /// A snapshot without zones.
    pub fn empty(generation: u64, seed: Seed) -> Snapshot {
        let content = Content::default();
        Snapshot {
            generation,
            content,
            nsid: nsid(generation, content),
            maps: 0,
            totals: Totals::default(),
            zones: ZoneIndex::with_room_for(0),
            accounts: Sharded::from_iter([]),
            defaults: None,
            sets: Sharded::from_iter([]),
            seed,
        }
    }

    /// Says which state this is: on the way to being published.
    pub fn identify(&mut self, generation: u64, content: Content) {
        self.nsid = nsid(generation, content);
        self.generation = generation;
        self.content = content;
    }

    /// The NSID option (RFC 5001) that tells which state this is: `g1795270001-4f1c2a0d8e6b9357`.
    pub fn nsid(&self) -> &[u8] {
        &self.nsid
    }

    /// The set that answers proxied names of a zone: its own, or its account's.
    pub fn governing(&self, entry: &ZoneEntry) -> Result<Governing<'_>, ExtendedError> {
        let unknown = ExtendedError { code: ExtendedError::OTHER, text: "no address set" };
        let (source, index) = match entry.own_set {
            Some(index) => (AddressSource::ZoneMap, index),
            None => match self.accounts.get(entry.account).ok_or(unknown)?.fallback {
                Fallback::Set(source, index) => (source, index),
                Fallback::Nothing(error) => return Err(error),
            },
        };
        let set = self.sets.get(index).ok_or(unknown)?;
        Ok(Governing { source, set })
    }
}

impl Account {
    /// The set that its zones without a map of their own fall back to, and the level that it comes from.
    pub fn falls_to(&self) -> Option<(AddressSource, SetIndex)> {
        match self.fallback {
            Fallback::Set(source, set) => Some((source, set)),
            Fallback::Nothing(_) => None,
        }
    }
}
