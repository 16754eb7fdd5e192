//! The server's settings: `portolan.toml`, what the command line says instead, and what holds otherwise.
//!
//! Invariant: every setting has a default that works, so that the file may be absent. Nothing here opens a file
//! or asks the machine; where a default depends on the machine, the setting is `None`.

pub mod code;
mod file;
pub mod format;
mod guards;

pub use guards::{Guards, Share};

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Diagnostics, Ownership};

/// What is served on where nothing else is said.
pub const DEFAULT_PORT: u16 = 5300;
/// Most workers.
pub const MAX_WORKERS: u16 = 256;
/// Most TCP connections.
pub const MAX_CONNECTIONS: u32 = 1_000_000;
/// Most that a limit of `[guards]` can be set to.
pub const MAX_GUARD: u32 = 1_000_000_000;
/// Most generations, days and MiB of history.
pub const MAX_HISTORY: u32 = 1_000_000;
/// Longest time that a TCP connection may be idle: what edns-tcp-keepalive can say (RFC 7828 section 3.1).
pub const MAX_IDLE_SECONDS: u32 = 6553;

/// What is meant: file, command line and defaults taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Folder of the master files.
    pub zones: PathBuf,
    /// Folder of the address maps.
    pub addrmaps: PathBuf,
    /// Folder of what the server must remember.
    pub state: PathBuf,
    /// Addresses to serve on, at least one, each once.
    pub listen: Vec<Listen>,
    /// Number of workers, 1 to 256; one for each core where it is not set.
    pub workers: Option<u16>,
    /// Where metrics are served; nowhere where it is not set.
    pub metrics: Option<SocketAddr>,
    /// Form of the log.
    pub log: LogFormat,
    /// How changes of files are noticed.
    pub watch: Watch,
    /// Whether a change is taken as a whole or not at all.
    pub strict: bool,
    /// What becomes of maps whose addresses their account may not use.
    pub ownership: Ownership,
    /// Where the running server is talked to; in the state directory where it is not set.
    pub socket: Option<PathBuf>,
    /// TCP connections.
    pub tcp: Tcp,
    /// How long earlier generations are remembered.
    pub history: History,
    /// How answers look.
    pub answers: Answers,
    /// How much may be lost at once.
    pub guards: Guards,
}

/// How changes of files are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// The kernel tells.
    #[default]
    Events,
    /// Files are looked at every few seconds.
    Poll,
    /// Only when told to reload.
    Off,
}

/// An address to serve on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Whether nobody asked for it: where it cannot be had, a machine without IPv6 for instance, the others will do.
    pub is_default: bool,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Limits on TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Most at a time, 1 to [`MAX_CONNECTIONS`].
    pub connections: u32,
    /// Most of them from one /24 of IPv4 or one /56 of IPv6, 1 to [`MAX_CONNECTIONS`].
    pub connections_per_prefix: u32,
    /// Seconds that one may be idle, 1 to [`MAX_IDLE_SECONDS`].
    pub idle_seconds: u32,
}

impl Default for Tcp {
    fn default() -> Tcp {
        Tcp { connections: 4096, connections_per_prefix: 256, idle_seconds: 10 }
    }
}

/// How long earlier generations are remembered: within all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Generations, 1 to [`MAX_HISTORY`]; what is served is among them.
    pub generations: u32,
    /// Days, 1 to [`MAX_HISTORY`].
    pub days: u32,
    /// Size of the state with all of it in MiB, 1 to [`MAX_HISTORY`].
    pub mebibytes: u32,
}

impl Default for History {
    fn default() -> History {
        History { generations: 1_000, days: 90, mebibytes: 1_024 }
    }
}

/// How answers look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Order of the addresses of a map.
    pub address_order: AddressOrder,
    /// What `version.bind CH TXT` is answered.
    pub version_bind: ServerVersion,
    /// What `id.server CH TXT` is answered; refused where it is not set.
    pub id_server: Option<String>,
    /// Whether clients that ask with NSID are told generation and content.
    pub nsid: bool,
}

