//! The end that answers: a thread that accepts, and one for each connection.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::message::{self, BadLine, Reply, Request};
use super::{MAX_PATH, TalkError};
use crate::telemetry::Throttle;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time.
    pub(super) connections: usize,
    /// Octets of a request.
    pub(super) request: usize,
    /// Time to send the request, and to take each piece of the answer.
    pub(super) patience: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connections: 16, request: 1 << 20, patience: Duration::from_secs(5) }
    }
}

/// The control socket of a server. Dropping it removes the socket's file and ends its thread; an answer that is still
/// worked on is not waited for.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// The file system and the file on it: only our own file is removed at the end.
    file: (u64, u64),
    limits: Limits,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the threads have in common.
#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    /// The connections at work.
    open: Mutex<BTreeMap<u64, UnixStream>>,
}

impl Listener {
    /// Makes the socket, for its owner only. A socket that a dead server left behind is replaced.
    pub fn bind(path: &Path) -> Result<Listener, TalkError> {
        Listener::bind_with(path, Limits::default())
    }

    pub(super) fn bind_with(path: &Path, limits: Limits) -> Result<Listener, TalkError> {
        let path = path.to_owned();
        if path.as_os_str().len() > MAX_PATH {
            return Err(TalkError::PathTooLong { path });
        }
        remove_stale(&path)?;
        match bind(&path).and_then(|socket| Ok((socket, identity(&fs::symlink_metadata(&path)?)))) {
            Ok((socket, file)) => {
                Ok(Listener { socket, path, file, limits, shared: Arc::default(), thread: None })
            }
            Err(source) => Err(TalkError::Bind { path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers requests from now on, each in a thread of its own. Called once.
    pub fn serve(&mut self, ask: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Result<(), TalkError> {
        debug_assert!(self.thread.is_none(), "it serves already");
        let failed = |source| TalkError::Bind { path: self.path.clone(), source };
        let socket = self.socket.try_clone().map_err(failed)?;
        let (shared, limits) = (self.shared.clone(), self.limits);
        let ask: Arc<Ask> = Arc::new(ask);
        let accept = move || accept(&socket, &shared, limits, &ask);
        self.thread = Some(Builder::new().name("control".to_owned()).spawn(accept).map_err(failed)?);
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Gone from the folder first, so that nobody knocks any more.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.file) {
            // A file that stays is replaced by the next server.
            let _ = fs::remove_file(&self.path);
        }
        // Linux wakes an accept that waits on a socket that is shut down.
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Both);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the control socket ended in a panic");
        }
        // Who has not asked yet is let go; who waits for an answer may still get it.
        for stream in self.shared.open().values() {
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

type Ask = dyn Fn(Request) -> Reply + Send + Sync;

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, UnixStream>> {
        // A panic cannot leave the list half changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Removes what a dead server left behind, and nothing else.
fn remove_stale(path: &Path) -> Result<(), TalkError> {
    let failed = |source| TalkError::Bind { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(TalkError::NoSocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    // A socket outside of the state directory is not protected by the lock on it.
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed(source)),
        Ok(_) => Err(TalkError::InUse { path: path.to_owned() }),
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux gives the file the rights that the socket has when it is bound: there is no moment with others.
    let as_file = File::from(OwnedFd::from(socket));
    as_file.set_permissions(Permissions::from_mode(0o600))?;
    let socket = Socket::from(OwnedFd::from(as_file));
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(OwnedFd::from(socket).into())
}

/// How long to wait where a connection cannot be accepted for want of memory or descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// Of such failures, which come in crowds, one line is logged per this time.
const ERROR_LINES: Duration = Duration::from_secs(10);

fn accept(socket: &UnixListener, shared: &Arc<Shared>, limits: Limits, ask: &Arc<Ask>) {
    let errors = Throttle::new(ERROR_LINES);
    for number in 0.. {
        let accepted = socket.accept();
        if shared.stopped.load(Ordering::Acquire) {
            return;
        }
        let taken = match accepted {
            Ok((stream, _)) => take(stream, number, shared, limits, ask),
            Err(error) => Err(error),
        };
        match taken {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                if let Some(suppressed) = errors.pass() {
                    tracing::warn!(%error, suppressed, "a connection to the control socket could not be taken");
                }
                std::thread::sleep(PAUSE);
            }
            _ => {}
        }
    }
}

/// Hands a connection to a thread of its own, or sends it away where there are too many.
fn take(
    mut stream: UnixStream,
    number: u64,
    shared: &Arc<Shared>,
    limits: Limits,
    ask: &Arc<Ask>,
) -> io::Result<()> {
    stream.set_write_timeout(Some(limits.patience))?;
    let mut open = shared.open();
    if open.len() >= limits.connections {
        drop(open);
        let busy = format!("{} requests are at work already; try again when one is done", limits.connections);
        // Whoever went away meanwhile need not be told.
        let _ = stream.write_all(&message::write(&Reply::failed(busy)));
        return Ok(());
    }
    open.insert(number, stream.try_clone()?);
    drop(open);
    let leaving = Leaving { shared: shared.clone(), number };
    let ask = ask.clone();
    let talk = move || {
        let _leaving = leaving;
        if let Err(error) = converse(&mut stream, limits, &*ask) {
            tracing::debug!(%error, "a client of the control socket went away");
        }
    };
    Builder::new().name("control".to_owned()).spawn(talk).map(drop)
}

/// Takes a connection off the list when its thread ends, however it ends.
struct Leaving {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.shared.open().remove(&self.number);
    }
}

/// One question, one answer.
fn converse(stream: &mut UnixStream, limits: Limits, ask: &Ask) -> io::Result<()> {
    let reply = match request(stream, limits)? {
        Some(line) => match message::read::<Request>(&line) {
            Ok(request) => request.fault().map_or_else(|| ask(request), Reply::failed),
            Err(BadLine::Version { version, program }) => Reply::failed(format!(
                "{program} asks in version {version} of the control protocol, this server speaks version {}",
                message::VERSION
            )),
            Err(BadLine::Unreadable(error)) => Reply::failed(format!("the request cannot be read: {error}")),
        },
        None => Reply::failed(format!("the request has more than {} octets", limits.request)),
    };
    stream.write_all(&message::write(&reply))
}

/// Reads up to the first line end; `None` where the line is too long.
fn request(stream: &mut UnixStream, limits: Limits) -> io::Result<Option<Vec<u8>>> {
    let until = Instant::now() + limits.patience;
    let mut line = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let len = match stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = piece[..len].iter().position(|octet| *octet == b'\n');
        line.extend_from_slice(&piece[..end.unwrap_or(len)]);
        if line.len() > limits.request {
            return Ok(None);
        }
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}
