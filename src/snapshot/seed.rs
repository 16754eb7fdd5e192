//! The hash of names, seeded anew in every process so that nobody can choose colliding names.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

/// The seed that every table of one snapshot is built with.
#[derive(Clone, Debug, Default)]
pub struct Seed(RandomState);

impl Seed {
    /// A fresh seed.
    pub fn random() -> Seed {
        Seed::default()
    }

    /// Hash of a name in lower case, or of a part of one.
    pub fn hash(&self, lower: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(lower);
        hasher.finish()
    }
}
