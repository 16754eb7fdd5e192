//! What the commands have in common: settings found, sources read, faults told.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::{self, Cli, LogShape, Watch};
use super::serve::{ServeParts, serve};
use super::{progress, render, systemd};
use crate::answer;
use crate::config::{self, AddressOrder, Overrides, ServerVersion};
use crate::control::folder::display;
use crate::control::{
    self, Engine, Loaded, Retention, Rules, Sources, StartFrom, State, StateLock, WatchMode, talk,
};
use crate::model::{Diagnostic, MapId, Severity};
use crate::server::{Listen, TcpLimits};
use crate::snapshot::Snapshot;
use crate::telemetry::Facts;
use crate::telemetry::log::{self, LogFormat};

/// The settings of this run.
pub(super) struct Setup {
    settings: config::Settings,
    /// The folder of maps that the command line names: it must be there for whoever reads it.
    named: Option<PathBuf>,
}

impl Setup {
    /// Reads the settings file, if there is one, and puts the command line over it.
    pub(super) fn new(cli: &Cli) -> Result<Setup, String> {
        let serve = cli.serve_options();
        let overrides = Overrides {
            zones: cli.common.zones.clone(),
            addrmaps: cli.common.addrmaps.clone(),
            state: cli.common.state.clone(),
            listen: serve.listen,
            workers: serve.workers,
            metrics: serve.metrics,
            log: serve.log.map(|shape| match shape {
                LogShape::Human => config::LogFormat::Human,
                LogShape::Json => config::LogFormat::Json,
            }),
            watch: serve.watch.map(|watch| match watch {
                Watch::Events => config::Watch::Events,
                Watch::Poll => config::Watch::Poll,
                Watch::Off => config::Watch::Off,
            }),
            // The switch can only be set; what the file says holds where it is not.
            strict: serve.strict.then_some(true),
            socket: cli.common.socket.clone(),
        };
        let settings = read_settings(cli.common.config.as_deref())?;
        let named = overrides.addrmaps.clone();
        Ok(Setup { settings: settings.with(overrides), named })
    }

    /// Without a word about maps there may be none; a folder that is named must be there.
    fn has_maps(&self) -> Result<(), String> {
        match self.named.as_deref().filter(|named| !named.is_dir()) {
            Some(named) => Err(format!("the folder of address maps is not there: {}", named.display())),
            None => Ok(()),
        }
    }

    /// Where the files lie.
    pub(super) fn sources(&self) -> Sources {
        Sources { zones: self.settings.zones.clone(), addrmaps: self.settings.addrmaps.clone() }
    }

    /// How much may be lost at once.
    pub(super) fn guards(&self) -> &config::Guards {
        &self.settings.guards
    }

    /// Where the running server is talked to.
    pub(super) fn socket(&self) -> PathBuf {
        self.settings.socket.clone().unwrap_or_else(|| self.settings.state.join(talk::SOCKET))
    }

    /// Reads all files.
    pub(super) fn load(&self) -> Result<Loaded, String> {
        self.has_maps()?;
        self.load_from(&self.sources())
    }

    /// Reads all files that stand elsewhere, by the rules of these settings.
    pub(super) fn load_from(&self, sources: &Sources) -> Result<Loaded, String> {
        control::load_with(sources, self.settings.ownership).map_err(|error| error.to_string())
    }

    /// Puts a disabled map into force, where one is named. One that is not there is an error, never nothing.
    pub(super) fn enable(&self, loaded: &mut Loaded, map: Option<&MapId>) -> Result<(), String> {
        let Some(map) = map else { return Ok(()) };
        if loaded.enable(map) {
            return Ok(());
        }
        self.tell_errors(&loaded.diagnostics);
        Err(format!("no such map, or its account has errors: {map}"))
    }

    /// Shows errors on stderr, where the data goes to stdout.
    pub(super) fn tell_errors(&self, diagnostics: &[Diagnostic]) {
        tell(diagnostics, Severity::Error);
    }

