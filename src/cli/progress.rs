//! How far a long start is: a bar on a terminal, log lines otherwise, nothing for a quick one.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::control::Progress;
use crate::telemetry::log::LogFormat;

/// A start that is quicker shows nothing.
const QUICK: Duration = Duration::from_secs(1);
/// Between two pictures of the bar.
const FRAME: Duration = Duration::from_millis(100);
/// Between two log lines.
const LINE: Duration = Duration::from_secs(5);
/// Characters of the bar.
const WIDTH: usize = 40;

/// Shows the progress until it is dropped.
pub(super) struct Shown {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Shows how far a start is, once it takes longer than a second. Without a thread for it nothing is shown.
pub(super) fn show(progress: &Arc<Progress>, format: LogFormat) -> Shown {
    let (end, ended) = channel();
    let progress = progress.clone();
    let as_bar = format == LogFormat::Human && stderr().is_terminal();
    let run = move || {
        let begun = Instant::now();
        let mut wait = QUICK;
        while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let (read, total) = progress.now();
            if as_bar {
                wait = FRAME;
                // Nothing can be done where stderr is gone.
                let _ = write!(stderr(), "\r{}", bar(read, total));
            } else {
                wait = LINE;
                tracing::info!(read, total, seconds = begun.elapsed().as_secs(), "zones are loaded");
            }
        }
        if as_bar && begun.elapsed() >= QUICK {
            let _ = write!(stderr(), "\r\x1b[2K");
        }
    };
    let thread = std::thread::Builder::new().name("progress".into()).spawn(run).ok();
    Shown { end: Some(end), thread }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It shows, and does nothing that could be lost.
            let _ = thread.join();
        }
    }
}

/// The bar as text, without an end of line.
fn bar(read: u64, total: u64) -> String {
    if total == 0 {
        return "looking for zones".into();
    }
    let full = usize::try_from(read.min(total).saturating_mul(WIDTH as u64) / total).unwrap_or(WIDTH);
    format!("[{}{}] {read} of {total} zones", "=".repeat(full), " ".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_from_nothing_to_full() {
        assert_eq!(bar(0, 0), "looking for zones");
        assert_eq!(bar(0, 7), format!("[{}] 0 of 7 zones", " ".repeat(WIDTH)));
        assert_eq!(bar(50, 100), format!("[{}{}] 50 of 100 zones", "=".repeat(20), " ".repeat(20)));
        assert_eq!(bar(100, 100), format!("[{}] 100 of 100 zones", "=".repeat(WIDTH)));
    }

    #[test]
    fn what_is_over_at_once_shows_nothing_and_ends() {
        drop(show(&Arc::default(), LogFormat::Human));
    }
}
