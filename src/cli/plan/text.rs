//! A plan for people on a terminal: totals first, then what stops being proxied, then account by account.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::cli::render::harmless;
use crate::cli::told::{self, counted};
use crate::control::report::{Held, PINNED, PlanReport, Problem, TrafficTold, Why};
use crate::judge::plan::{AccountPlan, Counts, Governed, NamePlan, Plan, SetPlan, What, ZonePlan};
use crate::model::Unit;
use crate::telemetry::samples::ONE_OF;

/// Most addresses on a line.
const ADDRESSES: usize = 4;

/// The report as lines of text.
pub(super) fn text(report: &PlanReport, colour: bool) -> String {
    let (bold, plain) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let plan = &report.plan;
    let mut out = format!("{bold}{}{plain}\n", headline(report));
    if let Some(since) = report.since {
        let _ = writeln!(out, "since       generation {since}");
    }
    for (what, line) in totals(&plan.counts) {
        let _ = writeln!(out, "{what:<12}{line}");
    }
    if let Some(traffic) = &report.traffic {
        let names: Vec<String> =
            traffic.names.iter().map(|(name, times)| format!("{name} ({times})")).collect();
        let _ = writeln!(out, "traffic     {}", sample(traffic));
        if !names.is_empty() {
            let _ = writeln!(out, "            {}", told::listed(&names));
        }
    }
    if !plan.exposed.is_empty() {
        let _ = writeln!(out, "\n{bold}stop being proxied: what is stored would become public{plain}");
        for name in &plan.exposed {
            let (was, public) = (addresses(&name.was), name.public.join(", "));
            let _ = writeln!(out, "  {}: {was} -> {}", harmless(&name.name), harmless(&public));
        }
        left_out(&mut out, "  ", plan.exposed_left_out, "name");
    }
    for trip in &report.trips {
        let (code, scope, message) = (harmless(&trip.code), harmless(&trip.scope), harmless(&trip.message));
        let _ =
            writeln!(out, "\n{bold}held[{code}]{plain}: {scope}: {message}\n  = setting: {}", trip.setting);
    }
    if !plan.is_empty() && would_hold(report) {
        let _ = writeln!(
            out,
            "\n{bold}what follows would change if nothing were held{plain}; what is held stays"
        );
    }
    out.push_str(&changes(plan, colour));
    for held in &report.held {
        let (unit, is_many) = (harmless(&held.unit), is_many(&held.unit));
        let state = match (held.serving, is_many) {
            (true, false) => "stays as it was",
            (true, true) => "stay as they were",
            (false, false) => "is not served",
            (false, true) => "are not served",
        };
        let (was, has) = if is_many { ("they were", "have") } else { ("it was", "has") };
        let _ = match (&held.digest, held.why) {
            (Some(digest), Why::Guard) => writeln!(
                out,
                "\n{bold}{unit} {state}{plain} until somebody approves: portolan approve {} --reason TEXT",
                harmless(digest)
            ),
            (digest, Why::Pinned) => writeln!(
                out,
                "\n{bold}{unit} {state}{plain}: {was} rolled back. What is shown of this is what `portolan resume` would judge{}",
                if digest.is_some() { ", and a guard would hold" } else { "" }
            ),
            _ => writeln!(out, "\n{bold}{unit} {has} errors and {state}{plain}"),
        };
        // What guards mind is told above.
        let is_told = |problem: &&Problem| held.digest.is_none() && problem.code != PINNED;
        let faults: Vec<Problem> = held.problems.iter().filter(is_told).cloned().collect();
        out.push_str(&told::problems(&faults, colour));
    }
    if !report.problems.is_empty() {
        out.push('\n');
        out.push_str(&told::problems(&report.problems, colour));
    }
    out
}

/// What changes, account by account.
pub(in crate::cli) fn changes(plan: &Plan, colour: bool) -> String {
    let (bold, plain) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let mut out = String::new();
    if !plan.operator.is_empty() {
        let _ = writeln!(out, "\n{bold}the operator's defaults{plain}");
        plan.operator.iter().for_each(|set| write_set(&mut out, set));
    }
    for account in &plan.accounts {
        let _ = writeln!(out, "\n{bold}account {}{plain}: {}", harmless(&account.account), share(account));
        account.zones.iter().for_each(|zone| write_zone(&mut out, zone));
        left_out(&mut out, "  ", account.zones_left_out, "zone");
        account.sets.iter().for_each(|set| write_set(&mut out, set));
    }
    out
}

