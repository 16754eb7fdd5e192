//! A table in chunks, so that changing one element copies one chunk and not the table.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Elements of a chunk.
const CHUNK: usize = 512;

/// A table in shared chunks. Cloning shares all of them; changing a clone copies the chunks that are touched.
#[derive(Clone, Debug)]
pub struct Sharded<T>(Box<[Arc<[T]>]>);

impl<T> Sharded<T> {
    /// The element at an index.
    pub fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.0.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// Number of elements.
    fn len(&self) -> u32 {
        let last = self.0.last().map_or(0, |chunk| chunk.len());
        (self.0.len().saturating_sub(1) * CHUNK + last) as u32
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|chunk| chunk.iter())
    }
}

impl<T: Clone> Sharded<T> {
    /// Puts elements at their indices. Those beyond the end of the table must follow it without a gap.
    pub fn store(&mut self, mut elements: BTreeMap<u32, T>) {
        let len = self.len();
        let beyond = elements.split_off(&len);
        for (index, element) in elements {
            let index = index as usize;
            Arc::make_mut(&mut self.0[index / CHUNK])[index % CHUNK] = element;
        }
        if beyond.is_empty() {
            return;
        }
        debug_assert!(beyond.keys().copied().eq((len..).take(beyond.len())), "a gap in {:?}", beyond.keys());
        let mut chunks = std::mem::take(&mut self.0).into_vec();
        let open = chunks.pop_if(|last| last.len() < CHUNK);
        let open = open.iter().flat_map(|chunk| chunk.iter().cloned());
        chunks.extend(open.chain(beyond.into_values()).collect::<Sharded<T>>().0);
        self.0 = chunks.into();
    }
}

impl<T> FromIterator<T> for Sharded<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Sharded<T> {
        let mut elements = elements.into_iter().peekable();
        let mut chunks = Vec::new();
        while elements.peek().is_some() {
            chunks.push(elements.by_ref().take(CHUNK).collect());
        }
        Sharded(chunks.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_index_over_chunks() {
        let table: Sharded<usize> = (0..3000).collect();
        assert!((0..3000).all(|n| table.get(n as u32) == Some(&n)));
        assert_eq!(table.get(3000), None);
        assert_eq!(table.iter().count(), 3000);
    }

    #[test]
    fn a_store_copies_the_chunks_that_it_touches() {
        let before: Sharded<usize> = (0..3000).collect();
        let mut after = before.clone();
        after.store([(7, 70), (8, 80), (2999, 90), (3000, 100), (3001, 110)].into());
        let found: Vec<usize> = after.iter().copied().collect();
        let mut expected: Vec<usize> = (0..3002).collect();
        (expected[7], expected[8], expected[2999], expected[3000], expected[3001]) = (70, 80, 90, 100, 110);
        assert_eq!(found, expected);
        assert!(before.iter().copied().eq(0..3000));
        let shared = before.0.iter().zip(&after.0).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!((before.0.len(), shared), (6, 4));
    }

    #[test]
    fn a_table_grows_from_nothing_over_chunks() {
        let mut table: Sharded<u32> = Sharded::from_iter([]);
        for start in (0..2000).step_by(100) {
            table.store((start..start + 100).map(|n| (n, n)).collect());
        }
        assert!(table.iter().copied().eq(0..2000));
        assert_eq!(table.len(), 2000);
        assert_eq!(table.get(1999), Some(&1999));
    }
}
