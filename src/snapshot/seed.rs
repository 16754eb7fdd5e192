//! The hash of names, seeded anew in every process so that nobody can choose colliding names.

use std::hash::{BuildHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// The seed that every table of one snapshot is built with.
#[derive(Clone, Debug, Default)]
pub struct Seed(SeedableRandomState);

impl Seed {
    /// A fresh seed.
    pub fn random() -> Seed {
        Seed(SeedableRandomState::random())
    }

    /// A seed that is the same in every process, for counts that must not change from run to run. Never for a server:
    /// whoever knows the seed can choose names that collide.
    pub fn fixed() -> Seed {
        Seed(SeedableRandomState::with_seed(0, SharedSeed::global_fixed()))
    }

    /// Hash of a name in lower case, or of a part of one.
    #[inline]
    pub fn hash(&self, lower: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(lower);
        hasher.finish()
    }
}
