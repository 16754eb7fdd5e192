//! A plan for a pull request: a heading, a table of totals, details to unfold.

use std::fmt::Write as _;

use super::text::{answers, headline, is_many, sample, set_line, share, totals, what, zone_line};
use crate::cli::render::harmless;
use crate::control::report::{PlanReport, Why};
use crate::judge::plan::{AccountPlan, SetPlan, ZonePlan};

/// The report in Markdown as code hosts render it.
pub(super) fn markdown(report: &PlanReport) -> String {
    let plan = &report.plan;
    let mut out = format!("## Portolan plan: {}\n\n| | |\n| --- | --- |\n", cell(&headline(report)));
    if let Some(since) = report.since {
        let _ = writeln!(out, "| since | generation {since} |");
    }
    for (about, line) in totals(&plan.counts) {
        let _ = writeln!(out, "| {about} | {} |", cell(&line));
    }
    if let Some(traffic) = &report.traffic {
        let _ = writeln!(out, "| traffic | {} |", cell(&sample(traffic)));
    }
    if !report.trips.is_empty() {
        out.push_str("\n### It would be held\n\n| guard | whose | what would happen | setting |\n| --- | --- | --- | --- |\n");
        for trip in &report.trips {
            let (scope, message) = (cell(&trip.scope), cell(&trip.message));
            let _ = writeln!(out, "| {} | {scope} | {message} | {} |", code(&trip.code), code(&trip.setting));
        }
    }
    if !plan.exposed.is_empty() {
        out.push_str(
            "\n### Names that stop being proxied\n\n| name | would become public |\n| --- | --- |\n",
        );
        for name in &plan.exposed {
            let _ = writeln!(out, "| {} | {} |", code(&name.name), code(&name.public.join(", ")));
        }
        if plan.exposed_left_out > 0 {
            let _ = writeln!(out, "\nand {} more", plan.exposed_left_out);
        }
    }
    if !report.problems.is_empty() || !report.held.is_empty() {
        out.push_str("\n### Problems\n\n");
        for held in &report.held {
            let unit = cell(&held.unit);
            let (is, was, were, has) = match is_many(&held.unit) {
                true => ("are", "they were", "were", "have"),
                false => ("is", "it was", "was", "has"),
            };
            let _ = match (&held.digest, held.why) {
                (Some(digest), Why::Guard) => {
                    writeln!(out, "- {unit} {is} held by a guard until somebody approves {}", code(digest))
                }
                (_, Why::Pinned) => {
                    writeln!(
                        out,
                        "- {unit} {were} rolled back and {is} left as {was} until `portolan resume`"
                    )
                }
                _ => writeln!(out, "- {unit} {has} errors and {is} left as {was}"),
            };
        }
        for problem in &report.problems {
            let (severity, message) = (cell(&problem.severity), cell(&problem.message));
            let place =
                if problem.file.is_empty() { String::new() } else { format!(", {}", code(&problem.file)) };
            let line = if problem.line > 0 { format!(" line {}", problem.line) } else { String::new() };
            let _ = writeln!(out, "- {severity} {}{place}{line}: {message}", code(&problem.code));
        }
    }
    if !plan.operator.is_empty() {
        details(&mut out, "the operator's defaults", |out| sets(out, &plan.operator));
    }
    for account in &plan.accounts {
        let summary = format!("account {}: {}", account.account, share(account));
        details(&mut out, &summary, |out| write_account(out, account));
    }
    out
}

fn write_account(out: &mut String, account: &AccountPlan) {
    account.zones.iter().for_each(|zone| write_zone(out, zone));
    if account.zones_left_out > 0 {
        let _ = writeln!(out, "and {} more zones\n", account.zones_left_out);
    }
    sets(out, &account.sets);
}

fn write_zone(out: &mut String, zone: &ZonePlan) {
    let _ = writeln!(out, "**{}**: {}\n", code(&zone.zone), cell(&zone_line(zone)));
    if zone.names.is_empty() {
        return;
    }
    out.push_str("| name | | type | was | is |\n| --- | --- | --- | --- | --- |\n");
    for name in &zone.names {
        for (rtype, was, is) in answers(name) {
            let (was, is) = (code(&was), code(&is));
            let _ = writeln!(out, "| {} | {} | {rtype} | {was} | {is} |", code(&name.name), what(name.what));
        }
    }
    if zone.names_left_out > 0 {
        let _ = writeln!(out, "\nand {} more names", zone.names_left_out);
    }
    out.push('\n');
}

fn sets(out: &mut String, sets: &[SetPlan]) {
    for set in sets {
        let _ = writeln!(out, "- {}", cell(&set_line(set)));
    }
}

fn details(out: &mut String, summary: &str, write: impl FnOnce(&mut String)) {
    let _ = write!(out, "\n<details>\n<summary>{}</summary>\n\n", cell(summary));
    write(out);
    out.push_str("\n</details>\n");
}

/// A text that stays what it is: no markup, no end of a cell.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => cell.push_str("&amp;"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                cell.push('\\');
                cell.push(c);
            }
            _ => cell.push(c),
        }
    }
    cell
}

/// A text as code. What would end it or the cell is left out.
fn code(text: &str) -> String {
    format!("`{}`", harmless(text).replace('`', "'").replace('|', "\\|"))
}