/// Whether the unit is spoken of as several: the operator's files.
pub(super) fn is_many(unit: &str) -> bool {
    unit == Unit::Operator.to_string()
}

/// Whether some of what the plan tells would be held: by a guard, or because it breaks a property or an assertion. What
/// cannot be read at all is not in the plan.
pub(super) fn would_hold(report: &PlanReport) -> bool {
    let is_broken = |problem: &Problem| {
        let proven = ["proof-", "assert-"].iter().any(|of| problem.code.starts_with(of));
        proven && problem.severity == "error"
    };
    let by_held = |held: &Held| held.why == Why::Guard || held.problems.iter().any(is_broken);
    !report.trips.is_empty() || report.held.iter().any(by_held) || report.problems.iter().any(is_broken)
}

/// What it means for the questions that were asked, in words.
pub(super) fn sample(traffic: &TrafficTold) -> String {
    let TrafficTold { asked, otherwise, .. } = traffic;
    match asked {
        0 => format!("no question is known yet: one in {ONE_OF} of those asked is kept"),
        _ => {
            let of = counted(*asked, "question");
            format!(
                "of {of}, a sample of one in {ONE_OF} of those asked, {otherwise} would be answered otherwise"
            )
        }
    }
}

/// The whole in one line.
pub(super) fn headline(report: &PlanReport) -> String {
    let (plan, counts) = (&report.plan, &report.plan.counts);
    let otherwise = counts.names_otherwise() + counts.names_by_operator;
    if plan.is_empty() {
        return "nothing would be answered otherwise".to_owned();
    }
    let zones = counts.zones_new + counts.zones_gone + counts.zones_changed;
    let zones = match zones {
        0 => String::new(),
        zones => format!("{} changed, ", counted(zones, "zone")),
    };
    let of = counted(counts.names_before, "name");
    let held = if would_hold(report) { " if nothing were held" } else { "" };
    format!("{zones}{} would be answered otherwise{held}, of {of} before", counted(otherwise, "name"))
}

/// The totals, each with what it is about.
pub(super) fn totals(counts: &Counts) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        (
            "zones",
            format!(
                "{} before, {} afterwards: {} new, {} gone, {} changed",
                counts.zones_before,
                counts.zones_after,
                counts.zones_new,
                counts.zones_gone,
                counts.zones_changed
            ),
        ),
        (
            "names",
            format!(
                "{} before, {} afterwards: {} new, {} gone, {} changed, {} only gain",
                counts.names_before,
                counts.names_after,
                counts.names_new,
                counts.names_gone,
                counts.names_changed,
                counts.names_extended
            ),
        ),
    ];
    let mut line = |count: u64, what, text: String| {
        if count > 0 {
            lines.push((what, text));
        }
    };
    line(
        counts.names_unproxied,
        "proxied",
        format!("{} would stop being proxied", counted(counts.names_unproxied, "name")),
    );
    line(
        counts.names_by_operator,
        "defaults",
        format!(
            "{} answered otherwise by the operator's defaults",
            counted(counts.names_by_operator, "name")
        ),
    );
    line(
        counts.addresses_gone,
        "addresses",
        format!(
            "{} of {} would leave service: {}",
            counts.addresses_gone,
            counts.addresses_before,
            addresses(&counts.gone)
        ),
    );
    line(
        counts.zones_losing_family,
        "families",
        format!(
            "{} would lose one: IPv4 in {}, IPv6 in {}",
            counted(counts.zones_losing_family, "zone"),
            counts.zones_losing_ipv4,
            counts.zones_losing_ipv6
        ),
    );
    lines
}

/// What of an account is answered otherwise.
pub(super) fn share(account: &AccountPlan) -> String {
    let counts = &account.counts;
    format!("{} of {} otherwise", counts.names_otherwise(), counted(counts.names_before, "name"))
}

fn write_zone(out: &mut String, zone: &ZonePlan) {
    let _ = writeln!(out, "  zone {}: {}", harmless(&zone.zone), zone_line(zone));
    if let Some((was, is)) = zone.was.as_ref().zip(zone.is.as_ref()).filter(|(was, is)| was != is) {
        let _ = writeln!(out, "    {} -> {}", governed(was), governed(is));
    }
    for name in &zone.names {
        let _ = writeln!(out, "    {}: {}, {}", harmless(&name.name), what(name.what), name.why.words());
        for (rtype, was, is) in answers(name) {
            let _ = writeln!(out, "      {rtype:<6}{} -> {}", harmless(&was), harmless(&is));
        }
    }
    left_out(out, "    ", zone.names_left_out, "name");
}

