//! Sockets: UDP workers with the slow door beside them, and plain TCP. DoT and DoQ will come in through
//! hickory-server; this is the room for it. The only room with `unsafe`.
//!
//! Invariant: nothing here decides an answer; every transport hands the packet to [`crate::answer::respond`]. No
//! packet and no socket error ends a worker; only [`Server::stop`] does.

mod answerer;
mod listen;
mod packet_info;
mod slow;
mod stop;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub use listen::{Given, Listen, ListenError};
pub use tcp::TcpLimits;

use crate::answer::Settings;
use crate::snapshot::Publisher;
use crate::telemetry::{Counters, Family, Samples, Throttle, Transport};
use answerer::Answerer;
use slow::slow_door;
use stop::Stop;

/// Of errors that come in crowds one line is logged per this time.
const ERROR_LINES: Duration = Duration::from_secs(10);

/// How to serve.
#[derive(Debug)]
pub struct ServerConfig {
    /// The addresses, for UDP and TCP.
    pub listen: Vec<Listen>,
    /// Sockets that are there already; if there are any, they are used instead of the addresses.
    pub given: Given,
    /// UDP workers per address, and as many threads for all of TCP; 0 counts as 1.
    pub workers: usize,
    /// Limits on TCP connections.
    pub tcp: TcpLimits,
    /// What an answer depends on beside the snapshot.
    pub settings: Arc<Settings>,
    /// Where a few of the questions are kept.
    pub samples: Arc<Samples>,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A thread or its runtime could not be made.
    #[error("cannot start {what}: {source}; check the limits on processes and memory")]
    Thread {
        /// Which one.
        what: String,
        /// Why.
        source: io::Error,
    },
}

/// A running server. Dropping it stops it as well.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    workers: Vec<(Arc<udp::Socket>, JoinHandle<()>)>,
    slow: Option<JoinHandle<()>>,
    streams: Option<tcp::Streams>,
    stop: Arc<Stop>,
}

impl Server {
    /// Binds all addresses, then starts the workers. On return the server answers.
    pub fn start(
        config: ServerConfig,
        publisher: &Publisher,
        counters: Arc<Counters>,
    ) -> Result<Server, StartError> {
        let workers = config.workers.max(1);
        let bound = if config.given.is_empty() {
            listen::bind_all(&config.listen, workers)?
        } else {
            listen::take_given(config.given, workers)?
        };
        let mut server = Server {
            addresses: bound.iter().map(|address| address.addr).collect(),
            workers: Vec::new(),
            slow: None,
            streams: None,
            stop: Arc::new(Stop::default()),
        };
        let answerer =
            |transport, family| Answerer::new(config.settings.clone(), counters.block(transport, family));
        let mut listeners = Vec::new();
        let mut sockets = Vec::new();
        for address in bound {
            let family = Family::of(address.addr);
            sockets.extend(address.udp.into_iter().map(|socket| (Arc::new(socket), family)).enumerate());
            listeners.extend(address.tcp.into_iter().map(|socket| tcp::Listener { socket, family }));
        }

        // The thread behind the slow door has counters of its own: a block has one writer.
        let behind = [Family::V4, Family::V6].map(|family| Arc::new(answerer(Transport::Udp, family)));
        let sockets_behind = sockets.iter().map(|(_, (socket, family))| {
            (socket.clone(), behind[usize::from(*family == Family::V6)].clone())
        });
        let (doors, thread) = slow_door(sockets_behind.collect(), publisher.reader());
        server.slow = Some(spawn("udp-slow".to_owned(), move || thread.run())?);
        let samples = config.samples.rings(doors.len());
        for (((index, (socket, family)), slow), samples) in sockets.into_iter().zip(doors).zip(samples) {
            let worker = udp::Worker {
                socket: socket.clone(),
                reader: publisher.reader(),
                answerer: answerer(Transport::Udp, family),
                slow,
                stop: server.stop.clone(),
                turn: 0,
                errors: Throttle::new(ERROR_LINES),
                samples,
            };
            let thread = spawn(format!("udp-{index}"), move || worker.run())?;
            server.workers.push((socket, thread));
        }
        let (settings, stop) = (&config.settings, &server.stop);
        server.streams =
            Some(tcp::Streams::start(listeners, workers, config.tcp, settings, publisher, &counters, stop)?);
        Ok(server)
    }

    /// The addresses listened on, with their real ports, in the order given; of sockets that were given in the order of
    /// the addresses.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops and waits for all threads; an answer that is being written is finished.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        self.stop.stop();
        let mut streams = self.streams.take();
        if let Some(streams) = &streams {
            streams.wake();
        }
        for (socket, _) in &self.workers {
            socket.wake();
        }
        let workers = self.workers.drain(..).map(|(_, thread)| thread);
        // The slow door closes behind the last worker.
        let streams = streams.iter_mut().flat_map(tcp::Streams::take_threads);
        for thread in workers.chain(self.slow.take()).chain(streams) {
            let name = thread.thread().name().unwrap_or("unnamed").to_owned();
            if thread.join().is_err() {
                tracing::error!(thread = name, "a thread of the server ended in a panic");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    let what = format!("thread {name}");
    std::thread::Builder::new().name(name).spawn(run).map_err(|source| thread_error(&what, source))
}

fn thread_error(what: &str, source: io::Error) -> StartError {
    StartError::Thread { what: what.to_owned(), source }
}
