//! Plain TCP (RFC 7766, RFC 9210): threads with epoll that share the listening sockets.
//!
//! `conversation` is what one connection says, `roll` who waits longest, `limits` how many there may be; none of them
//! knows a socket or a clock. `worker` is the loop around them.
//!
//! Invariant: a thread never blocks but in its `epoll_wait`, and no client can keep memory, a place or a turn for
//! longer than the limits say.

mod conversation;
mod limits;
mod roll;
mod worker;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

pub use limits::TcpLimits;

use super::StartError;
use super::answerer::Answerer;
use super::stop::Stop;
use crate::answer::Settings;
use crate::snapshot::Publisher;
use crate::telemetry::{Counters, Family, Transport};
use limits::Places;
use worker::Worker;

/// A listening socket that does not block.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) family: Family,
}

/// The threads of TCP.
#[derive(Debug)]
pub(super) struct Streams {
    threads: Vec<JoinHandle<()>>,
    /// Readable from the moment that they are to stop.
    wake: Arc<OwnedFd>,
}

impl Streams {
    /// Starts `workers` threads; none where there is nothing to listen on.
    pub(super) fn start(
        listeners: Vec<Listener>,
        workers: usize,
        limits: TcpLimits,
        settings: &Arc<Settings>,
        publisher: &Publisher,
        counters: &Counters,
        stop: &Arc<Stop>,
    ) -> Result<Streams, StartError> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = Arc::new(wake.map_err(|source| super::thread_error("the threads of TCP", source.into()))?);
        let mut streams = Streams { threads: Vec::new(), wake };
        if listeners.is_empty() {
            return Ok(streams);
        }
        let listeners: Arc<[Listener]> = listeners.into();
        let places = Arc::new(Places::new(limits.within_open_files(), settings.stream_idle));
        for index in 0..workers {
            let answerers = Family::ALL
                .map(|family| Answerer::new(settings.clone(), counters.block(Transport::Tcp, family)));
            let name = format!("tcp-{index}");
            let worker = Worker::new(
                listeners.clone(),
                places.clone(),
                answerers,
                publisher.reader(),
                stop.clone(),
                &streams.wake,
            );
            let spawned = worker
                .map_err(|source| super::thread_error(&format!("thread {name}"), source))
                .and_then(|worker| super::spawn(name, move || worker.run()));
            match spawned {
                Ok(thread) => streams.threads.push(thread),
                Err(error) => {
                    stop.stop();
                    streams.wake();
                    streams.threads.drain(..).for_each(|thread| drop(thread.join()));
                    return Err(error);
                }
            }
        }
        Ok(streams)
    }

    /// Wakes all threads once [`Stop`] is said.
    pub(super) fn wake(&self) {
        if let Err(error) = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()) {
            // They look up once a second anyway.
            tracing::debug!(error = %io::Error::from(error), "the threads of TCP could not be woken");
        }
    }

    /// The threads, to be waited for.
    pub(super) fn take_threads(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.threads)
    }
}
