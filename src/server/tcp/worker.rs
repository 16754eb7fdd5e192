//! The loop of one thread: events to conversations, time to ends.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketAddrAny, SocketFlags, acceptfrom_with, recv, send, sockopt};

use super::Listener;
use super::conversation::{Conversation, End, Scratch, Step, Waits, Wire};
use super::limits::{Places, Prefix, Refused};
use super::roll::{Key, Roll};
use crate::answer::Transport;
use crate::server::answerer::Answerer;
use crate::server::stop::Stop;
use crate::snapshot::{Reader, Snapshot};
use crate::telemetry::{Cell, Family, Throttle};

/// Most events of one wake.
const EVENTS: usize = 64;
/// Most connections taken from one listener in one wake: other threads want some, and the open ones their answers.
const ACCEPTS: usize = 32;
/// A thread looks up at least this often, to let go of a snapshot that is no longer served.
const LOOK_UP: Duration = Duration::from_secs(1);
/// How long no connection is accepted after there was no memory or file descriptor for one.
const PAUSE: Duration = Duration::from_millis(100);
/// Most connections looked at for one that is idle.
const ROOM_TRIES: usize = 8;
/// The event of the word to stop.
const STOP: u64 = u64::MAX;
/// The event of the first listener; above all keys.
const LISTENERS: u64 = Key::BOUND;

/// One connection.
#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    family: Family,
    prefix: Prefix,
    conversation: Conversation,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Worker {
    reader: Reader,
    stop: Arc<Stop>,
    desk: Desk,
}

/// Everything of a thread but the snapshot, which is borrowed for a whole wake.
#[derive(Debug)]
struct Desk {
    epoll: OwnedFd,
    listeners: Arc<[Listener]>,
    places: Arc<Places>,
    answerers: [Answerer; 2],
    connections: Roll<Connection>,
    scratch: Scratch,
    /// While this is set, the listeners are not looked at.
    paused_until: Option<Instant>,
    errors: Throttle,
}

impl Worker {
    /// A thread that is about to run; the listeners are registered already.
    pub(super) fn new(
        listeners: Arc<[Listener]>,
        places: Arc<Places>,
        answerers: [Answerer; 2],
        reader: Reader,
        stop: Arc<Stop>,
        wake: &OwnedFd,
    ) -> io::Result<Worker> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // Nobody reads it, so that it stays readable and wakes every thread.
        epoll::add(&epoll, wake, epoll::EventData::new_u64(STOP), epoll::EventFlags::IN)?;
        let mut desk = Desk {
            epoll,
            listeners,
            places,
            answerers,
            connections: Roll::new(),
            scratch: Scratch::new(),
            paused_until: None,
            errors: Throttle::new(Duration::from_secs(10)),
        };
        desk.listen()?;
        Ok(Worker { reader, stop, desk })
    }

    /// Answers until told to stop.
    pub(super) fn run(mut self) {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let mut now = Instant::now();
        while !self.stop.is_said() {
            events.clear();
            let waited =
                epoll::wait(&self.desk.epoll, spare_capacity(&mut events), Some(&self.desk.timeout(now)));
            now = Instant::now();
            match waited {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    self.desk.log(error, "connections could not be waited for");
                    self.stop.wait(PAUSE);
                }
            }
            // Also where nothing came: it lets go of what was served before.
            let snapshot = self.reader.current();
            for event in &events {
                match event.data.u64() {
                    STOP => {}
                    listener @ LISTENERS.. => self.desk.accept((listener - LISTENERS) as usize, now),
                    key => self.desk.happened(Key::from_u64(key), event.flags, snapshot, now),
                }
            }
            self.desk.expire(now);
        }
        self.desk.finish(self.reader.current());
    }
}

