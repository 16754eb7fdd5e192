//! The arguments of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::compare::Target;
use super::when;
use crate::control::history::When;
use crate::model::MapId;
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
    /// Ask the server that is to be replaced, and tell where it answers otherwise than the files would
    Compare(CompareOptions),
    /// Tell why a name is answered what it is answered
    Explain(ExplainOptions),
    /// Tell how the running server is: what it serves, what is held and why
    Status(StatusOptions),
    /// Let the running server read files again, and tell what came of it
    Reload(ReloadOptions),
    /// Let content pass that a guard of the running server holds
    Approve(ApproveOptions),
    /// Let the running server serve again what a former generation served, whatever the files say
    Rollback(RollbackOptions),
    /// Let the running server follow the files again after a rollback
    Resume(ResumeOptions),
    /// List the generations that the running server remembers, newest first
    History(HistoryOptions),
    /// Tell all that is remembered of one generation
    Show(ShowOptions),
    /// Tell what differs between two generations: files, zones that answer differently, maps
    Diff(DiffOptions),
    /// Tell which generation, file and commit last changed an answer
    Blame(BlameOptions),
    /// Tell what the files would answer otherwise, before they are served
    Plan(PlanOptions),
    /// Let the running server forget an immutable map that the files no longer hold
    #[command(alias = "retire-immutable")]
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
    /// Count warnings as problems: exit 1
    #[arg(long)]
    pub strict: bool,
    /// Shape of what is printed
    #[arg(long, value_enum, default_value = "human")]
    pub format: CheckFormat,
    /// Print one JSON document: short for --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Judge as if this disabled map were enabled and replaced those that hold its members now
    #[arg(long, value_name = "MAP", value_parser = map_id)]
    pub if_enabled: Option<MapId>,
}

/// Shapes of what `check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Text for people.
    Human,
    /// One JSON document.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
}

impl CheckOptions {
    /// The shape, however it was asked for.
    pub fn shape(&self) -> CheckFormat {
        if self.json { CheckFormat::Json } else { self.format }
    }
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// The server to ask; port 53 where none is named
    #[arg(value_name = "@SERVER[:PORT]", value_parser = Target::parse)]
    pub server: Target,
    /// The zones to ask about; all of the files where none is named
    #[arg(value_name = "ZONE", value_parser = zone)]
    pub origins: Vec<Name>,
    /// Seconds that each of three tries of a question may take, 1 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub timeout: u16,
    /// Count what differs because a name is proxied as well
    #[arg(long)]
    pub strict: bool,
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
    /// Explain what was served then: a generation, 2026-11-22T14:02:11Z, or "2h ago"
    #[arg(long, value_name = "GENERATION|TIME", value_parser = when::parse, conflicts_with_all = ["files", "both"])]
    pub at: Option<When>,
    /// Explain as if this disabled map were enabled and replaced those that hold its members now
    #[arg(long, value_name = "MAP", value_parser = map_id, requires = "files")]
    pub if_enabled: Option<MapId>,
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

/// Options of `approve`.
#[derive(Debug, Args)]
pub struct ApproveOptions {
    /// Digests of content that is held, as status shows them; 8 digits or more
    #[arg(required = true, value_name = "DIGEST", value_parser = NonEmptyStringValueParser::new())]
    pub digests: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackOptions {
    /// What to serve again: a generation, by its number or a time at which it was served, such as "2h ago" [default:
    /// what was served before the present generation]
    #[arg(value_name = "GENERATION|TIME", value_parser = when::parse)]
    pub generation: Option<When>,
    /// Only what belongs to this account
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub account: Option<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `resume`.
#[derive(Debug, Args)]
pub struct ResumeOptions {
    /// Only this account, which was rolled back by itself
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub account: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct HistoryOptions {
    /// How many generations to list, from the newest on
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct ShowOptions {
    /// The generation, by its number or by a time at which it was served
    #[arg(value_name = "GENERATION|TIME", value_parser = when::parse)]
    pub at: When,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct DiffOptions {
    /// The generation before, by its number or by a time at which it was served
    #[arg(value_name = "FROM", value_parser = when::parse)]
    pub from: When,
    /// The generation after
    #[arg(value_name = "TO", value_parser = when::parse)]
    pub to: When,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `blame`.
#[derive(Debug, Args)]
pub struct BlameOptions {
    /// The name, with or without its final dot
    #[arg(value_parser = name)]
    pub name: Name,
    /// The type
    #[arg(value_parser = rr_type, default_value = "A")]
    pub rtype: RrType,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanOptions {
    /// Compare with what was served then: a generation, 2026-11-22T14:02:11Z, or "2h ago"
    #[arg(long, value_name = "GENERATION|TIME", value_parser = when::parse, conflicts_with = "from")]
    pub since: Option<When>,
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

fn map_id(text: &str) -> Result<MapId, String> {
    MapId::new(text).ok_or_else(|| "not the id of a map: 1 to 32 of a-z, 0-9 and -".to_string())
}

/// A zone. Nothing where a zone is expected must not mean all of them.
fn zone(text: &str) -> Result<Name, String> {
    match text {
        "" => Err("an empty name is no zone; leave it out to ask about all zones".to_owned()),
        _ => name(text),
    }
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
