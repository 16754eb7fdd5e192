//! Contents that lie near to each other in the pack, read at once.

use super::super::Digest;
use super::pack::read_at;
use super::record::{Kind, RECORD_HEAD, RecordHead};
use super::{Index, State, record::Marker};

/// Octets that are read beyond where the last record of a run begins.
const BEYOND: u64 = 1 << 16;

/// Octets of the pack, in a buffer of the reader's.
pub struct Run<'r> {
    octets: &'r [u8],
    begin: u64,
    marker: Marker,
    index: &'r Index,
}

impl State {
    /// Reads the records from the one that begins at `first` to the one that begins at `last` into `buffer`.
    pub fn run<'r>(&'r self, first: u64, last: u64, buffer: &'r mut Vec<u8>) -> Option<Run<'r>> {
        let pack = self.pack.as_ref()?;
        let end = (last + BEYOND).min(self.end);
        buffer.resize(usize::try_from(end.checked_sub(first)?).ok()?, 0);
        let len = read_at(&pack.file, buffer, first).ok()?;
        Some(Run { octets: &buffer[..len], begin: first, marker: pack.marker, index: &self.index })
    }
}

impl Run<'_> {
    /// A content of the run; `None` where it does not lie wholly in it or is damaged.
    pub fn content(&self, digest: &Digest) -> Option<&[u8]> {
        let at = usize::try_from(self.index.get(digest)?.checked_sub(self.begin)?).ok()?;
        let (head, rest) = self.octets.get(at..)?.split_first_chunk::<RECORD_HEAD>()?;
        let head = RecordHead::read(head, self.marker)?;
        let content = rest.get(..usize::try_from(head.length).ok()?)?;
        (head.kind == Kind::Content && head.digest == *digest && Digest::of(content) == *digest)
            .then_some(content)
    }
}