/// What is answered otherwise of a name: the type, before and afterwards.
pub(super) fn answers(name: &NamePlan) -> impl Iterator<Item = (&str, String, String)> {
    let answers = name.answers.iter();
    answers.map(|answer| (answer.rtype.as_str(), answer.was.join(", "), answer.is.join(", ")))
}

/// Why a zone is in the plan, and how many of its names.
pub(super) fn zone_line(zone: &ZonePlan) -> String {
    let why: Vec<&str> = zone.why.iter().map(|why| why.words()).collect();
    let counts = [
        (zone.names_new, "new"),
        (zone.names_gone, "gone"),
        (zone.names_changed, "changed"),
        (zone.names_extended, "only gain"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    let counts = if counts.is_empty() { "no name".to_owned() } else { counts.join(", ") };
    format!("{}; of {}: {counts}", why.join(", "), counted(zone.names_before, "name"))
}

fn write_set(out: &mut String, set: &SetPlan) {
    let _ = writeln!(out, "  {}", set_line(set));
}

/// What changes of a set, on a line.
pub(super) fn set_line(set: &SetPlan) -> String {
    let examples = match &set.examples[..] {
        [] => String::new(),
        examples => format!(" ({})", told::listed(examples)),
    };
    let (zones, names) = (counted(set.zones, "zone"), counted(set.names, "proxied name"));
    let gains = if set.extends { ", which only gain" } else { "" };
    format!("{} -> {}: {names} in {zones}{examples}{gains}", governed(&set.was), governed(&set.is))
}

/// What governs, in words: `zone map eu (203.0.113.1, 2001:db8::1)`.
fn governed(governed: &Governed) -> String {
    let Some(source) = &governed.source else {
        return format!("nothing ({})", harmless(governed.error.as_deref().unwrap_or("no address set")));
    };
    let map = governed.map.as_ref().map(|map| format!(" {map}")).unwrap_or_default();
    harmless(&format!("{}{map} ({})", source.replace('_', " "), addresses(&governed.addresses)))
}

/// A few addresses.
fn addresses(addresses: &[IpAddr]) -> String {
    let mut told: Vec<String> = addresses.iter().take(ADDRESSES).map(ToString::to_string).collect();
    if addresses.is_empty() {
        return "no address".to_owned();
    }
    if addresses.len() > ADDRESSES {
        told.push(format!("and {} more", addresses.len() - ADDRESSES));
    }
    told.join(", ")
}

/// What becomes of a name, in a word or two.
pub(super) fn what(what: What) -> &'static str {
    match what {
        What::New => "new",
        What::Gone => "gone",
        What::Changed => "changed",
        What::Extended => "only gains",
    }
}

fn left_out(out: &mut String, indent: &str, count: u64, noun: &str) {
    if count > 0 {
        let _ = writeln!(out, "{indent}and {}", counted(count, &format!("more {noun}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody must take the figure for a measurement.
    #[test]
    fn traffic_is_told_as_a_sample() {
        let told = |asked, otherwise| sample(&TrafficTold { asked, otherwise, names: Vec::new() });
        assert_eq!(told(0, 0), "no question is known yet: one in 64 of those asked is kept");
        assert_eq!(
            told(1, 0),
            "of 1 question, a sample of one in 64 of those asked, 0 would be answered otherwise"
        );
        assert_eq!(
            told(60_000, 1_204),
            "of 60000 questions, a sample of one in 64 of those asked, 1204 would be answered otherwise"
        );
    }

    #[test]
    fn what_is_rolled_back_or_many_is_told_so() {
        let held = |unit: &str, why| Held { unit: unit.into(), serving: true, why, ..Held::default() };
        let told = |held| text(&PlanReport { held: vec![held], ..PlanReport::default() }, false);
        let of_account = told(held("account acme", Why::Pinned));
        assert!(
            of_account.ends_with(
                "\naccount acme stays as it was: it was rolled back. What is shown of this is what `portolan resume` would judge\n"
            ),
            "{of_account}"
        );
        let of_operator = told(held("the operator's files", Why::Fault));
        assert!(
            of_operator.ends_with("\nthe operator's files have errors and stay as they were\n"),
            "{of_operator}"
        );
    }
}
