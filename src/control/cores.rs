//! Work in chunks, on all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Items that a thread takes at once; so many or fewer are worth no second thread.
pub(super) const CHUNK: usize = if cfg!(test) { 3 } else { 64 };

/// Lets whoever waits for this core have it: a kernel may otherwise let a worker wait for the rest of a tick behind a
/// thread that calls it never, however low that one's priority (`PREEMPT_NONE`, lazy preemption).
pub(super) fn breathe() {
    thread::yield_now();
}

/// Does the work on all chunks of some items, on as many threads as there are cores; they have the priority of this
/// one. Each thread brings what it uses again and again. Returns what came of each chunk, in the order of the items.
pub(super) fn in_chunks<T: Sync, S: Default, R: Send>(
    items: &[T],
    work: impl Fn(&mut S, &[T]) -> R + Sync,
) -> Vec<R> {
    let chunks = items.len().div_ceil(CHUNK);
    let threads = match chunks {
        0 | 1 => 1,
        _ => thread::available_parallelism().map_or(1, NonZero::get).min(chunks),
    };
    if threads == 1 {
        let mut scratch = S::default();
        return items.chunks(CHUNK).map(|chunk| work(&mut scratch, chunk)).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut scratch = S::default();
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= chunks {
                return done;
            }
            let begin = number * CHUNK;
            let end = (begin + CHUNK).min(items.len());
            done.push((number, work(&mut scratch, &items[begin..end])));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for len in [0, 1, CHUNK, CHUNK + 1, 1000] {
            let items: Vec<usize> = (0..len).collect();
            let sums = in_chunks(&items, |seen: &mut usize, chunk| {
                *seen += chunk.len();
                chunk.to_vec()
            });
            assert_eq!(sums.concat(), items);
        }
    }
}
