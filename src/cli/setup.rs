//! What the commands have in common: settings found, sources read.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use super::args::{Cli, LogShape};
use super::render;
use super::serve::{ServeParts, serve};
use crate::compile::{Compiled, compile};
use crate::config::{Overrides, Settings};
use crate::control::{self, Loaded, Sources};
use crate::model::{Diagnostic, Severity};
use crate::server::Listen;
use crate::snapshot::Snapshot;
use crate::telemetry::{Facts, LogFormat, log};
