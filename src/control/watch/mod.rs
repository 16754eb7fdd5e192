//! Noticing that files changed, and when they may be read.
//!
//! A thread takes the kernel's events and hands on [`Signal`]s; whoever owns the [`Watch`] gives them back to it with
//! the time, asks when to come again, and takes [`Batch`]es of what is to be looked at.
//!
//! Invariants: a file that is known to be open for writing is in no batch; a change that was told is in a batch at
//! last; where nothing can tell of changes, everything is looked at every few seconds.

mod events;
mod git;
mod places;
mod poll;
mod settle;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Sources;
use super::report::Watching;

pub use poll::{Looks, POLL, RESCAN};
pub use settle::{Batch, Noted};

use events::Message;
use settle::Settle;

/// How the operator wants changes of files to be noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// The kernel tells; where it cannot, as with `Poll`.
    #[default]
    Events,
    /// Everything is looked at every [`POLL`].
    Poll,
    /// Nothing is noticed.
    Off,
}

/// What the watching thread has to say, for [`Watch::hear`].
#[derive(Debug)]
pub enum Signal {
    /// Something happened.
    Noted(Noted),
    /// All that had happened when this was asked for, as the number says, has been told.
    CaughtUp(u64),
    /// Nothing will be told any more, and why.
    Polling(String),
}

/// Whether the thread has told all that happened: it may be late, and what is quiet then only seems so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CatchUp {
    /// Nobody knows.
    Unknown,
    /// It was asked, at that moment.
    Asked(Instant),
    /// It had, and nothing was told since.
    Done,
}

/// A thread that says nothing so long is not waited for any more.
const LATE: Duration = Duration::from_secs(10);

/// Both trees and all files that are followed, under watch.
#[derive(Debug)]
pub struct Watch {
    sources: Sources,
    settle: Settle,
    watching: Watching,
    trouble: Option<String>,
    stale_lock: Option<PathBuf>,
    /// When everything is to be looked at next, whatever is told.
    next_look: Option<Instant>,
    thread: Option<mpsc::Sender<Message>>,
    catch_up: CatchUp,
    /// How often it was asked to catch up.
    asked: u64,
}

impl Watch {
    /// Begins to watch. What happens after the return is noticed, so the sources are to be read then. `wake` is called
    /// from another thread and must not wait for the one that owns the watch. Where the kernel cannot tell, everything
    /// is polled, and [`Watch::trouble`] says why.
    pub fn start(
        sources: &Sources,
        mode: WatchMode,
        now: Instant,
        wake: impl Fn(Signal) + Send + 'static,
    ) -> Watch {
        let mut watch = Watch {
            sources: sources.clone(),
            settle: Settle::new(sources),
            watching: Watching::Off,
            trouble: None,
            stale_lock: None,
            next_look: None,
            thread: None,
            catch_up: CatchUp::Unknown,
            asked: 0,
        };
        match mode {
            WatchMode::Off => {}
            WatchMode::Poll => watch.poll(now, None),
            WatchMode::Events => match events::start(sources, wake) {
                Ok(thread) => {
                    watch.thread = Some(thread);
                    watch.watching = Watching::Events;
                    watch.next_look = Some(now + RESCAN);
                }
                Err(why) => watch.poll(now, Some(why)),
            },
        }
        watch
    }

    fn poll(&mut self, now: Instant, why: Option<String>) {
        self.thread = None;
        self.catch_up = CatchUp::Unknown;
        self.watching = Watching::Polling;
        self.trouble = why;
        self.next_look = Some(now + POLL);
    }

