//! A table in chunks, so that changing one element copies one chunk and not the table.

use std::sync::Arc;

/// Elements of a chunk.
const CHUNK: usize = 1024;

/// An immutable table in shared chunks.
#[derive(Clone, Debug)]
pub struct Sharded<T>(Box<[Arc<[T]>]>);

impl<T> Sharded<T> {
    /// The element at an index.
    pub fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.0.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|chunk| chunk.iter())
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
}
