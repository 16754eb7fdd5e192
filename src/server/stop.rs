//! The word to stop, for threads that block.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Said once, heard by all.
#[derive(Debug, Default)]
pub(super) struct Stop {
    said: AtomicBool,
    lock: Mutex<()>,
    heard: Condvar,
}

impl Stop {
    /// Says it.
    pub(super) fn stop(&self) {
        self.said.store(true, Ordering::Release);
        // Whoever checked before the store is waiting by the time this lock is had.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.heard.notify_all();
    }

    /// Whether it was said.
    pub(super) fn is_said(&self) -> bool {
        self.said.load(Ordering::Acquire)
    }

    /// Waits until it is said, at most as long as `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // A poisoned lock guards nothing here; the wait just ends.
        drop(self.heard.wait_timeout_while(guard, timeout, |()| !self.is_said()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_waiting_thread_hears_it() {
        let stop = Arc::new(Stop::default());
        let waiting = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::from_secs(3600))
        });
        stop.stop();
        waiting.join().unwrap();
        assert!(stop.is_said());
    }
}
