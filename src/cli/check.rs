//! `check`: reads all files, proves what they say, and tells every fault.

use std::process::ExitCode;

use serde_json::json;

use super::args::{CheckFormat, CheckOptions};
use super::moment::Moment;
use super::setup::Setup;
use super::{FOUND, print, render};
use crate::control::Loaded;
use crate::judge::proof::Report;
use crate::model::{Diagnostic, Severity, Unit};

/// Most units that are named for not having been proven.
const NAMED: usize = 5;

pub(super) fn check(setup: &Setup, options: &CheckOptions) -> Result<ExitCode, String> {
    let mut loaded = setup.load()?;
    setup.enable(&mut loaded, options.if_enabled.as_ref())?;
    let report = loaded.prove();
    loaded.tell_expired(Moment::now().0);
    let text = match options.shape() {
        CheckFormat::Json => as_json(&loaded, &report),
        CheckFormat::Human => {
            let colour = super::coloured(&std::io::stdout());
            let shown = loaded.diagnostics.iter().map(|found| render::text(found, colour) + "\n");
            shown.collect::<String>() + &counts(&loaded, &report)
        }
        CheckFormat::Github => {
            let shown = loaded.diagnostics.iter().map(|found| render::github(found) + "\n");
            shown.collect::<String>() + &counts(&loaded, &report)
        }
    };
    print(&text)?;
    let least = if options.strict { Severity::Warning } else { Severity::Error };
    let is_problem = |found: &Diagnostic| found.severity >= least;
    Ok(if loaded.diagnostics.iter().any(is_problem) { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

fn as_json(loaded: &Loaded, report: &Report) -> String {
    let document = json!({
        "errors": count(&loaded.diagnostics, Severity::Error),
        "warnings": count(&loaded.diagnostics, Severity::Warning),
        "notes": count(&loaded.diagnostics, Severity::Note),
        "zone_files": loaded.zone_files,
        "map_files": loaded.map_files,
        "proof": report,
        "not_proven": loaded.unproven().iter().map(Unit::to_string).collect::<Vec<_>>(),
        "diagnostics": loaded.diagnostics.iter().map(render::json).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

/// What was read, and what was proved of it.
fn counts(loaded: &Loaded, report: &Report) -> String {
    let of = |severity| count(&loaded.diagnostics, severity);
    let unproven = loaded.unproven();
    let broken = match report.broken {
        0 if unproven.is_empty() => "nothing is broken".to_owned(),
        0 => "nothing else is broken".to_owned(),
        broken => format!("{broken} broken"),
    };
    let (zones, names) = (counted(report.zones as usize, "zone"), counted(report.names as usize, "name"));
    let proved = match report.empty_names as usize {
        0 => format!("{zones} and {names}"),
        empty => format!("{zones}, {names} and {}", counted(empty, "empty non-terminal")),
    };
    let told = format!(
        "{} and {}: {}, {} and {}\nproved {proved} with {} and {}: {broken}\n",
        counted(loaded.zone_files, "zone file"),
        counted(loaded.map_files, "map file"),
        counted(of(Severity::Error), "error"),
        counted(of(Severity::Warning), "warning"),
        counted(of(Severity::Note), "note"),
        counted(report.questions as usize, "question"),
        counted(report.assertions as usize, "assertion"),
    );
    told + &not_proven(&unproven)
}

/// What the proof is silent of, a line each.
fn not_proven(units: &[Unit]) -> String {
    let line = |unit: &Unit| match unit {
        Unit::Operator => {
            format!("what proxied names are answered was not proven: {unit} have errors\n")
        }
        _ => format!("{unit} was not proven: it has errors\n"),
    };
    let mut told: String = units.iter().take(NAMED).map(line).collect();
    if units.len() > NAMED {
        told.push_str(&format!("and {} more were not proven\n", units.len() - NAMED));
    }
    told
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
