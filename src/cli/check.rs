//! `check`: reads all files and tells every fault.

use std::process::ExitCode;

use serde_json::json;

use super::args::CheckOptions;
use super::setup::Setup;
use super::{FOUND, print, render};
use crate::model::{Diagnostic, Severity};

pub(super) fn check(setup: &Setup, options: &CheckOptions) -> Result<ExitCode, String> {
    let loaded = setup.load()?;
    let errors = count(&loaded.diagnostics, Severity::Error);
    let warnings = count(&loaded.diagnostics, Severity::Warning);
    let notes = count(&loaded.diagnostics, Severity::Note);
    if options.json {
        let document = json!({
            "errors": errors,
            "warnings": warnings,
            "notes": notes,
            "zone_files": loaded.zone_files,
            "map_files": loaded.map_files,
            "diagnostics": loaded.diagnostics.iter().map(render::json).collect::<Vec<_>>(),
        });
        print(&format!("{document:#}\n"))?;
    } else {
        let colour = super::coloured(&std::io::stdout());
        let mut text = String::new();
        for diagnostic in &loaded.diagnostics {
            text.push_str(&render::text(diagnostic, colour));
            text.push('\n');
        }
        text.push_str(&format!(
            "{} and {}: {}, {} and {}\n",
            counted(loaded.zone_files, "zone file"),
            counted(loaded.map_files, "map file"),
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(notes, "note"),
        ));
        print(&text)?;
    }
    Ok(if errors > 0 { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