impl Default for Answers {
    fn default() -> Answers {
        let (address_order, version_bind) = (AddressOrder::default(), ServerVersion::default());
        Answers { address_order, version_bind, id_server: None, nsid: true }
    }
}

/// Order of the addresses of a map in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressOrder {
    /// Another address first in each answer.
    #[default]
    Rotate,
    /// As written.
    Fixed,
}

/// What is said of the server's version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerVersion {
    /// Name and version.
    #[default]
    Own,
    /// Nothing: refused.
    Hidden,
    /// This text.
    Text(String),
}

impl Default for Settings {
    fn default() -> Settings {
        let defaults = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            (Ipv6Addr::LOCALHOST, DEFAULT_PORT).into(),
        ];
        Settings {
            zones: "zones".into(),
            addrmaps: "addrmaps".into(),
            state: "state".into(),
            listen: defaults.map(|address| Listen { address, is_default: true }).into(),
            workers: None,
            metrics: None,
            log: LogFormat::default(),
            watch: Watch::default(),
            strict: false,
            ownership: Ownership::default(),
            socket: None,
            tcp: Tcp::default(),
            history: History::default(),
            answers: Answers::default(),
            guards: Guards::default(),
        }
    }
}

/// What the command line says; it goes before the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `zones`.
    pub zones: Option<PathBuf>,
    /// `addrmaps`.
    pub addrmaps: Option<PathBuf>,
    /// `state`.
    pub state: Option<PathBuf>,
    /// `listen`: instead of all addresses of the file; empty where nothing is said.
    pub listen: Vec<SocketAddr>,
    /// `workers`.
    pub workers: Option<u16>,
    /// `metrics`.
    pub metrics: Option<SocketAddr>,
    /// `log`.
    pub log: Option<LogFormat>,
    /// `watch`.
    pub watch: Option<Watch>,
    /// `strict`.
    pub strict: Option<bool>,
    /// `socket`.
    pub socket: Option<PathBuf>,
}

impl Settings {
    /// Reads `portolan.toml`. Paths in it, and the defaults of those that it leaves out, are relative to its folder.
    /// The settings are there only where no diagnostic is an error.
    pub fn read(file: &Arc<str>, content: &[u8]) -> (Option<Settings>, Diagnostics) {
        file::read(file, content)
    }

    /// These settings with what the command line says instead.
    pub fn with(self, overrides: Overrides) -> Settings {
        let Overrides { zones, addrmaps, state, listen, workers, metrics, log, watch, strict, socket } =
            overrides;
        let mut asked: Vec<Listen> = Vec::new();
        for address in listen {
            let listen = Listen { address, is_default: false };
            if !asked.contains(&listen) {
                asked.push(listen);
            }
        }
        Settings {
            zones: zones.unwrap_or(self.zones),
            addrmaps: addrmaps.unwrap_or(self.addrmaps),
            state: state.unwrap_or(self.state),
            listen: if asked.is_empty() { self.listen } else { asked },
            workers: workers.map(|workers| workers.clamp(1, MAX_WORKERS)).or(self.workers),
            metrics: metrics.or(self.metrics),
            log: log.unwrap_or(self.log),
            watch: watch.unwrap_or(self.watch),
            strict: strict.unwrap_or(self.strict),
            ownership: self.ownership,
            socket: socket.or(self.socket),
            tcp: self.tcp,
            history: self.history,
            answers: self.answers,
            guards: self.guards,
        }
    }

    /// The number of workers on a machine with this many cores.
    pub fn workers_on(&self, cores: usize) -> u16 {
        let cores = u16::try_from(cores).unwrap_or(MAX_WORKERS);
        self.workers.unwrap_or(cores).clamp(1, MAX_WORKERS)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

#[cfg(test)]
mod tests;
