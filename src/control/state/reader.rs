//! A second reading of what is remembered, for a thread beside the one that writes.
//!
//! Invariant: it is whole, and stays so. What stands before its end never changes: behind that the pack grows or is cut
//! back to it, a confirm that is written again is the same octets, and compaction writes another file.

use super::pack::{Pack, Window};
use super::record::{Kind, PACK_HEAD};
use super::{State, StateError, scan};

impl State {
    /// Another reading of what is remembered now, whatever is written later. It costs little however much that is: the
    /// list of generations is copied, and contents are found by [`State::find_contents`] only. It is never written to.
    /// Fails where no further file can be open.
    pub fn reader(&self) -> Result<State, StateError> {
        let again = |pack: &Pack| {
            let file = pack.file.try_clone().map_err(StateError::read(&self.path))?;
            Ok(Pack { file, marker: pack.marker, writable: false })
        };
        Ok(State {
            dir: self.dir.clone(),
            path: self.path.clone(),
            pack: self.pack.as_ref().map(again).transpose()?,
            is_indexed: false,
            base: self.end,
            end: self.end,
            history: self.history.clone(),
            ..State::closed()
        })
    }

    /// Finds the contents of a reader by the heads of all records, unless that is done. Fails where the pack cannot be
    /// read or is damaged.
    pub fn find_contents(&mut self) -> Result<(), StateError> {
        let Some(pack) = self.pack.as_ref().filter(|_| !self.is_indexed) else { return Ok(()) };
        let mut window = Window::new(&pack.file);
        let mut at = PACK_HEAD as u64;
        while at < self.end {
            let head = scan::next(&mut window, pack, at, self.end).map_err(StateError::read(&self.path))?;
            let Some((head, end)) = head.and_then(|head| Some((head, head.end(at)?))) else {
                return Err(StateError::Damaged { file: self.path.clone(), offset: at });
            };
            if head.kind == Kind::Content {
                self.index.insert(head.digest, at);
            }
            at = end;
        }
        self.is_indexed = true;
        Ok(())
    }
}
