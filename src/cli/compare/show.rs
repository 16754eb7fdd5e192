//! A comparison in words, and how far it is.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::render::harmless;
use crate::cli::told::counted;
use crate::judge::compare::{Group, Report, Weight};

/// Most questions that are shown of each reason; `--json` has more.
const SHOWN: usize = 5;
/// Between two pictures of the progress.
const FRAME: Duration = Duration::from_millis(100);

/// The report for people.
pub(super) fn text(server: SocketAddr, zones: usize, report: &Report) -> String {
    let mut text: String = report.groups.iter().map(group).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} about {} to {server}: {}, {} by design, {}",
        counted(report.questions, "question"),
        counted(zones as u64, "zone"),
        counted(report.differences, "difference"),
        report.expected,
        counted(report.notes, "note"),
    );
    text
}

fn group(group: &Group) -> String {
    let kind = match group.weight {
        Weight::Difference => "difference",
        Weight::Expected => "by design",
        Weight::Note => "note",
    };
    let mut text = format!("{kind:<11} {}: {}\n", group.text, group.count);
    for differing in group.first.iter().take(SHOWN) {
        let _ = writeln!(text, "    {} {}", differing.name, differing.qtype);
        if group.weight == Weight::Difference {
            let _ = writeln!(text, "        server  {}", harmless(&differing.server));
            let _ = writeln!(text, "        files   {}", harmless(&differing.files));
        }
    }
    let more = group.count.saturating_sub(SHOWN as u64);
    if more > 0 {
        let _ = writeln!(text, "    and {more} more");
    }
    text + "\n"
}

/// The report for programs.
pub(super) fn json(server: SocketAddr, zones: usize, report: &Report) -> String {
    format!("{:#}\n", json!({ "server": server, "zones": zones, "report": report }))
}

/// A line on a terminal that tells how far it is; nothing elsewhere.
pub(super) struct Progress {
    shown: Option<Instant>,
    on_terminal: bool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { shown: None, on_terminal: stderr().is_terminal() }
    }

    /// So many questions were asked, and so many answers differ.
    pub(super) fn at(&mut self, (questions, differences): (u64, u64)) {
        if self.on_terminal && self.shown.is_none_or(|shown| shown.elapsed() >= FRAME) {
            self.shown = Some(Instant::now());
            let (asked, differ) = (counted(questions, "question"), counted(differences, "difference"));
            // Nothing can be done where stderr is gone.
            let _ = write!(stderr(), "\r\x1b[2Kcomparing: {asked}, {differ}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[2K");
        }
    }
}
