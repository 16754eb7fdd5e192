//! The kernel's events: a thread of their own takes them, watches new folders at once, and tells what they mean.
//!
//! How a file that is being written is told from one that is complete at once: opening a file that was not there gives
//! *create*, *open*, *modify* ..., *close after writing*, the open right behind the create; `ln` and `ln -s` give a
//! *create* alone. So a create says "new", and an open that follows it says "being written". An open of a file that
//! was there before says nothing (it may be a reader) until the first *modify*; nor does one that another event
//! separates from its create, for then the first *modify* is near.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};

use super::Signal;
use super::places::{Event, Places};
use super::settle::Noted;
use crate::control::Sources;

/// An open that comes later than that behind the create is a reader's. Sooner than we read a new file ourselves.
const OPENED_AT_ONCE: Duration = Duration::from_millis(100);

/// The entry that the last event created, and when.
type Created = Option<(PathBuf, Instant)>;

/// What the thread is told.
pub(super) enum Message {
    Event(notify::Result<notify::Event>),
    Follow(Vec<PathBuf>),
    /// All that has happened is to be told.
    CatchUp(u64),
    /// All that had happened then has been told.
    CaughtUp(u64),
    Stop,
}

/// Watches both trees and tells what happens until told to stop; the error says why not. When it returns, what happens
/// is told: sources that are read afterwards miss nothing.
pub(super) fn start(
    sources: &Sources,
    tell: impl Fn(Signal) + Send + 'static,
) -> Result<mpsc::Sender<Message>, String> {
    if !cfg!(target_os = "linux") {
        return Err("changes of files are noticed by events on Linux only".to_owned());
    }
    let (sender, messages) = mpsc::channel();
    let (events, later) = (sender.clone(), sender.clone());
    // It ends with the thread, which drops the watcher.
    let hand_over = move |event| drop(events.send(Message::Event(event)));
    let watcher = notify::recommended_watcher(hand_over).map_err(reason)?;
    let mut places = Places::new(watcher, sources).map_err(reason)?;
    let run = move || {
        let mut created = None;
        for message in messages {
            let done = match message {
                Message::Event(event) => {
                    event.and_then(|event| handle(&mut places, &mut created, &event, &tell))
                }
                Message::Follow(files) => follow(&mut places, files, &tell),
                Message::CatchUp(asked) => places.catch_up().map(|()| {
                    // Behind the events that it brought.
                    let _ended = later.send(Message::CaughtUp(asked));
                }),
                Message::CaughtUp(asked) => {
                    tell(Signal::CaughtUp(asked));
                    Ok(())
                }
                Message::Stop => return,
            };
            if let Err(error) = done {
                return tell(Signal::Polling(reason(error)));
            }
        }
    };
    let started = thread::Builder::new().name("watch".to_owned()).spawn(run);
    started.map(|_| sender).map_err(|error| format!("no thread to watch files: {error}"))
}

fn follow(places: &mut Places, files: Vec<PathBuf>, tell: &impl Fn(Signal)) -> notify::Result<()> {
    for file in files {
        if places.follow(&file)? {
            tell(Signal::Noted(Noted::Changed(file)));
        }
    }
    Ok(())
}

fn handle(
    places: &mut Places,
    created: &mut Created,
    event: &notify::Event,
    tell: &impl Fn(Signal),
) -> notify::Result<()> {
    if event.need_rescan() {
        places.watch_all()?;
        tell(Signal::Noted(Noted::Rescan));
        return Ok(());
    }
    let Some(path) = event.paths.first() else { return Ok(()) };
    let before = created.take();
    let what = match event.kind {
        EventKind::Create(_) => {
            *created = Some((path.clone(), Instant::now()));
            Event::Created
        }
        EventKind::Access(AccessKind::Open(_)) => {
            let at_once = |(new, at): (PathBuf, Instant)| new == *path && at.elapsed() < OPENED_AT_ONCE;
            if !before.is_some_and(at_once) || is_complete(path) {
                return Ok(());
            }
            Event::Written
        }
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Event::Closed,
        // Readers, ourselves above all.
        EventKind::Access(_) => return Ok(()),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Event::MovedIn,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Event::Removed,
        // Both halves have been told by themselves.
        EventKind::Modify(ModifyKind::Name(_)) => return Ok(()),
        EventKind::Modify(ModifyKind::Metadata(_)) => Event::Changed,
        EventKind::Modify(_) => Event::Written,
        EventKind::Remove(_) => Event::Removed,
        EventKind::Any | EventKind::Other => return Ok(()),
    };
    places.handle(what, path, &mut |noted| tell(Signal::Noted(noted)))
}

/// Whether a new entry that was opened is a link all the same, opened by a reader; or a folder that was listed.
fn is_complete(path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|found| !found.is_file() || found.nlink() > 1)
}

/// Why files cannot be watched, and what helps.
fn reason(error: notify::Error) -> String {
    const EMFILE: i32 = 24;
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the kernel's limit of watched folders is reached; raise fs.inotify.max_user_watches and restart"
                .to_owned()
        }
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(EMFILE) => {
            "the kernel's limit of watching programs or of open files is reached; raise \
             fs.inotify.max_user_instances or the limit of open files and restart"
                .to_owned()
        }
        _ => format!("files cannot be watched: {error}"),
    }
}
