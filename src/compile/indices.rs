//! Indices of a table: given out, taken back and given out again, so that those in use never move.

/// The indices of one table.
#[derive(Clone, Debug, Default)]
pub(super) struct Indices {
    /// Given back and not given out again.
    free: Vec<u32>,
    /// The first that was never given out.
    next: u32,
}

impl Indices {
    /// An index that nobody has: one given back, else the one after the last.
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            let index = self.next;
            self.next += 1;
            index
        })
    }

    /// Gives an index back.
    pub(super) fn give_back(&mut self, index: u32) {
        self.free.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_given_back_is_given_out_first() {
        let mut indices = Indices::default();
        assert_eq!([indices.take(), indices.take(), indices.take()], [0, 1, 2]);
        indices.give_back(1);
        assert_eq!([indices.take(), indices.take()], [1, 3]);
    }
}