    /// Follows further files, because a source names them: they may lie anywhere, be links, or be missing yet. They are
    /// reported by the very paths that are given here. They stay followed.
    pub fn follow<'p>(&self, files: impl IntoIterator<Item = &'p Path>) {
        if let Some(thread) = &self.thread {
            let files: Vec<_> = files.into_iter().map(Path::to_path_buf).collect();
            // Where the thread has ended, a signal says so.
            let _ended = thread.send(Message::Follow(files));
        }
    }

    /// Takes what the thread said. All signals that have come are to be given before [`Watch::take`] is asked.
    pub fn hear(&mut self, now: Instant, signal: Signal) {
        match signal {
            Signal::Noted(noted) => {
                if self.catch_up == CatchUp::Done {
                    self.catch_up = CatchUp::Unknown;
                }
                self.settle.note(now, noted);
            }
            Signal::CaughtUp(asked) if asked == self.asked => self.catch_up = CatchUp::Done,
            Signal::CaughtUp(_) => {}
            Signal::Polling(why) => {
                self.settle.note(now, Noted::Rescan);
                self.poll(now, Some(why));
            }
        }
    }

    /// When [`Watch::take`] is worth asking; `None`: not before the next signal.
    pub fn deadline(&self) -> Option<Instant> {
        match self.catch_up {
            CatchUp::Asked(at) => Some(at + LATE),
            CatchUp::Unknown | CatchUp::Done => self.due(),
        }
    }

    /// When something is ready, if the thread is not late.
    fn due(&self) -> Option<Instant> {
        [self.settle.deadline(), self.next_look].into_iter().flatten().min()
    }

    /// What is to be looked at now, together. Reads the place of git's lock where something is ready.
    pub fn take(&mut self, now: Instant) -> Option<Batch> {
        if self.due().is_none_or(|due| now < due) {
            if self.catch_up == CatchUp::Done {
                self.catch_up = CatchUp::Unknown;
            }
            return None;
        }
        if !self.has_caught_up(now) {
            return None;
        }
        let lock = git::held_lock([self.sources.zones.as_path(), &self.sources.addrmaps]);
        let batch = self.settle.take(now, lock.is_some());
        if self.settle.waits_for_git(now, lock.is_some()) {
            self.next_look = self.next_look.map(|look| look.max(now + Duration::from_millis(100)));
            return batch;
        }
        self.stale_lock = lock.filter(|_| self.settle.lock_is_stale(now));
        let look = self.next_look.is_some_and(|look| look <= now);
        let everything = look || batch.as_ref().is_some_and(|batch| batch.everything);
        if everything {
            let every = if self.watching == Watching::Events { RESCAN } else { POLL };
            self.next_look = self.next_look.map(|_| now + every);
            return Some(Batch { everything, ..batch.unwrap_or_default() });
        }
        batch
    }

    /// Everything is looked at as soon as what happens now has settled, and git is done.
    pub fn look_soon(&mut self, now: Instant) {
        self.settle.note(now, Noted::Rescan);
    }

    /// Whether all that happened until now is known to have been told, or the thread is not waited for any more; if
    /// not, that is asked for, and to be asked again with the next signal or at the [deadline](Watch::deadline).
    pub fn has_caught_up(&mut self, now: Instant) -> bool {
        let Some(thread) = &self.thread else { return true };
        match self.catch_up {
            CatchUp::Asked(at) if now < at + LATE => return false,
            // Where the thread has ended, a signal says so.
            CatchUp::Unknown if thread.send(Message::CatchUp(self.asked + 1)).is_ok() => {
                self.asked += 1;
                self.catch_up = CatchUp::Asked(now);
                return false;
            }
            CatchUp::Unknown | CatchUp::Asked(_) | CatchUp::Done => {}
        }
        self.catch_up = CatchUp::Unknown;
        true
    }

    /// A file was not [ready](Looks::ready): everything is looked at again after [`POLL`].
    pub fn look_again(&mut self, now: Instant) {
        self.next_look = self.next_look.map(|look| look.min(now + POLL));
    }

    /// Whether a path is not to be looked at yet, when everything is: it is open for writing, or what changes with it
    /// has not settled; it will be in a batch.
    pub fn holds(&self, path: &Path) -> bool {
        self.settle.holds(path)
    }

    /// The files that are open for writing, as far as is known.
    pub fn being_written(&self) -> impl Iterator<Item = &Path> {
        self.settle.being_written()
    }

    /// How changes are noticed now.
    pub fn watching(&self) -> Watching {
        self.watching
    }

    /// Why files are polled although the kernel was to tell, and what helps.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// A lock of git that is so old that nothing waits for it any more; `git` itself refuses to work until it is
    /// removed.
    pub fn stale_lock(&self) -> Option<&Path> {
        self.stale_lock.as_deref()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(thread) = &self.thread {
            // It has ended already where this fails.
            let _ended = thread.send(Message::Stop);
        }
    }
}

#[cfg(test)]
mod tests;
