//! What a server tells of a change and of what it holds, in words.

use serde::Serialize;

use super::moment::Moment;
use super::render::{self, harmless};
use crate::control::report::{ApprovalTold, Change, Cost, Held, Outcome, PinTold, Problem, Why};

/// Most names that are listed on one line.
const LISTED: usize = 5;
/// Most zones that a report of a change names; of more it tells no number.
const ZONES_TOLD: usize = 100;
/// The code of what a rollback keeps as it is.
const PINNED: &str = "pinned";
/// What lines that go on are indented by.
pub(super) const INDENT: &str = "            ";

/// A number with its noun.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A list on one line, cut after a few.
pub(super) fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).map(|name| harmless(name)).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}

/// A change on one line, without its line end.
pub(super) fn summary(change: &Change) -> String {
    let generation = change.generation;
    let told = match change.outcome {
        Outcome::Published => format!("generation {generation}: {}", changed(&change.units, &change.zones)),
        Outcome::Unchanged => format!("nothing changed: generation {generation}"),
        Outcome::Held => format!("nothing published: generation {generation} is served on"),
        Outcome::Refused => format!("refused as a whole: generation {generation} is served on"),
    };
    let waits = change.held.iter().filter(|held| held.why == Why::Pinned).count();
    let mut held = match change.held.len() - waits {
        0 => String::new(),
        held => format!(", {held} held"),
    };
    match waits {
        0 => {}
        1 => held.push_str(", 1 waits"),
        _ => held.push_str(&format!(", {waits} wait")),
    }
    format!("{told}{held}, {}, {}", cost(&change.cost), span(change.took_us))
}

/// What rollbacks keep, and how to go on.
pub(super) fn pins(pins: &[PinTold], now: Moment) -> String {
    let mut text = String::new();
    for pin in pins {
        let (what, resume) = match pin.account.as_deref().map(harmless) {
            None => ("everything".to_owned(), "portolan resume".to_owned()),
            Some(account) => (format!("account {account}"), format!("portolan resume --account {account}")),
        };
        let (since, reason) = (Moment(pin.since), harmless(&pin.reason));
        let age = since.age(now);
        text.push_str(&format!(
            "pinned      {what} since {since} ({age}), as generation {} served it: {reason}\n\
             {INDENT}whatever the files say, until: {resume}\n",
            pin.generation
        ));
    }
    text
}

/// By whose word content passed that a guard minds.
pub(super) fn approvals(approvals: &[ApprovalTold]) -> String {
    let line = |approval: &ApprovalTold| {
        let ApprovalTold { unit, by, reason, place, .. } = approval;
        let (unit, by, reason) = (harmless(unit), harmless(by), harmless(reason));
        let place = place.as_ref().map(|place| format!(" ({})", harmless(&place.to_string())));
        format!("approved    {unit} by {by}: {reason}{}\n", place.unwrap_or_default())
    };
    approvals.iter().map(line).collect()
}

/// Which units and zones changed.
pub(super) fn changed(units: &[String], zones: &[String]) -> String {
    let count = match zones.len() {
        0 => {
            return format!("{} changed", if units.is_empty() { "nothing".into() } else { listed(units) });
        }
        ZONES_TOLD.. => format!("{ZONES_TOLD} zones or more"),
        count => counted(count as u64, "zone"),
    };
    // In the account `default` a zone is a unit of its own, and its name follows anyway.
    let others: Vec<&String> = units.iter().filter(|unit| !unit.starts_with("zone ")).collect();
    let of = match &others[..] {
        [] => String::new(),
        [unit] if units.len() == 1 => format!(" of {}", harmless(unit)),
        _ => format!(" of {} units", units.len()),
    };
    format!("{count}{of} changed ({})", listed(zones))
}

fn cost(cost: &Cost) -> String {
    let read = format!("{} read", counted(cost.files_read, "file"));
    let compiled = format!("{} compiled", counted(cost.zones_compiled, "zone"));
    match cost.sets_stored {
        0 => format!("{read}, {compiled}"),
        sets => format!("{read}, {compiled}, {} stored", counted(sets, "address set")),
    }
}

/// A span of microseconds.
fn span(us: u64) -> String {
    if us < 1_000_000 {
        format!("{}.{} ms", us / 1000, us % 1000 / 100)
    } else {
        format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000)
    }
}