    /// What changes are judged by.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            strict: self.settings.strict,
            ownership: self.settings.ownership,
            guards: self.settings.guards,
        }
    }

    /// Serves until told to stop.
    pub(super) fn serve(&self, started: Instant, start: Option<args::StartFrom>) -> Result<ExitCode, String> {
        let format = match self.settings.log {
            config::LogFormat::Human => LogFormat::Human,
            config::LogFormat::Json => LogFormat::Json,
        };
        log::init(format).map_err(|error| error.to_string())?;
        let given = systemd::given_sockets().map_err(|error| error.to_string())?;
        // Of two servers with one state the second must not get as far as reading a million zones.
        let lock = StateLock::acquire(&self.settings.state).map_err(|error| error.to_string())?;
        let from = match start {
            Some(args::StartFrom::Files) => StartFrom::Files,
            Some(args::StartFrom::State) | None => StartFrom::State,
        };
        if let Err(gone) = self.has_maps() {
            // What was served with it is served on, as with any folder that goes.
            let opened = State::open(&self.settings.state).map_err(|error| error.to_string())?;
            match (from, opened.confirmed) {
                (StartFrom::State, Some(_)) => tracing::error!("{gone}"),
                _ => return Err(gone),
            }
        }
        let progress = Arc::default();
        let shown = progress::show(&progress, format);
        let (sources, state) = (self.sources(), &self.settings.state);
        let opened = Engine::start(sources, state, from, self.rules(), progress);
        drop(shown);
        let (mut engine, first) = opened.map_err(|error| error.to_string())?;
        engine.retain(retention(self.settings.history));
        if engine.snapshot().zones.is_empty() {
            tracing::warn!(folder = %self.settings.zones.display(), "there is no master file: every query is refused");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let parts = ServeParts {
            lock,
            listen: self.settings.listen.iter().map(listen).collect(),
            given,
            workers: usize::from(self.settings.workers_on(cores)),
            metrics: self.settings.metrics,
            tcp: TcpLimits {
                connections: self.settings.tcp.connections as usize,
                per_prefix: self.settings.tcp.connections_per_prefix as usize,
            },
            settings: answers(&self.settings.answers, self.settings.tcp),
            engine,
            first,
            watch: match self.settings.watch {
                config::Watch::Events => WatchMode::Events,
                config::Watch::Poll => WatchMode::Poll,
                config::Watch::Off => WatchMode::Off,
            },
            socket: self.socket(),
            facts,
            started,
        };
        serve(parts).map_err(|error| error.to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is kept of the history.
fn retention(history: config::History) -> Retention {
    Retention {
        generations: history.generations.into(),
        seconds: u64::from(history.days) * 24 * 60 * 60,
        octets: u64::from(history.mebibytes) << 20,
    }
}

/// The file that is read where none is named.
const DEFAULT_CONFIG: &str = "portolan.toml";

fn read_settings(path: Option<&Path>) -> Result<config::Settings, String> {
    let named = path.is_some();
    let path = path.unwrap_or_else(|| Path::new(DEFAULT_CONFIG));
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) if !named && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(config::Settings::default());
        }
        Err(error) => return Err(format!("cannot read the settings {}: {error}", path.display())),
    };
    let file = display(path);
    let (settings, diagnostics) = config::Settings::read(&file, &content);
    tell(&diagnostics, Severity::Note);
    settings.ok_or_else(|| format!("the settings have errors: {file}"))
}

/// Shows diagnostics of at least a severity on stderr.
fn tell(diagnostics: &[Diagnostic], least: Severity) {
    let colour = super::coloured(&std::io::stderr());
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity >= least) {
        // Nothing can be done where stderr is gone.
        let _ = writeln!(std::io::stderr(), "{}", render::text(diagnostic, colour));
    }
}

fn listen(listen: &config::Listen) -> Listen {
    Listen { addr: listen.address, is_default: listen.is_default }
}

fn answers(answers: &config::Answers, tcp: config::Tcp) -> answer::Settings {
    let version = match &answers.version_bind {
        ServerVersion::Own => Some(concat!("portolan ", env!("CARGO_PKG_VERSION")).to_owned()),
        ServerVersion::Hidden => None,
        ServerVersion::Text(text) => Some(text.clone()),
    };
    let rotate = answers.address_order == AddressOrder::Rotate;
    let stream_idle = Duration::from_secs(tcp.idle_seconds.into());
    answer::Settings {
        rotate,
        version,
        server_id: answers.id_server.clone(),
        nsid: answers.nsid,
        stream_idle,
    }
}

fn facts(snapshot: &Snapshot) -> Facts {
    let held_back = snapshot.totals.faulty;
    Facts {
        zones: (snapshot.zones.len() - held_back) as u64,
        held_back: held_back as u64,
        names: snapshot.totals.names,
        maps: snapshot.maps as u64,
        generation: snapshot.generation,
    }
}
