//! `diff` and `blame`: what generations answer differently, and which one changed an answer.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::args::{BlameOptions, DiffOptions};
use super::history::{files, line};
use super::moment::Moment;
use super::render::harmless;
use super::setup::Setup;
use super::told::{self, INDENT, counted};
use super::{ask, plan, print};
use crate::control::history::{Blame, Diff};
use crate::control::talk::{Reply, Request};

pub(super) fn diff(setup: &Setup, options: &DiffOptions) -> Result<ExitCode, String> {
    let request = Request::Diff { from: options.from, to: options.to };
    let Reply::Differs(diff) = ask::ask(setup, &request)? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    print(&if options.json { told::json(&diff) } else { differences(&diff) })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn blame(setup: &Setup, options: &BlameOptions) -> Result<ExitCode, String> {
    let request = Request::Blame { name: options.name.to_string(), rtype: options.rtype.to_string() };
    let Reply::Blamed(blame) = ask::ask(setup, &request)? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    print(&if options.json { told::json(&blame) } else { blamed(&blame, Moment::now()) })?;
    Ok(ExitCode::SUCCESS)
}

fn differences(diff: &Diff) -> String {
    let (from, to) = (diff.from, diff.to);
    if diff.files_changed == 0 && diff.zones_changed == 0 && diff.maps.is_empty() {
        return format!("generations {from} and {to} are the same\n");
    }
    let mut text = format!("from        {from}\nto          {to}\n");
    text.push_str(&files(&diff.files, diff.files_changed));
    let answers = if diff.zones_changed == 1 { "answers" } else { "answer" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "zones       {} {answers} differently", counted(diff.zones_changed, "zone"));
    for zone in &diff.zones {
        let _ = writeln!(text, "{INDENT}{}", signed(zone));
    }
    let more = diff.zones_changed.saturating_sub(diff.zones.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "{INDENT}and {more} more");
    }
    if !diff.maps.is_empty() {
        let _ = writeln!(text, "maps        {} changed", counted(diff.maps.len() as u64, "map"));
    }
    for map in &diff.maps {
        let _ = writeln!(text, "{INDENT}{}", signed(map));
    }
    text + &plan::changes(&diff.plan, false)
}

/// The sign set apart from what it is about.
fn signed(told: &str) -> String {
    told.split_at_checked(1).map_or_else(String::new, |(sign, name)| format!("{sign} {}", harmless(name)))
}

fn blamed(blame: &Blame, now: Moment) -> String {
    let mut text = format!("{} {}\n", harmless(&blame.name), harmless(&blame.rtype));
    let mut lines = |label: &str, lines: &[String]| {
        for (index, line) in lines.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:<12}{}", if index == 0 { label } else { "" }, harmless(line));
        }
    };
    lines("answer", &blame.answer);
    match &blame.before {
        Some(before) => {
            lines("before", before);
            lines("since", &[line(&blame.entry, now)]);
        }
        None => {
            let (oldest, at) = (blame.entry.generation, Moment(blame.entry.at));
            lines("since", &[format!("{oldest}  {at}, the oldest that is remembered, or before")]);
        }
    }
    if let Some(commit) = &blame.entry.commit {
        lines("commit", std::slice::from_ref(commit));
    }
    if let Some(place) = &blame.place {
        lines("at", &[place.to_string()]);
    }
    let changed: Vec<String> =
        blame.files.iter().map(|file| format!("{} {}", file.change, file.file)).collect();
    lines("files", &changed);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::history::FileTold;
    use crate::control::report::{Entry, Outcome, Trigger};
    use crate::model::Place;

    const NOW: Moment = Moment(1_795_356_131);

    fn file() -> FileTold {
        FileTold { change: "~".into(), file: "zones/acme/shop.example.zone".into(), ..FileTold::default() }
    }

    #[test]
    fn what_differs_is_listed() {
        let same = Diff { from: 7, to: 8, ..Diff::default() };
        assert_eq!(differences(&same), "generations 7 and 8 are the same\n");
        let diff = Diff {
            from: 7,
            to: 8,
            files_changed: 1,
            files: vec![file()],
            zones_changed: 3,
            zones: vec!["~shop.example.".into(), "-b.exam\u{7}ple.".into()],
            maps: vec!["+eu".into()],
            ..Diff::default()
        };
        assert_eq!(
            differences(&diff),
            "from        7\nto          8\n\
             files       1 file changed\n\
             \x20           ~ zones/acme/shop.example.zone\n\
             zones       3 zones answer differently\n\
             \x20           ~ shop.example.\n\
             \x20           - b.exam␇ple.\n\
             \x20           and 1 more\n\
             maps        1 map changed\n\
             \x20           + eu\n"
        );
    }

    #[test]
    fn who_changed_an_answer_is_told_with_file_line_and_commit() {
        let entry = Entry {
            generation: 1_795_356_000,
            at: 1_795_356_000,
            trigger: Trigger::Files,
            units: vec!["account acme".into()],
            outcome: Outcome::Published,
            commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            ..Entry::default()
        };
        let blame = Blame {
            name: "www.shop.example.".into(),
            rtype: "A".into(),
            answer: vec![
                "www.shop.example. 300 A 203.0.113.1".into(),
                "www.shop.example. 300 A 203.0.113.2".into(),
            ],
            before: Some(vec!["no data".into()]),
            entry: entry.clone(),
            place: Some(Place::line(&"zones/acme/shop.example.zone".into(), 12)),
            files: vec![file()],
        };
        assert_eq!(
            blamed(&blame, NOW),
            "www.shop.example. A\n\
             answer      www.shop.example. 300 A 203.0.113.1\n\
             \x20           www.shop.example. 300 A 203.0.113.2\n\
             before      no data\n\
             since       1795356000  2026-11-22 14:00:00Z (2 min ago), files: account acme changed, commit 0123456789ab\n\
             commit      0123456789abcdef0123456789abcdef01234567\n\
             at          zones/acme/shop.example.zone:12\n\
             files       ~ zones/acme/shop.example.zone\n"
        );
        let oldest = Blame {
            before: None,
            place: None,
            files: Vec::new(),
            entry: Entry { commit: None, ..entry },
            answer: vec!["NXDOMAIN".into()],
            ..blame
        };
        assert_eq!(
            blamed(&oldest, NOW),
            "www.shop.example. A\n\
             answer      NXDOMAIN\n\
             since       1795356000  2026-11-22 14:00:00Z, the oldest that is remembered, or before\n"
        );
    }
}
