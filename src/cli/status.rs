//! `status`: how the running server is.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::args::StatusOptions;
use super::moment::Moment;
use super::render::harmless;
use super::setup::Setup;
use super::told::{self, INDENT, counted, listed};
use super::{FOUND, ask, print};
use crate::control::Audit;
use crate::control::report::{Status, Trigger, Watching};
use crate::control::talk::{Reply, Request};

/// Most changes that are shown; `--json` has all that the server remembers.
const CHANGES: usize = 3;

pub(super) fn status(setup: &Setup, options: &StatusOptions) -> Result<ExitCode, String> {
    let Reply::Status(status) = ask::ask(setup, &Request::Status)? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    if options.json {
        print(&told::json(&status))?;
    } else {
        print(&text(&status, Moment::now(), super::coloured(&std::io::stdout())))?;
    }
    Ok(if is_fine(&status) { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

/// Whether there is nothing to look after.
fn is_fine(status: &Status) -> bool {
    let audited = status.audit.as_ref().is_none_or(|audit| audit.ok);
    audited
        && status.in_sync
        && status.state_error.is_none()
        && status.held.is_empty()
        && status.pins.is_empty()
        && status.problems.is_empty()
}

fn text(status: &Status, now: Moment, colour: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, status, now);
    for held in &status.held {
        text.push_str(&told::held(held, &status.pins, now, colour));
    }
    text.push_str(&told::problems(&status.problems, colour));
    let audit = status.audit.iter();
    text.extend(
        audit.flat_map(|audit| [&audit.problems, &audit.warnings]).map(|told| told::problems(told, colour)),
    );
    text
}

fn write(text: &mut String, status: &Status, now: Moment) -> std::fmt::Result {
    let up = Moment(status.started).age(now);
    writeln!(text, "portolan    {}, pid {}, up {up}", harmless(&status.version), status.pid)?;
    let published = Moment(status.published);
    writeln!(
        text,
        "generation  {}, published {published} ({} ago), content {}",
        status.generation,
        published.age(now),
        harmless(&status.content)
    )?;
    let faulty = match status.faulty_zones.len() {
        0 => String::new(),
        faulty => format!(" ({faulty} SERVFAIL)"),
    };
    let zones = counted(status.zones, "zone");
    let (accounts, names) = (counted(status.accounts, "account"), counted(status.names, "name"));
    writeln!(text, "serving     {accounts}, {zones}{faulty}, {names}, {}", counted(status.maps, "map"))?;
    if !status.faulty_zones.is_empty() {
        writeln!(text, "{INDENT}SERVFAIL: {}", listed(&status.faulty_zones))?;
    }
    let files = if status.in_sync { "as served" } else { "differ from what is served" };
    let watching = match status.watching {
        Watching::Events => "watched by events",
        Watching::Polling => "watched by polling",
        Watching::Off => "not watched: changes wait for a reload",
    };
    writeln!(text, "files       {files}; {watching}")?;
    if !status.being_written.is_empty() {
        writeln!(text, "{INDENT}being written: {}", listed(&status.being_written))?;
    }
    text.push_str(&told::pins(&status.pins, now));
    match &status.state_error {
        None => writeln!(text, "state       written")?,
        Some(error) => writeln!(text, "state       changes are refused: {}", harmless(error))?,
    }
    let minds = |audit: &&Audit| !audit.ok || !audit.warnings.is_empty();
    if let Some(audit) = status.audit.as_ref().filter(minds) {
        let found = match audit.ok {
            true => format!("{} asleep", counted(audit.warnings.len() as u64, "fault")),
            false => counted(audit.problems.len() as u64, "problem"),
        };
        let at = Moment(audit.at);
        writeln!(text, "audit       {at} ({} ago), generation {}: {found}", at.age(now), audit.generation)?;
    }
    for (index, change) in status.changes.iter().take(CHANGES).enumerate() {
        let label = if index == 0 { "changes     " } else { INDENT };
        let (at, by) = (Moment(change.at), trigger(change.trigger));
        writeln!(text, "{label}{at} ({} ago), {by}: {}", at.age(now), told::summary(change))?;
    }
    Ok(())
}

pub(super) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Start => "start",
        Trigger::Files => "files",
        Trigger::Reload => "reload",
        Trigger::Signal => "SIGHUP",
        Trigger::Approve => "approve",
        Trigger::Rollback => "rollback",
        Trigger::Resume => "resume",
        Trigger::Plan => "plan",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::report::{Change, Held, Outcome, PinTold, Problem};

    const NOW: Moment = Moment(1_795_356_131);

    fn fine() -> Status {
        Status {
            version: "0.1.0".into(),
            pid: 4711,
            started: NOW.0 - 7_500,
            generation: 1_795_270_000,
            content: "4f1c2a0d8e6b9357".into(),
            published: NOW.0 - 200,
            accounts: 4,
            zones: 12,
            names: 143,
            maps: 9,
            in_sync: true,
            watching: Watching::Events,
            ..Status::default()
        }
    }

    #[test]
    fn a_server_that_is_fine_takes_five_lines() {
        assert_eq!(
            text(&fine(), NOW, false),
            "portolan    0.1.0, pid 4711, up 2 h 5 min\n\
             generation  1795270000, published 2026-11-22 13:58:51Z (3 min ago), content 4f1c2a0d8e6b9357\n\
             serving     4 accounts, 12 zones, 143 names, 9 maps\n\
             files       as served; watched by events\n\
             state       written\n"
        );
        assert!(is_fine(&fine()));
    }

    #[test]
    fn a_pin_is_told_though_nothing_is_held() {
        let pin = PinTold { account: None, generation: 7, since: NOW.0 - 9, reason: "outage".into() };
        let status = Status { pins: vec![pin], ..fine() };
        let text = text(&status, NOW, false);
        assert!(
            text.contains(
                "files       as served; watched by events\n\
                 pinned      everything since 2026-11-22 14:02:02Z (9 s), as generation 7 served it: outage\n\
                 \x20           whatever the files say, until: portolan resume\n\
                 state       written\n"
            ),
            "{text}"
        );
        assert!(!is_fine(&status));
        // An older server knows nothing of it.
        let mut older = serde_json::to_value(&status).unwrap();
        older.as_object_mut().unwrap().remove("pins").unwrap();
        assert_eq!(serde_json::from_value::<Status>(older).unwrap(), fine());
    }

    #[test]
    fn an_audit_is_told_where_it_found_something() {
        let told =
            |code: &str| Problem { severity: "warning".into(), code: code.into(), ..Problem::default() };
        let audited = |audit: Audit| {
            let status = Status { audit: Some(Audit { at: NOW.0 - 60, generation: 7, ..audit }), ..fine() };
            let text = text(&status, NOW, false);
            (is_fine(&status), text.split_once("written\n").unwrap().1.to_owned())
        };
        assert_eq!(audited(Audit { ok: true, ..Audit::default() }), (true, String::new()));
        let sleeps = Audit { ok: true, warnings: vec![told("latent-fault")], ..Audit::default() };
        let (is_fine, text) = audited(sleeps);
        assert!(is_fine && text.contains("generation 7: 1 fault asleep\nwarning[latent-fault]: "), "{text}");
        let fails =
            Audit { problems: vec![told("audit-differs"), told("audit-differs")], ..Audit::default() };
        let (is_fine, text) = audited(fails);
        assert!(!is_fine && text.contains("generation 7: 2 problems\nwarning[audit-differs]: "), "{text}");
    }

    #[test]
    fn whatever_is_wrong_is_told() {
        let problem = |message: &str| Problem {
            severity: "error".into(),
            code: "immutable-map-lost".into(),
            message: message.into(),
            ..Problem::default()
        };
        let held = Held {
            unit: "account acme".into(),
            since: NOW.0 - 9,
            serving: true,
            problems: vec![problem("one")],
            ..Held::default()
        };
        let changes = [Outcome::Held, Outcome::Published, Outcome::Unchanged, Outcome::Unchanged];
        let change = |outcome| Change {
            at: NOW.0 - 9,
            trigger: Trigger::Files,
            outcome,
            generation: 1_795_270_000,
            took_us: 1_000,
            ..Change::default()
        };
        let status = Status {
            zones: 1,
            faulty_zones: vec!["b.example.".into()],
            in_sync: false,
            watching: Watching::Polling,
            being_written: vec!["zones/acme/\u{7}.zone".into()],
            state_error: Some("no space left on device".into()),
            held: vec![held],
            problems: vec![problem("two")],
            changes: changes.map(change).into(),
            ..fine()
        };
        assert_eq!(
            text(&status, NOW, false),
            "portolan    0.1.0, pid 4711, up 2 h 5 min\n\
             generation  1795270000, published 2026-11-22 13:58:51Z (3 min ago), content 4f1c2a0d8e6b9357\n\
             serving     4 accounts, 1 zone (1 SERVFAIL), 143 names, 9 maps\n\
             \x20           SERVFAIL: b.example.\n\
             files       differ from what is served; watched by polling\n\
             \x20           being written: zones/acme/␇.zone\n\
             state       changes are refused: no space left on device\n\
             changes     2026-11-22 14:02:02Z (9 s ago), files: nothing published: generation 1795270000 is served on, \
             0 files read, 0 zones compiled, 1.0 ms\n\
             \x20           2026-11-22 14:02:02Z (9 s ago), files: generation 1795270000: nothing changed, \
             0 files read, 0 zones compiled, 1.0 ms\n\
             \x20           2026-11-22 14:02:02Z (9 s ago), files: nothing changed: generation 1795270000, \
             0 files read, 0 zones compiled, 1.0 ms\n\
             held        account acme since 2026-11-22 14:02:02Z (9 s): an earlier state is served\n\
             error[immutable-map-lost]: one\n\n\
             error[immutable-map-lost]: two\n\n"
        );
        let faults: [fn(&mut Status, Status); 4] = [
            |status, from| status.in_sync = from.in_sync,
            |status, from| status.state_error = from.state_error,
            |status, from| status.held = from.held,
            |status, from| status.problems = from.problems,
        ];
        for fault in faults {
            let mut status_with_one = fine();
            fault(&mut status_with_one, status.clone());
            assert!(!is_fine(&status_with_one));
        }
    }
}