impl Desk {
    /// How long nothing is to be done but for events.
    fn timeout(&self, now: Instant) -> Timespec {
        let ends = [Waits::Message, Waits::Rest, Waits::Room].into_iter().filter_map(|waits| {
            self.connections.first(waits).map(|(_, since)| since + self.places.patience(waits))
        });
        let next = ends.chain(self.paused_until).map(|end| end.saturating_duration_since(now)).min();
        let wait = next.unwrap_or(LOOK_UP).min(LOOK_UP);
        // Up to the next millisecond, which is what the kernel counts: below, it would spin until the end.
        let wait = Duration::from_millis(wait.as_millis() as u64 + 1);
        Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) }
    }

    /// Looks at the listeners from now on.
    fn listen(&mut self) -> io::Result<()> {
        self.paused_until = None;
        for (index, listener) in self.listeners.iter().enumerate() {
            let data = epoll::EventData::new_u64(LISTENERS + index as u64);
            // Of several threads that wait not all are woken for one connection.
            epoll::add(
                &self.epoll,
                &listener.socket,
                data,
                epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE,
            )?;
        }
        Ok(())
    }

    /// Does not look at the listeners for a while: what waits there would wake the thread again and again.
    fn pause(&mut self, now: Instant) {
        for listener in self.listeners.iter() {
            // Whatever is not registered need not be taken back.
            let _ = epoll::delete(&self.epoll, &listener.socket);
        }
        self.paused_until = Some(now + PAUSE);
    }

    fn accept(&mut self, index: usize, now: Instant) {
        for _ in 0..ACCEPTS {
            // An event of this wake may be older than the pause.
            if self.paused_until.is_some() {
                return;
            }
            let Some(listener) = self.listeners.get(index) else { return };
            let family = listener.family;
            match acceptfrom_with(&listener.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((socket, peer)) => self.admit(socket, peer, family, now),
                Err(Errno::AGAIN) => return,
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    // The kernel wants a descriptor before it looks whether anybody waits.
                    if !has_waiting(&listener.socket) {
                        return;
                    }
                    self.short_of(error, family, now);
                }
                Err(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP) => {
                    self.log(Errno::INVAL, "a listening socket is of no use any more");
                    self.pause(now);
                }
                // Errors of the connection that was to be accepted (accept(2)), and signals.
                Err(_) => {}
            }
        }
    }

    /// There is no descriptor or memory for another connection: one that is idle makes room, or accepting pauses.
    fn short_of(&mut self, error: Errno, family: Family, now: Instant) {
        self.block(family).bump(Cell::ReceiveErrors);
        self.log(error, "no TCP connection can be accepted; idle ones are closed to make room");
        if !self.make_room(now) {
            self.pause(now);
        }
    }

    fn admit(&mut self, socket: OwnedFd, peer: Option<SocketAddrAny>, family: Family, now: Instant) {
        // Without an address it is gone again.
        let Some(peer) = peer.and_then(|peer| SocketAddr::try_from(peer).ok()) else { return };
        let prefix = Prefix::of(peer.ip());
        let mut taken = self.places.take(prefix);
        if taken == Err(Refused::Full) && self.make_room(now) {
            taken = self.places.take(prefix);
        }
        match taken {
            Ok(()) => {}
            Err(Refused::Full) => return self.block(family).bump(Cell::RefusedLimit),
            Err(Refused::PrefixFull) => return self.block(family).bump(Cell::RefusedPrefix),
        }
        self.block(family).bump(Cell::Accepted);
        // Answers are sent whole: there is nothing to wait for. Without it they are only later.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        let connection = Connection { socket, family, prefix, conversation: Conversation::default() };
        let key = self.connections.insert(connection, now);
        let Some((connection, _)) = self.connections.get_mut(key) else { return };
        let data = epoll::EventData::new_u64(key.to_u64());
        if let Err(error) = epoll::add(&self.epoll, &connection.socket, data, epoll::EventFlags::IN) {
            self.close(key, None);
            self.short_of(error, family, now);
        }
    }

    /// Closes the connection that is idle longest; whether there was one. One that has sent something is not idle,
    /// though this thread may not have read it yet.
    fn make_room(&mut self, now: Instant) -> bool {
        for _ in 0..ROOM_TRIES {
            let Some((key, _)) = self.connections.first(Waits::Message) else { return false };
            if self.connections.get_mut(key).is_some_and(|(connection, _)| has_sent(&connection.socket)) {
                self.connections.wait(key, Waits::Message, now);
            } else {
                self.close(key, Some(Cell::ClosedForRoom));
                return true;
            }
        }
        false
    }

    fn happened(&mut self, key: Key, flags: epoll::EventFlags, snapshot: &Snapshot, now: Instant) {
        // One that was closed in this very wake has events yet.
        let Some((connection, waited)) = self.connections.get_mut(key) else { return };
        let answerer = &self.answerers[connection.family as usize];
        let mut wire = Socket { socket: &connection.socket, answerer, snapshot };
        let step = if flags.contains(epoll::EventFlags::OUT) {
            connection.conversation.writable(&mut self.scratch, &mut wire)
        } else {
            connection.conversation.readable(&mut self.scratch, &mut wire)
        };
        let Step { waits, took_message } = match step {
            Ok(step) => step,
            Err(end) => {
                if matches!(end, End::Lost) {
                    answerer.block().bump(Cell::SendErrors);
                }
                return self.close(key, None);
            }
        };
        if (waits == Waits::Room) != (waited == Waits::Room) {
            let flags = if waits == Waits::Room { epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
            let data = epoll::EventData::new_u64(key.to_u64());
            if let Err(error) = epoll::modify(&self.epoll, &connection.socket, data, flags) {
                self.log(error, "a connection could not be waited for and is closed");
                return self.close(key, None);
            }
        }
        // The time of what is begun goes on: neither single octets nor single answers taken prolong it.
        if waits != waited || took_message {
            self.connections.wait(key, waits, now);
        }
    }

    /// Closes what waited too long, and ends a pause.
    fn expire(&mut self, now: Instant) {
        for (waits, cell) in [
            (Waits::Message, Cell::ClosedIdle),
            (Waits::Rest, Cell::ClosedSlow),
            (Waits::Room, Cell::ClosedSlow),
        ] {
            while let Some((key, since)) = self.connections.first(waits)
                && now.saturating_duration_since(since) >= self.places.patience(waits)
            {
                self.close(key, Some(cell));
            }
        }
        if self.paused_until.is_some_and(|until| now >= until)
            && let Err(error) = self.listen()
        {
            self.log(
                Errno::from_io_error(&error).unwrap_or(Errno::INVAL),
                "accepting pauses a little longer",
            );
            self.pause(now);
        }
    }

    /// Closes a connection, and counts why.
    fn close(&mut self, key: Key, why: Option<Cell>) {
        let Some(connection) = self.connections.remove(key) else { return };
        self.places.free(connection.prefix);
        let block = self.block(connection.family);
        block.bump(Cell::Closed);
        if let Some(why) = why {
            block.bump(why);
        }
    }

    /// The end: what is unsent is tried once more, and all is closed.
    fn finish(&mut self, snapshot: &Snapshot) {
        for waits in [Waits::Room, Waits::Rest, Waits::Message] {
            while let Some((key, since)) = self.connections.first(waits) {
                if waits == Waits::Room {
                    self.happened(key, epoll::EventFlags::OUT, snapshot, since);
                }
                self.close(key, None);
            }
        }
    }

    fn block(&self, family: Family) -> &crate::telemetry::Block {
        self.answerers[family as usize].block()
    }

    fn log(&self, error: Errno, what: &str) {
        if let Some(suppressed) = self.errors.pass() {
            tracing::warn!(error = %io::Error::from(error), suppressed, "{what}");
        }
    }
}

/// Whether octets of the peer wait to be read.
fn has_sent(socket: &OwnedFd) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    recv(socket, &mut [0; 1], flags).is_ok_and(|(len, _)| len > 0)
}

/// Whether a connection waits to be accepted.
fn has_waiting(listener: &TcpListener) -> bool {
    let mut listener = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut listener, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

/// The wire of one connection.
struct Socket<'w> {
    socket: &'w OwnedFd,
    answerer: &'w Answerer,
    snapshot: &'w Snapshot,
}

impl Wire for Socket<'_> {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.socket.as_fd(), buffer, RecvFlags::empty())?.0)
    }

    fn send(&mut self, octets: &[u8]) -> io::Result<usize> {
        // A client that is gone is an error, not a signal.
        Ok(send(self.socket.as_fd(), octets, SendFlags::NOSIGNAL)?)
    }

    fn answer(&mut self, message: &[u8], out: &mut [u8]) -> Option<usize> {
        let answer = self.answerer.answer(self.snapshot, message, Transport::Stream, out);
        answer.map(<[u8]>::len)
    }
}

#[cfg(test)]
mod tests;
