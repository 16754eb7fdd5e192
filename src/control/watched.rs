//! What the watch knows of files, asked while they are read.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::keeper::Task;
use super::look::Gate;
use super::watch::{Looks, Watch};
use super::{SourcePath, Sources, Stamp};
use crate::model::{Diagnostic, Place};

/// Which files may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Those that have settled.
    Settled,
    /// Of those the ones that look the same twice.
    Twice,
    /// All that nobody is known to write.
    Closed,
}

/// What the watch knows of files, while they are read.
pub(super) struct Watched<'k> {
    pub(super) watch: &'k mut Watch,
    pub(super) looks: &'k mut Looks,
    pub(super) queue: &'k Receiver<Task>,
    pub(super) later: &'k mut VecDeque<Task>,
    pub(super) sources: &'k Sources,
    pub(super) rule: Rule,
    /// What was not read because it is open.
    pub(super) open: Vec<Diagnostic>,
}

impl Gate for Watched<'_> {
    fn may_read(&mut self, path: &SourcePath, stamp: Option<Stamp>) -> bool {
        let path = path.on_disk(self.sources);
        match self.rule {
            // In a folder that was told some files may not have settled.
            Rule::Settled => !self.watch.holds(&path),
            Rule::Twice => !self.watch.holds(&path) && self.looks.ready(&path, stamp),
            Rule::Closed => {
                let is_open = self.watch.being_written().any(|open| open == path);
                if is_open {
                    let place = Place::file(&super::folder::display(&path));
                    let message = "this file is open for writing; it is read when its writer has closed it";
                    self.open.push(Diagnostic::warning("being-written", place, message));
                }
                !is_open
            }
        }
    }

    fn disturbed(&mut self, mut paths: BTreeSet<SourcePath>) -> BTreeSet<SourcePath> {
        // Who asks for a reload does not wait until files have settled, only for their writers.
        if self.rule == Rule::Closed {
            let open: BTreeSet<&Path> = self.watch.being_written().collect();
            paths.retain(|path| open.contains(path.on_disk(self.sources).as_path()));
            return paths;
        }
        loop {
            let now = Instant::now();
            if self.watch.has_caught_up(now) {
                break;
            }
            let until = self.watch.deadline().map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
            match self.queue.recv_timeout(until) {
                Ok(Task::Signal(signal)) => self.watch.hear(Instant::now(), signal),
                Ok(task) => self.later.push_back(task),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        paths.retain(|path| self.watch.holds(&path.on_disk(self.sources)));
        paths
    }
}
