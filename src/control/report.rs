//! What the server says of itself and of a change: the words that `status` and `reload` show, and that go over the
//! control socket.

use serde::{Deserialize, Serialize};

use super::audit::Audit;
use crate::judge::Traffic;
use crate::judge::guards::Trip;
use crate::judge::plan::Plan;
use crate::judge::{plan, proof};
use crate::model::{Diagnostic, Place};

/// The code of what a rollback keeps as it is.
pub(crate) const PINNED: &str = "pinned";

/// What `status` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it began, in seconds since the epoch.
    pub started: u64,
    /// Number of what is served.
    pub generation: u64,
    /// What that holds, as 16 hexadecimal digits: the same on every server that serves equal files at equal paths.
    pub content: String,
    /// When that was published, in seconds since the epoch.
    pub published: u64,
    /// Accounts that have a zone.
    pub accounts: u64,
    /// Zones served.
    pub zones: u64,
    /// Zones that are answered SERVFAIL: they never were good.
    pub faulty_zones: Vec<String>,
    /// Names in all zones.
    pub names: u64,
    /// Address maps known.
    pub maps: u64,
    /// Whether what is served is what the files say.
    pub in_sync: bool,
    /// How changes of files are noticed.
    pub watching: Watching,
    /// Files that a writer has not closed yet.
    pub being_written: Vec<String>,
    /// What is wrong with what the server remembers, if anything: until it is mended, changes are refused.
    pub state_error: Option<String>,
    /// What is held at an earlier state, and why.
    pub held: Vec<Held>,
    /// What rollbacks keep, whether any file says otherwise or not.
    #[serde(default)]
    pub pins: Vec<PinTold>,
    /// What else is wrong: immutable maps that the files lost, a folder that vanished, a watch that is polled.
    pub problems: Vec<Problem>,
    /// The last changes, newest first.
    pub changes: Vec<Change>,
    /// What the server found when it last looked at itself.
    #[serde(default)]
    pub audit: Option<Audit>,
}

/// How changes of files are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watching {
    /// The kernel tells.
    Events,
    /// Files are looked at every few seconds.
    Polling,
    /// Only when told to reload.
    #[default]
    Off,
}

/// A unit whose files differ from what is served and are not accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// `account acme`, `zone a.example.`, `the operator's files`.
    pub unit: String,
    /// Since when, in seconds since the epoch.
    pub since: u64,
    /// Whether an earlier state of it is served; otherwise nothing of it is.
    pub serving: bool,
    /// What would let it pass.
    #[serde(default)]
    pub why: Why,
    /// The digest of its content: `approve` takes it. Only of what a guard holds.
    #[serde(default)]
    pub digest: Option<String>,
    /// The files that differ from what is served.
    pub files: Vec<String>,
    /// Why it is held.
    pub problems: Vec<Problem>,
}

/// What a rollback keeps, whatever the files say, until `resume`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinTold {
    /// The account that was rolled back; `None` where everything was.
    pub account: Option<String>,
    /// The generation whose content is served.
    pub generation: u64,
    /// Since when, in seconds since the epoch.
    pub since: u64,
    /// Why, as whoever rolled back said.
    pub reason: String,
}

/// The kinds of reasons why something is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Something is wrong: files that are right let it pass.
    #[default]
    Fault,
    /// It is right, but would change more than a guard lets pass without being asked: an approval does.
    Guard,
    /// It was rolled back: `resume` follows the files again.
    Pinned,
}

/// A diagnostic as it travels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// A stable name of this kind of fault.
    pub code: String,
    /// The file; empty where there is none.
    pub file: String,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column, from 1; 0 where the whole line is meant.
    pub column: u32,
    /// Length in characters of what is meant.
    pub length: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The line itself.
    pub excerpt: Option<String>,
}

impl From<&Diagnostic> for Problem {
    fn from(found: &Diagnostic) -> Problem {
        Problem {
            severity: found.severity.to_string(),
            code: found.code.to_owned(),
            file: found.place.file.to_string(),
            line: found.place.line,
            column: found.place.column,
            length: found.place.length,
            message: found.message.clone(),
            hint: found.hint.clone(),
            excerpt: found.excerpt.clone(),
        }
    }
}

/// What a candidate would answer otherwise, and what would become of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// What it would answer otherwise.
    pub plan: Plan,
    /// What was proven of it.
    #[serde(default)]
    pub proof: proof::Report,
    /// The guards that would hold it.
    pub trips: Vec<TripTold>,
    /// What is not part of the plan, because it is not accepted.
    pub held: Vec<Held>,
    /// What else is to be told: errors and warnings.
    pub problems: Vec<Problem>,
    /// Number of what is served; 0 where no server was asked.
    pub served: u64,
    /// The former generation that it is compared with, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// How many of the questions asked last would be answered otherwise; only a running server knows.
    pub traffic: Option<TrafficTold>,
}

/// A guard that would hold a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TripTold {
    /// A stable name: `guard-names-unproxied`.
    pub code: String,
    /// `account acme`, `the whole server`, `the operator's defaults`, `the operator's ledger`.
    pub scope: String,
    /// What would have happened.
    pub message: String,
    /// The setting that governs it.
    pub setting: String,
}

