//! What the commands have in common: settings found, sources read, faults told.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use super::args::{Cli, LogShape};
use super::render;
use super::serve::{ServeParts, serve};
use crate::answer;
use crate::compile::{Compiled, compile};
use crate::config::{self, Overrides};
use crate::control::{self, Loaded, Sources};
use crate::model::{Diagnostic, Severity};
use crate::server::Listen;
use crate::snapshot::Snapshot;
use crate::telemetry::{Facts, LogFormat, log};

/// The settings of this run.
pub(super) struct Setup {
    settings: config::Settings,
}

/// The first generation of a process; a later one is greater than any before it.
const FIRST_GENERATION: u64 = 1;

impl Setup {
    /// Reads the settings file, if one is named, and puts the command line over it.
    pub(super) fn new(cli: &Cli) -> Result<Setup, String> {
        let serve = cli.serve_options();
        let overrides = Overrides {
            zones: cli.common.zones.clone(),
            addrmaps: cli.common.addrmaps.clone(),
            state: cli.common.state.clone(),
            listen: serve.listen,
            workers: serve.workers,
            metrics: serve.metrics,
            log: serve.log,
        };
        let _ = overrides;
        todo!()
    }

    fn sources(&self) -> Sources {
        Sources { zones: self.settings.zones.clone(), addrmaps: self.settings.addrmaps.clone() }
    }

    /// Reads all files.
    pub(super) fn load(&self) -> Result<Loaded, String> {
        control::load(&self.sources()).map_err(|error| error.to_string())
    }

    /// Shows errors on stderr, where the data goes to stdout.
    pub(super) fn tell_errors(&self, diagnostics: &[Diagnostic]) {
        let colour = super::coloured(&std::io::stderr());
        for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
            // Nothing can be done where stderr is gone.
            let _ = writeln!(std::io::stderr(), "{}", render::text(diagnostic, colour));
        }
    }

    /// Serves until told to stop.
    pub(super) fn serve(&self, started: Instant) -> Result<ExitCode, String> {
        todo!()
    }
}
