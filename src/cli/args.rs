//! The arguments of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::wire::{Name, RrType};

/// An authoritative DNS server that answers proxied names from address maps.
#[derive(Debug, Parser)]
#[command(
    name = "portolan",
    version,
    args_conflicts_with_subcommands = false,
    subcommand_precedence_over_arg = true
)]
pub struct Cli {
    /// Where the files lie.
    #[command(flatten)]
    pub common: Common,
    /// How to serve, where no command is named.
    #[command(flatten)]
    pub serve: ServeOptions,
    /// What to do; serving is the default.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the zones (the default)
    Serve(ServeOptions),
    /// Read all files and tell every fault, without serving
    Check(CheckOptions),
    /// Tell why a name is answered what it is answered
    Explain(ExplainOptions),
    /// Tell how the running server is: what it serves, what is held and why
    Status(StatusOptions),
    /// Let the running server read files again, and tell what came of it
    Reload(ReloadOptions),
    /// Tell what the files would answer otherwise, before they are served
    Plan(PlanOptions),
    /// Let the running server forget an immutable map that the files no longer hold
    ForgetMap(ForgetMapOptions),
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Files")]
pub struct Common {
    /// Settings of the server [default: ./portolan.toml where it exists]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Folder of master files [default: ./zones]
    #[arg(long, value_name = "DIR", global = true)]
    pub zones: Option<PathBuf>,
    /// Folder of address maps [default: ./addrmaps]
    #[arg(long, value_name = "DIR", global = true)]
    pub addrmaps: Option<PathBuf>,
    /// Folder of what the server remembers [default: ./state]
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// Socket to talk to the running server [default: control.sock in the state folder]
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
}

/// Options of `serve`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServeOptions {
    /// Address to answer on, repeatable
    #[arg(
        long,
        value_name = "ADDR:PORT",
        help = "Address to answer on, repeatable [default: 127.0.0.1:5300 and [::1]:5300]"
    )]
    pub listen: Vec<SocketAddr>,
    /// UDP workers per address, 1 to 256 [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Address of the Prometheus endpoint [default: none]
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Shape of log lines [default: human]
    #[arg(long, value_enum)]
    pub log: Option<LogShape>,
    /// How changes of files are noticed [default: events]
    #[arg(long, value_enum)]
    pub watch: Option<Watch>,
    /// Take a change as a whole or not at all, instead of account by account
    #[arg(long)]
    pub strict: bool,
    /// What to serve first: what was served last, or what the files say [default: state]
    #[arg(long, value_enum)]
    pub start: Option<StartFrom>,
}

/// Ways to notice changes of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Watch {
    /// The kernel tells.
    Events,
    /// Files are looked at every few seconds.
    Poll,
    /// Only when told to reload.
    Off,
}

/// What is served first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StartFrom {
    /// What was served last; the files are then taken like any change.
    #[default]
    State,
    /// What the files say, whatever was served before.
    Files,
}

/// Shapes of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogShape {
    /// Text for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// The name, with or without its final dot
    #[arg(value_parser = name)]
    pub name: Name,
    /// The type
    #[arg(value_parser = rr_type, default_value = "A")]
    pub rtype: RrType,
    /// Explain what the files say, without the running server
    #[arg(long, conflicts_with = "both")]
    pub files: bool,
    /// Explain what is served and what the files say, and where they differ
    #[arg(long)]
    pub both: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `reload`.
#[derive(Debug, Args)]
pub struct ReloadOptions {
    /// Zones by name, or files by path (with a slash, or ending in .zone or .toml); all files where none is named
    #[arg(value_name = "ZONE|FILE")]
    pub what: Vec<String>,
    /// Publish even where the state folder cannot be written; a restart then forgets the change
    #[arg(long)]
    pub without_state: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanOptions {
    /// Compare with the folders zones and addrmaps in this one, without a server
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Compare with the address maps in this folder instead
    #[arg(long, value_name = "DIR", requires = "from")]
    pub from_addrmaps: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown for a pull request instead of text
    #[arg(long)]
    pub markdown: bool,
    /// Exit 3 where something would be answered otherwise
    #[arg(long)]
    pub exit_code: bool,
}

/// Options of `forget-map`.
#[derive(Debug, Args)]
pub struct ForgetMapOptions {
    /// The map
    pub id: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text, Some(&Name::root())).map_err(|error| error.to_string())
}

fn rr_type(text: &str) -> Result<RrType, String> {
    text.parse().map_err(|_| "not a record type; write for example AAAA or TYPE65".to_string())
}

impl Cli {
    /// What was said of serving, before or behind the command; the latter is stronger.
    pub fn serve_options(&self) -> ServeOptions {
        let mut options = self.serve.clone();
        if let Some(Command::Serve(behind)) = &self.command {
            options.listen.extend(behind.listen.iter().copied());
            options.workers = behind.workers.or(options.workers);
            options.metrics = behind.metrics.or(options.metrics);
            options.log = behind.log.or(options.log);
            options.watch = behind.watch.or(options.watch);
            options.strict |= behind.strict;
            options.start = behind.start.or(options.start);
        }
        options
    }
}