/// What is held, and why. Where pins are told what only waits for them is told shortly.
pub(super) fn held(held: &Held, pins: &[PinTold], now: Moment, colour: bool) -> String {
    if held.why == Why::Pinned && !pins.is_empty() {
        return waiting(held, colour);
    }
    let since = Moment(held.since);
    let serving = if held.serving { "an earlier state is served" } else { "nothing of it is served" };
    let (unit, age) = (harmless(&held.unit), since.age(now));
    let held_as = match held.why {
        Why::Fault => "held  ",
        Why::Guard => "asks  ",
        Why::Pinned => "pinned",
    };
    let mut text = format!("{held_as}      {unit} since {since} ({age}): {serving}\n");
    if let Some(digest) = &held.digest {
        text.push_str(&format!("{INDENT}digest {}\n", harmless(digest)));
    }
    if !held.files.is_empty() {
        text.push_str(&format!("{INDENT}differs in {}\n", listed(&held.files)));
    }
    text + &problems(&held.problems, colour)
}

/// What is rolled back, and whose files say otherwise: that it is, is told already.
fn waiting(held: &Held, colour: bool) -> String {
    let serving = if held.serving { "an earlier state is served" } else { "nothing of it is served" };
    let mut text = format!("waits       {}: {serving}\n", harmless(&held.unit));
    if !held.files.is_empty() {
        text.push_str(&format!("{INDENT}differs in {}\n", listed(&held.files)));
    }
    let faults = held.problems.iter().filter(|problem| problem.code != PINNED);
    text + &problems(&faults.cloned().collect::<Vec<_>>(), colour)
}

/// Diagnostics, one after the other.
pub(super) fn problems(problems: &[Problem], colour: bool) -> String {
    problems.iter().map(|problem| render::text(problem, colour) + "\n").collect()
}

