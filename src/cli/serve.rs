//! `serve`: takes what was loaded and serves it until told to stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::systemd;
use crate::answer::Settings;
use crate::api::metrics::{self as endpoint, MetricsError};
use crate::control::report::Change;
use crate::control::talk::TalkError;
use crate::control::{Engine, Keeper, KeeperParts, Manager, StateLock, WatchMode};
use crate::server::{Given, Listen, Server, ServerConfig, StartError, TcpLimits};
use crate::snapshot::{Publisher, Snapshot};
use crate::telemetry::metrics::render;
use crate::telemetry::{Changes, Counters, Facts, Samples};

/// How long a scraper that does not read is waited for at the end.
const LAST_SCRAPE: Duration = Duration::from_secs(2);

/// Everything that serving needs.
#[derive(Debug)]
pub struct ServeParts {
    /// The lock on what the server remembers, held while it serves.
    pub lock: StateLock,
    /// Addresses for UDP and TCP.
    pub listen: Vec<Listen>,
    /// Sockets to use instead of the addresses, if there are any.
    pub given: Given,
    /// UDP workers per address.
    pub workers: usize,
    /// Limits on TCP connections.
    pub tcp: TcpLimits,
    /// Address of the metrics endpoint, if there is to be one.
    pub metrics: Option<SocketAddr>,
    /// What an answer depends on beside the snapshot.
    pub settings: Settings,
    /// What changes what is served, with its first snapshot.
    pub engine: Engine,
    /// What the start came to.
    pub first: Change,
    /// How changes of files are noticed.
    pub watch: WatchMode,
    /// Where the control socket is to be.
    pub socket: PathBuf,
    /// Counts what a snapshot holds; asked again at each scrape.
    pub facts: fn(&Snapshot) -> Facts,
    /// When the process began, for the ready line.
    pub started: Instant,
}

/// Serving could not begin. The command exits with 2.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The sockets.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The metrics endpoint.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] TalkError),
    /// The runtime or the signals.
    #[error("cannot set up {what}: {source}")]
    Runtime {
        /// Which one.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// What is open while serving.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The addresses for DNS, with their real ports.
    pub addresses: Vec<SocketAddr>,
    /// The address of the metrics endpoint.
    pub metrics: Option<SocketAddr>,
    /// Where the next snapshot is published.
    pub publisher: Publisher,
}

/// Serves until SIGTERM or SIGINT, then stops cleanly.
pub fn serve(parts: ServeParts) -> Result<(), ServeError> {
    serve_with(parts, |_| {})
}

/// [`serve`], and tells `ready` what is open once everything is.
pub fn serve_with(parts: ServeParts, ready: impl FnOnce(&Serving)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ServeError::Runtime { what: "the runtime", source })?;
    let result = runtime.block_on(async {
        // Signals are caught before anything is open, so that none that comes later is lost.
        let signals =
            Signals::catch().map_err(|source| ServeError::Runtime { what: "the signals", source })?;
        serve_until(parts, signals, ready).await
    });
    runtime.shutdown_timeout(LAST_SCRAPE);
    result
}

/// The signals that a server listens to, caught from the moment that this is made.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn catch() -> io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for SIGTERM or SIGINT and returns its name; every SIGHUP until then is handed on.
    async fn end(&mut self, hangup: impl Fn()) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => hangup(),
            }
        }
    }
}

async fn serve_until(
    parts: ServeParts,
    mut signals: Signals,
    ready: impl FnOnce(&Serving),
) -> Result<(), ServeError> {
    let _lock = parts.lock;
    let (counters, samples) = (Arc::new(Counters::new()), Arc::new(Samples::new()));
    let publisher = parts.engine.publisher().clone();
    let changes = Arc::new(Changes::new());
    let stop_metrics = CancellationToken::new();
    let metrics = match parts.metrics {
        Some(addr) => Some(endpoint::bind(addr).await?),
        None => None,
    };
    let config = ServerConfig {
        listen: parts.listen,
        given: parts.given,
        workers: parts.workers,
        tcp: parts.tcp,
        settings: Arc::new(parts.settings.clone()),
        samples: samples.clone(),
    };
    let server = Server::start(config, &publisher, counters.clone())?;
    let serving = Serving {
        addresses: server.local_addresses().to_vec(),
        metrics: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
        publisher: publisher.clone(),
    };
    let scraping = metrics.map(|listener| {
        let page = page(publisher, counters, changes.clone(), parts.facts);
        tokio::spawn(endpoint::serve(listener, page, stop_metrics.clone()))
    });
    let manager = Manager {
        reloading: systemd::reloading,
        ready: systemd::ready,
        watchdog: systemd::watchdog_interval().map(|interval| (interval, systemd::watchdog_ping as fn())),
    };
    let keeper = Keeper::start(KeeperParts {
        engine: parts.engine,
        watch: parts.watch,
        socket: parts.socket,
        changes,
        samples,
        manager,
        first: parts.first,
        addresses: serving.addresses.clone(),
        settings: parts.settings,
    })?;
    systemd::ready();
    log_ready(&serving, (parts.facts)(&serving.publisher.current()), parts.started);
    ready(&serving);

    let signal = signals.end(|| keeper.hangup()).await;
    tracing::info!(signal, "portolan stops");
    systemd::stopping();
    drop(keeper);
    stop_metrics.cancel();
    server.stop();
    if let Some(scraping) = scraping {
        finish(scraping).await;
    }
    tracing::info!("portolan stopped");
    Ok(())
}

fn page(
    publisher: Publisher,
    counters: Arc<Counters>,
    changes: Arc<Changes>,
    facts: fn(&Snapshot) -> Facts,
) -> endpoint::Render {
    let started = SystemTime::now();
    Arc::new(move || render(&counters, &facts(&publisher.current()), &changes, started, SystemTime::now()))
}

fn log_ready(serving: &Serving, facts: Facts, started: Instant) {
    let listen: Vec<String> = serving.addresses.iter().map(SocketAddr::to_string).collect();
    tracing::info!(
        zones = facts.zones,
        held_back = facts.held_back,
        names = facts.names,
        maps = facts.maps,
        listen = listen.join(","),
        metrics = serving.metrics.map(tracing::field::display),
        generation = facts.generation,
        took_ms = started.elapsed().as_millis() as u64,
        "portolan ready"
    );
}

async fn finish(scraping: JoinHandle<io::Result<()>>) {
    match tokio::time::timeout(LAST_SCRAPE, scraping).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the metrics endpoint ended with an error"),
        Ok(Err(error)) => tracing::error!(%error, "the metrics endpoint ended in a panic"),
        Err(_) => tracing::warn!("a scraper did not read its page in time; it is cut off"),
    }
}