impl From<&Trip> for TripTold {
    fn from(trip: &Trip) -> TripTold {
        TripTold {
            code: trip.code.to_owned(),
            scope: trip.scope.to_string(),
            message: trip.message.clone(),
            setting: trip.setting.to_owned(),
        }
    }
}

/// What a plan means for the questions that are really asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficTold {
    /// Questions looked at.
    pub asked: u64,
    /// How many of them would be answered otherwise.
    pub otherwise: u64,
    /// The names asked for most among them, with how often.
    pub names: Vec<(String, u64)>,
}

impl From<Traffic> for TrafficTold {
    fn from(traffic: Traffic) -> TrafficTold {
        let Traffic { asked, differing, top } = traffic;
        let names = top.into_iter().map(|busy| (format!("{} {}", busy.name, busy.qtype), busy.asked));
        TrafficTold { asked, otherwise: differing, names: names.collect() }
    }
}

/// What came of a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When it was done, in seconds since the epoch.
    pub at: u64,
    /// What gave rise to it.
    pub trigger: Trigger,
    /// What came of it.
    pub outcome: Outcome,
    /// What is served since then.
    pub generation: u64,
    /// From reading to publishing, in microseconds.
    pub took_us: u64,
    /// Units that changed: `account acme`.
    pub units: Vec<String>,
    /// Zones that were added, changed or removed, each with what happened: `+a.example.`, `~b.example.`,
    /// `-c.example.`; of many the first hundred.
    pub zones: Vec<String>,
    /// Units that were not accepted.
    pub held: Vec<Held>,
    /// What rollbacks keep since then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<PinTold>,
    /// By what approvals content passed that a guard minded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved: Vec<ApprovalTold>,
    /// What else is to be told: warnings in the files that were read, and why a change was refused as a whole.
    pub problems: Vec<Problem>,
    /// What it cost.
    pub cost: Cost,
    /// What it changed, in numbers, where something was published.
    #[serde(default)]
    pub totals: Option<plan::Counts>,
    /// What was proven before it was published.
    #[serde(default)]
    pub proof: Option<proof::Report>,
}

/// An approval that let content pass which a guard minded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalTold {
    /// Whose content: `account acme`.
    pub unit: String,
    /// The digest of the content.
    pub digest: String,
    /// Who approved.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Where the operator's files say it; `None` where a command did.
    pub place: Option<Place>,
}

/// What is remembered of a generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub generation: u64,
    /// When it was published, in seconds since the epoch.
    pub at: u64,
    /// What gave rise to it.
    pub trigger: Trigger,
    /// Units that changed: `account acme`; of many the first hundred.
    pub units: Vec<String>,
    /// Zones that were added, changed or removed, as in [`Change::zones`].
    pub zones: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// What it cost until it was written down: neither sets nor octets remembered are known then.
    pub cost: Cost,
    /// The commit of git that its files were taken from, where the trees are in a work tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Totals of its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<plan::Counts>,
    /// The report of its proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<proof::Report>,
    /// Who made it, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, where a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By what earlier approvals, or those of the operator's files, content passed that a guard minded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved: Vec<ApprovalTold>,
}

impl Entry {
    /// The entry as one line of JSON, without the line's end.
    pub fn to_journal(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .expect("no map has keys that are no text, and writing to memory does not fail")
    }

    /// The entries of a journal, of which the last is the generation's own; those before it were published without
    /// being remembered. One that a later version wrote otherwise is left out.
    pub fn of_journal(journal: &[u8]) -> Vec<Entry> {
        journal.split(|octet| *octet == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

/// What a change cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Files whose content was read.
    pub files_read: u64,
    /// Octets of those files.
    pub bytes_read: u64,
    /// Zones compiled.
    pub zones_compiled: u64,
    /// Address sets stored.
    pub sets_stored: u64,
    /// Zones compared, with what is served and with what was an hour ago.
    #[serde(default)]
    pub zones_compared: u64,
    /// Octets written to the state.
    pub bytes_remembered: u64,
}

/// What gave rise to a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The start of the server.
    #[default]
    Start,
    /// Files that changed.
    Files,
    /// The command `reload`.
    Reload,
    /// SIGHUP.
    Signal,
    /// The command `approve`.
    Approve,
    /// The command `rollback`.
    Rollback,
    /// The command `resume`.
    Resume,
    /// The command `plan`, which changes nothing.
    Plan,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A new generation is served; units that were not accepted are held.
    Published,
    /// Nothing differs from what is served.
    #[default]
    Unchanged,
    /// Whatever differs is held.
    Held,
    /// Refused as a whole: the state cannot be written, or `--strict` and something is held.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 4] = [Outcome::Published, Outcome::Unchanged, Outcome::Held, Outcome::Refused];

    /// The outcome as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Published => "published",
            Outcome::Unchanged => "unchanged",
            Outcome::Held => "held",
            Outcome::Refused => "refused",
        }
    }
}