/// A report for programs.
pub(super) fn json(report: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(report).expect("plain data with texts as keys is always JSON");
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    fn change() -> Change {
        Change {
            generation: 1_795_270_001,
            outcome: Outcome::Published,
            took_us: 3_149,
            units: vec!["account acme".into()],
            zones: vec!["~shop.example.".into()],
            cost: Cost { files_read: 1, zones_compiled: 1, ..Cost::default() },
            ..Change::default()
        }
    }

    #[test]
    fn every_outcome_is_counted_by_its_word() {
        assert_eq!(Outcome::ALL.map(Outcome::as_str), crate::telemetry::changes::OUTCOMES);
    }

    #[test]
    fn a_change_fits_a_line() {
        assert_eq!(
            summary(&change()),
            "generation 1795270001: 1 zone of account acme changed (~shop.example.), 1 file read, 1 zone compiled, 3.1 ms"
        );
        let set = Change {
            zones: Vec::new(),
            cost: Cost { files_read: 1, sets_stored: 1, ..Cost::default() },
            took_us: 99,
            ..change()
        };
        assert_eq!(
            summary(&set),
            "generation 1795270001: account acme changed, 1 file read, 0 zones compiled, 1 address set stored, 0.0 ms"
        );
        let many = Change {
            units: vec!["account acme".into(), "zone z0.example.".into()],
            zones: (0..7).map(|zone| format!("+z{zone}.example.")).collect(),
            held: vec![Held::default()],
            took_us: 12_345_678,
            ..change()
        };
        assert_eq!(
            summary(&many),
            "generation 1795270001: 7 zones of 2 units changed (+z0.example., +z1.example., +z2.example., \
             +z3.example., +z4.example. and 2 more), 1 held, 1 file read, 1 zone compiled, 12.3 s"
        );
        let alone =
            Change { units: vec!["zone a.example.".into()], zones: vec!["-a.example.".into()], ..change() };
        assert!(summary(&alone).starts_with("generation 1795270001: 1 zone changed (-a.example.), "));
        let most = Change { zones: vec!["~a.".into(); 100], ..change() };
        assert!(
            summary(&most).starts_with("generation 1795270001: 100 zones or more of account acme changed (")
        );
    }

    #[test]
    fn what_changed_nothing_says_so() {
        let told = |outcome| summary(&Change { outcome, ..change() });
        assert!(told(Outcome::Unchanged).starts_with("nothing changed: generation 1795270001, 1 file read"));
        assert!(told(Outcome::Held).starts_with("nothing published: generation 1795270001 is served on, "));
        assert!(
            told(Outcome::Refused).starts_with("refused as a whole: generation 1795270001 is served on, ")
        );
    }

    #[test]
    fn what_waits_is_told_apart_from_what_is_held() {
        let pinned = Problem { severity: "error".into(), code: PINNED.into(), ..Problem::default() };
        let fault = Problem { code: "no-soa".into(), message: "none".into(), ..pinned.clone() };
        let waits = Held {
            unit: "account acme".into(),
            serving: true,
            why: Why::Pinned,
            files: vec!["zones/acme/a.zone".into()],
            problems: vec![pinned, fault],
            ..Held::default()
        };
        let told = |held: Vec<Held>| summary(&Change { held, ..change() });
        assert!(told(vec![waits.clone()]).contains("(~shop.example.), 1 waits, 1 file read"));
        let both = vec![waits.clone(), Held::default(), waits.clone()];
        assert!(told(both).contains("(~shop.example.), 1 held, 2 wait, 1 file read"));
        let now = Moment(1_795_356_131);
        let pin = |account: Option<&str>| PinTold {
            account: account.map(str::to_owned),
            generation: 7,
            since: now.0 - 60,
            reason: "out\u{7}age".into(),
        };
        let of_all = [pin(None), pin(Some("acme"))];
        assert_eq!(
            pins(&of_all, now),
            "pinned      everything since 2026-11-22 14:01:11Z (1 min), as generation 7 served it: out␇age\n\
             \x20           whatever the files say, until: portolan resume\n\
             pinned      account acme since 2026-11-22 14:01:11Z (1 min), as generation 7 served it: out␇age\n\
             \x20           whatever the files say, until: portolan resume --account acme\n"
        );
        assert_eq!(
            held(&waits, &of_all, now, false),
            "waits       account acme: an earlier state is served\n\
             \x20           differs in zones/acme/a.zone\n\
             error[no-soa]: none\n\n"
        );
        // A server that tells of no pins is older: what it tells is told.
        assert!(held(&waits, &[], now, false).contains("error[pinned]: "));
    }

    #[test]
    fn approvals_are_told_with_their_place() {
        let approval = ApprovalTold {
            unit: "account acme".into(),
            digest: "3067f35cb6992724c08ceeb66535f8d2".into(),
            by: "kim".into(),
            reason: "moved\naway".into(),
            place: None,
        };
        let place = Place::line(&"addrmaps/approvals.toml".into(), 3);
        let in_file = ApprovalTold { place: Some(place), ..approval.clone() };
        assert_eq!(
            approvals(&[approval, in_file]),
            "approved    account acme by kim: moved␊away\n\
             approved    account acme by kim: moved␊away (addrmaps/approvals.toml:3)\n"
        );
    }

    #[test]
    fn what_is_held_is_told_with_its_reason() {
        let problem = Problem {
            severity: "error".into(),
            code: "zone-in-two-maps".into(),
            file: "addrmaps/acme/a.toml".into(),
            line: 5,
            column: 10,
            length: 3,
            message: "zone a.example is in two enabled maps: eu and us".into(),
            excerpt: Some("zones = [\"a.example\"]".into()),
            ..Problem::default()
        };
        let mut one = Held {
            unit: "account acme".into(),
            since: 1_795_356_131,
            serving: true,
            files: vec!["addrmaps/acme/a.toml".into(), "addrmaps/acme/\u{1b}b.toml".into()],
            why: Why::Fault,
            digest: None,
            problems: vec![problem],
        };
        let now = Moment(1_795_356_131 + 190);
        assert_eq!(
            held(&one, &[], now, false),
            "held        account acme since 2026-11-22 14:02:11Z (3 min): an earlier state is served\n\
             \x20           differs in addrmaps/acme/a.toml, addrmaps/acme/␛b.toml\n\
             error[zone-in-two-maps]: zone a.example is in two enabled maps: eu and us\n\
             \x20--> addrmaps/acme/a.toml:5:10\n\
             \x20 |\n\
             5 | zones = [\"a.example\"]\n\
             \x20 |          ^^^\n\
             \n"
        );
        (one.serving, one.files, one.problems) = (false, Vec::new(), Vec::new());
        assert_eq!(
            held(&one, &[], now, false),
            "held        account acme since 2026-11-22 14:02:11Z (3 min): nothing of it is served\n"
        );
    }
}
