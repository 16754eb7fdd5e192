//! The thread on which everything changes: it hears the watcher, the control socket and signals, one after another.

mod answering;
mod auditing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Sources;
use super::aside::Aside;
use super::audit::Audit;
use super::engine::{Engine, How};
use super::look::Ask;
use super::report::{Change, Outcome, Problem, Trigger};
use super::talk::{Listener, Reply, Request, TalkError};
use super::watch::{Batch, Looks, Signal, Watch, WatchMode};
use super::watched::{Rule, Watched};
use crate::answer;
use crate::telemetry::Samples;
use crate::telemetry::changes::{Changes, Done};

/// How much less than a worker's the thread's claim on a core is (`nice`).
const NICE: i32 = 10;
/// Retired snapshots are looked at this often, while there are any.
const FREE: Duration = Duration::from_secs(1);
/// What could not be remembered is tried again this often.
const RETRY: Duration = Duration::from_secs(5);

/// A reload waits so long for the writers of files that are open: that they are done may be on its way to us.
const WRITERS: Duration = Duration::from_millis(500);

/// What the thread is told.
pub(super) enum Task {
    Signal(Signal),
    Asked(Request, Sender<Reply>),
    Hangup,
    /// What an audit found; nothing where what it looked at was replaced meanwhile.
    Audited(Option<Audit>),
    Stop,
}

/// What the service manager is told, if there is one. The functions must not wait.
#[derive(Clone, Copy, Debug)]
pub struct Manager {
    /// Files are being read again.
    pub reloading: fn(),
    /// And that is done.
    pub ready: fn(),
    /// The thread is alive; to be said this often.
    pub watchdog: Option<(Duration, fn())>,
}

/// All that the thread needs.
#[derive(Debug)]
pub struct KeeperParts {
    /// What it keeps.
    pub engine: Engine,
    /// How changes of files are noticed.
    pub watch: WatchMode,
    /// Where the control socket is to be.
    pub socket: PathBuf,
    /// What is counted.
    pub changes: Arc<Changes>,
    /// What was asked, as far as it is kept.
    pub samples: Arc<Samples>,
    /// Who is told of reloads.
    pub manager: Manager,
    /// What the start came to.
    pub first: Change,
    /// What the server is asked over when it looks at itself, and how its answers look.
    pub addresses: Vec<SocketAddr>,
    /// How answers look.
    pub settings: answer::Settings,
}

/// The running thread. Dropping it ends it.
#[derive(Debug)]
pub struct Keeper {
    tasks: Sender<Task>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Opens the control socket and starts the thread, which lets the engine follow the files at once. Where there is no
    /// room for the socket, or its file system is read-only, serving is worth more than talking: it is tried again.
    pub fn start(parts: KeeperParts) -> Result<Keeper, TalkError> {
        let (tasks, queue) = mpsc::channel();
        let listener = match listen(&parts.socket, &tasks) {
            Err(TalkError::Bind { path, source }) if lacks_disk(&source) => {
                let path = path.display();
                tracing::error!(%path, %source, "no control socket can be made: status and reload do not work");
                None
            }
            listener => Some(listener?),
        };
        let socket = parts.socket.clone();
        let to_self = tasks.clone();
        let run = move || Loop::new(parts, listener, to_self, queue).run();
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(run)
            .map_err(|source| TalkError::Bind { path: socket, source })?;
        Ok(Keeper { tasks, thread: Some(thread) })
    }

    /// Reads all files again, as SIGHUP asks for. Returns at once.
    pub fn hangup(&self) {
        // Where the thread has ended the server is ending.
        let _ = self.tasks.send(Task::Hangup);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.tasks.send(Task::Stop);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the control thread ended in a panic");
        }
    }
}

/// Makes the control socket, whose clients ask the thread.
fn listen(socket: &Path, tasks: &Sender<Task>) -> Result<Listener, TalkError> {
    let mut listener = Listener::bind(socket)?;
    let tasks = tasks.clone();
    listener.serve(move |request| {
        let (reply, replied) = mpsc::channel();
        let gone = || Reply::failed("the server is stopping");
        if tasks.send(Task::Asked(request, reply)).is_err() {
            return gone();
        }
        replied.recv().unwrap_or_else(|_| gone())
    })?;
    Ok(listener)
}

