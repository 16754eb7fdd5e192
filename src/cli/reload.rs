//! `reload`, `approve`, `rollback`, `resume` and `forget-map`: a change that the running server is told to make, and
//! what came of it.

use std::process::ExitCode;

use super::args::{ApproveOptions, ForgetMapOptions, ReloadOptions, ResumeOptions, RollbackOptions};
use super::moment::Moment;
use super::setup::Setup;
use super::{FOUND, ask, print, told};
use crate::control::report::{Change, Held, Outcome, Trigger, Why};
use crate::control::talk::{Reply, Request};

pub(super) fn reload(setup: &Setup, options: &ReloadOptions) -> Result<ExitCode, String> {
    let what = options.what.iter().map(|what| named(what)).collect::<Result<_, _>>()?;
    change(setup, &Request::Reload { what, without_state: options.without_state }, options.json)
}

pub(super) fn forget_map(setup: &Setup, options: &ForgetMapOptions) -> Result<ExitCode, String> {
    let (id, reason) = (options.id.clone(), reason(&options.reason)?);
    change(setup, &Request::ForgetMap { id, reason }, options.json)
}

pub(super) fn approve(setup: &Setup, options: &ApproveOptions) -> Result<ExitCode, String> {
    let (digests, by) = (options.digests.clone(), user());
    change(setup, &Request::Approve { digests, by, reason: reason(&options.reason)? }, options.json)
}

pub(super) fn rollback(setup: &Setup, options: &RollbackOptions) -> Result<ExitCode, String> {
    let (generation, account) = (options.generation, options.account.clone());
    let request = Request::Rollback { generation, account, by: user(), reason: reason(&options.reason)? };
    let Reply::Change(change) = ask::ask(setup, &request)? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    show(&change, options.json)?;
    Ok(if is_rolled_back(&change) { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

/// Whether what was asked for is served. Whatever files wait for a pin is what a rollback is for; what a fault or a guard
/// holds it is not.
fn is_rolled_back(change: &Change) -> bool {
    let waits = |held: &Held| held.why == Why::Pinned;
    change.outcome == Outcome::Published && change.held.iter().all(waits)
}

pub(super) fn resume(setup: &Setup, options: &ResumeOptions) -> Result<ExitCode, String> {
    change(setup, &Request::Resume { account: options.account.clone() }, options.json)
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("--reason is empty: say why, for whoever reads the history later".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// Who runs the command, as far as the environment says.
fn user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

fn change(setup: &Setup, request: &Request, json: bool) -> Result<ExitCode, String> {
    let Reply::Change(change) = ask::ask(setup, request)? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    show(&change, json)?;
    Ok(if is_served(&change) { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn show(change: &Change, json: bool) -> Result<(), String> {
    match json {
        true => print(&told::json(change)),
        false => print(&text(change, Moment::now(), super::coloured(&std::io::stdout()))),
    }
}

/// A zone as it is, a file by its absolute path: the server may work in another folder. What ends in a dot is a zone,
/// even with a slash in it (RFC 2317).
fn named(what: &str) -> Result<String, String> {
    let is_file = what.contains('/') || what.ends_with(".zone") || what.ends_with(".toml");
    if what.ends_with('.') || !is_file {
        return Ok(what.to_owned());
    }
    let path = std::path::absolute(what).map_err(|error| format!("cannot tell where {what} is: {error}"))?;
    path.into_os_string().into_string().map_err(|path| format!("not a path in UTF-8: {}", path.display()))
}

/// Whether everything that was asked for is served now.
fn is_served(change: &Change) -> bool {
    let left_out = change.problems.iter().any(|problem| problem.code == "being-written");
    matches!(change.outcome, Outcome::Published | Outcome::Unchanged) && change.held.is_empty() && !left_out
}

fn text(change: &Change, now: Moment, colour: bool) -> String {
    let mut text = told::summary(change) + "\n";
    if change.trigger != Trigger::Approve {
        text.push_str(&told::approvals(&change.approved));
    }
    text.push_str(&told::pins(&change.pins, now));
    for held in &change.held {
        text.push_str(&told::held(held, &change.pins, now, colour));
    }
    text + &told::problems(&change.problems, colour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::report::Problem;

    #[test]
    fn zones_stay_and_files_become_absolute() {
        let here = std::env::current_dir().unwrap();
        for zone in ["shop.example", "shop.example.", "0/25.2.0.192.in-addr.arpa."] {
            assert_eq!(named(zone).unwrap(), zone);
        }
        for file in ["zones/acme/a", "a.example.zone", "eu.toml"] {
            assert_eq!(named(file).unwrap(), here.join(file).to_str().unwrap());
        }
        assert_eq!(named("/srv/zones/a.zone").unwrap(), "/srv/zones/a.zone");
    }

    #[test]
    fn what_is_held_or_refused_is_not_served() {
        let change = |outcome, held| Change { outcome, held, ..Change::default() };
        assert!(is_served(&change(Outcome::Published, Vec::new())));
        assert!(is_served(&change(Outcome::Unchanged, Vec::new())));
        assert!(!is_served(&change(Outcome::Published, vec![Held::default()])));
        assert!(!is_served(&change(Outcome::Held, vec![Held::default()])));
        assert!(!is_served(&change(Outcome::Refused, Vec::new())));
        let open = Problem { code: "being-written".into(), ..Problem::default() };
        assert!(!is_served(&Change { problems: vec![open], ..Change::default() }));
    }

    #[test]
    fn the_reasons_follow_the_summary() {
        let problem = Problem {
            severity: "error".into(),
            code: "state-not-written".into(),
            message: "no space left on device".into(),
            hint: Some("make room, or use --without-state".into()),
            ..Problem::default()
        };
        let held = Held { unit: "account acme".into(), since: 1_795_356_131, ..Held::default() };
        let change = Change {
            outcome: Outcome::Refused,
            generation: 7,
            held: vec![held],
            problems: vec![problem],
            ..Change::default()
        };
        assert_eq!(
            text(&change, Moment(1_795_356_131), false),
            "refused as a whole: generation 7 is served on, 1 held, 0 files read, 0 zones compiled, 0.0 ms\n\
             held        account acme since 2026-11-22 14:02:11Z (0 s): nothing of it is served\n\
             error[state-not-written]: no space left on device\n\
             \x20 = help: make room, or use --without-state\n\n"
        );
    }
}
