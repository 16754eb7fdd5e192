//! Where nobody tells that a writer is done: a file is ready when two looks in a row find it the same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::control::source::Stamp;

/// How often everything is looked at where files are polled, and how soon again where a file was not ready.
pub const POLL: Duration = Duration::from_secs(2);
/// How often everything is looked at although the kernel tells of changes: what it does not tell of (a network file
/// system, memory that is mapped) is found at last.
pub const RESCAN: Duration = Duration::from_secs(60);
/// Two looks that are nearer are one.
const APART: Duration = Duration::from_secs(1);

/// What the last looks found of files that differ from what is known.
#[derive(Debug, Default)]
pub struct Looks {
    now: Option<Instant>,
    round: u64,
    /// The stamp, since when it is the same, and the look that saw it last.
    seen: HashMap<PathBuf, (Option<Stamp>, Instant, u64)>,
}

impl Looks {
    /// A look at everything begins. Files that the last look did not ask about are forgotten.
    pub fn begin(&mut self, now: Instant) {
        self.seen.retain(|_, (_, _, round)| *round == self.round);
        self.round += 1;
        self.now = Some(now);
    }

    /// Whether a file that differs from what is known may be read, or is really gone (`None`): the last look, at least
    /// a second ago, saw the same. To be asked once per file and look; what is ready is forgotten.
    pub fn ready(&mut self, path: &Path, stamp: Option<Stamp>) -> bool {
        let Some(now) = self.now else { return false };
        match self.seen.get_mut(path) {
            Some((seen, since, _)) if *seen == stamp && *since + APART <= now => {
                self.seen.remove(path);
                true
            }
            Some((seen, _, round)) if *seen == stamp => {
                *round = self.round;
                false
            }
            _ => {
                self.seen.insert(path.to_path_buf(), (stamp, now, self.round));
                false
            }
        }
    }

    /// Whether a file was not ready: another look is needed after [`POLL`].
    pub fn waits(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Forgets a file that was read in another way.
    pub fn forget(&mut self, path: &Path) {
        self.seen.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(size: u64) -> Option<Stamp> {
        Some(Stamp { size, ..Stamp::default() })
    }

    #[test]
    fn a_file_is_ready_when_two_looks_find_it_the_same() {
        let (mut looks, start, path) = (Looks::default(), Instant::now(), Path::new("a.zone"));
        for (seconds, found, ready) in [
            (0, stamp(1), false),
            (2, stamp(2), false),
            (4, stamp(2), true),
            (6, stamp(3), false),
            (8, None, false),
            (10, None, true),
        ] {
            looks.begin(start + Duration::from_secs(seconds));
            assert_eq!(looks.ready(path, found), ready, "{seconds}");
            assert_eq!(looks.waits(), !ready, "{seconds}");
        }
    }

    #[test]
    fn a_look_that_was_left_out_does_not_count() {
        let (mut looks, start, path) = (Looks::default(), Instant::now(), Path::new("a.zone"));
        looks.begin(start);
        assert!(!looks.ready(path, stamp(1)));
        looks.begin(start + POLL);
        looks.begin(start + 2 * POLL);
        assert!(!looks.waits());
        assert!(!looks.ready(path, stamp(1)));
    }

    #[test]
    fn looks_in_quick_succession_are_one() {
        let (mut looks, start, path) = (Looks::default(), Instant::now(), Path::new("a.zone"));
        for (millis, ready) in [(0, false), (10, false), (999, false), (1000, true)] {
            looks.begin(start + Duration::from_millis(millis));
            assert_eq!(looks.ready(path, stamp(1)), ready, "{millis}");
        }
        looks.begin(start + POLL);
        assert!(!looks.ready(path, stamp(1)));
        looks.forget(path);
        assert!(!looks.waits());
    }
}