/// Whether nothing can be written where it should be: that may pass.
fn lacks_disk(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

struct Loop {
    engine: Engine,
    watch: Watch,
    looks: Looks,
    /// Answers what takes its time.
    aside: Aside,
    changes: Arc<Changes>,
    manager: Manager,
    sources: Sources,
    socket: PathBuf,
    listener: Option<Listener>,
    tasks: Sender<Task>,
    queue: Receiver<Task>,
    /// What came while files were read and can wait until they are.
    later: VecDeque<Task>,
    free_at: Option<Instant>,
    retry_at: Option<Instant>,
    /// Requests that wait for writers, and until when.
    waiting: Vec<(Request, Sender<Reply>)>,
    wait_until: Option<Instant>,
    alive_at: Option<Instant>,
    /// The files have not been looked at as a whole since the start.
    starting: bool,
    told_trouble: bool,
    told_lock: Option<PathBuf>,
    addresses: Vec<SocketAddr>,
    settings: answer::Settings,
    /// When the next audit begins; `None` while one runs.
    audit_at: Option<Instant>,
}

impl Loop {
    fn new(
        mut parts: KeeperParts,
        listener: Option<Listener>,
        tasks: Sender<Task>,
        queue: Receiver<Task>,
    ) -> Loop {
        let sources = parts.engine.sources.clone();
        parts.engine.samples = parts.samples;
        let now = Instant::now();
        let signals = tasks.clone();
        let wake = move |signal| {
            let _ = signals.send(Task::Signal(signal));
        };
        let mut this = Loop {
            watch: Watch::start(&sources, parts.watch, now, wake),
            engine: parts.engine,
            looks: Looks::default(),
            aside: Aside::default(),
            changes: parts.changes,
            manager: parts.manager,
            sources,
            socket: parts.socket,
            listener,
            tasks,
            queue,
            later: VecDeque::new(),
            free_at: None,
            retry_at: None,
            waiting: Vec::new(),
            wait_until: None,
            alive_at: parts.manager.watchdog.map(|(interval, _)| now + interval),
            starting: true,
            told_trouble: false,
            told_lock: None,
            addresses: parts.addresses,
            settings: parts.settings,
            audit_at: None,
        };
        // Beside the workers it takes what they leave; not so the threads that watch, for what they tell late seems to
        // happen late. A machine that does not allow it is no worse off than before.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "the control thread runs at the workers' priority");
        }
        this.count(&parts.first);
        this.audit_at = Some(now + auditing::first_after(this.engine.snapshot().zones.len()));
        this
    }

    fn run(mut self) {
        self.engine.remember_start();
        self.engine.books.look_ahead();
        self.tell_state();
        // Whatever happened before the watch stood is found, as soon as what happens meanwhile has settled.
        self.watch.look_soon(Instant::now());
        loop {
            let task = match (self.later.pop_front(), self.next_wake()) {
                (Some(task), _) => Ok(task),
                (None, None) => self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                (None, Some(at)) => self.queue.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match task {
                Ok(Task::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(task) => {
                    if self.task(task) {
                        return;
                    }
                    // All that has come is heard before anything is taken from the watch.
                    while let Some(task) = self.later.pop_front().or_else(|| self.queue.try_recv().ok()) {
                        if self.task(task) {
                            return;
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.due();
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let own = [self.free_at, self.retry_at, self.wait_until, self.alive_at, self.audit_at];
        own.into_iter().chain([self.watch.deadline()]).flatten().min()
    }

    /// Does what it is told; whether that is to end.
    fn task(&mut self, task: Task) -> bool {
        match task {
            Task::Signal(signal) => self.watch.hear(Instant::now(), signal),
            Task::Asked(request @ (Request::Reload { .. } | Request::Resume { .. }), reply)
                if self.is_being_written() =>
            {
                self.wait_until.get_or_insert_with(|| Instant::now() + WRITERS);
                self.waiting.push((request, reply));
            }
            Task::Asked(request, reply) => self.asked(request, reply),
            Task::Hangup => {
                (self.manager.reloading)();
                let change = self.reload(Trigger::Signal, &Ask::Everything, How::default());
                tracing::info!(outcome = change.outcome.as_str(), "SIGHUP: all files were read again");
                (self.manager.ready)();
            }
            Task::Audited(audit) => self.audited(audit),
            Task::Stop => return true,
        }
        false
    }

    fn is_being_written(&self) -> bool {
        self.watch.being_written().next().is_some()
    }

    /// Does what is due.
    fn due(&mut self) {
        let now = Instant::now();
        if self.wait_until.is_some_and(|until| until <= now || !self.is_being_written()) {
            self.wait_until = None;
            for (request, reply) in std::mem::take(&mut self.waiting) {
                self.asked(request, reply);
            }
        }
        let now = Instant::now();
        if let Some(batch) = self.watch.take(now) {
            self.batch(batch);
        }
        self.tell_trouble();
        let now = Instant::now();
        if self.free_at.is_some_and(|at| at <= now) {
            self.free_at = (self.engine.free() > 0).then_some(now + FREE);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            if self.listener.is_none() {
                self.listener = listen(&self.socket, &self.tasks).ok();
            }
            match self.engine.try_again() {
                Some(change) => self.done(&change),
                None => self.tell_state(),
            }
            if self.engine.has_descriptors_again() {
                self.everything(Trigger::Files);
            }
        }
        if self.audit_at.is_some_and(|at| at <= now) {
            self.audit();
        }
        if let (Some(at), Some((interval, ping))) = (self.alive_at, self.manager.watchdog)
            && at <= now
        {
            ping();
            self.alive_at = Some(now + interval);
        }
    }

    fn batch(&mut self, batch: Batch) {
        if batch.everything {
            let trigger = if std::mem::take(&mut self.starting) { Trigger::Start } else { Trigger::Files };
            return self.everything(trigger);
        }
        self.follow(Trigger::Files, &Ask::Paths(batch.paths), Rule::Settled, How::default());
    }

    /// Looks at all files; what the watch still holds will be in a batch.
    fn everything(&mut self, trigger: Trigger) {
        self.looks.begin(Instant::now());
        // Nobody told of a change: it is taken when it looks the same twice.
        let rule = if trigger == Trigger::Start { Rule::Settled } else { Rule::Twice };
        self.follow(trigger, &Ask::Everything, rule, How::default());
        if self.looks.waits() {
            self.watch.look_again(Instant::now());
        }
    }

    /// Reads what it is told to, but for files that are open for writing.
    fn reload(&mut self, trigger: Trigger, ask: &Ask, how: How) -> Change {
        self.follow(trigger, ask, Rule::Closed, how)
    }

    fn follow(&mut self, trigger: Trigger, ask: &Ask, rule: Rule, how: How) -> Change {
        let (engine, mut gate) = self.gated(rule);
        let mut change = engine.follow(trigger, ask, &mut gate, how);
        change.problems.extend(gate.open.iter().map(Problem::from));
        self.done(&change);
        change
    }

    /// The engine, and what it takes files through.
    fn gated(&mut self, rule: Rule) -> (&mut Engine, Watched<'_>) {
        let Loop { engine, watch, looks, queue, later, sources, .. } = self;
        (engine, Watched { watch, looks, queue, later, sources, rule, open: Vec::new() })
    }

    /// What a change leaves to be done.
    fn done(&mut self, change: &Change) {
        self.count(change);
        let now = Instant::now();
        self.free_at = (self.engine.free() > 0).then_some(now + FREE);
        let named = self.engine.newly_named();
        if !named.is_empty() {
            self.watch.follow(named.iter().map(PathBuf::as_path));
        }
        if change.outcome == Outcome::Published {
            tracing::info!(
                generation = change.generation,
                units = change.units.len(),
                first = change.units.first(),
                zones = change.zones.len(),
                held = change.held.len(),
                files_read = change.cost.files_read,
                zones_compiled = change.cost.zones_compiled,
                took_us = change.took_us,
                "published"
            );
        }
    }

    fn count(&mut self, change: &Change) {
        self.changes.done(Done {
            outcome: change.outcome.as_str(),
            at: change.at,
            took: Duration::from_micros(change.took_us),
            files_read: change.cost.files_read,
            zones_compiled: change.cost.zones_compiled,
        });
        let held = self.engine.held();
        self.changes.hold(held.iter().map(|held| (held.unit.as_str(), held.since)));
        self.changes.set_in_sync(self.engine.is_in_sync());
        self.tell_state();
    }

    /// Whether the state can be written, and when that is to be tried again.
    fn tell_state(&mut self) {
        self.changes.set_state_writable(self.engine.state_error().is_none());
        let retries = self.engine.has_unfinished() || self.listener.is_none();
        self.retry_at = retries.then(|| Instant::now() + RETRY);
    }

    /// Says once why files are polled, or that a lock of git is stale.
    fn tell_trouble(&mut self) {
        if let Some(why) = self.watch.trouble().filter(|_| !self.told_trouble) {
            tracing::warn!("{why}; files are looked at every few seconds instead");
            self.told_trouble = true;
        }
        let lock = self.watch.stale_lock().map(Path::to_path_buf);
        if lock != self.told_lock {
            if let Some(lock) = &lock {
                tracing::warn!(lock = %lock.display(), "a lock of git is old: files are followed although it is there");
            }
            self.told_lock = lock;
        }
    }
}
