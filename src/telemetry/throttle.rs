//! A brake for log lines that a stranger can cause.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lets one line pass per interval and counts the others. Only for the way of errors: it locks.
#[derive(Debug)]
pub struct Throttle {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// A brake that lets one line pass per `interval`.
    pub fn new(interval: Duration) -> Throttle {
        Throttle { interval, state: Mutex::default() }
    }

    /// `Some` where the line may be written now, with the number of lines suppressed since the one before.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        // What a panicking holder left behind is still a time and a number.
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < self.interval) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_passes_per_interval_and_says_how_many_did_not() {
        let throttle = Throttle::new(Duration::from_secs(10));
        let start = Instant::now();
        assert_eq!(throttle.pass_at(start), Some(0));
        assert_eq!(throttle.pass_at(start + Duration::from_secs(1)), None);
        assert_eq!(throttle.pass_at(start + Duration::from_secs(9)), None);
        assert_eq!(throttle.pass_at(start + Duration::from_secs(10)), Some(2));
        assert_eq!(throttle.pass_at(start + Duration::from_secs(20)), Some(0));
    }
}
